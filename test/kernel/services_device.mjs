// A device with DHCP and DNS on a TAP interface that is there, for services.test.ts. Says what happens in JSON, a line for
// each event, and takes a command in each line of its input: "resolve NAME", "dhcp", "release", "drops", "end".
// `node services_device.mjs ENGINE INTERFACE [DNS...]`

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [engineName, interfaceName, ...dnsServers] = process.argv.slice(2);
const load = (path) => import(new URL(`../../build/host/${path}.js`, import.meta.url).href);
const say = (line) => console.log(JSON.stringify(line));

const { createCore } = await load("core");
const { realClock } = await load("clock");
const { DhcpClient } = await load("dhcp");
const { Resolver } = await load("dns");
const { engineNamed } = await load("engines/engines");
const { Host } = await load("host");
const { TapLink } = await load("link/tap");

const config = {
  mac: "02:46:52:00:00:07",
  connections: 2,
  sendRingBytes: 4096,
  receiveRingBytes: 4096,
  queries: 3,
  cacheEntries: 8,
  dnsServers,
  seed: crypto.getRandomValues(new Uint8Array(32)),
};
const wasm = readFileSync(new URL("../../build/standard.wasm", import.meta.url));
const core = createCore(wasm, config, { now: realClock.now(), engine: await engineNamed(engineName) });
const tap = new TapLink(interfaceName);
const host = new Host(core, tap, realClock);
const resolver = new Resolver(host);
let client;

const COMMANDS = {
  dhcp() {
    client = new DhcpClient(host, { hostName: "ferrule-test" });
    client.on("lease", (lease) => say({ lease }));
    client.on("lost", () => say({ lost: true }));
  },
  async resolve(name) {
    try {
      say({ name, addresses: await resolver.resolve4(name) });
    } catch ({ code }) {
      say({ name, code });
    }
  },
  async release() {
    const closed = once(client, "close");
    client.release();
    await closed;
    say({ released: true });
  },
  counters() {
    say({ counters: host.core.counters() });
  },
};

say({ up: core.engine.name });
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = line.split(" ");
  if (command === "end") break;
  await COMMANDS[command](argument);
}
host.close();
await tap.close();
// Its input is still open.
process.exit(0);
