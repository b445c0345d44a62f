// Time-outs, keepalives and Nagle's algorithm: what Node's own tests of net ask of it. The list is docs/node-net-tests.md.

import { describe, expect, test } from "vitest";
import { Counter, Option } from "../../host/abi.js";
import type { Host } from "../../host/host.js";
import type { ServerOptions, Socket, SocketOptions } from "../../host/net.js";
import { createPair, RIGHT } from "../host/support.js";
import { same } from "./stage.js";

describe("setTimeout", () => {
  test("refuses what is no duration and no callback", () => {
    const socket = createPair().left.createSocket();
    const codes = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
      return undefined;
    };
    for (const ms of ["100", true, false, undefined, null, "", {}, () => {}, []])
      expect(codes(() => socket.setTimeout(ms as never))).toBe("ERR_INVALID_ARG_TYPE");
    for (const ms of [-0.001, -1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN])
      expect(codes(() => socket.setTimeout(ms))).toBe("ERR_OUT_OF_RANGE");
    for (const callback of [1, "100", true, false, null, {}, [], Symbol("test")])
      for (const ms of [0, 1])
        expect(codes(() => socket.setTimeout(ms, callback as never))).toBe("ERR_INVALID_ARG_TYPE");
    for (const ms of [0, 0.001, 1, 1e6, 1e12]) expect(socket.setTimeout(ms)).toBe(socket);
    expect(socket.timeout).toBe(1e12);
    socket.destroy();
  });

  same(
    "fires once per silence, and a callback of it can be taken back",
    { socket: ["undefined 40 0", "1 1 0"] },
    async (stage) => {
      const { client, peer } = await stage.pair();
      peer.resume();
      const calls = { event: 0, callback: 0, removed: 0 };
      const removed = () => calls.removed++;
      const { timeout: before } = client;
      client.on("timeout", () => calls.event++);
      client.setTimeout(40, () => calls.callback++);
      const { timeout: during } = client;
      client.setTimeout(40, removed).setTimeout(0, removed);
      stage.log("socket", `${before} ${during} ${client.timeout}`);
      client.setTimeout(20);
      await stage.pause(150);
      stage.log("socket", `${calls.event} ${calls.callback} ${calls.removed}`);
    },
  );

  same("fires without a connection, too", { socket: ["true"] }, async (stage) => {
    const socket = stage.createSocket().setTimeout(20);
    await stage.event(socket, "timeout");
    stage.log("socket", socket.pending);
  });

  same("does nothing on a destroyed socket", { socket: ["true"] }, async (stage) => {
    const { client, peer } = await stage.pair();
    peer.resume();
    client.setTimeout(10, () => {
      client.destroy();
      stage.log("socket", client.setTimeout(1, () => stage.log("socket", "again")) === client);
    });
    await stage.event(client, "close");
    await stage.pause(30);
  });

  same("is an option of connect", { socket: ["12345"] }, async (stage) => {
    const port = await stage.listen(stage.createServer());
    stage.log("socket", stage.connect(port, { timeout: 12345 }).timeout);
  });

  test("counts silence from the last byte that came or went", async () => {
    const { clock, left, right } = createPair();
    let peer: Socket | undefined;
    const server = right
      .createServer((socket) => {
        peer = socket.resume();
      })
      .listen(80);
    const client = left.connect(80, RIGHT.address).resume();
    expect(await clock.settleUntil(() => peer !== undefined && !client.connecting, 60_000)).toBe(true);
    let fired: number[] = [];
    client.setTimeout(1000).on("timeout", () => fired.push(clock.now()));
    for (let round = 0; round < 6; round++) {
      await clock.settle(700);
      if (round % 2 === 0) client.write("out");
      else peer?.write("in");
    }
    expect(fired).toEqual([]);
    const quiet = clock.now();
    await clock.settle(10_000);
    expect(fired.length).toBe(1);
    expect((fired[0] as number) - quiet).toBeGreaterThanOrEqual(1000);
    // What goes afterwards starts it again, as in Node.
    fired = [];
    client.write("more");
    await clock.settle(10_000);
    expect(fired.length).toBe(1);
    client.destroy();
    server.close();
    peer?.destroy();
  });

  test("does not fire while a slow reader takes what was written", async () => {
    const { clock, left, right } = createPair({ sendRingBytes: 4096, receiveRingBytes: 4096 });
    let timeouts = 0;
    const server = right
      .createServer((socket) => {
        // The whole takes far longer than that.
        socket.setTimeout(5000, () => timeouts++);
        socket.write(Buffer.alloc(1_000_000), () => socket.setTimeout(0));
        socket.end();
      })
      .listen(80);
    const client = left.connect(80, RIGHT.address);
    const began = clock.now();
    client.on("data", () => {
      client.pause();
      clock.after(200, () => client.resume());
    });
    expect(await clock.settleUntil(() => client.destroyed, 600_000)).toBe(true);
    expect([client.bytesRead, timeouts]).toEqual([1_000_000, 0]);
    expect(clock.now() - began).toBeGreaterThan(20_000);
    server.close();
  });
});

/** A core's option of the only connection of `host`, taken from the events' listeners. */
function optionOf(host: Host, option: number, open: () => Socket): number {
  const { core } = host;
  const opened: number[] = [];
  const { open: openHandle, accept } = core;
  core.open = (kind) => {
    const handle = openHandle.call(core, kind);
    opened.push(handle);
    return handle;
  };
  try {
    open();
  } finally {
    core.open = openHandle;
    core.accept = accept;
  }
  return core.getOption(opened[0] as number, option);
}

