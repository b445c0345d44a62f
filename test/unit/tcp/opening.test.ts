// Handshakes are in test/script/open.script.ts and listen.script.ts.

import { expect, test } from "vitest";
import { Event, TcpState } from "../../../host/abi.js";
import { address, PEER, UnitCore } from "../core.js";
import { arrive, inState, PORTS } from "./stage.js";

const functionsOf = (unit: UnitCore) => unit.functions("tcp/opening", "begin", "synchronise", "establish");

test("begin: key, initial sequence number, RTO, our MSS, a place in the table", () => {
  const core = new UnitCore({}, 777);
  const at = core.functions("tcp/tcb", "allocate").allocate();
  const t = core.tcb(at);
  functionsOf(core).begin(at, address(PEER.address), PORTS);
  const isn = core.functions("tcp/isn", "initialSequence").initialSequence(address(PEER.address), PORTS);
  expect([t.sndUna, t.sndNxt, t.sndMax]).toEqual([isn, isn, isn]);
  expect([t.rtoMs, t.rcvMss]).toEqual([1000, 1024]);
  expect(core.functions("tcp/demux", "find").find(address(PEER.address), PORTS)).toBe(at);
});

test.each([
  [0xffffffff, 0],
  [41, 42],
])("synchronise with a SYN at %i: RCV.NXT is %i", (seq, next) => {
  const { core, at, t } = inState(TcpState.SYN_SENT);
  arrive(core, { flags: "S", seq, window: 1234, options: [{ kind: "mss", mss: 700 }] });
  functionsOf(core).synchronise(at);
  expect([t.rcvNxt, t.rcvAdv, t.sndWl1]).toEqual([next, next, next]);
  expect([t.sndWnd, t.sndWndMax, t.sndMss]).toEqual([1234, 1234, 700]);
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
