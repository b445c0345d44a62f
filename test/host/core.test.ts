// The handle on a core: what comes out of the core is checked before it is used, and what goes wrong has a name.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  ConfigFlag,
  Counter,
  Option,
  SocketKind,
  StateHeaderLayout,
  Status,
  TcpState,
} from "../../host/abi.js";
import {
  createCore as boot,
  bytesNeeded,
  Core,
  type CoreConfig,
  CoreError,
  type CoreOptions,
} from "../../host/core.js";
import type { Engine } from "../../host/engines/engine.js";
import { testEngine } from "../report/engine.js";

const wasm = readFileSync(new URL("../../build/core.wasm", import.meta.url));

function configOf(host: number): CoreConfig {
  const seed = new Uint8Array(32).fill(host);
  return { mac: `02:00:00:00:00:0${host}`, address: `10.0.0.${host}`, connections: 2, seed };
}

type HeaderField = keyof typeof StateHeaderLayout.fields;

/** Puts a lie into the head of the state, where the core tells the host of addresses. */
function lie({ exports, memory }: Engine, field: HeaderField, value: number): void {
  const at = memory.byteOffset + exports.base() + StateHeaderLayout.fields[field].offset;
  new DataView(memory.buffer).setUint32(at, value, true);
}

function createCore(module: Uint8Array, config: CoreConfig, options: CoreOptions = {}): Core {
  return boot(module, config, { engine: testEngine, ...options });
}

/** The same engine with some exports replaced. */
function withExports(engine: Engine, exports: Partial<Engine["exports"]>): Engine {
  return { name: engine.name, memory: engine.memory, exports: { ...engine.exports, ...exports } };
}

/** Two cores with a connection from the first to the second. */
function connected(more: Partial<CoreConfig> = {}) {
  const [left, right] = [createCore(wasm, { ...configOf(1), ...more }), createCore(wasm, configOf(2))];
  const listener = right.open(SocketKind.LISTENER);
  right.bind(listener, { address: "0.0.0.0", port: 80 });
  right.listen(listener, 2);
  const client = left.open(SocketKind.STREAM);
  left.connect(client, { address: "10.0.0.2", port: 80 });
  exchange(left, right);
  return { left, right, client, server: right.accept(listener) as number };
}

/** Carries frames until neither core has one. */
function exchange(left: Core, right: Core): void {
  for (let rounds = 0; rounds < 100; rounds++) {
    let moved = false;
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const)
      for (let frame = from.output(0); frame; frame = from.output(0)) {
        to.input(frame.slice(), 0);
        // A reply is built from the frame that is in the slot: it leaves before the next one comes.
        for (let reply = to.output(0); reply; reply = to.output(0)) from.input(reply.slice(), 0);
        moved = true;
      }
    if (!moved) return;
  }
  throw new Error("the two cores never come to rest");
}

describe("a core that points outside linear memory is not believed", () => {
  test.each(["inputSlot", "outputSlot", "exchange", "counters"] as const)("%s", (field) => {
    const core = createCore(wasm, configOf(1));
    lie(core.engine, field, core.engine.memory.length - 8);
    expect(() => new Core(core.engine, core.config)).toThrow("the core points outside memory");
  });

  test("the run to write", () => {
    const { left, client } = connected();
    const { exports, memory } = left.engine;
    const sendReserve = (handle: number) => {
      const length = exports.sendReserve(handle);
      lie(left.engine, "runPointer", memory.length - 4);
      return length;
    };
    const core = new Core(withExports(left.engine, { sendReserve }), left.config);
    expect(() => core.write(client, new Uint8Array(8))).toThrow("the core points outside memory");
  });

  test("the run to read, and its length", () => {
    const { left, right, client, server } = connected();
    left.write(client, new Uint8Array(8));
    exchange(left, right);
    const { exports, memory } = right.engine;
    const core = new Core(withExports(right.engine, { receivePeek: () => memory.length }), right.config);
    lie(right.engine, "runPointer", 8);
    expect(() => core.read(server, Number.MAX_SAFE_INTEGER)).toThrow("the core points outside memory");
    expect(exports.receivePeek(server)).toBe(8);
  });

  test("a frame longer than the slot", () => {
    const { engine, config } = createCore(wasm, configOf(1));
    const core = new Core(withExports(engine, { output: () => 1515 }), config);
    expect(core.header().slotBytes).toBe(1514);
    expect(() => core.output(0)).toThrow("the core gave a frame of 1515 bytes");
  });
});

