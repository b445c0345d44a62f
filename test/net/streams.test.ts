// How sockets read, write, end and fail: what Node's own tests of net ask of it. The list is docs/node-net-tests.md.

import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Socket } from "../../host/net.js";
import { Prng } from "../../host/sim/prng.js";
import { createPair, expectNothingLeft, RIGHT } from "../host/support.js";
import { same } from "./stage.js";

const code = (error: unknown) => (error as NodeJS.ErrnoException | null | undefined)?.code;

function text(socket: Socket): { value: string } {
  const box = { value: "" };
  socket.setEncoding("utf8").on("data", (part) => {
    box.value += part;
  });
  return box;
}

describe("bytes", () => {
  same(
    "written before there is a connection count once, and in bytes",
    { early: ["15 true true opening"], done: ["18 false"], server: ["L'État, c'est moi"] },
    async (stage) => {
      const server = stage.createServer({}, (socket) => {
        const got = text(socket);
        socket.on("end", () => stage.log("server", got.value));
      });
      const port = await stage.listen(server);
      const socket = stage.createSocket({ highWaterMark: 0 }).resume();
      socket.connect({ port, host: stage.host });
      const done = new Promise<void>((resolve) => {
        socket.write("L'État, c'est ", () => {
          stage.log("done", `${socket.bytesWritten} ${socket.pending}`);
          resolve();
        });
      });
      const { bytesWritten, pending, connecting, readyState } = socket;
      stage.log("early", `${bytesWritten} ${pending} ${connecting} ${readyState}`);
      socket.end("moi");
      await done;
      await stage.event(socket, "close");
    },
  );

  same("of corked writes count at once", { client: ["7", "7", "7"] }, async (stage) => {
    const port = await stage.listen(stage.createServer({}, (socket) => socket.resume().end()));
    const client = stage.connect(port).resume();
    client.cork();
    client.write("one");
    client.write(Buffer.from("twø"));
    client.uncork();
    stage.log("client", client.bytesWritten);
    await stage.event(client, "connect");
    stage.log("client", client.bytesWritten);
    await stage.event(client, "end");
    stage.log("client", client.bytesWritten);
  });

  same(
    "that wait are in bytesWritten and bufferSize, and are read in full",
    { server: ["3000000 true", "3000000 0"], client: ["3000000 true"] },
    async (stage) => {
      const { client, peer } = await stage.pair();
      peer.cork();
      peer.write("a".repeat(1_000_000));
      peer.write(Buffer.alloc(1_000_000));
      peer.write("ab".repeat(1_000_000), "hex");
      peer.uncork();
      stage.log("server", `${peer.bytesWritten} ${peer.bufferSize === peer.writableLength}`);
      peer.end(() => stage.log("server", `${peer.bytesWritten} ${peer.bufferSize}`));
      let grows = true;
      let last = 0;
      client.on("data", () => {
        grows &&= client.bytesRead > last;
        last = client.bytesRead;
      });
      await stage.event(client, "close");
      stage.log("client", `${client.bytesRead} ${grows}`);
    },
  );

  same(
    "wait one by one in bufferSize until there is a connection",
    { client: ["1 2 3 4", "0"] },
    async (stage) => {
      const port = await stage.listen(stage.createServer({}, (socket) => socket.resume()));
      const client = stage.connect(port).resume();
      const sizes = [1, 2, 3, 4].map(() => {
        client.write("a");
        return client.bufferSize;
      });
      stage.log("client", sizes.join(" "));
      client.on("finish", () => stage.log("client", client.bufferSize));
      client.end();
      await stage.event(client, "close");
    },
  );

  same("of every value come through, in latin1 too", { echo: ["true", "256"] }, async (stage) => {
    const port = await stage.listen(
      stage.createServer({}, (socket) => {
        socket.setEncoding("latin1").on("data", (part) => socket.write(part, "latin1"));
      }),
    );
    const all = String.fromCharCode(...Array.from({ length: 256 }, (_, value) => 255 - value));
    const client = stage.connect(port);
    let echo = "";
    client.setEncoding("latin1").on("data", (part) => {
      echo += part;
      if (echo.length === 256) client.end();
    });
    client.write(all, "latin1");
    await stage.event(client, "close");
    stage.log("echo", echo === all);
    stage.log("echo", echo.length);
  });

  same("of a long string keep its characters", { server: ["true"] }, async (stage) => {
    const long = "あ".repeat(40 * 1024);
    const { client, peer } = await stage.pair();
    const got = text(peer);
    client.resume().end(long, "utf8");
    await stage.event(peer, "close");
    stage.log("server", got.value === long);
  });

  same(
    "written before and after the connection keep their order",
    { client: ["before after"] },
    async (stage) => {
      const port = await stage.listen(stage.createServer({}, (socket) => socket.pipe(socket)));
      const client = stage.connect(port);
      const got = text(client);
      client.write("before");
      client.on("connect", () => client.end(" after"));
      await stage.event(client, "close");
      stage.log("client", got.value);
    },
  );

  same("go to and fro a thousand times", { client: ["1000"], server: ["1000 true"] }, async (stage) => {
    let pings = 0;
    let small = true;
    const { client, peer } = await stage.pair({ allowHalfOpen: true });
    peer.setNoDelay().on("data", () => {
      pings++;
      small &&= (peer.bufferSize ?? 0) <= 4;
      peer.write("PONG");
    });
    peer.on("end", () => peer.end());
    let pongs = 0;
    client.on("data", () => {
      if (++pongs < 1000) client.write("PING");
      else client.end();
    });
    client.write("PING");
    await stage.event(client, "close");
    stage.log("client", pongs);
    stage.log("server", `${pings} ${small}`);
  });
});

