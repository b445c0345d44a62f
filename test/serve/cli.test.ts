// The `ferrule` command as a process of its own, as it was built.

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { sha256OfBytes } from "../../host/apps/reproducible_bytes.js";
import { buildFirmware } from "../../scripts/firmware.mjs";
import { missingTools } from "../report/tools.js";
import { connectLocal, until } from "./support.js";

const CLI = fileURLToPath(new URL("../../build/host/cli.js", import.meta.url));

const EXIT_INTERRUPTED = 130;

interface Run {
  child: ChildProcess;
  output: string;
  exit: Promise<number | null>;
}

const children: ChildProcess[] = [];

function run(...args: string[]): Run {
  return runIn(undefined, ...args);
}

/** `folder`: with this one for the current one, and as a terminal's foreground: a group of processes of its own. */
function runIn(folder: string | undefined, ...args: string[]): Run {
  const where = folder === undefined ? {} : { cwd: folder, detached: true };
  const child = spawn(process.execPath, [CLI, ...args], { ...where, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  const started: Run = { child, output: "", exit: once(child, "close").then(([code]) => code) };
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => {
      started.output += text;
    });
  return started;
}

/** Starts `serve` on free ports and waits until it says that it is up. */
async function serve(...args: string[]) {
  return await served(run("serve", "--port", "0", ...args));
}

async function served(started: Run): Promise<Run & { port: number; echoPort: number }> {
  await until(() => started.output.includes("Ctrl-C stops it") || started.child.exitCode !== null);
  const port = Number(/curl http:\/\/127\.0\.0\.1:(\d+)\/\n/.exec(started.output)?.[1]);
  const echoPort = Number(/nc 127\.0\.0\.1 (\d+)/.exec(started.output)?.[1]);
  expect(port, started.output).toBeGreaterThan(0);
  return Object.assign(started, { port, echoPort });
}

afterEach(() => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
});

