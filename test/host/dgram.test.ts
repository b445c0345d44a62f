// What host/dgram.ts promises, over the wire in memory and the virtual clock.

import { describe, expect, test } from "vitest";
import { Counter, SocketKind } from "../../host/abi.js";
import { type CoreConfig, createCore } from "../../host/core.js";
import { Dgram, type RemoteInfo, type Socket } from "../../host/dgram.js";
import { Prng } from "../../host/sim/prng.js";
import { testEngine } from "../report/engine.js";
import { createStandardPair, LEFT, RIGHT, wasm } from "./support.js";

const PORT = 4000;

/** Virtual time for one step of a test, in milliseconds. */
const STEP_MS = 60_000;

function createPair(config: Partial<CoreConfig> = {}) {
  const { clock, wire, left, right } = createStandardPair(config);
  return { clock, wire, left: new Dgram(left), right: new Dgram(right) };
}

type Pair = ReturnType<typeof createPair>;

async function until({ clock }: Pair, done: () => boolean): Promise<void> {
  expect(await clock.settleUntil(done, STEP_MS), `in time: ${done}`).toBe(true);
}

/** The events of a socket by name, errors as their codes; "message" apart. */
function record(socket: Socket): string[] {
  const events: string[] = [];
  for (const name of ["listening", "connect", "close"]) socket.on(name, () => events.push(name));
  socket.on("error", ({ code, syscall }: NodeJS.ErrnoException) => events.push(`${syscall} ${code}`));
  return events;
}

/** Keeps what arrives, as text. */
function collect(socket: Socket): string[] {
  const texts: string[] = [];
  socket.on("message", (message: Buffer) => texts.push(message.toString()));
  return texts;
}

/** A socket on the right that is bound to PORT. */
async function listen(pair: Pair): Promise<Socket> {
  const socket = pair.right.createSocket("udp4");
  let isBound = false;
  socket.bind(PORT, () => {
    isBound = true;
  });
  await until(pair, () => isBound);
  return socket;
}

/** Sends to PORT on the right, and waits until the core has taken it; resolves to the error, if any. */
async function send(
  pair: Pair,
  socket: Socket,
  data: Uint8Array | string,
  address = RIGHT.address,
): Promise<NodeJS.ErrnoException | null> {
  let result: NodeJS.ErrnoException | null | undefined;
  socket.send(data, PORT, address, (error) => {
    result = error;
  });
  await until(pair, () => result !== undefined);
  return result as NodeJS.ErrnoException | null;
}

/** Closes the sockets; then nothing is watched any more, and all records can be had again. */
async function expectEmpty(pair: Pair, ...sockets: Socket[]): Promise<void> {
  for (const socket of sockets) socket.close();
  await pair.clock.settle(STEP_MS);
  for (const { host } of [pair.left, pair.right]) {
    expect(host.watched).toBe(0);
    const { core } = host;
    const handles = Array.from({ length: core.config.datagramSockets }, () => core.open(SocketKind.DATAGRAM));
    for (const handle of handles) core.close(handle);
  }
}

