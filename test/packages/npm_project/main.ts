// What somebody writes who has installed the package: two devices on a wire in memory, HTTP and a datagram between them.

import { randomBytes } from "node:crypto";
import http from "node:http";
import { type CoreConfig, createCore, Dgram, Host, Net, readModule, Wire } from "ferrule";

const wire = new Wire();
const wasm = readModule("standard");

function start(last: number): Host {
  const config: CoreConfig = {
    mac: `02:00:00:00:00:0${last}`,
    address: `10.0.0.${last}`,
    connections: 4,
    datagramSockets: 1,
    datagramQueueBytes: 2048,
    seed: randomBytes(32),
  };
  return new Host(createCore(wasm, config, { now: performance.now() }), wire.port());
}

const [left, right] = [start(1), start(2)];
const service = http.createServer((_request, response) => response.end("a page\n"));
const server = new Net(right).createServer({ allowHalfOpen: true }, (socket) =>
  service.emit("connection", socket),
);
await new Promise<void>((listening) => server.listen(80, listening));

const net = new Net(left);
class Agent extends http.Agent {
  override createConnection(options: http.ClientRequestArgs) {
    return net.connect({ host: options.host as string, port: Number(options.port) });
  }
}
const agent = new Agent();
const page = await new Promise<string>((done, fail) => {
  const request = http.get("http://10.0.0.2/", { agent }, (response) => {
    let text = "";
    response.on("data", (data: Buffer) => {
      text += data;
    });
    response.on("end", () => done(text));
  });
  request.on("error", fail);
});
console.log(`http: ${page.trim()}`);

const heard = new Promise<string>((done) => {
  const socket = new Dgram(right).createSocket("udp4", (data) => done(data.toString()));
  socket.bind(5000);
});
new Dgram(left).createSocket("udp4").send("a datagram", 5000, "10.0.0.2");
console.log(`udp: ${await heard}`);
process.exit(0);
