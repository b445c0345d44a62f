// How connections end on the wire is in test/script/close.script.ts and reset.script.ts.

import { describe, expect, test } from "vitest";
import { Event, Status, TcpState } from "../../../host/abi.js";
import { address, PEER, type UnitCore } from "../core.js";
import { bitsOf, inState, PORTS } from "./stage.js";

const functionsOf = (unit: UnitCore) =>
  unit.functions("tcp/ending", "finish", "fail", "reset", "resetWhenSent");
const FIND = (core: UnitCore) => core.functions("tcp/demux", "find").find(address(PEER.address), PORTS);

describe.each([
  ["finish", Status.OK, Event.CLOSED],
  ["fail", Status.TIMED_OUT, Event.FAILED],
] as const)("%s", (name, error, event) => {
  test("a connection with a handle leaves the table and tells its application", () => {
    const { core, at, t } = inState(TcpState.LAST_ACK);
    t.bits |= core.bit("TIMES_RETRANSMIT") | core.bit("OWES_ACK") | core.bit("FIN_KNOWN");
    functionsOf(core)[name](at, error);
    expect([FIND(core), t.state, t.error]).toEqual([0, TcpState.CLOSED, error]);
    expect(t.events).toBe(event | Event.READABLE | Event.WRITABLE);
    // What was known stays known: the peer's FIN can still be read.
    expect(t.bits).toBe(core.bit("FIN_KNOWN"));
    expect(core.header.connectionsUsed).toBe(1);
  });

  test("one without a handle gives its record back", () => {
    const { core, at, t } = inState(TcpState.LAST_ACK);
    t.kind = core.kind("DETACHED");
    functionsOf(core)[name](at, error);
    expect([t.kind, core.header.connectionsUsed, core.state.freeConnection]).toEqual([0, 0, at]);
  });

  test("one that nobody accepted leaves the queue, counted", () => {
    const { core, at, t } = inState(TcpState.ESTABLISHED);
    const place = core.state.listenerTable;
    const listener = core.listener(place);
    listener.acceptHead = at;
    listener.pending = 1;
    t.listener = place;
    t.kind = core.kind("QUEUED");
    functionsOf(core)[name](at, error);
    expect([listener.acceptHead, listener.pending, t.listener]).toEqual([0, 0, 0]);
    expect(core.counters()).toEqual({ TCP_UNACCEPTED: 1 });
    expect(core.header.connectionsUsed).toBe(0);
  });
});

test("reset owes a reset, and nothing else any more", () => {
  const { core, at, t } = inState(TcpState.ESTABLISHED);
  t.bits |= core.bit("ARP_WAIT") | core.bit("OWES_ACK") | core.bit("TIMES_ACK");
  functionsOf(core).reset(at);
  expect([t.bits, core.state.readyHead]).toEqual([core.bit("OWES_RESET"), at]);
});

test.each([
  [0, "RESETS OWES_RESET"],
  [1, "RESETS"],
])("resetWhenSent with %i octets to be acknowledged: %s", (sendBytes, bits) => {
  const { core, at, t } = inState(TcpState.ESTABLISHED);
  t.sendBytes = sendBytes;
  functionsOf(core).resetWhenSent(at);
  expect(t.bits).toBe(bitsOf(core, bits));
  expect(core.state.readyHead).toBe(sendBytes ? 0 : at);
});
