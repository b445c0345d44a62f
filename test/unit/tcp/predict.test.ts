// Header prediction does in one go what `process` of input.ts does step by step. Both get the same segment on the same
// memory, in thousands of states, and what they leave is compared octet by octet.

import { describe, expect, test } from "vitest";
import { STATE_BASE, TcpState } from "../../../host/abi.js";
import type { TcpOption, TcpSpec } from "../../../host/packet/index.js";
import { Prng } from "../../../host/sim/prng.js";
import { address, ports, type UnitConfig, type UnitCore } from "../core.js";
import { established, inState, type Placed, PORTS, place, RCV_NXT, SND_UNA } from "./stage.js";

const functionsOf = (unit: UnitCore) => ({
  ...unit.functions("tcp/predict", "take"),
  ...unit.functions("tcp/input", "process", "arrives"),
  ...unit.functions("tcp/segment", "verify"),
  ...unit.functions("tcp/demux", "find"),
  ...unit.functions("net/socket", "raise", "makeReady"),
});

/** The state, as it is. */
function stateOf(core: UnitCore): Uint8Array {
  return core.memory.slice(STATE_BASE, STATE_BASE + core.header.stateBytes);
}

/**
 * Puts the segment into the input slot and has both take it, from the same memory. Undefined: prediction would not, and
 * touched nothing. Else what both left, without what nobody reads.
 */
function both({ core, at, t }: Placed, spec: Partial<TcpSpec>) {
  core.putSegment(spec);
  const { take, process, verify } = functionsOf(core);
  const tcp = verify(0);
  expect(tcp).not.toBe(0);
  const all = core.memory.slice(0, STATE_BASE + core.header.stateBytes);
  if (!take(tcp)) {
    expect(Buffer.compare(core.memory.subarray(0, all.length), all)).toBe(0);
    return undefined;
  }
  const useless = (): void => {
    // TS.Recent of a connection without timestamps: `process` copies what happens to stand in the Segment record.
    if (!(t.bits & core.agreed("TIMESTAMPS"))) t.tsRecent = 0;
  };
  useless();
  const taken = stateOf(core);
  core.memory.set(all);
  process(tcp);
  useless();
  return { taken, processed: stateOf(core), at };
}

/** Where two states are different, for people: in the connection by field, else by offset. */
function differences({ core, at }: Placed, taken: Uint8Array, processed: Uint8Array): string[] {
  const result: string[] = [];
  const view = (octets: Uint8Array) => new DataView(octets.buffer, octets.byteOffset);
  for (let offset = 0; offset + 4 <= taken.length; offset += 4) {
    const [one, other] = [view(taken).getUint32(offset, true), view(processed).getUint32(offset, true)];
    if (one === other) continue;
    const inRecord = offset + STATE_BASE - at;
    const where = inRecord >= 0 && inRecord < core.sizeOf("tcp/tcb", "Tcb") ? `t + ${inRecord}` : `${offset}`;
    result.push(`${where}: ${one}, not ${other}`);
  }
  return result;
}

/** The same after `take` and after `process`; whether `take` took it. */
function expectSame(placed: Placed, spec: Partial<TcpSpec>, what = ""): boolean {
  const outcome = both(placed, spec);
  if (!outcome) return false;
  // Octets are compared in one go: thousands of arrays would take long.
  if (Buffer.compare(outcome.taken, outcome.processed) !== 0)
    expect(differences(placed, outcome.taken, outcome.processed), what).toEqual([]);
  return true;
}

const u32 = (value: number) => value >>> 0;

/** Some of the values that matter, else any below `limit`. */
function near(prng: Prng, limit: number, ...values: number[]): number {
  return prng.chance(0.5) ? (values[prng.below(values.length)] as number) : prng.below(limit);
}

