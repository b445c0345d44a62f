// Checksums that hardware, or native code, takes off the core: InputFlag on frames that come in, and
// OUTPUT_CHECKSUM_OFFLOAD on those that go out.

import { describe, expect, test } from "vitest";
import { ConfigFlag, InputFlag, STATE_BASE, Status, TcpState } from "../../host/abi.js";
import { onesComplementSum } from "../../host/packet/index.js";
import { Prng } from "../../host/sim/prng.js";
import { address, DEVICE, frameOf, PEER, segmentFrame, type UnitCore } from "./core.js";
import { established, inState, type Placed, RCV_NXT, SND_UNA } from "./tcp/stage.js";

const abiOf = (unit: UnitCore) => unit.functions("abi", "input", "output", "send");

const ADDRESSES = { source: PEER.address, destination: DEVICE.address };

/** The sum as documented: little-endian words, and an odd octet at the end as the lower half of one. */
function sumOf(octets: Uint8Array): number {
  const big = onesComplementSum(octets);
  return ((big & 0xff) << 8) | (big >> 8);
}

/** CHECKSUM_SUM with this sum. */
const withSum = (sum: number) => (InputFlag.CHECKSUM_SUM | (sum << 16)) >>> 0;
/** With the sum of this frame. */
const sumFlags = (frame: Uint8Array) => withSum(sumOf(frame.subarray(14)));

/** A core with a connection, for all frames: each meets it as it is now. */
const { core } = established();
const image = core.memory.slice();

/** All that a frame did to the core, but for the frame itself; and what was counted. */
function outcome(frame: Uint8Array, flags: number) {
  core.memory.set(image);
  core.putFrame(frame);
  expect(abiOf(core).input(frame.length, flags, 0)).toBe(Status.OK);
  const { inputSlot, slotBytes, stateBytes } = core.header;
  const state = core.memory.slice(STATE_BASE, STATE_BASE + stateBytes);
  state.fill(0, inputSlot - STATE_BASE, inputSlot - STATE_BASE + slotBytes);
  return { state, counters: core.counters() };
}

function expectSame(one: ReturnType<typeof outcome>, other: ReturnType<typeof outcome>, what: string): void {
  expect(one.counters, what).toEqual(other.counters);
  expect(Buffer.compare(one.state, other.state), what).toBe(0);
}

/** Frames of all kinds: odd and even lengths, IP options, padding of zeros or of anything, TCP and ICMP. */
function anyFrame(prng: Prng): Uint8Array {
  const payload = prng.bytes(prng.below(prng.chance(0.5) ? 40 : 1400));
  const options = new Uint8Array(prng.chance(0.3) ? prng.below(8) * 4 : 0).fill(1);
  const ipv4 = { ...ADDRESSES, options };
  const frame = prng.chance(0.7)
    ? frameOf({
        ipv4,
        tcp: {
          ...{ sourcePort: 40000, destinationPort: prng.chance(0.9) ? 80 : 81 },
          ...segment(prng),
          payload,
        },
      })
    : frameOf({ ipv4, icmp: { type: prng.chance(0.7) ? 8 : 3, identifier: 5, sequence: 6, payload } });
  const padding = prng.chance(0.3) ? prng.below(20) : 0;
  const behind = prng.chance(0.5) ? prng.bytes(padding) : new Uint8Array(padding);
  return Uint8Array.from(Buffer.concat([frame, behind])).subarray(0, 1514);
}

const segment = (prng: Prng) => ({
  ...{ seq: RCV_NXT + (prng.chance(0.8) ? 0 : prng.below(2000)), ack: SND_UNA, window: 8192 },
  flags: ["A", "PA", "FA", "S", "R"][prng.below(5)] as string,
});

/** A bit of the frame behind the Ethernet header is another. */
function damaged(frame: Uint8Array, prng: Prng): Uint8Array {
  const copy = frame.slice();
  const at = 14 + prng.below(frame.length - 14);
  copy[at] = (copy[at] as number) ^ (1 << prng.below(8));
  return copy;
}

