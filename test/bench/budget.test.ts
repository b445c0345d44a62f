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
      "and so are bytes, by name",
      async () => {
        const bytes = {
          "state, a listener, bytes": 1_000_000,
          "heap, rv32imc, all": 1,
          "heap, rv32imc, stack": 1_000_000,
          "heap, rv32imc, nothing": 1_000_000,
        };
        const args = [
          "scripts/bench.mjs",
          "--check",
          "--budget",
          JSON.stringify({ instructions: {}, bytes }),
        ];
        const failed = promisify(execFile)(process.execPath, args, { cwd: root });
        const stdout = await failed.then(
          () => expect.fail("nothing was over the budget"),
          (error: { stdout: string }) => error.stdout,
        );
        expect(stdout.replace(/: .*/g, "").trim().split("\n")).toEqual([
          "ok    state, a listener, bytes",
          "OVER  heap, rv32imc, all",
          "ok    heap, rv32imc, stack",
          "OVER  heap, rv32imc, nothing",
        ]);
      },
      PATIENCE_MS,
    );

    test(
      "above it are a failure that names them",
      async () => {
        const { instructions } = JSON.parse(readFileSync(`${root}bench/budget.json`, "utf8"));
        const budget = { instructions: { "aot rv32imc": { ...instructions["aot rv32imc"], RR: 100 } } };
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
