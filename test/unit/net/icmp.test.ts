// Which messages are answered at all, and how the answer goes out, is in test/script/icmp.script.ts, too.

import { beforeEach, describe, expect, test } from "vitest";
import { decode, IcmpType } from "../../../host/packet/index.js";
import { Prng } from "../../../host/sim/prng.js";
import { DEVICE, frameOf, PEER, UnitCore } from "../core.js";

let core: UnitCore;
let icmp: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) =>
  unit.functions("net/icmp", "receive", "emitReply", "emitUnreachable", "emitTimeExceeded");

beforeEach(() => {
  core = new UnitCore();
  icmp = functionsOf(core);
});

const ADDRESSES = { source: PEER.address, destination: DEVICE.address };

function putEcho(payload: Uint8Array, options = new Uint8Array(0), checksum?: number): void {
  const message = { type: IcmpType.ECHO_REQUEST, identifier: 0x1234, sequence: 0x5678, payload };
  const forged = checksum === undefined ? {} : { checksum };
  core.putFrame(frameOf({ ipv4: { ...ADDRESSES, options }, icmp: { ...message, ...forged } }));
}

describe("an echo request", () => {
  test("of every length up to the MTU is owed its echo, whatever IP options it has", () => {
    const prng = new Prng(1);
    for (let length = 0; length <= 1472; length += length < 40 || length > 1440 ? 1 : 37) {
      const payload = prng.bytes(length);
      putEcho(payload, new Uint8Array(length > 1400 ? 0 : (length % 11) * 4).fill(1));
      core.state.replyKind = 0;
      // Not the limit's test: nothing was answered before.
      core.state.replyDebt = 0;
      expect(icmp.receive(0)).toBe(false);
      expect(core.state.replyKind).toBe(core.constant("net/reply", "Reply.ECHO"));
      const packet = decode(core.outputFrame(icmp.emitReply()));
      expect(packet.problems).toEqual([]);
      if (packet.kind !== "icmp") return expect.fail(packet.kind);
      const header = { type: IcmpType.ECHO_REPLY, code: 0, identifier: 0x1234, sequence: 0x5678 };
      expect(packet.icmp).toMatchObject(header);
      expect(packet.icmp.payload).toEqual(payload);
      expect(packet.ethernet).toMatchObject({ source: DEVICE.mac, destination: PEER.mac });
      expect(packet.ipv4).toMatchObject({
        source: DEVICE.address,
        destination: PEER.address,
        headerBytes: 20,
      });
    }
  });

  test("with a wrong checksum is dropped", () => {
    putEcho(Uint8Array.of(1, 2, 3), new Uint8Array(0), 0x1234);
    icmp.receive(0);
    expect(core.counters()).toEqual({ ICMP_CHECKSUM: 1 });
    expect(core.state.replyKind).toBe(0);
  });
});

test.each([0, 1, 4, 7])("a message of %i octets is malformed", (length) => {
  core.putFrame(frameOf({ ipv4: { ...ADDRESSES, protocol: 1 }, payload: new Uint8Array(length) }));
  icmp.receive(0);
  expect(core.counters()).toEqual({ ICMP_MALFORMED: 1 });
});

test.each([
  [IcmpType.ECHO_REPLY, 0],
  [IcmpType.REDIRECT, 0],
  // RFC 6633: a source quench means nothing.
  [IcmpType.SOURCE_QUENCH, 0],
  [13, 0],
  [IcmpType.ECHO_REQUEST, 1],
])("type %i code %i is ignored", (type, code) => {
  core.putFrame(frameOf({ ipv4: ADDRESSES, icmp: { type, code } }));
  expect(icmp.receive(0)).toBe(false);
  expect(core.counters()).toEqual({ ICMP_IGNORED: 1 });
  expect(core.state.replyKind).toBe(0);
});

