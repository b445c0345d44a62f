import { beforeEach, describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { UnitCore } from "../core.js";

const DEBT = 60000;

let core: UnitCore;
let limit: ReturnType<typeof functionsOf>;

function functionsOf(unit: UnitCore) {
  return { ...unit.functions("lib/limit", "allow"), ...unit.functions("lib/clock", "advanceClock") };
}

function boot(now: number): void {
  core = new UnitCore({}, now);
  limit = functionsOf(core);
}

beforeEach(() => boot(0));

/** How many of `tries` are allowed now. */
function allowed(tries: number, interval: number, burst: number): number {
  let count = 0;
  for (let index = 0; index < tries; index++) if (limit.allow(DEBT, interval, burst)) count++;
  return count;
}

describe("allow", () => {
  test.each([
    // A debt of 0, 10, ... 500 is one that may be made larger: 51 at once.
    [10, 500, 51],
    [10, 499, 50],
    [1000, 0, 1],
    [1000, 999, 1],
    [1000, 1000, 2],
  ])("one in %i ms, %i ms at once: %i at once", (interval, burst, count) => {
    expect(allowed(200, interval, burst)).toBe(count);
    // A debt is paid to the millisecond.
    limit.advanceClock(interval * count - burst - 1);
    expect(allowed(10, interval, burst)).toBe(0);
    limit.advanceClock(interval * count - burst);
    expect(allowed(10, interval, burst)).toBe(1);
  });

  test.each([0, 1, 0x7fffffff, 0x80000000, 0xfffffff0])("at a clock of %i it is the same", (now) => {
    boot(now);
    core.view.setUint32(DEBT, now, true);
    expect(allowed(100, 10, 100)).toBe(11);
    limit.advanceClock((now + 50) >>> 0);
    expect(allowed(100, 10, 100)).toBe(5);
    limit.advanceClock((now + 100050) >>> 0);
    expect(allowed(100, 10, 100)).toBe(11);
  });

  // More than twice the burst ahead is no debt that this limit has made.
  test.each([12345678, 2 ** 24, 2 ** 31, 2 ** 32 - 211])("a debt noted %i ms ago is paid", (ago) => {
    boot(2 ** 31);
    core.view.setUint32(DEBT, (2 ** 31 - ago) >>> 0, true);
    expect(allowed(100, 10, 100)).toBe(11);
  });

  test("random attempts: never more than the burst and one in the interval", () => {
    const prng = new Prng(1);
    boot(prng.next());
    const times: number[] = [];
    let now = 0;
    let host = core.state.hostNow;
    for (let round = 0; round < 3000; round++) {
      const step = prng.chance(0.02) ? prng.below(3000) : prng.below(30);
      now += step;
      host = (host + step) >>> 0;
      limit.advanceClock(host);
      if (limit.allow(DEBT, 50, 400)) times.push(now);
    }
    expect(times.length).toBeGreaterThan(500);
    for (let last = 0; last < times.length; last++)
      for (let first = Math.max(0, last - 50); first <= last; first++) {
        const span = (times[last] as number) - (times[first] as number);
        expect(last - first + 1).toBeLessThanOrEqual(Math.floor((400 + span) / 50) + 1);
      }
  });
});
