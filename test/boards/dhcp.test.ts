// Firmware that gets its address by DHCP and looks names up, on every emulated board and both engines, on each link:
// scripts/boards/dhcp.mjs. The servers are QEMU's, dnsmasq, and the gateway's own.

import { beforeAll, describe, expect, it } from "vitest";
import { BOARD_NAMES } from "../../host/emulator/boards.js";
import type { Check } from "../../scripts/boards/checks.mjs";
import { dhcpCheckNames, runDhcpChecks } from "../../scripts/boards/dhcp.mjs";
import { ENGINES, toolsFor } from "../../scripts/firmware.mjs";
import { missingTools } from "../report/tools.js";

for (const board of BOARD_NAMES)
  for (const engine of ENGINES)
    describe.skipIf(missingTools("namespaces", "dnsmasq", ...toolsFor(board, engine)))(
      `${board} on ${engine} by DHCP`,
      () => {
        let checks: Check[] = [];

        beforeAll(async () => {
          checks = await runDhcpChecks(board, engine);
        }, 300_000);

        it.each(dhcpCheckNames(board))("%s", (name) => {
          const check = checks.find((each) => each.check === name);
          expect(check, `no check ${name}`).toBeDefined();
          expect(check?.ok, JSON.stringify(check)).toBe(true);
        });

        it("no other check", () => {
          expect(checks.map(({ check }) => check).sort()).toEqual(dhcpCheckNames(board).sort());
        });
      },
    );
