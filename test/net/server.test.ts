// How servers listen, accept and close: what Node's own tests of net ask of it. The list is docs/node-net-tests.md.

import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import type { ListenOptions, Server, Socket } from "../../host/net.js";
import { createPair, expectNothingLeft, RIGHT } from "../host/support.js";
import { same } from "./stage.js";

/** Listens as `listen` does and resolves to the port, or the error's code. */
function heard(server: Server, listen: (server: Server) => unknown): Promise<number | string> {
  return new Promise((resolve) => {
    server.once("listening", () => resolve(server.address()?.port ?? -1));
    server.once("error", (error) => resolve(error.code));
    listen(server);
  });
}

const badPort = expect.objectContaining({ name: "RangeError", code: "ERR_SOCKET_BAD_PORT" });

describe("listen", () => {
  test("takes a port, options, a host, a backlog and a callback, and any port for none", async () => {
    const { right } = createPair({ listeners: 20 });
    const { address: host } = RIGHT;
    let called = 0;
    const done = () => called++;
    const forms: ((server: Server) => Server)[] = [
      (server) => server.listen(),
      (server) => server.listen(done),
      (server) => server.listen(0),
      (server) => server.listen("0", done),
      (server) => server.listen(null, done),
      (server) => server.listen(undefined, done),
      (server) => server.listen({ port: 0 }),
      (server) => server.listen({ port: undefined }, done),
      (server) => server.listen({ port: 0, host, backlog: 5 }, done),
      (server) => server.listen(0, host, done),
      (server) => server.listen(0, "0.0.0.0", 5, done),
      (server) => server.listen(0, 5, done),
    ];
    const servers = forms.map(() => right.createServer());
    const ports = await Promise.all(servers.map((server, index) => heard(server, forms[index] as never)));
    expect(ports).toEqual(forms.map((_form, index) => 49152 + index));
    expect(called).toBe(9);
    expect(servers[0]?.address()).toEqual({ address: host, family: "IPv4", port: 49152 });
    for (const server of servers) server.close();
    expectNothingLeft(right.host);
  });

  test("refuses ports that are none, pipes and descriptors", () => {
    const { right } = createPair();
    const listen = (argument: unknown) => () => right.createServer().listen(argument as never);
    for (const port of [-1, Number.NaN, 123.456, 65536, 2 ** 32 - 1, Number.POSITIVE_INFINITY]) {
      expect(listen(port), String(port)).toThrow(badPort);
      expect(listen({ port }), String(port)).toThrow(badPort);
    }
    for (const argument of [
      false,
      true,
      {},
      { host: RIGHT.address },
      { port: false },
      { fd: 0 },
      "/pipe",
      { path: "/pipe" },
    ])
      expect(listen(argument), String(argument)).toThrow(
        expect.objectContaining({ name: "TypeError", code: "ERR_INVALID_ARG_VALUE" }),
      );
    expect(listen("/pipe")).toThrow(/give a host and a port/);
    expect(right.host.core.header().listenersUsed).toBe(0);
  });

  test("on an address that is not the device's is EADDRNOTAVAIL", async () => {
    const { right } = createPair();
    for (const host of ["1.1.1.1", "127.0.0.1"]) {
      const error = await new Promise((resolve) =>
        right.createServer().once("error", resolve).listen(1, host),
      );
      expect(error).toMatchObject({
        code: "EADDRNOTAVAIL",
        syscall: "listen",
        address: host,
        port: 1,
        errno: -99,
      });
      expect((error as Error).message).toMatch(/this device is 10\.0\.0\.2/);
    }
    expect(await heard(right.createServer(), (server) => server.listen(1, "::1"))).toBe("EAFNOSUPPORT");
    expect(await heard(right.createServer(), (server) => server.listen(1, "localhost"))).toBe("ENOTFOUND");
  });

  test("on a port in use is EADDRINUSE in Node's words, and another port can be tried", async () => {
    const { right } = createPair({ listeners: 4 });
    const first = right.createServer().listen(80);
    const second = right.createServer();
    const error = await new Promise((resolve) => second.once("error", resolve).listen(80));
    expect(error).toMatchObject({
      code: "EADDRINUSE",
      errno: -98,
      syscall: "listen",
      port: 80,
      message: "listen EADDRINUSE: address already in use 0.0.0.0:80",
    });
    expect(second.listening).toBe(false);
    expect(await heard(second, (server) => server.listen(0))).toBe(49152);
    first.close();
    second.close();
    expectNothingLeft(right.host);
  });

  test("without a free record is ENOBUFS, and says what to do", async () => {
    const { right } = createPair({ listeners: 1 });
    const first = right.createServer().listen(80);
    const error = await new Promise((resolve) => right.createServer().once("error", resolve).listen(81));
    expect(error).toMatchObject({ code: "ENOBUFS", syscall: "listen" });
    expect((error as Error).message).toMatch(/configure more, or close some/);
    first.close();
  });

  test("with a backlog out of range is EINVAL", async () => {
    const { right } = createPair();
    expect(await heard(right.createServer(), (server) => server.listen(80, 20_000))).toBe("EINVAL");
    expectNothingLeft(right.host);
  });

  same(
    "twice is an error, after close it is not",
    { server: ["ERR_SERVER_ALREADY_LISTEN", "again", "1 0"] },
    async (stage) => {
      const server = stage.createServer();
      await stage.listen(server);
      try {
        server.listen();
      } catch (error) {
        stage.log("server", (error as NodeJS.ErrnoException).code);
      }
      server.close();
      const again = stage.event(server, "listening");
      const port = stage.listen(server);
      await again;
      stage.log("server", "again");
      await port;
      stage.log("server", `${Number(server.listening)} ${server.listenerCount("listening")}`);
    },
  );

  same("and close at once is never listening", { server: ["close"] }, async (stage) => {
    const server = stage.createServer();
    server.on("listening", () => stage.log("server", "listening"));
    server.on("error", () => stage.log("server", "error"));
    server.on("close", () => stage.log("server", "close"));
    void stage.listen(server);
    server.close();
    await stage.pause(20);
  });

  same(
    "with a signal closes when it is aborted, also when it was before",
    { later: ["1 close 0"], closed: ["0"], before: ["close"], wrong: ["ERR_INVALID_ARG_TYPE"] },
    async (stage) => {
      const later = stage.createServer();
      const controller = new AbortController();
      later.listen({ port: 0, signal: controller.signal });
      const listeners = () => getEventListeners(controller.signal, "abort").length;
      const counted = listeners();
      controller.abort();
      await stage.event(later, "close");
      stage.log("later", `${counted} close ${listeners()}`);
      const closed = stage.createServer();
      const other = new AbortController();
      closed.listen({ port: 0, signal: other.signal }).close();
      await stage.event(closed, "close");
      stage.log("closed", getEventListeners(other.signal, "abort").length);
      const before = stage.createServer();
      before.listen({ port: 0, signal: AbortSignal.abort() });
      await stage.event(before, "close");
      stage.log("before", "close");
      try {
        stage.createServer().listen({ port: 0, signal: "INVALID" } as unknown as ListenOptions);
      } catch (error) {
        stage.log("wrong", (error as NodeJS.ErrnoException).code);
      }
    },
  );
});

