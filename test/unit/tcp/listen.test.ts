// The handshake itself is in test/script/listen.script.ts and open.script.ts.

import { beforeEach, describe, expect, test } from "vitest";
import { Event, SocketKind, TcpState } from "../../../host/abi.js";
import { type Listener, ports, UnitCore } from "../core.js";
import { arrive, place as placeConnection } from "./stage.js";

let core: UnitCore;
let place: number;
let listener: Listener;
let listen: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) => ({
  ...unit.functions("tcp/listen", "listenerAt", "find", "receive", "accept", "dequeue", "close"),
  ...unit.functions("tcp/listen", "isFull", "enqueue"),
});

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
  listen.receive(0);
}

/** A connection whose handshake is complete stands in the queue. */
function enqueue(sourcePort: number): number {
  const { at, t } = placeConnection(core, TcpState.ESTABLISHED, ports(sourcePort, 80));
  listen.enqueue(place, at);
  expect([t.kind, t.listener]).toEqual([core.kind("QUEUED"), place]);
  return at;
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
  test("a SYN takes an entry of the SYN cache, and no place in the queue", () => {
    for (const port of [1, 2, 3, 4]) syn(port);
    expect([core.header.synUsed, core.header.connectionsUsed, listener.pending]).toEqual([4, 0, 0]);
    expect(core.counters()).toEqual({});
  });

  test("but none while the queue is full", () => {
    boot(2);
    for (const port of [1, 2]) enqueue(port);
    syn(3);
    expect([core.header.synUsed, core.state.replyKind]).toEqual([0, 0]);
    expect(core.counters()).toEqual({ TCP_BACKLOG_FULL: 1 });
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
    listen.receive(0);
    expect(core.counters()).toEqual({ [counter]: 1 });
    expect(core.segment.outFlags & 4).toBe(reset);
    expect([listener.pending, core.header.synUsed]).toEqual([0, 0]);
  });

  test("a port that is bound and does not listen refuses", () => {
    listener.state = TcpState.CLOSED;
    syn(1);
    expect(core.counters()).toEqual({ TCP_NO_CONNECTION: 1 });
    expect(core.segment.outFlags & 4).toBe(4);
  });
});

test("where no route leads back to there is no connection", () => {
  core.init({ connections: 4, listeners: 3, gateway: "0.0.0.0" });
  const user = core.functions("tcp/user", "open", "bind", "startListening");
  user.open(SocketKind.LISTENER);
  user.bind(listen.listenerAt(0), 80);
  user.startListening(listen.listenerAt(0), 3);
  core.putSegment({ flags: "S" }, "192.0.2.1");
  const { verify, read } = core.functions("tcp/segment", "verify", "read");
  expect(read(verify(0))).toBe(true);
  listen.receive(0);
  expect([core.header.connectionsUsed, core.header.synUsed]).toEqual([0, 0]);
  expect(core.counters()).toEqual({ TCP_NO_CONNECTION: 1 });
});

test("enqueue: in the order of the handshakes' ends; isFull at the backlog", () => {
  const queued: number[] = [];
  for (const port of [1, 2, 3]) {
    expect([listen.isFull(place), listener.pending]).toEqual([false, queued.length]);
    queued.push(enqueue(port));
    expect(queue()).toEqual(queued);
  }
  expect(listen.isFull(place)).toBe(true);
});

test("accept takes the first, tells what happened to it before, and makes room", () => {
  const [a, b] = [enqueue(1), enqueue(2)];
  core.tcb(a).events = Event.READABLE;
  core.state.scanDue = 0;
  expect(listen.accept(place)).toBe(a);
  expect([queue(), listener.pending, core.tcb(a).listener]).toEqual([[b], 1, 0]);
  expect(core.tcb(a).kind).toBe(core.kind("CONNECTION"));
  expect(core.functions("tcp/user", "nextEvent").nextEvent()).toBe(core.tcb(a).handle);
  // A finished handshake may wait for the place.
  expect(core.state.scanDue).toBe(1);
  expect([listen.accept(place), listen.accept(place)]).toEqual([b, 0]);
});

test.each([0, 1, 2])("dequeue takes out number %i of three", (index) => {
  const queued = [1, 2, 3].map(enqueue);
  const [gone] = queued.splice(index, 1) as [number];
  listen.dequeue(gone);
  expect([queue(), listener.pending]).toEqual([queued, 2]);
  expect([core.tcb(gone).listener, core.tcb(gone).queueNext]).toEqual([0, 0]);
  const last = enqueue(4);
  expect(queue()).toEqual([...queued, last]);
});

test("close resets those that nobody accepted, and forgets the handshakes of its port alone", () => {
  syn(9);
  const user = core.functions("tcp/user", "open", "bind", "startListening");
  user.open(SocketKind.LISTENER);
  user.bind(listen.listenerAt(1), 81);
  user.startListening(listen.listenerAt(1), 1);
  arrive(core, { sourcePort: 9, destinationPort: 81, flags: "S", seq: 100, ack: 0 });
  listen.receive(0);
  expect(core.header.synUsed).toBe(2);
  const waiting = [1, 2].map(enqueue);
  listen.close(place);
  expect([queue(), listener.pending, core.header.synUsed]).toEqual([[], 0, 1]);
  expect(core.counters()).toEqual({ TCP_UNACCEPTED: 2 });
  for (const at of waiting)
    expect([core.tcb(at).kind, core.tcb(at).bits]).toEqual([core.kind("DETACHED"), core.bit("OWES_RESET")]);
});
