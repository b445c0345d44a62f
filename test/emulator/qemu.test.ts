// Firmware on boards in QEMU, against our own stack as the peer.

import { describe, expect, test } from "vitest";
import { sha256OfBytes } from "../../host/apps/reproducible_bytes.js";
import { QEMU_BOARDS } from "../../host/emulator/qemu.js";
import { ENGINES, toolsFor } from "../../scripts/firmware.mjs";
import { missingTools } from "../report/tools.js";
import { firmware, get, info, peerOnWire, sha256, start } from "./qemu_support.js";

const BYTES = 100_000;

for (const name of QEMU_BOARDS)
  for (const engine of ENGINES)
    describe.skipIf(missingTools(...toolsFor(name, engine)))(`${name} on ${engine}`, () => {
      test("boots and answers", async () => {
        const peer = peerOnWire();
        const { board, said } = await start(name, {
          image: firmware(name, engine),
          network: { kind: "link", link: peer.link },
          time: "virtual",
        });
        await said("ferrule up: ");
        console.log(await info(peer.net));
        expect(sha256(await get(peer.net, `/bytes/${BYTES}`))).toBe(await sha256OfBytes(BYTES, () => true));
        console.log(await info(peer.net));
        expect(await board.stop()).toEqual({ status: null, reason: "stopped" });
        peer.close();
      });
    });
