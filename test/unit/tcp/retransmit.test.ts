// When the timer runs and what it does is in test/script/retransmit.script.ts; here are RFC 6298's numbers.

import { beforeEach, describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { type Tcb, UnitCore } from "../core.js";

let core: UnitCore;
let at: number;
let t: Tcb;
let rto: ReturnType<typeof functionsOf>;
let timing: number;

function functionsOf(unit: UnitCore) {
  return {
    ...unit.functions("tcp/retransmit", "begin", "timeout", "startTiming", "stopTiming", "start", "restart"),
    ...unit.functions("tcp/retransmit", "established", "arm", "sample"),
    ...unit.functions("lib/clock", "advanceClock"),
  };
}

function boot(rtoMinMs: number, now = 0): void {
  core = new UnitCore({ rtoMinMs }, now);
  rto = functionsOf(core);
  at = core.functions("tcp/tcb", "allocate").allocate();
  t = core.tcb(at);
  timing = core.bit("RTT_TIMING");
  rto.begin(at);
}

beforeEach(() => boot(1));

/** One measurement of `rttMs`. */
function sample(rttMs: number): void {
  const end = (t.sndUna + 100) >>> 0;
  rto.startTiming(at, end);
  rto.advanceClock((core.state.hostNow + rttMs) >>> 0);
  t.sndUna = end;
  rto.stopTiming(at);
}

test("before the first sample the RTO is a second (section 2.1)", () => {
  expect(t.rtoMs).toBe(1000);
  expect(rto.timeout(at)).toBe(1000);
  expect(t.srtt8).toBe(0);
});

describe("the first sample R: SRTT = R, RTTVAR = R / 2, RTO = SRTT + 4 RTTVAR (section 2.2)", () => {
  test.each([1, 2, 3, 10, 100, 999, 10000])("of %i ms", (rtt) => {
    sample(rtt);
    expect([t.srtt8 / 8, t.rttVar4 / 4, t.rtoMs]).toEqual([rtt, rtt / 2, 3 * rtt]);
  });

  test("of less than a millisecond counts as one", () => {
    sample(0);
    expect([t.srtt8 / 8, t.rttVar4 / 4, t.rtoMs]).toEqual([1, 0.5, 3]);
  });
});

describe("further samples (section 2.3)", () => {
  test("by hand: 100, then 100, then 180 ms", () => {
    sample(100);
    sample(100);
    // RTTVAR = 3/4 * 50 + 1/4 * |100 - 100| = 37.5, SRTT = 100
    expect([t.srtt8 / 8, t.rttVar4 / 4, t.rtoMs]).toEqual([100, 37.5, 250]);
    sample(180);
    // RTTVAR = 3/4 * 37.5 + 1/4 * 80 = 48.125, in quarters with a shift: 48.25; SRTT = 7/8 * 100 + 1/8 * 180 = 110
    expect([t.srtt8 / 8, t.rttVar4 / 4, t.rtoMs]).toEqual([110, 48.25, 303]);
  });

  test("random: never further from the RFC's formulas than the shifts round", () => {
    const prng = new Prng(1);
    for (let series = 0; series < 50; series++) {
      boot(1, prng.next());
      const usual = 1 + prng.below(2000);
      let srtt = 0;
      let rttVar = 0;
      for (let round = 0; round < 60; round++) {
        const rtt = Math.max(1, usual + prng.below(usual) - Math.floor(usual / 2));
        if (round === 0) [srtt, rttVar] = [rtt, rtt / 2];
        else {
          rttVar = 0.75 * rttVar + 0.25 * Math.abs(srtt - rtt);
          srtt = 0.875 * srtt + 0.125 * rtt;
        }
        sample(rtt);
        // Each shift cuts off less than one unit; what it cut off before decays: 1 ms / gain at most, twice.
        expect(Math.abs(t.srtt8 / 8 - srtt), `${round}: SRTT`).toBeLessThan(2);
        expect(Math.abs(t.rttVar4 / 4 - rttVar), `${round}: RTTVAR`).toBeLessThan(2);
        expect(Math.abs(t.rtoMs - Math.min(srtt + 4 * rttVar, 60000)), `${round}: RTO`).toBeLessThan(10);
      }
    }
  });

  test("a steady round trip leaves the RTO above it", () => {
    for (let round = 0; round < 200; round++) sample(50);
    expect(t.srtt8).toBe(400);
    expect(t.rtoMs).toBeGreaterThan(50);
  });
});

describe("bounds (sections 2.4 and 2.5)", () => {
  test.each([1, 200, 1000, 5000])("never less than the configured %i ms", (least) => {
    boot(least);
    sample(1);
    expect(t.rtoMs).toBe(Math.max(least, 3));
    for (let round = 0; round < 50; round++) sample(1);
    // RTTVAR stays at half a millisecond: a quarter of it is less than the shift can take away.
    expect(t.rtoMs).toBe(Math.max(least, 3));
  });

  test("never more than a minute", () => {
    sample(30000);
    expect(t.rtoMs).toBe(60000);
    // A round trip above the longest RTO is no measurement: the peer echoed something else.
    sample(60001);
    sample(1000000);
    expect([t.srtt8 / 8, t.rtoMs]).toEqual([30000, 60000]);
    sample(60000);
    expect([t.srtt8 / 8, t.rtoMs]).toEqual([30000 + 30000 / 8, 60000]);
  });

  test("a least RTO above a minute is cut to a minute", () => {
    boot(2 ** 24 - 1);
    sample(10);
    expect(t.rtoMs).toBe(60000);
  });
});

describe("back-off (section 5.5)", () => {
  test("doubles up to a minute", () => {
    const wanted = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 60, 60].map((seconds) => seconds * 1000);
    const is = wanted.map((_, backoff) => {
      t.backoff = backoff;
      return rto.timeout(at);
    });
    expect(is).toEqual(wanted);
  });

  test("does not overflow", () => {
    sample(60000);
    t.backoff = 13;
    expect(rto.timeout(at)).toBe(60000);
  });

  test("a sample ends it", () => {
    t.backoff = 5;
    sample(100);
    expect(t.backoff).toBe(0);
    expect(rto.timeout(at)).toBe(300);
  });
});