describe("ferrule serve", () => {
  test.for([
    ["wasm3", /^wasm3 \d/, ["gcc", "wasm3"]],
    ["aot", /^wasm2c \d/, ["gcc"]],
  ] as const)("runs the device on %s", async ([name, engine, needed], { skip }) => {
    const reason = missingTools(...needed);
    if (reason) skip(reason);
    const served = await serve("--engine", name);
    const url = `http://127.0.0.1:${served.port}`;
    const info = (await (await fetch(`${url}/info`)).json()) as { engine: string };
    expect(info.engine).toMatch(engine);
    const bytes = Buffer.from(await (await fetch(`${url}/bytes/300000`)).arrayBuffer());
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(await sha256OfBytes(300_000, () => true));
    served.child.kill("SIGINT");
    expect(await served.exit, served.output).toBe(0);
    expect(served.output).toContain("all connection records were returned");
  });

  test("knows no other engine", async () => {
    const refused = run("serve", "--engine", "v9");
    expect(await refused.exit).toBe(2);
    expect(refused.output).toContain("--engine v9 is not known: give v8, wasm3, aot");
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "serves, shows connections, and ends with totals on %s",
    async (signal) => {
      const served = await serve();
      const answer = await fetch(`http://127.0.0.1:${served.port}/info`, {
        headers: { connection: "close" },
      });
      expect(answer.status).toBe(200);
      await answer.text();
      await until(() => served.output.includes("- #1 http"));
      expect(served.output).toMatch(/\+ #1 http from 127\.0\.0\.1:\d+\n/);
      served.child.kill(signal);
      expect(await served.exit).toBe(0);
      expect(served.output).toMatch(/\n1 connection, 1 HTTP request\n/);
      expect(served.output).toContain("all connection records were returned");
    },
  );

  test("ends in bounded time although a visitor stays", async () => {
    const served = await serve();
    const visitor = connectLocal(served.echoPort);
    visitor.resume().write("I stay");
    await until(() => visitor.bytesRead === 6);
    served.child.kill("SIGINT");
    expect(await served.exit).toBe(0);
    expect(served.output).toContain("all connection records were returned");
    await until(() => visitor.destroyed);
    expect(visitor.codes).toEqual(["ECONNRESET"]);
  });

  test("ends although visitors asked for long digests and left", async () => {
    const served = await serve();
    for (let count = 0; count < 30; count++) {
      const visitor = connectLocal(served.port);
      const request = (length: number) => `GET /bytes/${length} HTTP/1.1\r\nHost: device\r\n\r\n`;
      visitor.resume().write(request(3) + request(2 ** 30 - count));
      // The first one is answered: the second one is looked at.
      await until(() => visitor.bytesRead > 0);
      visitor.destroy();
    }
    served.child.kill("SIGINT");
    await until(() => served.child.exitCode !== null);
    expect(await served.exit).toBe(0);
  });

  test("ends in order when the signal comes with the text", async () => {
    for (let round = 0; round < 8; round++) {
      const started = run("serve", "--port", "0", "--echo-port", "0");
      started.child.stdout?.once("data", () => started.child.kill("SIGINT"));
      expect(await started.exit).toBe(0);
      expect(started.output).toContain("all connection records were returned");
    }
  });

  test("ends at once at the second signal", async () => {
    const served = await serve();
    const visitor = connectLocal(served.echoPort);
    visitor.resume().write("I stay");
    await until(() => visitor.bytesRead === 6);
    served.child.kill("SIGINT");
    await until(() => served.output.includes("Stopping"));
    served.child.kill("SIGINT");
    expect(await served.exit).toBe(EXIT_INTERRUPTED);
  });

  test("ends when nobody reads what it prints any more, and says nothing of that", async () => {
    const served = await serve();
    served.child.stdout?.destroy();
    // Node learns of it when it prints the next line.
    await fetch(`http://127.0.0.1:${served.port}/info`).catch(() => {});
    expect(await served.exit).toBe(1);
    expect(served.output).not.toMatch(/EPIPE|\n {4}at /);
  });

  test("says which port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const failed = run("serve", "--port", String(port), "--echo-port", "0");
    expect(await failed.exit).toBe(1);
    expect(failed.output).toContain(`port ${port} is in use`);
    other.close();
  });
});

const needed = missingTools("gcc");

describe.skipIf(needed)("ferrule serve --board", () => {
  let image = "";

  beforeAll(() => {
    const built = buildFirmware("linux-w5500", "aot");
    if (built.problem) expect.fail(built.problem);
    image = built.image;
  });

  test("takes an image by its name in the current folder; Ctrl-C lets a visitor finish", async () => {
    const args = ["serve", "--board", "linux-w5500", "--image", basename(image), "--port", "0"];
    const { child, exit, output, echoPort } = await served(runIn(dirname(image), ...args));
    expect(output).toContain("ferrule up: ");
    const visitor = connectLocal(echoPort);
    visitor.resume().write("I stay");
    await until(() => visitor.bytesRead === 6);
    // A terminal sends it to all of its foreground's processes.
    process.kill(-(child.pid as number), "SIGINT");
    visitor.write(" and go");
    await until(() => visitor.bytesRead === 13 || visitor.destroyed);
    visitor.end();
    expect(await exit).toBe(0);
    expect(visitor.codes).toEqual([]);
    expect(visitor.bytesRead).toBe(13);
  });
});

describe.skipIf(needed)("firmware that cannot start", () => {
  test("says so in words, and the command ends", async () => {
    const failed = run(
      "serve",
      "--board",
      "linux-w5500",
      "--engine",
      "aot",
      "--ring",
      "1048576",
      "--port",
      "0",
    );
    expect(await failed.exit).toBe(1);
    expect(failed.output).toContain("ferrule start: the memory of the setup is too small\n");
  });
});

describe("the command line", () => {
  test.each([
    [["serve", "--help"], 0, "Usage: ferrule serve"],
    [["help", "serve"], 0, "Usage: ferrule serve"],
    [["help", "get"], 0, "Usage: ferrule get"],
    [["sim", "--help"], 0, "Usage: ferrule sim"],
    [["--help"], 0, "Usage: ferrule COMMAND"],
    [["help"], 0, "Exit codes: 0"],
    [["help", "sevre"], 2, 'unknown command "sevre"'],
    [["--version"], 0, "ferrule 0."],
    [[], 2, "no command"],
    [["sevre"], 2, 'unknown command "sevre"'],
    [["toString"], 2, 'unknown command "toString"'],
    [["serve", "now"], 2, '"now" is one argument too many'],
    [["serve", "--link", "tun"], 2, "give gateway or tap"],
    [["serve", "--link", "tap", "--port", "1"], 2, "--port means nothing with --link tap"],
    [["serve", "--board", "arduino"], 2, "--board arduino is not known: give qemu-xtensa, qemu-riscv"],
    [
      ["serve", "--board", "linux-w5500", "--engine", "v8"],
      2,
      "--engine v8 is not on a board: give wasm3 or aot",
    ],
    [["serve", "--board", "linux-w5500", "--seed", "00"], 2, "--seed is not for firmware"],
    [["serve", "--board", "linux-w5500", "--link", "tun"], 2, "give gateway, tap or slirp"],
    [["serve", "--board", "qemu-riscv", "--link", "slirp", "--port", "0"], 2, "give --port and --echo-port"],
    [["serve", "--board", "qemu-riscv", "--link", "slirp", "--pcap", "x"], 2, "not with --link slirp"],
    [["serve", "--board", "linux-w5500", "--connections", "65"], 2, "from 1 to 64"],
    [["serve", "--board", "linux-w5500", "--image", "/nowhere"], 2, "--image /nowhere is not there"],
    [["serve", "--board", "linux-w5500", "--image", "README.md", "--engine", "aot"], 2, "built already"],
    [["serve", "--image", "README.md"], 2, "say for which --board"],
    [["serve", "--dhcp"], 2, "--dhcp is for firmware: say for which --board"],
    [["serve", "--board", "linux-w5500", "--resolve", "a.test"], 2, "give --dhcp"],
    [["serve", "--board", "linux-w5500", "--dhcp", "--resolve", "a b"], 2, "give a host's name"],
    [["serve", "--tap", "t0"], 2, "--tap means nothing with --link gateway"],
    [["serve", "--link", "tap", "--device-address", "10.0.0.2"], 2, "as in 10.0.0.2/24"],
    [["serve", "--link", "tap", "--device-address", "10.0.0.2/24", "--host-address", "10.0.0.2"], 2, "both"],
    [["serve", "--link", "tap", "--device-address", "10.0.0.0/24"], 2, "cannot be a host's"],
    [["serve", "--link", "tap", "--device-address", "10.0.0.3/30"], 2, "cannot be a host's"],
    [["serve", "--link", "tap", "--device-address", "127.0.0.2/24"], 2, "cannot be a host's"],
    [["serve", "--link", "tap", "--device-address", "224.0.0.2/24"], 2, "cannot be a host's"],
    [["serve", "--link", "tap", "--host-address", "10.0.0.255"], 2, "--host-address 10.0.0.255 cannot be"],
    [["serve", "--link", "tap", "--host-address", "10.9.0.1"], 2, "not in the device's network"],
    [["serve", "--pcap", "build/x", "--record", "./build/x"], 2, "cannot both write to build/x"],
    [["serve", "--connections", "1024", "--ring", "16777216"], 1, "give smaller rings with --ring"],
    [["get", "http://10.0.0.1/", "--ring", "2049"], 2, "not a multiple of 4"],
    [["serve", "--link", "tap", "--tap", "a name that is too long"], 1, "cannot name an interface"],
    [["serve", "--ring", "4098"], 2, "not a multiple of 4"],
    [["serve", "--idle-timeout", "0"], 2, "from 1 to 86400"],
    [["serve", "--impair", "loss=2"], 2, "write as in loss=2%"],
    [["serve", "--impair", "loss=101%"], 2, '"loss=101%" says nothing'],
    [["get"], 2, "which URL?"],
    [["get", "https://10.0.0.1/"], 2, "give an http URL"],
    [["get", "http://example/"], 2, "example is a name: say who knows it, with --dhcp or --dns"],
    [["get", "http://[::1]/"], 2, "with an IPv4 address"],
    [["sim", "--seeds", "0"], 2, "Usage: ferrule sim"],
    [["serve", "--prot", "1"], 2, "--prot"],
    [["serve", "--port", "http"], 2, "--port http is not possible"],
    [["serve", "--port", "65536"], 2, "from 0 to 65535"],
    [["serve", "--connections", "0"], 2, "from 1 to"],
    [["serve", "--address", "192.0.2.1"], 2, "not a loopback address"],
    [["serve", "--seed", "abc"], 2, "64 hex digits"],
  ] as const)("%j", async (args, code, text) => {
    const ran = run(...args);
    expect(await ran.exit).toBe(code);
    expect(ran.output).toContain(text);
    // A stack is for whoever mends a bug.
    expect(ran.output).not.toMatch(/\n {4}at /);
  });
});
