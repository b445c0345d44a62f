// A clock that stands still until it is told to go on: what happens at which time is the same in every run.

import type { Clock, Timer } from "../clock.js";

interface Entry {
  readonly at: number;
  readonly run: () => void;
}

/** Where virtual time begins, in milliseconds: five seconds before the core's 32-bit clock wraps. */
const START = 2 ** 32 - 5000;

/** Entries that may run at one and the same time before it counts as a loop. */
const STANDSTILL = 100_000;

export class VirtualClock implements Clock {
  #now: number;
  #runAtNow = 0;
  /** By time; among equals, in the order they were asked for. */
  readonly #entries: Entry[] = [];

  /** `start`: the first time, in milliseconds. */
  constructor(start = START) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Timer {
    const entry = { at: this.#now + ms, run };
    this.#entries.splice(this.#position(entry.at), 0, entry);
    return { cancel: () => this.#remove(entry) };
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  /** Runs the next entry, at its time, if that is at most `limit`; false when there was none. */
  step(limit = Number.POSITIVE_INFINITY): boolean {
    const entry = this.#entries[0];
    if (!entry || entry.at > limit) return false;
    this.#entries.shift();
    this.#runAtNow = entry.at === this.#now ? this.#runAtNow + 1 : 0;
    if (this.#runAtNow > STANDSTILL) throw new Error(`virtual time stands still at ${this.#now} ms`);
    this.#now = entry.at;
    entry.run();
    return true;
  }

  /** Lets `ms` milliseconds pass. */
  advance(ms: number): void {
    this.runUntil(() => false, ms);
  }

  /** Goes on until `done()`, for at most `ms` milliseconds; returns whether it was done. */
  runUntil(done: () => boolean, ms: number): boolean {
    const limit = this.#now + ms;
    while (!done()) if (!this.step(limit)) return this.#endAt(limit);
    return true;
  }

  /** As `runUntil`, and lets promises and streams have their turn after each step. */
  async settleUntil(done: () => boolean, ms: number): Promise<boolean> {
    const limit = this.#now + ms;
    await macrotask();
    while (!done()) {
      if (!this.step(limit)) return this.#endAt(limit);
      await macrotask();
    }
    return true;
  }

  /** As `advance`, and lets promises and streams have their turn after each step. */
  async settle(ms: number): Promise<void> {
    await this.settleUntil(() => false, ms);
  }

  #endAt(limit: number): false {
    this.#now = limit;
    return false;
  }

  /** The first place after all entries of time `at` or before. */
  #position(at: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] as Entry).at <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #remove(entry: Entry): void {
    const index = this.#entries.indexOf(entry);
    if (index >= 0) this.#entries.splice(index, 1);
  }
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
