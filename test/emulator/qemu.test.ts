// Firmware on boards in QEMU: ports, drivers and the emulator's interface, against our own stack as the peer, and libslirp.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { get as httpGet } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { sha256OfBytes } from "../../host/apps/reproducible_bytes.js";
import { realClock } from "../../host/clock.js";
import { QEMU_BOARDS, runQemu } from "../../host/emulator/qemu.js";
import { Wire } from "../../host/link/wire.js";
import { buildFirmware, ENGINES, toolsFor } from "../../scripts/firmware.mjs";
import { missingTools, root } from "../report/tools.js";
import {
  BOARD,
  firmware,
  get,
  info,
  instructionsOf,
  peerOnWire,
  readAll,
  sha256,
  start,
  stopAll,
  until,
} from "./qemu_support.js";

const BYTES = 100_000;
const ECHO_PORT = 7;

/** How long an idle board is watched, in milliseconds. */
const IDLE_MS = 1500;

/** How much of it an idle board may be awake, at most: a look at the link now and then, and the request that asks. */
const AWAKE_SHARE = 0.005;

/** Octets that go to the board and back one after the other. */
const ROUND_TRIPS = 500;

afterEach(stopAll);

for (const name of QEMU_BOARDS)
  for (const engine of ENGINES)
    describe.skipIf(missingTools(...toolsFor(name, engine)))(`${name} on ${engine}`, () => {
      test("boots, serves bytes and echoes, and sleeps when nobody asks", async () => {
        const { net, link } = peerOnWire();
        const network = { kind: "link", link } as const;
        const { said } = await start(name, { image: firmware(name, engine), network, time: "virtual" });
        await said("ferrule up: ");
        await said("ferrule link up");
        expect(sha256(await get(net, `/bytes/${BYTES}`))).toBe(await sha256OfBytes(BYTES, () => true));
        const echo = net.connect({ host: BOARD, port: ECHO_PORT });
        const data = Buffer.alloc(20_000, "ferrule ");
        echo.end(data);
        expect(sha256(await readAll(echo))).toBe(sha256(data));

        const before = await info(net);
        await new Promise<void>((next) => realClock.after(IDLE_MS, next));
        const after = await info(net);
        expect(after).toMatchObject({ board: name, receiveErrors: 0, nonsense: 0, chipRestarts: 0 });
        expect(after.stackBytes).toBeGreaterThan(500);
        const idleMs = after.uptimeMs - before.uptimeMs;
        const awakeNs = instructionsOf(after) - instructionsOf(before);
        expect(idleMs).toBeGreaterThan(0.9 * IDLE_MS);
        expect(awakeNs).toBeGreaterThan(10_000);
        expect(awakeNs / (idleMs * 1e6)).toBeLessThan(AWAKE_SHARE);
      });
    });

