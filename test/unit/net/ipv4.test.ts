import { beforeEach, describe, expect, test } from "vitest";
import {
  BROADCAST_MAC,
  decode,
  encode,
  type Ipv4Spec,
  onesComplementSum,
  pseudoHeader,
} from "../../../host/packet/index.js";
import { Prng } from "../../../host/sim/prng.js";
import { address, DEVICE, PEER, UnitCore } from "../core.js";

let core: UnitCore;
let ipv4: ReturnType<typeof functionsOf>;

function functionsOf(unit: UnitCore) {
  return unit.functions(
    "net/ipv4",
    "input",
    "payload",
    "payloadBytes",
    "receive",
    "isIntact",
    "outputPayload",
    "emit",
    "amend",
    "pseudoSum",
  );
}

beforeEach(() => boot());

function boot(config: ConstructorParameters<typeof UnitCore>[0] = {}): void {
  core = new UnitCore(config);
  ipv4 = functionsOf(core);
}

/** What `receive` says to a packet, of which `length` octets arrive. */
function receive(
  spec: Partial<Ipv4Spec> = {},
  { destination = DEVICE.mac as string, cut = 0, flags = 0 } = {},
): number {
  const frame = encode({
    link: { source: PEER.mac, destination, minimumBytes: 0 },
    ipv4: { source: PEER.address, destination: DEVICE.address, protocol: 6, ...spec },
    payload: spec.payload ?? new Uint8Array(20),
  });
  return ipv4.receive(core.putFrame(frame) - 14 - cut, flags);
}

describe("receive", () => {
  test.each([1, 6, 17, 255])("gives protocol %i", (protocol) => {
    expect(receive({ protocol })).toBe(protocol);
    expect(core.counters()).toEqual({});
  });

  test.each<[string, Partial<Ipv4Spec>, string]>([
    ["version 6", { version: 6 }, "IP_MALFORMED"],
    ["IHL 4", { ihl: 4 }, "IP_MALFORMED"],
    ["total length below the header's", { totalBytes: 19 }, "IP_MALFORMED"],
    ["total length beyond the frame", { totalBytes: 41 }, "IP_MALFORMED"],
    ["wrong checksum", { checksum: 0x1234 }, "IP_CHECKSUM"],
    ["somebody else's", { destination: "10.0.0.3" }, "IP_NOT_OURS"],
    ["directed broadcast", { destination: "10.0.0.255" }, "IP_NOT_OURS"],
    ["limited broadcast", { destination: "255.255.255.255" }, "IP_NOT_OURS"],
    ["multicast", { destination: "224.0.0.1" }, "IP_NOT_OURS"],
    ["from us", { source: DEVICE.address }, "IP_BAD_SOURCE"],
    ["from nobody", { source: "0.0.0.0" }, "IP_BAD_SOURCE"],
    ["from loopback", { source: "127.0.0.1" }, "IP_BAD_SOURCE"],
    ["from multicast", { source: "224.0.0.1" }, "IP_BAD_SOURCE"],
    ["from broadcast", { source: "10.0.0.255" }, "IP_BAD_SOURCE"],
    ["first fragment", { moreFragments: true }, "IP_FRAGMENT"],
    ["last fragment", { fragmentOffset: 8 }, "IP_FRAGMENT"],
    ["fragment at the end of everything", { fragmentOffset: 65528 }, "IP_FRAGMENT"],
  ])("drops %s", (_what, spec, counter) => {
    expect(receive(spec)).toBe(0);
    expect(core.counters()).toEqual({ [counter]: 1 });
  });

  test("a packet for us in a broadcast frame is not for us (RFC 1122 section 3.3.6)", () => {
    expect(receive({}, { destination: BROADCAST_MAC })).toBe(0);
    expect(core.counters()).toEqual({ IP_NOT_OURS: 1 });
  });

  test("without an address nothing is ours, not even what is for 0.0.0.0", () => {
    boot({ address: "0.0.0.0" });
    expect(receive({ destination: "0.0.0.0" })).toBe(0);
    expect(core.counters()).toEqual({ IP_NOT_OURS: 1 });
  });

  test("a frame cut short anywhere is malformed", () => {
    for (let cut = 1; cut <= 40; cut++) expect(receive({}, { cut })).toBe(0);
    expect(core.counters()).toEqual({ IP_MALFORMED: 40 });
  });

  test("every bit of the header is under the checksum", () => {
    expect(receive()).toBe(6);
    const at = core.header.inputSlot + 14;
    for (let octet = 0; octet < 20; octet++) {
      for (let bit = 0; bit < 8; bit++) {
        core.memory[at + octet] = (core.memory[at + octet] as number) ^ (1 << bit);
        expect(ipv4.receive(40, 0), `octet ${octet}, bit ${bit}`).toBe(0);
        core.memory[at + octet] = (core.memory[at + octet] as number) ^ (1 << bit);
      }
    }
    expect(ipv4.receive(40, 0)).toBe(6);
  });

  test("options of every length are stepped over, and padding is no payload", () => {
    for (let octets = 0; octets <= 40; octets += 4) {
      const options = new Uint8Array(octets).fill(1);
      expect(receive({ options, payload: new Uint8Array(7) })).toBe(6);
      const ip = ipv4.input();
      expect(ip).toBe(core.header.inputSlot + 14);
      expect(ipv4.payload(ip)).toBe(ip + 20 + octets);
      expect(ipv4.payloadBytes(ip)).toBe(7);
    }
  });
});

