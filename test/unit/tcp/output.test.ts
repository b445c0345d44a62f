// What leaves and when is what the packet scripts (test/script) are about; here is what happens when nothing may leave.

import { describe, expect, test } from "vitest";
import { Status, TcpState } from "../../../host/abi.js";
import { decode } from "../../../host/packet/index.js";
import { address, PEER, ports, type UnitCore } from "../core.js";
import { bitsOf, established, inState, place, RCV_NXT, ringsOf, SND_UNA } from "./stage.js";

const functionsOf = (unit: UnitCore) => unit.functions("tcp/output", "turn", "arpSettled", "owesFin");

/** The length of the next frame: connections take turns. */
function nextBytes(core: UnitCore): number {
  const { takeReady } = core.functions("net/socket", "takeReady");
  for (let at = takeReady(); at; at = takeReady()) {
    const bytes = functionsOf(core).turn(at);
    if (bytes) return bytes;
  }
  return 0;
}

/** The next segment, or undefined. */
function next(core: UnitCore) {
  const bytes = nextBytes(core);
  if (!bytes) return undefined;
  const packet = decode(core.outputFrame(bytes));
  expect(packet.problems).toEqual([]);
  if (packet.kind !== "tcp") throw new Error(packet.kind);
  return packet.tcp;
}

const makeReady = (core: UnitCore, at: number) => core.functions("net/socket", "makeReady").makeReady(at);

