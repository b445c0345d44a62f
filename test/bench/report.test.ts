// The results say out loud what was not measured, and add up what was.

import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { root } from "../report/tools.js";

interface Report {
  readonly text: string;
  readonly missing: readonly string[];
}

const load = async (name: string) =>
  await import(/* @vite-ignore */ pathToFileURL(`${root}scripts/bench/${name}.mjs`).href);
const { reportOf } = (await load("report")) as { reportOf: (parts: Record<string, unknown>) => Report };
const { flashIn } = (await load("memory")) as { flashIn: (map: string) => Record<string, number> };

const head = ["RX", "TX"];
const aot = { name: "aot rv32imc", values: [1000.4, 2] };

describe("the report of the benchmarks", () => {
  test("has a line for each row, in whole numbers", () => {
    const { text } = reportOf({ instructions: { head, rows: [aot] } });
    expect(text).toContain("| | RX | TX |\n| --- | --- | --- |\n| aot rv32imc | 1,000 | 2 |\n");
  });

  test("says what was not measured, and why, in the table and at its end", () => {
    const { text, missing } = reportOf({
      instructions: { head, rows: [aot] },
      peers: { head, rows: [aot, { name: "smoltcp", missing: "no cargo" }] },
    });
    expect(text).toContain("| smoltcp | not measured | not measured |\n");
    expect(missing).toContain("Beside other stacks, smoltcp: no cargo");
    expect(missing.filter((line) => line.startsWith("Instructions"))).toEqual([]);
    expect(text.split("## Not measured\n")[1]).toContain("- Beside other stacks, smoltcp: no cargo");
  });

  test("says so of a part that is not there, or could not be", () => {
    const { text, missing } = reportOf({ throughput: { missing: "no namespaces" } });
    expect(text).toMatch(/^## Instructions$/m);
    expect(missing).toContain("Instructions: this part was not run");
    expect(missing).toContain("Throughput: no namespaces");
    expect(text).toContain("not measured: no namespaces\n");
  });

  test("says of each target whether it is met", () => {
    const head = ["RX", "TX"];
    const rows = [{ name: "aot rv32imc", values: [4500, 6301] }];
    const throughput = { head: ["from it"], rows: [{ name: "Ferrule, v8", values: ["0.149"] }] };
    const { text } = reportOf({ instructions: { head, rows }, throughput });
    expect(text).toContain("| instructions: aot rv32imc, RX | 6,000 | 4,500 | 4,500 | met, stretch too |\n");
    expect(text).toContain("| instructions: aot rv32imc, TX | 6,300 | 4,900 | 6,301 | missed |\n");
    expect(text).toContain("| instructions: aot rv32imc, RR | 3,600 | 3,000 | not measured |  |\n");
    expect(text).toContain("| throughput: Ferrule, v8, from it | 0.05 | 0.15 | 0.149 | met |\n");
  });

  test("refuses what is no measurement", () => {
    const report = (rows: unknown[]) => reportOf({ instructions: { head, rows } });
    expect(() => report([{ name: "aot", values: [Number.NaN, 2] }])).toThrow("no measurement");
    expect(() => report([{ name: "aot", values: [1] }])).toThrow("a value is missing");
    expect(() => report([])).toThrow("no row");
  });
});

describe("the size of flash", () => {
  const map = (lines: string) => `Discarded input sections\n\n .text.gone  0x0  0x64 a/core.c.o\n
Linker script and memory map\n${lines}`;

  test("is of what was linked, by part, without what stays in RAM or in the list alone", () => {
    const lines = [
      " .text.one      0x80000000       0x10 a/core.c.o",
      " .text.a_name_that_takes_a_line_of_its_own",
      "                0x80000010        0x8 a/core.c.o",
      " .rodata.two    0x80000018        0x4 a/m3_env.c.o",
      " .bss.three     0x80100000     0x4000 a/core.c.o",
      " .debug_info    0x00000000       0x99 a/core.c.o",
      " .text.four     0x8000001c       0x20 lib.a(printf.c.o)",
    ];
    expect(flashIn(map(lines.join("\n")))).toMatchObject({ "core.c": 24, wasm3: 4, module: 0, all: 28 });
  });

  test("of a list in another form is a fault", () => {
    expect(() => flashIn(map(""))).toThrow("not in the form");
  });
});
