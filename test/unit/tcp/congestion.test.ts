// Congestion control as formulas: RFC 5681, 6582, 3042, 6928. Whole recoveries are in test/script and in the simulator.

import { describe, expect, test } from "vitest";
import { bitsOf, established, SND_UNA } from "./stage.js";

const MSS = 1000;
const RING = 2 ** 20;

/** A connection with `flight` octets out, this window and threshold. */
function flying(flight: number, cwnd: number, ssthresh: number, config = {}) {
  const placed = established({ sendRingBytes: RING, connections: 1, ...config });
  const { core, t } = placed;
  Object.assign(t, {
    sndNxt: SND_UNA + flight,
    sndMax: SND_UNA + flight,
    sendBytes: flight,
    sndWnd: 2 ** 24,
  });
  [t.congestionWindow, t.slowStartThreshold] = [cwnd, ssthresh];
  const congestion = core.functions(
    "tcp/congestion",
    ...(["begin", "window", "afterIdle", "onAck", "onLoss", "onTimeout"] as const),
  );
  const { advanceClock } = core.functions("lib/clock", "advanceClock");
  return { ...placed, ...congestion, advanceClock };
}

/** SND.UNA moves on by this. */
function acknowledge(placed: ReturnType<typeof flying>, octets: number): void {
  const { t, at } = placed;
  t.sndUna += octets;
  placed.onAck(at, octets);
}

describe("begin: the initial window (RFC 6928 section 2)", () => {
  test.each([
    // min(10 * MSS, max(2 * MSS, 14600))
    [536, 5360],
    [1000, 10000],
    [1460, 14600],
    [1461, 14600],
    [7300, 14600],
    [9000, 18000],
    [48, 480],
  ])("with an MSS of %i: %i octets", (mss, wanted) => {
    const { at, t, begin } = flying(0, 1, 1);
    t.sndMss = mss;
    begin(at);
    expect(t.congestionWindow).toBe(wanted);
    // As high as any window may be (RFC 5681 section 3.1).
    expect(t.slowStartThreshold).toBeGreaterThanOrEqual(2 ** 30);
  });

  test("one segment after a SYN that was lost (RFC 5681 section 3.1)", () => {
    const { at, t, begin } = flying(0, 1, 1);
    t.retransmits = 1;
    begin(at);
    expect(t.congestionWindow).toBe(MSS);
  });
});

describe("onAck", () => {
  test.each([
    // Slow start: min(N, SMSS), equation 2.
    [4000, 8000, 1, 4001],
    [4000, 8000, 999, 4999],
    [4000, 8000, 1000, 5000],
    [4000, 8000, 4000, 5000],
    [7999, 8000, 1000, 8999],
    // Congestion avoidance: SMSS * SMSS / cwnd, equation 3, and one at least.
    [8000, 8000, 1000, 8125],
    [8000, 4000, 4000, 8125],
    [1000000, 4000, 1000, 1000001],
    [1048500, 4000, 1000, 1048501],
  ])("cwnd %i, ssthresh %i, %i octets acknowledged: %i", (cwnd, ssthresh, acked, wanted) => {
    const placed = flying(5000, cwnd, ssthresh);
    placed.t.duplicateAcks = 2;
    acknowledge(placed, acked);
    expect([placed.t.congestionWindow, placed.t.duplicateAcks]).toEqual([wanted, 0]);
  });

  test("never beyond what the ring can fill", () => {
    const placed = flying(4000, 3999, 2 ** 30, { sendRingBytes: 4096 });
    acknowledge(placed, 1000);
    expect(placed.t.congestionWindow).toBe(4096);
  });

  test("a window's worth of ACKs adds a segment in congestion avoidance", () => {
    const placed = flying(100000, 10000, 5000);
    for (let ack = 0; ack < 10; ack++) acknowledge(placed, 1000);
    expect(placed.t.congestionWindow).toBeGreaterThan(10900);
    expect(placed.t.congestionWindow).toBeLessThanOrEqual(11000);
  });
});

describe("onLoss (RFC 5681 section 3.2)", () => {
  test.each([
    // Equation 4: max(FlightSize / 2, 2 * SMSS).
    [10000, 20000, 5000],
    [10001, 20000, 5000],
    [4000, 20000, 2000],
    [1000, 20000, 2000],
    // What limited transmit sent beyond the window does not count.
    [12000, 10000, 5000],
  ])("%i octets out, cwnd %i: half is %i", (flight, cwnd, half) => {
    const { core, at, t, onLoss } = flying(flight, cwnd, 2 ** 30);
    t.bits |= core.bit("RTT_TIMING");
    onLoss(at);
    expect([t.slowStartThreshold, t.congestionWindow, t.rttSeq]).toEqual([half, half, SND_UNA + flight]);
    expect(t.bits).toBe(bitsOf(core, "RECOVER RECOVERING OWES_REPAIR"));
  });
});

