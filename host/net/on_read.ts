// The `onread` option of sockets: what arrives goes into the user's buffer, and no "data" event tells of it.

import { checkFunction, refuseType } from "./errors.js";
import type { OnReadOptions } from "./options.js";

export class OnRead {
  /** Set while the user does not want to be called. */
  paused = false;
  readonly #callback: OnReadOptions["callback"];
  readonly #nextBuffer: (() => Uint8Array) | undefined;
  #buffer: Uint8Array;

  /** Throws ERR_INVALID_ARG_TYPE when the options are no buffer and no function. */
  constructor({ buffer, callback }: OnReadOptions) {
    checkFunction("options.onread.callback", callback);
    this.#callback = callback;
    this.#nextBuffer = typeof buffer === "function" ? buffer : undefined;
    this.#buffer = this.#checked(typeof buffer === "function" ? buffer() : buffer);
  }

  /** Bytes that the buffer has room for. */
  get room(): number {
    return this.#buffer.length;
  }

  /** Hands `data`, which fits the buffer, to `socket`'s user. */
  deliver(socket: object, data: Uint8Array): void {
    const buffer = this.#buffer;
    buffer.set(data);
    const goOn = this.#callback.call(socket, data.length, buffer);
    if (goOn === false) this.paused = true;
    if (this.#nextBuffer) this.#buffer = this.#checked(this.#nextBuffer());
  }

  #checked(buffer: unknown): Uint8Array {
    if (buffer instanceof Uint8Array && buffer.length > 0) return buffer;
    return refuseType(
      "options.onread.buffer",
      "a Uint8Array with room, or a function that gives one",
      buffer,
    );
  }
}
