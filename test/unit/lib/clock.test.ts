import { beforeEach, describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { type State, UnitCore } from "../core.js";

const DAY = 86400000;
/** Longest step: above the 24 days of RFC 7323 section 5.5, and with the longest timer (2^24 ms) below half of 2^32. */
const LONGEST_MS = 0x7e000000;

let core: UnitCore;
let state: State;
let clock: ReturnType<typeof clockOf>;

function clockOf(unit: UnitCore) {
  return unit.functions("lib/clock", "advanceClock", "isDue", "isDueElseWake", "after", "wakeAt");
}

function boot(now: number): void {
  core = new UnitCore({}, now);
  state = core.state;
  clock = clockOf(core);
}

beforeEach(() => boot(1000));

test("the longest step leaves deadlines comparable, and outdates timestamps", () => {
  expect(LONGEST_MS).toBeGreaterThan(24 * DAY);
  expect(LONGEST_MS + 2 ** 24).toBeLessThan(2 ** 31);
});

describe("advanceClock", () => {
  test("goes with the host's clock", () => {
    clock.advanceClock(1001);
    clock.advanceClock(1001);
    clock.advanceClock(61001);
    expect(state.now).toBe(61001);
  });

  test.each([0, 0xffffffff, 0xfffffff0, 0x80000000, 0x7fffffff])("starts at %i and wraps", (start) => {
    boot(start);
    for (let step = 1; step <= 20; step++) {
      clock.advanceClock((start + step * 10) >>> 0);
      expect(state.now).toBe((start + step * 10) >>> 0);
    }
  });

  test.each([1, 2, 1000, 65535, 65536])(
    "a step back of %i ms is no time, and what follows counts again",
    (ms) => {
      boot(10_000_000);
      clock.advanceClock(10_000_000 - ms);
      expect(state.now).toBe(10_000_000);
      clock.advanceClock(10_000_000 - ms + 5);
      expect(state.now).toBe(10_000_005);
    },
  );

  test("a step back of more is a step forward, and never more than timers can compare", () => {
    boot(10_000_000);
    clock.advanceClock(10_000_000 - 65537);
    expect(state.now).toBe(10_000_000 + LONGEST_MS);
  });

  test.each([12, 13, 25, 30, 49])("a jump of %i days is at most 24 days and a bit, and not back", (days) => {
    clock.advanceClock((1000 + days * DAY) >>> 0);
    expect(state.now).toBe(1000 + Math.min(days * DAY, LONGEST_MS));
  });

  test("a deadline that was armed is due after every jump forward", () => {
    for (const jump of [5000, DAY, 25 * DAY, 49 * DAY]) {
      boot(1000);
      const deadline = clock.after(5000);
      expect(clock.isDue(deadline)).toBe(false);
      clock.advanceClock((1000 + jump) >>> 0);
      expect(clock.isDue(deadline), `${jump} ms`).toBe(true);
    }
  });

  test("random steps: the model is a sum", () => {
    const prng = new Prng(1);
    let host = prng.next();
    boot(host);
    let now = host;
    for (let round = 0; round < 5000; round++) {
      const step = prng.chance(0.2) ? -prng.below(65537) : prng.below(prng.chance(0.1) ? 2 ** 30 : 1000);
      host = (host + step) >>> 0;
      if (step > 0) now = (now + step) >>> 0;
      clock.advanceClock(host);
      expect(state.now).toBe(now);
    }
  });
});

describe("isDue", () => {
  test.each([1000, 0, 0xffffffff])("at, before and after the moment; clock at %i", (now) => {
    boot(now);
    expect(clock.isDue(now)).toBe(true);
    expect(clock.isDue((now - 1) >>> 0)).toBe(true);
    expect(clock.isDue((now + 1) >>> 0)).toBe(false);
    expect(clock.isDue((now + 2 ** 30) >>> 0)).toBe(false);
    expect(clock.isDue((now - 2 ** 30) >>> 0)).toBe(true);
  });
});

describe("the next timer", () => {
  test("none is armed at boot", () => {
    expect(state.timersArmed).toBe(0);
  });

  test("wakeAt keeps the earliest", () => {
    for (const [deadline, next] of [
      [9000, 9000],
      [7000, 7000],
      [8000, 7000],
      [7000, 7000],
      [1000, 1000],
    ] as const) {
      clock.wakeAt(deadline);
      expect([state.timersArmed, state.nextTimer]).toEqual([1, next]);
    }
  });

  test("what was noted when no timer was armed does not count", () => {
    state.nextTimer = 1;
    clock.wakeAt(5000);
    expect(state.nextTimer).toBe(5000);
  });

  test("the earliest across the wrap", () => {
    boot(0xffffff00);
    clock.wakeAt(0x100);
    clock.wakeAt(0xffffff80);
    clock.wakeAt(0x10);
    expect(state.nextTimer).toBe(0xffffff80);
  });

  test("after arms the deadline that it returns", () => {
    boot(0xfffffff0);
    expect(clock.after(0x20)).toBe(0x10);
    expect([state.timersArmed, state.nextTimer]).toEqual([1, 0x10]);
  });

  test("isDueElseWake arms only what is to come", () => {
    expect(clock.isDueElseWake(1000)).toBe(true);
    expect(clock.isDueElseWake(999)).toBe(true);
    expect(state.timersArmed).toBe(0);
    expect(clock.isDueElseWake(1001)).toBe(false);
    expect([state.timersArmed, state.nextTimer]).toEqual([1, 1001]);
  });
});