describe("turn", () => {
  test("nobody has anything", () => {
    const { core, at } = established();
    expect(next(core)).toBeUndefined();
    makeReady(core, at);
    expect(next(core)).toBeUndefined();
    expect(core.state.readyHead).toBe(0);
  });

  test("connections take turns, a segment each", () => {
    const { core, at, t } = established();
    const other = place(core, TcpState.ESTABLISHED, ports(40001, 80));
    for (const one of [t, other.t]) one.sendBytes = 2500;
    makeReady(core, at);
    makeReady(core, other.at);
    const sent = Array.from({ length: 5 }, () => next(core));
    expect(sent.map((tcp) => tcp?.destinationPort)).toEqual([40000, 40001, 40000, 40001, undefined]);
    // The last 500 of each wait for an ACK: Nagle's algorithm.
    expect(sent.slice(0, 4).map((tcp) => tcp?.payload.length)).toEqual([1000, 1000, 1000, 1000]);
    expect([sent[0]?.seq, sent[2]?.seq]).toEqual([SND_UNA, SND_UNA + 1000]);
    t.bits |= core.bit("FIN_QUEUED");
    t.state = TcpState.FIN_WAIT_1;
    makeReady(core, at);
    expect(next(core)).toMatchObject({ seq: SND_UNA + 2000, flags: 16 | 8 | 1 });
  });

  test("data comes from the ring, around its end, and from where SND.NXT is", () => {
    const { core, at, t } = established();
    t.sendHead = 4090;
    t.sendBytes = 20;
    const { send } = ringsOf({ core, at, t });
    for (let index = 0; index < 20; index++) core.memory[send + ((4090 + index) % 4096)] = index + 1;
    makeReady(core, at);
    const tcp = next(core);
    expect(tcp).toMatchObject({ seq: SND_UNA, ack: RCV_NXT, flags: 16 | 8 });
    expect(Array.from(tcp?.payload ?? [])).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect([t.sndNxt, t.sndMax, t.rttSeq]).toEqual([SND_UNA + 20, SND_UNA + 20, SND_UNA + 20]);
  });

  test("an ACK stands where the peer finds it acceptable: after a time-out, and at a shut window", () => {
    const { core, at, t } = established();
    for (const [nxt, max, wnd, seq] of [
      [0, 1000, 8192, 1000],
      [1000, 1000, 8192, 1000],
      [1, 1, 0, 0],
      [1000, 1000, 400, 400],
    ] as const) {
      t.sendBytes = 0;
      t.acksOwed = 1;
      [t.sndNxt, t.sndMax, t.sndWnd] = [SND_UNA + nxt, SND_UNA + max, wnd];
      makeReady(core, at);
      expect(next(core)).toMatchObject({ seq: SND_UNA + seq, flags: 16 });
    }
  });

  test("a record that was given back is passed by", () => {
    const { core, at, t } = established();
    t.sendBytes = 10;
    makeReady(core, at);
    t.state = TcpState.CLOSED;
    expect(next(core)).toBeUndefined();
  });

  test("data that a shut window holds back starts the timer", () => {
    const { core, at, t } = established();
    t.sendBytes = 10;
    t.sndWnd = 0;
    makeReady(core, at);
    expect(next(core)).toBeUndefined();
    expect(t.bits & core.bit("TIMES_RETRANSMIT")).not.toBe(0);
  });

  test.each([
    [0, 500, 0],
    [999, 500, 500],
    // The window of the peer or the network's, whichever is less; a part goes when it is half of any window so far.
    [8192, 4096, 4096],
    [8192, 2500, 2000],
    [4097, 8192, 4096],
  ])("a window of %i and a congestion window of %i: %i octets leave", (wnd, cwnd, sent) => {
    const { core, at, t } = established();
    t.sendBytes = 4096;
    [t.sndWnd, t.congestionWindow, t.bits] = [wnd, cwnd, core.bit("NO_DELAY")];
    if (wnd === 999) t.sndWndMax = 1000;
    makeReady(core, at);
    let octets = 0;
    for (let tcp = next(core); tcp; tcp = next(core)) octets += tcp.payload.length;
    expect(octets).toBe(sent);
  });

  test.each([
    ["Nagle's algorithm holds a part back while anything is out", "", undefined],
    ["NO_DELAY does not", "NO_DELAY", SND_UNA + 1000],
    ["nor does a FIN that follows", "FIN_QUEUED", SND_UNA + 1000],
  ])("%s", (_what, bits, seq) => {
    const { core, at, t } = established();
    t.sendBytes = 1001;
    t.sndNxt = t.sndMax = SND_UNA + 1000;
    if (bits) t.bits |= core.bit(bits);
    makeReady(core, at);
    expect(next(core)?.seq).toBe(seq);
  });

  test("a repair is the segment at SND.UNA, wherever SND.NXT is, and moves nothing", () => {
    const { core, at, t } = established();
    t.sendBytes = 3000;
    t.sndNxt = t.sndMax = SND_UNA + 3000;
    t.bits |= bitsOf(core, "OWES_REPAIR RTT_TIMING TIMES_RETRANSMIT");
    makeReady(core, at);
    expect(next(core)).toMatchObject({ seq: SND_UNA, payload: { length: 1000 } });
    expect(next(core)).toBeUndefined();
    expect([t.sndNxt, t.sndMax, t.retransmits]).toEqual([SND_UNA + 3000, SND_UNA + 3000, 1]);
    // Karn's algorithm.
    expect(t.bits & bitsOf(core, "RTT_TIMING OWES_REPAIR")).toBe(0);
    expect(core.counters()).toMatchObject({ TCP_RETRANSMITS: 1 });
  });

  test("a probe is an octet through a shut window", () => {
    const { core, at, t } = established();
    Object.assign(t, { sendBytes: 100, sndWnd: 0, bits: core.bit("OWES_PROBE") });
    makeReady(core, at);
    expect(next(core)).toMatchObject({ seq: SND_UNA, payload: { length: 1 } });
    expect(next(core)).toBeUndefined();
    expect(core.counters()).toMatchObject({ TCP_PROBES: 1 });
  });

  test.each([
    // A FIN takes a number, and so a place in the window.
    [10, 10, false],
    [10, 11, true],
    [0, 0, false],
    [0, 1, true],
  ])("behind %i octets a FIN goes into a window of %i: %s", (sendBytes, wnd, goes) => {
    const { core, at, t } = inState(TcpState.FIN_WAIT_1);
    Object.assign(t, { sendBytes, sndWnd: wnd, sndWndMax: Math.max(wnd, 1) });
    t.bits |= core.bit("FIN_QUEUED");
    makeReady(core, at);
    const sent = [next(core), next(core)].filter((tcp) => tcp !== undefined);
    expect(sent.some((tcp) => (tcp.flags & 1) !== 0)).toBe(goes);
    expect(sent.reduce((sum, tcp) => sum + tcp.payload.length, 0)).toBe(sendBytes);
    // One that waits has the persist timer.
    expect(t.bits & core.bit("TIMES_RETRANSMIT")).not.toBe(0);
  });

  test("a FIN alone probes a shut window", () => {
    const { core, at, t } = inState(TcpState.LAST_ACK);
    Object.assign(t, { sndWnd: 0, bits: bitsOf(core, "FIN_QUEUED OWES_PROBE") });
    makeReady(core, at);
    expect(next(core)).toMatchObject({ seq: SND_UNA, flags: 16 | 1, payload: { length: 0 } });
    expect(t.sndMax).toBe(SND_UNA + 1);
  });

  test("a probe with nothing to send is a keepalive: empty, at SND.NXT - 1 (RFC 9293 section 3.8.4)", () => {
    const { core, at, t } = established();
    t.bits |= core.bit("OWES_PROBE");
    makeReady(core, at);
    expect(next(core)).toMatchObject({ seq: SND_UNA - 1, ack: RCV_NXT, flags: 16, payload: { length: 0 } });
    expect(core.counters()).toEqual({ TCP_KEEPALIVES: 1, TCP_SEGMENTS_OUT: 1 });
    expect(next(core)).toBeUndefined();
    expect([t.sndNxt, t.sndMax]).toEqual([SND_UNA, SND_UNA]);
  });

  test("with nothing to do the keepalive timer starts, when there is one", () => {
    for (const keepaliveMs of [0, 5000]) {
      const { core, at, t } = established();
      t.keepaliveMs = keepaliveMs;
      makeReady(core, at);
      expect(next(core)).toBeUndefined();
      expect([t.bits, t.retransmitAt]).toEqual([keepaliveMs ? core.bit("TIMES_RETRANSMIT") : 0, keepaliveMs]);
    }
  });

  test("URG and the pointer stand in what begins before SND.UP, and in nothing else (section 3.8.5)", () => {
    const { core, at, t } = established();
    t.sendBytes = 3000;
    t.sndUp = SND_UNA + 1500;
    makeReady(core, at);
    const sent = [next(core), next(core), next(core)];
    expect(sent.map((tcp) => [(tcp?.flags ?? 0) & 32, tcp?.urgent])).toEqual([
      [32, 1500],
      [32, 500],
      [0, 0],
    ]);
  });

  test("an urgent pointer further away than 16 bits is 65535", () => {
    const { core, at, t } = established();
    t.sndUp = SND_UNA + 65536;
    t.sendBytes = 1000;
    makeReady(core, at);
    expect(next(core)).toMatchObject({ urgent: 0xffff });
  });

  test("the services octet of the socket is that of its packets", () => {
    const { core, at, t } = established();
    Object.assign(t, { sendBytes: 10, tos: 0xb8 });
    makeReady(core, at);
    const packet = decode(core.outputFrame(nextBytes(core)));
    expect("ipv4" in packet && packet.ipv4.tos).toBe(0xb8);
  });

  test("with agreed timestamps all but a reset carry them (RFC 7323 section 3.2)", () => {
    const { core, at, t } = established();
    t.bits |= core.agreed("TIMESTAMPS");
    Object.assign(t, { sendBytes: 1000, tsRecent: 0x87654321, acksOwed: 1 });
    makeReady(core, at);
    for (const length of [0, 1000]) {
      const tcp = next(core);
      expect([tcp?.payload.length, tcp?.headerBytes]).toEqual([length, 32]);
      expect(tcp?.options).toMatchObject([
        ...[{ kind: "nop" }, { kind: "nop" }, { kind: "timestamps", echo: 0x87654321 }],
      ]);
    }
    core.functions("tcp/ending", "reset").reset(at);
    expect(next(core)).toMatchObject({ flags: 4 | 16, options: [] });
  });

  test("while there is a hole every segment tells of the newest range, and data leaves room for it (RFC 2018)", () => {
    const { core, at, t } = established();
    t.bits |= core.agreed("SACK");
    t.sendBytes = 2000;
    core.functions("tcp/reassembly", "keep").keep(at, RCV_NXT + 100, RCV_NXT + 200);
    makeReady(core, at);
    const tcp = next(core);
    expect(tcp?.options).toContainEqual({
      kind: "sack",
      blocks: [{ left: RCV_NXT + 100, right: RCV_NXT + 200 }],
    });
    // NOP NOP, kind, length and a block: 12 octets of the 1000.
    expect([tcp?.headerBytes, tcp?.payload.length]).toEqual([32, 988]);
  });

  test("duplicate ACKs are sent one by one", () => {
    const { core, at, t } = established();
    t.acksOwed = 3;
    makeReady(core, at);
    for (let index = 0; index < 3; index++) expect(next(core)).toMatchObject({ seq: SND_UNA, flags: 16 });
    expect(next(core)).toBeUndefined();
  });
});

