// The device's end of a transfer, for the throughput of `npm run bench` (scripts/bench/throughput.mjs):
//
//     node bench/transfer_server.mjs ENGINE ADDRESS      ENGINE: v8, wasm3, aot on the interface ferrule0, or kernel
//
// Over the kernel it is the same application, for comparison. The client's first line is how many bytes it wants, or 0:
// then it sends, and is told how many arrived. Every byte is compared. The client is bench/transfer.c.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import { fileURLToPath } from "node:url";

const PORT = 5001;

/** Bytes of one write. */
const CHUNK = 65_536;

/** The stream repeats itself after so many bytes, as in transfer.c. */
const PERIOD = 65_521;

const pattern = Buffer.alloc(2 * PERIOD + CHUNK);
for (let index = 0; index < pattern.length; index++) {
  const place = index % PERIOD;
  pattern[index] = (place * 167) ^ (place >> 8);
}

const [, , engine, address] = process.argv;
if (!address) throw new Error("usage: transfer_server.mjs ENGINE ADDRESS");
const stack = engine === "kernel" ? net : await boot();
const server = stack.createServer({ allowHalfOpen: true, noDelay: true }, answer);
if (engine === "kernel") server.listen(PORT, address);
else server.listen(PORT);
await once(server, "listening");
console.log("ready");
// Whoever started it ends it, by the end of its input.
process.stdin.resume();
process.stdin.once("end", () => process.exit(0));

/** The device of `ferrule serve --link tap` with its sizes, for another application. */
async function boot() {
  const load = async (path) => await import(new URL(`../build/host/${path}.js`, import.meta.url).href);
  const names = ["device", "host", "net", "link/tap", "engines/engines", "clock"];
  const [{ bootCore, DEVICE_MAC }, { Host }, { Net }, { TapLink }, { engineNamed }, { realClock }] =
    await Promise.all(names.map(load));
  const wasm = readFileSync(fileURLToPath(new URL("../build/core.wasm", import.meta.url)));
  const config = { mac: DEVICE_MAC, address, connections: 64, listeners: 2, seed: randomBytes(32) };
  const core = bootCore(wasm, realClock, config, { engine: await engineNamed(engine) });
  return new Net(new Host(core, new TapLink("ferrule0"), realClock));
}

function answer(socket) {
  // A client that is gone has said so itself.
  socket.on("error", () => {});
  let line = "";
  const first = (data) => {
    const end = data.indexOf("\n");
    line += data.toString("latin1", 0, end < 0 ? data.length : end);
    if (end < 0) return;
    socket.off("data", first);
    if (Number(line) > 0) send(socket, Number(line));
    else take(socket, data.subarray(end + 1));
  };
  socket.on("data", first);
}

/** Writes so many bytes of the pattern, and ends the stream. */
function send(socket, bytes) {
  let sent = 0;
  const more = () => {
    while (sent < bytes) {
      const start = sent % PERIOD;
      const length = Math.min(CHUNK, bytes - sent);
      sent += length;
      if (!socket.write(pattern.subarray(start, start + length))) {
        socket.once("drain", more);
        return;
      }
    }
    socket.end();
  };
  more();
}

/** Compares all that comes with the pattern, and tells how many bytes that were: 0 when one was wrong. */
function take(socket, beginning) {
  let count = 0;
  let isRight = true;
  const check = (data) => {
    const start = count % PERIOD;
    isRight &&= data.length <= CHUNK && data.equals(pattern.subarray(start, start + data.length));
    count += data.length;
  };
  check(beginning);
  socket.on("data", check);
  socket.on("end", () => socket.end(`${isRight ? count : 0}\n`));
}
