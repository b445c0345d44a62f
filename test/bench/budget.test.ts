// The instructions of the device's work stay within bench/budget.json, and the check can fail.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { missingTools, root } from "../report/tools.js";

const WORKS = ["RX", "TX", "RR", "CONN", "TICK4", "TICK16"];

/** Both engines are compiled for it. */
const PATIENCE_MS = 240_000;

describe.skipIf(missingTools("riscv-gcc", "picolibc", "qemu-riscv", "wasm3"))(
  "instructions on rv32imc",
  () => {
    test(
      "are at most 2 % above the budget",
      async () => {
        const { stdout } = await promisify(execFile)(process.execPath, ["scripts/bench.mjs", "--check"], {
          cwd: root,
        });
        for (const engine of ["wasm3", "aot"])
          for (const work of WORKS)
            expect(stdout).toMatch(new RegExp(`^ok {4}${engine} rv32imc ${work}: [\\d.]+ of [\\d.]+$`, "m"));
      },
      PATIENCE_MS,
    );

    test(
      "above it are a failure that names them",
      async () => {
        const budget = JSON.parse(readFileSync(`${root}bench/budget.json`, "utf8"));
        budget.instructions["aot rv32imc"].RR = 100;
        const args = ["scripts/bench.mjs", "--check", "--budget", JSON.stringify(budget)];
        const failed = promisify(execFile)(process.execPath, args, { cwd: root });
        await expect(failed).rejects.toMatchObject({
          code: 1,
          stdout: expect.stringMatching(/^OVER {2}aot rv32imc RR/m),
        });
      },
      PATIENCE_MS,
    );
  },
);
