// The benchmarks' figures of memory add up, and the work runs on Xtensa.

import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { missingTools, root } from "../report/tools.js";

const load = async (name: string) =>
  await import(/* @vite-ignore */ pathToFileURL(`${root}scripts/bench/${name}.mjs`).href);
const { stateRows, heapValues, HEAP_PARTS } = (await load("memory")) as {
  stateRows: () => Promise<[string, number][]>;
  heapValues: (target: string) => number[];
  HEAP_PARTS: readonly string[];
};
const { buildFerrule } = (await load("build")) as {
  buildFerrule: (engine: string, target: string) => string;
};
const { countsIn, linesFromQemu, numbersOf, WORKS } = (await load("count")) as {
  countsIn: (lines: readonly string[]) => Record<string, number>;
  linesFromQemu: (target: string, program: string) => string[];
  numbersOf: (lines: readonly string[], word: string) => number[];
  WORKS: readonly string[];
};

/** Everything is compiled for the target. */
const PATIENCE_MS = 120_000;

test("state grows by a connection's record and rings", async () => {
  const rows = new Map(await stateRows());
  const of = (pattern: RegExp) => {
    const name = [...rows.keys()].find((key) => pattern.test(key));
    return rows.get(name as string) as number;
  };
  expect(of(/^all, with 5/) - of(/^all, with 4/)).toBe(of(/^a connection, with two rings of 2048/));
  expect(of(/^a connection, with/) - 2 * 2048).toBe(of(/^a connection's record/));
  expect(of(/^a connection's record/)).toBeGreaterThan(100);
  for (const bytes of rows.values()) expect(bytes).toBeGreaterThan(0);
});

const XTENSA = ["xtensa-gcc", "picolibc-xtensa", "qemu-xtensa"];

// Not on rv32imc: budget.test.ts builds that, maybe at the same time.
describe.skipIf(missingTools("wasm3", ...XTENSA))("wasm3's heap", () => {
  test(
    "has parts that are all of it",
    () => {
      const values = heapValues("xtensa");
      const of = (part: string) => values[HEAP_PARTS.indexOf(part)] as number;
      expect(values.slice(0, -1).reduce((sum, bytes) => sum + bytes)).toBe(of("all"));
      for (const bytes of values) expect(bytes).toBeGreaterThan(0);
      // 2,048 bytes were asked for.
      expect(of("stack")).toBeGreaterThanOrEqual(2048);
      expect(of("stack")).toBeLessThan(2048 + 64);
      expect(of("compile")).toBeGreaterThan(of("parse"));
    },
    PATIENCE_MS,
  );
});

describe.skipIf(missingTools(...XTENSA))("on Xtensa", () => {
  test(
    "the work is done ahead of time, and takes instructions and stack",
    () => {
      const lines = linesFromQemu("xtensa", buildFerrule("aot", "xtensa"));
      expect(lines[0]).toMatch(/^wasm2c [\d.]+ lx106$/);
      const counts = countsIn(lines);
      for (const work of WORKS) expect(counts[work]).toBeGreaterThan(0);
      // A segment's checksum and copies alone are more; the wrong unit would be 25 times less.
      expect(counts.RX).toBeGreaterThan(1460);
      const [, boot, atWork] = numbersOf(lines, "STACK") as [number, number, number];
      expect(boot).toBeGreaterThan(0);
      expect(atWork).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );
});