describe("back-pressure", () => {
  test("holds the writer while the reader is paused, and nothing is lost", async () => {
    const { clock, left, right } = createPair();
    const data = Buffer.from(new Prng(5).bytes(2_000_000));
    const server = right.createServer((socket) => socket.on("error", () => {}).end(data)).listen(80);
    const client = left.connect(80, RIGHT.address);
    const hash = createHash("sha256");
    let pauses = 0;
    client.on("data", (part) => {
      hash.update(part);
      client.pause();
      const { bytesRead } = client;
      pauses++;
      clock.after(20, () => {
        // What was in the stream already has been counted.
        expect(client.bytesRead - bytesRead).toBeLessThanOrEqual(2 * 65536);
        client.resume();
      });
    });
    expect(await clock.settleUntil(() => client.destroyed, 600_000)).toBe(true);
    expect(pauses).toBeGreaterThan(10);
    expect(hash.digest("hex")).toBe(createHash("sha256").update(data).digest("hex"));
    server.close();
    await clock.settle(600_000);
    expectNothingLeft(right.host);
  });

  same("ends write with false, and drain follows", { client: ["false", "true"] }, async (stage) => {
    const { client, peer } = await stage.pair();
    let wrote = true;
    let count = 0;
    while (wrote && count++ < 10_000) wrote = client.write(Buffer.alloc(65536));
    stage.log("client", wrote);
    const drained = stage.event(client, "drain");
    peer.resume();
    await drained;
    stage.log("client", client.writableLength < 65536);
  });

  same("is not felt by small corked writes", { client: ["true 100"] }, async (stage) => {
    const { client, peer } = await stage.pair();
    peer.resume();
    let went = true;
    let count = 0;
    for (; count < 100 && went; count++) {
      client.cork();
      client.write("aa");
      went = client.write("aa");
      client.uncork();
    }
    stage.log("client", `${went} ${count}`);
    client.resume().end();
    await stage.event(client, "close");
  });

  same(
    "lets every write's callback come in its turn",
    { server: ["0 1 2 3 4 5 6 7 8 9"], client: ["2000000"] },
    async (stage) => {
      const { client, peer } = await stage.pair();
      const flushed: number[] = [];
      for (let index = 0; index < 10; index++) peer.write(Buffer.alloc(200_000), () => flushed.push(index));
      peer.end();
      client.resume();
      await stage.event(client, "close");
      stage.log("server", flushed.join(" "));
      stage.log("client", client.bytesRead);
    },
  );
});

