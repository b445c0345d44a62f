// Calls as an application makes them are in test/script/socket.script.ts and close.script.ts.

import { beforeEach, describe, expect, test } from "vitest";
import { Event, SocketKind, Status, TcpState } from "../../../host/abi.js";
import { Prng } from "../../../host/sim/prng.js";
import { address, PEER, UnitCore } from "../core.js";
import { bitsOf, established, inState, type Placed, RCV_NXT, ringsOf } from "./stage.js";

const functionsOf = (unit: UnitCore) =>
  unit.functions(
    "tcp/user",
    ...([
      "socketOf",
      "connectionOf",
      "open",
      "bind",
      "startListening",
      "accept",
      "connect",
      "sendReserve",
      "sendCommit",
    ] as const),
    ...(["receivePeek", "receiveConsume", "receive", "send", "shutdown", "end", "nextEvent"] as const),
  );

let core: UnitCore;
let user: ReturnType<typeof functionsOf>;

beforeEach(() => {
  core = new UnitCore({ connections: 3, listeners: 2 });
  user = functionsOf(core);
});

describe("handles", () => {
  test("of listeners and connections, up to what there is", () => {
    const listeners = [0, 1, 2].map(() => user.open(SocketKind.LISTENER));
    const streams = [0, 1, 2, 3].map(() => user.open(SocketKind.STREAM));
    expect(listeners).toEqual([1, 2, Status.NO_SOCKET]);
    expect(streams.pop()).toBe(Status.NO_SOCKET);
    expect(new Set(streams)).toEqual(new Set([3, 4, 5]));
    expect(new Set([1, 2, 3, 4, 5].map((handle) => user.socketOf(handle))).size).toBe(5);
    expect(user.open(SocketKind.DATAGRAM)).toBe(Status.NOT_SUPPORTED);
    expect(user.open(0)).toBe(Status.NOT_SUPPORTED);
  });

  test("nothing else is one", () => {
    user.open(SocketKind.LISTENER);
    for (const handle of [0, -1, 2, 3, 5, 6, 0x10001, 0x7fffffff, -0x80000000, 0xffff, 0x10000])
      expect(user.socketOf(handle), `${handle}`).toBe(0);
  });
});

test("connectionOf: of the handles in use, those of connections", () => {
  const listener = user.open(SocketKind.LISTENER);
  const streams = [user.open(SocketKind.STREAM), user.open(SocketKind.STREAM)];
  for (const handle of streams) expect(user.connectionOf(handle)).toBe(user.socketOf(handle));
  const [first] = streams as [number];
  const at = user.connectionOf(first);
  expect(at).not.toBe(0);
  core.tcb(at).kind = core.kind("QUEUED");
  for (const handle of [first, listener, 0, -1, 2, 5, 6, 0x10003, 0x7fffffff, -0x80000000, 0xffff, 0x10000])
    expect(user.connectionOf(handle), `${handle}`).toBe(0);
  core.tcb(at).kind = core.kind("CONNECTION");
  user.end(at, true);
  expect(user.connectionOf(first)).toBe(0);
});

test("bind: once, and to no port of a listener", () => {
  const [a, b] = [user.open(SocketKind.LISTENER), user.open(SocketKind.LISTENER)].map((handle) =>
    user.socketOf(handle),
  );
  const [first, second] = [a as number, b as number];
  expect(user.startListening(first, 1)).toBe(Status.INVALID_ARGUMENT);
  expect(user.bind(first, 0)).toBe(Status.OK);
  expect(user.bind(first, 80)).toBe(Status.OK);
  expect(user.bind(first, 81)).toBe(Status.ALREADY_CONNECTED);
  expect(user.bind(second, 80)).toBe(Status.ADDRESS_IN_USE);
  expect(user.startListening(first, 1)).toBe(Status.OK);
  expect(user.startListening(first, 1)).toBe(Status.ALREADY_CONNECTED);
  expect(user.accept(first)).toBe(Status.WOULD_BLOCK);
  user.end(first, false);
  expect(user.bind(second, 80)).toBe(Status.OK);
  expect(core.header.listenersUsed).toBe(1);
});

