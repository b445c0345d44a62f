// The gateway: what this machine's sockets do reaches the device over frames, and the other way round.

import { Readable } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import { Counter } from "../../host/abi.js";
import { type Clock, realClock } from "../../host/clock.js";
import type { CoreConfig } from "../../host/core.js";
import type { Host } from "../../host/host.js";
import { Gateway } from "../../host/link/gateway.js";
import { type FrameFilter, Wire } from "../../host/link/wire.js";
import { Net, type Socket } from "../../host/net.js";
import { VirtualClock } from "../../host/sim/clock.js";
import { Prng } from "../../host/sim/prng.js";
import { connectLocal, readAll, until } from "../serve/support.js";
import { createHost, expectNothingLeft, LEFT, RIGHT } from "./support.js";

const PORT = 7;

interface World {
  wire: Wire;
  near: Host;
  device: Host;
  net: Net;
  gateway: Gateway;
  port: number;
}

let world: World;

/** A gateway before a device; `onConnection` is the device's application, none: it does not listen. */
async function start(
  onConnection: ((socket: Socket) => void) | undefined,
  gatewayConfig: Partial<CoreConfig> = {},
  clock: Clock = realClock,
  maxWaiting?: number,
  deviceConfig: Partial<CoreConfig> = {},
): Promise<World> {
  const wire = new Wire();
  const near = createHost(wire.port(), clock, { ...LEFT, connections: 32, ...gatewayConfig });
  const device = createHost(wire.port(), clock, { ...RIGHT, connections: 8, ...deviceConfig });
  const net = new Net(device);
  if (onConnection) net.createServer({ allowHalfOpen: true }, onConnection).listen({ port: PORT });
  const gateway = new Gateway(new Net(near), RIGHT.address, maxWaiting);
  const port = await gateway.expose({ service: "test", address: "127.0.0.1", port: 0, devicePort: PORT });
  world = { wire, near, device, net, gateway, port };
  return world;
}

const echo = (socket: Socket) => {
  socket.on("error", () => {});
  socket.pipe(socket);
};

const isArp: FrameFilter = (frame) => frame[12] === 0x08 && frame[13] === 0x06;

/** Connection records in use, on both sides. */
const recordsUsed = () =>
  world.near.core.header().connectionsUsed + world.device.core.header().connectionsUsed;

afterEach(() => {
  world.gateway.stopListening();
  world.near.close();
  world.device.close();
});

