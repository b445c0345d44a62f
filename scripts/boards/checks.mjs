// Checks a board with the Linux kernel as its peer, and measures it: a process of its own in a network namespace.
//
//     unshare --map-root-user --net node scripts/boards/checks.mjs BOARD ENGINE
//
// Prints a line of JSON for each check, { check, ok, ... }, and what it measured in the last one. Uses what setup has built
// of the host. See `runChecks` for those who want the lines.

import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { argv } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { buildFirmware } from "../firmware.mjs";
import { root } from "../support.mjs";

const DEVICE = "10.0.0.2";
const TAP = { name: "ferrule0", hostAddress: "10.0.0.1", deviceAddress: DEVICE, prefixLength: 24 };
/** What the firmware is built with so that it finds itself there. */
export const TAP_DEFINES = ["FIRMWARE_ADDRESS=10,0,0,2", "FIRMWARE_ROUTER=10,0,0,1"];

/** Bytes of the large transfers: an emulated RP2040 is slow. */
const BYTES = { rp2040: 100_000, others: 1_048_576 };
const LOSSY_BYTES = { rp2040: 100_000, others: 200_000 };
const IMPAIRMENT = "loss=5%,reorder=3%,duplicate=2%,delay=2ms,seed=7";

const CONNECTIONS = 200;
const AT_ONCE = 8;
const REQUESTS = 100;

/** How long the board is left alone to see how much it sleeps, in milliseconds. */
const IDLE_MS = 3000;

/** How long a program may take, in milliseconds. */
const PATIENCE_MS = 60_000;

/** How long all checks of a board may take, in milliseconds. */
const ALL_MS = 300_000;

/**
 * Runs the checks of a board in a namespace of their own. `trapping`: path of a core that traps on `trapPattern` in a ping.
 * Resolves to the lines; rejects with what the process said when it fails itself.
 */
export async function runChecks(board, engine, { trapping, trapPattern }) {
  const script = fileURLToPath(import.meta.url);
  const args = ["--map-root-user", "--net", process.execPath, script, board, engine, trapping, trapPattern];
  const child = spawn("unshare", args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let problems = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (problems += text));
  const timer = setTimeout(() => child.kill("SIGKILL"), ALL_MS);
  const code = await new Promise((done) => child.once("close", done));
  clearTimeout(timer);
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  if (code !== 0)
    throw new Error(`${board} on ${engine}: the checks ended with ${code}:\n${output}\n${problems}`);
  return lines.map((line) => JSON.parse(line));
}

/** In the namespace. */
class Checks {
  constructor(board, engine, modules) {
    this.board = board;
    this.engine = engine;
    this.modules = modules;
    this.small = board.startsWith("rp2040");
    this.console = "";
  }

  async all(trapping, pattern) {
    const { image } = built(buildFirmware(this.board, this.engine, { defines: TAP_DEFINES }));
    await this.with({ image }, async (service) => {
      await this.ping();
      await this.bytes("bytes", this.small ? BYTES.rp2040 : BYTES.others);
      await this.echo(this.small ? BYTES.rp2040 : BYTES.others);
      await this.connections();
      await this.measure(service);
    });
    await this.with({ image, impairment: IMPAIRMENT }, async () => {
      await this.bytes("lossy", this.small ? LOSSY_BYTES.rp2040 : LOSSY_BYTES.others);
      const { retransmits } = await info();
      tell("lossy-retransmits", retransmits > 0, { retransmits });
    });
    const module = built(buildFirmware(this.board, this.engine, { defines: TAP_DEFINES, module: trapping }));
    await this.with({ image: module.image }, () => this.trap(pattern));
  }

  /** Boots the firmware on TAP for as long as `use` takes. */
  async with({ image, impairment }, use) {
    const { BoardService, realClock, impairLink, parseImpairment } = this.modules;
    this.console = "";
    let stop = () => {};
    const wrapLink = (link) => {
      if (!impairment) return link;
      const impaired = impairLink(link, realClock, parseImpairment(impairment));
      stop = impaired.stop;
      return impaired.link;
    };
    const service = await BoardService.start({
      board: this.board,
      image,
      reach: { kind: "tap", tap: TAP },
      connections: AT_ONCE,
      wasm: readFileSync(join(root, "build/core.wasm")),
      seed: new Uint8Array(32),
      wrapLink,
      onConsole: (text) => {
        this.console += text;
      },
      // Where QEMU counts instructions.
      time: this.board.startsWith("qemu") ? "virtual" : "real",
    });
    try {
      await use(service);
    } finally {
      stop();
      await service.stop();
    }
  }

  async ping() {
    const counts = [];
    for (const args of [
      ["-c", "5", "-i", "0.1"],
      ["-c", "3", "-i", "0.1", "-s", "1472"],
    ]) {
      const { output } = await run("ping", [...args, "-W", "5", DEVICE]);
      counts.push(Number(/(\d+) received/.exec(output)?.[1]));
    }
    tell("ping", counts[0] === 5 && counts[1] === 3, { received: counts });
  }

