// What Node's streams are promised by host/net.ts, over the wire in memory and the virtual clock.

import http from "node:http";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { Counter } from "../../host/abi.js";
import type { Server, ServerOptions, Socket, SocketError } from "../../host/net.js";
import { Prng } from "../../host/sim/prng.js";
import { createPair, expectNothingLeft, RIGHT } from "./support.js";

const PORT = 80;

/** Virtual time for one step of a test, in milliseconds; longer than any retransmission limit of the core. */
const STEP_MS = 3_600_000;

type Pair = ReturnType<typeof createPair>;

const isArp = (frame: Uint8Array) => frame[12] === 0x08 && frame[13] === 0x06;

/** Lets time pass until `done()`. */
async function until({ clock }: Pair, done: () => boolean): Promise<void> {
  expect(await clock.settleUntil(done, STEP_MS), `in time: ${done}`).toBe(true);
}

/** The events that a socket emits, by name, as they come; "data" apart. */
function record(socket: Socket): string[] {
  const events: string[] = [];
  for (const name of ["connect", "end", "finish", "timeout"]) socket.on(name, () => events.push(name));
  socket.on("error", (error) => events.push((error as SocketError).code));
  socket.on("close", () => events.push("close"));
  return events;
}

/** Collects what the socket receives. */
function collect(socket: Socket): { bytes: () => Buffer } {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  return { bytes: () => Buffer.concat(chunks) };
}

/** A server on the right that keeps the sockets it accepted. */
function listen(pair: Pair, options: ServerOptions = {}): { server: Server; accepted: Socket[] } {
  const accepted: Socket[] = [];
  const server = pair.right.createServer(options, (socket) => accepted.push(socket)).listen({ port: PORT });
  return { server, accepted };
}

function connect(pair: Pair, options: ServerOptions = {}): Socket {
  return pair.left.connect({ host: RIGHT.address, port: PORT, ...options });
}

/** A connection: the client's and the server's socket. */
async function establish(pair: Pair, options: ServerOptions = {}) {
  const { server, accepted } = listen(pair, options);
  const client = connect(pair, options);
  await until(pair, () => accepted.length === 1 && !client.connecting);
  return { server, client, peer: accepted[0] as Socket };
}

/** Lets the last segments pass and asserts that both hosts are as empty as they were. */
async function expectEmpty(pair: Pair, server?: Server): Promise<void> {
  server?.close();
  await pair.clock.settle(STEP_MS);
  expectNothingLeft(pair.left.host);
  expectNothingLeft(pair.right.host);
}

