// SEGMENT ARRIVES is played by nearly every file of test/script; here are the edges of table 6 of RFC 9293 one by one.

import { describe, expect, test } from "vitest";
import { TcpState } from "../../../host/abi.js";
import { established, inState, RCV_NXT, SND_UNA } from "./stage.js";

/** A segment for a connection whose window is `wnd`; returns whether it was accepted, and the counters. */
function arrives(wnd: number, spec: { seq: number; flags?: string; data?: number }) {
  const { core, t } = established();
  t.rcvAdv = RCV_NXT + wnd;
  const payload = new Uint8Array(spec.data ?? 0).fill(7);
  core.putSegment({ ...spec, flags: spec.flags ?? "A", ack: SND_UNA, window: 8192, payload });
  core.functions("tcp/input", "arrives").arrives(0);
  const { TCP_SEGMENTS_IN, ...counters } = core.counters();
  expect(TCP_SEGMENTS_IN).toBe(1);
  return { t, core, counters };
}

describe("first: check sequence number", () => {
  test.each<[wnd: number, offset: number, data: number, ok: boolean]>([
    // SEG.LEN = 0, RCV.WND = 0: SEG.SEQ = RCV.NXT
    [0, 0, 0, true],
    [0, 1, 0, false],
    [0, 0, 1, true],
    [0, -1, 1, false],
    [0, -1, 0, false],
    // SEG.LEN = 0, RCV.WND > 0: RCV.NXT =< SEG.SEQ < RCV.NXT + RCV.WND
    [100, 0, 0, true],
    [100, 99, 0, true],
    // A bare ACK at the right edge is taken, unlike in table 6 (as Linux does); a FIN or data there are not.
    [100, 100, 0, true],
    [100, 101, 0, false],
    [100, -1, 0, false],
    // SEG.LEN > 0, RCV.WND > 0: either end inside
    [100, 99, 10, true],
    [100, 100, 10, false],
    [100, -10, 10, false],
    [100, -9, 10, true],
    // Beyond both ends: table 6 does not take it, and a peer that keeps to the window never sends it.
    [100, -10, 300, false],
  ])("window %i, %i octets from RCV.NXT, %i of data: %s", (wnd, offset, data, ok) => {
    const { t, core, counters } = arrives(wnd, { seq: RCV_NXT + offset, data });
    if (!ok) {
      expect(counters).toEqual({ TCP_OUTSIDE_WINDOW: 1 });
      expect(t.bits & core.bit("OWES_ACK")).not.toBe(0);
      // Only what is empty is under the limit on challenge ACKs.
      expect(t.challengeDebt !== 0).toBe(data === 0);
      expect(t.rcvNxt).toBe(RCV_NXT);
    } else if (offset <= 0) expect(t.rcvNxt).toBe(RCV_NXT + Math.max(0, Math.min(offset + data, wnd)));
    else expect(t.rcvNxt).toBe(RCV_NXT);
  });

  test("what is beyond the window is cut off, its FIN too", () => {
    const { t, counters } = arrives(100, { seq: RCV_NXT, data: 101, flags: "FA" });
    expect([t.rcvNxt, t.receiveBytes, t.state]).toEqual([RCV_NXT + 100, 100, TcpState.ESTABLISHED]);
    expect(counters).toEqual({ TCP_OUTSIDE_WINDOW: 1 });
  });

  test("what was there before is cut off, its FIN stays where it is", () => {
    const { t } = arrives(100, { seq: RCV_NXT - 50, data: 60, flags: "FA" });
    expect([t.rcvNxt, t.receiveBytes, t.state]).toEqual([RCV_NXT + 11, 10, TcpState.CLOSE_WAIT]);
  });
});

describe("second: check the RST bit (RFC 5961 section 3)", () => {
  test.each([
    [0, TcpState.CLOSED, "TCP_RESETS_IN"],
    [1, TcpState.ESTABLISHED, "TCP_RST_CHALLENGED"],
    [99, TcpState.ESTABLISHED, "TCP_RST_CHALLENGED"],
    [100, TcpState.ESTABLISHED, "TCP_RST_OUTSIDE"],
    [-1, TcpState.ESTABLISHED, "TCP_RST_OUTSIDE"],
  ])("%i from RCV.NXT: state %i, %s", (offset, state, counter) => {
    const { t, core, counters } = arrives(100, { seq: RCV_NXT + offset, flags: "R" });
    expect([t.state, counters]).toEqual([state, { [counter]: 1 }]);
    expect((t.bits & core.bit("OWES_ACK")) !== 0).toBe(counter === "TCP_RST_CHALLENGED");
  });
});

