// The dissector against tshark, on what the stories have none of: loss of many kinds, windows that close, keepalives, names,
// pages. Captures are made up here; tshark is the oracle.

import { describe, expect, test } from "vitest";
import { Dissector, formatColumns } from "../../host/demo/dissect.js";
import { concat, encode, put16, type TcpOption } from "../../host/packet/index.js";
import { missingTools } from "../report/tools.js";
import { type DhcpOption, encodeDhcp, TYPES, udpFrame } from "../services/dhcp_codec.js";
import { captureOf, tsharkLines } from "./support.js";

const CLIENT = { mac: "02:46:52:00:00:02", address: "10.0.0.2" };
const SERVER = { mac: "02:46:52:00:00:01", address: "10.0.0.1" };
const ISN = 4_294_967_000;

type Timed = readonly [number, Uint8Array];
type Option = TcpOption;

interface Segment {
  flags?: string;
  seq?: number;
  ack?: number;
  window?: number;
  bytes?: number;
  text?: string;
  options?: readonly Option[];
  urgent?: number;
}

/** A connection whose frames are made up: numbers are relative, `at` is in milliseconds. */
function connection(clientPort = 50_000, serverPort = 4000, isn = ISN) {
  const frames: Timed[] = [];
  const add = (at: number, isClient: boolean, segment: Segment) => {
    const [from, to] = isClient ? [CLIENT, SERVER] : [SERVER, CLIENT];
    const [sourcePort, destinationPort] = isClient ? [clientPort, serverPort] : [serverPort, clientPort];
    const {
      flags = "A",
      seq = 1,
      ack = 1,
      window = 1000,
      bytes = 0,
      text,
      options = [],
      urgent = 0,
    } = segment;
    const payload = text === undefined ? new Uint8Array(bytes).fill(120) : Buffer.from(text, "latin1");
    frames.push([
      at,
      encode({
        link: { source: from.mac, destination: to.mac, minimumBytes: 0 },
        ipv4: { source: from.address, destination: to.address },
        tcp: {
          sourcePort,
          destinationPort,
          flags,
          seq: (seq + isn) >>> 0,
          ack: flags.includes("A") ? (ack + isn) >>> 0 : 0,
          window,
          options,
          payload,
          urgent,
        },
      }),
    ]);
  };
  return {
    frames,
    /** From the client. */
    c: (at: number, segment: Segment = {}) => add(at, true, segment),
    /** From the server. */
    s: (at: number, segment: Segment = {}) => add(at, false, segment),
    /** The handshake, which takes 10 ms. */
    open(options: readonly Option[] = [], answered = options) {
      add(0, true, { flags: "S", seq: 0, options });
      add(5, false, { flags: "SA", seq: 0, options: answered });
      add(10, true, {});
    },
  };
}

function expectAsTshark(frames: readonly Timed[]): string[] {
  const dissector = new Dissector();
  const ours = frames.map(([ms, frame]) => formatColumns(dissector.next(frame, Math.round(ms * 1e6))));
  expect(ours).toEqual(tsharkLines(captureOf(frames)));
  return ours;
}

const SCALE: Option = { kind: "windowScale", shift: 3 };

