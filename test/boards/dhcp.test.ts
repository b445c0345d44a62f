// Firmware that gets its address by DHCP and looks names up, on every emulated board and both engines, on each link:
// scripts/boards/dhcp.mjs. The servers are QEMU's, dnsmasq, and the gateway's own.

import { beforeAll, describe, expect, it } from "vitest";
import { BOARD_NAMES } from "../../host/emulator/boards.js";
import type { Check } from "../../scripts/boards/checks.mjs";
import { dhcpCheckNames, runDhcpChecks } from "../../scripts/boards/dhcp.mjs";
import { ENGINES, toolsFor } from "../../scripts/firmware.mjs";
import { missingTools } from "../report/tools.js";

for (const board of BOARD_NAMES)
  describe.skipIf(missingTools("namespaces", "dnsmasq", "ping", ...toolsFor(board, "wasm3")))(
    `${board} by DHCP`,
    () => {
      const checks = new Map<string, Check[]>();

      // Both at once: most of the time they wait.
      beforeAll(async () => {
        await Promise.all(
          ENGINES.map(async (engine) => checks.set(engine, await runDhcpChecks(board, engine))),
        );
      }, 300_000);

      describe.each(ENGINES)("on %s", (engine) => {
        it.each(dhcpCheckNames(board))("%s", (name) => {
          const check = checks.get(engine)?.find((each) => each.check === name);
          expect(check, `no check ${name}`).toBeDefined();
          expect(check?.ok, JSON.stringify(check)).toBe(true);
        });

        it("no other check", () => {
          const names = checks.get(engine)?.map(({ check }) => check);
          expect(names?.sort()).toEqual(dhcpCheckNames(board).sort());
        });
      });
    },
  );