describe("connect", () => {
  const stream = () => user.socketOf(user.open(SocketKind.STREAM));

  test("chooses ports of the ephemeral range, each once for a peer", () => {
    const chosen = [0, 1, 2].map(() => {
      const at = stream();
      expect(user.connect(at, address(PEER.address), 80)).toBe(Status.OK);
      const local = core.tcb(at).ports >>> 16;
      return ((local & 0xff) << 8) | (local >> 8);
    });
    expect(new Set(chosen).size).toBe(3);
    for (const port of chosen) expect(port).toBeGreaterThanOrEqual(49152);
  });

  test.each([
    ["0.0.0.0", 80, Status.INVALID_ARGUMENT],
    ["10.0.0.1", 80, Status.INVALID_ARGUMENT],
    ["10.0.0.255", 80, Status.INVALID_ARGUMENT],
    ["224.0.0.1", 80, Status.INVALID_ARGUMENT],
    ["10.0.0.2", 0, Status.INVALID_ARGUMENT],
    ["192.0.2.1", 80, Status.OK],
  ])("to %s:%i: %i", (to, port, status) => {
    expect(user.connect(stream(), address(to), port)).toBe(status);
  });

  test("a bound port that is in use with this peer", () => {
    const [a, b] = [stream(), stream()];
    for (const at of [a, b]) user.bind(at, 1234);
    expect(user.connect(a, address(PEER.address), 80)).toBe(Status.OK);
    expect(user.connect(a, address(PEER.address), 80)).toBe(Status.ALREADY_CONNECTED);
    expect(user.bind(a, 1235)).toBe(Status.ALREADY_CONNECTED);
    expect(user.connect(b, address(PEER.address), 80)).toBe(Status.ADDRESS_IN_USE);
    expect(user.connect(b, address(PEER.address), 81)).toBe(Status.OK);
  });

  test("without a route", () => {
    core = new UnitCore({ gateway: "0.0.0.0" });
    user = functionsOf(core);
    expect(user.connect(stream(), address("192.0.2.1"), 80)).toBe(Status.UNREACHABLE);
  });
});

describe("the send ring", () => {
  test("runs end at its end, and go on at its beginning", () => {
    const { core: unit, at, t } = established();
    const { sendReserve, sendCommit } = functionsOf(unit);
    t.sendHead = 4000;
    const { send } = ringsOf({ core: unit, at, t });
    expect([sendReserve(at), unit.header.runPointer]).toEqual([96, send + 4000]);
    expect(sendCommit(at, 96)).toBe(Status.OK);
    expect([sendReserve(at), unit.header.runPointer]).toEqual([4000, send]);
    expect(sendCommit(at, 4001)).toBe(Status.INVALID_ARGUMENT);
    expect(sendCommit(at, 4000)).toBe(Status.OK);
    expect([sendReserve(at), t.bits & unit.bit("WANT_WRITE")]).toEqual([
      ...[Status.WOULD_BLOCK, unit.bit("WANT_WRITE")],
    ]);
    expect(unit.state.readyHead).toBe(at);
  });

  test("is shut after shutdown, and gone after the end", () => {
    const { core: unit, at, t } = established();
    const { sendReserve, sendCommit, shutdown } = functionsOf(unit);
    expect(shutdown(at)).toBe(Status.OK);
    expect([t.state, shutdown(at), sendReserve(at), sendCommit(at, 0)]).toEqual([
      ...[TcpState.FIN_WAIT_1, Status.SHUT_DOWN, Status.SHUT_DOWN, Status.SHUT_DOWN],
    ]);
    t.state = TcpState.CLOSED;
    expect(sendReserve(at)).toBe(Status.NOT_CONNECTED);
    t.error = Status.CONNECTION_RESET;
    expect(sendReserve(at)).toBe(Status.CONNECTION_RESET);
  });
});

