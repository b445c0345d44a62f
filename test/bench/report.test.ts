// The results say out loud what was not measured.

import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { root } from "../report/tools.js";

interface Report {
  readonly text: string;
  readonly missing: readonly string[];
}

const { reportOf } = (await import(
  /* @vite-ignore */ pathToFileURL(`${root}scripts/bench/report.mjs`).href
)) as { reportOf: (parts: Record<string, unknown>) => Report };

const counts = { RX: 1000.4, TX: 2, RR: 3, CONN: 4, TICK4: 5, TICK16: 6 };

describe("the report of the benchmarks", () => {
  test("has a line for each row, in whole numbers", () => {
    const { text } = reportOf({ instructions: [{ name: "aot rv32imc", counts }] });
    expect(text).toContain("| aot rv32imc | 1,000 | 2 | 3 | 4 | 5 | 6 |\n");
  });

  test("says what was not measured, and why, in the table and at its end", () => {
    const { text, missing } = reportOf({
      instructions: [{ name: "aot rv32imc", counts }],
      peers: [{ name: "smoltcp", missing: "no cargo" }],
      versions: [],
    });
    expect(text).toMatch(/^\| smoltcp \| not measured \|/m);
    expect(missing).toContain("Beside other stacks, smoltcp: no cargo");
    expect(missing).not.toContain(expect.stringContaining("Instructions"));
    expect(text.split("## Not measured\n")[1]).toContain("- Beside other stacks, smoltcp: no cargo");
  });

  test("says so of a part that is not there at all", () => {
    const { text, missing } = reportOf({ versions: [] });
    expect(text).toContain("## Instructions\n");
    expect(missing).toContain("Instructions: this part was not run");
  });

  test("does not print what is no number", () => {
    const wrong = { ...counts, RX: Number.NaN };
    expect(() => reportOf({ instructions: [{ name: "aot", counts: wrong }] })).toThrow("no measurement");
    const { RX: _, ...incomplete } = counts;
    expect(() => reportOf({ instructions: [{ name: "aot", counts: incomplete }] })).toThrow("no measurement");
  });
});
