// The network of a QEMU, as a link: frames over a socket, each behind its length (4 octets, big-endian), as QEMU's netdev
// "socket" has them.

import type { Duplex } from "node:stream";
import type { Clock } from "../clock.js";
import { FrameQueue } from "../link/frame_queue.js";
import type { Link } from "../link/link.js";

const LENGTH_BYTES = 4;

/** QEMU's own limit. */
const LONGEST_FRAME = 65_536;

/** Frames that wait to be taken, at most: beyond, QEMU is left to wait. */
const CAPACITY = 1024;

/** Octets that wait for QEMU before the link is full: a board that does not take frames holds them up. */
const HIGH_WATER = 65_536;

/** Besides a frame's own octets on a wire: preamble, check sequence, gap. IEEE 802.3, clauses 3 and 4. */
const FRAME_OVERHEAD = 24;

/** How fast frames may go to the board. */
export interface Pace {
  readonly octetsPerMs: number;
  /** Octets that may go at once. */
  readonly burst: number;
  readonly clock: Clock;
}

export class QemuLink implements Link {
  onReady: () => void = () => {};
  /** Frames that were lost because QEMU has ended, or because they were empty. */
  lost = 0;
  readonly #socket: Duplex;
  readonly #queue = new FrameQueue(CAPACITY);
  readonly #pace: Pace | undefined;
  #rest: Buffer = Buffer.alloc(0);
  /** Octets that may go at once, at the moment `#creditAt`; below 0 none may. */
  #credit = 0;
  #creditAt = 0;
  #waits = false;

  /** `socket`: this process's end. Without `pace` it takes what QEMU takes. */
  constructor(socket: Duplex, pace?: Pace) {
    this.#socket = socket;
    this.#pace = pace;
    this.#credit = pace?.burst ?? 0;
    this.#creditAt = pace?.clock.now() ?? 0;
    socket.on("data", (data: Buffer) => this.#take(data));
    socket.on("drain", () => this.onReady());
    // QEMU has ended: its exit tells why.
    socket.on("error", () => {});
  }

  get hasRoom(): boolean {
    return !this.#waits && this.#socket.writableLength < HIGH_WATER;
  }

  send(frame: Uint8Array): void {
    // Of a frame without an octet QEMU's devices say that they took 0: it would give them nothing any more.
    if (frame.length === 0 || !this.#socket.writable) {
      this.lost++;
      return;
    }
    const message = Buffer.allocUnsafe(LENGTH_BYTES + frame.length);
    message.writeUInt32BE(frame.length, 0);
    message.set(frame, LENGTH_BYTES);
    this.#socket.write(message);
    if (this.#pace) this.#pay(frame.length + FRAME_OVERHEAD, this.#pace);
  }

  /** Takes from the credit; without any left, the link has no room until there is again. */
  #pay(octets: number, { octetsPerMs, burst, clock }: Pace): void {
    const now = clock.now();
    this.#credit = Math.min(burst, this.#credit + (now - this.#creditAt) * octetsPerMs) - octets;
    this.#creditAt = now;
    if (this.#credit > 0 || this.#waits) return;
    this.#waits = true;
    clock.after(Math.max(1, -this.#credit / octetsPerMs), () => {
      this.#waits = false;
      this.onReady();
    });
  }

  receive(): Uint8Array | undefined {
    const frame = this.#queue.take();
    // Half empty: QEMU may go on.
    if (this.#socket.isPaused() && this.#queue.length <= CAPACITY / 2) this.#resume();
    return frame;
  }

  #resume(): void {
    this.#socket.resume();
    this.#take(Buffer.alloc(0));
  }

  #take(data: Buffer): void {
    let rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    const wasEmpty = this.#queue.length === 0;
    while (rest.length >= LENGTH_BYTES && !this.#queue.isFull) {
      const length = rest.readUInt32BE(0);
      if (length > LONGEST_FRAME) {
        this.#socket.destroy();
        rest = Buffer.alloc(0);
        break;
      }
      if (rest.length < LENGTH_BYTES + length) break;
      // What was read stays as long as its frames do.
      this.#queue.push(rest.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
      rest = rest.subarray(LENGTH_BYTES + length);
    }
    this.#rest = rest;
    if (this.#queue.isFull) this.#socket.pause();
    if (wasEmpty && this.#queue.length > 0) this.onReady();
  }
}
