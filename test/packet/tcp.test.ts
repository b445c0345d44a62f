import { expect, test } from "vitest";
import {
  decode,
  decodeTcp,
  decodeTcpOptions,
  describe,
  encode,
  encodeTcp,
  encodeTcpOptions,
  TcpFlag,
  type TcpOption,
  tcpFlagNames,
  tcpFlags,
  tcpOption,
} from "../../host/packet/index.js";
import { hex } from "./bytes.js";

const ADDRESSES = { source: "10.0.0.1", destination: "10.0.0.2" };

// Checksum by hand. Pseudo-header: 0a00+0001+0a00+0002+0006+0018 = 1421. Header: 9c40+0050+0000+0001+6002+ffff
// +0204+05b4 = 2044a, folded 044c. Together 186d, inverted e792.
const SYN = hex("9c400050 00000001 00000000 6002ffff e7920000 020405b4");

function problemsOf(segment: Uint8Array): string[] {
  const problems: string[] = [];
  decodeTcp(segment, ADDRESSES, problems);
  return problems;
}

test("RFC 9293 section 3.1: a SYN with an MSS option, octet by octet", () => {
  const built = encodeTcp(
    {
      sourcePort: 40000,
      destinationPort: 80,
      seq: 1,
      flags: "S",
      window: 65535,
      options: [{ kind: "mss", mss: 1460 }],
    },
    ADDRESSES,
  );
  expect(built).toEqual(SYN);
});

test("a SYN decodes field by field", () => {
  const problems: string[] = [];
  expect(decodeTcp(SYN, ADDRESSES, problems)).toEqual({
    sourcePort: 40000,
    destinationPort: 80,
    seq: 1,
    ack: 0,
    headerBytes: 24,
    reserved: 0,
    flags: TcpFlag.SYN,
    window: 65535,
    checksum: 0xe792,
    checksumValid: true,
    urgent: 0,
    options: [{ kind: "mss", mss: 1460 }],
    payload: new Uint8Array(0),
  });
  expect(problems).toEqual([]);
});

test("an odd payload is summed with a zero behind it", () => {
  // By hand: pseudo-header 1400+0003+0006+0015 = 141e; 9c40+0050+5018+0100+6100 = 14ea8, folded 4ea9; the numbers
  // ffff+fff0+0000+0010 = 1ffff, folded 0001; together 62c8, inverted 9d37.
  const segment = hex("9c400050 fffffff0 00000010 50180100 9d380000 61");
  expect(problemsOf(segment)).toEqual(["TCP checksum 0x9d38, should be 0x9d37"]);
  segment[17] = 0x37;
  const problems: string[] = [];
  const tcp = decodeTcp(segment, ADDRESSES, problems);
  expect(problems).toEqual([]);
  expect(tcp?.seq).toBe(0xfffffff0);
  expect(tcp?.payload).toEqual(hex("61"));
});

const OPTION_VECTORS: readonly [string, TcpOption][] = [
  ["02 04 05b4", { kind: "mss", mss: 1460 }],
  ["03 03 0e", { kind: "windowScale", shift: 14 }],
  ["04 02", { kind: "sackPermitted" }],
  ["05 0a fffffff0 00000010", { kind: "sack", blocks: [{ left: 0xfffffff0, right: 16 }] }],
  [
    "05 12 00000001 00000002 00000003 00000004",
    {
      kind: "sack",
      blocks: [
        { left: 1, right: 2 },
        { left: 3, right: 4 },
      ],
    },
  ],
  ["08 0a 89abcdef 01234567", { kind: "timestamps", value: 0x89abcdef, echo: 0x01234567 }],
  ["fe 04 beef", { kind: "unknown", code: 254, data: Uint8Array.of(0xbe, 0xef) }],
  ["fe 02", { kind: "unknown", code: 254, data: new Uint8Array(0) }],
];

test.each(OPTION_VECTORS)("option %s both ways", (text, option) => {
  const problems: string[] = [];
  expect(decodeTcpOptions(hex(text), problems)).toEqual([option]);
  expect(encodeTcpOptions([option])).toEqual(hex(text));
  expect(problems).toEqual([]);
});

test("a list of options as Linux sends it; nothing behind the end is read", () => {
  const problems: string[] = [];
  const list = hex("020405b4 0402080a 00000001 00000000 01030307");
  expect(decodeTcpOptions(list, problems).map(({ kind }) => kind)).toEqual([
    "mss",
    "sackPermitted",
    "timestamps",
    "nop",
    "windowScale",
  ]);
  expect(decodeTcpOptions(hex("00 02 04 05 b4"), problems)).toEqual([{ kind: "end" }]);
  expect(problems).toEqual([]);
});

test("options that lie are reported, and end the list", () => {
  for (const [text, problem] of [
    ["01 02 00 05b4", "TCP option 2 of length 0 with 4 bytes left"],
    ["01 02 01 05b4", "TCP option 2 of length 1 with 4 bytes left"],
    ["01 08 0a 0000", "TCP option 8 of length 10 with 4 bytes left"],
    ["01 02", "TCP option 2 of length 0 with 1 bytes left"],
  ] as const) {
    const problems: string[] = [];
    expect(decodeTcpOptions(hex(text), problems)).toEqual([{ kind: "nop" }]);
    expect(problems).toEqual([problem]);
  }
});

