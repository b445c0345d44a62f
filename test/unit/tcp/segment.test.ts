import { beforeEach, describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { address, PEER, ports, type Segment, type UnitConfig, UnitCore } from "../core.js";

let core: UnitCore;
let segment: Segment;
let tcp: ReturnType<typeof functionsOf>;

function functionsOf(unit: UnitCore) {
  return unit.functions("tcp/segment", "verify", "read", "segmentLength", "receiveMss", "sendMss");
}

function boot(config: UnitConfig = {}): void {
  core = new UnitCore(config);
  segment = core.segment;
  tcp = functionsOf(core);
}

beforeEach(() => boot());

/** Checks the segment in the input slot and reads it. False: dropped. */
function take(flags = 0): boolean {
  const header = tcp.verify(flags);
  return header !== 0 && (tcp.read(header) as unknown as boolean);
}

const FIN = 1;
const SYN = 2;

describe("verify and read", () => {
  test("random segments arrive field by field", () => {
    const prng = new Prng(1);
    for (let round = 0; round < 300; round++) {
      const [sourcePort, destinationPort] = [1 + prng.below(65535), 1 + prng.below(65535)];
      const [seq, ack, window] = [prng.next(), prng.next(), prng.below(65536)];
      const flags = prng.below(64);
      const payload = prng.bytes(prng.below(1400));
      const options = new Uint8Array(prng.below(11) * 4).fill(1);
      segment.duplicateOf = 1;
      core.putSegment({ sourcePort, destinationPort, seq, ack, window, flags, payload, options });
      expect(take()).toBe(true);
      expect(segment.remoteAddress).toBe(address(PEER.address));
      expect(segment.ports).toBe(ports(sourcePort, destinationPort));
      expect([segment.seq, segment.ack, segment.wnd, segment.flags]).toEqual([seq, ack, window, flags]);
      expect([segment.dataBytes, segment.mss, segment.options]).toEqual([payload.length, 0, 0]);
      expect(segment.duplicateOf).toBe(0);
      expect(segment.end).toBe((seq + payload.length) >>> 0);
      expect(core.memory.slice(segment.data, segment.data + payload.length)).toEqual(payload);
      const [syn, fin] = [(flags & SYN) >> 1, flags & FIN];
      expect(tcp.segmentLength()).toBe(payload.length + syn + fin);
    }
    expect(core.counters()).toEqual({});
  });

  test("a wrong checksum, in any bit of the segment", () => {
    core.putSegment({ seq: 1, ack: 2, flags: "PA", window: 3, payload: Uint8Array.of(1, 2, 3) });
    const at = core.header.inputSlot + 34;
    // Not in the data offset, which is looked at first.
    const octets = Array.from({ length: 23 }, (_, index) => index).filter((index) => index !== 12);
    for (const octet of octets) {
      for (let bit = 0; bit < 8; bit++) {
        core.memory[at + octet] = (core.memory[at + octet] as number) ^ (1 << bit);
        expect(take(), `octet ${octet}, bit ${bit}`).toBe(false);
        core.memory[at + octet] = (core.memory[at + octet] as number) ^ (1 << bit);
      }
    }
    expect(core.counters()).toEqual({ TCP_CHECKSUM: octets.length * 8 });
    expect(take()).toBe(true);
  });

  test("addresses are under the checksum, too", () => {
    core.putSegment({});
    const at = core.header.inputSlot + 14 + 12;
    core.memory[at + 3] = 9;
    expect(take()).toBe(false);
    expect(core.counters()).toEqual({ TCP_CHECKSUM: 1 });
  });

  test.each([
    [4, 0],
    [0, 0],
    [6, 0],
    [15, 39],
  ])("data offset %i with %i octets behind the header", (dataOffset, length) => {
    core.putSegment({ dataOffset, payload: new Uint8Array(length) });
    expect(take()).toBe(false);
    expect(core.counters()).toEqual({ TCP_MALFORMED: 1 });
  });

  test.each([
    [0, 80],
    [40000, 0],
    [0, 0],
  ])("ports %i and %i", (sourcePort, destinationPort) => {
    core.putSegment({ sourcePort, destinationPort });
    expect(take()).toBe(false);
    expect(core.counters()).toEqual({ TCP_BAD_ADDRESS: 1 });
  });
});

describe("options", () => {
  /** The MSS that is read, and how many options lied. */
  function read(...octets: number[]): [mss: number, bad: number] {
    const before = core.counters().TCP_BAD_OPTION ?? 0;
    core.putSegment({ flags: SYN, options: Uint8Array.from(octets) });
    expect(take()).toBe(true);
    return [segment.mss, (core.counters().TCP_BAD_OPTION ?? 0) - before];
  }

  test.each<[string, number[], number, number]>([
    ["none", [], 0, 0],
    ["MSS 1460", [2, 4, 0x05, 0xb4], 1460, 0],
    ["MSS 65535", [2, 4, 0xff, 0xff], 65535, 0],
    ["MSS at an odd place, behind a NOP", [1, 2, 4, 0x05, 0xb4, 0, 0, 0], 1460, 0],
    ["MSS behind three NOPs", [1, 1, 1, 2, 4, 0x02, 0x18, 0], 536, 0],
    ["MSS behind END is not there", [0, 0, 0, 0, 2, 4, 0x05, 0xb4], 0, 0],
    ["the last of two counts", [2, 4, 0x05, 0xb4, 2, 4, 0x02, 0x18], 536, 0],
    ["what is not known is stepped over", [8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 0x05, 0xb4, 0, 0], 1460, 0],
    ["an option of two octets", [4, 2, 2, 4, 0x05, 0xb4, 0, 0], 1460, 0],
    ["MSS of another length is not one", [2, 3, 5, 2, 6, 1, 2, 3, 4, 0, 0, 0], 0, 0],
    ["length 0", [8, 0, 2, 4, 0x05, 0xb4, 0, 0], 0, 1],
    ["length 1", [8, 1, 2, 4, 0x05, 0xb4, 0, 0], 0, 1],
    ["MSS of length 0", [2, 0, 0x05, 0xb4], 0, 1],
    ["a length one beyond the header", [1, 8, 7, 0, 0, 0, 0, 0], 0, 0],
    ["a length two beyond the header", [1, 8, 8, 0, 0, 0, 0, 0], 0, 1],
    ["length 255", [8, 255, 0, 0], 0, 1],
    ["a kind as the last octet, no length", [1, 1, 1, 2], 0, 1],
    ["an MSS that is cut off", [1, 2, 4, 0x05], 0, 1],
    ["what came before the lie counts", [2, 4, 0x05, 0xb4, 3, 9, 0, 0], 1460, 1],
    ["forty NOPs", new Array(40).fill(1), 0, 0],
    ["MSS at the very end of forty", [...new Array(36).fill(1), 2, 4, 0x05, 0xb4], 1460, 0],
  ])("%s", (_what, octets, mss, bad) => {
    expect(read(...octets)).toEqual([mss, bad]);
  });

  test.each<[string, number[], Partial<Agreed>]>([
    ["SACK permitted", [4, 2, 0, 0], { sack: true }],
    ["SACK permitted of another length", [4, 3, 0, 0], {}],
    ["window scale", [3, 3, 7, 0], { scale: 7 }],
    ["window scale 0", [3, 3, 0, 0], { scale: 0 }],
    // RFC 7323 section 2.3: a shift above 14 counts as 14.
    ["window scale 14", [3, 3, 14, 0], { scale: 14 }],
    ["window scale 15", [3, 3, 15, 0], { scale: 14 }],
    ["window scale 255", [3, 3, 255, 0], { scale: 14 }],
    ["window scale of another length", [3, 4, 7, 0], {}],
    ["timestamps", [8, 10, 0xff, 2, 3, 4, 5, 6, 7, 0x80, 0, 0], { times: [0xff020304, 0x05060780] }],
    [
      "timestamps behind two NOPs",
      [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8],
      { times: [0x01020304, 0x05060708] },
    ],
    [
      "timestamps at an odd place",
      [1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0],
      { times: [0x01020304, 0x05060708] },
    ],
    ["timestamps of another length", [8, 9, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0], {}],
    [
      "what Linux sends in a SYN",
      [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7],
      { mss: 1460, sack: true, times: [9, 0], scale: 7 },
    ],
  ])("%s", (_what, octets, wanted) => {
    // What an earlier segment had does not shine through.
    read(2, 4, 9, 9, 4, 2, 8, 10, 9, 9, 9, 9, 9, 9, 9, 9, 1, 3, 3, 9);
    const [, bad] = read(...octets);
    expect(bad).toBe(0);
    expect(agreed()).toEqual({ ...NOTHING, ...wanted });
  });

  test("random octets: as a reader written apart says", () => {
    const prng = new Prng(2);
    for (let round = 0; round < 3000; round++) {
      const length = prng.below(11) * 4;
      const octets: number[] = [];
      // Every other list is of whole options, so that some have the right length.
      const whole = prng.chance(0.5);
      while (whole && octets.length < length) {
        const [kind, bytes] = [
          [1, 1],
          [2, 4],
          [3, 3],
          [4, 2],
          [8, 10],
          [prng.below(256), 2 + prng.below(5)],
        ][prng.below(6)] as [number, number];
        octets.push(...[kind, bytes].slice(0, bytes), ...prng.bytes(Math.max(bytes - 2, 0)));
      }
      while (octets.length < length) octets.push(prng.below(prng.chance(0.8) ? 6 : 256));
      octets.length = length;
      const { bad, ...wanted } = model(octets);
      // The codec's padding is none: the list is a multiple of four already.
      expect(read(...octets), octets.join(" ")).toEqual([wanted.mss, bad]);
      expect(agreed(), octets.join(" ")).toEqual(wanted);
    }
  });
});

/** What a list of options says. */
interface Agreed {
  mss: number;
  sack: boolean;
  scale: number | undefined;
  times: [value: number, echo: number] | undefined;
}

const NOTHING: Agreed = { mss: 0, sack: false, scale: undefined, times: undefined };

/** What the core read. */
function agreed(): Agreed {
  const has = (name: string) => (segment.options & core.agreed(name)) !== 0;
  expect(segment.options & ~core.agreed("ALL")).toBe(0);
  return {
    mss: segment.mss,
    sack: has("SACK"),
    scale: has("SCALE") ? segment.scale : undefined,
    times: has("TIMESTAMPS") ? [segment.tsValue, segment.tsEcho] : undefined,
  };
}

/** RFC 9293 section 3.1, RFC 7323 and RFC 2018, read octet by octet. */
function model(octets: number[]): Agreed & { bad: number } {
  const result = { ...NOTHING, bad: 0 };
  const word = (at: number[]) => at.reduce((sum, octet) => sum * 256 + octet, 0);
  let rest = octets;
  while (rest.length > 0 && rest[0] !== 0) {
    if (rest[0] === 1) {
      rest = rest.slice(1);
      continue;
    }
    const length = rest[1] ?? 0;
    if (length < 2 || length > rest.length) return { ...result, bad: 1 };
    const what = `${rest[0]} ${length}`;
    if (what === "2 4") result.mss = word(rest.slice(2, 4));
    if (what === "3 3") result.scale = Math.min(rest[2] as number, 14);
    if (what === "4 2") result.sack = true;
    if (what === "8 10") result.times = [word(rest.slice(2, 6)), word(rest.slice(6, 10))];
    rest = rest.slice(length);
  }
  return result;
}

test.each([
  [1000, 0, 1000],
  [1000, 1, 1001],
  [0xffffffff, 1, 0],
  [0xffff0001, 0xffff, 0],
])("SEG.SEQ %i and SEG.UP %i: urgent data ends at %i", (seq, urgent, end) => {
  core.putSegment({ seq, urgent, flags: "UA" });
  expect(take()).toBe(true);
  expect(segment.urgent).toBe(end);
});

describe("segment sizes", () => {
  test.each([
    [1500, 8192, 1460],
    [1500, 2920, 1460],
    [1500, 2916, 1458],
    [1500, 2048, 1024],
    [576, 8192, 536],
    [576, 256, 128],
  ])("MTU %i and rings of %i: MSS %i", (mtu, ring, mss) => {
    boot({ mtu, receiveRingBytes: ring, sendRingBytes: 16384 });
    expect(tcp.receiveMss()).toBe(mss);
    boot({ mtu, sendRingBytes: ring, receiveRingBytes: 16384 });
    expect(tcp.sendMss(65535)).toBe(mss);
  });

  test.each([
    [0, 536],
    [1, 48],
    [47, 48],
    [48, 48],
    [536, 536],
    [1400, 1400],
    [1460, 1460],
    [9000, 1460],
  ])("a peer that announces %i gets segments of %i", (announced, mss) => {
    boot({ sendRingBytes: 16384 });
    expect(tcp.sendMss(announced)).toBe(mss);
  });
});
