import { beforeEach, expect, test } from "vitest";
import { ConfigFlag } from "../../../host/abi.js";
import { decode, onesComplementSum } from "../../../host/packet/index.js";
import { address, PEER, UnitCore } from "../core.js";
import { octets } from "./stage.js";

let core: UnitCore;
let of: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) =>
  unit.functions(
    "udp/emit",
    ...(["payloadAt", "mostBytes", "isForMany", "hasRoute", "neighbourOf", "emit", "emitPorts"] as const),
  );

beforeEach(() => {
  core = new UnitCore();
  of = functionsOf(core);
});

test("a datagram of every length, octet by octet", () => {
  const to = of.neighbourOf(0xffffffff);
  for (const length of [0, 1, 2, 3, 63, 64, 300, 1472]) {
    core.memory.set(octets(length), of.payloadAt());
    const bytes = of.emit(address("10.0.0.1"), address("255.255.255.255"), 68, 67, length, to);
    expect(bytes).toBe(14 + 20 + 8 + length);
    const packet = decode(core.outputFrame(bytes));
    expect(packet).toMatchObject({
      kind: "udp",
      problems: [],
      ethernet: { destination: "ff:ff:ff:ff:ff:ff" },
    });
    if (packet.kind === "udp")
      expect(packet.udp).toMatchObject({ sourcePort: 68, destinationPort: 67, payload: octets(length) });
  }
  expect(of.mostBytes()).toBe(1472);
});

test("from nobody: the source of a DHCP client is 0.0.0.0", () => {
  const bytes = of.emit(0, 0xffffffff, 68, 67, 0, of.neighbourOf(0xffffffff));
  expect(decode(core.outputFrame(bytes))).toMatchObject({
    problems: [],
    ipv4: { source: "0.0.0.0", ttl: 64 },
  });
});

test("emitPorts: ports as on the wire, octet of services, time to live", () => {
  const bytes = of.emitPorts(
    address("10.0.0.1"),
    address(PEER.address),
    0x04030201,
    0,
    0x12,
    5,
    of.neighbourOf(0xffffffff),
  );
  const packet = decode(core.outputFrame(bytes));
  expect(packet).toMatchObject({
    problems: [],
    ipv4: { ttl: 5, tos: 0x12 },
    udp: { sourcePort: 0x0102, destinationPort: 0x0304 },
  });
});

test("a checksum that comes out as zero is ffff", () => {
  const to = of.neighbourOf(0xffffffff);
  const send = (data: Uint8Array) => {
    core.memory.set(data, of.payloadAt());
    const bytes = of.emit(address("10.0.0.1"), address(PEER.address), 1, 2, 2, to);
    return core.outputFrame(bytes);
  };
  const checksum = send(Uint8Array.of(0, 0)).slice(40, 42);
  const frame = send(checksum);
  expect([...frame.subarray(40, 42)]).toEqual([255, 255]);
  expect(decode(frame).problems).toEqual([]);
});

test("with OUTPUT_CHECKSUM_OFFLOAD the sum of the pseudo-header is there, and where to go on", () => {
  core = new UnitCore({ flags: ConfigFlag.OUTPUT_CHECKSUM_OFFLOAD });
  of = functionsOf(core);
  core.memory.set(octets(5), of.payloadAt());
  const bytes = of.emit(address("10.0.0.1"), address(PEER.address), 1, 2, 5, of.neighbourOf(0xffffffff));
  const frame = core.outputFrame(bytes);
  const { checksumStart, checksumOffset } = core.header;
  expect([checksumStart, checksumOffset]).toEqual([34, 6]);
  const sum = 0xffff - onesComplementSum(frame.subarray(checksumStart));
  frame.set([sum >> 8, sum & 255], checksumStart + checksumOffset);
  expect(decode(frame).problems).toEqual([]);
});

test("isForMany, hasRoute and neighbourOf", () => {
  const many = ["255.255.255.255", "10.0.0.255", "224.0.0.1", "239.255.255.255"];
  const one = ["10.0.0.2", "8.8.8.8", "240.0.0.1", "10.0.1.255", "223.255.255.255"];
  expect(many.map((text) => of.isForMany(address(text)))).toEqual([true, true, true, true]);
  expect(one.map((text) => of.isForMany(address(text)))).toEqual([false, false, false, false, false]);
  for (const text of [...many, ...one]) expect(of.hasRoute(address(text)), text).toBe(true);
  expect(of.neighbourOf(address("10.0.0.2"))).toBe(0);
  const alone = functionsOf(new UnitCore({ gateway: "0.0.0.0" }));
  expect([alone.hasRoute(address("8.8.8.8")), alone.hasRoute(address("224.0.0.1"))]).toEqual([false, true]);
  const none = functionsOf(new UnitCore({ address: "0.0.0.0" }));
  expect([none.hasRoute(address("10.0.0.2")), none.hasRoute(0xffffffff)]).toEqual([false, false]);
});