describe("timing", () => {
  test("one measurement at a time", () => {
    t.sndUna = 1000;
    rto.startTiming(at, 1100);
    rto.advanceClock(50);
    rto.startTiming(at, 1200);
    expect([t.rttSeq, t.timedAt]).toEqual([1100, 0]);
    t.sndUna = 1099;
    rto.stopTiming(at);
    expect(t.bits & timing).toBe(timing);
    expect(t.srtt8).toBe(0);
    t.sndUna = 1150;
    rto.stopTiming(at);
    expect(t.bits & timing).toBe(0);
    expect(t.srtt8).toBe(400);
  });

  test("without a measurement there is no sample", () => {
    rto.advanceClock(50);
    rto.stopTiming(at);
    expect([t.srtt8, t.rtoMs]).toEqual([0, 1000]);
  });

  test("over the wraps of clock and sequence numbers", () => {
    boot(1, 0xffffffff - 20);
    t.sndUna = 0xffffffc0;
    sample(100);
    expect(t.sndUna).toBe(0x24);
    expect(t.srtt8).toBe(800);
  });
});

describe("the timer", () => {
  test("start leaves one that runs alone, restart does not", () => {
    rto.start(at);
    expect(t.bits & core.bit("TIMES_RETRANSMIT")).not.toBe(0);
    expect([t.retransmitAt, core.state.nextTimer]).toEqual([1000, 1000]);
    rto.advanceClock(400);
    rto.start(at);
    expect(t.retransmitAt).toBe(1000);
    rto.restart(at);
    expect(t.retransmitAt).toBe(1400);
  });

  test("arm says when", () => {
    rto.advanceClock(7);
    rto.arm(at, 0);
    expect([t.retransmitAt, core.state.nextTimer]).toEqual([7, 7]);
    rto.arm(at, 2 ** 24 - 1);
    expect(t.retransmitAt).toBe(7 + 2 ** 24 - 1);
    expect(t.bits & core.bit("TIMES_RETRANSMIT")).not.toBe(0);
  });

  test.each([
    // Nothing was lost yet: all of it is left.
    [0, 300, 0, 300],
    [0, 5000, 0, 1000],
    // A time-out goes on: what is left since the first.
    [1, 2500, 600, 1000],
    [1, 1500, 600, 900],
    [1, 700, 600, 100],
  ])("with %i retries and a user timeout of %i ms, %i ms gone: in %i ms", (retries, timeout, gone, ms) => {
    Object.assign(t, { retries, userTimeoutMs: timeout, timedAt: 0 });
    rto.advanceClock(gone);
    rto.restart(at);
    expect(t.retransmitAt - gone).toBe(ms);
  });
});

