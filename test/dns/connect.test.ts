// `connect` by name.

import { describe, expect, test } from "vitest";
import { Family, Option, SocketKind, Status, TcpState } from "../../host/abi.js";
import { statusName } from "../../host/core.js";
import { a, Rcode } from "./codec.js";
import { FIRST, World } from "./world.js";

const HOSTS = ["10.0.0.11", "10.0.0.12", "10.0.0.13"] as const;

function worldWith(config = {}): World {
  const world = new World({ connections: 3, ...config });
  world.serve(FIRST, ({ name }) =>
    name === "none.example" ? { rcode: Rcode.NXDOMAIN } : { answers: HOSTS.map((host) => a(name, host)) },
  );
  return world;
}

/** Connects by the query's name; the Status of the call. */
function connect(world: World, socket: number, query: number, port = 80): string {
  const { exports, memory } = world.core.engine;
  const at = world.core.header().exchange;
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  memory.fill(0, at, at + 24);
  view.setUint16(at, Family.NAME, true);
  view.setUint16(at + 2, port, true);
  view.setUint32(at + 8, query, true);
  world.core.engine.wrote?.(at, 24);
  return statusName(exports.connect(socket, at));
}

/** A socket that is being connected to a name. */
function dial(world: World, name = "www.example"): { socket: number; query: number } {
  const socket = world.core.open(SocketKind.STREAM);
  const query = world.ask(name);
  expect(connect(world, socket, query)).toBe("OK");
  return { socket, query };
}

const settled = (world: World, socket: number) => () => world.events.has(socket);

describe("a connection", () => {
  test("is opened when the name is known", () => {
    const world = worldWith();
    world.hosts.set(HOSTS[0], "accepts");
    const { socket } = dial(world);
    world.until(settled(world, socket));
    expect(world.takeEvents(socket)).toEqual(["WRITABLE", "CONNECTED"]);
    expect(world.core.peerAddress(socket)).toEqual({ address: HOSTS[0], port: 80 });
    expect(world.core.write(socket, Uint8Array.of(1, 2, 3))).toBe(3);
  });

  test("by a query that is over, or that gets its name later", () => {
    for (const late of [false, true]) {
      const world = worldWith();
      world.hosts.set(HOSTS[0], "accepts");
      const socket = world.core.open(SocketKind.STREAM);
      const query = world.core.open(SocketKind.QUERY);
      if (!late) {
        world.commit(query, "www.example");
        world.until(() => world.answer(query) !== "WOULD_BLOCK");
      }
      expect(connect(world, socket, query)).toBe("OK");
      if (late) world.commit(query, "www.example");
      world.until(settled(world, socket));
      expect(world.takeEvents(socket)).toContain("CONNECTED");
    }
  });

  test.each(["refuses", "silent"] as const)("the next address when one %s", (how) => {
    const world = worldWith({ synRetries: 1 });
    world.hosts.set(HOSTS[0], how);
    world.hosts.set(HOSTS[2], "accepts");
    const { socket } = dial(world);
    world.core.setOption(socket, Option.NO_DELAY, 1);
    world.until(settled(world, socket));
    expect(world.takeEvents(socket)).toEqual(["WRITABLE", "CONNECTED"]);
    expect(world.core.peerAddress(socket).address).toBe(HOSTS[2]);
    expect(world.core.error(socket)).toBe(Status.OK);
    expect(world.core.getOption(socket, Option.NO_DELAY)).toBe(1);
    expect(world.core.header().connectionsUsed).toBe(1);
  });

  test("what was written meanwhile arrives", () => {
    const world = worldWith();
    world.hosts.set(HOSTS[0], "refuses");
    world.hosts.set(HOSTS[1], "accepts");
    const { socket } = dial(world);
    world.until(() => world.core.tcpState(socket) === TcpState.SYN_SENT);
    expect(world.core.write(socket, Uint8Array.from([104, 105]))).toBe(2);
    world.pass(500);
    const data = world.sent.flatMap((packet) => (packet.kind === "tcp" ? [...packet.tcp.payload] : []));
    expect(data).toEqual([104, 105]);
  });

  test("keeps the port that it is bound to", () => {
    const world = worldWith();
    world.hosts.set(HOSTS[0], "refuses");
    world.hosts.set(HOSTS[1], "accepts");
    const socket = world.core.open(SocketKind.STREAM);
    world.core.bind(socket, { address: "0.0.0.0", port: 5000 });
    expect(connect(world, socket, world.ask("www.example"))).toBe("OK");
    world.until(settled(world, socket));
    expect(world.core.localAddress(socket).port).toBe(5000);
    expect(world.core.peerAddress(socket).address).toBe(HOSTS[1]);
  });

  test("fails with the last error when no address is of use", () => {
    const world = worldWith();
    for (const host of HOSTS) world.hosts.set(host, "refuses");
    const { socket, query } = dial(world);
    world.until(settled(world, socket));
    expect(world.takeEvents(socket)).toEqual(["READABLE", "WRITABLE", "FAILED"]);
    expect(world.error(socket)).toBe("CONNECTION_REFUSED");
    expect(world.answer(query)).toEqual([...HOSTS]);
    const syns = world.sent.filter((packet) => packet.kind === "tcp" && packet.tcp.flags === 2);
    expect(syns.length).toBe(3);
    world.pass(100_000);
    expect(world.takeEvents(socket)).toEqual([]);
  });

  test.each([
    ["none.example", "NOT_FOUND"],
    ["127.0.0.1", "INVALID_ARGUMENT"],
    ["localhost", "INVALID_ARGUMENT"],
    ["224.0.0.1", "INVALID_ARGUMENT"],
  ])("%s: %s", (name, error) => {
    const world = worldWith();
    const { socket } = dial(world, name);
    world.until(settled(world, socket));
    expect(world.takeEvents(socket)).toEqual(["READABLE", "WRITABLE", "FAILED"]);
    expect(world.error(socket)).toBe(error);
    expect(statusName(world.core.engine.exports.sendReserve(socket))).toBe(error);
  });

  test("that has once been answered is no longer the name's: a reset then is the end", () => {
    const world = worldWith();
    world.hosts.set(HOSTS[0], "accepts");
    const { socket, query } = dial(world);
    world.until(settled(world, socket));
    world.takeEvents(socket);
    world.core.setAddress("10.0.0.9", 24, "0.0.0.0", world.now);
    world.run();
    expect(world.takeEvents(socket)).toContain("FAILED");
    expect(world.error(socket)).toBe("ABORTED");
    world.pass(1000);
    expect(world.core.tcpState(socket)).toBe(TcpState.CLOSED);
    world.core.close(query);
    expect(world.takeEvents(socket)).toEqual([]);
  });
});