describe("a connection whose neighbour is not known", () => {
  function unknown(state: number) {
    const placed = established();
    placed.t.state = TcpState.CLOSED;
    const { core } = placed;
    const other = place(core, state, ports(40001, 80));
    other.t.remoteAddress = address("10.0.0.77");
    other.t.sendBytes = 10;
    makeReady(core, other.at);
    expect(next(core)).toBeUndefined();
    expect(other.t.bits & core.bit("ARP_WAIT")).not.toBe(0);
    return { ...other, ...functionsOf(core) };
  }

  test("waits, holds nobody up, and tries again when anything is settled", () => {
    const { core, at, t, arpSettled } = unknown(TcpState.ESTABLISHED);
    makeReady(core, at);
    expect(next(core)).toBeUndefined();
    arpSettled(0);
    expect(t.bits & core.bit("ARP_WAIT")).toBe(0);
    expect(core.state.readyHead).toBe(at);
  });

  test("another one's failure is not its own", () => {
    const { core, t, arpSettled } = unknown(TcpState.SYN_SENT);
    arpSettled(address(PEER.address));
    expect(t.state).toBe(TcpState.SYN_SENT);
    expect(core.state.readyHead).not.toBe(0);
  });

  test("its own failure ends an opening, and sets the timer of a connection that has something to send", () => {
    const opening = unknown(TcpState.SYN_SENT);
    opening.arpSettled(address("10.0.0.77"));
    expect([opening.t.state, opening.t.error]).toEqual([TcpState.CLOSED, Status.UNREACHABLE]);
    const later = unknown(TcpState.ESTABLISHED);
    later.arpSettled(address("10.0.0.77"));
    expect([later.t.state, later.t.retries]).toEqual([TcpState.ESTABLISHED, 0]);
    expect(later.t.bits & later.core.bit("TIMES_RETRANSMIT")).not.toBe(0);
  });

  test("a reset waits for nobody", () => {
    const { core, at, t } = unknown(TcpState.ESTABLISHED);
    core.functions("tcp/ending", "reset").reset(at);
    t.kind = core.kind("DETACHED");
    expect(next(core)).toBeUndefined();
    expect([t.state, t.kind]).toEqual([TcpState.CLOSED, 0]);
  });
});