/** Anything that an established connection may look like. */
function disturb({ core, at, t }: Placed, prng: Prng, config: Required<Rings>): void {
  const { raise, makeReady, find } = functionsOf(core);
  const { now } = core.state;
  const rare = (probability: number, value: () => number) => (prng.chance(probability) ? value() : 0);
  const una = near(prng, 2 ** 32, 0, 0xffffffff, 0x7fffffff, 0xfffffc00);
  const queued = near(prng, config.sendRingBytes + 1, 0, 0, 1000, config.sendRingBytes);
  const sendBytes = Math.min(queued, config.sendRingBytes);
  const out = near(prng, sendBytes + 1, 0, sendBytes);
  const receiveBytes = near(prng, config.receiveRingBytes + 1, 0, 0, config.receiveRingBytes);
  const room = config.receiveRingBytes - receiveBytes;
  const window = near(prng, room + 1, room, room, 0);
  const rcvNxt = near(prng, 2 ** 32, 0, 0xffffffff, 0x7fffffff, 0xffffff00);
  const wnd = near(prng, 65536, 8192, 65535, 0, 1);
  const scale = rare(0.3, () => prng.below(15));
  let bits = prng.chance(0.5) ? core.agreed("TIMESTAMPS") : 0;
  if (prng.chance(0.5)) bits |= core.agreed("SACK");
  if (scale) bits |= core.agreed("SCALE");
  for (const name of [
    "WANT_WRITE",
    "NO_DELAY",
    "ARP_WAIT",
    "OWES_ACK",
    "OWES_PROBE",
    "TIMES_ACK",
    "OWES_REPAIR",
  ])
    if (prng.chance(0.15)) bits |= core.bit(name);
  if (out > 0 || prng.chance(0.2)) bits |= core.bit("TIMES_RETRANSMIT");
  if (out > 0 && prng.chance(0.5)) bits |= core.bit("RTT_TIMING");
  else if (prng.chance(0.2)) bits |= core.bit("RECOVER") | (prng.chance(0.7) ? core.bit("RECOVERING") : 0);
  if (prng.chance(0.02)) bits |= core.bit("FIN_KNOWN");
  Object.assign(t, {
    ...{ sndUna: una, sndMax: u32(una + out), sndNxt: u32(una + near(prng, out + 1, out)), bits },
    ...{ sendBytes, sendHead: prng.below(config.sendRingBytes / 4) * 4 + prng.below(4) },
    ...{
      sndUp: u32(una + rare(0.1, () => prng.below(sendBytes + 1))),
      sndWnd: wnd * 2 ** scale,
      sndScale: scale,
    },
    ...{
      sndWndMax: Math.max(wnd, prng.below(65536)) * 2 ** scale,
      sndWl1: u32(rcvNxt + rare(0.5, () => prng.below(4000) - 3000)),
    },
    ...{
      rcvNxt,
      rcvAdv: u32(rcvNxt + window),
      receiveBytes,
      rcvUp: u32(rcvNxt - rare(0.3, () => prng.below(receiveBytes + 1))),
    },
    ...{ receiveHead: near(prng, config.receiveRingBytes, 0, config.receiveRingBytes - 1) },
    ...{ rcvFin: u32(rcvNxt + 1 + prng.below(3000)), unacked: prng.below(3) },
    ...{ rttSeq: u32(una + near(prng, out + 1, out)), timedAt: u32(now - prng.below(3000)) },
    ...{ retransmitAt: u32(now + prng.below(2000)), delayedAckAt: u32(now + prng.below(100)) },
    ...{
      srtt8: rare(0.8, () => prng.below(8000)),
      rttVar4: prng.below(4000),
      rtoMs: 200 + prng.below(59000),
    },
    ...{ backoff: rare(0.05, () => prng.below(5)), retries: rare(0.05, () => prng.below(5)) },
    ...{ acksOwed: rare(0.05, () => prng.below(4)), duplicateAcks: rare(0.2, () => prng.below(256)) },
    ...{
      congestionWindow: near(prng, 2 ** 20, 1000, 1),
      slowStartThreshold: near(prng, 2 ** 20, 2 ** 30, 2000),
    },
    ...{ tsRecent: near(prng, 2 ** 32, 0, 0xffffffff, 0x80000000), tos: prng.below(256) },
    ...{ heardAt: u32(now - near(prng, 5000, 0, 0, 1, 100_000)), error: rare(0.1, () => -11) },
    ...{ keepaliveMs: rare(0.3, () => 1000), userTimeoutMs: rare(0.3, () => 1 + prng.below(5000)) },
    ...{ zeroWindows: prng.below(65536), bytesReceived: prng.next(), bytesAcknowledged: prng.next() },
    ...{ segmentsIn: prng.next() },
    kind: core.kind(prng.chance(0.96) ? "CONNECTION" : prng.chance(0.5) ? "QUEUED" : "DETACHED"),
  });
  if (prng.chance(0.03)) t.ranges = 1;
  if (prng.chance(0.04)) t.state = [TcpState.CLOSE_WAIT, TcpState.FIN_WAIT_2][prng.below(2)] as number;
  const lists = [raise, makeReady];
  for (const list of lists) if (prng.chance(0.4)) list(at, 1 << prng.below(4));
  // Found before, or not.
  if (prng.chance(0.97)) find(t.remoteAddress, t.ports);
}

