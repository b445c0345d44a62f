// IGMP with a switch that others have written: the Linux bridge, which looks on ("snoops") and asks who is in which group. It
// runs in the test's own network namespace, and ends with it.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ENGINE, ENGINE_PROOF, missingEngine } from "../report/engine.js";
import { missingTools } from "../report/tools.js";
import { Namespace, type Running } from "./namespace.js";

const [GROUP, OTHER] = ["239.255.255.250", "239.1.2.3"];
/** Of the bridge's clock, in hundredths of a second: it asks every 2 s, and forgets who has not answered for 5 s. */
const BRIDGE = [
  ..."mcast_snooping 1 mcast_igmp_version 2 mcast_query_interval 200 mcast_startup_query_interval 100".split(
    " ",
  ),
  ..."mcast_query_response_interval 50 mcast_membership_interval 500 mcast_last_member_interval 20".split(
    " ",
  ),
];

/** Sends "NUMBER" to the group, on port 1900. */
const SEND = `const [group, text] = process.argv.slice(1);
  const socket = require("node:dgram").createSocket("udp4");
  socket.bind(() => { socket.setMulticastInterface("10.0.0.1"); socket.send(text, 1900, group, () => socket.close()); });`;

let network: Namespace;
/** Commands that the device was given. */
let told: number;

beforeEach(async () => {
  told = 0;
  network = await Namespace.create();
  const commands = [
    `ip link add switch type bridge ${BRIDGE.join(" ")}`,
    // Only now: it lets everything through for as long as an answer may take, which was 10 s before.
    "ip link set switch type bridge mcast_querier 1",
    "ip tuntap add dev wire mode tap && ip link set wire master switch",
    "ip addr add 10.0.0.1/24 dev switch && ip link set wire up && ip link set switch up",
    "ip route add 224.0.0.0/4 dev switch",
  ];
  await network.runWell("sh", ["-c", commands.join(" && ")]);
});

afterEach(async () => await network.remove());

async function tell(device: Running, command: string): Promise<void> {
  device.child.stdin.write(`${command}\n`);
  await device.says(JSON.stringify({ done: ++told }));
}

/** Waits until the switch's table of groups has the device in `group`, or not. */
async function switchHas(group: string, has: boolean): Promise<void> {
  const limit = performance.now() + 30_000;
  for (;;) {
    const table = String(await network.runWell("bridge", ["mdb", "show", "dev", "switch"]));
    if (table.includes(`port wire grp ${group}`) === has) return;
    if (performance.now() > limit)
      expect.fail(`the switch still ${has ? "lacks" : "has"} ${group}:\n${table}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Sends to the group until the device hears it. */
async function isHeard(device: Running, group: string, text: string): Promise<void> {
  await network.runWell(process.execPath, ["-e", SEND, group, text]);
  await device.says(JSON.stringify({ heard: text, from: "10.0.0.1" }));
}

/** Packets for groups that it is not in, which came all the same. */
async function strangers(device: Running): Promise<number> {
  await tell(device, "counters");
  const line = device
    .output()
    .match(/^.*"counters":.*$/gm)
    ?.at(-1);
  const { counters } = JSON.parse(line ?? "{}");
  expect(counters.IGMP_MALFORMED).toBe(0);
  return counters.IP_NOT_OURS;
}

const needs = missingEngine ?? missingTools("namespaces");

describe.skipIf(needs)("a switch that snoops", () => {
  test("lets a group through from the first report on, for as long as its questions are answered, and not longer", async () => {
    const device = network.start(process.execPath, ["test/kernel/multicast_device.mjs", ENGINE, "wire"]);
    await device.says('{"up":');
    expect(device.output()).toMatch(new RegExp(`"up":"${ENGINE_PROOF.source.slice(1)}`));
    await tell(device, `join ${GROUP}`);
    await switchHas(GROUP, true);
    await isHeard(device, GROUP, "first");
    // Longer than the switch remembers: it has asked, and was answered.
    await new Promise((resolve) => setTimeout(resolve, 7000));
    await switchHas(GROUP, true);
    await isHeard(device, GROUP, "second");
    // What nobody is in does not come through: otherwise all of this would prove nothing.
    const before = await strangers(device);
    await network.runWell(process.execPath, ["-e", SEND, OTHER, "nobody"]);
    await isHeard(device, GROUP, "third");
    expect(await strangers(device)).toBe(before);
    await tell(device, `leave ${GROUP}`);
    await switchHas(GROUP, false);
    expect(device.output()).not.toContain("nobody");
    device.child.stdin.write("end\n");
    expect(await device.ended(), device.output()).toBe(0);
  });
});
