// Requests over keep-alive connections from Node's HTTP client to Node's HTTP server, over two cores on a wire in memory;
// prints the time and the memory in use at an early and a late mark as JSON. test/net/http_load.test.ts runs it.
//
//   node --expose-gc scripts/http_load.mjs [requests] [connections] [leak]
//
// With "leak" it keeps every answer, so that the test can see that the marks would show it.

import { readFileSync } from "node:fs";
import http from "node:http";
import { fileURLToPath } from "node:url";

const build = (path) => new URL(`../build/${path}`, import.meta.url);
const { createCore } = await import(build("host/core.js").href);
const { Host } = await import(build("host/host.js").href);
const { Wire } = await import(build("host/link/wire.js").href);
const { Net } = await import(build("host/net.js").href);

const [requests = 100_000, connections = 16] = process.argv.slice(2, 4).map(Number);
const kept = process.argv[4] === "leak" ? [] : undefined;

/** Marks as parts of all requests: the first when everything is warm. */
const EARLY = 0.2;
const LATE = 1;

if (!(requests >= 100 && connections >= 1 && connections <= 64) || typeof globalThis.gc !== "function") {
  const name = fileURLToPath(import.meta.url);
  process.stderr.write(
    `Usage: node --expose-gc ${name} [requests, from 100] [connections, 1 to 64] [leak]\n`,
  );
  process.exit(2);
}

const wasm = readFileSync(build("core.wasm"));
const wire = new Wire();
const createNet = (number) =>
  new Net(
    new Host(
      createCore(
        wasm,
        {
          mac: `02:00:00:00:00:0${number}`,
          address: `10.0.0.${number}`,
          connections,
          seed: new Uint8Array(32).fill(number),
          sendRingBytes: 32768,
          receiveRingBytes: 32768,
        },
        { now: performance.now() },
      ),
      wire.port(),
    ),
  );
const client = createNet(1);
const device = createNet(2);

let answered = 0;
const service = http.createServer((_request, response) => {
  answered++;
  response.end("hello");
});
const server = device.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
  service.emit("connection", socket),
);
server.listen(80);

class Agent extends http.Agent {
  createConnection(options) {
    return client.connect(options);
  }
}
const agent = new Agent({ keepAlive: true, maxSockets: connections });

let sent = 0;
let failed = 0;
const marks = [];

/** Requests in a row, one after the other, until all are sent. */
async function visitor() {
  while (sent < requests) {
    sent++;
    const isMark = sent === Math.round(requests * EARLY) || sent === Math.round(requests * LATE);
    await request();
    if (isMark) marks.push(memory());
  }
}

function request() {
  return new Promise((resolve) => {
    http
      .get({ agent, host: "10.0.0.2" }, (response) => {
        if (response.statusCode !== 200) failed++;
        kept?.push(response);
        response.resume().on("end", resolve);
      })
      .on("error", () => {
        failed++;
        resolve();
      });
  });
}

function memory() {
  globalThis.gc();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { at: sent, heapUsed, external, arrayBuffers };
}

const began = performance.now();
await Promise.all(Array.from({ length: connections }, visitor));
const seconds = (performance.now() - began) / 1000;
const { connectionsUsed } = device.host.core.header();
process.stdout.write(
  `${JSON.stringify({ requests, answered, failed, opened: connectionsUsed, seconds, marks })}\n`,
);
agent.destroy();
server.closeAllConnections();
server.close();
client.host.close();
device.host.close();