test("fourth: a SYN is challenged (RFC 5961 section 4)", () => {
  const { t, counters } = arrives(100, { seq: RCV_NXT, flags: "SA" });
  expect([t.state, counters]).toEqual([TcpState.ESTABLISHED, { TCP_SYN_CHALLENGED: 1 }]);
});

test("process takes any segment, those that arrives has predicted too", () => {
  const { core, t } = established();
  core.putSegment({ seq: RCV_NXT, ack: SND_UNA, flags: "A", window: 8192, payload: Uint8Array.of(1, 2) });
  const { verify } = core.functions("tcp/segment", "verify");
  core.functions("tcp/input", "process").process(verify(0));
  expect([t.rcvNxt, t.receiveBytes, core.segment.seq]).toEqual([RCV_NXT + 2, 2, RCV_NXT]);
  expect(core.counters()).toEqual({ TCP_SEGMENTS_IN: 1 });
});

describe("SYN-SENT", () => {
  test.each([
    ["SA", 1, TcpState.ESTABLISHED, undefined],
    ["SA", 0, TcpState.SYN_SENT, "TCP_ACK_UNACCEPTABLE"],
    ["SA", 2, TcpState.SYN_SENT, "TCP_ACK_UNACCEPTABLE"],
    ["RA", 1, TcpState.CLOSED, "TCP_RESETS_IN"],
    ["RA", 0, TcpState.SYN_SENT, "TCP_ACK_UNACCEPTABLE"],
    ["R", 0, TcpState.SYN_SENT, "TCP_RST_OUTSIDE"],
    ["A", 1, TcpState.SYN_SENT, "TCP_BAD_FLAGS"],
    ["SFA", 1, TcpState.SYN_SENT, "TCP_BAD_FLAGS"],
  ])("%s with an ACK %i from ISS: state %i, %s", (flags, offset, state, counter) => {
    const { core, t } = inState(TcpState.SYN_SENT);
    t.sndNxt = t.sndMax = SND_UNA + 1;
    core.putSegment({ seq: RCV_NXT, ack: SND_UNA + offset, flags, window: 100 });
    core.functions("tcp/input", "arrives").arrives(0);
    expect(t.state).toBe(state);
    const { TCP_SEGMENTS_IN, ...counters } = core.counters();
    expect([TCP_SEGMENTS_IN, counters]).toEqual([1, counter ? { [counter]: 1 } : {}]);
  });
});

