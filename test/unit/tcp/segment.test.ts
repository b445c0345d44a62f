import { beforeEach, describe, expect, test } from "vitest";
import { decode, type TcpPacket } from "../../../host/packet/index.js";
import { Prng } from "../../../host/sim/prng.js";
import { address, DEVICE, PEER, ports, type Segment, type UnitConfig, UnitCore } from "../core.js";

let core: UnitCore;
let segment: Segment;
let tcp: ReturnType<typeof functionsOf>;

function functionsOf(unit: UnitCore) {
  return unit.functions(
    "tcp/segment",
    "read",
    "segmentLength",
    "outputHeaderBytes",
    "outputData",
    "emit",
    "receiveMss",
    "sendMss",
  );
}

function boot(config: UnitConfig = {}): void {
  core = new UnitCore(config);
  segment = core.segment;
  tcp = functionsOf(core);
}

beforeEach(() => boot());

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

describe("read", () => {
  test("random segments arrive field by field", () => {
    const prng = new Prng(1);
    for (let round = 0; round < 300; round++) {
      const [sourcePort, destinationPort] = [1 + prng.below(65535), 1 + prng.below(65535)];
      const [seq, ack, window] = [prng.next(), prng.next(), prng.below(65536)];
      const flags = prng.below(64);
      const payload = prng.bytes(prng.below(1400));
      const options = new Uint8Array(prng.below(11) * 4).fill(1);
      core.putSegment({ sourcePort, destinationPort, seq, ack, window, flags, payload, options });
      expect(tcp.read()).toBe(true);
      expect(segment.remoteAddress).toBe(address(PEER.address));
      expect(segment.ports).toBe(ports(sourcePort, destinationPort));
      expect([segment.seq, segment.ack, segment.wnd, segment.flags]).toEqual([seq, ack, window, flags]);
      expect([segment.dataBytes, segment.mss]).toEqual([payload.length, 0]);
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
        expect(tcp.read(), `octet ${octet}, bit ${bit}`).toBe(false);
        core.memory[at + octet] = (core.memory[at + octet] as number) ^ (1 << bit);
      }
    }
    expect(core.counters()).toEqual({ TCP_CHECKSUM: octets.length * 8 });
    expect(tcp.read()).toBe(true);
  });

  test("addresses are under the checksum, too", () => {
    core.putSegment({});
    const at = core.header.inputSlot + 14 + 12;
    core.memory[at + 3] = 9;
    expect(tcp.read()).toBe(false);
    expect(core.counters()).toEqual({ TCP_CHECKSUM: 1 });
  });

  test.each([
    [4, 0],
    [0, 0],
    [6, 0],
    [15, 39],
  ])("data offset %i with %i octets behind the header", (dataOffset, length) => {
    core.putSegment({ dataOffset, payload: new Uint8Array(length) });
    expect(tcp.read()).toBe(false);
    expect(core.counters()).toEqual({ TCP_MALFORMED: 1 });
  });

  test.each([
    [0, 80],
    [40000, 0],
    [0, 0],
  ])("ports %i and %i", (sourcePort, destinationPort) => {
    core.putSegment({ sourcePort, destinationPort });
    expect(tcp.read()).toBe(false);
    expect(core.counters()).toEqual({ TCP_BAD_ADDRESS: 1 });
  });
});

describe("options", () => {
  /** The MSS that is read, and how many options lied. */
  function read(...octets: number[]): [mss: number, bad: number] {
    const before = core.counters().TCP_BAD_OPTION ?? 0;
    core.putSegment({ flags: SYN, options: Uint8Array.from(octets) });
    expect(tcp.read()).toBe(true);
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

  test("random octets: as a reader written apart says", () => {
    const prng = new Prng(2);
    for (let round = 0; round < 1500; round++) {
      const octets = Array.from({ length: prng.below(11) * 4 }, () => prng.below(prng.chance(0.8) ? 6 : 256));
      let mss = 0;
      let bad = 0;
      let rest = octets;
      while (rest.length > 0 && rest[0] !== 0) {
        if (rest[0] === 1) {
          rest = rest.slice(1);
          continue;
        }
        const length = rest[1] ?? 0;
        if (length < 2 || length > rest.length) {
          bad = 1;
          break;
        }
        if (rest[0] === 2 && length === 4) mss = (rest[2] as number) * 256 + (rest[3] as number);
        rest = rest.slice(length);
      }
      // The codec's padding is none: the list is a multiple of four already.
      expect(read(...octets), octets.join(" ")).toEqual([mss, bad]);
    }
  });
});

describe("emit", () => {
  const neighbour = 60000;

  function emitted(flags: number, seq: number, ack: number, window: number, length: number): TcpPacket {
    const bytes = tcp.emit(
      address("192.0.2.7"),
      ports(40000, 80),
      seq,
      ack,
      flags,
      window,
      length,
      neighbour,
    );
    const packet = decode(core.outputFrame(bytes));
    if (packet.kind !== "tcp") throw new Error(packet.kind);
    expect(packet.problems).toEqual([]);
    return packet;
  }

  test("the codec reads what went in", () => {
    const prng = new Prng(3);
    for (let round = 0; round < 300; round++) {
      const flags = [ACK, ACK | 8, ACK | FIN, RST, RST | ACK][prng.below(5)] as number;
      const [seq, ack, window] = [prng.next(), prng.next(), prng.below(65536)];
      const payload = prng.bytes(round < 2 ? ([0, 1460][round] as number) : prng.below(1461));
      core.memory.fill(prng.below(256), core.header.outputSlot, core.header.outputSlot + 60);
      core.memory.set(payload, tcp.outputData(flags));
      const packet = emitted(flags, seq, ack, window, payload.length);
      expect(packet.tcp).toMatchObject({
        ...{ sourcePort: 80, destinationPort: 40000, seq, ack, flags, window },
        ...{ headerBytes: 20, urgent: 0, reserved: 0, options: [] },
      });
      expect(packet.tcp.payload).toEqual(payload);
      expect(packet.ipv4).toMatchObject({ source: DEVICE.address, destination: "192.0.2.7" });
    }
    expect(core.counters()).toEqual({ TCP_SEGMENTS_OUT: 300 });
  });

  test.each([SYN, SYN | ACK])("a SYN carries our MSS and nothing else (flags %i)", (flags) => {
    const packet = emitted(flags, 1, 2, 3, 0);
    expect(packet.tcp.options).toEqual([{ kind: "mss", mss: tcp.receiveMss() }]);
    expect(packet.tcp.headerBytes).toBe(24);
    expect(tcp.outputHeaderBytes(flags)).toBe(24);
    expect(tcp.outputHeaderBytes(ACK)).toBe(20);
  });
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
