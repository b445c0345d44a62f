// What leaves and when is what the packet scripts (test/script) are about; here is what happens when nothing may leave.

import { describe, expect, test } from "vitest";
import { Status, TcpState } from "../../../host/abi.js";
import { decode } from "../../../host/packet/index.js";
import { address, PEER, ports, type UnitCore } from "../core.js";
import { established, inState, place, RCV_NXT, SND_UNA } from "./stage.js";

const functionsOf = (unit: UnitCore) => unit.functions("tcp/output", "next", "arpSettled");

/** The next segment, or undefined. */
function next(core: UnitCore) {
  const bytes = functionsOf(core).next();
  if (!bytes) return undefined;
  const packet = decode(core.outputFrame(bytes));
  expect(packet.problems).toEqual([]);
  if (packet.kind !== "tcp") throw new Error(packet.kind);
  return packet.tcp;
}

const makeReady = (core: UnitCore, at: number) => core.functions("tcp/tcb", "makeReady").makeReady(at);

describe("next", () => {
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
    for (let index = 0; index < 20; index++) core.memory[t.ring + ((4090 + index) % 4096)] = index + 1;
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

  test("its own failure ends an opening, and counts as a time-out later", () => {
    const opening = unknown(TcpState.SYN_SENT);
    opening.arpSettled(address("10.0.0.77"));
    expect([opening.t.state, opening.t.error | 0]).toEqual([TcpState.CLOSED, Status.UNREACHABLE]);
    const later = unknown(TcpState.ESTABLISHED);
    later.arpSettled(address("10.0.0.77"));
    expect([later.t.state, later.t.retries]).toEqual([TcpState.ESTABLISHED, 1]);
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
  expect([t.state, t.error | 0]).toEqual([TcpState.CLOSED, Status.ABORTED]);
});