test("a reset of a connection", () => {
  const { core, at, t } = inState(TcpState.ESTABLISHED);
  core.functions("tcp/ending", "reset").reset(at);
  expect(next(core)).toMatchObject({ seq: SND_UNA, ack: RCV_NXT, flags: 4 | 16 });
  expect([t.state, t.error]).toEqual([TcpState.CLOSED, Status.ABORTED]);
});

test.each([
  [TcpState.CLOSING, 1, 0],
  [TcpState.LAST_ACK, 1, 0],
  // Our FIN has not left: the peer has to know.
  [TcpState.CLOSING, 0, 1],
  [TcpState.LAST_ACK, 0, 1],
  [TcpState.CLOSE_WAIT, 0, 1],
  [TcpState.FIN_WAIT_1, 1, 1],
  [TcpState.SYN_SENT, 1, 0],
])("ABORT in state %i with %i octet out sends %i reset (RFC 9293 section 3.10.5)", (state, out, resets) => {
  const { core, at, t } = inState(state);
  t.sndNxt = t.sndMax = SND_UNA + out;
  core.functions("tcp/ending", "reset").reset(at);
  expect(next(core) === undefined).toBe(resets === 0);
  expect([t.state, core.counters().TCP_RESETS_OUT ?? 0]).toEqual([TcpState.CLOSED, resets]);
});

