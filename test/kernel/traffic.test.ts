// The Linux kernel as the peer of the device, over a TAP interface: everyday traffic, and what Wireshark says of it.

import { closeSync, mkdirSync, openSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Prng } from "../../host/sim/prng.js";
import { ENGINE, ENGINE_PROOF, missingEngine } from "../report/engine.js";
import { missingTools, root } from "../report/tools.js";
import {
  DEVICE,
  ferrule,
  info,
  makeKernelPatient,
  sha256,
  startDevice,
  stopDevice,
  untilInfo,
} from "./device.js";
import { Namespace, type Running } from "./namespace.js";
import { expectClean } from "./tshark.js";

const FOLDER = `${root}build/kernel`;
const CAPTURE = `${FOLDER}/traffic.${ENGINE}.pcapng`;
const RECORDING = `${FOLDER}/traffic.recording.${ENGINE}.pcapng`;

const CONNECTIONS = 1000;

function replay() {
  return ferrule("replay", RECORDING);
}

/** Flips the bits of one octet. */
function changeByte(path: string, at: number): void {
  const file = openSync(path, "r+");
  const octet = Buffer.alloc(1);
  readSync(file, octet, 0, 1, at);
  octet[0] = ~(octet[0] as number);
  writeSync(file, octet, 0, 1, at);
  closeSync(file);
}

describe.skipIf(missingEngine ?? missingTools("namespaces", "curl"))("the device and the kernel", () => {
  let network: Namespace;
  let device: Running;

  beforeAll(async () => {
    mkdirSync(FOLDER, { recursive: true });
    for (const file of [CAPTURE, RECORDING]) rmSync(file, { force: true });
    network = await Namespace.create();
    device = await startDevice(network, "--connections", "1024", "--pcap", CAPTURE, "--record", RECORDING);
    await makeKernelPatient(network);
  });

  afterAll(async () => {
    await network?.remove();
  });

  test("the device's engine", async () => {
    expect((await info(network)).engine).toMatch(ENGINE_PROOF);
  });

  test.skipIf(missingTools("ping")).each([56, 1472])("ping with %i bytes", async (bytes) => {
    const out = await network.runWell("ping", ["-n", "-c", "5", "-i", "0.2", "-s", String(bytes), DEVICE]);
    expect(out.toString()).toContain("5 packets transmitted, 5 received, 0% packet loss");
  });

  test("20 MB come with curl", async () => {
    const url = `http://${DEVICE}/bytes/20000000`;
    const head = (await network.runWell("curl", ["-s", "-I", url])).toString();
    const out = await network.runWell("curl", ["-s", url]);
    expect(out.length).toBe(20_000_000);
    expect(sha256(out)).toBe(/X-Content-SHA256: (\w+)/.exec(head)?.[1]);
  });

  test("5 MB go with curl, and come back", async () => {
    const input = Buffer.from(new Prng(1).bytes(5_000_000));
    const args = ["-s", "--data-binary", "@-", `http://${DEVICE}/echo`];
    expect(sha256(await network.runWell("curl", args, { input }))).toBe(sha256(input));
  });

  test.skipIf(missingTools("nc"))("10 MB of echo with nc", async () => {
    const input = Buffer.from(new Prng(2).bytes(10_000_000));
    const out = await network.runWell("nc", ["-N", DEVICE, "7"], { input });
    expect([out.length, sha256(out)]).toEqual([input.length, sha256(input)]);
  });

  test.skipIf(missingTools("ab")).each([
    ["a connection each", []],
    ["kept connections", ["-k"]],
  ])("10,000 requests of 32 clients, %s", async (_name, options) => {
    const out = await network.runWell("ab", [
      "-q",
      "-n",
      "10000",
      "-c",
      "32",
      ...options,
      `http://${DEVICE}/info`,
    ]);
    const text = out.toString();
    expect(text).toMatch(/Complete requests: +10000\n/);
    expect(text).toMatch(/Failed requests: +0\n/);
    expect(text).not.toContain("Non-2xx");
  });

  test("1,000 connections at once", async () => {
    const peer = network.start(process.execPath, [
      "test/kernel/kernel_peer.mjs",
      "many",
      DEVICE,
      "7",
      "1000",
    ]);
    await peer.says('"echoed":');
    expect(peer.output()).toBe(`{"open":${CONNECTIONS}}\n{"echoed":${CONNECTIONS}}\n`);
    // One more asks.
    expect((await info(network)).usage.connections.used).toBe(CONNECTIONS + 1);
    peer.child.stdin.end();
    await peer.says(`{"ended":${CONNECTIONS}}`);
    await untilInfo(network, ({ usage }) => usage.connections.used === 1);
  });

  test("the device has its records back", async () => {
    const output = await stopDevice(device);
    expect(output).toMatch(/\n0 retransmissions, /);
  });

  test.skipIf(missingTools("tshark"))(
    "Wireshark finds nothing to complain of",
    async () => {
      await expectClean(CAPTURE);
      rmSync(CAPTURE);
    },
    120_000,
  );

  test("the recording of it all repeats without a difference", async () => {
    const { code, output } = await replay();
    expect([code, output]).toEqual([0, expect.stringMatching(/ calls of device, .*: no difference\n$/)]);
    expect(Number(/([\d,]+) frames/.exec(output)?.[1]?.replaceAll(",", ""))).toBeGreaterThan(50_000);
  });

  test("one byte of it changed is named", async () => {
    const { size } = statSync(RECORDING);
    const at = Math.floor(size / 2);
    changeByte(RECORDING, at);
    const { code, output } = await replay();
    expect(code).toBe(1);
    const [, begin, end] = /damaged.*octets? (\d+) to (\d+)/.exec(output) ?? [];
    expect([Number(begin) <= at, at <= Number(end)], output).toEqual([true, true]);
    rmSync(RECORDING);
  });
});