test.each([
  // RFC 6298 section 5.7: a SYN that was lost, and no sample: 3 seconds.
  [0, 0, 1000],
  [1, 0, 3000],
  [1, 80, 1000],
])("established after %i retransmissions with an SRTT of %i eighths: RTO %i ms", (retransmits, srtt8, ms) => {
  Object.assign(t, { retransmits, srtt8, backoff: 0 });
  rto.established(at);
  expect(rto.timeout(at)).toBe(ms);
});

test("those 3 seconds are not backed off by what the SYN met", () => {
  Object.assign(t, { retransmits: 2, backoff: 2 });
  rto.established(at);
  expect(rto.timeout(at)).toBe(3000);
});

describe("timestamps (RFC 7323 section 4)", () => {
  /** An ACK of 100 octets whose TSecr left `ago` milliseconds ago. */
  function acknowledge(ago: number, agreed = true): void {
    const { clock } = core.functions("tcp/timestamps", "clock");
    if (agreed) t.bits |= core.agreed("TIMESTAMPS");
    Object.assign(core.segment, { options: core.agreed("TIMESTAMPS"), remoteAddress: 7, ports: 9 });
    core.segment.tsEcho = clock() - ago;
    t.sndUna = (t.sndUna + 100) >>> 0;
    rto.stopTiming(at);
  }

  test("give a sample while nothing is timed, also of what was sent again", () => {
    acknowledge(80);
    expect([t.srtt8 / 8, t.rtoMs]).toEqual([80, 240]);
    t.retries = 3;
    acknowledge(80);
    expect(t.srtt8 / 8).toBe(80);
  });

  test("not of a part of what is timed: one sample for each flight", () => {
    rto.startTiming(at, t.sndUna + 200);
    acknowledge(80);
    expect(t.srtt8).toBe(0);
    acknowledge(80);
    expect([t.srtt8 / 8, t.bits & timing]).toEqual([80, 0]);
  });

  test("are not looked at without agreement, and a lie is no sample", () => {
    acknowledge(80, false);
    expect(t.srtt8).toBe(0);
    for (const lie of [60001, 2 ** 31, -1]) acknowledge(lie);
    expect(t.srtt8).toBe(0);
  });
});

test.each([
  ["RECOVER", 0],
  ["RTT_TIMING", 0],
  ["FIN_QUEUED", 1],
  ["OWES_ACK", 1],
])("with %s startTiming starts %i", (bit, starts) => {
  t.bits |= core.bit(bit);
  t.rttSeq = 5;
  rto.startTiming(at, 1100);
  expect(t.rttSeq).toBe(starts ? 1100 : 5);
});

test("while time-outs go on nothing is timed", () => {
  t.retries = 1;
  rto.startTiming(at, 1100);
  expect(t.bits & timing).toBe(0);
});

test("sample takes a round trip as it is", () => {
  rto.sample(at, 25);
  expect([t.srtt8 / 8, t.rtoMs]).toEqual([25, 75]);
  rto.sample(at, 0);
  // |25 - 1| = 24: RTTVAR = 3/4 * 12.5 + 1/4 * 24 = 15.375, SRTT = 7/8 * 25 + 1/8 = 22
  expect([t.srtt8 / 8, Math.abs(t.rttVar4 / 4 - 15.375) < 0.25]).toEqual([22, true]);
});
