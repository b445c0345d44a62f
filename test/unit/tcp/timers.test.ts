// What goes out when a timer runs is in test/script/retransmit.script.ts, window.script.ts and close.script.ts.

import { describe, expect, test } from "vitest";
import { Status, TcpState } from "../../../host/abi.js";
import { ports, type UnitCore } from "../core.js";
import { bitsOf, established, inState, place, SND_UNA } from "./stage.js";

const functionsOf = (unit: UnitCore) => ({
  ...unit.functions("tcp/timers", "run", "hurry", "retransmissionDue"),
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
    core.state.timersArmed = 0;
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
    expect([t.state, t.error]).toEqual([TcpState.CLOSED, Status.TIMED_OUT]);
    expect(core.counters().TCP_GIVEN_UP).toBe(1);
  });

  test("a SYN has a limit of its own", () => {
    const { core, at, t } = inState(TcpState.SYN_SENT, { synRetries: 0, dataRetries: 9 });
    t.sndNxt = t.sndMax = SND_UNA + 1;
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

describe("the user timeout (RFC 5482)", () => {
  test.each([
    [2999, TcpState.ESTABLISHED],
    [3000, TcpState.CLOSED],
  ])("data that stays unacknowledged for %i ms of 3000: state %i", (age, state) => {
    const { core, at, t } = established();
    const { retransmissionDue, advanceClock } = functionsOf(core);
    Object.assign(t, { sendBytes: 100, userTimeoutMs: 3000, sndNxt: SND_UNA + 100, sndMax: SND_UNA + 100 });
    // The first time-out, of a second, is for what left when the timer was set.
    advanceClock(1000);
    retransmissionDue(at);
    expect([t.retries, t.timedAt, t.state]).toEqual([1, 0, TcpState.ESTABLISHED]);
    // The RTO is 2000 now; the timer is due at 3000 either way.
    expect(t.retransmitAt).toBe(3000);
    advanceClock(age);
    retransmissionDue(at);
    expect(t.state).toBe(state);
    const ended = state === TcpState.CLOSED;
    expect(core.counters().TCP_USER_TIMEOUTS).toBe(ended ? 1 : undefined);
    expect(t.error).toBe(ended ? Status.TIMED_OUT : Status.OK);
  });

  test("of less than the RTO is over at the first time-out", () => {
    const { core, at, t } = established();
    const { retransmissionDue, advanceClock } = functionsOf(core);
    Object.assign(t, { sendBytes: 100, userTimeoutMs: 300, sndNxt: SND_UNA + 100, sndMax: SND_UNA + 100 });
    advanceClock(300);
    retransmissionDue(at);
    expect([t.state, core.counters()]).toEqual([TcpState.CLOSED, { TCP_USER_TIMEOUTS: 1 }]);
  });
});

describe("keepalive (RFC 9293 section 3.8.4)", () => {
  const IDLE = 10000;

  function quiet() {
    const placed = established({ dataRetries: 3 });
    placed.t.keepaliveMs = IDLE;
    placed.t.bits |= placed.core.bit("TIMES_RETRANSMIT");
    return { ...placed, ...functionsOf(placed.core) };
  }

  test("is due when nobody was heard for so long, and no sooner", () => {
    const { core, at, t, advanceClock, retransmissionDue } = quiet();
    t.heardAt = 4000;
    advanceClock(IDLE);
    retransmissionDue(at);
    expect([t.bits & core.bit("OWES_PROBE"), t.retransmitAt]).toEqual([0, 4000 + IDLE]);
    advanceClock(4000 + IDLE);
    retransmissionDue(at);
    expect(t.bits & core.bit("OWES_PROBE")).not.toBe(0);
    expect([t.retries, core.state.readyHead]).toEqual([1, at]);
  });

  test("that is not answered is repeated with the back-off, and ends the connection", () => {
    const { core, at, t, advanceClock, retransmissionDue } = quiet();
    advanceClock(IDLE);
    for (const rto of [2000, 4000, 8000]) {
      retransmissionDue(at);
      expect(t.retransmitAt - core.state.now).toBe(rto);
      advanceClock(t.retransmitAt);
    }
    retransmissionDue(at);
    expect([t.state, t.error]).toEqual([TcpState.CLOSED, Status.TIMED_OUT]);
    expect(core.counters()).toEqual({ TCP_GIVEN_UP: 1 });
  });

  test("switched off, there is no timer any more", () => {
    const { at, t, advanceClock, retransmissionDue } = quiet();
    t.keepaliveMs = 0;
    advanceClock(IDLE);
    retransmissionDue(at);
    expect([t.bits, t.retries]).toEqual([0, 0]);
  });
});

test("a FIN that could not leave keeps its timer", () => {
  const { core, at, t } = inState(TcpState.LAST_ACK);
  t.kind = core.kind("DETACHED");
  functionsOf(core).retransmissionDue(at);
  expect(t.bits).toBe(bitsOf(core, "TIMES_RETRANSMIT OWES_PROBE"));
});

test("a time-out with an open window begins again with one segment, a probe of a shut one does not", () => {
  for (const window of [8192, 0]) {
    const { core, at, t } = established();
    Object.assign(t, { sendBytes: 3000, sndNxt: SND_UNA + 3000, sndMax: SND_UNA + 3000, sndWnd: window });
    t.congestionWindow = 4096;
    functionsOf(core).retransmissionDue(at);
    expect(t.congestionWindow).toBe(window ? t.sndMss : 4096);
  }
});

test("the third time-out in a row doubts the neighbour, once (R1 of RFC 9293 section 3.8.3)", () => {
  const { core, at, t } = established();
  const { retransmissionDue } = functionsOf(core);
  const { emitRequest } = core.functions("net/arp", "emitRequest");
  Object.assign(t, { sendBytes: 100, sndNxt: SND_UNA + 100, sndMax: SND_UNA + 100 });
  const asked = [1, 2, 3, 4, 5].map(() => {
    retransmissionDue(at);
    return emitRequest() !== 0;
  });
  expect(asked).toEqual([false, false, true, false, false]);
});

test("hurry: what waits for a retransmission goes now, and its timer begins anew; other timers are left alone", () => {
  const { core, at, t } = established();
  const { hurry } = functionsOf(core);
  const quiet = place(core, TcpState.ESTABLISHED, ports(40001, 80));
  const idle = place(core, TcpState.ESTABLISHED, ports(40002, 80));
  for (const one of [t, quiet.t])
    Object.assign(one, { bits: core.bit("TIMES_RETRANSMIT"), retransmitAt: 60000 });
  Object.assign(t, { sendBytes: 100, backoff: 6 });
  hurry();
  expect([t.sndNxt - t.sndUna, t.backoff, t.retries, core.state.readyHead]).toEqual([0, 0, 0, at]);
  expect(t.bits & core.bit("OWES_PROBE")).not.toBe(0);
  expect(t.retransmitAt).toBeLessThan(60000);
  expect([quiet.t.retransmitAt, idle.t.bits]).toEqual([60000, 0]);
});
