// The throughput of the benchmarks: all bytes arrive, either way, and nothing of its networks stays.

import { execFileSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { missingTools, root } from "../report/tools.js";

interface Row {
  readonly name: string;
  readonly values: readonly string[];
}

const module = await import(/* @vite-ignore */ pathToFileURL(`${root}scripts/bench/throughput.mjs`).href);
const { throughputRows, THROUGHPUT_HEAD, THROUGHPUT_TOOLS } = module as {
  throughputRows: (engine: string, options: { rounds: number; bytes: number }) => Promise<Row[]>;
  THROUGHPUT_HEAD: readonly string[];
  THROUGHPUT_TOOLS: readonly string[];
};

const interfaces = () => execFileSync("ip", ["-br", "link"]).toString();

describe.skipIf(missingTools(...THROUGHPUT_TOOLS))("throughput beside the kernel's", () => {
  test("is that of 3 MB from the device and 3 MB to it", async () => {
    const before = interfaces();
    const rows = await throughputRows("v8", { rounds: 1, bytes: 3_000_000 });
    expect(rows.map(({ name }) => name)).toEqual([
      "Ferrule, v8",
      "the same application over the kernel, beside v8",
    ]);
    for (const { values } of rows) {
      expect(values).toHaveLength(THROUGHPUT_HEAD.length);
      for (const value of values) expect(Number(value)).toBeGreaterThan(0);
    }
    expect(interfaces()).toBe(before);
  });
});
