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
  core.functions("tcp/input", "arrives").arrives();
  const { TCP_SEGMENTS_IN, ...counters } = core.counters();
  expect(TCP_SEGMENTS_IN).toBe(1);
  return { t, core, counters };
}

describe("first: check sequence number", () => {
  test.each<[wnd: number, offset: number, data: number, ok: boolean]>([
    // SEG.LEN = 0, RCV.WND = 0: SEG.SEQ = RCV.NXT
    [0, 0, 0, true],
    [0, 1, 0, false],
    [0, -1, 0, false],
    // SEG.LEN = 0, RCV.WND > 0: RCV.NXT =< SEG.SEQ < RCV.NXT + RCV.WND
    [100, 0, 0, true],
    [100, 99, 0, true],
    [100, 100, 0, false],
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
      // At once when there is something in it; an empty one is answered by the delayed-ACK timer.
      expect(t.bits & core.bit(data ? "OWES_ACK" : "TIMES_ACK")).not.toBe(0);
      expect(t.bits & core.bit(data ? "TIMES_ACK" : "OWES_ACK")).toBe(0);
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
    core.functions("tcp/input", "arrives").arrives();
    expect(t.state).toBe(state);
    const { TCP_SEGMENTS_IN, ...counters } = core.counters();
    expect([TCP_SEGMENTS_IN, counters]).toEqual([1, counter ? { [counter]: 1 } : {}]);
  });
});