describe("what goes wrong has a name", () => {
  test("a module of another version", () => {
    const other = () => withExports(testEngine(wasm, 0), { abiVersion: () => 99 });
    expect(() => createCore(wasm, configOf(1), { engine: other })).toThrow("speaks ABI version 99");
  });

  test("too little memory", () => {
    const memoryBytes = bytesNeeded(wasm, configOf(1)) - 1;
    expect(() => createCore(wasm, configOf(1), { memoryBytes })).toThrow(/init: NO_MEMORY: .*bytesNeeded/);
  });

  test("a call that the core refuses", () => {
    const core = createCore(wasm, configOf(1));
    const handle = core.open(SocketKind.STREAM);
    core.close(handle);
    const refused = () => core.close(handle);
    expect(refused).toThrow(CoreError);
    expect(refused).toThrow("close: BAD_HANDLE: The handle is stale, or was never given out.");
    expect(() => core.open(SocketKind.DATAGRAM)).toThrow(
      expect.objectContaining({ status: Status.NOT_SUPPORTED }),
    );
  });

  test("a core that was not initialised, a seed, an address and a port out of range", () => {
    const { engine, config } = createCore(wasm, configOf(1));
    lie(engine, "magic", 0);
    expect(() => new Core(engine, config)).toThrow("not initialised");
    expect(() => createCore(wasm, { ...configOf(1), seed: new Uint8Array(31) })).toThrow("31 octets, not 32");
    const core = createCore(wasm, configOf(1));
    const handle = core.open(SocketKind.STREAM);
    expect(() => core.connect(handle, { address: "10.0.0", port: 80 })).toThrow("is not an IPv4 address");
    expect(() => core.connect(handle, { address: "10.0.0.2", port: 65536 })).toThrow("port 65536 is not");
  });

  test("a frame that does not fit the slot is counted, not written", () => {
    const core = createCore(wasm, configOf(1));
    core.input(new Uint8Array(3000), 0);
    expect(core.counter(Counter.LINK_TOO_LONG)).toBe(1);
  });
});

test("a snapshot put back goes on as if nothing had been between", () => {
  const { left, right, client, server } = connected();
  const [before, peerBefore] = [left.snapshot(), right.snapshot()];
  const play = () => {
    left.write(client, new TextEncoder().encode("over the wire"));
    const frames: string[] = [];
    for (let frame = left.output(0); frame; frame = left.output(0)) {
      frames.push(Buffer.from(frame).toString("hex"));
      right.input(frame.slice(), 0);
    }
    return { frames, read: Buffer.from(right.read(server) ?? []).toString(), after: left.snapshot() };
  };
  const first = play();
  expect(first.read).toBe("over the wire");
  left.restore(before);
  right.restore(peerBefore);
  expect(play()).toEqual(first);
  expect(() => left.restore(before.subarray(1))).toThrow("snapshot of another configuration");
});

test("checksums that the core leaves to its host are completed by the handle", () => {
  const frames = (flags: number) => {
    const { left, right, client, server } = connected({ flags });
    left.setOption(client, Option.NO_DELAY, 1);
    const sent = [1, 2, 77, 1460].map((length) => {
      left.write(
        client,
        new Uint8Array(length).map((_, index) => index * 7 + length),
      );
      const frame = left.output(0)?.slice() ?? new Uint8Array(0);
      right.input(frame, 0);
      exchange(left, right);
      expect(right.read(server)?.length).toBe(length);
      return Buffer.from(frame).toString("hex");
    });
    expect(right.counter(Counter.TCP_CHECKSUM)).toBe(0);
    return sent;
  };
  expect(frames(ConfigFlag.OUTPUT_CHECKSUM_OFFLOAD)).toEqual(frames(0));
});

test("another address ends connections, and listeners serve at the new one", () => {
  const { left, right, server } = connected();
  right.setAddress("10.0.0.2", 24, "10.0.0.9", 0);
  expect(right.getOption(server, Option.ERROR) | 0).toBe(Status.OK);
  right.setAddress("10.0.0.3", 24, "0.0.0.0", 0);
  expect(right.getOption(server, Option.ERROR) | 0).toBe(Status.ABORTED);
  right.close(server);
  expect(right.header()).toMatchObject({ connectionsUsed: 0, synUsed: 0, timeWaitUsed: 0, listenersUsed: 1 });
  const again = left.open(SocketKind.STREAM);
  left.connect(again, { address: "10.0.0.3", port: 80 });
  exchange(left, right);
  expect(left.tcpInfo(again).state).toBe(TcpState.ESTABLISHED);
  expect(() => right.setAddress("10.0.0.3", 33, "0.0.0.0", 0)).toThrow("INVALID_ARGUMENT");
});

test("a datagram: sent, no room now, or never room", () => {
  const standard = readFileSync(new URL("../../build/standard.wasm", import.meta.url));
  const core = createCore(standard, { ...configOf(1), datagramSockets: 1, datagramQueueBytes: 256 });
  const socket = core.open(SocketKind.DATAGRAM);
  const send = (bytes: number) =>
    core.sendTo(socket, new Uint8Array(bytes), { address: "10.0.0.2", port: 9 });
  expect([send(100), send(100), send(100)]).toEqual([true, true, false]);
  // Also while the queue is full.
  for (const bytes of [249, 2000])
    expect(() => send(bytes)).toThrow(expect.objectContaining({ status: Status.TOO_LONG }));
  // To the last octet: an empty one has 8 of its own.
  expect([send(33), send(24), send(1), send(0), send(0)]).toEqual([false, true, false, true, false]);
});
