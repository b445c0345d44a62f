// Timestamps on the wire are in test/script; here are the clock's offset and PAWS, bit by bit.

import { describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { address, PEER, ports, UnitCore } from "../core.js";
import { arrive, PORTS } from "./stage.js";

const functionsOf = (unit: UnitCore) => ({
  ...unit.functions("tcp/timestamps", "clock", "check"),
  ...unit.functions("lib/clock", "advanceClock"),
});

describe("clock", () => {
  const SEED = Uint8Array.from({ length: 32 }, (_, index) => 200 - index);

  /** TSval for these ends. */
  function value(remote: string, key: number, now: number, seed = SEED): number {
    const core = new UnitCore({ seed }, now);
    Object.assign(core.segment, { remoteAddress: address(remote), ports: key });
    return functionsOf(core).clock();
  }

  test("goes by milliseconds, over the wrap, from an offset of these ends' own", () => {
    const start = value(PEER.address, PORTS, 0);
    for (const now of [1, 1000, 0x7fffffff, 0x80000000, 0xffffffff])
      expect((value(PEER.address, PORTS, now) - start) >>> 0).toBe(now);
  });

  test("other ends, and other seeds, have other offsets; every incarnation has the same", () => {
    const other = SEED.slice();
    other[24] = 0;
    const last = SEED.slice();
    last[31] = 0;
    const values = [
      value("10.0.0.2", ports(40000, 80), 5),
      value("10.0.0.3", ports(40000, 80), 5),
      value("10.0.0.2", ports(40001, 80), 5),
      value("10.0.0.2", ports(40000, 81), 5),
      value("10.0.0.2", ports(40000, 80), 5, other),
      value("10.0.0.2", ports(40000, 80), 5, last),
    ];
    expect(new Set(values).size).toBe(6);
    expect(value("10.0.0.2", ports(40000, 80), 5)).toBe(values[0]);
  });
});

describe("check (RFC 7323 section 5.3)", () => {
  const core = new UnitCore();
  const { check } = functionsOf(core);
  const TIMESTAMPS = core.agreed("TIMESTAMPS");
  const YEAR = 2 ** 31;

  function verdict(agreed: number, recent: number, ageMs: number, value?: number, flags = "A") {
    const options = value === undefined ? [] : [{ kind: "timestamps" as const, value, echo: 0 }];
    arrive(core, { flags, options });
    const before = core.counters();
    const good = check(agreed, recent, ageMs) as unknown as boolean;
    const after = core.counters();
    const moved = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
    return good ? "good" : moved("TCP_PAWS") ? "old" : moved("TCP_NO_TIMESTAMP") ? "none" : "uncounted";
  }

  test.each([
    [100, 100, "good"],
    [100, 101, "good"],
    [100, 99, "old"],
    [0, 0xffffffff, "old"],
    [0xffffffff, 0, "good"],
    [5, 5 + YEAR - 1, "good"],
    [5, 5 + YEAR, "old"],
  ])("TS.Recent %i and TSval %i: %s", (recent, value, wanted) => {
    expect(verdict(TIMESTAMPS, recent, 0, value)).toBe(wanted);
    // No agreement, no check; and resets are not checked (section 5.2).
    expect(verdict(core.agreed("ALL") ^ TIMESTAMPS, recent, 0, value)).toBe("good");
    expect(verdict(TIMESTAMPS, recent, 0, value, "R")).toBe("good");
    expect(verdict(core.agreed("ALL"), recent, 0, value)).toBe(wanted);
  });

  test("a segment without, where they were agreed", () => {
    expect(verdict(TIMESTAMPS, 0, 0)).toBe("none");
    expect(verdict(TIMESTAMPS, 0, 2 ** 31)).toBe("none");
    expect(verdict(TIMESTAMPS, 0, 0, undefined, "RA")).toBe("good");
    expect(verdict(0, 0, 0)).toBe("good");
  });

  test("after 24 days TS.Recent is no measure (section 5.5)", () => {
    const days = 24 * 86400000;
    expect(verdict(TIMESTAMPS, 100, days - 1, 99)).toBe("old");
    expect(verdict(TIMESTAMPS, 100, days, 99)).toBe("good");
    expect(verdict(TIMESTAMPS, 100, 0xffffffff, 99)).toBe("good");
  });

  test("random: older by the signed difference", () => {
    const prng = new Prng(1);
    for (let round = 0; round < 1000; round++) {
      const recent = prng.next();
      const step = prng.below(2 ** 31 - 1) * (prng.chance(0.5) ? 1 : -1);
      expect(verdict(TIMESTAMPS, recent, 0, (recent + step) >>> 0)).toBe(step < 0 ? "old" : "good");
    }
  });
});
