import { expect, test } from "vitest";
import { decode, decodeIpv4, encodeIpv4, formatIp, ipOctets, pseudoHeader } from "../../host/packet/index.js";
import { hex } from "./bytes.js";

// Checksum by hand: 4500+0073+0000+4000+4011+c0a8+0001+c0a8+00c7 = 2479c, folded 479e, inverted b861.
const HEADER = hex("45000073 00004000 4011b861 c0a80001 c0a800c7");
const PAYLOAD = new Uint8Array(95).fill(7);

function datagram(): Uint8Array {
  const data = new Uint8Array(115);
  data.set(HEADER);
  data.set(PAYLOAD, 20);
  return data;
}

function problemsOf(data: Uint8Array): string[] {
  const problems: string[] = [];
  decodeIpv4(data, problems);
  return problems;
}

test("RFC 791: a header, octet by octet", () => {
  const built = encodeIpv4({
    source: "192.168.0.1",
    destination: "192.168.0.199",
    protocol: 17,
    dontFragment: true,
    payload: PAYLOAD,
  });
  expect(built).toEqual(datagram());
});

test("a header decodes field by field", () => {
  const problems: string[] = [];
  const padded = new Uint8Array(120);
  padded.set(datagram());
  const ip = decodeIpv4(padded, problems);
  expect(problems).toEqual([]);
  expect(ip).toEqual({
    version: 4,
    headerBytes: 20,
    tos: 0,
    totalBytes: 115,
    identification: 0,
    dontFragment: true,
    moreFragments: false,
    reservedFlag: false,
    fragmentOffset: 0,
    ttl: 64,
    protocol: 17,
    checksum: 0xb861,
    checksumValid: true,
    source: "192.168.0.1",
    destination: "192.168.0.199",
    options: new Uint8Array(0),
    payload: PAYLOAD,
    padding: new Uint8Array(5),
  });
});

test("options, fragments and the other fields have their places", () => {
  const built = encodeIpv4({
    source: "10.0.0.1",
    destination: "10.0.0.2",
    protocol: 1,
    tos: 0xb8,
    identification: 0xbeef,
    moreFragments: true,
    reservedFlag: true,
    fragmentOffset: 1480,
    ttl: 3,
    options: hex("830703 0a000003"),
    payload: hex("55"),
    checksum: 0x1234,
  });
  expect(built).toEqual(hex("47b8001d beefa0b9 03011234 0a000001 0a000002 8307030a 00000300 55"));
});

test("each lie in a header is reported by name", () => {
  const forge = (at: number, value: number): string[] => {
    const data = datagram();
    data[at] = value;
    return problemsOf(data);
  };
  expect(forge(0, 0x65)).toContain("IP version 6");
  expect(forge(0, 0x44)).toContain("IPv4 header length 16 of 115 bytes");
  expect(forge(3, 0x74)).toContain("IPv4 total length 116 of 115 bytes");
  expect(forge(3, 19)).toContain("IPv4 total length 19 of 115 bytes");
  expect(forge(6, 0x80)).toContain("IPv4 reserved flag");
  expect(forge(8, 63)).toEqual(["IPv4 checksum 0xb861, should be 0xb961"]);
  expect(problemsOf(datagram().subarray(0, 19))).toEqual(["IPv4 header of 19 bytes"]);
  expect(problemsOf(hex("4f00003c 00000000 40060000 0a000001 0a000002"))).toContain(
    "IPv4 header length 60 of 20 bytes",
  );
});

test("what lies in a fragment is not read as a segment", () => {
  const segment = new Uint8Array(32);
  for (const fragment of [{ moreFragments: true }, { fragmentOffset: 8 }]) {
    const ip = { source: "10.0.0.1", destination: "10.0.0.2", protocol: 6, payload: segment, ...fragment };
    const frame = new Uint8Array(66);
    frame.set(hex("020000000002 020000000001 0800"));
    frame.set(encodeIpv4(ip), 14);
    expect(decode(frame).kind).toBe("ipv4");
  }
});

test("the pseudo-header of RFC 9293 section 3.1", () => {
  expect(pseudoHeader("10.0.0.1", "10.0.0.2", 6, 0x118)).toEqual(hex("0a000001 0a000002 00060118"));
});

test("addresses as text", () => {
  expect(ipOctets("10.0.200.255")).toEqual(hex("0a00c8ff"));
  expect(formatIp(hex("0a00c8ff"))).toBe("10.0.200.255");
  for (const bad of ["", "10.0.0", "10.0.0.256", "10.0.0.-1", "10.0.0.1.2", "10.0.0.x", "10.0..1"])
    expect(() => ipOctets(bad), bad).toThrow(TypeError);
});