for (const name of QEMU_BOARDS)
  describe.skipIf(missingTools(...toolsFor(name, "aot")))(name, () => {
    const engine = "aot";
    const time = "real";

    test("misses no interrupt: octets go there and back one after the other", async () => {
      const { net, link, counters } = peerOnWire();
      const { said } = await start(name, {
        image: firmware(name, engine),
        network: { kind: "link", link },
        time,
      });
      await said("ferrule link up");
      const socket = net.connect({ host: BOARD, port: ECHO_PORT });
      socket.setNoDelay(true);
      for (let turn = 0; turn < ROUND_TRIPS; turn++) {
        socket.write(Buffer.of(turn % 256));
        const [answer] = (await once(socket, "data")) as [Buffer];
        expect([...answer]).toEqual([turn % 256]);
      }
      // A wake-up that is missed costs a retransmission: nothing else would wake the board.
      expect(counters().retransmits).toBeLessThanOrEqual(1);
      socket.destroy();
    });

    test("a connection survives when the cable is out for a while", async () => {
      const { net, link } = peerOnWire();
      const image = firmware(name, engine);
      const { board, said } = await start(name, { image, network: { kind: "link", link }, time });
      await said("ferrule link up");
      const socket = net.connect({ host: BOARD, port: ECHO_PORT });
      socket.write("before");
      expect(String(await once(socket, "data"))).toBe("before");
      await board.setCable(false);
      await said("ferrule link down");
      socket.write("while");
      await new Promise<void>((next) => realClock.after(100, next));
      await board.setCable(true);
      await said("ferrule link down\nferrule link up");
      expect(String(await once(socket, "data"))).toBe("while");
      socket.end("after");
      expect(String(await readAll(socket))).toBe("after");
    });

    test("boots without a cable, and is there when it comes", async () => {
      const { net, link } = peerOnWire();
      const image = firmware(name, engine);
      const { board, said } = await start(name, {
        image,
        network: { kind: "link", link },
        time,
        cable: false,
      });
      expect(await said("ferrule up: ")).not.toContain("link up");
      const answer = get(net, "/info");
      await new Promise<void>((next) => realClock.after(100, next));
      await board.setCable(true);
      await said("ferrule link up");
      expect(JSON.parse(String(await answer)).board).toBe(name);
    });

    test.each(["real", "virtual"] as const)(
      "answers Node's own client through libslirp in %s time",
      async (time) => {
        const port = await freePort();
        const forwards = [{ address: "127.0.0.1", port, boardPort: 80 }];
        const image = firmware(name, engine);
        const { said } = await start(name, { image, network: { kind: "slirp", forwards }, time });
        await said("ferrule link up");
        const body = await fetched(`http://127.0.0.1:${port}/bytes/${BYTES}`);
        expect(sha256(body)).toBe(await sha256OfBytes(BYTES, () => true));
      },
    );

    test("tells how the firmware ended", async () => {
      expect(await ended("RETURNS")).toEqual({ status: 0, reason: "the firmware ended", console: "began\n" });
      expect(await ended("EXITS")).toMatchObject({ status: 7, reason: "the firmware ended" });
    });

    test("reports a fault: what, where, and a status", async () => {
      const { status, reason, console } = await ended("READS_NOWHERE");
      expect(reason).toMatch(
        /^fault: load .*\(cause \d+\) at 0x[0-9a-f]{8}, address 0x88000000, called from/,
      );
      expect(console).toBe(`began\n${reason}\n`);
      expect(status).toBe(64 | Number(/cause (\d+)/.exec(reason)?.[1]));
    });

    test("notices that the stack is used up", async () => {
      const { status, console } = await ended("USES_UP_STACK");
      expect(console).toMatch(/fault: store not accessible|the stack is used up/);
      expect(status).toBeGreaterThan(1);
    });

    test("says so when it is stopped, or when QEMU is", async () => {
      const network = { kind: "link", link: new Wire().port() } as const;
      const image = firmware(name, engine);
      const first = await start(name, { image, network, time });
      expect([await first.board.stop(), await first.board.stop()]).toEqual([STOPPED, STOPPED]);
      await expect(first.board.setCable(true)).rejects.toThrow("QEMU has ended");
      const second = await start(name, { image, network, time });
      process.kill(second.board.pid as number, "SIGTERM");
      expect(await second.board.ended).toMatchObject({
        status: null,
        reason: expect.stringMatching(/^QEMU was/),
      });
    });

    test("says what is wrong with the image, the port or the interface", async () => {
      const link = { kind: "link", link: new Wire().port() } as const;
      const advised = (options: Partial<Parameters<typeof runQemu>[1]>) =>
        expect(runQemu(name, { image: firmware(name, engine), network: link, time, ...options })).rejects;
      await advised({ image: "no such image" }).toMatchObject({
        name: "Advice",
        message: expect.stringContaining("no such image"),
      });
      const taken = createServer().listen(0, "127.0.0.1");
      await once(taken, "listening");
      const { port } = taken.address() as AddressInfo;
      const forwards = [{ address: "127.0.0.1", port, boardPort: 80 }];
      await advised({ network: { kind: "slirp", forwards } }).toMatchObject({
        name: "Advice",
        message: expect.stringContaining(`127.0.0.1:${port}`),
      });
      taken.close();
      await advised({ network: { kind: "tap", name: "nosuchtap0" } }).toMatchObject({
        name: "Advice",
        message: expect.stringContaining("tap"),
      });
    });

    test.each(["wait", "killed"])("does not outlive this process: %s", async (mode) => {
      const args = ["test/emulator/qemu_child.mjs", name, firmware(name, engine), mode];
      const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
      const [line] = (await once(child.stdout, "data")) as [Buffer];
      const pid = Number(/^pid (\d+)/.exec(String(line))?.[1]);
      expect(pid).toBeGreaterThan(0);
      if (mode === "wait") {
        expect(isAlive(pid)).toBe(true);
        child.kill("SIGKILL");
      }
      await until(
        () => !isAlive(pid),
        () => `QEMU, process ${pid}, ends`,
      );
    });

    test.skipIf(missingTools("namespaces"))("serves a TAP interface that is QEMU's own", async () => {
      const prepare = [
        "ip link set lo up",
        "ip tuntap add dev ferrule0 mode tap",
        "ip address add 10.0.2.2/24 dev ferrule0",
        "ip link set ferrule0 up",
        'exec "$@"',
      ].join(" && ");
      const program = [
        process.execPath,
        "test/emulator/qemu_child.mjs",
        name,
        firmware(name, engine),
        "ferrule0",
      ];
      const args = ["--map-root-user", "--net", "sh", "-c", prepare, "sh", ...program];
      const { stdout } = await promisify(execFile)("unshare", args, { cwd: root, timeout: 30_000 });
      expect(stdout.trim()).toBe(await sha256OfBytes(BYTES, () => true));
    });

    test("names the package when QEMU is missing", async () => {
      const { PATH } = process.env;
      process.env.PATH = "/nowhere";
      const network = { kind: "link", link: new Wire().port() } as const;
      const running = runQemu(name, { image: "any", network, time });
      process.env.PATH = PATH;
      await expect(running).rejects.toMatchObject({
        name: "Advice",
        message: expect.stringContaining("qemu-system-misc"),
      });
    });

    /** Runs the program of qemu_ending.c until its end. */
    async function ended(ending: string) {
      const program = ["test/emulator/qemu_ending.c"];
      const { image, problem } = buildFirmware(name, engine, { program, defines: [`ENDING=${ending}`] });
      expect(problem).toBe("");
      const network = { kind: "link", link: new Wire().port() } as const;
      const { board, said } = await start(name, { image, network, time });
      return { ...(await board.ended), console: await said("") };
    }
  });

test.skipIf(missingTools(...toolsFor("qemu-riscv", "aot")))(
  "flash cannot be written on qemu-riscv",
  async () => {
    const options = { program: ["test/emulator/qemu_ending.c"], defines: ["ENDING=WRITES_TO_FLASH"] };
    const { image } = buildFirmware("qemu-riscv", "aot", options);
    const network = { kind: "link", link: new Wire().port() } as const;
    const { board } = await start("qemu-riscv", { image, network, time: "real" });
    expect((await board.ended).reason).toMatch(/^fault: store not accessible \(cause 7\)/);
  },
);

const STOPPED = { status: null, reason: "stopped" };

/** Whether a process runs; one that has ended and that nobody has asked about does not. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function fetched(url: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    httpGet(url, { agent: false }, (answer) => resolve(readAll(answer))).on("error", reject);
  });
}
