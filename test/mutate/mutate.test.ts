// The mutation run itself, on a few mutants: it catches, and it catches nothing where nothing is changed.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { instrument } from "./points.js";

const COMMAND = fileURLToPath(new URL("../../scripts/mutate.mjs", import.meta.url));
/** Compiling both modules and running thirty mutants takes some twenty seconds. */
const BOUND_MS = 240_000;

function mutate(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], {
    encoding: "utf8",
    timeout: BOUND_MS,
  });
  return { status, output: `${stdout}${stderr}` };
}

/** The texts of all changes that a piece of source offers. */
function changes(body: string): string[] {
  const text = `export function f(a: u32, b: u32): u32 { ${body} }`;
  return instrument("assembly/tcp/f.ts", text, 1, new Set()).mutants.map(({ changed }) => changed);
}

test("a sample of mutants is caught, and none is where the core is unchanged", { timeout: BOUND_MS }, () => {
  const { output } = mutate("--sample", "30", "--seed", "7", "--prove");
  expect(output).toContain("unchanged core in place of 5 mutants: 0 caught");
  const [, mutants, caught] = /(\d+) mutants, (\d+) caught, [\d.]+ %\n$/.exec(output) ?? [];
  expect(Number(mutants)).toBe(30);
  // Thirty of two thousand, other ones after each change of the core: the share of all of them is for the whole run.
  expect(Number(caught), output).toBeGreaterThanOrEqual(0.7 * 30);
});

test("every change of the comparisons of sequence numbers is caught", { timeout: BOUND_MS }, () => {
  const { status, output } = mutate("--file", "assembly/tcp/seq.ts");
  expect(output).not.toContain("survives");
  expect(output).toMatch(/[1-9]\d* mutants, (\d+) caught, 100.0 %\n$/);
  expect(status).toBe(0);
});

test("a row of docs/rfc9293.md that is broken is noticed by its own test", { timeout: BOUND_MS }, () => {
  const { status, output } = mutate("--rows", "2", "--seed", "1");
  expect(output).toMatch(/2 rows broken, 2 noticed by their own tests\n$/);
  expect(status).toBe(0);
});

test("lines of UDP and DHCP that are broken are noticed by their own scripts", { timeout: BOUND_MS }, () => {
  const { status, output } = mutate("--services", "3", "--seed", "2");
  expect(output).toMatch(/^whole +GREEN /);
  expect(output).toMatch(/3 lines broken, 3 noticed by their own scripts\n$/);
  expect(status).toBe(0);
});

test("the changes of an expression, a condition, a statement", () => {
  const found = changes("return a < b ? a + 1 : 0;").sort();
  expect(found).toEqual(["0", "1", "2", "a - 1", "a <= b", "a >= b", "false for a < b", "true for a < b"]);
  expect(changes("f(a, b); return a;")).toEqual(["nothing"]);
  expect(changes("return min(a & b, a);").sort()).toEqual(["a | b", "max(a & b, a)"]);
  expect(changes("return load<u32>(a, 4) + offsetof<X>();")).toEqual(["load<u32>(a, 4) - offsetof<X>()"]);
});