describe("connections", () => {
  test("carry data both ways, know their addresses, and leave nothing", async () => {
    const pair = createPair();
    const { server, client, peer } = await establish(pair);
    expect([client.remoteAddress, client.remotePort]).toEqual([RIGHT.address, PORT]);
    expect([peer.remoteAddress, peer.remotePort]).toEqual([client.localAddress, client.localPort]);
    expect(peer.address()).toEqual({ address: RIGHT.address, family: "IPv4", port: PORT });
    expect([client.readyState, peer.localPort]).toEqual(["open", PORT]);
    const [atClient, atPeer] = [collect(client), collect(peer)];
    client.end("to the server");
    peer.write("to the client");
    await until(pair, () => client.destroyed && peer.destroyed);
    expect([atClient.bytes().toString(), atPeer.bytes().toString()]).toEqual([
      "to the client",
      "to the server",
    ]);
    expect([client.bytesRead, client.bytesWritten]).toEqual([13, 13]);
    await expectEmpty(pair, server);
  });

  test("what is written and ended before the connection is there arrives", async () => {
    const pair = createPair();
    const { server, accepted } = listen(pair);
    const client = connect(pair);
    client.resume().end("early");
    expect(client.readyState).toBe("opening");
    await until(pair, () => accepted.length === 1);
    const received = buffer(accepted[0] as Socket);
    await until(pair, () => client.destroyed);
    expect((await received).toString()).toBe("early");
    await expectEmpty(pair, server);
  });

  test("close the receive window when nobody reads, and the writer waits", async () => {
    const pair = createPair({ sendRingBytes: 4096, receiveRingBytes: 4096 });
    const { server, client, peer } = await establish(pair);
    peer.pause();
    const data = Buffer.from(new Prng(1).bytes(500_000));
    let written = false;
    client.end(data, () => {
      written = true;
    });
    await pair.clock.settle(10_000);
    // The reader's stream holds what it may buffer, its ring has no room for a segment, and the writer's ring is more
    // than half full: from half on the core would say that there is room.
    expect(written).toBe(false);
    expect(peer.tcpInfo()?.receiveQueued).toBeGreaterThan(4096 - 1460);
    expect(client.tcpInfo()?.sendQueued).toBeGreaterThan(2048);
    const { bytesRead } = peer;
    const taken = () => (client.tcpInfo()?.bytesAcknowledged ?? 0) + (client.tcpInfo()?.sendQueued ?? 0);
    const before = taken();
    expect(bytesRead).toBeLessThan(200_000);
    expect(before).toBeLessThanOrEqual(bytesRead + 8192);
    // As in Node, what waits for the core counts as written.
    expect(client.bytesWritten).toBe(data.length);
    await pair.clock.settle(60_000);
    expect([peer.bytesRead, taken()]).toEqual([bytesRead, before]);
    const received = buffer(peer);
    await until(pair, () => peer.destroyed && client.destroyed);
    expect(written).toBe(true);
    expect((await received).equals(data)).toBe(true);
    await expectEmpty(pair, server);
  });

  test("stay half open where that is allowed", async () => {
    const pair = createPair();
    const { server, client, peer } = await establish(pair, { allowHalfOpen: true });
    const events = record(peer);
    peer.resume();
    const atClient = collect(client);
    client.end();
    await until(pair, () => events.includes("end"));
    await pair.clock.settle(10_000);
    expect([peer.readyState, peer.destroyed]).toEqual(["writeOnly", false]);
    peer.end("afterwards");
    await until(pair, () => client.destroyed && peer.destroyed);
    expect(atClient.bytes().toString()).toBe("afterwards");
    expect(events).toEqual(["end", "finish", "close"]);
    await expectEmpty(pair, server);
  });

  test("end with their peer where half open is not allowed", async () => {
    const pair = createPair();
    const { server, client, peer } = await establish(pair);
    const events = record(peer);
    peer.resume();
    client.resume().end();
    await until(pair, () => client.destroyed && peer.destroyed);
    expect(events).toEqual(["end", "finish", "close"]);
    await expectEmpty(pair, server);
  });

  test("emit timeout when idle, and only then", async () => {
    const pair = createPair();
    const { server, client, peer } = await establish(pair);
    const events = record(client);
    peer.resume();
    client.resume().setTimeout(1000);
    for (let round = 0; round < 5; round++) {
      await pair.clock.settle(600);
      client.write("busy");
    }
    expect(events).toEqual([]);
    await pair.clock.settle(1500);
    expect(events).toEqual(["timeout"]);
    client.setTimeout(0).write("more");
    await pair.clock.settle(5000);
    expect(events).toEqual(["timeout"]);
    client.destroy();
    await expectEmpty(pair, server);
  });
});

