// Which messages are answered at all, and how the answer goes out, is in test/script/icmp.script.ts, too.

import { beforeEach, describe, expect, test } from "vitest";
import { decode, IcmpType } from "../../../host/packet/index.js";
import { Prng } from "../../../host/sim/prng.js";
import { DEVICE, frameOf, PEER, UnitCore } from "../core.js";

let core: UnitCore;
let icmp: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) => unit.functions("net/icmp", "receive", "emitReply");

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
      icmp.receive();
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
    icmp.receive();
    expect(core.counters()).toEqual({ ICMP_CHECKSUM: 1 });
    expect(core.state.replyKind).toBe(0);
  });
});

test.each([0, 1, 4, 7])("a message of %i octets is malformed", (length) => {
  core.putFrame(frameOf({ ipv4: { ...ADDRESSES, protocol: 1 }, payload: new Uint8Array(length) }));
  icmp.receive();
  expect(core.counters()).toEqual({ ICMP_MALFORMED: 1 });
});

test.each([
  [IcmpType.ECHO_REPLY, 0],
  [IcmpType.UNREACHABLE, 1],
  [IcmpType.REDIRECT, 0],
  [IcmpType.SOURCE_QUENCH, 0],
  [13, 0],
  [IcmpType.ECHO_REQUEST, 1],
])("type %i code %i is ignored", (type, code) => {
  core.putFrame(frameOf({ ipv4: ADDRESSES, icmp: { type, code } }));
  icmp.receive();
  expect(core.counters()).toEqual({ ICMP_IGNORED: 1 });
  expect(core.state.replyKind).toBe(0);
});