describe("CHECKSUM_SUM", () => {
  test("with the right sum a frame does what it does without, whole or damaged", () => {
    const prng = new Prng(1);
    let bad = 0;
    for (let round = 0; round < 400; round++) {
      const whole = anyFrame(prng);
      const frame = prng.chance(0.4) ? damaged(whole, prng) : whole;
      const plain = outcome(frame, 0);
      expectSame(outcome(frame, sumFlags(frame)), plain, `round ${round}`);
      const { TCP_CHECKSUM = 0, ICMP_CHECKSUM = 0, IP_CHECKSUM = 0 } = plain.counters;
      bad += TCP_CHECKSUM + ICMP_CHECKSUM + IP_CHECKSUM;
    }
    expect(bad).toBeGreaterThan(60);
    expect(bad).toBeLessThan(300);
  });

  test("with a wrong sum the octets decide", () => {
    const prng = new Prng(2);
    for (let round = 0; round < 300; round++) {
      const whole = anyFrame(prng);
      const frame = prng.chance(0.4) ? damaged(whole, prng) : whole;
      const right = sumOf(frame.subarray(14));
      // Not the sum of the frame as it should be: that would be believed.
      const believed = sumOf(whole.subarray(14));
      const wrong = [0, 0xffff, right ^ 1, prng.below(0x10000)][prng.below(4)] as number;
      if (wrong % 0xffff === believed % 0xffff) continue;
      expectSame(outcome(frame, withSum(wrong)), outcome(frame, 0), `round ${round}`);
    }
  });

  test("of a TCP segment the sum is believed, of the IPv4 header never", () => {
    const whole = segmentFrame({
      seq: RCV_NXT,
      ack: SND_UNA,
      flags: "A",
      window: 8192,
      payload: Uint8Array.of(1, 2),
    });
    const flags = sumFlags(whole);
    const inData = whole.slice();
    inData[54] = 9;
    expect(outcome(inData, flags).counters).toEqual({ FRAMES_IN: 1, TCP_SEGMENTS_IN: 1 });
    const inHeader = whole.slice();
    inHeader[14 + 8] = 9;
    expect(outcome(inHeader, flags).counters).toEqual({ FRAMES_IN: 1, IP_CHECKSUM: 1 });
  });

  test("zero has two names: both say that all adds up", () => {
    const frame = segmentFrame({
      seq: RCV_NXT,
      ack: SND_UNA,
      flags: "A",
      window: 8192,
      payload: Uint8Array.of(1),
    });
    const pseudo = sumOf(frame.subarray(14));
    // A frame whose pseudo-header sum is ffff leaves 0 or ffff for the rest.
    const { isIntact, input, payload, pseudoSum } = core.functions(
      "net/ipv4",
      "isIntact",
      "input",
      "payload",
      "pseudoSum",
    );
    core.putFrame(frame);
    const ip = input();
    expect(isIntact(ip, 6, payload(ip), 21, withSum(pseudo))).toBe(true);
    const length = Array.from({ length: 0x10000 }, (_, bytes) => bytes).find(
      (bytes) => Number(BigInt(pseudoSum(address(PEER.address), 6, bytes)) % 0xffffn) === 0,
    ) as number;
    expect(length).toBeGreaterThan(0);
    expect([0, 0xffff].map((sum) => isIntact(ip, 6, payload(ip), length, withSum(sum)))).toEqual([
      true,
      true,
    ]);
    expect(isIntact(ip, 6, payload(ip), 21, withSum(pseudo ^ 1))).toBe(true);
    core.memory[payload(ip) + 4] = 0x77;
    expect(isIntact(ip, 6, payload(ip), 21, withSum(pseudo ^ 1))).toBe(false);
  });
});

describe("CHECKSUM_VERIFIED", () => {
  test("nothing is added up: a frame with wrong checksums does what one with right ones does", () => {
    const prng = new Prng(3);
    for (let round = 0; round < 150; round++) {
      const frame = anyFrame(prng);
      const wrong = frame.slice();
      const header = ((frame[14] as number) & 15) * 4;
      const isTcp = frame[14 + 9] === 6;
      for (const at of [14 + 10, 14 + header + (isTcp ? 16 : 2)]) {
        wrong[at] = prng.below(256);
        wrong[at + 1] = prng.below(256);
      }
      for (const more of [0, withSum(prng.below(0x10000))])
        expectSame(
          outcome(wrong, (InputFlag.CHECKSUM_VERIFIED | more) >>> 0),
          outcome(frame, 0),
          `round ${round}`,
        );
    }
  });

  test("what else is wrong is found as ever", () => {
    const flags = InputFlag.CHECKSUM_VERIFIED;
    const malformed = frameOf({ ipv4: { ...ADDRESSES, ihl: 4, protocol: 6 }, payload: new Uint8Array(20) });
    expect(outcome(malformed, flags).counters).toMatchObject({ IP_MALFORMED: 1 });
    expect(outcome(segmentFrame({ dataOffset: 4 }), flags).counters).toMatchObject({ TCP_MALFORMED: 1 });
    expect(outcome(segmentFrame({ sourcePort: 0 }), flags).counters).toMatchObject({ TCP_BAD_ADDRESS: 1 });
  });
});

