// What the peer sees of acknowledgments is in test/script (data, retransmit, window, close); here is what it does not.

import { describe, expect, test } from "vitest";
import { Event, TcpState } from "../../../host/abi.js";
import type { UnitCore } from "../core.js";
import { arrive, established, inState, SND_UNA } from "./stage.js";

const functionsOf = (unit: UnitCore) => unit.functions("tcp/ack", "check", "passUna", "boundLife");

/** A connection with 1000 octets out and 500 more in the ring. */
function sending() {
  const placed = established();
  const { t } = placed;
  t.sendBytes = 1500;
  t.sendHead = 4000;
  t.sndNxt = t.sndMax = SND_UNA + 1000;
  return { ...placed, ack: functionsOf(placed.core) };
}

describe("check", () => {
  test("frees what is acknowledged, around the end of the ring", () => {
    const { core, at, t, ack } = sending();
    t.retries = t.backoff = 3;
    arrive(core, { ack: SND_UNA + 600 });
    expect(ack.check(at)).toBe(true);
    expect([t.sndUna, t.sendBytes, t.sendHead, t.bytesAcknowledged]).toEqual([SND_UNA + 600, 900, 504, 600]);
    expect(t.retries).toBe(0);
  });

  test.each([
    // MAX.SND.WND is 8192 (RFC 5961 section 5).
    [-8193, false],
    [-8192, true],
    [-1, true],
    [0, true],
    [1000, true],
    [1001, false],
    [2 ** 31, false],
  ])("an ACK %i from SND.UNA is acceptable: %s", (offset, acceptable) => {
    const { core, at, t, ack } = sending();
    arrive(core, { ack: (SND_UNA + offset) >>> 0 });
    expect(ack.check(at)).toBe(acceptable);
    expect(core.counters().TCP_ACK_UNACCEPTABLE ?? 0).toBe(acceptable ? 0 : 1);
    expect((t.bits & core.bit("TIMES_ACK")) !== 0).toBe(!acceptable);
    expect(t.bits & core.bit("OWES_ACK")).toBe(0);
    expect(t.sndUna).toBe(SND_UNA + (acceptable ? Math.max(offset, 0) : 0));
  });

  test("without ACK there is nothing", () => {
    const { core, at, ack } = sending();
    arrive(core, { flags: 0 });
    expect(ack.check(at)).toBe(false);
    expect(core.counters()).toMatchObject({ TCP_NO_ACK: 1 });
  });

  test.each([
    [TcpState.FIN_WAIT_1, true, TcpState.FIN_WAIT_2],
    [TcpState.CLOSING, false, TcpState.CLOSED],
    [TcpState.LAST_ACK, false, TcpState.CLOSED],
  ])("our FIN acknowledged in state %i: goes on %s, state %i", (from, goesOn, to) => {
    const { core, at, t } = inState(from);
    t.sndNxt = t.sndMax = SND_UNA + 1;
    arrive(core, { ack: SND_UNA + 1 });
    expect(functionsOf(core).check(at)).toBe(goesOn);
    expect(t.state).toBe(to);
    expect(core.header.timeWaitUsed).toBe(from === TcpState.CLOSING ? 1 : 0);
  });

  test.each([
    [2048 - 1, false],
    [2048, true],
  ])("a writer that waits hears of %i octets free: %s", (free, hears) => {
    const { core, at, t, ack } = sending();
    t.bits |= core.bit("WANT_WRITE");
    t.sendBytes = 4096;
    t.sndNxt = t.sndMax = SND_UNA + 4096;
    arrive(core, { ack: SND_UNA + free });
    ack.check(at);
    expect((t.events & Event.WRITABLE) !== 0).toBe(hears);
  });

  test("SND.WND is taken from the newest segment only", () => {
    const { core, at, t, ack } = sending();
    arrive(core, { seq: 4999, ack: SND_UNA, window: 7 });
    ack.check(at);
    expect(t.sndWnd).toBe(8192);
    arrive(core, { seq: 5000, ack: SND_UNA, window: 7 });
    ack.check(at);
    expect([t.sndWnd, t.sndWndMax]).toEqual([7, 8192]);
    arrive(core, { seq: 5001, ack: SND_UNA - 1, window: 99 });
    ack.check(at);
    expect(t.sndWnd).toBe(7);
  });

  test.each([
    [0, true],
    [2, true],
    [1, false],
  ])("in SYN-RECEIVED an ACK %i from our SYN is refused: %s", (offset, refused) => {
    const { core, at, t } = inState(TcpState.SYN_RECEIVED);
    t.sndNxt = t.sndMax = SND_UNA + 1;
    arrive(core, { ack: SND_UNA + offset });
    expect(functionsOf(core).check(at)).toBe(!refused);
    expect(t.state).toBe(refused ? TcpState.SYN_RECEIVED : TcpState.ESTABLISHED);
    expect(core.segment.replyFlags & 4).toBe(refused ? 4 : 0);
  });
});

test("passUna stops the timer when nothing is out, and starts it anew when something is", () => {
  const { core, at, t, ack } = sending();
  t.bits |= core.bit("TIMES_RETRANSMIT");
  t.retransmitAt = 5;
  ack.passUna(at, 400);
  expect(t.bits & core.bit("TIMES_RETRANSMIT")).not.toBe(0);
  expect(t.retransmitAt).toBe(1000);
  ack.passUna(at, 600);
  expect(t.bits & core.bit("TIMES_RETRANSMIT")).toBe(0);
  expect(t.sndNxt).toBe(SND_UNA + 1000);
});

test.each([
  [TcpState.FIN_WAIT_2, true, true],
  [TcpState.FIN_WAIT_2, false, false],
  [TcpState.FIN_WAIT_1, true, false],
])("boundLife in state %i, detached %s: a timer %s", (state, detached, timer) => {
  const { core, at, t } = inState(state, { finWait2Ms: 1234 });
  if (detached) t.kind = core.kind("DETACHED");
  functionsOf(core).boundLife(at);
  expect((t.bits & core.bit("TIMES_RETRANSMIT")) !== 0).toBe(timer);
  expect(t.retransmitAt).toBe(timer ? 1234 : 0);
});
