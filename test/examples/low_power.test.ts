// The low-power example as firmware on emulated boards: readings arrive, and the processor stands still between them.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { realClock } from "../../host/clock.js";
import { createCore } from "../../host/core.js";
import { Dgram } from "../../host/dgram.js";
import { startBoard } from "../../host/emulator/boards.js";
import { Host } from "../../host/host.js";
import { Wire } from "../../host/link/wire.js";
import { buildFirmware, toolsFor } from "../../scripts/firmware.mjs";
import { missingTools, root } from "../report/tools.js";

const COLLECTOR = { mac: "02:00:00:00:00:01", address: "10.0.0.1", port: 5000 };
const READINGS = 5;

/** Most of its time that the processor may be awake: the chip is looked at ten times a second by a careful driver. */
const AWAKE_MOST = 0.05;

describe.each([
  ["qemu-riscv", "aot"],
  ["qemu-riscv", "wasm3"],
  ["rp2040-w5500", "aot"],
  ["rp2040-enc28j60", "aot"],
] as const)("%s on %s", (board, engine) => {
  test.skipIf(missingTools(...toolsFor(board, engine)))(
    "low_power sends readings, and sleeps",
    async () => {
      const module = `${root}build/standard.wasm`;
      const firmware = buildFirmware(board, engine, {
        module,
        application: ["examples/low_power/low_power.c"],
        defines: ["PERIOD_MS=500"],
      });
      expect(firmware.problem).toBe("");
      const wire = new Wire();
      const link = wire.port();
      const config = {
        ...{
          mac: COLLECTOR.mac,
          address: COLLECTOR.address,
          connections: 1,
          seed: new Uint8Array(32).fill(1),
        },
        ...{ datagramSockets: 1, datagramQueueBytes: 2048 },
      };
      const core = createCore(readFileSync(module), config, { now: realClock.now() });
      const host = new Host(core, wire.port(), realClock);
      const heard: string[] = [];
      const socket = new Dgram(host).createSocket("udp4");
      const enough = new Promise<void>((done) => {
        socket.on("message", (data: Buffer) => {
          if (heard.push(data.toString()) === READINGS) done();
        });
      });
      socket.bind(COLLECTOR.port);
      let said = "";
      const running = await startBoard(board, {
        image: firmware.image,
        network: { kind: "link", link },
        // An RP2040 in virtual time skips its sleep: the collector, which does not, would be late with each answer.
        time: board.startsWith("qemu") ? "virtual" : "real",
        onConsole: (text) => {
          said += text;
        },
      });
      try {
        const ended = running.ended.then(({ reason }) => expect.fail(`${reason}: ${said}`));
        await Promise.race([enough, ended]);
        expect(heard[0]).toBe("reading 001\n");
        expect(heard).toEqual(heard.map((_, index) => `reading 00${index + 1}\n`));
        const awakeNs = running.awakeNs();
        if (awakeNs !== undefined)
          expect(awakeNs / 1e6 / running.clock.now(), "share of time awake").toBeLessThan(AWAKE_MOST);
      } finally {
        socket.close();
        host.close();
        await running.stop();
      }
    },
    120_000,
  );
});
