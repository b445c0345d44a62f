// What goes out when a timer runs is in test/script/retransmit.script.ts, window.script.ts and close.script.ts.

import { describe, expect, test } from "vitest";
import { Status, TcpState } from "../../../host/abi.js";
import type { UnitCore } from "../core.js";
import { established, inState, SND_UNA } from "./stage.js";

const functionsOf = (unit: UnitCore) => ({
  ...unit.functions("tcp/timers", "run", "retransmissionDue"),
  ...unit.functions("lib/clock", "advanceClock"),
});

describe("run", () => {
  test("the delayed ACK is owed at its time", () => {
    const { core, at, t } = established();
    const { run, advanceClock } = functionsOf(core);
    t.bits |= core.bit("TIMES_ACK");
    t.delayedAckAt = 40;
    advanceClock(39);
    run();
    expect(t.bits).toBe(core.bit("TIMES_ACK"));
    expect([core.state.timersArmed, core.state.nextTimer]).toEqual([1, 40]);
    advanceClock(40);
    run();
    expect([t.bits, core.state.readyHead]).toEqual([core.bit("OWES_ACK"), at]);
  });

  test("a timer that does not run is not looked at", () => {
    const { core, t } = established();
    const { run, advanceClock } = functionsOf(core);
    advanceClock(100000);
    run();
    expect([t.bits, t.retries, core.state.timersArmed]).toEqual([0, 0, 0]);
  });
});

describe("retransmissionDue", () => {
  /** A connection with 100 octets out. */
  function sending(config = {}) {
    const placed = established(config);
    placed.t.sendBytes = 100;
    placed.t.sndNxt = placed.t.sndMax = SND_UNA + 100;
    return { ...placed, ...functionsOf(placed.core) };
  }

  test("goes back to SND.UNA, doubles the RTO, and counts", () => {
    const { core, at, t, retransmissionDue } = sending();
    for (const [round, rto] of [2000, 4000, 8000, 16000, 32000, 60000, 60000].entries()) {
      t.sndNxt = SND_UNA + 100;
      retransmissionDue(at);
      expect([t.sndNxt, t.retries, t.retransmitAt]).toEqual([SND_UNA, round + 1, rto]);
    }
    expect(core.counters()).toEqual({ TCP_TIMEOUTS: 7 });
    expect(t.bits & core.bit("OWES_PROBE")).toBe(0);
  });

  test("gives up after the configured number", () => {
    const { core, at, t, retransmissionDue } = sending({ dataRetries: 3 });
    for (let round = 0; round < 3; round++) retransmissionDue(at);
    expect(t.state).toBe(TcpState.ESTABLISHED);
    retransmissionDue(at);
    expect([t.state, t.error | 0]).toEqual([TcpState.CLOSED, Status.TIMED_OUT]);
    expect(core.counters().TCP_GIVEN_UP).toBe(1);
  });

  test("a SYN has a limit of its own", () => {
    const { core, at, t } = inState(TcpState.SYN_SENT, { synRetries: 0, dataRetries: 9 });
    functionsOf(core).retransmissionDue(at);
    expect(t.state).toBe(TcpState.CLOSED);
  });

  test("the back-off stops at 13 doublings, and the most retries have an end", () => {
    const { at, t, retransmissionDue } = sending({ dataRetries: 31 });
    for (let round = 0; round < 31; round++) retransmissionDue(at);
    expect([t.backoff, t.retries, t.state]).toEqual([13, 31, TcpState.ESTABLISHED]);
    retransmissionDue(at);
    expect(t.state).toBe(TcpState.CLOSED);
  });

  test.each([
    ["nothing out", SND_UNA, 8192],
    ["a shut window", SND_UNA + 100, 0],
  ])("with %s it is a probe", (_what, sndMax, window) => {
    const { core, at, t, retransmissionDue } = sending();
    t.sndNxt = t.sndMax = sndMax;
    t.sndWnd = window;
    retransmissionDue(at);
    expect(t.bits & core.bit("OWES_PROBE")).not.toBe(0);
  });

  test("in FIN-WAIT-2 it is the end", () => {
    const { core, at, t } = inState(TcpState.FIN_WAIT_2);
    t.kind = core.kind("DETACHED");
    functionsOf(core).retransmissionDue(at);
    expect([t.kind, core.header.connectionsUsed]).toEqual([0, 0]);
    expect(core.counters()).toEqual({ TCP_FIN_WAIT_2_EXPIRED: 1 });
  });
});