describe("close", () => {
  same(
    "calls back, and is told when the server does not listen",
    { server: ["true", "false", "undefined", "ERR_SERVER_NOT_RUNNING"] },
    async (stage) => {
      const server = stage.createServer();
      await stage.listen(server);
      stage.log("server", server.listening);
      const close = () =>
        new Promise<NodeJS.ErrnoException | undefined>((resolve) => server.close((error) => resolve(error)));
      const first = close();
      stage.log("server", server.listening);
      stage.log("server", (await first)?.code);
      stage.log("server", (await close())?.code);
    },
  );

  same("takes what is no function for nothing", { server: ["close"] }, async (stage) => {
    const server = stage.createServer();
    await stage.listen(server);
    server.on("close", () => stage.log("server", "close"));
    server.close("bad argument" as never);
    await stage.pause(20);
  });

  same(
    "waits for the connections, destroyed or reset",
    { server: ["0 closed", "2", "destroyed", "close"], reset: ["0 closed", "2", "reset", "close"] },
    async (stage) => {
      for (const [who, leave] of [
        ["server", "destroyed"],
        ["reset", "reset"],
      ] as const) {
        const sockets: Socket[] = [];
        const server = stage.createServer({}, (socket) => sockets.push(socket));
        const port = await stage.listen(server);
        for (let index = 0; index < 2; index++) {
          const came = stage.event(server, "connection");
          stage.connect(port).on("error", () => {});
          await came;
        }
        let closed = 0;
        server.on("close", () => closed++);
        expect(server.close()).toBe(server);
        await stage.pause(20);
        stage.log(who, `${closed} closed`);
        server.getConnections((_error, count) => stage.log(who, count));
        await stage.pause(5);
        const close = stage.event(server, "close");
        stage.log(who, leave);
        for (const socket of sockets) leave === "reset" ? socket.resetAndDestroy() : socket.destroy();
        await close;
        stage.log(who, "close");
      }
    },
  );

  same("by Symbol.asyncDispose resolves, and again", { server: ["null", "twice"] }, async (stage) => {
    const server = stage.createServer();
    await stage.listen(server);
    await server[Symbol.asyncDispose]();
    stage.log("server", server.address());
    await server[Symbol.asyncDispose]();
    stage.log("server", "twice");
  });

  same("leaves no listener of listening, and the server can go on", { server: ["0", "0"] }, async (stage) => {
    const server = stage.createServer();
    for (let round = 0; round < 2; round++) {
      await stage.listen(server);
      server.close();
      await stage.event(server, "close");
      stage.log("server", server.listenerCount("listening"));
    }
  });
});

