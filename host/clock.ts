// Time, as a host is given it: the real clock here, the virtual one in sim/clock.ts. Nothing else in the host asks
// what time it is or starts a timer.

/** A pending call; cancelling it twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since some fixed moment, with fractions; never goes back. */
  now(): number;
  /** Unix time of that moment in milliseconds; missing where time is not real. */
  readonly epochMs?: number;
  /** Calls `run` once, `ms` milliseconds (0 or more, fractions allowed) from now. */
  after(ms: number, run: () => void): Timer;
  /** Calls `run` soon, after everything that is ready now had its turn. */
  soon(run: () => void): void;
}

/** The machine's monotonic clock and Node's timers. A timer may come up to a millisecond early or any time late. */
export const realClock: Clock = {
  now: () => performance.now(),
  epochMs: performance.timeOrigin,
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
  soon(run) {
    setImmediate(run);
  },
};
