// The network of a QEMU, as a link: frames over a socket, each behind its length (4 octets, big-endian), as QEMU's netdev
// "socket" has them.

import type { Duplex } from "node:stream";
import { FrameQueue } from "../link/frame_queue.js";
import type { Link } from "../link/link.js";

const LENGTH_BYTES = 4;

/** QEMU's own limit. */
const LONGEST_FRAME = 65_536;

/** Frames that wait to be taken, at most: beyond, QEMU is left to wait. */
const CAPACITY = 1024;

/** Octets that wait for QEMU before the link is full: a board that does not take frames holds them up. */
const HIGH_WATER = 65_536;

export class QemuLink implements Link {
  onReady: () => void = () => {};
  /** Frames that were lost because QEMU has ended. */
  lost = 0;
  readonly #socket: Duplex;
  readonly #queue = new FrameQueue(CAPACITY);
  #rest: Buffer = Buffer.alloc(0);

  /** `socket`: this process's end. */
  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on("data", (data: Buffer) => this.#take(data));
    socket.on("drain", () => this.onReady());
    // QEMU has ended: its exit tells why.
    socket.on("error", () => {});
  }

  get hasRoom(): boolean {
    return this.#socket.writableLength < HIGH_WATER;
  }

  send(frame: Uint8Array): void {
    if (!this.#socket.writable) {
      this.lost++;
      return;
    }
    const message = Buffer.allocUnsafe(LENGTH_BYTES + frame.length);
    message.writeUInt32BE(frame.length, 0);
    message.set(frame, LENGTH_BYTES);
    this.#socket.write(message);
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