describe("timestamps, before the first check (RFC 7323 section 5.3)", () => {
  const RECENT = 0xfffffff0;
  type Spec = { value?: number; flags?: string; offset?: number; ageMs?: number; data?: number };

  function arrivesWith({ value, flags = "A", offset = 0, ageMs = 0, data = 1 }: Spec) {
    const { core, t } = established();
    t.bits |= core.agreed("TIMESTAMPS");
    t.tsRecent = RECENT;
    core.functions("lib/clock", "advanceClock").advanceClock(ageMs);
    const options = value === undefined ? [] : [{ kind: "timestamps" as const, value, echo: 0 }];
    const payload = new Uint8Array(data);
    core.putSegment({ seq: RCV_NXT + offset, ack: SND_UNA, flags, window: 8192, payload, options });
    core.functions("tcp/input", "arrives").arrives(0);
    const { TCP_SEGMENTS_IN, ...counters } = core.counters();
    expect(TCP_SEGMENTS_IN).toBe(1);
    return { core, t, counters };
  }

  test.each([
    [RECENT, true],
    [RECENT + 1, true],
    [5, true],
    [RECENT - 1, false],
    [0x80000000, false],
  ])("a TSval of %i is not older than TS.Recent: %s", (value, taken) => {
    const { core, t, counters } = arrivesWith({ value });
    expect(counters).toEqual(taken ? {} : { TCP_PAWS: 1 });
    expect([t.rcvNxt, t.tsRecent]).toEqual(taken ? [RCV_NXT + 1, value] : [RCV_NXT, RECENT]);
    if (!taken) expect(t.bits & core.bit("OWES_ACK")).not.toBe(0);
  });

  test("a segment without is dropped, and not answered", () => {
    const { t, counters } = arrivesWith({});
    expect([t.rcvNxt, t.bits & 0x3000, counters]).toEqual([RCV_NXT, 0, { TCP_NO_TIMESTAMP: 1 }]);
  });

  test("a reset needs none", () => {
    expect(arrivesWith({ flags: "R", data: 0 }).t.state).toBe(TcpState.CLOSED);
    expect(arrivesWith({ flags: "R", data: 0, value: RECENT - 1 }).t.state).toBe(TcpState.CLOSED);
  });

  test("of 24 days ago TS.Recent says nothing (section 5.5)", () => {
    const days = 86400000;
    expect(arrivesWith({ value: 1000, ageMs: 24 * days - 1 }).t.rcvNxt).toBe(RCV_NXT + 1);
    expect(arrivesWith({ value: RECENT - 1, ageMs: 24 * days - 1 }).t.rcvNxt).toBe(RCV_NXT);
    expect(arrivesWith({ value: RECENT - 1, ageMs: 24 * days }).t.rcvNxt).toBe(RCV_NXT + 1);
  });

  test("while data waits for its ACK the timestamp of the first is kept for the echo (section 4.3)", () => {
    const { core, t } = arrivesWith({ value: 7 });
    expect([t.unacked, t.tsRecent]).toEqual([1, 7]);
    const options = [{ kind: "timestamps" as const, value: 8, echo: 0 }];
    const payload = Uint8Array.of(1);
    core.putSegment({ seq: RCV_NXT + 1, ack: SND_UNA, flags: "A", window: 8192, payload, options });
    core.functions("tcp/input", "arrives").arrives(0);
    expect([t.rcvNxt, t.tsRecent]).toEqual([RCV_NXT + 2, 7]);
  });

  test("data ahead of a hole does not move TS.Recent (section 4.3)", () => {
    const { t } = arrivesWith({ value: 7, offset: 10 });
    expect([t.ranges, t.tsRecent]).toEqual([1, RECENT]);
  });
});

describe("a simultaneous open (figure 8)", () => {
  test("a SYN in SYN-SENT: SYN-RECEIVED, and our SYN goes again", () => {
    const { core, at, t } = inState(TcpState.SYN_SENT);
    t.bits |= core.agreed("ALL");
    t.sndNxt = t.sndMax = SND_UNA + 1;
    const options = [{ kind: "mss" as const, mss: 700 }];
    core.putSegment({ seq: 0xffffffff, flags: "S", window: 1234, options });
    core.functions("tcp/input", "arrives").arrives(0);
    expect([t.state, t.rcvNxt, t.sndNxt]).toEqual([TcpState.SYN_RECEIVED, 0, SND_UNA]);
    expect([t.sndWnd, t.sndWndMax, t.sndMss]).toEqual([1234, 1234, 700]);
    expect(t.bits & core.agreed("ALL")).toBe(0);
    expect(core.state.readyHead).toBe(at);
  });
});

test("the window is scaled by what was agreed, but not in a SYN", () => {
  const { core, t } = established();
  t.sndScale = 7;
  core.putSegment({ seq: RCV_NXT, ack: SND_UNA, flags: "A", window: 0xffff });
  core.functions("tcp/input", "arrives").arrives(0);
  expect(t.sndWnd).toBe(0xffff * 128);
});

test.each([
  ["before RCV.NXT", -10, 10, [RCV_NXT - 10, RCV_NXT]],
  ["partly before", -10, 15, [RCV_NXT - 10, RCV_NXT]],
  ["outside with nothing in it", -10, 0, undefined],
  ["new", 0, 10, undefined],
])("data %s: what came twice is noted for D-SACK (RFC 2883)", (_what, offset, data, block) => {
  const { core } = established();
  core.putSegment({
    seq: RCV_NXT + offset,
    ack: SND_UNA,
    flags: "A",
    window: 8192,
    payload: new Uint8Array(data),
  });
  core.functions("tcp/input", "arrives").arrives(0);
  const { duplicateOf, duplicateStart, duplicateEnd } = core.segment;
  if (block) expect([duplicateStart, duplicateEnd]).toEqual(block);
  expect(duplicateOf !== 0).toBe(block !== undefined);
});