describe("the receive ring", () => {
  test("runs end at its end", () => {
    const { core: unit, at, t } = established();
    const { receivePeek, receiveConsume } = functionsOf(unit);
    t.receiveHead = 4000;
    t.receiveBytes = 100;
    const { receive } = ringsOf({ core: unit, at, t });
    expect([receivePeek(at), unit.header.runPointer]).toEqual([96, receive + 4000]);
    expect(receiveConsume(at, 101)).toBe(Status.INVALID_ARGUMENT);
    expect(receiveConsume(at, 96)).toBe(Status.OK);
    expect([receivePeek(at), unit.header.runPointer]).toEqual([4, receive]);
    receiveConsume(at, 4);
    expect(receivePeek(at)).toBe(Status.WOULD_BLOCK);
  });

  test("what arrived before a failure can be read, then the failure", () => {
    const { core: unit, at, t } = established();
    const { receivePeek, receiveConsume } = functionsOf(unit);
    t.receiveBytes = 3;
    unit.functions("tcp/ending", "fail").fail(at, Status.CONNECTION_RESET);
    expect(receivePeek(at)).toBe(3);
    receiveConsume(at, 3);
    expect(receivePeek(at)).toBe(Status.CONNECTION_RESET);
  });

  test("after the peer's FIN, 0", () => {
    const { core: unit, at, t } = inState(TcpState.CLOSE_WAIT);
    t.bits |= unit.bit("FIN_KNOWN");
    expect(functionsOf(unit).receivePeek(at)).toBe(0);
  });
});

describe("end", () => {
  test.each([
    ["close", false, 0, TcpState.FIN_WAIT_1, "FIN_QUEUED"],
    ["close with data unread", false, 1, TcpState.ESTABLISHED, "RESETS OWES_RESET"],
    ["abort", true, 0, TcpState.ESTABLISHED, "OWES_RESET"],
  ])("%s", (_what, now, unread, state, bits) => {
    const { core: unit, at, t } = established();
    const { handle } = t;
    t.receiveBytes = unread;
    functionsOf(unit).end(at, now);
    expect([t.state, t.bits, t.kind]).toEqual([state, bitsOf(unit, bits), unit.kind("DETACHED")]);
    expect(functionsOf(unit).socketOf(handle)).toBe(0);
  });

  test("with data unread what was written is delivered before the reset (RFC 9293 section 3.6.1)", () => {
    const { core: unit, at, t } = established();
    Object.assign(t, { receiveBytes: 1, sendBytes: 1 });
    functionsOf(unit).end(at, false);
    expect([t.state, t.bits]).toEqual([TcpState.ESTABLISHED, unit.bit("RESETS")]);
  });

  test("in SYN-SENT there is nobody to tell: the record goes with the next turn", () => {
    const { core: unit, at, t } = inState(TcpState.SYN_SENT);
    functionsOf(unit).end(at, false);
    expect(t.bits).toBe(unit.bit("OWES_RESET"));
    expect(unit.functions("tcp/output", "turn").turn(at)).toBe(0);
    expect([t.kind, unit.header.connectionsUsed, unit.counters()]).toEqual([0, 0, {}]);
  });

  test("of a connection that has ended gives the record back", () => {
    const { core: unit, at, t } = inState(TcpState.CLOSED);
    functionsOf(unit).end(at, false);
    expect([t.kind, unit.header.connectionsUsed]).toEqual([0, 0]);
  });
});

test("reading past the peer's urgent data takes RCV.UP along", () => {
  const { core: unit, at, t } = established();
  const { receiveConsume } = functionsOf(unit);
  Object.assign(t, { receiveBytes: 100, rcvNxt: RCV_NXT + 100, rcvUp: RCV_NXT + 10 });
  for (const [read, rcvUp] of [
    [5, 10],
    [5, 10],
    [1, 11],
    [89, 100],
  ] as const) {
    expect(receiveConsume(at, read)).toBe(Status.OK);
    expect(t.rcvUp).toBe(RCV_NXT + rcvUp);
  }
});

test("an error that an ICMP message left in a living connection stops nobody", () => {
  const { core: unit, at, t } = established();
  const { receivePeek, sendReserve } = functionsOf(unit);
  t.error = Status.UNREACHABLE;
  expect([receivePeek(at), sendReserve(at)]).toEqual([Status.WOULD_BLOCK, 4096]);
  t.state = TcpState.CLOSED;
  expect([receivePeek(at), sendReserve(at)]).toEqual([Status.UNREACHABLE, Status.UNREACHABLE]);
});

