import { expect, test } from "vitest";
import { encodeIcmp, IcmpType } from "../../../host/packet/index.js";
import { UnitCore } from "../core.js";

const FILE = "wire/icmp";
const core = new UnitCore(null);
const AT = 4096;

function put(type: number, code = 0): Record<string, number> {
  const message = encodeIcmp({ type, code, identifier: 0x1234, sequence: 0x5678, checksum: 0xabcd });
  core.memory.set(message, AT);
  return core.record(FILE, "IcmpHeader", AT);
}

test("the header's fields and length", () => {
  const view = put(3, 4);
  expect([view.typeCode, view.checksum, view.rest]).toEqual([0x0403, 0xcdab, 0x78563412]);
  expect(core.sizeOf(FILE, "IcmpHeader")).toBe(core.constant(FILE, "ICMP_HEADER_BYTES"));
});

test("the echo constants are type and code as loaded", () => {
  expect(put(IcmpType.ECHO_REQUEST).typeCode).toBe(core.constant(FILE, "ECHO_REQUEST"));
  expect(put(IcmpType.ECHO_REPLY).typeCode).toBe(core.constant(FILE, "ECHO_REPLY"));
  expect(put(IcmpType.ECHO_REQUEST, 1).typeCode).not.toBe(core.constant(FILE, "ECHO_REQUEST"));
});
