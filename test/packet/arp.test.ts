import { expect, test } from "vitest";
import { ArpOperation, decode, describe, encode, encodeArp } from "../../host/packet/index.js";
import { hex } from "./bytes.js";

const REQUEST = hex(`
  0001 0800 06 04 0001
  020000000001 0a000001
  000000000000 0a000002`);

test("RFC 826: a request, octet by octet", () => {
  const built = encodeArp({
    operation: ArpOperation.REQUEST,
    senderMac: "02:00:00:00:00:01",
    senderIp: "10.0.0.1",
    targetIp: "10.0.0.2",
  });
  expect(built).toEqual(REQUEST);
});

test("a broadcast request decodes, with its padding apart", () => {
  const frame = new Uint8Array(60);
  frame.set(hex("ffffffffffff 020000000001 0806"));
  frame.set(REQUEST, 14);
  const packet = decode(frame);
  expect(packet.kind === "arp" && packet.arp).toEqual({
    hardware: 1,
    protocol: 0x0800,
    hardwareBytes: 6,
    protocolBytes: 4,
    operation: 1,
    senderMac: "02:00:00:00:00:01",
    senderIp: "10.0.0.1",
    targetMac: "00:00:00:00:00:00",
    targetIp: "10.0.0.2",
  });
  expect(packet.padding.length).toBe(18);
  expect(packet.problems).toEqual([]);
  expect(describe(frame)).toBe("ARP Who has 10.0.0.2? Tell 10.0.0.1");
});

test("fields of the fixed part can be forged, and are then reported", () => {
  const link = { source: "02:00:00:00:00:01" };
  const arp = {
    operation: ArpOperation.REPLY,
    senderMac: "02:00:00:00:00:01",
    senderIp: "10.0.0.1",
    targetMac: "02:00:00:00:00:02",
    targetIp: "10.0.0.2",
  };
  expect(describe(encode({ link, arp }))).toBe("ARP 10.0.0.1 is at 02:00:00:00:00:01");
  const forged = encode({
    link,
    arp: { ...arp, hardware: 6, protocol: 1, hardwareBytes: 8, protocolBytes: 16 },
  });
  expect(forged.subarray(14, 20)).toEqual(hex("0006 0001 08 10"));
  expect(decode(forged).problems).toHaveLength(4);
});

test("a packet cut short is reported", () => {
  const frame = hex("ffffffffffff 020000000001 0806 0001");
  expect(decode(frame).kind).toBe("ethernet");
  expect(decode(frame).problems).toEqual(["ARP packet of 2 bytes"]);
});
