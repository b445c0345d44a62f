// Checks a board whose address comes by DHCP, on each link that it may have: from QEMU's own server, from the gateway, and
// from dnsmasq on a TAP interface. A process of its own, with a network, and a resolv.conf, of its own.
//
//     node scripts/boards/dhcp.mjs BOARD ENGINE
//
// Prints a line of JSON for each check, { check, ok, ... }. Uses what setup has built of the host. See `runDhcpChecks` for
// those who want the lines.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { argv } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { buildFirmware } from "../firmware.mjs";
import { root } from "../support.mjs";
import { TRAP_PATTERN, writeTrappingModule } from "./trapping.mjs";

const TAP = { name: "ferrule0", hostAddress: "10.0.0.1", deviceAddress: "10.0.0.2", prefixLength: 24 };

/** This machine's name server in there, and what it knows: addresses for documentation. */
const NAME_SERVER = "192.0.2.53";
const NAME = "board.test";
const ADDRESS = "203.0.113.7";

/** A wire in memory, or QEMU's network, in a network where every port is free. */
const LOCAL = { address: "127.0.0.1", port: 8080, echoPort: 8081 };

const CONNECTIONS = 6;

/** How long each thing may take that is waited for, and all checks of a board, in milliseconds. */
const PATIENCE_MS = 60_000;
const ALL_MS = 280_000;

const PAGE = "<title>Ferrule</title>";

/** The board that is asked what is the same on all. */
const ONE_BOARD = "linux-w5500";

const STANDARD = join(root, "build/standard.wasm");

/** What a board is asked. */
export function dhcpCheckNames(board) {
  const on = (link) => ["lease", "page", "name", "no name"].map((check) => `${link}: ${check}`);
  return [
    ...(board.startsWith("qemu") ? on("slirp") : []),
    ...on("gateway"),
    ...on("tap"),
    ...["tap: cable", "tap: renewal", "tap: lost", "command"],
    ...(board === ONE_BOARD ? ["trap", "link-local"] : []),
  ];
}

