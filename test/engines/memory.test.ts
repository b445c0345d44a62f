// The runtime's memory under AddressSanitizer: the arena by itself, and engines in arenas of every size.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { missingTools } from "../report/tools.js";
import { buildCheck, toolsFor } from "./build.js";

const run = promisify(execFile);

/** How long a program may take, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Runs a program; rejects with what it said when its status is not 0. Returns the numbers that it printed. */
async function numbers(program: string, ...args: string[]): Promise<number[]> {
  const { stdout } = await run(program, args, { timeout: PATIENCE_MS });
  return (stdout.match(/\d+/g) ?? []).map(Number);
}

test.skipIf(missingTools("gcc"))("blocks of an arena neither overlap nor get lost", async () => {
  const program = await buildCheck("arena_check");
  // With 64 blocks of up to 700 bytes: from hardly any room to plenty.
  const refused = await Promise.all(
    ["8", "100", "2000", "9999", "20000", "60000"].map(
      async (bytes) => (await numbers(program, bytes))[0] ?? -1,
    ),
  );
  expect(refused.slice(0, 4).every((count) => count > 1000)).toBe(true);
  expect(refused.at(-1)).toBe(0);
});

describe.each(["wasm3", "aot"] as const)("%s in arenas of every size", (engine) => {
  const reason = missingTools(...toolsFor(engine, "native"));

  test.skipIf(reason)("is refused, or works", async () => {
    const [refused, failed, enough] = await numbers(await buildCheck("open_check", engine));
    expect(refused).toBeGreaterThan(engine === "wasm3" ? 1000 : 100);
    expect(failed, "with everything compiled at open no call fails").toBe(0);
    expect(enough).toBeGreaterThan(1000);
  });
});

test.skipIf(missingTools(...toolsFor("wasm3", "native")))(
  "wasm3 in arenas of every size: compiled on use, calls may be refused",
  async () => {
    const [refused, failed, enough] = await numbers(await buildCheck("open_check", "wasm3"), "on-use");
    expect(refused).toBeGreaterThan(100);
    expect(failed).toBeGreaterThan(100);
    expect(enough).toBeGreaterThan(1000);
  },
);
