import { expect, test } from "vitest";
import { UnitCore } from "../core.js";

const core = new UnitCore(null);
const { check, totalBytes } = core.functions("wire/udp", "check", "totalBytes");
const AT = 4096;

function header(length: number): number {
  core.memory.set([0, 1, 0, 2, length >> 8, length & 255, 0, 0], AT);
  return AT;
}

test("totalBytes is the length field", () => {
  for (const length of [0, 8, 255, 256, 65535]) expect(totalBytes(header(length))).toBe(length);
});

test("check: a header, and all that its length promises", () => {
  const fits = (length: number, available: number) => check(header(length), available);
  expect([fits(8, 8), fits(8, 100), fits(100, 100), fits(65535, 65535)]).toEqual([true, true, true, true]);
  expect([fits(7, 100), fits(0, 100), fits(9, 8), fits(101, 100), fits(8, 7), fits(65535, 1480)]).toEqual(
    Array(6).fill(false),
  );
});

test("the record is 8 octets", () => {
  expect(core.sizeOf("wire/udp", "UdpHeader")).toBe(core.constant("wire/udp", "UDP_HEADER_BYTES"));
});
