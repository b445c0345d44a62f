// Time of an emulated board, as its executed cycles make it, and all that is to happen at a time of it: the
// microcontroller's alarms, the chip's, and the host's, in one order. The processor runs between them. Nothing moves but by
// `step` and what is built on it, so that runs repeat exactly.

import type { ChipClock } from "../chips/chip.js";
import type { Clock, Timer } from "../clock.js";

/** What a board's time is made of. */
export interface Processor {
  /** It waits for an interrupt, or has ended: time passes without it. */
  readonly isIdle: boolean;
  /** Cycles executed so far. */
  readonly cycles: number;
  /** Executes instructions until `cycles` has reached the clock's `limitCycles`, it is idle, or some thousands are done. */
  run(): void;
  /** An entry of the board's own failed. */
  fail(error: unknown): void;
}

/** Nanoseconds of a cycle before anybody says otherwise: 125 MHz. */
const DEFAULT_CYCLE_NS = 8;

/** Entries that may run at one and the same time before it counts as a loop. */
const STANDSTILL = 100_000;

/** Longest time between two looks at `done`, in milliseconds. */
const LOOK_MS = 1;

const NS_PER_MS = 1e6;

export class BoardClock implements Clock, ChipClock {
  /** The processor stops when it has executed so many cycles. */
  limitCycles = 0;
  /** Called when something was entered that comes before all others. */
  onSooner: () => void = () => {};
  #processor: Processor | undefined;
  /** The time was `#baseNs` when the processor had executed `#baseCycles`. */
  #baseNs = 0;
  #baseCycles = 0;
  #cycleNs = DEFAULT_CYCLE_NS;
  #idleNs = 0;
  #limitNs = 0;
  #first: Entry | undefined;
  /** An entry of the host's has run since this was last cleared. */
  #hostRan = false;

  /** Milliseconds since the board started. */
  now(): number {
    return this.nanos / NS_PER_MS;
  }

  nowNs(): number {
    return this.nanos;
  }

  /** As rp2040js calls it. */
  get nanos(): number {
    const cycles = this.#processor === undefined ? 0 : this.#processor.cycles - this.#baseCycles;
    return this.#baseNs + cycles * this.#cycleNs;
  }

  /** Nanoseconds during which the processor was idle. */
  get idleNs(): number {
    return this.#idleNs;
  }