describe("datagrams", () => {
  test("carry their source, and answers go back there", async () => {
    const pair = createPair();
    const server = await listen(pair);
    const client = pair.left.createSocket("udp4");
    const sources: RemoteInfo[] = [];
    server.on("message", (message: Buffer, from: RemoteInfo) => {
      sources.push(from);
      server.send(`to ${message}`, from.port, from.address);
    });
    const answers = collect(client);
    expect(await send(pair, client, "one")).toBe(null);
    await until(pair, () => answers.length > 0);
    expect(answers).toEqual(["to one"]);
    expect(sources).toEqual([
      { address: LEFT.address, family: "IPv4", port: client.address().port, size: 3 },
    ]);
    expect(client.address().port).toBeGreaterThanOrEqual(49152);
    await expectEmpty(pair, server, client);
  });

  test("of all sizes come back whole, 10,000 of them through queues of 8 KB", async () => {
    const pair = createPair();
    const server = await listen(pair);
    server.on("message", (message: Buffer, from: RemoteInfo) =>
      server.send(message, from.port, from.address),
    );
    const client = pair.left.createSocket("udp4");
    const random = new Prng(7);
    const all = random.bytes(1472 + 10_000);
    let echoed = 0;
    let wrong = 0;
    // One at a time and in bursts: what is under way fits the queues, so that nothing is lost.
    const sizeOf = (index: number) => (index * 389) % 1473;
    const part = (index: number) => all.subarray(index, index + sizeOf(index));
    client.on("message", (message: Buffer) => {
      if (!message.equals(part(echoed))) wrong++;
      echoed++;
    });
    for (let sent = 0; sent < 10_000; ) {
      const burst = 1 + (sent % 4);
      for (let more = 0; more < burst && sent < 10_000; more++, sent++)
        client.send(part(sent), PORT, RIGHT.address);
      await until(pair, () => echoed === sent);
    }
    expect([echoed, wrong]).toEqual([10_000, 0]);
    expect(pair.right.host.core.counter(Counter.UDP_QUEUE_FULL)).toBe(0);
    await expectEmpty(pair, server, client);
  });

  test("wait in the host while the core's queue is full, in order", async () => {
    const pair = createPair({ datagramQueueBytes: 256 });
    const server = await listen(pair);
    const received = collect(server);
    const client = pair.left.createSocket("udp4");
    const done: number[] = [];
    for (let index = 0; index < 100; index++)
      client.send(`${index}`.padStart(100, " "), PORT, RIGHT.address, () => done.push(index));
    client.once("listening", () => {
      process.nextTick(() => process.nextTick(() => expect(client.getSendQueueCount()).toBeGreaterThan(90)));
    });
    await until(pair, () => received.length === 100);
    expect(received.map(Number)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(done).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect([client.getSendQueueCount(), client.getSendQueueSize()]).toEqual([0, 0]);
    await expectEmpty(pair, server, client);
  });

  test("beyond the receive queue are lost and counted; those before it arrive", async () => {
    const pair = createPair({ datagramQueueBytes: 1024 });
    const server = pair.right.host.core;
    const handle = server.open(SocketKind.DATAGRAM);
    server.bind(handle, { address: "0.0.0.0", port: PORT });
    const client = pair.left.createSocket("udp4");
    for (let index = 0; index < 20; index++) client.send(Buffer.alloc(192, index), PORT, RIGHT.address);
    await pair.clock.settle(1000);
    const lost = server.counter(Counter.UDP_QUEUE_FULL);
    const first: number[] = [];
    for (let next = server.receiveFrom(handle); next; next = server.receiveFrom(handle))
      first.push(next.data[0] as number);
    // Each takes 8 octets more.
    expect([first, lost]).toEqual([[0, 1, 2, 3, 4], 15]);
    server.close(handle);
    await expectEmpty(pair, client);
  });

  test("may be empty, or parts, or lists", async () => {
    const pair = createPair();
    const server = await listen(pair);
    const received = collect(server);
    const client = pair.left.createSocket("udp4");
    const { address } = RIGHT;
    const bytes: unknown[] = [];
    const done = (error: Error | null, count?: number) => bytes.push(error ?? count);
    client.send("", PORT, address, done);
    client.send(Buffer.from("abcdef"), 2, 3, PORT, address, done);
    client.send(["a", Buffer.from("b"), new Uint8Array([99])], PORT, address, done);
    client.send([], PORT, address, done);
    await until(pair, () => received.length === 4);
    expect(received).toEqual(["", "cde", "abc", ""]);
    expect(bytes).toEqual([0, 3, 3, 0]);
    await expectEmpty(pair, server, client);
  });

  test("that nobody can send are errors with Node's codes", async () => {
    const pair = createPair();
    const client = pair.left.createSocket("udp4");
    const code = async (data: Uint8Array, address: string) => (await send(pair, client, data, address))?.code;
    expect(await code(Buffer.alloc(1473), RIGHT.address)).toBe("EMSGSIZE");
    expect(await code(Buffer.alloc(1472), RIGHT.address)).toBe(undefined);
    expect(await code(Buffer.alloc(1), "127.0.0.1")).toBe("EINVAL");
    expect(await code(Buffer.alloc(1), "255.255.255.255")).toBe("EACCES");
    expect(await code(Buffer.alloc(1), "10.0.0.255")).toBe("EACCES");
    expect(await code(Buffer.alloc(1), "::1")).toBe("EAFNOSUPPORT");
    expect(await code(Buffer.alloc(1), "name.example")).toBe("ENOTFOUND");
    await expectEmpty(pair, client);
  });

  test("what a broadcast is follows the netmask in use, as a DHCP lease may change it", async () => {
    const pair = createPair();
    const client = pair.left.createSocket("udp4");
    const code = async (address: string) => (await send(pair, client, "", address))?.code;
    for (const [bits, broadcast, host] of [
      [16, "10.0.255.255", "10.0.0.255"],
      [25, "10.0.0.127", "10.0.0.255"],
    ] as const) {
      pair.left.host.core.setAddress(LEFT.address, bits, RIGHT.address, pair.clock.now());
      expect([await code(broadcast), await code(host)]).toEqual(["EACCES", undefined]);
    }
    await expectEmpty(pair, client);
  });

  test("a listener that throws loses only its own", async () => {
    const pair = createPair();
    const server = await listen(pair);
    const received: string[] = [];
    server.on("message", (message: Buffer) => {
      received.push(message.toString());
      if (received.length === 1) throw new Error("the listener's");
    });
    const client = pair.left.createSocket("udp4");
    const problems: unknown[] = [];
    for (const text of ["a", "b", "c"]) client.send(text, PORT, RIGHT.address);
    for (let step = 0; step < 1000 && received.length < 3; step++)
      await pair.clock.settle(1).catch((error) => problems.push((error as Error).message));
    expect([received, problems]).toEqual([["a", "b", "c"], ["the listener's"]]);
    await expectEmpty(pair, server, client);
  });
});

describe("a connected socket", () => {
  async function connect(pair: Pair): Promise<Socket> {
    const client = pair.left.createSocket("udp4");
    let isConnected = false;
    client.connect(PORT, RIGHT.address, () => {
      isConnected = true;
    });
    await until(pair, () => isConnected);
    return client;
  }

  test("hears its peer alone, until it is disconnected", async () => {
    const pair = createPair();
    const server = await listen(pair);
    const client = await connect(pair);
    const received = collect(client);
    expect(client.remoteAddress()).toEqual({ address: RIGHT.address, family: "IPv4", port: PORT });
    expect(client.address().address).toBe(LEFT.address);
    const { port } = client.address();
    const stranger = pair.right.createSocket("udp4");
    stranger.send("strange", port, LEFT.address);
    server.send("known", port, LEFT.address);
    await pair.clock.settle(1000);
    expect(received).toEqual(["known"]);
    client.disconnect();
    stranger.send("strange", port, LEFT.address);
    await pair.clock.settle(1000);
    expect(received).toEqual(["known", "strange"]);
    await expectEmpty(pair, server, client, stranger);
  });

  test("gets ECONNREFUSED from a port that nobody has, and lives on", async () => {
    const pair = createPair();
    const client = await connect(pair);
    const events = record(client);
    client.send("anybody?");
    await until(pair, () => events.length > 0);
    expect(events).toEqual(["recvmsg ECONNREFUSED"]);
    const server = await listen(pair);
    const received = collect(server);
    client.send("now?");
    await until(pair, () => received.length > 0);
    expect([received, events.length]).toEqual([["now?"], 1]);
    await expectEmpty(pair, server, client);
  });

  test("gets EHOSTUNREACH when nobody answers ARP; one that is not connected hears nothing", async () => {
    const pair = createPair();
    const client = pair.left.createSocket("udp4");
    const stranger = pair.left.createSocket("udp4");
    const events = record(client);
    const strangers = record(stranger);
    client.connect(PORT, "10.0.0.77");
    client.once("connect", () => client.send("hello?"));
    stranger.send("hello?", PORT, "10.0.0.77");
    stranger.send("hello?", PORT, RIGHT.address);
    await pair.clock.settle(STEP_MS);
    expect(events).toEqual(["listening", "connect", "recvmsg EHOSTUNREACH"]);
    expect(strangers).toEqual(["listening"]);
    await expectEmpty(pair, client, stranger);
  });
});

describe("to many", () => {
  test("broadcasts reach whoever is bound, once they are permitted", async () => {
    const pair = createPair();
    const server = await listen(pair);
    const received = collect(server);
    const client = pair.left.createSocket("udp4");
    client.bind(() => client.setBroadcast(true));
    for (const address of ["255.255.255.255", "10.0.0.255"])
      expect(await send(pair, client, address, address)).toBe(null);
    await until(pair, () => received.length === 2);
    expect(received).toEqual(["255.255.255.255", "10.0.0.255"]);
    client.setBroadcast(false);
    expect((await send(pair, client, "", "255.255.255.255"))?.code).toBe("EACCES");
    await expectEmpty(pair, server, client);
  });

  test("groups reach those that are in them, with a time to live of 1 unless told otherwise", async () => {
    const pair = createPair();
    const [inside, outside] = [await listen(pair), pair.right.createSocket("udp4")];
    inside.addMembership("239.1.2.3");
    const received = collect(inside);
    const client = pair.left.createSocket("udp4");
    const ttls: number[] = [];
    pair.wire.filter = (frame) => {
      if (frame[23] === 17) ttls.push(frame[22] as number);
      return true;
    };
    await send(pair, client, "in", "239.1.2.3");
    await send(pair, client, "out", "239.1.2.4");
    // The time to live is that of when it leaves.
    await pair.clock.settle(10);
    client.setMulticastTTL(9);
    await send(pair, client, "far", "239.1.2.3");
    await pair.clock.settle(1000);
    expect([received, ttls]).toEqual([
      ["in", "far"],
      [1, 1, 9],
    ]);
    inside.dropMembership("239.1.2.3");
    await send(pair, client, "left", "239.1.2.3");
    await pair.clock.settle(1000);
    expect(received).toEqual(["in", "far"]);
    await expectEmpty(pair, inside, outside, client);
  });

  test("a device is in four groups at most", async () => {
    const pair = createPair();
    const socket = await listen(pair);
    for (const last of [1, 2, 3, 4]) socket.addMembership(`239.0.0.${last}`);
    expect(() => socket.addMembership("239.0.0.5")).toThrow(/addMembership ENOBUFS/);
    socket.dropMembership("239.0.0.1");
    socket.addMembership("239.0.0.5", RIGHT.address);
    expect(() => socket.addMembership("239.0.0.6", "10.9.9.9")).toThrow(/addMembership ENODEV/);
    await expectEmpty(pair, socket);
  });
});

describe("binding", () => {
  test("EADDRINUSE, EADDRNOTAVAIL, ENOBUFS and ENETDOWN are errors of the socket", async () => {
    const pair = createPair({ datagramSockets: 2 });
    const first = await listen(pair);
    const second = pair.right.createSocket({ type: "udp4", reuseAddr: true });
    const events = record(second);
    second.bind(PORT);
    await until(pair, () => events.length === 1);
    second.bind(PORT + 1, "10.9.9.9");
    await until(pair, () => events.length === 2);
    second.bind({ port: PORT + 1, address: RIGHT.address });
    await until(pair, () => events.length === 3);
    const third = pair.right.createSocket("udp4");
    const thirds = record(third);
    third.bind();
    await until(pair, () => thirds.length === 1);
    expect(events).toEqual(["bind EADDRINUSE", "bind EADDRNOTAVAIL", "listening"]);
    expect(thirds).toEqual(["bind ENOBUFS"]);
    expect(second.address()).toEqual({ address: RIGHT.address, family: "IPv4", port: PORT + 1 });
    await expectEmpty(pair, first, second, third);
    pair.right.host.close();
    const late = record(pair.right.createSocket("udp4").bind());
    await until(pair, () => late.length === 1);
    expect(late).toEqual(["bind ENETDOWN"]);
  });

  test("close gives up what waits, and an aborted signal closes", async () => {
    const pair = createPair({ datagramQueueBytes: 256 });
    const abort = new AbortController();
    const client = pair.left.createSocket({ type: "udp4", signal: abort.signal });
    const events = record(client);
    const codes: unknown[] = [];
    for (let index = 0; index < 3; index++)
      client.send(Buffer.alloc(200), PORT, RIGHT.address, (error) =>
        codes.push((error as NodeJS.ErrnoException | null)?.code ?? "sent"),
      );
    client.once("listening", () => setImmediate(() => abort.abort()));
    await pair.clock.settle(1000);
    expect(events).toEqual(["listening", "close"]);
    expect(codes).toEqual(["sent", "ECANCELED", "ECANCELED"]);
    await expectEmpty(pair);
  });

  test("a core build says which module has UDP", () => {
    const config = { ...LEFT, connections: 1, seed: new Uint8Array(32) };
    expect(() => createCore(wasm, { ...config, datagramSockets: 1 }, { engine: testEngine })).toThrow(
      /NOT_SUPPORTED.*boot build\/standard\.wasm/,
    );
    const core = createCore(wasm, config, { engine: testEngine });
    expect(core.isStandard).toBe(false);
    expect(() => core.open(SocketKind.DATAGRAM)).toThrow(/boot build\/standard\.wasm/);
  });
});