/** What the driver, or the interface, does with a frame that it is told about. */
function completed(frame: Uint8Array, start: number, offset: number): Uint8Array {
  const whole = frame.slice();
  const sum = ~onesComplementSum(whole.subarray(start)) & 0xffff;
  whole[start + offset] = sum >> 8;
  whole[start + offset + 1] = sum & 0xff;
  return whole;
}

describe("OUTPUT_CHECKSUM_OFFLOAD", () => {
  /** The frames that are due, completed where the core says so; and of how many it said so. */
  function frames(core: UnitCore, now: number): { all: string[]; told: number } {
    const { output } = abiOf(core);
    const all: string[] = [];
    let told = 0;
    for (let length = output(now); length > 0 && all.length < 100; length = output(now)) {
      const { checksumStart, checksumOffset } = core.header;
      const frame = core.outputFrame(length);
      const isTcp = frame[12] === 8 && frame[13] === 0 && frame[14 + 9] === 6;
      const offloads = (core.view.getUint32(core.constant("config", "config") + 4, true) & 1) !== 0;
      expect([checksumStart, checksumOffset]).toEqual(isTcp && offloads ? [34, 16] : [0, 0]);
      told += Number(checksumStart !== 0);
      all.push(
        Buffer.from(checksumStart ? completed(frame, checksumStart, checksumOffset) : frame).toString("hex"),
      );
    }
    expect([core.header.checksumStart, core.header.checksumOffset]).toEqual([0, 0]);
    return { all, told };
  }

  /** What arrives next: an acknowledgment of all with some data, or anything. */
  function nextFrame({ t }: Placed, prng: Prng): Uint8Array {
    if (prng.chance(0.3)) return anyFrame(prng);
    const payload = prng.bytes(prng.below(300));
    return segmentFrame({ seq: t.rcvNxt, ack: t.sndMax, flags: "A", window: 8192, payload });
  }

  test("what is completed is the very frame that the core makes by itself", () => {
    const prng = new Prng(4);
    let [told, others, sent] = [0, 0, 0];
    for (let seed = 0; seed < 20; seed++) {
      const [plain, offloaded] = [0, ConfigFlag.OUTPUT_CHECKSUM_OFFLOAD].map((flags) =>
        inState(TcpState.ESTABLISHED, { flags }),
      ) as [Placed, Placed];
      for (let now = 0; now < 400; now += 20) {
        const frame = nextFrame(plain, prng);
        const [most, data] = [prng.below(3000), prng.bytes(4096)];
        const [made, left] = [plain, offloaded].map(({ core, t }) => {
          const { input, send } = abiOf(core);
          input(core.putFrame(frame), 0, now);
          const length = send(t.handle, most);
          if (length > 0) core.memory.set(data.subarray(0, length), core.header.runPointer);
          sent += Math.max(length, 0);
          return frames(core, now);
        }) as [ReturnType<typeof frames>, ReturnType<typeof frames>];
        expect(left.all).toEqual(made.all);
        expect(made.told).toBe(0);
        told += left.told;
        others += left.all.length - left.told;
      }
    }
    expect(Math.min(told, others, sent)).toBeGreaterThan(10);
    expect([told > 200, sent > 50_000]).toEqual([true, true]);
  });

  test("the field holds the folded sum of the pseudo-header until then", () => {
    const { core, t } = established({ flags: ConfigFlag.OUTPUT_CHECKSUM_OFFLOAD });
    const { send, output } = abiOf(core);
    expect(send(t.handle, 33)).toBe(33);
    const frame = core.outputFrame(output(0));
    const pseudo = core
      .functions("net/ipv4", "pseudoSum")
      .pseudoSum(address(PEER.address), 6, frame.length - 34);
    const { fold } = core.functions("lib/checksum", "fold");
    expect((frame[34 + 16] as number) | ((frame[34 + 17] as number) << 8)).toBe(fold(pseudo));
  });
});
