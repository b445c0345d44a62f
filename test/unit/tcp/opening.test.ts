// Handshakes are in test/script/open.script.ts and listen.script.ts.

import { describe, expect, test } from "vitest";
import { Event, TcpState } from "../../../host/abi.js";
import { address, PEER, UnitCore } from "../core.js";
import { inState, PORTS } from "./stage.js";

const functionsOf = (unit: UnitCore) =>
  unit.functions("tcp/opening", "begin", "synchronise", "establish", "offered", "optionsBytes");

test("begin: key, sequence numbers, offered options, RTO, our MSS, a place in the table", () => {
  const core = new UnitCore({}, 777);
  const at = core.functions("tcp/tcb", "allocate").allocate();
  const t = core.tcb(at);
  core.segment.duplicateOf = at;
  functionsOf(core).begin(at, address(PEER.address), PORTS, 0xdeadbeef);
  expect([t.sndUna, t.sndNxt, t.sndMax, t.sndUp]).toEqual(new Array(4).fill(0xdeadbeef));
  expect([t.heardAt, t.bits]).toEqual([777, core.agreed("ALL")]);
  // What the record's last use left for a D-SACK is not this one's.
  expect(core.segment.duplicateOf).toBe(0);
  expect([t.rtoMs, t.rcvMss]).toEqual([1000, 1024]);
  expect(core.functions("tcp/demux", "find").find(address(PEER.address), PORTS)).toBe(at);
});

test.each([
  [0, 7],
  // NO_TIMESTAMPS
  [2, 6],
])("offered with flags %i: %i", (flags, options) => {
  expect(functionsOf(new UnitCore({ flags })).offered()).toBe(options);
});

describe("synchronise", () => {
  test.each([0, 42, 0xffffffff])("RCV.NXT is %i, and nothing is announced yet", (next) => {
    const { core, at, t } = inState(TcpState.SYN_SENT);
    functionsOf(core).synchronise(at, next, 0, 0, 700, 0);
    expect([t.rcvNxt, t.rcvAdv, t.sndWl1, t.rcvUp]).toEqual([next, next, next, next]);
    expect([t.sndMss, t.sndScale]).toEqual([700, 0]);
  });

  test("an option holds when both sides have it", () => {
    const { core, at, t } = inState(TcpState.SYN_SENT);
    for (let ours = 0; ours < 8; ours++)
      for (let theirs = 0; theirs < 8; theirs++) {
        t.bits = ours | core.bit("NO_DELAY");
        functionsOf(core).synchronise(at, 1, theirs, 99, 1460, 7);
        expect(t.bits).toBe((ours & theirs) | core.bit("NO_DELAY"));
        const agreed = (name: string) => (ours & theirs & core.agreed(name)) !== 0;
        expect(t.sndScale).toBe(agreed("SCALE") ? 7 : 0);
        // RFC 6691: the MSS counts no options, the segment has to hold them.
        expect(t.sndMss).toBe(1460 - (agreed("TIMESTAMPS") ? 12 : 0));
        expect(functionsOf(core).optionsBytes(at)).toBe(agreed("TIMESTAMPS") ? 12 : 0);
        expect(t.tsRecent).toBe(99);
      }
  });

  test("a peer that says no MSS has 536 octets (RFC 9293 section 3.7.1)", () => {
    const { core, at, t } = inState(TcpState.SYN_SENT);
    functionsOf(core).synchronise(at, 1, 0, 0, 0, 0);
    expect(t.sndMss).toBe(536);
  });
});

test("establish tells the one who connects", () => {
  const { core, at, t } = inState(TcpState.SYN_SENT);
  functionsOf(core).establish(at);
  expect([t.state, t.events]).toEqual([TcpState.ESTABLISHED, Event.CONNECTED | Event.WRITABLE]);
});

test("establish goes on to FIN-WAIT-1 when the application has closed already", () => {
  const { core, at, t } = inState(TcpState.SYN_SENT);
  t.bits |= core.bit("FIN_QUEUED");
  functionsOf(core).establish(at);
  expect(t.state).toBe(TcpState.FIN_WAIT_1);
});

test("establish tells the listener of a connection that it holds", () => {
  const { core, at, t } = inState(TcpState.SYN_RECEIVED);
  t.listener = core.state.listenerTable;
  functionsOf(core).establish(at);
  expect(core.listener(t.listener).events).toBe(Event.ACCEPTABLE);
  expect(t.events).toBe(0);
  expect(core.counters()).toEqual({ TCP_PASSIVE_OPENS: 1 });
});
