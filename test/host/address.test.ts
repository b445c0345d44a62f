import { expect, test } from "vitest";
import { formatIpv4, parseIpv4, parseMac } from "../../host/address.js";

test("an IPv4 address is its four octets", () => {
  expect(parseIpv4("10.0.200.255")).toEqual(Uint8Array.of(10, 0, 200, 255));
  expect(parseIpv4("0.0.0.0")).toEqual(new Uint8Array(4));
});

test.each([
  "",
  "10.0.0",
  "10.0.0.256",
  "10.0.0.-1",
  "10.0.0.1.2",
  "10.0.0.x",
  "10.0..1",
  " 10.0.0.1",
  "10.0.0.0x1",
  "1e1.0.0.0",
])("%j is refused, with an example of what to write", (text) => {
  expect(() => parseIpv4(text)).toThrow(/is not an IPv4 address: .*10\.0\.0\.1/);
});

test("octets are written as text; those after the fourth are not looked at", () => {
  expect(formatIpv4(Uint8Array.of(10, 0, 200, 255))).toBe("10.0.200.255");
  expect(formatIpv4(Uint8Array.of(10, 0, 0, 1, 9, 9, 9, 9))).toBe("10.0.0.1");
});

test("a MAC address is its six octets, in either case", () => {
  expect(parseMac("02:00:5e:10:fF:0A")).toEqual(Uint8Array.of(2, 0, 0x5e, 0x10, 0xff, 0x0a));
});

test.each([
  "",
  "02:00:00:00:00",
  "02:00:00:00:00:1",
  "02:00:00:00:00:001",
  "02-00-00-00-00-01",
  "02:00:00:00:00:0g",
  "02:00:00:00:00:01:02",
])("%j is refused, with an example of what to write", (text) => {
  expect(() => parseMac(text)).toThrow(/is not a MAC address: .*02:00:00:00:00:01/);
});