/** A segment, most often the next one. */
function anySegment({ core, t }: Placed, prng: Prng): Partial<TcpSpec> {
  const out = u32(t.sndMax - t.sndUna);
  const window = u32(t.rcvAdv - t.rcvNxt);
  const odd = (probability: number, value: () => number) => (prng.chance(probability) ? value() : 0);
  const offset = odd(0.06, () => near(prng, 4000, 1, -1, -1000, 1000, 2 ** 31));
  const acked =
    near(prng, out + 1, 0, out, Math.min(out, 1000)) + odd(0.05, () => near(prng, 9000, 1, -1, -9000));
  const bytes = Math.min(
    near(prng, Math.min(window + 100, 1449), 0, 0, 1, 1448, Math.min(window, 1448)),
    1448,
  );
  const flags = prng.chance(0.93)
    ? prng.chance(0.5)
      ? "A"
      : "PA"
    : (["FA", "SA", "RA", "UA", "EA", "", "P"][prng.below(7)] as string);
  Object.assign(core.segment, { remoteAddress: t.remoteAddress, ports: t.ports });
  const clock = core.functions("tcp/timestamps", "clock").clock();
  const times: TcpOption = {
    kind: "timestamps",
    value: u32(t.tsRecent + near(prng, 5000, 0, 1, prng.chance(0.2) ? -1 : 10, 2 ** 31 - 1)),
    echo: u32(clock - near(prng, 2 ** 32, 0, 3, 60_001, 100)),
  };
  const agreed = (t.bits & core.agreed("TIMESTAMPS")) !== 0;
  const alone: TcpOption[] = [{ kind: "nop" }, { kind: "nop" }, times];
  const options = prng.chance(0.97)
    ? agreed
      ? alone
      : []
    : ([[], alone, [times, { kind: "nop" }, { kind: "nop" }], [...alone, { kind: "end" }]][
        prng.below(4)
      ] as TcpOption[]);
  return {
    ...{ seq: u32(t.rcvNxt + offset), ack: u32(t.sndUna + acked), flags, options },
    window: prng.chance(0.5) ? t.sndWnd >>> t.sndScale : near(prng, 65536, 0, 65535, 8192),
    urgent: flags === "UA" ? prng.below(100) : 0,
    payload: prng.bytes(bytes),
    ...(prng.chance(0.03) ? { sourcePort: 40001 } : {}),
  };
}

interface Rings {
  readonly sendRingBytes?: number;
  readonly receiveRingBytes?: number;
}

