import { expect, test } from "vitest";
import { decode, decodeEthernet, encodeEthernet, formatMac, macOctets } from "../../host/packet/index.js";
import { hex } from "./bytes.js";

test("a header is destination, source, type", () => {
  const ethernet = decodeEthernet(hex("ffffffffffff 02000000000a 0806 01"));
  expect(ethernet).toEqual({
    destination: "ff:ff:ff:ff:ff:ff",
    source: "02:00:00:00:00:0a",
    type: 0x0806,
    payload: hex("01"),
  });
});

test("a frame is built octet by octet, and padded to 60 unless told otherwise", () => {
  const spec = {
    destination: "02:00:00:00:00:01",
    source: "02:00:00:00:00:02",
    type: 0x88b5,
    payload: hex("aa"),
  };
  const bare = hex("020000000001 020000000002 88b5 aa");
  expect(encodeEthernet({ ...spec, minimumBytes: 0 })).toEqual(bare);
  const padded = encodeEthernet(spec);
  expect(padded.length).toBe(60);
  expect(padded.subarray(0, 15)).toEqual(bare);
  expect(padded.subarray(15).every((octet) => octet === 0)).toBe(true);
});

test("frames of 0 to 13 bytes are reported, not thrown at", () => {
  for (let length = 0; length < 14; length++) {
    const packet = decode(new Uint8Array(length));
    expect(packet.kind).toBe("short");
    expect(packet.problems).toEqual([`frame of ${length} bytes`]);
  }
  expect(decode(new Uint8Array(14)).kind).toBe("ethernet");
});

test("addresses as text", () => {
  expect(macOctets("02:00:5e:10:ff:0a")).toEqual(hex("02005e10ff0a"));
  expect(formatMac(hex("02005e10ff0a"))).toBe("02:00:5e:10:ff:0a");
  for (const bad of ["", "02:00:00:00:00", "02:00:00:00:00:100", "02:00:00:00:00:zz", "0:1:2:3:4:5:6"])
    expect(() => macOctets(bad), bad).toThrow(TypeError);
});
