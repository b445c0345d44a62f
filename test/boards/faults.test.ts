// What goes wrong on boards while connections are open, and that they survive it: scripts/boards/faults.mjs.

import { beforeAll, describe, expect, it } from "vitest";
import { BOARD_NAMES } from "../../host/emulator/boards.js";
import { type FaultResult, faultNames, runFaults } from "../../scripts/boards/faults.mjs";
import { ENGINES, toolsFor } from "../../scripts/firmware.mjs";
import { missingTools } from "../report/tools.js";

for (const board of BOARD_NAMES)
  for (const engine of ENGINES)
    describe.skipIf(missingTools(...toolsFor(board, engine)))(`${board} on ${engine} survives`, () => {
      let results: FaultResult[] = [];

      beforeAll(async () => {
        // Our C, drivers included, under AddressSanitizer and UndefinedBehaviorSanitizer where that is possible.
        results = await runFaults(board, engine, { sanitize: board.startsWith("linux") });
      }, 300_000);

      it.each(faultNames(board))("%s", (name) => {
        const result = results.find(({ fault }) => fault === name);
        expect(result, `${name} did not happen`).toBeDefined();
        expect(result?.ok, JSON.stringify(result)).toBe(true);
      });
    });