describe("recovery (RFC 6582)", () => {
  /** Ten segments out, the first of which is lost: the third duplicate ACK was here. */
  function recovering() {
    const placed = flying(10000, 10000, 2 ** 30);
    placed.t.duplicateAcks = 3;
    placed.onLoss(placed.at);
    placed.t.bits &= ~placed.core.bit("OWES_REPAIR");
    return placed;
  }

  test("each duplicate ACK inflates the window by a segment (step 3.2, and 5681's step 4)", () => {
    const { at, t, window } = recovering();
    expect(window(at)).toBe(5000 + 3 * MSS);
    t.duplicateAcks = 9;
    expect(window(at)).toBe(5000 + 9 * MSS);
  });

  test("a partial ACK asks for the next hole; the window gives way, and a segment is added back (step 3)", () => {
    const placed = recovering();
    const { core, at, t, window } = placed;
    t.duplicateAcks = 8;
    const before = window(at);
    acknowledge(placed, 3000);
    expect(t.bits & bitsOf(core, "RECOVERING OWES_REPAIR")).toBe(bitsOf(core, "RECOVERING OWES_REPAIR"));
    expect(window(at)).toBe(before - 3000 + MSS);
    expect(t.congestionWindow).toBe(5000);
    // Less than a segment adds none back; the window is kept in segments, and so is right within one.
    const between = window(at);
    acknowledge(placed, 400);
    expect(Math.abs(window(at) - (between - 400))).toBeLessThan(MSS);
  });

  test("the window never gives way below what is left of it", () => {
    const placed = recovering();
    placed.t.duplicateAcks = 3;
    acknowledge(placed, 9000);
    expect(placed.window(placed.at)).toBe(5000);
  });

  test.each([
    // min(ssthresh, max(FlightSize, SMSS) + SMSS): nothing is out after it, three segments are.
    [0, 2000],
    [3000, 4000],
    [9000, 5000],
  ])("an ACK of all that was out ends it: with %i octets more out the window is %i", (more, wanted) => {
    const placed = recovering();
    const { core, t } = placed;
    t.sndMax += more;
    t.sndNxt = t.sndMax;
    acknowledge(placed, 10000);
    expect([t.congestionWindow, t.duplicateAcks]).toEqual([wanted, 0]);
    expect(t.bits & bitsOf(core, "RECOVERING OWES_REPAIR")).toBe(0);
    // Duplicates of what stood at `recover` itself may still come (section 3.2, step 1): it takes one octet more.
    expect(t.bits & core.bit("RECOVER")).not.toBe(0);
    if (more === 0) return;
    acknowledge(placed, 1);
    expect(t.bits & core.bit("RECOVER")).toBe(0);
  });

  test("across the end of the sequence space", () => {
    const placed = recovering();
    const { core, t } = placed;
    [t.sndUna, t.sndMax, t.sndNxt, t.rttSeq] = [0xfffff000, 0x1000, 0x1000, 0x1000];
    acknowledge(placed, 0x1000);
    expect(t.sndUna).toBe(0);
    expect(t.bits & bitsOf(core, "RECOVERING OWES_REPAIR")).toBe(bitsOf(core, "RECOVERING OWES_REPAIR"));
    acknowledge(placed, 0x1000);
    expect(t.bits & core.bit("RECOVERING")).toBe(0);
  });
});

describe("onTimeout (RFC 5681 section 3.1)", () => {
  test("one segment, half of the flight as threshold; once, not for each back-off", () => {
    const { core, at, t, onTimeout } = flying(10000, 10000, 2 ** 30);
    t.bits |= bitsOf(core, "RECOVERING OWES_REPAIR RTT_TIMING");
    t.duplicateAcks = 7;
    onTimeout(at);
    expect([t.congestionWindow, t.slowStartThreshold, t.duplicateAcks]).toEqual([MSS, 5000, 0]);
    expect([t.bits, t.rttSeq]).toEqual([core.bit("RECOVER"), SND_UNA + 10000]);
    t.retries = 1;
    onTimeout(at);
    expect([t.congestionWindow, t.slowStartThreshold]).toEqual([MSS, 5000]);
  });

  test("duplicate ACKs after it inflate nothing", () => {
    const { at, t, onTimeout, window } = flying(10000, 10000, 2 ** 30);
    onTimeout(at);
    t.duplicateAcks = 5;
    expect(window(at)).toBe(MSS);
  });
});

describe("window", () => {
  test("limited transmit: a segment for each of the first two duplicate ACKs (RFC 3042)", () => {
    const { at, t, window } = flying(10000, 10000, 2 ** 30);
    for (const [duplicates, wanted] of [
      [0, 10000],
      [1, 11000],
      [2, 12000],
    ] as const) {
      t.duplicateAcks = duplicates;
      expect(window(at)).toBe(wanted);
    }
  });

  test("the peer's window is the limit", () => {
    const { at, t, window } = flying(10000, 10000, 2 ** 30);
    [t.sndWnd, t.duplicateAcks] = [9999, 2];
    expect(window(at)).toBe(9999);
  });
});

describe("afterIdle (RFC 5681 section 4.1)", () => {
  test.each([
    [1000, 0, 50000, 50000],
    [1001, 0, 50000, 10000],
    // What is less than the initial window stays.
    [60000, 0, 3000, 3000],
    // Something is out: not idle.
    [60000, 1, 50000, 50000],
  ])("silent for %i ms with an RTO of 1000, %i out: %i becomes %i", (silence, flight, cwnd, wanted) => {
    const placed = flying(flight, cwnd, 2 ** 30);
    placed.advanceClock(silence);
    placed.afterIdle(placed.at);
    expect(placed.t.congestionWindow).toBe(wanted);
    expect(placed.window(placed.at)).toBe(wanted);
  });
});
