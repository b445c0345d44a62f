// Many requests over keep-alive connections leave no more memory in use than a few: measured in a process of its own.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const ROOT = new URL("../../", import.meta.url);

/** How much more memory may be in use at the late mark than at the early one, as a ratio. */
const FLAT = 1.25;

interface Mark {
  readonly at: number;
  readonly heapUsed: number;
  readonly external: number;
}

interface Report {
  readonly requests: number;
  readonly answered: number;
  readonly failed: number;
  /** Connections that were open at the end. */
  readonly opened: number;
  readonly seconds: number;
  readonly marks: readonly [Mark, Mark];
}

async function load(...args: string[]): Promise<Report> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--expose-gc", "scripts/http_load.mjs", ...args],
    { cwd: ROOT, timeout: 55_000 },
  );
  return JSON.parse(stdout);
}

function growth({ marks: [early, late] }: Report, kind: "heapUsed" | "external"): number {
  return late[kind] / early[kind];
}

test("100,000 requests over 16 connections, all answered, in flat memory", async () => {
  const report = await load("100000", "16");
  const { requests, answered, failed, opened, seconds, marks } = report;
  console.log(`${answered} requests, ${opened} connections, ${seconds.toFixed(1)} s:`, JSON.stringify(marks));
  expect({ requests, answered, failed, opened }).toEqual({
    requests: 100_000,
    answered: 100_000,
    failed: 0,
    opened: 16,
  });
  expect(marks.map(({ at }) => at >= 20_000)).toEqual([true, true]);
  expect(growth(report, "heapUsed")).toBeLessThan(FLAT);
  expect(growth(report, "external")).toBeLessThan(FLAT);
});

test("the measure sees memory that is kept", async () => {
  const report = await load("8000", "16", "leak");
  expect(growth(report, "heapUsed")).toBeGreaterThan(1.5 * FLAT);
});
