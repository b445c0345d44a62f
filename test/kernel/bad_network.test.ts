// The Linux kernel as the peer over networks that lose, delay, reorder, repeat and damage frames.
//
// Where the kernel has it, its own netem does that, to what the kernel sends. Else, and in both directions at once, the
// device's own link does (`--impair`), by a seed.

import { mkdirSync, rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Prng } from "../../host/sim/prng.js";
import { ENGINE, ENGINE_PROOF, missingEngine } from "../report/engine.js";
import { missingTools, root } from "../report/tools.js";
import { DEVICE, ferrule, ferruleGet, info, KERNEL, sha256, startDevice, stopDevice } from "./device.js";
import { Namespace, type Running } from "./namespace.js";
import { tshark } from "./tshark.js";

/** Of a download. What the device's engines add is not in the network, whose waits take most of the time: fewer. */
const BYTES = ENGINE === "v8" ? 20_000_000 : 4_000_000;
/** Of one that loses frames in both directions. */
const FEW_BYTES = ENGINE === "v8" ? 4_000_000 : 1_000_000;

const FOLDER = `${root}build/kernel`;
const CAPTURE = `${FOLDER}/bad_network.${ENGINE}.pcapng`;
const RECORDING = `${FOLDER}/bad_network.recording.${ENGINE}.pcapng`;

/** Rings that hold what is in flight at 20 ms and more. */
const RING = ["--ring", "262144"];

interface BadNetwork {
  name: string;
  netem: string;
  impair: string;
}

/** What the kernel sends, and the device gets. */
const NETWORKS: readonly BadNetwork[] = [
  {
    name: "loss 2%, delay 20 ms, reorder 5%, duplicate 1%",
    netem: "loss 2% delay 20ms reorder 5% 50% duplicate 1%",
    impair: "loss=2%,delay=20ms,reorder=5%,duplicate=1%,seed=4,direction=in",
  },
  { name: "corrupt 1%", netem: "corrupt 1%", impair: "corrupt=1%,seed=5,direction=in" },
];

let network: Namespace;

beforeEach(async () => {
  mkdirSync(FOLDER, { recursive: true });
  network = await Namespace.create();
});

afterEach(async () => {
  await network.remove();
});

/** Whether this kernel has netem. */
async function hasNetem(): Promise<boolean> {
  const add = "tc qdisc add dev lo root netem loss 1% && tc qdisc del dev lo root";
  return (await network.run("sh", ["-c", add])).code === 0;
}

/** Starts the device behind a bad network, by netem where there is one. */
async function startBehind({ netem, impair }: BadNetwork, ...options: string[]): Promise<Running> {
  if (!(await hasNetem())) return await startDevice(network, ...RING, ...options, "--impair", impair);
  const device = await startDevice(network, ...RING, ...options);
  await network.runWell("tc", ["qdisc", "add", "dev", "ferrule0", "root", "netem", ...netem.split(" ")]);
  return device;
}

async function download(bytes: number): Promise<void> {
  const url = `http://${DEVICE}/bytes/${bytes}`;
  const head = (await network.runWell("curl", ["-s", "-I", url])).toString();
  const out = await network.runWell("curl", ["-s", url]);
  expect(out.length).toBe(bytes);
  expect(sha256(out)).toBe(/X-Content-SHA256: (\w+)/.exec(head)?.[1]);
}

async function echo(bytes: number): Promise<void> {
  const input = Buffer.from(new Prng(bytes).bytes(bytes));
  const out = await network.runWell("curl", ["-s", "--data-binary", "@-", `http://${DEVICE}/echo`], {
    input,
  });
  expect([out.length, sha256(out)]).toEqual([bytes, sha256(input)]);
}

/** Each frame that the device dropped for its TCP checksum says so in the capture. */
async function expectComments(dropped: number): Promise<void> {
  expect(dropped).toBeGreaterThan(0);
  if (missingTools("tshark")) return;
  const { lines, stderr } = await tshark(CAPTURE, "-Y", 'frame.comment == "dropped: TCP_CHECKSUM"');
  expect(stderr).toBe("");
  // The last connection's end came after the look at the counter.
  expect(lines.length).toBeGreaterThanOrEqual(dropped);
  expect(lines.length).toBeLessThan(dropped + 5);
}

describe.skipIf(missingEngine ?? missingTools("namespaces", "curl"))("a bad network", () => {
  describe.each(NETWORKS)("$name from the kernel to the device", (bad) => {
    test("many bytes from the device and back to it, and a recording that repeats", async () => {
      const device = await startBehind(bad, "--record", RECORDING);
      expect((await info(network)).engine).toMatch(ENGINE_PROOF);
      await download(BYTES);
      await echo(BYTES);
      await stopDevice(device);
      const { code, output } = await ferrule("replay", RECORDING);
      expect([code, output]).toEqual([0, expect.stringContaining(": no difference\n")]);
      rmSync(RECORDING);
    });
  });

  test.each([
    ["loss=2%,delay=5ms,reorder=5%,duplicate=1%,seed=6", FEW_BYTES],
    ["corrupt=1%,seed=7", BYTES],
  ])("%s in both directions", async (impair, bytes) => {
    const device = await startDevice(network, ...RING, "--impair", impair, "--pcap", CAPTURE);
    await download(bytes);
    await echo(bytes);
    const { counters, engine } = await info(network);
    expect(engine).toMatch(ENGINE_PROOF);
    expect(counters.TCP_RETRANSMITS).toBeGreaterThan(0);
    await stopDevice(device);
    if (impair.startsWith("corrupt")) await expectComments(counters.TCP_CHECKSUM as number);
    rmSync(CAPTURE);
  });

  test("Ferrule as the client", async () => {
    const peer = ["test/kernel/kernel_peer.mjs", "server", "0.0.0.0", "8000"];
    await network.start(process.execPath, peer).says("listening");
    const sum = sha256(Buffer.alloc(BYTES, "the kernel's bytes "));
    for (const { impair } of NETWORKS) {
      const got = await ferruleGet(
        network,
        `http://${KERNEL}:8000/bytes/${BYTES}`,
        ...RING,
        "--impair",
        impair,
      );
      expect(got.output).toContain(`HTTP 200, ${BYTES} bytes`);
      expect(got.output).toContain(`SHA-256 ${sum}`);
      expect(got.code).toBe(0);
    }
  });
});