  /** Fetches bytes, whose digest everybody can compute. */
  async bytes(check, count) {
    const wanted = await this.modules.sha256OfBytes(count, () => true);
    const { data } = await run("curl", ["-s", "-m", "50", `http://${DEVICE}/bytes/${count}`]);
    tell(check, data.length === count && sha256(data) === wanted, { count, received: data.length });
  }

  async echo(count) {
    const sent = Buffer.alloc(count, (_, index) => (index * 31) & 0xff).fill("seven and more", 1000, 5000);
    const args = ["-s", "-m", "50", "--data-binary", "@-", `http://${DEVICE}/echo`];
    const { data } = await run("curl", args, sent);
    tell("echo", data.equals(sent), { count, received: data.length });
  }

  /** One after the other, then several at once. */
  async connections() {
    for (const [check, atOnce] of [
      ["connections", 1],
      ["at-once", AT_ONCE],
    ]) {
      // A machine that is busy may let QEMU wait for long.
      const args = ["-q", "-s", "50", "-n", CONNECTIONS, "-c", atOnce, `http://${DEVICE}/info`];
      const { output } = await run("ab", args.map(String));
      const count = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(output)?.[1]);
      const ok = count("Complete requests") === CONNECTIONS && count("Failed requests") === 0;
      tell(check, ok, {
        complete: count("Complete requests"),
        failed: count("Failed requests"),
        atOnce,
        ...(!ok && { output }),
      });
    }
  }

  /** Instructions per request, depth of the stack, memory, share of time awake. */
  async measure({ board }) {
    const read = async () => {
      const now = await info();
      const counted = Number(now.instructions) || board.instructions();
      return { ...now, instructions: counted, awakeNs: board.awakeNs(), boardMs: board.clock.now() };
    };
    const before = await read();
    await run("ab", ["-q", "-k", "-n", String(REQUESTS), `http://${DEVICE}/`]);
    const between = await read();
    await sleep(IDLE_MS);
    const after = await read();
    // The requests that ask are counted with those that are asked for.
    const requests = between.requests - before.requests;
    const perRequest =
      before.instructions && Math.round((between.instructions - before.instructions) / requests);
    const spentMs = after.uptimeMs - between.uptimeMs;
    tell("measured", requests > REQUESTS, {
      requests,
      instructionsPerRequest: perRequest ?? null,
      idleMs: spentMs,
      // Of the request that asked, too.
      idleInstructions: after.instructions ? after.instructions - between.instructions - perRequest : null,
      awake:
        after.awakeNs === undefined
          ? null
          : (after.awakeNs - between.awakeNs) / 1e6 / (after.boardMs - between.boardMs),
      stackBytes: after.stackBytes,
      memoryBytes: after.memoryBytes,
      staticBytes: after.staticBytes,
      info: after,
    });
  }

  async trap(pattern) {
    const { data } = await run("curl", ["-s", "-m", "20", `http://${DEVICE}/info`]);
    const before = JSON.parse(String(data)).restarts;
    const limit = performance.now() + PATIENCE_MS;
    // Once is enough, if it arrives.
    while (!/^ferrule trap: .*\n/m.test(this.console) && performance.now() < limit)
      await run("ping", ["-c", "1", "-W", "1", "-p", pattern, DEVICE]);
    const said = /^ferrule trap: (.*)$/m.exec(this.console)?.[1];
    const { restarts } = await info();
    tell("trap", before === 0 && restarts >= 1 && said !== undefined, { said, restarts });
    await this.bytes("after-trap", 20_000);
  }
}

/** What the board tells of itself; asks again while it restarts. */
async function info() {
  const { data, output } = await run("curl", [
    "-s",
    "-m",
    "40",
    "--retry",
    "20",
    "--retry-connrefused",
    "--retry-delay",
    "1",
    "--retry-all-errors",
    `http://${DEVICE}/info`,
  ]);
  try {
    return JSON.parse(String(data));
  } catch {
    throw new Error(`the board does not tell of itself: ${output}`);
  }
}

function built(firmware) {
  if (firmware.problem) throw new Error(firmware.problem);
  return firmware;
}

/** Runs a program to its end; resolves to all that it wrote, whatever its exit status. */
function run(command, args, input) {
  return new Promise((done) => {
    const options = { timeout: PATIENCE_MS, maxBuffer: 16 * 1024 * 1024, encoding: "buffer" };
    const child = execFile(command, args, options, (_error, stdout, stderr) =>
      done({ data: stdout, output: `${stdout.subarray(0, 4000)}${stderr}` }),
    );
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

function tell(check, ok, more) {
  console.log(JSON.stringify({ check, ok, ...more }));
}

function sha256(data) {
  return createHash("sha256").update(data).digest("hex");
}

/** The host as setup has built it. */
async function builtHost() {
  const names = ["board_service", "clock", "sim/impaired", "apps/reproducible_bytes"];
  const modules = await Promise.all(names.map((name) => import(join(root, `build/host/${name}.js`))));
  return Object.assign({}, ...modules);
}

if (resolve(argv[1] ?? "") === fileURLToPath(import.meta.url)) {
  const [board, engine, trapping, pattern] = argv.slice(2);
  await new Checks(board, engine, await builtHost()).all(trapping, pattern);
  process.exit(0);
}
