// What one event of /live says, as the page's script reads it. This file is compiled twice, for the server and for the
// browser, so it imports nothing.

/** Load that the device puts on a live stream: bytes per second, 0 for none, or as fast as it goes. */
export type Load = number | "full";

/** Of the connection that carries the stream. Fields that only the page's tables show are not named here. */
export interface SampledConnection {
  /** Their window, in bytes. */
  sndWnd: number;
  /** Bytes. */
  congestionWindow: number;
  inFlight: number;
  /** Milliseconds. */
  rttMs: number;
  rttVarMs: number;
  /** Wrap at 2^32. */
  bytesAcknowledged: number;
  bytesReceived: number;
  retransmits: number;
}

export interface Sample {
  /** Names the stream in `POST /live`. */
  id: string;
  /** When it was taken, in milliseconds of the device's clock. */
  at: number;
  load: Load;
  /** null when the connection has ended in the meantime. */
  connection: SampledConnection | null;
  /** Live streams. */
  streams: { used: number; of: number };
  /** Those that have moved, by name. */
  counters: Record<string, number>;
}

/** The last event of a stream that the device ends. */
export interface Ending {
  /** Why, in words for the visitor. */
  reason: string;
  /** When it makes sense to come back, in milliseconds. */
  retryMs: number;
}
