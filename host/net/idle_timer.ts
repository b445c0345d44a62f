// Tells when nothing has happened for a while.

import type { Clock, Timer } from "../clock.js";

export class IdleTimer {
  readonly #clock: Clock;
  readonly #onIdle: () => void;
  #ms = 0;
  #lastActivity = 0;
  #timer: Timer | undefined;
  /** When the timer fires, in milliseconds of the clock. */
  #firesAt = 0;

  constructor(clock: Clock, onIdle: () => void) {
    this.#clock = clock;
    this.#onIdle = onIdle;
  }

  /** Calls `onIdle` when `ms` milliseconds have passed without activity, and again after each that follows; 0: never. */
  start(ms: number): void {
    this.#ms = ms;
    this.#lastActivity = this.#clock.now();
    if (ms > 0) this.#arm();
    else this.#cancel();
  }

  stop(): void {
    this.start(0);
  }

  /** Something happened. */
  active(): void {
    if (this.#ms === 0) return;
    this.#lastActivity = this.#clock.now();
    if (!this.#timer) this.#arm();
  }

  /** Activity does not move the timer: when it fires, it looks how long it has really been idle. */
  #arm(): void {
    const at = this.#lastActivity + this.#ms;
    if (this.#timer && this.#firesAt <= at) return;
    this.#cancel();
    this.#firesAt = at;
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => {
      this.#timer = undefined;
      if (this.#lastActivity + this.#ms <= this.#clock.now()) this.#onIdle();
      else this.#arm();
    });
  }

  #cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
