// What the peer sees of acknowledgments is in test/script (data, retransmit, window, close); here is what it does not.

import { describe, expect, test } from "vitest";
import { Event, TcpState } from "../../../host/abi.js";
import { ports, type UnitCore } from "../core.js";
import { arrive, established, inState, place, RCV_NXT, SND_UNA } from "./stage.js";

const functionsOf = (unit: UnitCore) => ({
  ...unit.functions("tcp/ack", "check", "challenge", "advanceUna", "passUna", "boundLife"),
  ...unit.functions("lib/clock", "advanceClock"),
});

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
    expect((t.bits & core.bit("OWES_ACK")) !== 0).toBe(!acceptable);
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

  test("and from an older one whose ACK is news, so that the right edge is one that the peer announced", () => {
    const { core, at, t, ack } = sending();
    arrive(core, { seq: RCV_NXT - 1, ack: SND_UNA + 400, window: 7792 });
    expect(ack.check(at)).toBe(true);
    expect([t.sndUna + t.sndWnd, t.sndWndMax]).toEqual([SND_UNA + 8192, 8192]);
  });

  test("a window that shuts is counted once, one that opens begins again at SND.UNA", () => {
    const { core, at, t, ack } = sending();
    t.bits |= core.bit("TIMES_RETRANSMIT");
    for (const window of [0, 0]) {
      arrive(core, { window });
      ack.check(at);
      expect([t.sndWnd, t.zeroWindows]).toEqual([0, 1]);
    }
    t.backoff = 5;
    arrive(core, { window: 3000 });
    ack.check(at);
    expect([t.sndWnd, t.zeroWindows, t.sndNxt, t.backoff]).toEqual([3000, 1, SND_UNA, 0]);
    expect(t.bits & core.bit("TIMES_RETRANSMIT")).not.toBe(0);
    expect(core.state.readyHead).toBe(at);
  });

  test("an opened window begins again with a FIN, too, when it was all that waited", () => {
    const { core, at, t } = inState(TcpState.LAST_ACK);
    Object.assign(t, { sndWnd: 0, sndNxt: SND_UNA + 1, sndMax: SND_UNA + 1, backoff: 5 });
    arrive(core, { window: 1 });
    expect(functionsOf(core).check(at)).toBe(true);
    expect([t.sndNxt, t.backoff, core.state.readyHead]).toEqual([SND_UNA, 0, at]);
  });

  test("with all written acknowledged, a connection that has to end with a reset does", () => {
    const { core, at, t, ack } = sending();
    t.bits |= core.bit("RESETS");
    t.sndNxt = t.sndMax = SND_UNA + 1500;
    arrive(core, { ack: SND_UNA + 1499 });
    expect(ack.check(at)).toBe(true);
    expect(t.bits & core.bit("OWES_RESET")).toBe(0);
    arrive(core, { ack: SND_UNA + 1500 });
    expect(ack.check(at)).toBe(false);
    expect(t.bits & core.bit("OWES_RESET")).not.toBe(0);
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
    expect(core.segment.outFlags & 4).toBe(refused ? 4 : 0);
  });
});

