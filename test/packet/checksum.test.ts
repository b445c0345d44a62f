import { expect, test } from "vitest";
import { internetChecksum, onesComplementSum } from "../../host/packet/index.js";
import { hex } from "./bytes.js";

test("RFC 1071 section 3: the numerical example sums to ddf2", () => {
  expect(onesComplementSum(hex("0001 f203 f4f5 f6f7"))).toBe(0xddf2);
  expect(internetChecksum(hex("0001 f203 f4f5 f6f7"))).toBe(0x220d);
});

test("an odd last octet is the high half of its word", () => {
  expect(onesComplementSum(hex("0001 f2"))).toBe(0xf201);
});

test("parts are summed as if laid end to end, odd ones too", () => {
  const whole = onesComplementSum(hex("0001 f203 f4f5 f6f7"));
  expect(onesComplementSum(hex("00"), hex("01f203"), new Uint8Array(0), hex("f4f5f6f7"))).toBe(whole);
});

test("carries are folded: ffff is minus zero", () => {
  expect(onesComplementSum(hex("ffff ffff"))).toBe(0xffff);
  expect(onesComplementSum(hex("ffff 0001"))).toBe(1);
  expect(internetChecksum(new Uint8Array(0))).toBe(0xffff);
});
