// boards/linux: the C runtime and an application on ferrule.h as a program, with the Linux kernel as the peer. On both
// engines, under sanitizers and valgrind, and with a core that traps.

import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha256OfBytes } from "../../host/apps/reproducible_bytes.js";
import { Prng } from "../../host/sim/prng.js";
import { TRAP_PATTERN, writeTrappingModule } from "../../scripts/boards/trapping.mjs";
import { DEVICE, KERNEL, sha256 } from "../kernel/device.js";
import { Namespace, type Running } from "../kernel/namespace.js";
import { missingTools, root } from "../report/tools.js";

const ENGINES = ["wasm3", "aot"] as const;
type EngineName = (typeof ENGINES)[number];

/** What the program says of its engine. */
const NAMES = { wasm3: /^up: wasm3 \d/, aot: /^up: wasm2c \d/ };

const CORE = `${root}build/core.wasm`;
const TRAPPING = `${root}build/linux/trapping.wasm`;
const MEMORY_BYTES = 4_000_000;

/** Building, and valgrind, take their time. */
const PATIENCE_MS = 240_000;

let network: Namespace;

async function build(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ["scripts/linux.mjs", ...args], {
    cwd: root,
  });
  return stdout.trim().split("\n").at(-1) as string;
}

/** Starts the program, by `wrapper` if there is one, and gives the kernel its address. */
async function start(
  engine: EngineName,
  program: string,
  module = CORE,
  wrapper: string[] = [],
): Promise<Running> {
  const last = engine === "wasm3" ? [module] : [];
  const [command = "", ...args] = [...wrapper, program, "wire", DEVICE, "48", String(MEMORY_BYTES), ...last];
  const device = network.start(command, args);
  await device.says(/^(up|==)/m);
  await device.says(/^up: /m);
  expect(device.output()).toMatch(NAMES[engine]);
  await network.runWell("sh", ["-c", `ip addr add ${KERNEL}/24 dev wire && ip link set wire up`]);
  return device;
}

async function requests(count: number): Promise<void> {
  const out = await network.runWell("ab", ["-q", "-n", String(count), "-c", "32", `http://${DEVICE}/`]);
  expect(out.toString()).toMatch(new RegExp(`Complete requests: +${count}\n`));
  expect(out.toString()).toMatch(/Failed requests: +0\n/);
}

async function transfer(bytes: number): Promise<void> {
  const down = await network.runWell("curl", ["-s", `http://${DEVICE}/bytes/${bytes}`]);
  expect(sha256(down)).toBe(await sha256OfBytes(bytes, () => true));
  const input = Buffer.from(new Prng(bytes).bytes(bytes));
  const back = await network.runWell("curl", ["-s", "--data-binary", "@-", `http://${DEVICE}/echo`], {
    input,
  });
  expect(sha256(back)).toBe(sha256(input));
}

async function expectCleanEnd(device: Running, restarts = 0): Promise<void> {
  const code = await device.interrupt();
  expect(device.output()).toMatch(
    new RegExp(`down: \\d+ requests, ${restarts} restarts, 0 connections open\n$`),
  );
  expect(code).toBe(0);
}

describe.skipIf(missingTools("gcc", "wasm3"))("ferrule.h", () => {
  const groups = ["words", "starting", "data", "misuse", "options", "address", "waiting"];

  test.each(
    ENGINES.flatMap((engine) => [
      [engine, "core", ["no services"]] as const,
      [engine, "standard", ["datagrams", "groups", "names", "dhcp", "mtu"]] as const,
    ]),
  )(
    "function by function on %s, build %s, under sanitizers",
    async (engine, name, services) => {
      const module = `${root}build/${name}.wasm`;
      const program = await build(engine, "--program", "api", "--sanitize", "--module", module);
      const { stdout } = await promisify(execFile)(program, engine === "wasm3" ? [module] : []);
      const lines = stdout.trim().split("\n");
      expect(lines[0]).toMatch(engine === "wasm3" ? /^wasm3 / : /^wasm2c /);
      expect(lines.slice(1)).toEqual([...groups, ...services, "done"]);
    },
    PATIENCE_MS,
  );
});

describe.skipIf(missingTools("gcc"))("without an engine", () => {
  test(
    "a core that lies: statuses and restarts come of it, under sanitizers",
    async () => {
      const program = await build("none", "--program", "hostile", "--sanitize");
      for (const seed of [1, 4, 7]) {
        const { stdout } = await promisify(execFile)(program, [String(seed), "300"]);
        const [, lives, lies, traps] = stdout.match(/^(\d+) lives, (\d+) lies, (\d+) traps heard$/m) ?? [];
        expect(Number(lives)).toBeGreaterThan(100);
        expect(Number(lies)).toBeGreaterThan(500);
        expect(Number(traps)).toBeGreaterThan(500);
      }
    },
    PATIENCE_MS,
  );

  test(
    "memcpy, memmove and memset in words do what plain loops do",
    async () => {
      for (const options of [[], ["--sanitize"]]) {
        const program = await build("none", "--program", "fastmem", ...options);
        const { stdout } = await promisify(execFile)(program, []);
        expect(stdout).toBe("memcpy\nmemmove\nmemset\n");
      }
    },
    PATIENCE_MS,
  );
});