describe("misuse", () => {
  test("what is no query, port 0, a listener, a stale handle", () => {
    const world = worldWith({ listeners: 1 });
    const socket = world.core.open(SocketKind.STREAM);
    const query = world.core.open(SocketKind.QUERY);
    const listener = world.core.open(SocketKind.LISTENER);
    for (const handle of [0, -1, socket, query + 1, query + 0x10000])
      expect(connect(world, socket, handle)).toBe("INVALID_ARGUMENT");
    expect(connect(world, socket, query, 0)).toBe("INVALID_ARGUMENT");
    expect(connect(world, listener, query)).toBe("BAD_HANDLE");
    expect(connect(world, query, query)).not.toBe("OK");
    world.core.close(query);
    expect(connect(world, socket, query)).toBe("INVALID_ARGUMENT");
  });

  test("a socket, or a query, that is taken", () => {
    const world = worldWith();
    const { socket, query } = dial(world);
    const [other, second] = [world.core.open(SocketKind.STREAM), world.core.open(SocketKind.QUERY)];
    expect(connect(world, socket, second)).toBe("ALREADY_CONNECTED");
    expect(connect(world, other, query)).toBe("ALREADY_CONNECTED");
    expect(() => world.core.connect(socket, { address: HOSTS[0], port: 80 })).toThrow("ALREADY_CONNECTED");
    expect(() => world.core.write(socket, Uint8Array.of(1))).toThrow("NOT_CONNECTED");
  });

  test("closing the query ends what waits for it, and nothing else", () => {
    const world = worldWith();
    const { socket, query } = dial(world);
    world.core.close(query);
    world.run();
    expect(world.takeEvents(socket)).toEqual(["READABLE", "WRITABLE", "FAILED"]);
    expect(world.error(socket)).toBe("ABORTED");
    world.pass(20_000);
    expect(world.takeEvents(socket)).toEqual([]);
  });

  test("closing the query while an address is tried: that one is the last", () => {
    for (const how of ["accepts", "refuses"] as const) {
      const world = worldWith();
      world.hosts.set(HOSTS[0], how);
      world.hosts.set(HOSTS[1], "accepts");
      const { socket, query } = dial(world);
      world.until(() => world.core.tcpState(socket) === TcpState.SYN_SENT);
      world.core.close(query);
      world.until(settled(world, socket));
      if (how === "accepts") expect(world.takeEvents(socket)).toContain("CONNECTED");
      else expect(world.error(socket)).toBe("CONNECTION_REFUSED");
    }
  });

  test("closing the socket at any time", () => {
    for (const ms of [0, 5, 12, 13, 14, 20, 100]) {
      const world = worldWith();
      for (const host of HOSTS) world.hosts.set(host, "silent");
      const { socket, query } = dial(world);
      world.pass(ms);
      world.core.close(socket);
      world.pass(1000);
      expect(world.core.header().connectionsUsed).toBe(0);
      expect(world.answer(query)).toEqual([...HOSTS]);
      world.core.close(query);
      // The record serves the next one.
      const next = world.core.open(SocketKind.STREAM);
      world.core.connect(next, { address: HOSTS[0], port: 80 });
    }
  });
});