describe("the gateway", () => {
  test("carries bytes in frames: what is lost on the wire is sent again by the core", async () => {
    const { wire, near, device, port } = await start(echo);
    // IPv4 frames longer than 100 octets carry data: each 30th of a direction is lost.
    const frames = [0, 0];
    wire.filter = (frame, from) => {
      if (frame[12] !== 0x08 || frame.length < 100) return true;
      frames[from] = (frames[from] as number) + 1;
      return (frames[from] as number) % 30 !== 0;
    };
    const data = new Prng(1).bytes(200_000);
    const client = connectLocal(port);
    client.end(data);
    expect((await readAll(client)).equals(data)).toBe(true);
    const retransmits = (host: Host) => host.core.counter(Counter.TCP_RETRANSMITS);
    expect(wire.dropped).toBeGreaterThan(5);
    expect(retransmits(near)).toBeGreaterThan(0);
    expect(retransmits(device)).toBeGreaterThan(0);
    expect(retransmits(near) + retransmits(device)).toBeGreaterThanOrEqual(wire.dropped);
    await until(() => recordsUsed() === 0);
  });

  test("carries a client's half-close over, and what the device sends after it", async () => {
    const { port } = await start((socket) => {
      socket.resume().on("end", () => setTimeout(() => socket.end("goodbye"), 20));
    });
    const client = connectLocal(port);
    client.end("hello");
    expect((await readAll(client)).toString()).toBe("goodbye");
    expect(client.codes).toEqual([]);
    await until(() => recordsUsed() === 0);
  });

  test("carries the device's half-close over, and what the client sends after it", async () => {
    let received: Promise<Buffer> | undefined;
    const { port } = await start((socket) => {
      received = readAll(socket);
      socket.end("first word");
    });
    const client = connectLocal(port);
    expect((await readAll(client)).toString()).toBe("first word");
    client.end("last word");
    await until(() => received !== undefined && recordsUsed() === 0);
    expect((await received)?.toString()).toBe("last word");
  });

  test("carries a client's reset over", async () => {
    const codes: (string | undefined)[] = [];
    const { device, port } = await start((socket) => {
      socket.resume().on("error", (error: NodeJS.ErrnoException) => codes.push(error.code));
    });
    const client = connectLocal(port);
    client.write("hello");
    await until(() => device.core.header().connectionsUsed === 1);
    client.resetAndDestroy();
    await until(() => codes.length > 0 && recordsUsed() === 0);
    expect(codes).toEqual(["ECONNRESET"]);
    expect(device.core.counter(Counter.TCP_RESETS_IN)).toBe(1);
  });

  test("carries the device's reset over", async () => {
    const { port } = await start((socket) => {
      socket.once("data", () => socket.resetAndDestroy());
    });
    const client = connectLocal(port);
    client.resume().write("hello");
    await until(() => client.destroyed);
    expect(client.codes).toEqual(["ECONNRESET"]);
    await until(() => recordsUsed() === 0);
  });

  test("resets a client that the device refuses", async () => {
    const { near, port } = await start(undefined);
    const failures: (string | undefined)[] = [];
    world.gateway.on("close", ({ failure }) => failures.push(failure));
    const client = connectLocal(port);
    client.resume();
    await until(() => client.destroyed && failures.length > 0);
    expect(client.codes).toEqual(["ECONNRESET"]);
    expect(failures).toEqual(["ECONNREFUSED"]);
    expectNothingLeft(near);
  });

  test.each([
    ["not even ARP", () => false, "EHOSTUNREACH"],
    ["ARP alone", isArp, "ETIMEDOUT"],
  ] satisfies [string, FrameFilter, string][])(
    "resets a client when the device does not answer: %s",
    async (_name, filter, code) => {
      const clock = new VirtualClock();
      const { wire, near, port } = await start(undefined, {}, clock);
      wire.filter = filter;
      const failures: (string | undefined)[] = [];
      world.gateway.on("close", ({ failure }) => failures.push(failure));
      const client = connectLocal(port);
      client.resume();
      await until(() => {
        clock.advance(500);
        return client.destroyed && failures.length > 0;
      });
      expect(client.codes).toEqual(["ECONNRESET"]);
      expect(failures).toEqual([code]);
      expectNothingLeft(near);
    },
  );

  test("lets a device's sender wait for a client that does not read", async () => {
    let sent = 0;
    const { port } = await start((socket) => {
      const endless: Readable = new Readable({
        read(): void {
          this.push(Buffer.alloc(65536));
        },
      });
      socket.on("error", () => endless.destroy());
      endless.on("data", (chunk: Buffer) => {
        sent += chunk.length;
      });
      endless.pipe(socket);
    });
    const client = connectLocal(port);
    await until(() => sent > 100_000);
    // The kernel's buffers, the streams' and the rings fill; then it stands still.
    let before: number;
    do {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
    } while (sent !== before && sent < 64_000_000);
    expect(sent).toBeLessThan(64_000_000);
    client.resume();
    await until(() => sent > before + 10_000_000);
    client.resetAndDestroy();
    await until(() => recordsUsed() === 0);
  });

  test("lets clients wait when its own records are all in use", async () => {
    const { gateway, port } = await start(echo, { connections: 2 });
    let mostWaiting = 0;
    gateway.on("open", () => {
      mostWaiting = Math.max(mostWaiting, gateway.waiting);
    });
    const clients = Array.from({ length: 12 }, async (_, index) => {
      const client = connectLocal(port);
      client.end(`client ${index}`);
      return (await readAll(client)).toString();
    });
    expect(await Promise.all(clients)).toEqual(Array.from({ length: 12 }, (_, index) => `client ${index}`));
    expect(mostWaiting).toBeGreaterThan(0);
    expect([gateway.clients, gateway.turnedAway, gateway.waiting]).toEqual([12, 0, 0]);
    await until(() => recordsUsed() === 0);
  });

  test("clients that the device has no record for wait at the device", async () => {
    const { device, port } = await start(echo, {}, realClock, undefined, { connections: 1 });
    const first = connectLocal(port);
    await until(() => device.core.header().connectionsUsed === 1);
    const second = connectLocal(port);
    second.end("second");
    await until(() => device.core.counter(Counter.TCP_NO_RECORD) === 1);
    first.end("first");
    expect((await readAll(first)).toString()).toBe("first");
    expect((await readAll(second)).toString()).toBe("second");
    // Nobody had to ask twice.
    expect(world.near.core.counter(Counter.TCP_ACTIVE_OPENS)).toBe(2);
    await until(() => recordsUsed() === 0);
  });

  test("resets those that waited too long, and those that are too many to wait", async () => {
    const clock = new VirtualClock();
    const { gateway, port } = await start(echo, { connections: 1 }, clock, 2);
    const first = connectLocal(port);
    first.resume();
    await until(() => gateway.open === 1);
    const waiting = [connectLocal(port), connectLocal(port)];
    await until(() => gateway.waiting === 2);
    const tooMany = connectLocal(port);
    for (const client of [...waiting, tooMany]) client.resume();
    await until(() => tooMany.destroyed);
    expect([gateway.waiting, gateway.turnedAway]).toEqual([2, 1]);
    await until(() => {
      clock.advance(1000);
      return waiting.every(({ destroyed }) => destroyed);
    });
    expect([gateway.waiting, gateway.turnedAway, first.destroyed]).toEqual([0, 3, false]);
    for (const { codes } of [...waiting, tooMany]) expect(codes).toEqual(["ECONNRESET"]);
    first.destroy();
    await until(() => {
      clock.advance(1000);
      return recordsUsed() === 0;
    });
  });

  test("resets those that wait when it stops to listen", async () => {
    const { gateway, port } = await start(echo, { connections: 1 });
    const first = connectLocal(port);
    const second = connectLocal(port);
    second.resume();
    await until(() => gateway.open === 1 && gateway.waiting === 1);
    gateway.stopListening();
    await until(() => second.destroyed);
    expect(second.codes).toEqual(["ECONNRESET"]);
    first.end("still here");
    expect((await readAll(first)).toString()).toBe("still here");
    await until(() => recordsUsed() === 0);
  });
});
