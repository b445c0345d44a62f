// The handshake itself is in test/script/listen.script.ts and open.script.ts.

import { beforeEach, describe, expect, test } from "vitest";
import { SocketKind, TcpState } from "../../../host/abi.js";
import { type Listener, ports, UnitCore } from "../core.js";
import { arrive } from "./stage.js";

let core: UnitCore;
let place: number;
let listener: Listener;
let listen: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) =>
  unit.functions("tcp/listen", "listenerAt", "find", "receive", "accept", "dequeue", "close");

function boot(backlog: number): void {
  core = new UnitCore({ connections: 4, listeners: 3 });
  const user = core.functions("tcp/user", "open", "bind", "startListening");
  listen = functionsOf(core);
  user.open(SocketKind.LISTENER);
  place = listen.listenerAt(0);
  user.bind(place, 80);
  user.startListening(place, backlog);
  listener = core.listener(place);
}

beforeEach(() => boot(3));

/** A SYN from this port. */
function syn(sourcePort: number): void {
  arrive(core, { sourcePort, flags: "S", seq: 100, ack: 0 });
  listen.receive();
}

/** The queue, as addresses. */
function queue(): number[] {
  const found: number[] = [];
  for (let at = listener.acceptHead; at; at = core.tcb(at).queueNext) found.push(at);
  return found;
}

test("listenerAt: apart by a record each", () => {
  const bytes = core.constant("config", "LISTENER_BYTES");
  expect([0, 1, 2].map((index) => listen.listenerAt(index) - place)).toEqual([0, bytes, 2 * bytes]);
});

test("find looks at our port alone", () => {
  expect(listen.find(ports(1, 80))).toBe(place);
  expect(listen.find(ports(2, 80))).toBe(place);
  expect(listen.find(ports(80, 1))).toBe(0);
});

describe("receive", () => {
  test("SYNs queue up in their order, up to the backlog", () => {
    for (const port of [1, 2, 3, 4]) syn(port);
    expect(queue().map((at) => core.tcb(at).ports)).toEqual([1, 2, 3].map((port) => ports(port, 80)));
    for (const at of queue()) expect(core.tcb(at).state).toBe(TcpState.SYN_RECEIVED);
    expect(listener.pending).toBe(3);
    expect(core.counters()).toEqual({ TCP_BACKLOG_FULL: 1 });
  });

  test("without a free record a SYN is dropped, counted", () => {
    boot(100);
    for (const port of [1, 2, 3, 4, 5]) syn(port);
    expect([queue().length, listener.pending]).toEqual([4, 4]);
    expect(core.counters()).toEqual({ TCP_NO_RECORD: 1 });
  });

  test.each([
    ["A", "TCP_NO_CONNECTION", 4],
    ["SA", "TCP_NO_CONNECTION", 4],
    ["R", "TCP_NO_CONNECTION", 0],
    ["SR", "TCP_NO_CONNECTION", 0],
    ["", "TCP_BAD_FLAGS", 0],
    ["F", "TCP_BAD_FLAGS", 0],
    ["SF", "TCP_BAD_FLAGS", 0],
    ["P", "TCP_BAD_FLAGS", 0],
  ])("%s opens nothing (%s)", (flags, counter, reset) => {
    arrive(core, { flags });
    listen.receive();
    expect(core.counters()).toEqual({ [counter]: 1 });
    expect(core.segment.replyFlags & 4).toBe(reset);
    expect(listener.pending).toBe(0);
  });

  test("a port that is bound and does not listen refuses", () => {
    listener.state = TcpState.CLOSED;
    syn(1);
    expect(core.counters()).toEqual({ TCP_NO_CONNECTION: 1 });
    expect(core.segment.replyFlags & 4).toBe(4);
  });
});

test("where no route leads back to there is no connection", () => {
  core.init({ connections: 4, listeners: 3, gateway: "0.0.0.0" });
  const user = core.functions("tcp/user", "open", "bind", "startListening");
  user.open(SocketKind.LISTENER);
  user.bind(listen.listenerAt(0), 80);
  user.startListening(listen.listenerAt(0), 3);
  core.putSegment({ flags: "S" }, "192.0.2.1");
  core.functions("tcp/segment", "read").read();
  listen.receive();
  expect(core.header.connectionsUsed).toBe(0);
  expect(core.counters()).toEqual({ TCP_NO_CONNECTION: 1 });
});

test("accept takes the first whose handshake is complete, and passes by those that wait", () => {
  for (const port of [1, 2, 3]) syn(port);
  const [a, b, c] = queue() as [number, number, number];
  expect(listen.accept(place)).toBe(0);
  core.tcb(b).state = TcpState.ESTABLISHED;
  core.tcb(c).state = TcpState.CLOSE_WAIT;
  expect(listen.accept(place)).toBe(b);
  expect([queue(), listener.pending, core.tcb(b).listener]).toEqual([[a, c], 2, 0]);
  expect([listen.accept(place), listen.accept(place)]).toEqual([c, 0]);
});

test("dequeue takes one out of the middle", () => {
  for (const port of [1, 2, 3]) syn(port);
  const [a, b, c] = queue() as [number, number, number];
  listen.dequeue(b);
  expect([queue(), listener.pending]).toEqual([[a, c], 2]);
});

test("close resets those that nobody accepted", () => {
  for (const port of [1, 2]) syn(port);
  const waiting = queue();
  listen.close(place);
  expect([queue(), listener.pending]).toEqual([[], 0]);
  expect(core.counters()).toEqual({ TCP_UNACCEPTED: 2 });
  for (const at of waiting)
    expect([core.tcb(at).kind, core.tcb(at).bits]).toEqual([core.kind("DETACHED"), core.bit("OWES_RESET")]);
});
