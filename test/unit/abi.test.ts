// The exports check their arguments and call in. What they do is in test/script; here is what they refuse.

import { beforeEach, describe, expect, test } from "vitest";
import {
  ABI_VERSION,
  ConfigLayout,
  type Endpoint,
  EndpointLayout,
  EXCHANGE_BYTES,
  Family,
  Option,
  SocketKind,
  STATE_BASE,
  Status,
} from "../../host/abi.js";
import { parseIpv4 } from "../../host/address.js";
import { writeRecord } from "../../host/records.js";
import { PEER, segmentFrame, UnitCore } from "./core.js";

const functionsOf = (unit: UnitCore) =>
  unit.functions(
    "abi",
    ...([
      "abiVersion",
      "base",
      "bytesNeeded",
      "init",
      "adopt",
      "input",
      "output",
      "poll",
      "deadline",
    ] as const),
    ...(["linkChanged", "setAddress", "open", "bind", "listen", "accept", "connect", "sendReserve"] as const),
    ...([
      "sendCommit",
      "receivePeek",
      "receiveConsume",
      "sendTo",
      "receiveFrom",
      "shutdown",
      "close",
    ] as const),
    ...(["abort", "setopt", "getopt", "nextEvent", "send", "receive"] as const),
  );

let core: UnitCore;
let abi: ReturnType<typeof functionsOf>;

beforeEach(() => {
  core = new UnitCore();
  abi = functionsOf(core);
});

const BY_HANDLE = [
  ...(["bind", "listen", "accept", "connect", "sendReserve", "sendCommit", "receivePeek"] as const),
  ...(["receiveConsume", "shutdown", "close", "abort", "setopt", "getopt", "send", "receive"] as const),
];

test("before init nothing runs", () => {
  const cold = functionsOf(new UnitCore(null));
  for (const name of ["input", "output", "poll", "deadline", "open", "nextEvent"] as const)
    expect(cold[name](1, 0, 0), name).toBe(Status.NOT_INITIALISED);
  for (const name of BY_HANDLE) expect(cold[name](1, 0, 0, 0), name).toBe(Status.BAD_HANDLE);
  expect([cold.abiVersion(), cold.base()]).toEqual([ABI_VERSION, STATE_BASE]);
});

test("a handle that was never given out, or is stale", () => {
  const stale = abi.open(SocketKind.STREAM);
  abi.close(stale);
  for (const handle of [0, -1, 1, stale, 0x7fffffff])
    for (const name of BY_HANDLE)
      expect(abi[name](handle, 0, 0, 0), `${name}(${handle})`).toBe(Status.BAD_HANDLE);
});

test("a socket of the other kind is no handle for a call", () => {
  const listener = abi.open(SocketKind.LISTENER);
  const stream = abi.open(SocketKind.STREAM);
  for (const name of [
    "connect",
    "sendReserve",
    "sendCommit",
    "receivePeek",
    "receiveConsume",
    "send",
    "receive",
    "shutdown",
  ] as const)
    expect(abi[name](listener, 0), name).toBe(Status.BAD_HANDLE);
  for (const name of ["listen", "accept"] as const)
    expect(abi[name](stream, 1), name).toBe(Status.BAD_HANDLE);
});

describe("pointers", () => {
  test("records of init lie in memory, aligned, not below the state", () => {
    const end = core.memory.length;
    for (const at of [0, 4, 68, 73, 74, end - 108, end, 0xfffffffc, 0xffffffff]) {
      expect(abi.bytesNeeded(at), `${at}`).toBe(Status.INVALID_ARGUMENT);
      expect(abi.init(at, end, 0), `${at}`).toBe(Status.INVALID_ARGUMENT);
    }
    expect(abi.bytesNeeded(end - ConfigLayout.size)).toBe(Status.VERSION_MISMATCH);
  });

  test("endpoints and values lie in the exchange area, aligned", () => {
    const { exchange } = core.header;
    const stream = abi.open(SocketKind.STREAM);
    const size = EndpointLayout.size;
    const bad = [
      0,
      exchange - 4,
      exchange + 1,
      exchange + 2,
      exchange + EXCHANGE_BYTES - size + 4,
      0xfffffffc,
    ];
    for (const at of bad) {
      expect(abi.bind(stream, at), `${at}`).toBe(Status.INVALID_ARGUMENT);
      expect(abi.connect(stream, at), `${at}`).toBe(Status.INVALID_ARGUMENT);
      expect(abi.getopt(stream, 1, at, size), `${at}`).toBe(Status.INVALID_ARGUMENT);
      expect(abi.setopt(stream, Option.NO_DELAY, at, size), `${at}`).toBe(Status.INVALID_ARGUMENT);
    }
    expect(abi.setopt(stream, Option.NO_DELAY, exchange, EXCHANGE_BYTES + 1)).toBe(Status.INVALID_ARGUMENT);
    expect(abi.setopt(stream, Option.NO_DELAY, exchange + EXCHANGE_BYTES - 4, 4)).toBe(Status.OK);
    expect(abi.getopt(stream, 1, exchange, EXCHANGE_BYTES + 1)).toBe(Status.INVALID_ARGUMENT);
    expect(abi.getopt(stream, 1, exchange + 4, 0xffffffff)).toBe(Status.INVALID_ARGUMENT);
    expect(abi.bind(stream, exchange + EXCHANGE_BYTES - size)).toBe(Status.OK);
  });
});

