import { describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { UnitCore } from "../core.js";

const { lessThan, atMost, earlier, later, inWindow } = new UnitCore(null).functions(
  "tcp/seq",
  "lessThan",
  "atMost",
  "earlier",
  "later",
  "inWindow",
);

const EDGES = [0, 1, 2, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff];
/** How far two numbers of one connection may be apart. */
const REACH = [0, 1, 2, 1460, 65535, 2 ** 30, 2 ** 31 - 1];

describe("of a number and one that is `distance` further on", () => {
  test.each(REACH)("%i", (distance) => {
    const prng = new Prng(distance);
    const starts = [...EDGES, ...Array.from({ length: 500 }, () => prng.next())];
    for (const a of starts) {
      const b = (a + distance) >>> 0;
      expect(lessThan(a, b)).toBe(distance > 0);
      expect(lessThan(b, a)).toBe(false);
      expect(atMost(a, b)).toBe(true);
      expect(atMost(b, a)).toBe(distance === 0);
      for (const pair of [
        [a, b],
        [b, a],
      ] as const) {
        expect(earlier(...pair)).toBe(a);
        expect(later(...pair)).toBe(b);
      }
    }
  });
});

describe("inWindow", () => {
  test.each([0, 1, 2, 1000, 65535, 2 ** 30])("of %i", (length) => {
    for (const start of EDGES) {
      for (const offset of [0, 1, 999, 65534, 65535, length - 1, length, length + 1, 2 ** 31, 2 ** 32 - 1]) {
        const wanted = offset >= 0 && offset < length;
        expect(inWindow((start + offset) >>> 0, start, length), `${start} + ${offset}`).toBe(wanted);
      }
    }
  });

  test("an empty window holds nothing, not even its edge", () => {
    for (const start of EDGES) expect(inWindow(start, start, 0)).toBe(false);
  });
});