describe("take leaves what process leaves, or nothing at all", () => {
  test.each<Required<Rings> & UnitConfig>([
    { sendRingBytes: 4096, receiveRingBytes: 4096 },
    { sendRingBytes: 256, receiveRingBytes: 512, reassemblyRanges: 0 },
    { sendRingBytes: 16384, receiveRingBytes: 131072, connections: 2 },
  ])("%o", (config) => {
    const prng = new Prng(config.sendRingBytes);
    const placed = established(config, 0xffffff00);
    // Another one, so that lists have a member before.
    const other = place(placed.core, TcpState.ESTABLISHED, ports(40001, 80));
    const image = placed.core.memory.slice();
    const rounds = 2500;
    let [taken, acks, data] = [0, 0, 0];
    for (let round = 0; round < rounds; round++) {
      placed.core.memory.set(image);
      if (prng.chance(0.3)) functionsOf(placed.core).makeReady(other.at);
      if (prng.chance(0.3)) functionsOf(placed.core).raise(other.at, 1);
      disturb(placed, prng, config);
      const spec = anySegment(placed, prng);
      const before = placed.t.sndUna;
      if (!expectSame(placed, spec, `round ${round}`)) continue;
      taken++;
      acks += Number(placed.t.sndUna !== before);
      data += Number((spec.payload as Uint8Array).length > 0);
    }
    // Of both outcomes, and of both kinds of what is taken, there were many.
    expect(taken).toBeGreaterThan(rounds / 6);
    expect(rounds - taken).toBeGreaterThan(rounds / 6);
    expect(Math.min(acks, data)).toBeGreaterThan(rounds / 20);
  });
});