test("input: no flag but the two of checksums, no other interface, and no frame longer than the slot", () => {
  const length = core.putFrame(segmentFrame({ flags: "R" }));
  for (let bit = 2; bit < 16; bit++)
    expect(abi.input(length, 1 << bit, 0), `bit ${bit}`).toBe(Status.NOT_SUPPORTED);
  expect(core.counters()).toEqual({});
  expect(abi.input(1515, 0, 0)).toBe(Status.INVALID_ARGUMENT);
  expect(abi.input(0xffffffff, 0, 0)).toBe(Status.INVALID_ARGUMENT);
  expect(core.counters()).toEqual({ LINK_TOO_LONG: 2 });
  expect(abi.input(length, 0, 0)).toBe(Status.OK);
  expect([abi.output(0), abi.poll(0), abi.deadline(0), abi.nextEvent()]).toEqual([0, 0, -1, 0]);
});

test("send and receive of a connection that is none yet, or no more", () => {
  const stream = abi.open(SocketKind.STREAM);
  for (const most of [0, 1, 0xffffffff])
    expect([abi.send(stream, most), abi.receive(stream, most)]).toEqual([
      Status.NOT_CONNECTED,
      Status.NOT_CONNECTED,
    ]);
  writeRecord<Endpoint>(core.memory, core.header.exchange, EndpointLayout, {
    ...{ family: Family.IPV4, port: 80, address: parseIpv4(PEER.address) },
  });
  expect(abi.connect(stream, core.header.exchange)).toBe(Status.OK);
  expect(abi.receive(stream, 1)).toBe(Status.WOULD_BLOCK);
  // What is written before the handshake's end waits for it, and is no more than the ring holds.
  expect([
    abi.send(stream, 0),
    abi.send(stream, 100),
    abi.send(stream, 0xffffffff),
    abi.send(stream, 1),
  ]).toEqual([0, 100, 2048 - 100, Status.WOULD_BLOCK]);
  expect(abi.shutdown(stream)).toBe(Status.OK);
  expect(abi.send(stream, 1)).toBe(Status.SHUT_DOWN);
  abi.abort(stream);
  expect([abi.send(stream, 1), abi.receive(stream, 1)]).toEqual([Status.BAD_HANDLE, Status.BAD_HANDLE]);
});

test("a backlog is 1 to 16384", () => {
  const listener = abi.open(SocketKind.LISTENER);
  core.view.setUint32(core.header.exchange, 1 | (80 << 16), true);
  expect(abi.bind(listener, core.header.exchange)).toBe(Status.OK);
  for (const backlog of [0, 16385, 0xffffffff])
    expect(abi.listen(listener, backlog)).toBe(Status.INVALID_ARGUMENT);
  expect(abi.listen(listener, 16384)).toBe(Status.OK);
  expect(abi.accept(listener)).toBe(Status.WOULD_BLOCK);
});

test("a link is that of interface 0, and up or down", () => {
  expect(functionsOf(new UnitCore(null)).linkChanged(0, 1, 0)).toBe(Status.NOT_INITIALISED);
  for (const [index, up] of [
    [1, 1],
    [0xffffffff, 0],
    [0, 2],
    [0, 0xffffffff],
  ] as const)
    expect(abi.linkChanged(index, up, 0)).toBe(Status.INVALID_ARGUMENT);
  expect([abi.linkChanged(0, 0, 0), abi.linkChanged(0, 1, 0)]).toEqual([Status.OK, Status.OK]);
});

test("only IPv4 yet", () => {
  const stream = abi.open(SocketKind.STREAM);
  core.view.setUint32(core.header.exchange, 2 | (80 << 16), true);
  expect(abi.connect(stream, core.header.exchange)).toBe(Status.NOT_SUPPORTED);
});

test("what this version does not have says so", () => {
  const stream = abi.open(SocketKind.STREAM);
  const { adopt, open } = abi;
  for (const status of [
    adopt(65536, 0),
    abi.setopt(stream, Option.TTL, core.header.exchange, 4),
    open(0),
    open(99),
  ])
    expect(status).toBe(Status.NOT_SUPPORTED);
});