describe.skipIf(missingTools("namespaces", "gcc", "wasm3", "curl", "ab"))("the device in C", () => {
  beforeEach(async () => {
    network = await Namespace.create();
  });

  afterEach(async () => {
    await network.remove();
  });

  test(
    "ahead of time with linear memory at a fixed place",
    async () => {
      const device = await start(
        "aot",
        await build("aot", "--sanitize", "--fixed-memory", String(MEMORY_BYTES)),
      );
      await requests(1000);
      await transfer(1_000_000);
      await expectCleanEnd(device);
    },
    PATIENCE_MS,
  );

  describe.each(ENGINES)("on %s", (engine) => {
    test(
      "10,000 requests and 5 MB each way under AddressSanitizer and UndefinedBehaviorSanitizer",
      async () => {
        const device = await start(engine, await build(engine, "--sanitize"));
        await requests(10_000);
        await transfer(5_000_000);
        await expectCleanEnd(device);
      },
      PATIENCE_MS,
    );

    test.skipIf(missingTools("valgrind"))(
      "10,000 requests under valgrind",
      async () => {
        const valgrind = ["valgrind", "--quiet", "--error-exitcode=9", "--leak-check=full"];
        const device = await start(engine, await build(engine), CORE, valgrind);
        await requests(10_000);
        await transfer(200_000);
        await expectCleanEnd(device);
      },
      PATIENCE_MS,
    );

    test.skipIf(missingTools("nc"))(
      "a request whose end nobody can tell is the connection's last",
      async () => {
        const device = await start(engine, await build(engine, "--sanitize"));
        const good = "GET /bytes/5 HTTP/1.1\r\n\r\n";
        const statuses = async (...requests: string[]): Promise<string[]> => {
          const input = Buffer.from(requests.join(""));
          const out = await network.runWell("nc", ["-N", DEVICE, "80"], { input });
          return out.toString("latin1").match(/(?<=HTTP\/1\.1 )\d+/g) ?? [];
        };
        expect(await statuses(good, good)).toEqual(["200", "200"]);
        expect(await statuses("\r\n", good, "\r\n\r\n", good)).toEqual(["200", "200"]);
        expect(await statuses("GET /bytes/5x HTTP/1.1\r\n\r\n", good)).toEqual(["404", "200"]);
        expect(await statuses("GET /bytes/4294967296 HTTP/1.1\r\n\r\n", good)).toEqual(["404", "200"]);
        const head = `GET / HTTP/1.1\r\nX: ${"x".repeat(2000)}\r\n\r\n`;
        expect(await statuses(good, head, good)).toEqual(["200", "431"]);
        for (const length of ["-1", "x", "5x", "4294967296", "18446744073709551617", ""])
          expect(await statuses(`POST /echo HTTP/1.1\r\nContent-Length: ${length}\r\n\r\n`, good)).toEqual([
            "400",
          ]);
        const chunked = "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1c\r\n";
        expect(await statuses(chunked, good, "\r\n0\r\n\r\n")).toEqual(["400"]);
        const unclear = [
          "Content-Length: 5\r\nContent-Length: 3",
          "Content-Length : 5",
          "X: y\r\n Content-Length: 5",
        ];
        for (const lines of [
          ...unclear,
          "Content\rLength: 5",
          "\rContent-Length: 5",
          "\0\r\nContent-Length: 5",
          "hello",
        ])
          expect(await statuses(`POST /echo HTTP/1.1\r\n${lines}\r\n\r\n`, good)).toEqual(["400"]);
        await expectCleanEnd(device);
      },
      PATIENCE_MS,
    );

    test(
      "a trap: connections are reset, listeners come back, the rate of restarts is bounded",
      async () => {
        mkdirSync(`${root}build/linux`, { recursive: true });
        await writeTrappingModule(TRAPPING);
        const device = await start(engine, await build(engine, "--sanitize", "--module", TRAPPING), TRAPPING);
        await requests(100);
        const waiting = network.start("nc", [DEVICE, "7"]);
        waiting.child.stdin.write("hello\n");
        await waiting.says("hello\n");
        const ping = (count: number) =>
          network.run("ping", [
            "-n",
            "-i",
            "0.01",
            "-c",
            String(count),
            "-p",
            TRAP_PATTERN,
            "-W",
            "1",
            DEVICE,
          ]);
        await ping(1);
        await device.says("trap: ");
        // The peer's next segment finds no connection, and gets a reset.
        waiting.child.stdin.write("are you there?\n");
        await waiting.ended();
        await requests(100);
        const before = device.output().match(/^trap: /gm)?.length;
        expect(before).toBe(1);
        // A hundred such packets in a second or two: each restart is later than the one before.
        await ping(100);
        const traps = device.output().match(/^trap: /gm)?.length as number;
        expect(traps).toBeGreaterThan(2);
        expect(traps).toBeLessThan(12);
        await network.runWell("curl", [
          "-s",
          "--retry",
          "20",
          "--retry-connrefused",
          "-m",
          "30",
          `http://${DEVICE}/`,
        ]);
        await requests(100);
        await expectCleanEnd(device, traps);
      },
      PATIENCE_MS,
    );
  });
});
