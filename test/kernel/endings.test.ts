// Connections that do not end well, with the Linux kernel at the other end: reset, half-closed, abandoned, refused. None
// may cost the device its record for longer than it says.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ENGINE_PROOF, missingEngine } from "../report/engine.js";
import { missingTools } from "../report/tools.js";
import { DEVICE, ferruleGet, info, KERNEL, sha256, startDevice, stopDevice, untilInfo } from "./device.js";
import { Namespace, type Running } from "./namespace.js";

const PEER = "test/kernel/kernel_peer.mjs";

let network: Namespace;

beforeEach(async () => {
  network = await Namespace.create();
});

afterEach(async () => {
  await network.remove();
});

/** The kernel's address goes away, and another one comes. */
async function changeAddress(): Promise<void> {
  const change = `ip addr del ${KERNEL}/24 dev ferrule0 && ip addr add 10.0.0.9/24 dev ferrule0`;
  await network.runWell("sh", ["-c", change]);
}

/** Only the connection that asks is there. */
const nobodyElse = ({ usage }: { usage: { connections: { used: number } } }) => usage.connections.used === 1;

describe.skipIf(missingEngine ?? missingTools("namespaces", "curl"))("the device as server", () => {
  let device: Running;

  beforeEach(async () => {
    device = await startDevice(network, "--idle-timeout", "2");
    expect((await info(network)).engine).toMatch(ENGINE_PROOF);
  });

  afterEach(async () => {
    await stopDevice(device);
  });

  test("the kernel resets in the middle of an answer", async () => {
    await network.runWell(process.execPath, [PEER, "reset", DEVICE, "80", "20"]);
    const { counters } = await untilInfo(network, nobodyElse);
    expect(counters.TCP_RESETS_IN).toBe(20);
  });

  test("the kernel half-closes at once; the device sends all it owes", async () => {
    const out = await network.runWell(process.execPath, [PEER, "half-close", DEVICE, "7", "3000000"]);
    expect(JSON.parse(out.toString())).toEqual({ bytes: 3_000_000, same: true });
    await untilInfo(network, nobodyElse);
  });

  test("the kernel's program stops to read: the window stays shut, and the device ends it", async () => {
    const peer = network.start(process.execPath, [PEER, "stall", DEVICE, "80"]);
    await peer.says("stalled");
    const before = await info(network);
    expect(before.usage.connections.used).toBe(2);
    const { counters } = await untilInfo(network, nobodyElse);
    expect(counters.TCP_PROBES).toBeGreaterThan(0);
    const sockets = await network.runWell("ss", ["-Htn", "state", "established"]);
    expect(sockets.toString()).toBe("");
  });

  test("the kernel vanishes: its address goes away", async () => {
    const peer = network.start(process.execPath, [PEER, "stall", DEVICE, "80"]);
    await peer.says("stalled");
    // Another address of the same kernel asks; the first one neither answers nor resets any more.
    await changeAddress();
    const { counters } = await untilInfo(network, nobodyElse);
    expect(counters.TCP_RESETS_IN).toBe(0);
  });

  test("the kernel vanishes, and then the service stops: the records are not missed", async () => {
    for (const port of ["80", "7"])
      await network.start(process.execPath, [PEER, "idle", DEVICE, port]).says("idle");
    await changeAddress();
    // These two, and the one that asked which engine executes.
    expect(await stopDevice(device)).toContain("\n3 connections, ");
    device = await startDevice(network);
  });

  test("a client that ends is not kept waiting, and the port answers again", async () => {
    for (let round = 0; round < 3; round++)
      expect((await network.runWell("curl", ["-s", `http://${DEVICE}/bytes/100`])).length).toBe(100);
    await untilInfo(network, nobodyElse);
  });

  test("a port that nobody listens on refuses", async () => {
    const { code, stderr } = await network.run("curl", ["-sS", `http://${DEVICE}:81/`]);
    expect([code, stderr]).toEqual([7, expect.stringMatching(/Connection refused|Couldn't connect/)]);
  });

  test("the interface is taken away: the service says so and ends", async () => {
    const own = await Namespace.create();
    const service = await startDevice(own);
    await own.runWell("ip", ["link", "del", "ferrule0"]);
    await service.says("the interface ferrule0 went away");
    expect(await service.ended()).toBe(1);
    await own.remove();
  });
});

describe.skipIf(missingEngine ?? missingTools("namespaces"))("the device as client", () => {
  beforeEach(async () => {
    const server = network.start(process.execPath, [PEER, "server", "0.0.0.0", "8000"]);
    await server.says("listening");
  });

  test("20 MB of a kernel server", async () => {
    const { code, output } = await ferruleGet(network, `http://${KERNEL}:8000/bytes/20000000`);
    expect([code, output]).toEqual([0, expect.stringContaining("HTTP 200, 20000000 bytes")]);
    expect(output).toContain(`SHA-256 ${sha256(Buffer.alloc(20_000_000, "the kernel's bytes "))}`);
  });

  test.each([
    ["nothing is there", ":8000/nothing", "HTTP 404"],
    ["the kernel resets in the middle", ":8000/reset", "ECONNRESET"],
    ["nobody listens", ":8001/", "ECONNREFUSED"],
  ])("%s", async (_name, where, text) => {
    const { code, output } = await ferruleGet(network, `http://${KERNEL}${where}`);
    expect([code, output]).toEqual([1, expect.stringContaining(text)]);
  });

  test.each([
    ["an address of nobody", "http://10.0.0.255/", "connect EINVAL"],
    ["the device's own address", `http://${DEVICE}/`, "connect EINVAL"],
    ["half an answer", `http://${KERNEL}:8000/part`, "nothing came for 1 s after 10 B"],
    ["no such folder", `http://${KERNEL}:8000/bytes/9`, "--output /nowhere/file: ENOENT"],
  ])("%s", async (name, url, text) => {
    const output = name === "no such folder" ? ["--output", "/nowhere/file"] : [];
    const got = await ferruleGet(network, url, "--timeout", "1", ...output);
    expect([got.code, got.output]).toEqual([1, expect.stringContaining(text)]);
  });

  test("the interface is taken away: it says so and ends", async () => {
    const running = network.start(process.execPath, [
      ...["build/host/cli.js", "get", `http://${KERNEL}:8000/part`, "--timeout", "3600"],
    ]);
    const isUp = async () => (await network.run("ip", ["link", "show", "ferrule0", "up"])).stdout.length > 0;
    await expect.poll(isUp, { timeout: 20_000 }).toBe(true);
    await network.runWell("ip", ["link", "del", "ferrule0"]);
    expect(await running.ended()).toBe(1);
    expect(running.output()).toContain("the interface ferrule0 went away");
  });

  test("nobody has the address", async () => {
    const { code, output } = await ferruleGet(network, "http://10.0.0.77:8000/");
    expect([code, output]).toEqual([1, expect.stringContaining("EHOSTUNREACH")]);
  });

  test("a server that never answers", async () => {
    const silent = network.start(process.execPath, [PEER, "silent", "0.0.0.0", "8002"]);
    await silent.says("listening");
    const { code, output } = await ferruleGet(network, `http://${KERNEL}:8002/`, "--timeout", "1");
    expect([code, output]).toEqual([1, expect.stringContaining("nothing came for 1 s")]);
  });
});
