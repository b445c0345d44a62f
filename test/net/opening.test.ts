// How connections are opened: what Node's own tests of net ask of it, over Ferrule and, where Node has the same, over
// Node. The list is docs/node-net-tests.md.

import dns from "node:dns";
import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { Counter } from "../../host/abi.js";
import type { ConnectOptions, LookupFunction, Net, Socket } from "../../host/net.js";
import { createPair, expectNothingLeft, LEFT, RIGHT } from "../host/support.js";
import { same } from "./stage.js";

/** The code of what `run` throws. */
function thrown(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return `${(error as Error).name} ${(error as NodeJS.ErrnoException).code}`;
  }
  return "nothing";
}

async function failure(socket: Socket): Promise<NodeJS.ErrnoException> {
  return new Promise((resolve) => socket.once("error", resolve));
}

describe("connect", () => {
  test("takes options, or port and host, with and without a callback", async () => {
    const { clock, left, right } = createPair({ connections: 16 });
    let accepted = 0;
    const server = right.createServer((socket) => {
      accepted++;
      socket.end("ok");
    });
    server.listen(80);
    let called = 0;
    const heard = () => called++;
    const { address: host } = RIGHT;
    const sockets = [
      left.connect(80, host, heard),
      left.connect("80", host).on("connect", heard),
      left.connect({ port: 80, host }, heard),
      left.createConnection({ port: "80", host }).on("connect", heard),
      left.createConnection(80, host, heard),
      left.createSocket().connect(80, host, heard),
      left.createSocket().connect({ port: 80, host }).on("ready", heard),
    ];
    for (const socket of sockets) socket.resume();
    expect(await clock.settleUntil(() => sockets.every(({ destroyed }) => destroyed), 60_000)).toBe(true);
    expect([accepted, called]).toEqual([sockets.length, sockets.length]);
    server.close();
    await clock.settle(600_000);
    expectNothingLeft(left.host);
  });

  test("wants a port", () => {
    const { left } = createPair();
    for (const run of [
      () => left.connect({} as ConnectOptions),
      () => left.createSocket().connect({} as ConnectOptions),
      () => (left as unknown as { connect(): void }).connect(),
      () => left.createSocket().connect([{ port: 80 }, () => {}] as unknown as ConnectOptions),
    ])
      expect(thrown(run)).toBe("TypeError ERR_MISSING_ARGS");
  });

  test("refuses ports that are none", () => {
    const { left } = createPair();
    const attempt = (port: unknown) => thrown(() => left.connect({ port, host: RIGHT.address } as never));
    for (const port of [true, false, [], {}, null])
      expect(attempt(port), String(port)).toBe("TypeError ERR_INVALID_ARG_TYPE");
    for (const port of ["", " ", "0x", "-0x1", Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, 65536])
      expect(attempt(port), String(port)).toBe("RangeError ERR_SOCKET_BAD_PORT");
    expect(left.host.core.header().connectionsUsed).toBe(0);
  });

  test("refuses pipes, descriptors and object modes, and says what to do", () => {
    const { left } = createPair();
    for (const options of [{ path: "/pipe" }, { port: 80, fd: 3 }])
      expect(() => left.connect(options as never)).toThrow(/is not supported.*give a host and a port/);
    expect(() => left.connect("/pipe" as never)).toThrow(/options\.path/);
    for (const options of [{ fd: 3 }, { handle: {} }])
      expect(() => left.createSocket(options as never)).toThrow(/is not supported.*give a host and a port/);
    for (const mode of ["objectMode", "readableObjectMode", "writableObjectMode"])
      expect(() => left.connect({ port: 80, [mode]: true } as never)).toThrow(
        `The property 'options.${mode}' is not supported. Received true`,
      );
  });

  test("to port 0 is an error of the core", async () => {
    const { left } = createPair();
    const error = await failure(left.connect(0, RIGHT.address));
    expect(error).toMatchObject({ code: "EINVAL", syscall: "connect", message: "connect EINVAL 10.0.0.2:0" });
  });

  test("to itself or to loopback says that there is no loopback", async () => {
    const { left } = createPair();
    for (const host of [LEFT.address, "127.0.0.1"]) {
      const error = await failure(left.connect(80, host));
      expect(error.code).toBe("EINVAL");
      expect(error.message).toMatch(/sends nothing to itself: connect to another host/);
    }
  });

  test("calls what a subclass made of it", async () => {
    const { clock, left, right } = createPair();
    const server = right.createServer((socket) => socket.end()).listen(80);
    const socket = left.createSocket();
    const connect = socket.connect.bind(socket);
    let calls = 0;
    socket.connect = (...args) => {
      calls++;
      return connect(...args);
    };
    socket.resume().connect({ port: 80, host: RIGHT.address });
    expect(await clock.settleUntil(() => socket.destroyed, 60_000)).toBe(true);
    expect(calls).toBe(1);
    server.close();
  });

  test("on a socket that is connecting or connected is an error", async () => {
    const { clock, left, right } = createPair();
    const server = right.createServer().listen(80);
    const at = { port: 80, host: RIGHT.address };
    expect((await failure(left.connect(at).connect(at))).code).toBe("EALREADY");
    const socket = left.connect(at);
    expect(await clock.settleUntil(() => !socket.connecting, 60_000)).toBe(true);
    expect((await failure(socket.connect(at))).code).toBe("EISCONN");
    server.close();
  });

  same(
    "is seen in connecting, pending and readyState",
    {
      before: ["false true open undefined"],
      during: ["true true opening undefined 0"],
      after: ["false false open IPv4 0", "true"],
      closed: ["false true closed IPv4 undefined"],
    },
    async (stage) => {
      const port = await stage.listen(stage.createServer());
      const socket = stage.createSocket();
      const look = () => `${socket.connecting} ${socket.pending} ${socket.readyState} ${socket.remoteFamily}`;
      stage.log("before", look());
      socket.connect({ port, host: stage.host });
      stage.log("during", `${look()} ${socket.bufferSize}`);
      await stage.event(socket, "connect");
      stage.log("after", `${look()} ${socket.bufferSize}`);
      stage.log("after", socket.remotePort === port);
      socket.destroy();
      await stage.event(socket, "close");
      stage.log("closed", `${look()} ${socket.bufferSize}`);
    },
  );

  same("emits connect, then ready", { client: ["connect", "ready"] }, async (stage) => {
    const port = await stage.listen(stage.createServer());
    const client = stage.watch("client", stage.createSocket());
    client.connect({ port, host: stage.host });
    await stage.event(client, "ready");
  });

  same("forgets its callback once it was called", { client: ["1", "called", "0"] }, async (stage) => {
    const port = await stage.listen(stage.createServer());
    const client = stage.createSocket();
    client.connect({ port, host: stage.host }, () => stage.log("client", "called"));
    stage.log("client", client.listenerCount("connect"));
    await stage.event(client, "ready");
    stage.log("client", client.listenerCount("connect"));
  });

  same(
    "tells of the attempt",
    { client: ["attempt true 4", "failed true 4 ECONNREFUSED", "ECONNREFUSED"] },
    async (stage) => {
      const server = stage.createServer();
      const free = await stage.listen(server);
      server.close();
      await stage.event(server, "close");
      const client = stage.createSocket();
      client.on("connectionAttempt", (address, port, family) =>
        stage.log("client", `attempt ${address === stage.host && port === free} ${family}`),
      );
      client.on("connectionAttemptFailed", (address, port, family, error) =>
        stage.log("client", `failed ${address === stage.host && port === free} ${family} ${error.code}`),
      );
      client.on("error", (error: NodeJS.ErrnoException) => stage.log("client", error.code));
      client.connect({ port: free, host: stage.host });
      await stage.event(client, "close");
    },
  );

  same(
    "that is refused fails with all that Node tells",
    { client: ["error ECONNREFUSED", "close true"], error: ["-111 connect true true true"] },
    async (stage) => {
      const server = stage.createServer();
      const port = await stage.listen(server);
      server.close();
      await stage.event(server, "close");
      const client = stage.watch("client", stage.connect(port));
      client.on("error", (error: NodeJS.ErrnoException & { address: string; port: number }) => {
        const isMessage = error.message === `connect ECONNREFUSED ${stage.host}:${port}`;
        const { errno, syscall } = error;
        stage.log(
          "error",
          `${errno} ${syscall} ${error.address === stage.host} ${error.port === port} ${isMessage}`,
        );
      });
      await stage.event(client, "close");
    },
  );

  same(
    "that fails can be tried again, and destroyed twice",
    { client: ["4 errors", "4 closes"] },
    async (stage) => {
      const server = stage.createServer();
      const port = await stage.listen(server);
      server.close();
      await stage.event(server, "close");
      const client = stage.createSocket();
      let errors = 0;
      let closes = 0;
      client.on("error", () => {
        errors++;
        client.destroy().resetAndDestroy();
      });
      client.on("close", () => closes++);
      for (let attempt = 0; attempt < 4; attempt++) {
        client.connect({ port, host: stage.host });
        await stage.event(client, "close");
      }
      stage.log("client", `${errors} errors`);
      stage.log("client", `${closes} closes`);
    },
  );
});