describe("options set before there is a connection", () => {
  const set = (
    prepare: (socket: Socket) => void,
    options: SocketOptions = {},
    option: number = Option.NO_DELAY,
  ) => {
    const { left } = createPair();
    const socket = left.createSocket(options);
    prepare(socket);
    return optionOf(left.host, option, () => socket.connect(80, RIGHT.address));
  };

  test("reach the core: noDelay", () => {
    expect(set(() => {})).toBe(0);
    expect(set((socket) => socket.setNoDelay())).toBe(1);
    expect(set((socket) => socket.setNoDelay(true).setNoDelay(false))).toBe(0);
    for (const yes of [true, 1, "true", {}, []]) expect(set(() => {}, { noDelay: yes as boolean })).toBe(1);
    for (const no of [false, 0, "", undefined]) expect(set(() => {}, { noDelay: no as boolean })).toBe(0);
  });

  test("reach the core: keepAlive and its delay", () => {
    const { KEEPALIVE_MS } = Option;
    expect(set(() => {}, {}, KEEPALIVE_MS)).toBe(0);
    expect(set((socket) => socket.setKeepAlive(true, 400), {}, KEEPALIVE_MS)).toBe(400);
    expect(set((socket) => socket.setKeepAlive(true, 400).setKeepAlive(false), {}, KEEPALIVE_MS)).toBe(0);
    const options = (keepAlive: unknown, keepAliveInitialDelay?: number) =>
      set(() => {}, { keepAlive: keepAlive as boolean, keepAliveInitialDelay }, KEEPALIVE_MS);
    for (const yes of [true, 1, "true", {}, []]) expect(options(yes, 456_123.7)).toBe(456_123);
    for (const no of [false, 0, ""]) expect(options(no, 1000)).toBe(0);
    for (const delay of [undefined, 0, -123_000]) expect(options(true, delay)).toBe(7_200_000);
    // Longer than the core can count.
    expect(options(true, 1e9)).toBe(2 ** 24 - 1);
    expect(() => options(true, "1" as never)).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARG_TYPE" }),
    );
  });
});

describe("a server's options", () => {
  async function accepted(options: ServerOptions, option: number): Promise<number> {
    const { clock, left, right } = createPair();
    let peer: Socket | undefined;
    const server = right
      .createServer(options, (socket) => {
        peer = socket;
      })
      .listen(80);
    const { core } = right.host;
    const { accept } = core;
    let handle = 0;
    core.accept = (listener) => {
      const taken = accept.call(core, listener);
      handle ||= taken ?? 0;
      return taken;
    };
    left.connect(80, RIGHT.address);
    expect(await clock.settleUntil(() => peer !== undefined, 60_000)).toBe(true);
    server.close();
    return core.getOption(handle, option);
  }

  test("reach the sockets that it accepts", async () => {
    expect(await accepted({}, Option.NO_DELAY)).toBe(0);
    expect(await accepted({ noDelay: true }, Option.NO_DELAY)).toBe(1);
    expect(await accepted({}, Option.KEEPALIVE_MS)).toBe(0);
    expect(await accepted({ keepAlive: true }, Option.KEEPALIVE_MS)).toBe(7_200_000);
    expect(await accepted({ keepAlive: true, keepAliveInitialDelay: 1000 }, Option.KEEPALIVE_MS)).toBe(1000);
  });

  test("highWaterMark bounds what a socket holds unread", async () => {
    const { clock, left, right } = createPair();
    let peer: Socket | undefined;
    const server = right
      .createServer({ highWaterMark: 1000 }, (socket) => {
        peer = socket;
      })
      .listen(80);
    const client = left.connect({ port: 80, host: RIGHT.address, highWaterMark: 500 });
    client.write(Buffer.alloc(100_000));
    await clock.settle(60_000);
    expect([client.writableHighWaterMark, peer?.readableHighWaterMark]).toEqual([500, 1000]);
    // One read of the receive ring, not the whole stream.
    expect(peer?.readableLength).toBeLessThan(10_000);
    expect(peer?.readableLength).toBeGreaterThan(0);
    client.destroy();
    peer?.destroy();
    server.close();
  });
});

describe("keepalives", () => {
  test("are sent on an idle connection that stays open, also when asked for before it was there", async () => {
    const { clock, left, right } = createPair();
    let peer: Socket | undefined;
    const server = right
      .createServer((socket) => {
        peer = socket.resume();
      })
      .listen(80);
    const client = left.createSocket().setKeepAlive(true, 1000).connect(80, RIGHT.address).resume();
    await clock.settle(10_000);
    expect([client.readyState, peer?.readyState]).toEqual(["open", "open"]);
    const sent = () => left.host.core.counter(Counter.TCP_KEEPALIVES);
    const before = sent();
    expect(before).toBeGreaterThan(3);
    client.setKeepAlive(false);
    await clock.settle(10_000);
    expect(sent() - before).toBeLessThanOrEqual(1);
    client.end();
    expect(await clock.settleUntil(() => client.destroyed, 60_000)).toBe(true);
    server.close();
  });

  test("end a connection whose peer is gone with ETIMEDOUT", async () => {
    const { clock, wire, left, right } = createPair();
    const server = right.createServer((socket) => socket.resume()).listen(80);
    const client = left
      .connect({ port: 80, host: RIGHT.address, keepAlive: true, keepAliveInitialDelay: 1000 })
      .resume();
    await clock.settle(100);
    let code: unknown;
    client.on("error", (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    wire.filter = () => false;
    expect(await clock.settleUntil(() => client.destroyed, 3_600_000)).toBe(true);
    await clock.settle(10);
    expect(code).toBe("ETIMEDOUT");
    server.closeAllConnections();
    server.close();
  });
});