describe.skipIf(missingTools("tshark"))("as tshark", () => {
  test("scaled windows: of both, of one, of none", () => {
    for (const [ours, theirs] of [
      [[SCALE], [{ kind: "windowScale", shift: 7 } as const]],
      [[SCALE], []],
      [[], [SCALE]],
    ] as const) {
      const { c, s, open, frames } = connection();
      open(ours, theirs);
      c(20, { bytes: 10, flags: "PA" });
      s(30, { ack: 11 });
      expectAsTshark(frames);
    }
  });

  test("options, flags and the urgent pointer", () => {
    const { c, s, frames } = connection();
    const options: Option[] = [
      { kind: "mss", mss: 536 },
      { kind: "nop" },
      { kind: "windowScale", shift: 0 },
      { kind: "sackPermitted" },
      { kind: "timestamps", value: 1, echo: 0 },
    ];
    c(0, { flags: "S", seq: 0, options });
    s(1, { flags: "SA", seq: 0, options });
    c(2, { flags: "PAU", bytes: 5, urgent: 5 });
    s(3, { flags: "AE", ack: 6 });
    c(4, { flags: "PAC", seq: 6, bytes: 2 });
    c(5, { flags: "FPA", seq: 8, bytes: 2 });
    s(6, {
      ack: 11,
      options: [
        { kind: "nop" },
        { kind: "nop" },
        { kind: "sack", blocks: [{ left: ISN + 20, right: ISN + 30 }] },
      ],
    });
    s(7, { flags: "FA", ack: 11 });
    c(8, { flags: "R", seq: 11 });
    expectAsTshark(frames);
  });

  test("a retransmission after the time-out, of data, SYN and FIN", () => {
    const { c, s, frames } = connection();
    c(0, { flags: "S", seq: 0 });
    c(1000, { flags: "S", seq: 0 });
    s(1005, { flags: "SA", seq: 0 });
    c(1010);
    c(1020, { bytes: 100 });
    c(1021, { bytes: 100, seq: 101 });
    c(1300, { bytes: 100 });
    s(1310, { ack: 201 });
    c(1320, { flags: "FA", seq: 201 });
    c(1600, { flags: "FA", seq: 201 });
    s(1610, { ack: 202 });
    expect(expectAsTshark(frames).join()).toContain("[TCP Retransmission]");
  });

  test.each([ISN, 7])("fast retransmissions, and what comes again besides, from %s", (isn) => {
    const { c, s, open, frames } = connection(50_000, 4000, isn);
    open();
    for (let index = 0; index < 6; index++) c(20 + index / 10, { seq: 1 + 100 * index, bytes: 100 });
    const sack = (left: number, right: number): readonly Option[] => [
      { kind: "sack", blocks: [{ left: (isn + left) >>> 0, right: (isn + right) >>> 0 }] },
    ];
    s(30, { ack: 101 });
    s(31, { ack: 101, options: sack(201, 301) });
    s(32, { ack: 101, options: sack(201, 301) });
    s(33, { ack: 101, options: sack(401, 601) });
    c(34, { seq: 101, bytes: 100 });
    c(34.5, { seq: 301, bytes: 100 });
    c(70, { seq: 301, bytes: 100 });
    s(80, { ack: 601 });
    expect(expectAsTshark(frames).join()).toContain("[TCP Fast Retransmission]");
  });

  test("out of order, lost before the capture, acknowledged unseen, spurious", () => {
    const { c, s, open, frames } = connection();
    open();
    c(20, { seq: 1, bytes: 100 });
    c(21, { seq: 201, bytes: 100 });
    c(22, { seq: 101, bytes: 100 });
    s(30, { ack: 301 });
    c(60, { seq: 1, bytes: 100 });
    c(61, { seq: 501, bytes: 100 });
    s(70, { ack: 601 });
    s(71, { ack: 801 });
    c(80, { seq: 801, bytes: 10 });
    const text = expectAsTshark(frames).join();
    for (const mark of ["Out-Of-Order", "Previous segment not captured", "ACKed unseen segment", "Spurious"])
      expect(text).toContain(`[TCP ${mark}`);
  });

  test("windows: full, zero, probed, open again", () => {
    const { c, s, open, frames } = connection();
    open();
    c(20, { bytes: 500 });
    c(21, { bytes: 500, seq: 501 });
    s(30, { ack: 1001, window: 0 });
    c(300, { bytes: 1, seq: 1001 });
    s(310, { ack: 1001, window: 0 });
    c(700, { bytes: 1, seq: 1001 });
    s(710, { ack: 1001, window: 0 });
    s(800, { ack: 1001, window: 700 });
    c(810, { bytes: 300, seq: 1001 });
    s(820, { ack: 1301, window: 700 });
    const text = expectAsTshark(frames).join();
    for (const mark of [
      "Window Full",
      "ZeroWindow",
      "ZeroWindowProbe",
      "ZeroWindowProbeAck",
      "Window Update",
    ])
      expect(text).toContain(`[TCP ${mark}] `);
  });

  test("keepalives and their answers, with and without an octet", () => {
    const { c, s, open, frames } = connection();
    open();
    c(20, { bytes: 5 });
    s(30, { ack: 6 });
    c(1000, { seq: 5 });
    s(1010, { ack: 6 });
    c(2000, { seq: 5, bytes: 1 });
    s(2010, { ack: 6 });
    const text = expectAsTshark(frames).join();
    expect(text).toContain("[TCP Keep-Alive] ");
    expect(text).toContain("[TCP Keep-Alive ACK] ");
  });

  test("duplicate ACKs count on from the first", () => {
    const { c, s, open, frames } = connection();
    open();
    c(20, { bytes: 5 });
    for (let index = 0; index < 4; index++) s(30 + index, { ack: 6 });
    c(40, { seq: 6, bytes: 5 });
    s(50, { ack: 11 });
    s(51, { ack: 11 });
    expect(expectAsTshark(frames).join()).toContain("[TCP Dup ACK 5#3]");
  });

  test("a port that is used again, and a connection that began before the capture", () => {
    const first = connection();
    first.open();
    first.c(20, { flags: "RA" });
    const second = connection(50_000, 4000, 77_777);
    second.c(30, { flags: "S", seq: 0 });
    second.s(31, { flags: "SA", seq: 0 });
    second.c(32);
    const third = connection(50_001);
    third.c(40, { bytes: 10, seq: 100, ack: 200 });
    third.s(41, { seq: 200, ack: 110 });
    expectAsTshark([...first.frames, ...second.frames, ...third.frames]);
  });

  test("ARP: requests, replies, probes, announcements", () => {
    const arp = (operation: number, senderIp: string, targetIp: string, targetMac?: string): Uint8Array =>
      encode({
        link: { source: CLIENT.mac, minimumBytes: 0, ...(targetMac && { destination: targetMac }) },
        arp: { operation, senderMac: CLIENT.mac, senderIp, targetIp, ...(targetMac && { targetMac }) },
      });
    expectAsTshark([
      [0, arp(1, "10.0.0.2", "10.0.0.1")],
      [1, arp(2, "10.0.0.2", "10.0.0.1", SERVER.mac)],
      [2, arp(1, "0.0.0.0", "10.0.0.2")],
      [3, arp(1, "10.0.0.2", "10.0.0.2")],
    ]);
  });

  test("times of many seconds, and of few nanoseconds", () => {
    const { c, frames } = connection();
    c(0.000_001, { flags: "S", seq: 0 });
    c(0.000_003, { flags: "S", seq: 0 });
    c(123_456.789_012, { flags: "S", seq: 0 });
    expectAsTshark(frames);
  });
});

