import { expect, test } from "vitest";
import { decode, decodeIcmp, describe, encodeIcmp, IcmpType } from "../../host/packet/index.js";
import { hex } from "./bytes.js";

// Checksum by hand, the odd octet as 6300: 0800+1234+0001+6162+6300 = de97, inverted 2168.
const ECHO = hex("0800 2168 1234 0001 616263");

test("RFC 792: an echo request of odd length, octet by octet", () => {
  const built = encodeIcmp({
    type: IcmpType.ECHO_REQUEST,
    identifier: 0x1234,
    sequence: 1,
    payload: hex("616263"),
  });
  expect(built).toEqual(ECHO);
});

test("an echo request decodes, and describes itself", () => {
  const problems: string[] = [];
  expect(decodeIcmp(ECHO, problems)).toEqual({
    type: 8,
    code: 0,
    checksum: 0x2168,
    checksumValid: true,
    identifier: 0x1234,
    sequence: 1,
    payload: hex("616263"),
  });
  expect(problems).toEqual([]);
  // Checksum by hand: 4500+001f+0000+0000+4001+0a00+0001+0a00+0002 = 9923, inverted 66dc.
  const frame = hex(`
    020000000002 020000000001 0800
    4500001f 00000000 400166dc 0a000001 0a000002
    08002168 12340001 616263`);
  expect(decode(frame).problems).toEqual([]);
  expect(describe(frame)).toBe("10.0.0.1 > 10.0.0.2 ICMP Echo request id=0x1234 seq=1 Len=3");
});

test("a wrong checksum and a short message are reported", () => {
  const problems: string[] = [];
  const wrong = ECHO.slice();
  wrong[8] = 0x60;
  expect(decodeIcmp(wrong, problems)?.checksumValid).toBe(false);
  expect(problems).toEqual(["ICMP checksum 0x2168, should be 0x2268"]);
  expect(decodeIcmp(ECHO.subarray(0, 7), problems)).toBeUndefined();
  expect(problems[1]).toBe("ICMP message of 7 bytes");
});

test("the checksum can be forged, and the second word serves other types", () => {
  const needed = { type: IcmpType.UNREACHABLE, code: 4, sequence: 1400, checksum: 0 };
  expect(encodeIcmp(needed)).toEqual(hex("0304 0000 0000 0578"));
});
