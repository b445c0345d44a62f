import { expect, test } from "vitest";
import { decode, decodeUdp, describe, encode, encodeUdp } from "../../host/packet/index.js";
import { hex } from "./bytes.js";

const ADDRESSES = { source: "10.0.0.1", destination: "10.0.0.2" };
// Checksum by hand: 0a00+0001+0a00+0002+0011+000b (pseudo-header) + 0035+1234+000b+6162+6300 = eaf5, inverted 150a.
const DATAGRAM = hex("0035 1234 000b 150a 616263");
const SPEC = { sourcePort: 53, destinationPort: 0x1234, payload: hex("616263") };

test("RFC 768: a datagram of odd length, octet by octet", () => {
  expect(encodeUdp(SPEC, ADDRESSES)).toEqual(DATAGRAM);
});

test("a datagram decodes, and describes itself", () => {
  const problems: string[] = [];
  expect(decodeUdp(DATAGRAM, ADDRESSES, problems)).toEqual({
    ...{ sourcePort: 53, destinationPort: 0x1234, totalBytes: 11, checksum: 0x150a, checksumValid: true },
    payload: hex("616263"),
  });
  expect(problems).toEqual([]);
  const frame = encode({ link: { source: "02:00:00:00:00:01" }, ipv4: ADDRESSES, udp: SPEC });
  expect(decode(frame)).toMatchObject({ kind: "udp", problems: [], udp: { sourcePort: 53 } });
  expect(describe(frame)).toBe("10.0.0.1:53 > 10.0.0.2:4660 UDP Len=3");
});

test("a checksum of zero is none; one that would be zero is ffff", () => {
  const problems: string[] = [];
  expect(decodeUdp(hex("0035 1234 000b 0000 616263"), ADDRESSES, problems)?.checksumValid).toBe(true);
  expect(problems).toEqual([]);
  const { sourcePort, destinationPort } = SPEC;
  const payload = encodeUdp({ sourcePort, destinationPort, payload: hex("0000") }, ADDRESSES).slice(6, 8);
  expect(encodeUdp({ sourcePort, destinationPort, payload }, ADDRESSES).subarray(6, 8)).toEqual(hex("ffff"));
});

test("lengths that lie, wrong checksums and short datagrams are reported", () => {
  const problems: string[] = [];
  decodeUdp(hex("0035 1234 000b 150b 616263"), ADDRESSES, problems);
  decodeUdp(hex("0035 1234 000c 0000 616263"), ADDRESSES, problems);
  expect(decodeUdp(hex("0035 1234 0007 0000"), ADDRESSES, problems)?.payload).toEqual(hex(""));
  expect(decodeUdp(hex("0035 1234 0007"), ADDRESSES, problems)).toBeUndefined();
  expect(problems).toEqual([
    "UDP checksum 0x150b, should be 0x150a",
    "UDP length 12 of 11 bytes",
    "UDP length 7 of 8 bytes",
    "UDP datagram of 6 bytes",
  ]);
});
