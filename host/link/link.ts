// What carries frames between a host and the rest of the world, seen from the host. Frames wait in the link until
// the host takes them, and the host offers none before the link has room: so neither side ever calls into the other
// in the middle of its work.

export interface Link {
  /** Whether `send` would take a frame now. */
  readonly hasRoom: boolean;
  /** Sends a frame. The octets are the caller's: the link copies what it keeps. Without room the frame is lost. */
  send(frame: Uint8Array): void;
  /** Takes the next frame that arrived, or undefined. It is valid until the next call. */
  receive(): Uint8Array | undefined;
  /** The link calls this when a frame has arrived, and when there is room again after there was none. */
  onReady: () => void;
}
