import { beforeEach, describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { type Tcb, UnitCore } from "../core.js";

let core: UnitCore;
let at: number;
let t: Tcb;
let reassembly: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) => unit.functions("tcp/reassembly", "melt", "keep", "rangeAt");

beforeEach(() => boot(4));

function boot(reassemblyRanges: number): void {
  core = new UnitCore({ reassemblyRanges });
  at = core.functions("tcp/tcb", "allocate").allocate();
  t = core.tcb(at);
  reassembly = functionsOf(core);
}

/** The ranges as they stand behind the record, as pairs. */
function ranges(): [number, number][] {
  const first = at + core.constant("config", "CONNECTION_BYTES");
  const bytes = core.constant("config", "RANGE_BYTES");
  return Array.from({ length: t.ranges }, (_, index) => [
    core.view.getUint32(first + index * bytes, true),
    core.view.getUint32(first + index * bytes + 4, true),
  ]);
}

/** Data ahead of a hole, as `receive.text` notes it: whether it is kept. */
function arrive(start: number, end: number): boolean {
  const whole = reassembly.melt(at, start >>> 0, end >>> 0);
  return reassembly.keep(at, core.segment.seq, whole) as unknown as boolean;
}

describe("melt", () => {
  test("touches nothing in an empty list", () => {
    expect(reassembly.melt(at, 10, 20)).toBe(20);
    expect(core.segment.seq).toBe(10);
    expect(t.ranges).toBe(0);
  });

  test.each<[string, [number, number], [number, number]]>([
    ["ends where the range begins", [50, 100], [50, 200]],
    ["begins where the range ends", [200, 250], [100, 250]],
    ["overlaps its beginning", [50, 150], [50, 200]],
    ["overlaps its end", [150, 250], [100, 250]],
    ["lies inside", [120, 130], [100, 200]],
    ["is the same", [100, 200], [100, 200]],
    ["covers it", [50, 250], [50, 250]],
  ])("data that %s becomes one with it", (_what, [start, end], whole) => {
    arrive(100, 200);
    const meltedEnd = reassembly.melt(at, start, end);
    expect([core.segment.seq, meltedEnd]).toEqual(whole);
    expect(ranges()).toEqual([]);
  });

  test.each([
    [50, 99],
    [201, 250],
  ])("data of [%i, %i), an octet away, stays apart", (start, end) => {
    arrive(100, 200);
    expect(reassembly.melt(at, start, end)).toBe(end);
    expect(core.segment.seq).toBe(start);
    expect(ranges()).toEqual([[100, 200]]);
  });

  test("one segment closes the gaps between all ranges, in whatever order they stand", () => {
    for (const order of [
      [10, 30, 50, 70],
      [70, 50, 30, 10],
      [50, 10, 70, 30],
      [30, 70, 10, 50],
    ]) {
      boot(4);
      for (const start of order) arrive(start, start + 10);
      expect(t.ranges).toBe(4);
      expect(reassembly.melt(at, 15, 75)).toBe(80);
      expect(core.segment.seq).toBe(10);
      expect(t.ranges).toBe(0);
    }
  });
});

describe("keep", () => {
  test("counts, up to the configured number", () => {
    for (const start of [10, 30, 50, 70]) expect(arrive(start, start + 10)).toBe(true);
    expect(arrive(90, 100)).toBe(false);
    expect([t.ranges, t.outOfOrder]).toEqual([4, 4]);
    expect(core.counters()).toEqual({ TCP_OUT_OF_ORDER: 4, TCP_RANGES_FULL: 1 });
    // What touches a range needs no new one.
    expect(arrive(80, 85)).toBe(true);
    expect(t.ranges).toBe(4);
  });

  test("none at all when none is configured", () => {
    boot(0);
    expect(arrive(10, 20)).toBe(false);
    expect(core.counters()).toEqual({ TCP_RANGES_FULL: 1 });
  });

  test("the last range does not reach into the next record", () => {
    boot(31);
    const next = core.functions("tcp/tcb", "connectionAt").connectionAt(1);
    const before = core.memory.slice(next, next + 192);
    for (let index = 0; index < 31; index++) expect(arrive(index * 20, index * 20 + 10)).toBe(true);
    expect(ranges()[30]).toEqual([600, 610]);
    expect(core.memory.slice(next, next + 192)).toEqual(before);
  });
});

describe("rangeAt", () => {
  test("ranges stand behind the record, eight octets each, the one that changed last at the end", () => {
    for (const start of [10, 30, 50]) arrive(start, start + 10);
    arrive(20, 22);
    const at0 = at + core.constant("config", "CONNECTION_BYTES");
    expect([0, 1, 2].map((index) => reassembly.rangeAt(at, index) - at0)).toEqual([0, 8, 16]);
    expect(ranges()[2]).toEqual([10, 22]);
  });
});

test.each([
  [
    [15, 25],
    [15, 20],
  ],
  [
    [5, 15],
    [10, 15],
  ],
  [
    [5, 25],
    [10, 20],
  ],
  [
    [12, 14],
    [12, 14],
  ],
  [[20, 25], undefined],
  [[5, 10], undefined],
] as const)("data of %j over [10, 20): what came twice is noted", ([start, end], twice) => {
  arrive(10, 20);
  reassembly.melt(at, start, end);
  const { duplicateOf, duplicateStart, duplicateEnd } = core.segment;
  expect(duplicateOf).toBe(twice ? at : 0);
  if (twice) expect([duplicateStart, duplicateEnd]).toEqual(twice);
});

/** Runs of a set of octets, as offsets. */
function runsOf(held: Set<number>, limit: number): [number, number][] {
  const runs: [number, number][] = [];
  for (let octet = 0; octet <= limit; octet++) {
    const last = runs[runs.length - 1];
    if (!held.has(octet)) continue;
    if (last && last[1] === octet) last[1]++;
    else runs.push([octet, octet + 1]);
  }
  return runs;
}

test.each([
  ["in the middle", 1000000],
  ["at zero", 0],
  ["across the end of the sequence space", 2 ** 32 - 60],
  ["across its middle", 2 ** 31 - 60],
])("random data against a set of octets, %s", (_where, base) => {
  const prng = new Prng(base >>> 0);
  for (let game = 0; game < 150; game++) {
    boot(1 + prng.below(6));
    const held = new Set<number>();
    for (let round = 0; round < 30; round++) {
      const start = prng.below(120);
      const end = start + 1 + prng.below(prng.chance(0.2) ? 60 : 12);
      const after = new Set(held);
      for (let octet = start; octet < end; octet++) after.add(octet);
      if (arrive(base + start, base + end)) {
        held.clear();
        for (const octet of after) held.add(octet);
      } else {
        // Refused only when there would be one run too many; then nothing changes.
        expect(runsOf(after, 200).length).toBeGreaterThan(t.ranges);
      }
      const wanted = runsOf(held, 200).map(([from, to]) => [(base + from) >>> 0, (base + to) >>> 0]);
      const byOffset = (a: number[], b: number[]) =>
        (((a[0] as number) - base) >>> 0) - (((b[0] as number) - base) >>> 0);
      expect(ranges().sort(byOffset)).toEqual(wanted);
    }
  }
});
