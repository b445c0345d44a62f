import { expect, test } from "vitest";
import { EtherType, encodeEthernet } from "../../../host/packet/index.js";
import { UnitCore } from "../core.js";

const core = new UnitCore();
const { ethernet } = core.functions("wire/ethernet", "ethernet");

const FILE = "wire/ethernet";
const NAMES = ["destination0", "destination1", "source0", "source1", "type"] as const;
type Header = Record<(typeof NAMES)[number], number>;

test("the view shows a frame's fields, each aligned", () => {
  const frame = encodeEthernet({
    destination: "02:11:22:33:44:55",
    source: "06:77:88:99:aa:bb",
    type: EtherType.IPV4,
    payload: new Uint8Array(0),
  });
  core.putFrame(frame);
  const at = ethernet(core.header.inputSlot);
  expect(at).toBe(core.header.inputSlot - 2);
  const view = core.record<Header>(FILE, "EthernetHeader", at);
  expect(NAMES.map((name) => view[name])).toEqual([0x1102, 0x55443322, 0x99887706, 0xbbaa, 0x0008]);
  // A load that is not aligned is slow or a fault on some processors: 32-bit fields lie at multiples of 4.
  expect(at % 4).toBe(0);
  expect(core.sizeOf(FILE, "EthernetHeader")).toBe(16);
});

test.each([
  ["TYPE_IPV4", EtherType.IPV4],
  ["TYPE_ARP", EtherType.ARP],
])("%s is as loaded from the wire", (name, type) => {
  const frame = encodeEthernet({
    destination: "02:00:00:00:00:01",
    source: "02:00:00:00:00:02",
    type,
    payload: new Uint8Array(0),
  });
  expect(new DataView(frame.buffer).getUint16(12, true)).toBe(core.constant(FILE, name));
});