describe("accepting", () => {
  same("gives sockets that know their server, and counts them", { server: ["true", "1"] }, async (stage) => {
    const { server, peer } = await stage.pair();
    stage.log("server", peer.server === server);
    await new Promise<void>((resolve) => {
      expect(
        server.getConnections((error, count) => {
          expect(error).toBe(null);
          stage.log("server", count);
          resolve();
        }),
      ).toBe(server);
    });
  });

  same(
    "beyond maxConnections drops, tells of it, and closes the connection",
    { drop: ["true true IPv4 IPv4 true"], client: ["hello", "", "hello"] },
    async (stage) => {
      const server = stage.createServer({}, (socket) =>
        socket
          .on("error", () => {})
          .resume()
          .write("hello"),
      );
      server.maxConnections = 1;
      const port = await stage.listen(server);
      server.on("drop", (drop) => {
        const { localAddress, localPort, localFamily, remoteFamily, remotePort } = drop;
        stage.log(
          "drop",
          `${localAddress === stage.host} ${localPort === port} ${localFamily} ${remoteFamily} ${remotePort > 0}`,
        );
      });
      const got = async (socket: Socket, leave: boolean) => {
        let text = "";
        socket.on("error", () => {});
        socket.on("data", (data) => {
          text += data;
          if (leave) socket.end();
        });
        await (leave ? stage.event(socket, "close") : stage.event(socket, "data"));
        return text;
      };
      const first = stage.connect(port);
      stage.log("client", await got(first, false));
      stage.log("client", await got(stage.connect(port), true));
      const gone = stage.event(first, "close");
      first.end();
      await gone;
      await stage.pause(20);
      stage.log("client", await got(stage.connect(port), true));
    },
  );

  same(
    "with pauseOnConnect reads nothing before resume",
    { paused: ["0 true", "test"], flowing: ["test"] },
    async (stage) => {
      const paused = await stage.pair({ pauseOnConnect: true });
      const flowing = await stage.pair({ pauseOnConnect: false });
      const texts = { paused: "", flowing: "" };
      for (const name of ["paused", "flowing"] as const) {
        const { client, peer } = name === "paused" ? paused : flowing;
        peer.on("data", (data) => {
          texts[name] += data;
        });
        client.write("test");
      }
      await stage.event(flowing.peer, "data");
      await stage.pause(20);
      stage.log("flowing", texts.flowing);
      stage.log("paused", `${paused.peer.bytesRead} ${paused.peer.isPaused()}`);
      paused.peer.resume();
      await stage.event(paused.peer, "data");
      stage.log("paused", texts.paused);
    },
  );

  test("goes on when a listener throws", async () => {
    const { clock, left, right } = createPair();
    const accepted: Socket[] = [];
    const server = right
      .createServer((socket) => {
        accepted.push(socket);
        if (accepted.length === 1) throw new Error("of the listener");
      })
      .listen(80);
    // Both wait at the listener when it is looked at.
    const clients = [left.connect(80, RIGHT.address), left.connect(80, RIGHT.address)];
    let thrown = 0;
    for (let round = 0; round < 100 && accepted.length < 2; round++)
      try {
        await clock.settle(10);
      } catch (error) {
        expect(String(error)).toBe("Error: of the listener");
        thrown++;
      }
    expect([accepted.length, thrown]).toEqual([2, 1]);
    for (const socket of [...clients, ...accepted]) socket.destroy();
    server.close();
    await clock.settle(600_000);
    expectNothingLeft(right.host);
  });

  test("destroys the connection of an async listener that rejects", async () => {
    const { clock, left, right } = createPair();
    const { EventEmitter } = await import("node:events");
    const was = EventEmitter.captureRejections;
    EventEmitter.captureRejections = true;
    const server = right.createServer();
    EventEmitter.captureRejections = was;
    const wanted = new Error("kaboom");
    let error: unknown;
    server.on("connection", async (socket: Socket) => {
      socket.on("error", (failed) => {
        error = failed;
      });
      throw wanted;
    });
    server.listen(80);
    const client = left.connect(80, RIGHT.address).resume();
    client.on("error", () => {});
    expect(await clock.settleUntil(() => client.destroyed, 60_000)).toBe(true);
    expect(error).toBe(wanted);
    server.close();
  });

  test("wants options that are some", () => {
    const { right } = createPair();
    for (const options of ["path", 0])
      expect(() => right.createServer(options as never)).toThrow(
        expect.objectContaining({ name: "TypeError", code: "ERR_INVALID_ARG_TYPE" }),
      );
  });
});