describe("duplicate ACKs (RFC 5681 section 2)", () => {
  test.each([
    ["nothing new and nothing else", {}, 1],
    ["data", { payload: Uint8Array.of(1) }, 0],
    ["a FIN", { flags: "FA" }, 0],
    ["another window", { window: 8191 }, 0],
    ["a new ACK", { ack: SND_UNA + 1 }, 0],
    ["an old ACK", { ack: SND_UNA - 1 }, 0],
  ] as const)("with %s", (_what, spec, counted) => {
    const { core, at, t, ack } = sending();
    arrive(core, spec);
    ack.check(at);
    expect(t.duplicateAcks).toBe(counted);
  });

  test("none while nothing is out, nor while the window is shut", () => {
    const { core, at, t, ack } = sending();
    t.sndWnd = 0;
    arrive(core, { window: 0 });
    ack.check(at);
    expect(t.duplicateAcks).toBe(0);
    [t.sndWnd, t.sndNxt, t.sndMax] = [8192, SND_UNA, SND_UNA];
    arrive(core, {});
    ack.check(at);
    expect(t.duplicateAcks).toBe(0);
  });

  test("the third tells of a loss, once; they are counted up to 255", () => {
    const { core, at, t, ack } = sending();
    for (let number = 1; number <= 300; number++) {
      arrive(core, {});
      expect(ack.check(at)).toBe(true);
      expect(t.duplicateAcks).toBe(Math.min(number, 255));
      expect((t.bits & core.bit("OWES_REPAIR")) !== 0).toBe(number >= 3);
    }
    expect(core.counters()).toEqual({ TCP_FAST_RETRANSMITS: 1 });
  });

  test("not as long as an earlier loss is not behind us (RFC 6582)", () => {
    const { core, at, t, ack } = sending();
    t.bits |= core.bit("RECOVER");
    for (let number = 1; number <= 4; number++) {
      arrive(core, {});
      ack.check(at);
    }
    expect(t.bits & core.bit("OWES_REPAIR")).toBe(0);
    expect(core.counters()).toEqual({});
  });
});

describe("challenge (RFC 5961 section 7)", () => {
  test("some at once, then about two a second, for each connection by itself", () => {
    const { core, at, t } = established();
    const { challenge, advanceClock } = functionsOf(core);
    const owed = (who: { bits: number }, where: number) => {
      who.bits = 0;
      challenge(where);
      return (who.bits & core.bit("OWES_ACK")) !== 0;
    };
    const burst = Array.from({ length: 100 }, () => owed(t, at)).filter((yes) => yes).length;
    expect(burst).toBeGreaterThanOrEqual(6);
    expect(burst).toBeLessThanOrEqual(17);
    expect(core.counters()).toEqual({ TCP_CHALLENGE_LIMITED: 100 - burst });
    const other = place(core, TcpState.ESTABLISHED, ports(40001, 80));
    expect(owed(other.t, other.at)).toBe(true);
    const gaps: number[] = [];
    let last = 0;
    for (let now = 1; now <= 60000; now++) {
      advanceClock(now);
      if (!owed(t, at)) continue;
      if (last) gaps.push(now - last);
      last = now;
    }
    // 256 to 767 ms each.
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(256);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(767);
    expect(gaps.length).toBeGreaterThan(60000 / 767 - 2);
    // Nobody can tell when the next one is due.
    expect(new Set(gaps).size).toBeGreaterThan(20);
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

test("advanceUna takes octets out of the ring, and tells of the one beyond them: our FIN", () => {
  const { core, at, t, ack } = sending();
  t.bits |= core.bit("WANT_WRITE");
  expect(ack.advanceUna(at, 100)).toBe(false);
  expect([t.sndUna, t.sendBytes, t.sendHead, t.bytesAcknowledged]).toEqual([SND_UNA + 100, 1400, 4, 100]);
  // Half of the ring was free before: a writer that waits hears of it.
  expect([t.events, t.bits & core.bit("WANT_WRITE")]).toEqual([Event.WRITABLE, 0]);
  t.sndMax = SND_UNA + 1501;
  expect(ack.advanceUna(at, 1400)).toBe(false);
  expect(t.sendBytes).toBe(0);
  expect(ack.advanceUna(at, 1)).toBe(true);
  expect([t.sndUna, t.sendBytes, t.bytesAcknowledged]).toEqual([SND_UNA + 1501, 0, 1500]);
});

test.each([
  ["nothing", {}, false],
  ["more data", { sendBytes: 1 }, true],
  ["a keepalive", { keepaliveMs: 1000 }, true],
] as const)("passUna of all that was out, with %s left to do: a turn %s", (_what, fields, ready) => {
  const { core, at, t, ack } = sending();
  Object.assign(t, { sendBytes: 0, ...fields });
  ack.passUna(at, 1000);
  expect(core.state.readyHead).toBe(ready ? at : 0);
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