describe("the end", () => {
  same(
    "of the peer ends a socket that may not be half open, after its end event",
    { client: ["end false", "finish false", "close true"] },
    async (stage) => {
      const port = await stage.listen(stage.createServer({}, (socket) => socket.end(Buffer.alloc(1024))));
      const client = stage.connect(port).resume();
      for (const name of ["end", "finish", "close"])
        client.on(name, () => stage.log("client", `${name} ${client.destroyed}`));
      await stage.event(client, "close");
    },
  );

  same(
    "of the peer leaves one writable that may be half open",
    { client: ["false true writeOnly true"], server: ["late"] },
    async (stage) => {
      const { client, peer } = await stage.pair({ allowHalfOpen: true });
      const got = text(peer);
      peer.end();
      client.resume();
      await stage.event(client, "end");
      await stage.pause(20);
      const wrote = client.write("late");
      stage.log("client", `${client.readable} ${client.writable} ${client.readyState} ${wrote}`);
      client.end();
      await Promise.all([stage.event(client, "close"), stage.event(peer, "close")]);
      stage.log("server", got.value);
    },
  );

  same(
    "can still be answered inside the end event",
    { client: ["true"], server: ["hello"] },
    async (stage) => {
      const { client, peer } = await stage.pair({}, {});
      const got = text(peer);
      peer.end();
      client.resume().on("end", () => {
        stage.log("client", client.writable);
        client.write("hello");
      });
      await stage.event(peer, "close");
      stage.log("server", got.value);
    },
  );

  same(
    "of both sides makes a later write EPIPE, in the next tick",
    { client: ["write false, error seen false", "EPIPE", "error EPIPE", "close true"] },
    async (stage) => {
      const { client, peer } = await stage.pair();
      peer.resume();
      client.resume().end();
      let failed = false;
      client.on("error", (error) => {
        failed = true;
        expect(error.message).toBe("This socket has been ended by the other party");
        stage.log("client", `error ${code(error)}`);
      });
      client.on("close", (hadError: boolean) => stage.log("client", `close ${hadError}`));
      const closed = stage.event(client, "close");
      client.on("end", () => {
        const wrote = client.write("hello", (error) => stage.log("client", code(error)));
        stage.log("client", `write ${wrote}, error seen ${failed}`);
      });
      await closed;
    },
  );

  same("calls back, in all its forms", { client: ["3", "foofoo"] }, async (stage) => {
    let got = "";
    const port = await stage.listen(
      stage.createServer({}, (socket) =>
        socket.on("data", (data) => {
          got += data;
        }),
      ),
    );
    let called = 0;
    const forms: ((socket: Socket, done: () => void) => void)[] = [
      (socket, done) => socket.end(done),
      (socket, done) => socket.end("foo", done),
      (socket, done) => socket.end("foo", "utf8", done),
    ];
    for (const end of forms) {
      const client = stage.connect(port, {}).resume();
      await stage.event(client, "connect");
      end(client, () => called++);
      await stage.event(client, "close");
    }
    stage.log("client", called);
    stage.log("client", got);
  });

  same(
    "before there is a connection comes after it",
    { client: ["connect", "ready", "finish", "end", "close false"] },
    async (stage) => {
      const port = await stage.listen(stage.createServer({}, (socket) => socket.resume()));
      const client = stage.watch("client", stage.connect(port)).resume();
      client.end();
      await stage.event(client, "close");
    },
  );

  same("does not destroy the socket at once", { client: ["end false"] }, async (stage) => {
    const { client, peer } = await stage.pair();
    peer.resume();
    client.resume().end();
    client.on("end", () => stage.log("client", `end ${client.destroyed}`));
    await stage.event(client, "close");
  });

  same(
    "is told although data is read late",
    { server: ["end", "finish", "close false", "foo"] },
    async (stage) => {
      const { client, peer } = await stage.pair();
      stage.watch("server", peer);
      client.resume().end("foo");
      peer.pause();
      await stage.pause(50);
      const got = text(peer);
      peer.resume();
      await stage.event(peer, "close");
      stage.log("server", got.value);
    },
  );

  same("after which the other side writes is an error of the write", { server: ["true"] }, async (stage) => {
    const { client, peer } = await stage.pair();
    peer.resume().on("error", () => {});
    client.resume().end();
    await Promise.all([stage.event(client, "end"), stage.event(peer, "close")]);
    peer.write("test", (error) => stage.log("server", error instanceof Error));
    await stage.pause(20);
  });
});