  /** When the next entry is due, in nanoseconds; infinite when there is none. */
  get nextNs(): number {
    return this.#first?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Whether the processor is idle, or there is none. */
  get isIdle(): boolean {
    return this.#processor?.isIdle ?? true;
  }

  after(ms: number, run: () => void): Timer {
    const entry = new Entry(this, run, true);
    entry.schedule(ms * NS_PER_MS);
    return entry;
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  afterNs(ns: number, run: () => void): Timer {
    const entry = this.createAlarm(run);
    entry.schedule(ns);
    return entry;
  }

  /** An entry of the board's own that can be scheduled again and again. */
  createAlarm(run: () => void): Entry {
    return new Entry(this, run, false);
  }

  /** Lets `processor` make the time from now on. */
  drive(processor: Processor): void {
    this.#baseNs = this.nanos;
    this.#processor = processor;
    this.#baseCycles = processor.cycles;
  }

  /** A cycle takes `ns` from now on. */
  setCycleNs(ns: number): void {
    this.#rebase(this.nanos);
    this.#cycleNs = ns;
    this.#setLimit(this.#limitNs);
  }

  /**
   * Goes on until the next entry is due, and runs it; or until the time `limitNs`; or for some thousands of instructions,
   * whichever is first. False when the time was `limitNs` or later already, and nothing was due.
   */
  step(limitNs = Number.POSITIVE_INFINITY): boolean {
    const processor = this.#processor;
    const target = Math.min(this.nextNs, limitNs);
    if (target === Number.POSITIVE_INFINITY && this.isIdle) return false;
    if (this.nanos >= target) return this.#runDue() > 0;
    if (processor && !processor.isIdle) {
      this.#setLimit(target);
      processor.run();
      this.#setLimit(0);
    }
    // What it did may be due before the target.
    const next = Math.min(this.nextNs, limitNs);
    if (this.isIdle && this.nanos < next) {
      if (next === Number.POSITIVE_INFINITY) return true;
      this.#idleNs += next - this.nanos;
      this.#rebase(next);
    }
    this.#runDue();
    return true;
  }

  /** Lets `ms` milliseconds pass. */
  advance(ms: number): void {
    this.runUntil(() => false, ms);
  }

  /** Goes on until `done()`, for at most `ms` milliseconds; returns whether it was done. */
  runUntil(done: () => boolean, ms: number): boolean {
    const limit = this.nanos + ms * NS_PER_MS;
    while (!done()) if (!this.#advanceTo(limit)) return done();
    return true;
  }

  /** As `runUntil`, and lets promises and streams have their turn after each step of the host's, and each millisecond. */
  async settleUntil(done: () => boolean, ms: number): Promise<boolean> {
    const limit = this.nanos + ms * NS_PER_MS;
    await macrotask();
    while (!done()) {
      if (!this.#advanceTo(limit)) return done();
      await macrotask();
    }
    return true;
  }

  /** As `advance`, and lets promises and streams have their turn. */
  async settle(ms: number): Promise<void> {
    await this.settleUntil(() => false, ms);
  }

  /** For Entry. */
  insert(entry: Entry): void {
    let before: Entry | undefined;
    let next = this.#first;
    while (next !== undefined && next.at <= entry.at) {
      before = next;
      next = next.next;
    }
    entry.next = next;
    if (before) {
      before.next = entry;
      return;
    }
    this.#first = entry;
    if (entry.at < this.#limitNs) this.#setLimit(entry.at);
    this.onSooner();
  }

  /** For Entry. */
  remove(entry: Entry): void {
    let before: Entry | undefined;
    let at = this.#first;
    while (at !== undefined && at !== entry) {
      before = at;
      at = at.next;
    }
    if (at === undefined) return;
    if (before) before.next = entry.next;
    else this.#first = entry.next;
  }

  /** Goes on for at most a millisecond, and until the host had something to do. False at `limitNs`. */
  #advanceTo(limitNs: number): boolean {
    const lookNs = Math.min(limitNs, this.nanos + LOOK_MS * NS_PER_MS);
    this.#hostRan = false;
    while (!this.#hostRan && this.nanos < lookNs) this.step(this.isIdle ? limitNs : lookNs);
    return this.nanos < limitNs;
  }

  /** Runs all that is due now, in order; returns how many. */
  #runDue(): number {
    const now = this.nanos;
    let count = 0;
    for (let entry = this.#first; entry !== undefined && entry.at <= now; entry = this.#first) {
      this.#first = entry.next;
      entry.isScheduled = false;
      if (++count > STANDSTILL) throw new Error(`the board's time stands still at ${this.now()} ms`);
      if (entry.isHost) {
        this.#hostRan = true;
        entry.run();
      } else {
        this.#runOwn(entry);
      }
    }
    return count;
  }

  #runOwn(entry: Entry): void {
    try {
      entry.run();
    } catch (error) {
      if (!this.#processor) throw error;
      this.#processor.fail(error);
    }
  }

  #rebase(ns: number): void {
    this.#baseNs = ns;
    this.#baseCycles = this.#processor?.cycles ?? 0;
  }

  #setLimit(ns: number): void {
    this.#limitNs = ns;
    this.limitCycles = this.#baseCycles + (ns - this.#baseNs) / this.#cycleNs;
  }
}

/** Something that runs at a time, once for each `schedule`. */
export class Entry implements Timer {
  at = 0;
  next: Entry | undefined;
  isScheduled = false;

  constructor(
    readonly clock: BoardClock,
    readonly run: () => void,
    readonly isHost: boolean,
  ) {}

  /** Runs it `ns` nanoseconds from now, and not when it was to run before. */
  schedule(ns: number): void {
    if (this.isScheduled) this.clock.remove(this);
    this.at = this.clock.nanos + ns;
    this.isScheduled = true;
    this.clock.insert(this);
  }

  cancel(): void {
    if (this.isScheduled) this.clock.remove(this);
    this.isScheduled = false;
  }
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
