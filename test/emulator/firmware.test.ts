// scripts/firmware.mjs as a command: what it says when it cannot build.

import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { missingTools, root } from "../report/tools.js";

const USAGE = "usage: node scripts/firmware.mjs qemu-riscv|";

describe.skipIf(missingTools("gcc"))("scripts/firmware.mjs", () => {
  test.each([
    [["linux-w5500"], USAGE],
    [["arduino", "aot"], USAGE],
    [["linux-w5500", "aot", "--connections", "4"], USAGE],
    [["linux-w5500", "aot", "--module", "nowhere.wasm"], "nowhere.wasm is not there: npm run build"],
    [["linux-w5500", "aot", "--module", "README.md"], "wasm2c failed"],
  ])("%j", (args, text) => {
    const { status, stderr } = spawnSync(process.execPath, ["scripts/firmware.mjs", ...args], {
      cwd: root,
      encoding: "utf8",
    });
    expect(status).toBe(1);
    expect(stderr).toContain(text);
    // A stack is for whoever mends a bug.
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});