describe("errors", () => {
  test("ECONNREFUSED when nobody listens", async () => {
    const pair = createPair();
    const client = connect(pair);
    const events = record(client);
    await until(pair, () => events.includes("close"));
    expect(events).toEqual(["ECONNREFUSED", "close"]);
    expect(client.errored).toMatchObject({ syscall: "connect", address: RIGHT.address, port: PORT });
    await expectEmpty(pair);
  });

  test("EHOSTUNREACH when nobody answers ARP", async () => {
    const pair = createPair();
    const client = pair.left.connect({ host: "10.0.0.77", port: PORT });
    const events = record(client);
    await until(pair, () => events.includes("close"));
    expect(events).toEqual(["EHOSTUNREACH", "close"]);
    await expectEmpty(pair);
  });

  test("ETIMEDOUT when the SYN gets no answer", async () => {
    const pair = createPair();
    const { server } = listen(pair);
    pair.wire.filter = isArp;
    const client = connect(pair);
    const events = record(client);
    await until(pair, () => events.includes("close"));
    expect(events).toEqual(["ETIMEDOUT", "close"]);
    expect(pair.wire.dropped).toBeGreaterThan(1);
    await expectEmpty(pair, server);
  });

  test("ECONNRESET when the peer resets", async () => {
    const pair = createPair();
    const { server, client, peer } = await establish(pair);
    const events = record(client);
    peer.resetAndDestroy();
    await until(pair, () => events.includes("close"));
    expect(events).toEqual(["ECONNRESET", "close"]);
    await expectEmpty(pair, server);
  });

  test("a socket destroyed with bytes that the core has not taken resets", async () => {
    const pair = createPair();
    const { server, client, peer } = await establish(pair);
    const events = record(client.resume());
    let writeError: unknown;
    peer.write(Buffer.alloc(1_000_000), (error) => {
      writeError = error;
    });
    peer.destroy();
    await until(pair, () => events.includes("close"));
    expect(events).toEqual(["ECONNRESET", "close"]);
    expect(writeError).toMatchObject({ code: "ECANCELED" });
    await expectEmpty(pair, server);
  });

  test("EADDRINUSE for a second server on a port", async () => {
    const pair = createPair();
    const { server } = listen(pair);
    const errors: string[] = [];
    const second = pair.right.createServer().listen({ port: PORT });
    second.on("error", (error: SocketError) => errors.push(error.code));
    await until(pair, () => errors.length > 0);
    expect(errors).toEqual(["EADDRINUSE"]);
    expect([server.listening, second.listening]).toEqual([true, false]);
    expect(pair.right.host.core.header().listenersUsed).toBe(1);
    await expectEmpty(pair, server);
  });

  test("ENOBUFS when there is no record for another connection", async () => {
    const pair = createPair({ connections: 1 });
    const { server, client } = await establish(pair);
    const second = connect(pair);
    const events = record(second);
    await until(pair, () => events.includes("close"));
    expect(events).toEqual(["ENOBUFS", "close"]);
    client.destroy();
    await until(pair, () => pair.left.host.core.header().connectionsUsed === 0);
    await expectEmpty(pair, server);
  });
});

describe("a socket that is destroyed soon", () => {
  const ANSWER = Buffer.from(new Prng(3).bytes(20_000));

  /** The peer answers without reading; the client sends `bytes` and ends. What the client gets, and its events. */
  async function answerUnread(pair: Pair, bytes: number, leave: (peer: Socket) => void) {
    const { server, client, peer } = await establish(pair, { allowHalfOpen: true });
    peer.on("error", () => {});
    peer.pause();
    const events = record(client);
    const received = collect(client);
    client.end(Buffer.alloc(bytes));
    await pair.clock.settle(100);
    peer.write(ANSWER);
    leave(peer);
    await until(pair, () => client.destroyed && peer.destroyed);
    await expectEmpty(pair, server);
    return { events, received: received.bytes() };
  }

  test("delivers what it wrote, although it leaves data unread", async () => {
    const { events, received } = await answerUnread(createPair(), 300_000, (peer) => peer.destroySoon());
    expect(received.equals(ANSWER)).toBe(true);
    expect(events).toEqual(["end", "finish", "close"]);
  });

  test("unlike one that is destroyed", async () => {
    const { events, received } = await answerUnread(createPair(), 300_000, (peer) => peer.destroy());
    expect(received.length).toBeLessThan(ANSWER.length);
    expect(events).toEqual(["ECONNRESET", "close"]);
  });

  test("does not wait for its peer's end for ever", async () => {
    const pair = createPair();
    const { server, client, peer } = await establish(pair, { allowHalfOpen: true });
    const received = collect(client);
    const clientEvents = record(client);
    const events = record(peer);
    peer.write(ANSWER);
    peer.destroySoon();
    await pair.clock.settle(1900);
    expect([received.bytes().equals(ANSWER), events]).toEqual([true, ["finish"]]);
    await pair.clock.settle(200);
    expect(events).toEqual(["finish", "close"]);
    client.write("too late");
    await until(pair, () => client.destroyed);
    expect(clientEvents).toEqual(["end", "ECONNRESET", "close"]);
    await expectEmpty(pair, server);
  });

  test("is gone at once when its peer resets", async () => {
    const pair = createPair();
    const { server, client, peer } = await establish(pair, { allowHalfOpen: true });
    const events = record(peer);
    peer.destroySoon();
    await pair.clock.settle(100);
    client.resetAndDestroy();
    await pair.clock.settle(100);
    expect(events).toEqual(["finish", "close"]);
    await expectEmpty(pair, server);
  });
});

