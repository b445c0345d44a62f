// An Ethernet segment in memory. Every frame that one port sends arrives at all others, in order, at once.

import { FrameQueue } from "./frame_queue.js";
import type { Link } from "./link.js";

/** Looks at a frame that port number `from` sends; false drops it. The octets are valid during the call only. */
export type FrameFilter = (frame: Uint8Array, from: number) => boolean;

/** Frames that wait at a port, at most; a full port holds up those that send. */
const DEFAULT_CAPACITY = 1024;

export class Wire {
  /** Observes all frames, and drops those it returns false for. */
  filter: FrameFilter | undefined;
  /** Frames that the filter dropped. */
  dropped = 0;
  readonly #ports: WirePort[] = [];

  /** `capacity`: frames that wait at each port, 1 or more. */
  constructor(readonly capacity = DEFAULT_CAPACITY) {}

  /** Adds a port. Ports are numbered from 0 in the order they were added. */
  port(): Link {
    const port = new WirePort(this, this.#ports.length);
    this.#ports.push(port);
    return port;
  }

  /** Whether every port but `from` has room. */
  hasRoom(from: number): boolean {
    return this.#ports.every((port) => port.number === from || !port.queue.isFull);
  }

  /** Brings the frame to all ports but `from`. */
  carry(frame: Uint8Array, from: number): void {
    if (this.filter && !this.filter(frame, from)) {
      this.dropped++;
      return;
    }
    for (const port of this.#ports) if (port.number !== from) port.deliver(frame);
  }

  /** Port `number` is no longer full: whoever held back may send. */
  roomAgain(number: number): void {
    for (const port of this.#ports) if (port.number !== number) port.onReady();
  }
}

class WirePort implements Link {
  onReady: () => void = () => {};
  readonly queue: FrameQueue;

  constructor(
    readonly wire: Wire,
    readonly number: number,
  ) {
    this.queue = new FrameQueue(wire.capacity);
  }

  get hasRoom(): boolean {
    return this.wire.hasRoom(this.number);
  }

  send(frame: Uint8Array): void {
    this.wire.carry(frame, this.number);
  }

  receive(): Uint8Array | undefined {
    const wasFull = this.queue.isFull;
    const frame = this.queue.take();
    if (wasFull) this.wire.roomAgain(this.number);
    return frame;
  }

  deliver(frame: Uint8Array): void {
    if (this.queue.push(frame.slice()) && this.queue.length === 1) this.onReady();
  }
}