describe.skipIf(missingTools("tshark"))("HTTP as tshark", () => {
  const REQUEST = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

  test.each([
    ["in one segment", [`HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello`]],
    [
      "in three",
      [
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 15\r\n\r\nhello",
        "hello",
        "hello",
      ],
    ],
    [
      "broken in the head",
      ["HTTP/1.1 404 Not Found\r\nContent-Ty", "pe: text/plain\r\nContent-Length: 2\r\n\r\nno"],
    ],
    [
      "broken in the head, with a long body",
      ["HTTP/1.1 200 OK\r\nContent-Ty", "pe: text/plain\r\nContent-Length: 12\r\n\r\nno", "no", "nonever!"],
    ],
    ["broken in the first line", ["HTTP/1", ".1 200 OK\r\nContent-Length: 2\r\n\r\nno"]],
    ["without a body", ["HTTP/1.1 204 No Content\r\n\r\n"]],
  ])("an answer %s", (_name, parts) => {
    const { c, s, open, frames } = connection(50_000, 80);
    open();
    c(20, { flags: "PA", text: REQUEST });
    let seq = 1;
    for (const [index, text] of parts.entries()) {
      s(30 + index, { flags: index === parts.length - 1 ? "PA" : "A", seq, ack: 1 + REQUEST.length, text });
      seq += text.length;
    }
    c(40, { seq: 1 + REQUEST.length, ack: seq });
    expectAsTshark(frames);
  });
});

/** A name as RFC 1035 section 3.1 writes it. */
function dnsName(text: string): Uint8Array {
  const labels = text === "" ? [] : text.split(".");
  return concat(
    ...labels.map((label) => concat(Uint8Array.of(label.length), Buffer.from(label))),
    Uint8Array.of(0),
  );
}

interface DnsRecord {
  name: Uint8Array;
  type: number;
  data: Uint8Array;
}

/** A message with one question. */
function dnsMessage(
  flags: number,
  question: Uint8Array,
  type: number,
  [answers, authorities, additional]: readonly (readonly DnsRecord[])[] = [],
): Uint8Array {
  const lists = [answers ?? [], authorities ?? [], additional ?? []];
  const header = new Uint8Array(12);
  for (const [index, value] of [0x1a2b, flags, 1, ...lists.map(({ length }) => length)].entries())
    put16(header, 2 * index, value);
  const asked = new Uint8Array(4);
  put16(asked, 0, type);
  put16(asked, 2, 1);
  const records = lists.flat().map((record) => {
    const fixed = new Uint8Array(10);
    put16(fixed, 0, record.type);
    put16(fixed, 2, record.type === 41 ? 1232 : 1);
    put16(fixed, 6, record.type === 41 ? 0 : 300);
    put16(fixed, 8, record.data.length);
    return concat(record.name, fixed, record.data);
  });
  return concat(header, question, asked, ...records);
}