test("owesFin: a FIN belongs behind the data in FIN-WAIT-1, CLOSING and LAST-ACK", () => {
  const { core, at, t } = established();
  const owing = Object.values(TcpState).filter((state) => {
    t.state = state;
    return functionsOf(core).owesFin(at);
  });
  expect(owing.sort((a, b) => a - b)).toEqual([TcpState.FIN_WAIT_1, TcpState.CLOSING, TcpState.LAST_ACK]);
});

describe("a SYN", () => {
  test.each([
    [TcpState.SYN_SENT, 2, 0],
    [TcpState.SYN_RECEIVED, 18, RCV_NXT],
  ])("in state %i: flags %i, our options, and a window that is not scaled", (state, flags, ack) => {
    const { core, at, t } = inState(state, { receiveRingBytes: 2 ** 18 });
    t.bits |= core.agreed("ALL");
    t.tsRecent = 0;
    if (state === TcpState.SYN_SENT) t.rcvNxt = 0;
    t.rcvAdv = t.rcvNxt;
    makeReady(core, at);
    const tcp = next(core);
    expect(tcp).toMatchObject({ seq: SND_UNA, ack, flags, window: 0xffff, headerBytes: 40 });
    expect(tcp?.options.filter(({ kind }) => kind !== "nop")).toMatchObject([
      { kind: "mss", mss: 1460 },
      { kind: "sackPermitted" },
      { kind: "timestamps", echo: 0 },
      { kind: "windowScale", shift: 3 },
    ]);
    expect([t.sndNxt, t.sndMax, next(core)]).toEqual([SND_UNA + 1, SND_UNA + 1, undefined]);
    expect(t.bits & core.bit("TIMES_RETRANSMIT")).not.toBe(0);
  });
});

test("a FIN that waits for a neighbour who is gone, or a keepalive, sets the timer; an ACK alone does not", () => {
  for (const [state, keepaliveMs, timer] of [
    [TcpState.LAST_ACK, 0, "TIMES_RETRANSMIT"],
    [TcpState.ESTABLISHED, 1000, "TIMES_RETRANSMIT"],
    [TcpState.ESTABLISHED, 0, undefined],
  ] as const) {
    const { core, t } = inState(state);
    t.remoteAddress = address("10.0.0.77");
    t.bits |= core.bit("ARP_WAIT");
    t.keepaliveMs = keepaliveMs;
    functionsOf(core).arpSettled(address("10.0.0.77"));
    expect([t.state, t.retries]).toEqual([state, 0]);
    expect(t.bits & (core.bit("ARP_WAIT") | core.bit("TIMES_RETRANSMIT"))).toBe(timer ? core.bit(timer) : 0);
  }
});
