// Throughput of the device in Node behind a TAP interface, beside that of the kernel's own TCP over veth: the same
// transfer of the same bytes, in turns, in one run. The client is always the kernel's TCP, in C. Everything is in network
// namespaces of its own, which are gone with the processes that hold them.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { OWN_OPTIONS } from "../runtime_sources.mjs";
import { root } from "../support.mjs";
import { FOLDER, mustRun } from "./build.mjs";

/** What it takes, as of scripts/support.mjs, beside the engines' own tools. */
export const THROUGHPUT_TOOLS = ["namespaces", "ethtool", "gcc"];

/** Of a transfer. */
const BYTES = 128_000_000;

/** Transfers each way; the fastest counts: the others met whatever else the machine did. */
const ROUNDS = 7;

/** As the client has them: from the server, and to it. */
const DIRECTIONS = ["get", "put"];
const PATIENCE_MS = 150_000;

const SERVER = join(root, "bench/transfer_server.mjs");
const OFF = ["tso", "gso", "gro", "tx", "rx", "sg"].flatMap((name) => [name, "off"]);

/** What a row has: shares of the kernel's speed. */
export const THROUGHPUT_HEAD = ["from it", "to it"];

/**
 * For an engine a row each: the device, and the device's application over the kernel, both as shares of the kernel's own
 * speed in the device's place. `rounds` and `bytes`: for a quick look.
 */
export async function throughputRows(engine, { rounds = ROUNDS, bytes = BYTES } = {}) {
  const times = await compare(engine, rounds, bytes);
  const share = (name) => times.get(name).map((ms, index) => (times.get("kernel")[index] / ms).toFixed(3));
  return [
    { name: `Ferrule, ${engine}`, values: share(engine) },
    { name: `the same application over the kernel, beside ${engine}`, values: share("application") },
  ];
}

/** By name of a server, its fastest in milliseconds, one for each direction. */
async function compare(engine, rounds, bytes) {
  const program = buildTransfer();
  const held = [];
  try {
    const near = await hold(held, ["unshare", "--map-root-user", "--net"]);
    const far = await hold(held, [...inside(near), "unshare", "--net"]);
    await connect(near, far);
    const node = [process.execPath, SERVER];
    const servers = [
      { name: engine, address: "10.0.0.2", command: [...inside(near), ...node, engine] },
      { name: "kernel", address: "10.0.1.2", command: [...inside(far), program, "serve"] },
      {
        name: "application",
        address: "10.0.1.3",
        command: [...inside(far), ...node, "kernel"],
      },
    ];
    for (const { address, command } of servers) await start(held, [...command, address]);
    const times = new Map(servers.map(({ name }) => [name, DIRECTIONS.map(() => [])]));
    // In turns, so that whatever else this machine does meets all of them.
    for (let round = 0; round < rounds; round++)
      for (const [index, direction] of DIRECTIONS.entries())
        for (const { name, address } of servers) {
          const output = await finish([...inside(near), program, direction, address, String(bytes)]);
          times.get(name)[index].push(Number(/^ms ([\d.]+)$/m.exec(output)?.[1]));
        }
    await confirm([
      [near, "ferrule0"],
      [near, "veth0"],
      [far, "veth1"],
    ]);
    return new Map([...times].map(([name, ofDirections]) => [name, ofDirections.map(fastest)]));
  } finally {
    for (const child of held.reverse()) await end(child);
  }
}

function buildTransfer() {
  mkdirSync(FOLDER, { recursive: true });
  const program = join(FOLDER, "transfer");
  mustRun("gcc", [...OWN_OPTIONS, "-O2", join(root, "bench/transfer.c"), "-o", program]);
  return program;
}

/** A TAP interface in `near`, and veth between `near` and `far`; MTU 1500, and nothing done by interfaces. */
async function connect(near, far) {
  const script = `
    ip tuntap add dev ferrule0 mode tap && ip address add 10.0.0.1/24 dev ferrule0
    ip link add veth0 type veth peer name veth1 netns ${far.pid}
    ip address add 10.0.1.1/24 dev veth0
    for each in ferrule0 veth0; do ethtool -K $each ${OFF.join(" ")}; ip link set $each mtu 1500 up; done`;
  await finish([...inside(near), "sh", "-ec", script]);
  const there = `ip address add 10.0.1.2/24 dev veth1; ip address add 10.0.1.3/24 dev veth1
    ethtool -K veth1 ${OFF.join(" ")}; ip link set veth1 mtu 1500 up`;
  await finish([...inside(far), "sh", "-ec", there]);
}

/** Frames may not be longer, with what Ethernet puts before them. */
const FRAME_BYTES = 1514;

/** The comparison is worth nothing if an interface took more than a segment at a time. */
async function confirm(places) {
  for (const [holder, name] of places) {
    const said = await finish([...inside(holder), "ip", "-s", "-j", "link", "show", name]);
    const [{ mtu, stats64 }] = JSON.parse(said);
    for (const { bytes, packets } of [stats64.rx, stats64.tx])
      if (mtu !== 1500 || packets < 1000 || bytes / packets > FRAME_BYTES)
        throw new Error(`${name} had frames that are too long, or none, with an MTU of ${mtu}: ${said}`);
  }
}

function inside(holder) {
  return ["nsenter", "--preserve-credentials", "-U", "-n", "-t", String(holder.pid), "--"];
}

/** A process that holds a namespace. It ends with its input, and so with this process. */
function hold(held, command) {
  return start(held, [...command, "sh", "-c", "ip link set lo up && echo ready && exec cat"]);
}

/** Starts a program that says "ready", and ends with its input. */
async function start(held, [command, ...args]) {
  const child = spawn(command, args, { cwd: root });
  held.push(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  const closed = once(child, "close");
  while (!said.includes("ready\n")) {
    await Promise.race([once(child.stdout, "data"), closed]);
    if (child.exitCode !== null) throw new Error(`${command} ${args.join(" ")} ended: ${said}`);
  }
  return child;
}

/** Runs a program to its end, and returns what it printed. */
async function finish([command, ...args]) {
  const child = spawn(command, args, { cwd: root, timeout: PATIENCE_MS, killSignal: "SIGKILL" });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  child.stdin.end();
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${said}`);
  return said;
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await closed;
}

function fastest(times) {
  const least = Math.min(...times);
  if (!(least > 0)) throw new Error(`these are no times: ${times.join(", ")}`);
  return least;
}