describe("a failure", () => {
  same(
    "by the peer's reset is ECONNRESET of a read, once",
    { client: ["read ECONNRESET ECONNRESET -104 read undefined", "close true"] },
    async (stage) => {
      const { client, peer } = await stage.pair();
      client.on("error", (error: NodeJS.ErrnoException & { address?: string }) => {
        const { message, errno, syscall, address } = error;
        stage.log("client", `${message} ${error.code} ${errno} ${syscall} ${address}`);
      });
      client.on("close", (hadError: boolean) => stage.log("client", `close ${hadError}`));
      peer.resetAndDestroy();
      await stage.event(client, "close");
    },
  );

  same("in the middle of many writes is told once", { server: ["1", "close true"] }, async (stage) => {
    const { client, peer } = await stage.pair();
    let errors = 0;
    peer.on("error", () => errors++);
    peer.on("close", (hadError: boolean) => {
      stage.log("server", errors);
      stage.log("server", `close ${hadError}`);
    });
    client.on("error", () => {});
    for (let index = 0; index < 10; index++) peer.write(Buffer.alloc(2_000_000), () => {});
    peer.end();
    client.once("data", () => client.pause() && setImmediate(() => client.resetAndDestroy()));
    await stage.event(peer, "close");
  });

  same(
    "destroy and resetAndDestroy give the socket, and writes are refused afterwards",
    { client: ["true", "ERR_STREAM_DESTROYED"], reset: ["true", "ERR_STREAM_DESTROYED"] },
    async (stage) => {
      const first = await stage.pair();
      first.peer.on("error", () => {});
      first.client.on("error", () => stage.log("client", "error"));
      stage.log("client", first.client.destroy().destroy() === first.client);
      first.client.write("kaboom", (error) => stage.log("client", code(error)));
      const second = await stage.pair();
      second.peer.on("error", () => {});
      second.client.on("error", () => stage.log("reset", "error"));
      stage.log("reset", second.client.resetAndDestroy().destroy() === second.client);
      second.client.write("kaboom", (error) => stage.log("reset", code(error)));
      await stage.pause(20);
    },
  );

  same(
    "of a socket destroyed before its connection is the write's",
    { client: ["ERR_SOCKET_CLOSED_BEFORE_CONNECTION"] },
    async (stage) => {
      const port = await stage.listen(stage.createServer());
      const client = stage.connect(port);
      client.write("foo", (error) => stage.log("client", code(error)));
      client.destroy();
      await stage.pause(20);
    },
  );

  same(
    "after the peer's end does not keep from a paused reader what has arrived",
    { client: ["1000", "end", "close false"] },
    async (stage) => {
      const { client, peer } = await stage.pair({ noDelay: true });
      client.pause();
      peer.write(Buffer.alloc(1000));
      await stage.pause(20);
      peer.destroy();
      await stage.pause(20);
      // Answered with a reset: nobody is there any more.
      client.write("anybody?");
      await stage.pause(20);
      client.on("data", (data) => stage.log("client", data.length));
      client.on("end", () => stage.log("client", "end"));
      client.on("close", (hadError: boolean) => stage.log("client", `close ${hadError}`));
      client.resume();
      await stage.event(client, "close");
    },
  );

  test.each([
    ["read", "a peer that still could write", false],
    ["write", "a peer that has ended", true],
  ])("of a %s, by %s, leaves in bytesWritten what the core took", async (syscall, _by, ended) => {
    const { clock, left, right } = createPair();
    const server = right
      .createServer({ allowHalfOpen: true }, (socket) => {
        socket.pause();
        if (ended) socket.end();
      })
      .listen(80);
    const client = left.connect({ port: 80, host: RIGHT.address, allowHalfOpen: true }).resume();
    let error: unknown;
    client.on("error", (failed) => {
      error = failed;
    });
    await clock.settle(1000);
    client.write(Buffer.alloc(1_000_000));
    await clock.settle(1000);
    const { bytesAcknowledged = 0, sendQueued = 0 } = client.tcpInfo() ?? {};
    expect(bytesAcknowledged + sendQueued).toBeGreaterThan(1000);
    server.closeAllConnections();
    expect(await clock.settleUntil(() => client.destroyed, 3_600_000)).toBe(true);
    await clock.settle(1);
    expect(error).toMatchObject({ code: "ECONNRESET", syscall });
    expect(client.bytesWritten).toBe(bytesAcknowledged + sendQueued);
    server.close();
  });

  test("that nobody reads is told to an end", async () => {
    const { clock, left, right } = createPair();
    const accepted: Socket[] = [];
    const server = right.createServer((socket) => accepted.push(socket.resume())).listen(80);
    // In an earlier life the socket read its peer's end.
    const client = left.connect(80, RIGHT.address).resume();
    expect(await clock.settleUntil(() => accepted.length === 1, 60_000)).toBe(true);
    accepted[0]?.end();
    expect(await clock.settleUntil(() => client.destroyed, 60_000)).toBe(true);
    await clock.settle(1);
    client.pause().connect(80, RIGHT.address);
    expect(await clock.settleUntil(() => accepted.length === 2, 60_000)).toBe(true);
    accepted[1]?.write(Buffer.alloc(1_000_000));
    await clock.settle(1000);
    accepted[1]?.resetAndDestroy();
    await clock.settle(1000);
    expect(client.destroyed).toBe(false);
    let error: unknown;
    client.on("error", (failed) => {
      error = failed;
    });
    client.end();
    await clock.settle(10);
    expect(error).toMatchObject({ code: "ECONNRESET", syscall: "shutdown" });
    server.close();
  });

  test("of a half-open connection is told at once", async () => {
    const { clock, left, right } = createPair();
    const server = right.createServer({ allowHalfOpen: true }, (socket) => socket.resume().end()).listen(80);
    const client = left.connect({ port: 80, host: RIGHT.address, allowHalfOpen: true }).resume();
    const events: unknown[] = [];
    client.on("end", () => events.push("end")).on("error", (error) => events.push(code(error)));
    expect(await clock.settleUntil(() => events.length === 1, 60_000)).toBe(true);
    server.closeAllConnections();
    client.write("into the void");
    expect(await clock.settleUntil(() => client.destroyed, 60_000)).toBe(true);
    await clock.settle(1);
    // Node would wait for the next write.
    expect(events).toEqual(["end", "ECONNRESET"]);
    server.close();
  });

  test("of a write's argument is thrown, and the socket lives", () => {
    const { left } = createPair();
    const socket = left.createSocket({ highWaterMark: 0 });
    socket.on("error", () => expect.fail("error"));
    expect(() => socket.write(null)).toThrow(expect.objectContaining({ code: "ERR_STREAM_NULL_VALUES" }));
    for (const value of [true, false, undefined, 1, Number.POSITIVE_INFINITY, [], {}])
      expect(() => socket.write(value)).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARG_TYPE" }));
  });

  test("of a path without answers is ETIMEDOUT of a read", async () => {
    const { clock, wire, left, right } = createPair();
    const server = right.createServer((socket) => socket.resume()).listen(80);
    const client = left.connect(80, RIGHT.address);
    expect(await clock.settleUntil(() => !client.connecting, 60_000)).toBe(true);
    let error: unknown;
    client.on("error", (failed) => {
      error = failed;
    });
    wire.filter = () => false;
    client.write("lost");
    expect(await clock.settleUntil(() => client.destroyed, 3_600_000)).toBe(true);
    await clock.settle(10);
    expect(error).toMatchObject({ code: "ETIMEDOUT", syscall: "read", errno: -110 });
    server.closeAllConnections();
    server.close();
  });
});