describe("handles go back", () => {
  test("when a socket is destroyed while it connects", async () => {
    const pair = createPair();
    const { server, accepted } = listen(pair);
    const client = connect(pair);
    const events = record(client);
    client.write("never sent");
    client.destroy();
    await pair.clock.settle(10_000);
    expect(events).toEqual(["close"]);
    for (const socket of accepted) socket.destroy();
    await expectEmpty(pair, server);
  });

  test("when a server closes while a connection waits for a record", async () => {
    const pair = createPair({}, { connections: 1 });
    const { server, client, peer } = await establish(pair);
    const second = connect(pair);
    const events = record(second);
    second.write("anybody there?");
    await pair.clock.settle(500);
    expect(pair.right.host.core.counter(Counter.TCP_NO_RECORD)).toBeGreaterThan(0);
    server.close();
    peer.destroy();
    client.destroy();
    await until(pair, () => second.destroyed);
    expect(events).toEqual(["connect", "ECONNRESET", "close"]);
    await expectEmpty(pair);
  });

  test("when a server closes while a connection is half open", async () => {
    const pair = createPair();
    const { server, accepted } = listen(pair);
    // What the server sends is lost, ARP apart.
    pair.wire.filter = (frame, from) => from === 0 || isArp(frame);
    const client = connect(pair);
    const events = record(client);
    await pair.clock.settle(500);
    expect(pair.right.host.core.header()).toMatchObject({ connectionsUsed: 0, synUsed: 1 });
    pair.wire.filter = undefined;
    server.close();
    await until(pair, () => client.destroyed);
    expect(events).toEqual(["ECONNREFUSED", "close"]);
    expect(accepted).toEqual([]);
    await expectEmpty(pair);
  });

  test("when both ends are destroyed at once", async () => {
    const pair = createPair();
    const { server, client, peer } = await establish(pair);
    client.destroy();
    peer.destroy();
    await expectEmpty(pair, server);
  });

  test("when data is left unread at the end", async () => {
    const pair = createPair();
    const { server, client, peer } = await establish(pair);
    peer.pause();
    client.on("error", () => {});
    client.write(Buffer.alloc(1_000_000));
    await pair.clock.settle(1000);
    peer.destroy();
    await until(pair, () => client.destroyed);
    await expectEmpty(pair, server);
  });

  test("and a server's close waits for its connections", async () => {
    const pair = createPair();
    const { server, client, peer } = await establish(pair);
    let closed = false;
    server.close(() => {
      closed = true;
    });
    await pair.clock.settle(5000);
    expect([closed, server.listening, server.connections]).toEqual([false, false, 1]);
    peer.resume();
    client.resume().end();
    await until(pair, () => closed);
    await expectEmpty(pair);
  });
});

describe("Node's HTTP", () => {
  test("server and client run over it", async () => {
    const pair = createPair();
    const service = http.createServer((request, response) => {
      request.pipe(response);
    });
    const server = pair.right
      .createServer({ allowHalfOpen: true }, (socket) => service.emit("connection", socket))
      .listen({ port: PORT });
    const data = Buffer.from(new Prng(2).bytes(100_000));
    let received: Buffer | undefined;
    const request = http.request({ method: "POST", createConnection: () => connect(pair) }, (response) => {
      void buffer(response).then((body) => {
        received = body;
      });
    });
    request.end(data);
    await until(pair, () => received !== undefined);
    expect(received?.equals(data)).toBe(true);
    expect(pair.right.host.core.counter(Counter.TCP_PASSIVE_OPENS)).toBe(1);
    await expectEmpty(pair, server);
  });
});
