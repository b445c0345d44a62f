// Headers and options of segments that go out, read by a codec that shares no code with the core.

import { beforeEach, describe, expect, test } from "vitest";
import { decode, type TcpOption, type TcpPacket } from "../../../host/packet/index.js";
import { Prng } from "../../../host/sim/prng.js";
import { address, DEVICE, ports, type Segment, type UnitConfig, UnitCore } from "../core.js";

const [SYN, ACK] = [2, 16];
const NEIGHBOUR = 60000;

let core: UnitCore;
let segment: Segment;
let tcp: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) => ({
  ...unit.functions("tcp/emit", "optionsAt", "options", "synOptions", "emit"),
  ...unit.functions("tcp/timestamps", "clock"),
});

beforeEach(() => boot());

function boot(config: UnitConfig = {}, now = 0): void {
  core = new UnitCore(config, now);
  segment = core.segment;
  tcp = functionsOf(core);
  core.memory.set([6, 0x77, 0x88, 0x99, 0xaa, 0xbb], NEIGHBOUR);
  segment.remoteAddress = address("192.0.2.7");
  segment.ports = ports(40000, 80);
}

/** The header of a segment; what is missing is 0, and an ACK. */
interface Header {
  readonly seq?: number;
  readonly ack?: number;
  readonly flags?: number;
  readonly wnd?: number;
  /** Agreed bits, or all bits of a connection. */
  readonly agreed?: number;
  readonly tsEcho?: number;
}

/** What leaves with this header, and `payload` behind the options. */
function emitted(
  { seq = 0, ack = 0, flags = ACK, wnd = 0, agreed = 0, tsEcho = 0 }: Header,
  payload: Uint8Array = new Uint8Array(0),
  urgent = 0,
  tos = 0,
): TcpPacket {
  // What an earlier packet left in the slot does not shine through.
  core.memory.fill(0xee, core.header.outputSlot, core.header.outputSlot + 120);
  const write = flags & SYN ? tcp.synOptions : tcp.options;
  const end = write(tcp.optionsAt(), agreed, tsEcho);
  core.memory.set(payload, end);
  const bytes = tcp.emit(end, payload.length, seq, ack, flags, wnd, urgent, tos, NEIGHBOUR);
  const packet = decode(core.outputFrame(bytes));
  if (packet.kind !== "tcp") throw new Error(packet.kind);
  expect(packet.problems).toEqual([]);
  expect(bytes).toBe(34 + packet.tcp.headerBytes + payload.length);
  return packet;
}

test("the codec reads what went in", () => {
  const prng = new Prng(1);
  for (let round = 0; round < 300; round++) {
    const flags = prng.below(64) & ~SYN;
    const [seq, ack, window] = [prng.next(), prng.next(), prng.below(65536)];
    const [urgent, tos] = [prng.below(65536), prng.below(256)];
    const payload = prng.bytes(round < 2 ? ([0, 1460][round] as number) : prng.below(1461));
    const packet = emitted({ seq, ack, flags, wnd: window }, payload, urgent, tos);
    expect(packet.tcp).toMatchObject({
      ...{ sourcePort: 80, destinationPort: 40000, seq, ack, flags, window, urgent },
      ...{ headerBytes: 20, reserved: 0, options: [] },
    });
    expect(packet.tcp.payload).toEqual(payload);
    expect(packet.ipv4).toMatchObject({ source: DEVICE.address, destination: "192.0.2.7", tos });
    expect(packet.ethernet.destination).toBe("06:77:88:99:aa:bb");
  }
  expect(core.counters()).toEqual({ TCP_SEGMENTS_OUT: 300 });
});

test("optionsAt is behind the smallest header", () => {
  expect(tcp.optionsAt()).toBe(core.header.outputSlot + 14 + 20 + 20);
});

describe("options", () => {
  const ECHO = 0x80000001;
  const NOP: TcpOption = { kind: "nop" };

  const agreed = (bits: number) => ({
    times: (bits & core.agreed("TIMESTAMPS")) !== 0,
    sack: (bits & core.agreed("SACK")) !== 0,
    scale: (bits & core.agreed("SCALE")) !== 0,
  });
  const stamp = (): TcpOption => ({ kind: "timestamps", value: tcp.clock(), echo: ECHO });

  test.each([SYN, SYN | ACK])("of a SYN (flags %i): what is agreed, each word aligned", (flags) => {
    boot({ receiveRingBytes: 2 ** 20, sendRingBytes: 4096 }, 0xfffffff0);
    for (let bits = 0; bits < 8; bits++) {
      const packet = emitted({ flags, agreed: bits, tsEcho: ECHO });
      const { times, sack, scale } = agreed(bits);
      const wanted: TcpOption[] = [{ kind: "mss", mss: 1460 }];
      // SACK permitted takes the place of the two octets before timestamps, or has two of its own.
      if (times) wanted.push(...(sack ? [{ kind: "sackPermitted" } as const] : [NOP, NOP]), stamp());
      else if (sack) wanted.push(NOP, NOP, { kind: "sackPermitted" });
      if (scale) wanted.push(NOP, { kind: "windowScale", shift: 5 });
      // Of one word, NOPs may stand on either side.
      const sorted = (options: readonly TcpOption[]) =>
        options.map((option) => JSON.stringify(option)).sort();
      expect(sorted(packet.tcp.options), `${bits}`).toEqual(sorted(wanted));
      expect(packet.tcp.headerBytes).toBe(20 + 4 + (times ? 12 : sack ? 4 : 0) + (scale ? 4 : 0));
    }
  });

  test("of any other segment: timestamps, and nothing that only a SYN may carry", () => {
    for (let bits = 0; bits < 8; bits++) {
      const packet = emitted({ agreed: bits, tsEcho: ECHO }, Uint8Array.of(1, 2, 3));
      expect(packet.tcp.options).toEqual(agreed(bits).times ? [NOP, NOP, stamp()] : []);
      expect(packet.tcp.payload).toEqual(Uint8Array.of(1, 2, 3));
    }
  });

  test("bits of a connection beside the agreed ones are not looked at", () => {
    const others = 0xffffffff & ~core.agreed("ALL");
    expect(emitted({ flags: SYN, agreed: others >>> 0 }).tcp.options).toEqual([{ kind: "mss", mss: 1024 }]);
  });

  test.each([
    [1500, 4096, 1460],
    [1500, 2048, 1024],
    [576, 4096, 536],
  ])("the MSS of an MTU of %i and a ring of %i is %i", (mtu, receiveRingBytes, mss) => {
    boot({ mtu, receiveRingBytes });
    expect(emitted({ flags: SYN }).tcp.options).toEqual([{ kind: "mss", mss }]);
  });
});
