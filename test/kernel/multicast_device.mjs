// A device with datagram sockets on a TAP interface that is there, for multicast.test.ts. Says what happens in JSON, a line for
// each event, and takes a command in each line of its input: "join GROUP", "leave GROUP", "counters", "end".
// `node multicast_device.mjs ENGINE INTERFACE`

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [engineName, interfaceName] = process.argv.slice(2);
const load = (path) => import(new URL(`../../build/host/${path}.js`, import.meta.url).href);
const say = (line) => console.log(JSON.stringify(line));

const { createCore } = await load("core");
const { realClock } = await load("clock");
const { Dgram } = await load("dgram");
const { engineNamed } = await load("engines/engines");
const { Host } = await load("host");
const { TapLink } = await load("link/tap");

const config = {
  mac: "02:46:52:00:00:08",
  address: "10.0.0.2",
  netmask: "255.255.255.0",
  connections: 1,
  datagramSockets: 1,
  datagramQueueBytes: 2048,
  seed: crypto.getRandomValues(new Uint8Array(32)),
};
const wasm = readFileSync(new URL("../../build/standard.wasm", import.meta.url));
const core = createCore(wasm, config, { now: realClock.now(), engine: await engineNamed(engineName) });
const tap = new TapLink(interfaceName);
const host = new Host(core, tap, realClock);
const socket = new Dgram(host).createSocket("udp4");
socket.on("message", (data, { address }) => say({ heard: data.toString(), from: address }));
await new Promise((done) => socket.bind(1900, done));

const COMMANDS = {
  join: (group) => socket.addMembership(group),
  leave: (group) => socket.dropMembership(group),
  counters: () => say({ counters: core.counters() }),
};

let done = 0;
say({ up: core.engine.name });
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = line.split(" ");
  if (command === "end") break;
  COMMANDS[command](argument);
  say({ done: ++done });
}
host.close();
await tap.close();
// Its input is still open.
process.exit(0);
