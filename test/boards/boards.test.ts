// Real firmware on every emulated board and both engines, with the Linux kernel as its TCP peer: scripts/boards/checks.mjs.

import { mkdirSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { BOARD_NAMES } from "../../host/emulator/boards.js";
import { type Check, runChecks } from "../../scripts/boards/checks.mjs";
import { TRAP_PATTERN, writeTrappingModule } from "../../scripts/boards/trapping.mjs";
import { ENGINES, toolsFor } from "../../scripts/firmware.mjs";
import { missingTools, root } from "../report/tools.js";

const FOLDER = `${root}build/boards`;

/** What every board is asked: names of checks. */
const CHECKS = [
  "ping",
  "bytes",
  "echo",
  "connections",
  "at-once",
  "measured",
  "lossy",
  "lossy-retransmits",
  "trap",
  "after-trap",
];

/** Less than the RAM that boards have for it: start-up code says no more when the stack has run into it. */
const STACK_MOST = 32 * 1024;

for (const board of BOARD_NAMES)
  for (const engine of ENGINES)
    describe.skipIf(missingTools("namespaces", "ping", "curl", "ab", ...toolsFor(board, engine)))(
      `${board} on ${engine}`,
      () => {
        let checks: Check[] = [];

        beforeAll(async () => {
          mkdirSync(FOLDER, { recursive: true });
          const trapping = `${FOLDER}/trapping.wasm`;
          await writeTrappingModule(trapping);
          checks = await runChecks(board, engine, { trapping, trapPattern: TRAP_PATTERN });
        }, 300_000);

        it.each(CHECKS)("%s", (name) => {
          const check = checks.find((each) => each.check === name);
          expect(check, `no check ${name}`).toBeDefined();
          expect(check?.ok, JSON.stringify(check)).toBe(true);
        });

        it("no other check, and a stack within its bounds", () => {
          expect(checks.map(({ check }) => check).sort()).toEqual([...CHECKS].sort());
          const { stackBytes } = checks.find(({ check }) => check === "measured") as Check;
          if (board.startsWith("linux")) return;
          expect(stackBytes).toBeGreaterThan(500);
          expect(stackBytes).toBeLessThan(STACK_MOST);
        });
      },
    );