describe("a socket", () => {
  same(
    "connects again after it was closed, and counts from zero",
    { client: Array(20).fill("hello 5 3 false"), server: Array(20).fill("bye 3 5 false") },
    async (stage) => {
      const server = stage.createServer({}, (socket) => {
        let text = "";
        socket.setEncoding("utf8").on("data", (part) => {
          text += part;
        });
        socket.write("hello");
        socket.on("close", (hadError: boolean) =>
          stage.log("server", `${text} ${socket.bytesRead} ${socket.bytesWritten} ${hadError}`),
        );
      });
      const port = await stage.listen(server);
      const client = stage.createSocket();
      let text = "";
      client.setEncoding("utf8").on("data", (part) => {
        text += part;
        client.end("bye");
      });
      for (let round = 0; round < 20; round++) {
        text = "";
        client.connect({ port, host: stage.host });
        const [hadError] = await stage.event(client, "close");
        stage.log("client", `${text} ${client.bytesRead} ${client.bytesWritten} ${hadError}`);
      }
      server.close();
      await stage.event(server, "close");
    },
  );

  same(
    "that connects again has forgotten how it ended before",
    { first: ["writable true"], second: ["close false"], peers: ["ECONNRESET", "end late"] },
    async (stage) => {
      const server = stage.createServer({ allowHalfOpen: true }, (peer) => {
        let text = "";
        peer.on("data", (data) => {
          text += data;
        });
        peer.on("error", (error: NodeJS.ErrnoException) => stage.log("peers", error.code));
        peer.on("end", () => stage.log("peers", `end ${text}`));
      });
      const port = await stage.listen(server);
      const client = stage.createSocket();
      client.connect({ port, host: stage.host });
      await stage.event(client, "connect");
      await stage.pause(20);
      stage.log("first", `writable ${client.writable}`);
      client.resetAndDestroy();
      await stage.event(client, "close");
      await stage.pause(20);
      client.connect({ port, host: stage.host });
      await stage.event(client, "connect");
      client.write("late");
      await stage.pause(20);
      client.on("close", (hadError: boolean) => stage.log("second", `close ${hadError}`));
      client.destroy();
      await stage.pause(50);
    },
  );

  test("that connects again does not end with the end of before, which waited for a connection", async () => {
    const { clock, left, right } = createPair();
    const server = right.createServer((socket) => socket.resume()).listen(80);
    const client = left.createSocket();
    client.end();
    await clock.settle(10);
    client.destroy();
    await clock.settle(10);
    client.connect(80, RIGHT.address);
    await clock.settle(1000);
    expect(client.readyState).toBe("open");
    client.destroy();
    server.close();
  });

  same(
    "knows nothing of a peer before it has one",
    { client: ["undefined undefined undefined {}"] },
    async (stage) => {
      const server = stage.createServer();
      const port = await stage.listen(server);
      const client = stage.connect(port);
      server.close();
      const { remoteAddress, remoteFamily, remotePort } = client;
      stage.log(
        "client",
        `${remoteAddress} ${remoteFamily} ${remotePort} ${JSON.stringify(client.address())}`,
      );
      client.on("error", () => {});
    },
  );

  same(
    "knows both addresses, also when it is closed",
    { both: ["true IPv4 true", "true IPv4 true", "true IPv4 true"], closed: ["true true"] },
    async (stage) => {
      const { server, client, peer } = await stage.pair();
      const { port } = server.address() as { port: number };
      const at = ({ localAddress, localPort }: Socket) => `${localAddress}:${localPort}`;
      const from = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress}:${remotePort}`;
      stage.log("both", `${from(client) === at(peer)} ${client.remoteFamily} ${client.remotePort === port}`);
      stage.log("both", `${from(peer) === at(client)} ${peer.localFamily} ${peer.localPort === port}`);
      const { address, family, port: own } = peer.address();
      stage.log("both", `${address === peer.localAddress} ${family} ${own === port}`);
      const [before, beforePeer] = [from(client), from(peer)];
      client.destroy();
      peer.resume();
      await stage.event(peer, "close");
      stage.log("closed", `${from(client) === before} ${from(peer) === beforePeer}`);
    },
  );

  same(
    "that is destroyed while it connects says no more than close",
    { socket: ["close false"], reset: ["close false"] },
    async (stage) => {
      const server = stage.createServer();
      const port = await stage.listen(server);
      const socket = stage.watch("socket", stage.connect(port));
      const reset = stage.watch("reset", stage.connect(port));
      server.close();
      socket.destroy();
      reset.resetAndDestroy();
      reset.destroy();
      await stage.pause(50);
    },
  );

  same(
    "without a connection can be ended, destroyed, and reset with an error",
    {
      destroyed: ["close undefined"],
      reset: ["error ERR_SOCKET_CLOSED", "close undefined"],
    },
    async (stage) => {
      stage.watch("ended", stage.createSocket()).end();
      stage.watch("destroyed", stage.createSocket()).destroy();
      stage.watch("reset", stage.createSocket()).resetAndDestroy();
      await stage.pause(20);
    },
  );

  same(
    "cannot be written to without a connection",
    { socket: ["callback ERR_SOCKET_CLOSED", "error ERR_SOCKET_CLOSED", "close undefined"] },
    async (stage) => {
      const socket = stage.watch("socket", stage.createSocket());
      socket.write("lost", (error) =>
        stage.log("socket", `callback ${(error as NodeJS.ErrnoException).code}`),
      );
      await stage.event(socket, "close");
    },
  );

  same("once closed still answers to every call", { socket: ["undefined", "{}", "true"] }, async (stage) => {
    const { client, peer } = await stage.pair();
    peer.resume();
    client.destroy();
    await stage.event(client, "close");
    client.setNoDelay().setKeepAlive().setTimeout(10).pause().resume();
    client.ref().unref();
    stage.log("socket", client.bufferSize);
    stage.log("socket", JSON.stringify(stage.createSocket().address()));
    stage.log("socket", client.destroyed);
  });

  same(
    "paused while it connects reads nothing before it is resumed",
    { resumed: ["text"], paused: ["", "text"], both: ["text"] },
    async (stage) => {
      const port = await stage.listen(stage.createServer({}, (socket) => socket.end("text")));
      const open = (prepare: (socket: Socket) => void) => {
        const socket = stage.connect(port);
        const box = { socket, text: "" };
        prepare(socket);
        socket.on("data", (data) => {
          box.text += data;
        });
        return box;
      };
      const resumed = open((socket) => socket.resume());
      const paused = open((socket) => socket.resume().pause());
      const both = open((socket) => socket.pause().resume());
      await Promise.all([resumed, both].map(({ socket }) => stage.event(socket, "close")));
      await stage.pause(50);
      stage.log("resumed", resumed.text);
      stage.log("both", both.text);
      stage.log("paused", paused.text);
      paused.socket.resume();
      await stage.event(paused.socket, "close");
      stage.log("paused", paused.text);
    },
  );
});

describe("a local address and port", () => {
  test("are the ones that the peer sees", async () => {
    const { clock, left, right } = createPair();
    const seen: unknown[] = [];
    const server = right
      .createServer((socket) => seen.push([socket.remoteAddress, socket.remotePort]))
      .listen(80);
    const client = left.connect({
      port: 80,
      host: RIGHT.address,
      localAddress: LEFT.address,
      localPort: 4000,
    });
    expect(await clock.settleUntil(() => seen.length > 0, 60_000)).toBe(true);
    expect([client.localAddress, client.localPort]).toEqual([LEFT.address, 4000]);
    expect(seen).toEqual([[LEFT.address, 4000]]);
    client.destroy();
    server.close();
  });

  test("that another socket has are EADDRINUSE", async () => {
    const { clock, left } = createPair();
    const server = left.createServer().listen(4000);
    const client = left.connect({ port: 80, host: RIGHT.address, localPort: 4000 });
    const error = await failure(client);
    expect(error).toMatchObject({ code: "EADDRINUSE", syscall: "bind", port: 4000 });
    const other = left.connect({ port: 80, host: RIGHT.address, localPort: 4001 });
    const second = await failure(left.connect({ port: 80, host: RIGHT.address, localPort: 4001 }));
    expect(second).toMatchObject({ code: "EADDRINUSE", syscall: "connect" });
    other.destroy();
    server.close();
    await clock.settle(1000);
    expectNothingLeft(left.host);
  });

  test("are named by the error of a connection that failed", async () => {
    const { clock, left } = createPair();
    let error: Error | undefined;
    const socket = left.connect({
      port: 80,
      host: RIGHT.address,
      localAddress: LEFT.address,
      localPort: 4000,
    });
    socket.on("error", (failed) => {
      error = failed;
    });
    expect(await clock.settleUntil(() => error !== undefined, 60_000)).toBe(true);
    expect(error).toMatchObject({
      message: "connect ECONNREFUSED 10.0.0.2:80 - Local (10.0.0.1:4000)",
      localAddress: LEFT.address,
      localPort: 4000,
    });
    // The next attempt is free to use any.
    error = undefined;
    socket.connect(80, RIGHT.address);
    expect(await clock.settleUntil(() => error !== undefined, 60_000)).toBe(true);
    expect(error).toMatchObject({ message: "connect ECONNREFUSED 10.0.0.2:80" });
  });

  test("that are not the device's, or none at all, are refused", async () => {
    const { left } = createPair();
    const error = await failure(left.connect({ port: 80, host: RIGHT.address, localAddress: "10.0.0.9" }));
    expect(error).toMatchObject({ code: "EADDRNOTAVAIL", syscall: "bind" });
    expect(error.message).toMatch(/this device is 10\.0\.0\.1/);
    const attempt = (options: object) => thrown(() => left.connect({ port: 80, ...options } as never));
    expect(attempt({ localAddress: "foobar" })).toBe("TypeError ERR_INVALID_IP_ADDRESS");
    expect(attempt({ localPort: "foobar" })).toBe("TypeError ERR_INVALID_ARG_TYPE");
    expect(left.host.core.header().connectionsUsed).toBe(0);
  });
});

describe("a host name", () => {
  const open = (net: Net, lookup?: LookupFunction, host: string | undefined = "device.test") =>
    net.connect({ port: 80, host, lookup });

  test("without a lookup function is ENOTFOUND, and the error says what to do", async () => {
    const { left } = createPair();
    for (const host of ["device.test", "localhost", undefined, "*".repeat(64)]) {
      const socket = left.connect({ port: 80, host });
      const lookups: unknown[] = [];
      socket.on("lookup", (error, address) => lookups.push([error.code, address]));
      const error = await failure(socket);
      expect(error).toMatchObject({
        code: "ENOTFOUND",
        syscall: "getaddrinfo",
        hostname: host ?? "localhost",
      });
      expect(error.message).toMatch(/pass the peer's IPv4 address as host, or a lookup function/);
      expect("port" in error).toBe(false);
      expect(lookups).toEqual([["ENOTFOUND", undefined]]);
    }
  });

  test("is looked up by the function of the options, which may answer with a list", async () => {
    const { clock, left, right } = createPair();
    const server = right.createServer((socket) => socket.end()).listen(80);
    const { address } = RIGHT;
    const lookups: LookupFunction[] = [
      (_name, _options, callback) => callback(null, address, 4),
      (_name, _options, callback) => process.nextTick(callback, null, address, 4),
      (_name, _options, callback) =>
        callback(null, [
          { address: "::1", family: 6 },
          { address, family: 4 },
        ]),
    ];
    for (const lookup of lookups) {
      const asked: unknown[] = [];
      const socket = open(left, (name, options, callback) => {
        asked.push(name, options.family);
        lookup(name, options, callback);
        setImmediate(callback, null, "10.0.0.99", 4);
      });
      const told: unknown[] = [];
      socket.resume().on("lookup", (...args) => told.push(args));
      expect(await clock.settleUntil(() => socket.destroyed, 60_000)).toBe(true);
      expect(socket.remoteAddress).toBe(address);
      expect(asked).toEqual(["device.test", 4]);
      if (lookup === lookups[1]) expect(told).toEqual([[null, address, 4, "device.test"]]);
    }
    server.close();
  });

  test("can be looked up by Node's own resolver", async () => {
    const { left } = createPair();
    // It resolves to loopback, where the core does not go: what matters is that it resolves.
    const error = await failure(
      left.connect({ port: 80, host: "localhost", lookup: dns.lookup as LookupFunction }),
    );
    expect(error.message).toMatch(/^connect EINVAL 127\.0\.0\.1:80 /);
  });

  test("is not looked up when it is an address", async () => {
    const { clock, left, right } = createPair();
    const server = right.createServer((socket) => socket.end()).listen(80);
    const socket = open(left, () => expect.fail("looked up"), RIGHT.address).resume();
    socket.on("lookup", () => expect.fail("told of a lookup"));
    expect(await clock.settleUntil(() => socket.destroyed, 60_000)).toBe(true);
    expect(socket.bytesRead).toBe(0);
    server.close();
  });

  test("that is not found, or found wrong, fails the connection", async () => {
    const { clock, left } = createPair();
    const answers: [string, LookupFunction][] = [
      ["ENOTFOUND", (_n, _o, callback) => callback(Object.assign(new Error("no"), { code: "ENOTFOUND" }))],
      ["ERR_INVALID_IP_ADDRESS", (_n, _o, callback) => callback(null, undefined, 4)],
      ["ERR_INVALID_IP_ADDRESS", (_n, _o, callback) => callback(null, [])],
      ["ERR_INVALID_ADDRESS_FAMILY", (_n, _o, callback) => callback(null, "10.0.0.2", 100)],
      ["EAFNOSUPPORT", (_n, _o, callback) => callback(null, "::1", 6)],
    ];
    for (const [code, lookup] of answers) {
      const socket = open(left, lookup);
      socket.end();
      const closed = new Promise((resolve) => socket.once("close", resolve));
      expect((await failure(socket)).code).toBe(code);
      expect(await closed).toBe(true);
    }
    const fails = answers[0]?.[1] as LookupFunction;
    const again = open(left, fails);
    expect([again.connecting, again.destroyed]).toEqual([true, false]);
    // The failure of an attempt that was given up is not the next one's.
    again.destroy();
    again.connect(80, RIGHT.address);
    const refused = failure(again);
    expect(await clock.settleUntil(() => again.destroyed, 60_000)).toBe(true);
    expect((await refused).code).toBe("ECONNREFUSED");
    expect((await failure(left.connect(80, "::1"))).message).toMatch(/EAFNOSUPPORT.*IPv4 only/);
    for (const lookup of ["foobar", 1, {}, []])
      expect(thrown(() => open(left, lookup as never))).toBe("TypeError ERR_INVALID_ARG_TYPE");
    expect(left.host.core.header().connectionsUsed).toBe(0);
  });

  test("whose answer comes after the socket was destroyed is forgotten", async () => {
    const { clock, left } = createPair();
    const answers: (() => void)[] = [];
    const lookup: LookupFunction = (_name, _options, callback) => {
      answers.push(() => callback(null, RIGHT.address, 4));
    };
    const socket = open(left, lookup);
    socket.on("error", () => expect.fail("error"));
    socket.destroy();
    answers[0]?.();
    await clock.settle(1000);
    expect(left.host.core.header().connectionsUsed).toBe(0);
    // Nor is it taken for the answer to a later call.
    socket.connect({ port: 80, host: "device.test", lookup });
    socket.destroy();
    socket.connect({ port: 80, host: "other.test", lookup: () => {} });
    answers[1]?.();
    await clock.settle(1000);
    expect([socket.connecting, left.host.core.header().connectionsUsed]).toEqual([true, 0]);
    socket.destroy();
  });
});

describe("an abort signal", () => {
  same(
    "destroys the socket with an AbortError, whenever it comes",
    {
      before: ["0 AbortError ABORT_ERR undefined"],
      after: ["1 AbortError ABORT_ERR true"],
      later: ["1 AbortError ABORT_ERR undefined"],
      idle: ["1 AbortError ABORT_ERR undefined"],
    },
    async (stage) => {
      const port = await stage.listen(stage.createServer());
      const look = async (
        who: string,
        open: (signal: AbortSignal) => Socket,
        when: "before" | "after" | "later",
      ) => {
        const controller = new AbortController();
        if (when === "before") controller.abort();
        const socket = open(controller.signal);
        const listeners = getEventListeners(controller.signal, "abort").length;
        let text = "";
        socket.on("error", (error: NodeJS.ErrnoException) => {
          text = `${error.name} ${error.code}`;
        });
        if (when === "after") controller.abort();
        if (when === "later") void stage.pause(1).then(() => controller.abort());
        const [hadError] = await stage.event(socket, "close");
        stage.log(who, `${listeners} ${text} ${hadError}`);
      };
      await look("before", (signal) => stage.connect(port, { signal }), "before");
      await look("after", (signal) => stage.connect(port, { signal }), "after");
      await look("later", (signal) => stage.createSocket({ signal }), "later");
      await look("idle", (signal) => stage.createSocket({ signal }), "after");
    },
  );

  test("that was aborted before lets nothing be opened", async () => {
    const { clock, left } = createPair();
    const socket = left.connect({ port: 80, host: RIGHT.address, signal: AbortSignal.abort() });
    expect((await failure(socket)).name).toBe("AbortError");
    await clock.settle(1000);
    expect([socket.connecting, left.host.core.counter(Counter.TCP_ACTIVE_OPENS)]).toEqual([false, 0]);
  });

  test("must be one", () => {
    const { left } = createPair();
    expect(thrown(() => left.createSocket({ signal: "stop" as never }))).toBe(
      "TypeError ERR_INVALID_ARG_TYPE",
    );
  });
});