function udp(isQuery: boolean, data: Uint8Array, port = 53): Uint8Array {
  const [from, to] = isQuery ? [CLIENT, SERVER] : [SERVER, CLIENT];
  const header = new Uint8Array(8);
  put16(header, 0, isQuery ? 51_000 : port);
  put16(header, 2, isQuery ? port : 51_000);
  put16(header, 4, 8 + data.length);
  return encode({
    link: { source: from.mac, destination: to.mac, minimumBytes: 0 },
    ipv4: { source: from.address, destination: to.address, protocol: 17 },
    payload: concat(header, data),
  });
}

describe.skipIf(missingTools("tshark"))("DNS as tshark", () => {
  const NAME = dnsName("www.example.com");
  /** The question's name, as a pointer to it. */
  const SAME = Uint8Array.of(0xc0, 12);
  const OPT: DnsRecord = { name: Uint8Array.of(0), type: 41, data: new Uint8Array(0) };
  const A: DnsRecord = { name: SAME, type: 1, data: Uint8Array.of(93, 184, 216, 34) };

  test("queries and answers", () => {
    const alias: DnsRecord = {
      name: SAME,
      type: 5,
      data: concat(dnsName("web").subarray(0, 4), Uint8Array.of(0xc0, 16)),
    };
    const soa: DnsRecord = {
      name: Uint8Array.of(0xc0, 16),
      type: 6,
      data: concat(dnsName("ns.example"), dnsName("root.example"), new Uint8Array(20)),
    };
    expectAsTshark([
      [0, udp(true, dnsMessage(0x0100, NAME, 1))],
      [1, udp(false, dnsMessage(0x8180, NAME, 1, [[A]]))],
      [2, udp(true, dnsMessage(0x0100, NAME, 1, [[], [], [OPT]]))],
      [3, udp(false, dnsMessage(0x8180, NAME, 1, [[alias, A, A], [], [OPT]]))],
      [4, udp(true, dnsMessage(0x0100, NAME, 28))],
      [5, udp(false, dnsMessage(0x8183, NAME, 28, [[], [soa], []]))],
      [6, udp(false, dnsMessage(0x8182, NAME, 1))],
      [7, udp(false, dnsMessage(0x8380, NAME, 1))],
    ]);
  });

  test("over TCP, the answer in several segments", () => {
    const { c, s, open, frames } = connection(50_000, 53);
    open();
    const framed = (message: Uint8Array) => {
      const length = new Uint8Array(2);
      put16(length, 0, message.length);
      return Buffer.from(concat(length, message)).toString("latin1");
    };
    const query = framed(dnsMessage(0x0100, NAME, 1));
    const answer = framed(dnsMessage(0x8180, NAME, 1, [Array(200).fill(A)]));
    c(20, { flags: "PA", text: query });
    s(30, { seq: 1, ack: 1 + query.length, text: answer.slice(0, 1460) });
    s(31, { seq: 1461, ack: 1 + query.length, flags: "PA", text: answer.slice(1460, 2920) });
    s(32, { seq: 2921, ack: 1 + query.length, flags: "PA", text: answer.slice(2920) });
    c(40, { seq: 1 + query.length, ack: 1 + answer.length });
    expectAsTshark(frames);
  });

  test("DHCP: all types, with numbers of fewer digits and a pad before the type", () => {
    const path = { fromMac: SERVER.mac, toMac: CLIENT.mac, from: SERVER.address, to: CLIENT.address };
    const lines = expectAsTshark(
      Object.values(TYPES).map((type, index) => {
        const options: DhcpOption[] = [
          [0, []],
          [53, [type]],
        ];
        return [
          index,
          udpFrame(path, encodeDhcp({ xid: 0xabcdef >>> (4 * index), chaddr: CLIENT.mac, options })),
        ];
      }),
    );
    expect(lines[0]).toMatch(/ DHCP \d+ DHCP Discover - Transaction ID 0xabcdef$/);
  });

  test("UDP that is nothing else", () => {
    expectAsTshark([[0, udp(true, new Uint8Array(20).fill(1), 4000)]]);
  });
});