test("a known option of a wrong length is kept as unknown, and reported", () => {
  for (const text of ["02 03 05", "03 02", "04 03 00", "05 02", "05 09 00000000000000", "08 03 00"]) {
    const problems: string[] = [];
    const code = Number(text.slice(0, 2));
    expect(decodeTcpOptions(hex(text), problems)).toEqual([
      { kind: "unknown", code, data: hex(text).slice(2) },
    ]);
    expect(problems).toHaveLength(1);
  }
});

test("data offsets that lie are reported", () => {
  const short = SYN.slice();
  short[12] = 0x40;
  expect(problemsOf(short)).toContain("TCP header length 16 of 24 bytes");
  const long = SYN.slice();
  long[12] = 0x70;
  expect(problemsOf(long)).toContain("TCP header length 28 of 24 bytes");
  expect(problemsOf(SYN.subarray(0, 19))).toEqual(["TCP segment of 19 bytes"]);
});

test("every field can be forged", () => {
  const forged = encodeTcp(
    {
      sourcePort: 1,
      destinationPort: 2,
      seq: 0xffffffff,
      ack: 0x80000000,
      flags: 0x1ff,
      reserved: 5,
      window: 0xabcd,
      urgent: 0x1122,
      dataOffset: 15,
      options: hex("0100ff"),
      checksum: 0,
      payload: hex("7788"),
    },
    ADDRESSES,
  );
  expect(forged).toEqual(hex("00010002 ffffffff 80000000 fbff abcd 0000 1122 0100ff00 7788"));
  expect(problemsOf(forged)).toContain("TCP reserved bits 5");
  const tooLong = { sourcePort: 1, destinationPort: 2, options: new Uint8Array(44) };
  expect(() => encodeTcp(tooLong, ADDRESSES)).toThrow(RangeError);
});

test("flags as letters and as names", () => {
  expect(tcpFlags("FSRPAUECN")).toBe(0x1ff);
  expect(tcpFlags("SA")).toBe(0x12);
  expect(tcpFlags("")).toBe(0);
  expect(() => tcpFlags("X")).toThrow(TypeError);
  expect(tcpFlagNames(0x12)).toBe("SYN, ACK");
});

test("a whole frame, octet by octet, and its line of text", () => {
  // IPv4 checksum by hand: 4500+002c+0001+4000+4006+0a00+0001+0a00+0002 = d936, inverted 26c9.
  const frame = hex(`
    020000000002 020000000001 0800
    4500002c 00014000 400626c9 0a000001 0a000002
    9c400050 00000001 00000000 6002ffff e7920000 020405b4 0000`);
  const built = encode({
    link: { source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" },
    ipv4: { ...ADDRESSES, identification: 1, dontFragment: true },
    tcp: {
      sourcePort: 40000,
      destinationPort: 80,
      seq: 1,
      flags: "S",
      window: 65535,
      options: [{ kind: "mss", mss: 1460 }],
    },
  });
  expect(built).toEqual(frame);
  const packet = decode(frame);
  expect(packet.problems).toEqual([]);
  expect(packet.padding).toEqual(hex("0000"));
  if (packet.kind !== "tcp") throw new Error(packet.kind);
  expect(tcpOption(packet.tcp, "mss")?.mss).toBe(1460);
  expect(tcpOption(packet.tcp, "timestamps")).toBeUndefined();
  expect(describe(frame)).toBe("10.0.0.1:40000 > 10.0.0.2:80 [SYN] Seq=1 Win=65535 Len=0 MSS=1460");
  expect(describe(packet, { seq: 1, ack: 0 })).toContain("Seq=0 ");
});

test("describe shows options, relative numbers across the wrap, and what is wrong", () => {
  const frame = encode({
    link: { source: "02:00:00:00:00:01" },
    ipv4: ADDRESSES,
    tcp: {
      sourcePort: 5,
      destinationPort: 6,
      seq: 4,
      ack: 0xfffffffe,
      flags: "PAU",
      urgent: 2,
      options: [
        { kind: "nop" },
        { kind: "windowScale", shift: 7 },
        { kind: "sackPermitted" },
        { kind: "timestamps", value: 9, echo: 8 },
        { kind: "sack", blocks: [{ left: 1, right: 3 }] },
      ],
      payload: hex("00"),
      checksum: 1,
    },
  });
  const line = describe(frame, () => ({ seq: 0xfffffffe, ack: 0xfffffff0 }));
  expect(line).toContain("[PSH, ACK, URG] Seq=6 Ack=14 Win=0 Len=1 Urg=2 WS=128 SACK_PERM TSval=9 TSecr=8");
  expect(line).toContain("SLE=17 SRE=19 !! TCP checksum 0x0001, should be 0x");
});