/** Runs the checks of a board. Resolves to the lines; rejects with what the process said when it fails itself. */
export async function runDhcpChecks(board, engine) {
  const folder = mkdtempSync(join(tmpdir(), "ferrule-dhcp-"));
  try {
    writeFileSync(join(folder, "resolv.conf"), `nameserver ${NAME_SERVER}\n`);
    const images = JSON.stringify(await builtImages(board, engine, folder));
    return await linesFromInside(board, engine, folder, images);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function linesFromInside(board, engine, folder, images) {
  // All that runs in there ends with it. What is mounted is seen in there alone.
  const unshare = ["--map-root-user", "--net", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child"];
  const setUp = [
    `mount --bind "$0/resolv.conf" /etc/resolv.conf`,
    `ip link set lo up && ip addr add ${NAME_SERVER}/32 dev lo`,
    `ip tuntap add dev ${TAP.name} mode tap && ip addr add ${TAP.hostAddress}/24 dev ${TAP.name}`,
    `ip link set ${TAP.name} up && exec "$@"`,
  ].join(" && ");
  const script = [process.execPath, fileURLToPath(import.meta.url), board, engine, folder, images];
  const child = spawn("unshare", [...unshare, "sh", "-c", setUp, folder, ...script], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let problems = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (problems += text));
  const timer = setTimeout(() => child.kill("SIGKILL"), ALL_MS);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  if (code !== 0)
    throw new Error(`${board} on ${engine}: the checks ended with ${code}:\n${output}\n${problems}`);
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line));
}

/** Out here: builds that go on at the same time are told apart by the numbers of their processes. */
async function builtImages(board, engine, folder) {
  const image = (defines, module = STANDARD) => {
    const { image: path, problem } = buildFirmware(board, engine, { module, defines });
    if (problem) throw new Error(problem);
    return path;
  };
  const usual = image(["FIRMWARE_DHCP=1"]);
  if (board !== ONE_BOARD) return { usual };
  const trapping = join(folder, "trapping-standard.wasm");
  await writeTrappingModule(trapping, "standard");
  return {
    usual,
    trapping: image(["FIRMWARE_DHCP=1"], trapping),
    linkLocal: image(["FIRMWARE_DHCP=1", "FIRMWARE_LINK_LOCAL=1"]),
  };
}

/** In there. */
class Checks {
  constructor(board, engine, folder, images, modules) {
    Object.assign(this, { board, engine, folder, images, modules });
  }

  async all() {
    const names = new Program("dnsmasq", [...this.#serverOptions(), `--listen-address=${NAME_SERVER}`]);
    await names.says("read ");
    const image = this.images.usual;
    if (this.board.startsWith("qemu"))
      await this.#on("slirp", image, { kind: "slirp", ...LOCAL }, [names], {
        line: "10.0.2.15/24 router 10.0.2.2 dns 10.0.2.3 lease 86400 s",
      });
    await this.#on("gateway", image, { kind: "gateway", ...LOCAL }, [names], {
      line: "10.0.2.15/24 router 10.0.2.2 dns 10.0.2.2 lease 86400 s",
    });
    await this.#onTap(image);
    await this.#command(names);
    if (this.board === ONE_BOARD) {
      await this.#trap(this.images.trapping);
      await this.#linkLocal(this.images.linkLocal);
    }
    await names.end();
  }

  /** What every board must do once it has its address; `then` goes on with it. */
  async #on(link, image, reach, servers, { line, then }) {
    const service = await this.#boot(image, reach);
    const http = reach.kind === "tap" ? service.address : `${LOCAL.address}:${service.ports.http}`;
    const [said] = this.#addresses();
    tell(`${link}: lease`, line instanceof RegExp ? line.test(said) : said === line, { said });
    await this.#page(`${link}: page`, http);
    const found = await this.#ask(http, `/resolve/${NAME}`);
    // What it says may come behind what it answers.
    const asked = await until(() => servers.some((server) => server.said.includes(`query[A] ${NAME}`)));
    tell(`${link}: name`, found === `{"addresses":["${ADDRESS}"]}\n` && asked, { found, asked });
    const none = await this.#ask(http, "/resolve/none.test");
    tell(`${link}: no name`, none === `{"error":"NOT_FOUND"}\n`, { none });
    await then?.(service, http);
    await service.stop();
  }

  async #onTap(image) {
    let server = await this.#dhcpServer("--dhcp-range=10.0.0.50,10.0.0.60,120");
    const line = /^10\.0\.0\.(5\d|60)\/24 router 10\.0\.0\.1 dns 10\.0\.0\.1 lease 120 s$/;
    const then = async ({ board, address }, http) => {
      await this.#cable(board, server, address, http);
      await server.end();
      // T2; T1 is 5 s then. The board hears of that when it asks after the next time that its cable was out.
      server = await this.#dhcpServer("--dhcp-range=10.0.0.50,10.0.0.60,120", "--dhcp-option=59,6");
      await this.#unplug(board);
      await server.says(new RegExp(`(DHCPACK\\(ferrule0\\) ${address}[^]*){2}`));
      const [, found] = await Promise.all([until(() => this.#addresses().length >= 4), this.#ask(http, "/")]);
      const discovers = times(server.said, /DHCPDISCOVER/g);
      const isSame = this.#addresses().every((said) => said.startsWith(`${address}/`));
      const ok = isSame && discovers === 0 && found.includes(PAGE) && !this.console.includes("address lost");
      tell("tap: renewal", ok, { addresses: this.#addresses(), discovers });
      await this.#lost(server, http);
    };
    await this.#on(
      "tap",
      image,
      { kind: "tap", tap: TAP },
      [
        {
          get said() {
            return server.said;
          },
        },
      ],
      {
        line,
        then,
      },
    );
    await server.end();
  }

  /** While the cable is out nothing is forgotten; when it is in again the board asks whether its address is good there. */
  async #cable(board, server, address, http) {
    const acknowledged = () => times(server.said, new RegExp(`DHCPACK\\(ferrule0\\) ${address}`, "g"));
    const before = acknowledged();
    await this.#unplug(board);
    const isVerified = await until(() => acknowledged() > before && this.#addresses().length >= 2);
    const discovers = times(server.said, /DHCPDISCOVER/g);
    const page = await this.#ask(http, "/");
    const ok = isVerified && discovers === 1 && page.includes(PAGE);
    tell("tap: cable", ok, { acknowledged: acknowledged() - before, discovers });
  }

  /** Another network: the next server says no to the address, and gives another. */
  async #lost(before, http) {
    await before.end();
    const after = await this.#dhcpServer("--dhcp-range=10.0.0.100,10.0.0.110,120");
    const isOther = () => /^10\.0\.0\.1[01]\d\/24 /.test(this.#addresses().at(-1));
    const isLost = await until(() => this.console.includes("ferrule address lost\n") && isOther());
    const address = this.#addresses().at(-1).split("/")[0];
    const page = isLost ? await this.#ask(address, "/") : "";
    tell("tap: lost", isLost && address !== http && page.includes(PAGE), { address });
    await after.end();
  }

  /** As a user does it, on one of the links. */
  async #command(names) {
    const link = this.board.startsWith("qemu") ? "slirp" : this.board.startsWith("linux") ? "tap" : "gateway";
    const server = link === "tap" ? await this.#dhcpServer("--dhcp-range=10.0.0.50,10.0.0.60,120") : names;
    const asked = () => times(server.said, /query\[A\] board\.test/g);
    const before = asked();
    const what = [
      "--board",
      this.board,
      "--engine",
      this.engine,
      "--dhcp",
      "--resolve",
      NAME,
      "--link",
      link,
    ];
    const command = new Program(process.execPath, ["build/host/cli.js", "serve", ...what]);
    await command.says("Ctrl-C stops it").catch(() => {});
    const [, http = ""] = /curl http:\/\/(\S*)\/\n/.exec(command.said) ?? [];
    const page = await this.#ask(http, "/");
    const code = await command.end();
    const isAsked = await until(() => asked() > before);
    const isFound = isAsked && command.said.includes(`The board looked ${NAME} up: ${ADDRESS}\n`);
    tell("command", isFound && page.includes(PAGE) && code === 0, { said: command.said, page, code });
    if (server !== names) await server.end();
  }

  /** The core is gone, and its address with it: the next one asks for one again. */
  async #trap(image) {
    const server = await this.#dhcpServer("--dhcp-range=10.0.0.50,10.0.0.60,120");
    const service = await this.#boot(image, { kind: "tap", tap: TAP });
    const ping = new Program("ping", ["-c", "1", "-W", "1", "-p", TRAP_PATTERN, service.address]);
    await ping.ended;
    const isBack = await until(() => /^ferrule trap: [\s\S]*^ferrule address \d/m.test(this.console));
    const page = isBack ? await this.#ask(service.address, "/") : "";
    tell("trap", page.includes(PAGE), { console: this.console });
    await service.stop();
    await server.end();
  }

  /** RFC 3927, without a server. */
  async #linkLocal(image) {
    await new Program("ip", ["addr", "add", "169.254.0.1/16", "dev", TAP.name]).ended;
    const service = await this.#boot(image, { kind: "tap", tap: TAP });
    const [said] = this.#addresses();
    const page = await this.#ask(service.address, "/");
    tell("link-local", /^169\.254\.\d+\.\d+\/16 link-local$/.test(said) && page.includes(PAGE), { said });
    await service.stop();
  }

  async #boot(image, reach) {
    this.console = "";
    return await this.modules.BoardService.start({
      ...{ board: this.board, image, reach, connections: CONNECTIONS, dhcp: {} },
      wasm: readFileSync(STANDARD),
      seed: new Uint8Array(32),
      onConsole: (text) => {
        this.console += text;
      },
    });
  }

  async #unplug(board) {
    const before = times(this.console, /^ferrule link up\n/gm);
    await board.setCable(false);
    await until(() => times(this.console, /^ferrule link down\n/gm) >= before);
    await board.setCable(true);
    await until(() => times(this.console, /^ferrule link up\n/gm) > before);
  }

  /** What its console said of addresses. */
  #addresses() {
    return [...this.console.matchAll(/^ferrule address (\d.*)\n/gm)].map(([, address]) => address);
  }

  async #page(check, http) {
    const page = await this.#ask(http, "/");
    tell(check, page.includes(PAGE), { page });
  }

  async #ask(http, path) {
    try {
      const answer = await fetch(`http://${http}${path}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
      return await answer.text();
    } catch ({ message, cause }) {
      return `${message}: ${cause?.message}`;
    }
  }

  async #dhcpServer(...options) {
    rmSync(join(this.folder, "leases"), { force: true });
    const server = new Program("dnsmasq", [
      ...[
        ...this.#serverOptions(),
        `--interface=${TAP.name}`,
        "--except-interface=lo",
        "--log-dhcp",
        "--no-ping",
      ],
      ...[`--dhcp-leasefile=${join(this.folder, "leases")}`, "--dhcp-authoritative", ...options],
    ]);
    await server.says("read ");
    return server;
  }

  #serverOptions() {
    const hosts = join(this.folder, "hosts");
    writeFileSync(hosts, `${ADDRESS} ${NAME}\n`);
    return [
      ...["--no-daemon", "--conf-file=/dev/null", "--user=root", "--pid-file=", "--log-queries"],
      ...["--bind-interfaces", "--no-resolv", "--no-hosts", "--local=/test/", `--addn-hosts=${hosts}`],
    ];
  }
}

/** A program, and all that it said. */
class Program {
  said = "";

  constructor(command, args) {
    this.child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream.on("data", (text) => {
        this.said += text;
      });
    this.ended = once(this.child, "close").then(([code]) => code);
  }

  /** Waits until it has said `what`. */
  async says(what) {
    const has = () => (typeof what === "string" ? this.said.includes(what) : what.test(this.said));
    await until(() => has() || this.child.exitCode !== null);
    if (!has()) throw new Error(`${this.child.spawnfile} did not say ${what}, but:\n${this.said}`);
  }

  /** Interrupts it; resolves to its exit code. */
  async end() {
    if (this.child.exitCode === null) this.child.kill("SIGINT");
    return await this.ended;
  }
}

/** Waits until `done()`, for a bounded time; whether it came to that. */
async function until(done) {
  const limit = performance.now() + PATIENCE_MS;
  while (!done() && performance.now() < limit) await sleep(10);
  return done();
}

function times(text, pattern) {
  return [...text.matchAll(pattern)].length;
}

function tell(check, ok, more) {
  console.log(JSON.stringify({ check, ok, ...more }));
}

if (resolve(argv[1] ?? "") === fileURLToPath(import.meta.url)) {
  const [board, engine, folder, images] = argv.slice(2);
  if (folder === undefined) {
    for (const line of await runDhcpChecks(board, engine)) console.log(JSON.stringify(line));
  } else {
    const modules = await import(join(root, "build/host/board_service.js"));
    await new Checks(board, engine, folder, JSON.parse(images), modules).all();
  }
  process.exit(0);
}