describe("an error message", () => {
  test("of these types is for who sent what it is about, and answered by nobody", () => {
    const errors: number[] = [];
    for (let type = 0; type < 256; type++) {
      for (const code of [0, 4, 255]) {
        core.putFrame(frameOf({ ipv4: ADDRESSES, icmp: { type, code } }));
        if (icmp.receive(0) && code === 4) errors.push(type);
      }
    }
    // Destination unreachable, time exceeded, parameter problem (RFC 792).
    expect(errors).toEqual([3, 11, 12]);
    expect(core.counters().ICMP_IGNORED).toBe((256 - 3) * 3 - 1);
    expect(core.state.replyKind).toBe(core.constant("net/reply", "Reply.ECHO"));
  });

  test.each([3, 11, 12])("type %i with a wrong checksum is dropped", (type) => {
    core.putFrame(frameOf({ ipv4: ADDRESSES, icmp: { type, checksum: 0x1234 } }));
    expect(icmp.receive(0)).toBe(false);
    expect(core.counters()).toEqual({ ICMP_CHECKSUM: 1 });
  });
});

describe("emitUnreachable (RFC 792: the header and 64 bits of what it is about)", () => {
  test.each([
    // Type 3: code 3 is a port's, 2 a protocol's (RFC 1122 section 3.2.2.1).
    [17, 3],
    [2, 2],
    [255, 2],
  ])("protocol %i: code %i", (protocol, code) => {
    const prng = new Prng(protocol);
    for (const [options, length] of [
      [0, 0],
      [0, 7],
      [0, 8],
      [0, 9],
      [4, 3],
      [40, 1000],
    ] as const) {
      const payload = prng.bytes(length);
      const frame = frameOf({
        ipv4: { ...ADDRESSES, protocol, options: new Uint8Array(options).fill(1) },
        payload,
      });
      core.memory.fill(0xee, core.header.outputSlot, core.header.outputSlot + 120);
      core.putFrame(frame);
      const packet = decode(core.outputFrame(icmp.emitUnreachable()));
      expect(packet.problems).toEqual([]);
      if (packet.kind !== "icmp") return expect.fail(packet.kind);
      expect(packet.icmp).toMatchObject({ type: IcmpType.UNREACHABLE, code, identifier: 0, sequence: 0 });
      expect(packet.icmp.payload).toEqual(frame.slice(14, 14 + 20 + options + Math.min(length, 8)));
      expect(packet.ipv4).toMatchObject({ source: DEVICE.address, destination: PEER.address });
      expect(packet.ethernet.destination).toBe(PEER.mac);
    }
    expect(core.counters()).toEqual({ ICMP_UNREACHABLE: 6 });
  });
});

test("emitTimeExceeded quotes the packet that it is given, and goes to the neighbour that it is given", () => {
  const packetAt = 50000;
  const neighbourAt = 60000;
  const payload = new Prng(5).bytes(30);
  const frame = frameOf({
    ipv4: {
      ...ADDRESSES,
      source: "10.0.0.9",
      protocol: 17,
      moreFragments: true,
      options: new Uint8Array(8).fill(1),
    },
    payload,
  });
  core.memory.set(frame.subarray(14), packetAt);
  core.memory.set([6, 1, 2, 3, 4, 5], neighbourAt);
  // What stands in the input slot is another's.
  core.putFrame(frameOf({ ipv4: ADDRESSES, icmp: { type: 8 } }));
  const packet = decode(core.outputFrame(icmp.emitTimeExceeded(packetAt, neighbourAt)));
  expect(packet.problems).toEqual([]);
  if (packet.kind !== "icmp") return expect.fail(packet.kind);
  // RFC 792: code 1 is fragment reassembly time exceeded.
  expect(packet.icmp).toMatchObject({ type: IcmpType.TIME_EXCEEDED, code: 1, identifier: 0, sequence: 0 });
  expect(packet.icmp.payload).toEqual(frame.slice(14, 14 + 28 + 8));
  expect(packet.ipv4).toMatchObject({ source: DEVICE.address, destination: "10.0.0.9" });
  expect(packet.ethernet).toMatchObject({ source: DEVICE.mac, destination: "06:01:02:03:04:05" });
  expect(core.counters()).toEqual({ ICMP_UNREACHABLE: 1 });
});