describe("take", () => {
  /** A connection with 1000 octets out and 3000 more to send, whose record was found last. */
  function expecting(config: UnitConfig = {}): Placed {
    const placed = established(config);
    const { core, t } = placed;
    t.sendBytes = 4000;
    t.sndNxt = t.sndMax = SND_UNA + 1000;
    expect(functionsOf(core).find(t.remoteAddress, t.ports)).toBe(placed.at);
    return placed;
  }

  const NEXT = { seq: RCV_NXT, ack: SND_UNA, flags: "A", window: 8192 } as const;
  const DATA = { ...NEXT, payload: Uint8Array.of(1, 2, 3) };

  test.each<[what: string, spec: Partial<TcpSpec>]>([
    ["data", DATA],
    ["data with PSH", { ...DATA, flags: "PA" }],
    ["an acknowledgment", { ...NEXT, ack: SND_UNA + 1 }],
    ["one of all that is out", { ...NEXT, ack: SND_UNA + 1000 }],
    ["both", { ...DATA, ack: SND_UNA + 500 }],
    ["a window that is larger", { ...DATA, window: 8193 }],
    ["a window that is smaller", { ...DATA, window: 1 }],
    ["all that fits the window", { ...NEXT, payload: new Uint8Array(1000).fill(3) }],
    ["an urgent pointer without URG", { ...DATA, urgent: 5 }],
  ])("takes %s", (_what, spec) => {
    const placed = expecting();
    placed.t.rcvAdv = RCV_NXT + 1000;
    expect(expectSame(placed, spec)).toBe(true);
  });

  test.each<[what: string, spec: Partial<TcpSpec>]>([
    ["what acknowledges and carries nothing new", NEXT],
    ["what is one octet behind", { ...DATA, seq: RCV_NXT - 1 }],
    ["what is one octet ahead", { ...DATA, seq: RCV_NXT + 1 }],
    ["an old acknowledgment", { ...DATA, ack: SND_UNA - 1 }],
    ["an acknowledgment of what was not sent", { ...DATA, ack: SND_UNA + 1001 }],
    ["a window of zero", { ...DATA, window: 0 }],
    ["more than the window holds", { ...NEXT, payload: new Uint8Array(1001) }],
    ["an option", { ...DATA, options: [{ kind: "nop" }, { kind: "nop" }, { kind: "nop" }, { kind: "nop" }] }],
    ["timestamps that were not agreed", { ...DATA, options: stamps(5) }],
    ["another port of the peer", { ...DATA, sourcePort: 40001 }],
    ["another port of ours", { ...DATA, destinationPort: 81 }],
    ...["", "P", "FA", "SA", "RA", "UA", "EA", "CA"].map((flags): [string, Partial<TcpSpec>] => [
      `the flags "${flags}"`,
      { ...DATA, flags },
    ]),
  ])("leaves %s to process", (_what, spec) => {
    const placed = expecting();
    placed.t.rcvAdv = RCV_NXT + 1000;
    expect(both(placed, spec)).toBeUndefined();
  });

  test.each<[what: string, change: (placed: Placed) => void]>([
    ["has no address", ({ core }) => Object.assign(core.state, { lastHit: 0 })],
    ["is of another peer", ({ t }) => Object.assign(t, { remoteAddress: address("10.0.0.3") })],
    ["waits for accept", ({ core, t }) => Object.assign(t, { kind: core.kind("QUEUED") })],
    ["is closed", ({ core, t }) => Object.assign(t, { kind: core.kind("DETACHED") })],
    ["is free", ({ t }) => Object.assign(t, { kind: 0 })],
    ["has backed off", ({ t }) => Object.assign(t, { backoff: 1 })],
    ["had time-outs", ({ t }) => Object.assign(t, { retries: 1 })],
    ["has a range ahead of a hole", ({ t }) => Object.assign(t, { ranges: 1 })],
    ["owes duplicate ACKs", ({ t }) => Object.assign(t, { acksOwed: 1 })],
    ["knows the peer's FIN", ({ core, t }) => Object.assign(t, { bits: core.bit("FIN_KNOWN") })],
    ["met a shut window", ({ t }) => Object.assign(t, { sndWnd: 0 })],
    ["heard a newer segment, which overtook", ({ t }) => Object.assign(t, { sndWl1: RCV_NXT + 1 })],
  ])("leaves it to process when the record %s", (_what, change) => {
    const placed = expecting();
    change(placed);
    expect(both(placed, DATA)).toBeUndefined();
  });

  test("takes segments in ESTABLISHED only", () => {
    const states = Object.values(TcpState).filter((state) => {
      const placed = inState(state);
      functionsOf(placed.core).find(placed.t.remoteAddress, PORTS);
      return both(placed, DATA) !== undefined;
    });
    expect(states).toEqual([TcpState.ESTABLISHED]);
  });

  /** Timestamps as nearly everybody writes them. */
  function stamps(value: number, echo = 0): TcpOption[] {
    return [{ kind: "nop" }, { kind: "nop" }, { kind: "timestamps", value, echo }];
  }

  test.each<[recent: number, options: TcpOption[], takes: boolean]>([
    [100, stamps(100), true],
    [100, stamps(101), true],
    [100, stamps(99), false],
    [0xffffffff, stamps(0), true],
    [0, stamps(0xffffffff), false],
    [100, [], false],
    [100, [{ kind: "timestamps", value: 100, echo: 0 }, { kind: "nop" }, { kind: "nop" }], false],
    [100, [...stamps(100), { kind: "nop" }, { kind: "nop" }, { kind: "nop" }, { kind: "nop" }], false],
  ])("with timestamps, TS.Recent %i and %o: %s", (recent, options, takes) => {
    const placed = expecting();
    placed.t.bits |= placed.core.agreed("TIMESTAMPS");
    placed.t.tsRecent = recent;
    expect(expectSame(placed, { ...DATA, ack: SND_UNA + 500, options })).toBe(takes);
  });

  test("reserved bits are process's", () => {
    const placed = expecting();
    placed.core.putSegment(DATA);
    const { take, verify, process } = functionsOf(placed.core);
    const at = verify(0);
    placed.core.memory[at + 12] = 0x5a;
    expect(take(at)).toBe(false);
    process(at);
    expect(placed.t.receiveBytes).toBe(3);
  });

  test("arrives asks it first, and process when it would not", () => {
    for (const [spec, taken] of [
      [DATA, true],
      [{ ...DATA, flags: "FA" }, false],
    ] as const) {
      const placed = expecting();
      const { core } = placed;
      core.putSegment(spec);
      core.segment.seq = 0x12345678;
      functionsOf(core).arrives(0);
      expect(placed.t.bytesReceived).toBe(3);
      // What process reads, prediction leaves as it was.
      expect(core.segment.seq === 0x12345678).toBe(taken);
    }
  });
});
