import { describe, expect, test } from "vitest";
import { ArpOperation, type ArpSpec, encodeArp } from "../../../host/packet/index.js";
import { address, UnitCore } from "../core.js";

const FILE = "wire/arp";
const core = new UnitCore(null);
const { check, senderAddress } = core.functions(FILE, "check", "senderAddress");
const AT = 4096;

const REQUEST: ArpSpec = {
  operation: ArpOperation.REQUEST,
  senderMac: "02:11:22:33:44:55",
  senderIp: "10.1.2.3",
  targetMac: "06:77:88:99:aa:bb",
  targetIp: "10.4.5.6",
};

function put(spec: Partial<ArpSpec> = {}): number {
  core.memory.set(encodeArp({ ...REQUEST, ...spec }), AT);
  return AT;
}

describe("check", () => {
  test.each(Array.from({ length: 61 }, (_, length) => length))("%i octets", (length) => {
    expect(check(put(), length)).toBe(length >= 28);
  });

  test("a length that has become negative on the way is no packet's", () => {
    // The caller subtracts the Ethernet header only from what is long enough; no frame is longer than a slot.
    expect(check(put(), 27)).toBe(false);
  });

  test.each<[string, Partial<ArpSpec>]>([
    ["hardware type 6 (IEEE 802)", { hardware: 6 }],
    ["hardware type 256: octets the wrong way round", { hardware: 0x0100 }],
    ["protocol IPv6", { protocol: 0x86dd }],
    ["hardware addresses of 8 octets", { hardwareBytes: 8 }],
    ["hardware addresses of 0 octets", { hardwareBytes: 0 }],
    ["protocol addresses of 16 octets", { protocolBytes: 16 }],
    ["protocol addresses of 0 octets", { protocolBytes: 0 }],
  ])("no: %s", (_what, forged) => {
    expect(check(put(forged), 28)).toBe(false);
  });

  test("an operation is not looked at", () => {
    for (const operation of [0, 1, 2, 3, 65535]) expect(check(put({ operation }), 28)).toBe(true);
  });
});

test("fields stand where RFC 826 has them", () => {
  const view = core.record<Record<string, number>>(FILE, "ArpPacket", put());
  expect(senderAddress(AT)).toBe(address("10.1.2.3"));
  expect(view.targetAddress).toBe(address("10.4.5.6"));
  expect([view.senderMac0, view.senderMac1]).toEqual([0x33221102, 0x5544]);
  expect([view.targetMac0, view.targetMac1]).toEqual([0x7706, 0xbbaa9988]);
  expect(view.types).toBe(core.constant(FILE, "HARDWARE_PROTOCOL"));
  expect(view.lengths).toBe(core.constant(FILE, "LENGTHS"));
  expect(view.operation).toBe(core.constant(FILE, "REQUEST"));
  put({ operation: ArpOperation.REPLY });
  expect(view.operation).toBe(core.constant(FILE, "REPLY"));
  expect(core.sizeOf(FILE, "ArpPacket")).toBe(core.constant(FILE, "ARP_PACKET_BYTES"));
});