test.each([
  ["sendCommit", 0, 0],
  ["shutdown", 0, 0],
  // Something is out or waits: the timer is that of the retransmission, or persists.
  ["sendCommit", 1, 1],
  ["shutdown", 1, 1],
] as const)("%s with %i octets to be acknowledged: the timer runs on %i", (call, sendBytes, runs) => {
  const { core: unit, at, t } = established();
  t.sendBytes = sendBytes;
  t.bits |= unit.bit("TIMES_RETRANSMIT");
  functionsOf(unit)[call](at, 10);
  expect((t.bits & unit.bit("TIMES_RETRANSMIT")) !== 0).toBe(runs === 1);
});

test("nextEvent gives each socket once, with all that happened", () => {
  const { core: unit, at, t } = established();
  const { nextEvent } = functionsOf(unit);
  const { raise } = unit.functions("net/socket", "raise");
  raise(at, Event.READABLE);
  raise(at, Event.PEER_CLOSED);
  expect([nextEvent(), unit.header.eventMask]).toEqual([t.handle, Event.READABLE | Event.PEER_CLOSED]);
  expect([nextEvent(), t.events]).toEqual([0, 0]);
  raise(at, Event.READABLE);
  t.kind = unit.kind("QUEUED");
  expect([nextEvent(), t.events]).toEqual([0, Event.READABLE]);
});

describe("send and receive do both halves in one", () => {
  /** Random positions, and what `send` or `receive` of at most so many octets comes to; each way on a core of its own. */
  function compare(call: "send" | "receive", disturb: (placed: Placed, prng: Prng) => void): number {
    const prng = new Prng(call.length);
    let some = 0;
    const placed = established();
    const { core: unit, at } = placed;
    const calls = functionsOf(unit);
    const image = unit.memory.slice();
    const [find, take] =
      call === "send" ? [calls.sendReserve, calls.sendCommit] : [calls.receivePeek, calls.receiveConsume];
    for (let round = 0; round < 500; round++) {
      unit.memory.set(image);
      disturb(placed, prng);
      const most = [0, 1, 0xffffffff, 0x80000000, prng.below(5000)][prng.below(5)] as number;
      const before = unit.memory.slice();
      const length = calls[call](at, most);
      const after = unit.memory.slice();
      unit.memory.set(before);
      const run = find(at);
      const wanted = run > 0 ? Math.min(run, most) : run;
      if (run > 0) expect(take(at, wanted)).toBe(Status.OK);
      expect(length, `round ${round}, ${most}`).toBe(wanted);
      expect(Buffer.compare(after, unit.memory)).toBe(0);
      some += Number(length > 0);
    }
    return some;
  }

  test("send", () => {
    const some = compare("send", ({ t }, prng) => {
      t.sendHead = prng.below(4096);
      t.sendBytes = [0, 4096, 4095, prng.below(4097)][prng.below(4)] as number;
      if (prng.chance(0.1)) t.state = TcpState.CLOSED;
      t.error = prng.chance(0.1) ? Status.CONNECTION_RESET : 0;
      if (prng.chance(0.1)) t.bits |= core.bit("FIN_QUEUED");
      if (prng.chance(0.5)) t.bits |= core.bit("TIMES_RETRANSMIT");
    });
    expect(some).toBeGreaterThan(150);
  });

  test("receive", () => {
    const some = compare("receive", ({ t }, prng) => {
      t.receiveHead = prng.below(4096);
      t.receiveBytes = [0, 4096, 4095, prng.below(4097)][prng.below(4)] as number;
      t.rcvAdv = t.rcvNxt + prng.below(4097 - t.receiveBytes);
      t.rcvUp = t.rcvNxt - prng.below(t.receiveBytes + 1);
      if (prng.chance(0.1)) t.state = TcpState.CLOSED;
      t.error = prng.chance(0.1) ? Status.CONNECTION_RESET : 0;
      if (prng.chance(0.1)) {
        t.state = TcpState.CLOSE_WAIT;
        t.bits |= core.bit("FIN_KNOWN");
      }
    });
    expect(some).toBeGreaterThan(150);
  });
});