describe("the onread option", () => {
  const MESSAGE = "hello world";

  same("fills one buffer, and no data event tells of it", { client: ["hello world 2"] }, async (stage) => {
    const port = await stage.listen(stage.createServer({}, (socket) => socket.end(MESSAGE)));
    const buffer = Buffer.alloc(8);
    let got = "";
    let calls = 0;
    const client = stage.connect(port, {
      onread: {
        buffer,
        callback(bytes, filled) {
          calls++;
          got += Buffer.from(filled.subarray(0, bytes));
          return filled === buffer;
        },
      },
    });
    client.on("data", () => stage.log("client", "data"));
    await stage.event(client, "end");
    stage.log("client", `${got} ${calls}`);
  });

  same("asks for a buffer each time when it is a function", { client: ["hello world 7"] }, async (stage) => {
    const port = await stage.listen(stage.createServer({}, (socket) => socket.end(MESSAGE)));
    let asked = 0;
    let got = "";
    const client = stage.connect(port, {
      onread: {
        buffer: () => {
          asked++;
          return new Uint8Array(2);
        },
        callback(bytes, filled) {
          got += Buffer.from(filled.subarray(0, bytes));
          return true;
        },
      },
    });
    await stage.event(client, "end");
    stage.log("client", `${got} ${asked}`);
  });

  for (const way of ["returning false", "pausing"] as const)
    same(`pauses by ${way}, until it is resumed`, { client: ["hello world false"] }, async (stage) => {
      const port = await stage.listen(stage.createServer({}, (socket) => socket.end(MESSAGE)));
      let got = "";
      let paused = false;
      let calledWhilePaused = false;
      const client = stage.connect(port, {
        onread: {
          buffer: Buffer.alloc(8),
          callback(bytes, filled) {
            calledWhilePaused ||= paused;
            got += Buffer.from(filled.subarray(0, bytes));
            paused = true;
            if (way === "pausing") client.pause();
            void stage.pause(30).then(() => {
              paused = false;
              client.resume();
            });
            return way === "pausing";
          },
        },
      });
      await stage.event(client, "end");
      stage.log("client", `${got} ${calledWhilePaused}`);
    });

  test("wants a buffer and a function", () => {
    const { left } = createPair();
    const callback = () => true;
    for (const onread of [
      { buffer: "b", callback },
      { buffer: new Uint8Array(0), callback },
      { buffer: Buffer.alloc(1) },
    ])
      expect(() => left.createSocket({ onread: onread as never })).toThrow(
        expect.objectContaining({ code: "ERR_INVALID_ARG_TYPE" }),
      );
  });
});
