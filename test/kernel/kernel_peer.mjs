// A program for the kernel's side of a test: TCP sockets of Node, and so of Linux. Speaks JSON, a line for each result.
// `node kernel_peer.mjs TASK HOST PORT [NUMBER]`

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";

const [task, host, portText, numberText] = process.argv.slice(2);
const port = Number(portText);
const number = Number(numberText ?? 0);

const say = (result) => console.log(JSON.stringify(result));

const TASKS = {
  // Opens `number` connections, 100 at a time, sends a line on each and reads it back, then ends them all.
  async many() {
    const sockets = [];
    for (let index = 0; index < number; index++) {
      sockets.push(connect({ host, port, allowHalfOpen: true }));
      if (index % 100 === 99) await Promise.all(sockets.slice(-100).map((socket) => opened(socket)));
    }
    await Promise.all(sockets.map((socket) => opened(socket)));
    say({ open: sockets.filter(({ readyState }) => readyState === "open").length });
    let echoed = 0;
    const answers = sockets.map(async (socket, index) => {
      const text = `connection ${index}\n`;
      socket.write(text);
      if ((await readBytes(socket, text.length)).toString() === text) echoed++;
    });
    await Promise.all(answers);
    say({ echoed });
    // The test looks at the device now; it ends our input then.
    process.stdin.resume();
    await once(process.stdin, "end");
    let ended = 0;
    await Promise.all(
      sockets.map(async (socket) => {
        socket.end();
        socket.resume();
        await once(socket, "close");
        ended++;
      }),
    );
    say({ ended });
  },

  // Resets `number` connections in the middle of a long answer.
  async reset() {
    for (let index = 0; index < number; index++) {
      const socket = connect({ host, port });
      socket.write("GET /bytes/50000000 HTTP/1.1\r\nHost: device\r\n\r\n");
      const bytes = (await once(socket, "data"))[0].length;
      socket.pause();
      socket.resetAndDestroy();
      await once(socket, "close");
      say({ bytes });
    }
  },

  // Sends `number` bytes to the echo server, ends its direction at once, and reads until the other one ends.
  async "half-close"() {
    const data = Buffer.alloc(number, "half-closed ");
    const socket = connect({ host, port, allowHalfOpen: true });
    socket.end(data);
    const hash = createHash("sha256");
    let bytes = 0;
    socket.on("data", (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    await once(socket, "close");
    say({ bytes, same: hash.digest("hex") === createHash("sha256").update(data).digest("hex") });
  },

  // Asks for a long answer, reads its beginning, and then nothing more; does not end either.
  async stall() {
    const socket = connect({ host, port });
    socket.write("GET /bytes/50000000 HTTP/1.1\r\nHost: device\r\n\r\n");
    await once(socket, "data");
    socket.pause();
    say({ stalled: true });
    setInterval(() => {}, 1000);
  },

  // Gets an answer on a connection that stays open, and is silent then; on another port than 80 it is an echo.
  async idle() {
    const socket = connect({ host, port });
    socket.write("GET /bytes/10 HTTP/1.1\r\nHost: device\r\n\r\n");
    await once(socket, "data");
    say({ idle: true });
    setInterval(() => {}, 1000);
  },

  // A web server: /bytes/N, /reset (in the middle of the answer), /part (half an answer, and then nothing).
  async server() {
    const server = createHttpServer((request, response) => {
      const bytes = Number(/^\/bytes\/(\d+)$/.exec(request.url)?.[1] ?? Number.NaN);
      if (request.url === "/reset") {
        response.writeHead(200, { "Content-Length": 1_000_000 });
        response.write(Buffer.alloc(100_000), () => setTimeout(() => request.socket.resetAndDestroy(), 50));
      } else if (request.url === "/part") {
        response.writeHead(200, { "Content-Length": 20 });
        response.write("half of it");
      } else if (Number.isNaN(bytes)) response.writeHead(404).end("nothing here\n");
      else response.end(Buffer.alloc(bytes, "the kernel's bytes "));
    });
    server.listen(port, host);
    await once(server, "listening");
    say({ listening: true });
  },

  // Accepts a connection, and says nothing on it, ever.
  async silent() {
    const server = createServer(() => {});
    server.listen(port, host);
    await once(server, "listening");
    say({ listening: true });
  },
};

await TASKS[task]();

async function opened(socket) {
  if (socket.connecting) await once(socket, "connect");
}

async function readBytes(socket, length) {
  const chunks = [];
  let bytes = 0;
  while (bytes < length) {
    const [chunk] = await once(socket, "data");
    chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks);
}