describe("emit", () => {
  const neighbour = () => {
    const at = 60000;
    core.view.setUint32(at, 0x99887706, true);
    core.view.setUint16(at + 4, 0xbbaa, true);
    return at;
  };

  test("every header that the codec reads is right, for any address, protocol and length", () => {
    const prng = new Prng(1);
    for (let round = 0; round < 2000; round++) {
      const destination = prng.bytes(4).join(".");
      const protocol = prng.below(256);
      const tos = prng.below(256);
      const length = round < 2 ? [0, 1480][round] : prng.below(1481);
      // What an earlier packet left in the slot does not shine through.
      core.memory.fill(prng.below(256), core.header.outputSlot, core.header.outputSlot + 40);
      const bytes = ipv4.emit(address(destination), protocol, length as number, tos, neighbour());
      expect(bytes).toBe(34 + (length as number));
      const packet = decode(core.outputFrame(bytes));
      if (!("ipv4" in packet)) return expect.fail(`${packet.kind}`);
      expect(packet.ethernet).toMatchObject({ destination: "06:77:88:99:aa:bb", source: DEVICE.mac });
      expect(packet.ipv4).toMatchObject({
        ...{ version: 4, headerBytes: 20, tos, totalBytes: bytes - 14, identification: 0 },
        ...{ dontFragment: true, moreFragments: false, reservedFlag: false, fragmentOffset: 0 },
        ...{ ttl: 64, protocol, checksumValid: true, source: DEVICE.address, destination },
      });
    }
  });

  test.each([1, 64, 128, 255])("the time to live is the configured %i", (ttl) => {
    boot({ ttl });
    const packet = decode(core.outputFrame(ipv4.emit(address(PEER.address), 253, 0, 0xff, neighbour())));
    expect(packet.problems).toEqual([]);
    expect("ipv4" in packet && packet.ipv4).toMatchObject({ ttl, tos: 0xff, protocol: 253 });
  });

  test("the payload stands behind the header, untouched", () => {
    const payload = new Prng(2).bytes(100);
    core.memory.set(payload, ipv4.outputPayload());
    const packet = decode(core.outputFrame(ipv4.emit(address(PEER.address), 253, 100, 0, neighbour())));
    expect(packet.kind === "ipv4" && packet.ipv4.payload).toEqual(payload);
  });
});

test("amend gives a packet another source and time to live", () => {
  const bytes = ipv4.emit(
    address(PEER.address),
    17,
    0,
    0,
    core.functions("net/groups", "neighbour").neighbour(-1),
  );
  for (const [source, ttl] of [
    ["0.0.0.0", 1],
    ["192.0.2.255", 255],
  ] as const) {
    ipv4.amend(address(source), ttl);
    const packet = decode(core.outputFrame(bytes));
    expect(packet).toMatchObject({ ipv4: { source, ttl, checksumValid: true, destination: PEER.address } });
  }
});

test("pseudoSum is the sum of the codec's pseudo-header", () => {
  const prng = new Prng(3);
  for (let round = 0; round < 2000; round++) {
    const remote = round === 0 ? "255.255.255.255" : prng.bytes(4).join(".");
    const protocol = prng.below(256);
    const length = prng.below(65536);
    const sum = ipv4.pseudoSum(address(remote), protocol, length);
    const wanted = onesComplementSum(pseudoHeader(remote, DEVICE.address, protocol, length));
    // In one's complement 0 and ffff are the same number; an octet is a factor of 256.
    expect(Number((BigInt(sum) * 256n) % 0xffffn)).toBe(wanted % 0xffff);
  }
});
