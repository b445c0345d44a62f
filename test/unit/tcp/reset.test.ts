import { beforeEach, describe, expect, test } from "vitest";
import { decode, type Tcp } from "../../../host/packet/index.js";
import { type Compact, DEVICE, PEER, UnitCore } from "../core.js";
import { arrive } from "./stage.js";

let core: UnitCore;
let reset: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) =>
  unit.functions("tcp/reset", "refuse", "answer", "challenge", "fill", "emitReply", "emitTo");
const TCP = () => core.constant("net/reply", "Reply.TCP");

beforeEach(() => {
  core = new UnitCore();
  reset = functionsOf(core);
});

function emitted() {
  expect(core.state.replyKind).toBe(TCP());
  const packet = decode(core.outputFrame(reset.emitReply()));
  expect(packet.problems).toEqual([]);
  if (packet.kind !== "tcp") throw new Error(packet.kind);
  expect(packet.ethernet).toMatchObject({ source: DEVICE.mac, destination: PEER.mac });
  expect(packet.tcp).toMatchObject({ sourcePort: 80, destinationPort: 40000 });
  return packet.tcp;
}

describe("refuse (RFC 9293 section 3.10.7.1)", () => {
  test.each<[flags: string, seq: number, data: number, ack: number]>([
    ["S", 5000, 0, 5001],
    ["S", 0xffffffff, 0, 0],
    ["F", 5000, 0, 5001],
    ["P", 5000, 10, 5010],
    ["SF", 5000, 10, 5012],
    ["", 5000, 0, 5000],
  ])("%s without ACK: RST, ACK of all of it", (flags, seq, data, ack) => {
    arrive(core, { flags, seq, ack: 0, payload: new Uint8Array(data) });
    reset.refuse();
    expect(emitted()).toMatchObject({ seq: 0, ack, flags: 4 | 16, window: 0 });
  });

  test.each(["A", "SA", "FA"])("%s: a reset where the peer expects us", (flags) => {
    arrive(core, { flags, seq: 5000, ack: 0xdeadbeef });
    reset.refuse();
    expect(emitted()).toMatchObject({ seq: 0xdeadbeef, ack: 0, flags: 4, window: 0 });
    expect(core.counters().TCP_RESETS_OUT).toBe(1);
  });

  test.each(["R", "RA", "SR"])("%s is never answered", (flags) => {
    arrive(core, { flags });
    reset.refuse();
    expect(core.state.replyKind).toBe(0);
  });
});

/** An entry for PEER of this kind. */
function entryOf(kind: string, fields: Partial<Compact> = {}): number {
  const at = core.state.synTable;
  const { remoteAddress, ports: key } = core.segment;
  Object.assign(core.compact(at), { remoteAddress, ports: key, kind: core.kind(kind), ...fields });
  return at;
}

const FIELDS = { sndNxt: 0, rcvNxt: 0x22222222, tsRecent: 0x33333333, window: 0x4444 };
const times = (tcp: Tcp) => tcp.options.find((option) => option.kind === "timestamps");

describe("fill and answer: what an entry says", () => {
  test("TIME-WAIT: an ACK with the window that was sent last", () => {
    arrive(core, {});
    reset.answer(entryOf("TIME_WAIT", { ...FIELDS, flags: core.agreed("TIMESTAMPS") }), 16);
    const tcp = emitted();
    expect(tcp).toMatchObject({ seq: 0, ack: 0x22222222, flags: 16, window: 0x4444, headerBytes: 32 });
    expect(times(tcp)).toMatchObject({ echo: 0x33333333 });
    expect(core.counters()).toEqual({ TCP_SEGMENTS_OUT: 1 });
  });

  test("SYN: the SYN one before SND.NXT, with the options of the peer's, and no scaled window", () => {
    core = new UnitCore({ receiveRingBytes: 2 ** 18 });
    reset = functionsOf(core);
    arrive(core, {});
    reset.answer(entryOf("SYN", { ...FIELDS, flags: core.agreed("ALL") }), 18);
    const tcp = emitted();
    // RFC 7323 section 2.2: the window field in a SYN is never scaled. 2^18 >> 3 fits 16 bits.
    expect(tcp).toMatchObject({ seq: 0xffffffff, ack: 0x22222222, flags: 18, window: 0xffff });
    expect(tcp.options.filter(({ kind }) => kind !== "nop")).toMatchObject([
      { kind: "mss", mss: 1460 },
      { kind: "sackPermitted" },
      { kind: "timestamps", echo: 0x33333333 },
      { kind: "windowScale", shift: 3 },
    ]);
    reset.answer(entryOf("SYN", { ...FIELDS, flags: core.agreed("ALL") }), 16);
    expect(emitted()).toMatchObject({ seq: 0, flags: 16, window: 0xffff >> 3 });
    reset.answer(entryOf("SYN", { ...FIELDS, flags: 0 }), 16);
    expect(emitted()).toMatchObject({ seq: 0, flags: 16, window: 0xffff, options: [] });
  });

  test("SYN with a shut window", () => {
    arrive(core, {});
    const entry = entryOf("SYN", { ...FIELDS, window: core.constant("tcp/tcb", "SYN_SHUT") | 1460 });
    for (const flags of [16, 18]) {
      reset.answer(entry, flags);
      expect(emitted()).toMatchObject({ window: 0, flags });
    }
  });

  test("emitTo goes to the neighbour that it is told, not to who sent the last frame", () => {
    arrive(core, {});
    reset.fill(entryOf("SYN", FIELDS), 18);
    expect(core.state.replyKind).toBe(0);
    core.memory.set([6, 0, 0, 0, 0, 9], 60000);
    const packet = decode(core.outputFrame(reset.emitTo(60000)));
    expect(packet.kind === "tcp" && packet.ethernet.destination).toBe("06:00:00:00:00:09");
    expect(packet.kind === "tcp" && packet.ipv4.destination).toBe(PEER.address);
  });
});

test("challenge: an ACK, under the limit on stateless replies", () => {
  arrive(core, {});
  const entry = entryOf("TIME_WAIT", FIELDS);
  let answers = 0;
  for (let index = 0; index < 100; index++) {
    core.state.replyKind = 0;
    reset.challenge(entry);
    if (!core.state.replyKind) continue;
    answers++;
    expect(emitted()).toMatchObject({ seq: 0, ack: 0x22222222, flags: 16 });
  }
  expect(answers).toBeGreaterThanOrEqual(50);
  expect(core.counters().REPLY_LIMITED).toBe(100 - answers);
});
