// Datagrams that arrive: hostile ones, and who takes one.

import { beforeEach, describe, expect, test } from "vitest";
import { internetChecksum, onesComplementSum } from "../../../host/packet/index.js";
import { Prng } from "../../../host/sim/prng.js";
import { DEVICE } from "../core.js";
import {
  Device,
  datagramFrame,
  Event,
  InputFlag,
  Option,
  octets,
  PEER,
  SocketKind,
  Status,
  toPort,
} from "./stage.js";

let device: Device;
let socket: number;

beforeEach(() => {
  device = new Device();
  socket = device.open(7);
});

const BROADCAST = { destination: "255.255.255.255", destinationMac: "ff:ff:ff:ff:ff:ff" };

describe("receive", () => {
  test.each([
    ["of length 7", { totalBytes: 7 }],
    ["of length 0", { totalBytes: 0 }],
    ["longer than its packet", { totalBytes: 14 }],
    ["of 65535", { totalBytes: 65535 }],
    ["to port 0", { destinationPort: 0 }],
  ])("a datagram %s is dropped, and nothing is answered", (_what, forged) => {
    device.udp({ ...toPort(7), ...forged });
    expect(device.core.counters()).toEqual({ FRAMES_IN: 1, UDP_MALFORMED: 1 });
    expect(device.next()).toBeUndefined();
    expect(device.receive(socket)).toBe(Status.WOULD_BLOCK);
  });

  test("a packet too short for a header is malformed", () => {
    const frame = datagramFrame(toPort(7));
    frame[17] = 27;
    // The header's checksum, made right again.
    frame.fill(0, 24, 26);
    const sum = internetChecksum(frame.subarray(14, 34));
    frame.set([sum >> 8, sum & 255], 24);
    device.frame(frame);
    expect(device.counter("UDP_MALFORMED")).toBe(1);
  });

  test("shorter than its packet: what follows is nothing of it", () => {
    device.udp({ ...toPort(7, octets(9)), totalBytes: 12, checksum: 0 });
    expect(device.receive(socket)).toEqual({ data: [...octets(4)], from: "10.0.0.2:4000" });
  });

  test("a wrong checksum is dropped, none is taken, ffff for zero is right", () => {
    device.udp({ ...toPort(7), checksum: 0x1234 });
    expect([device.counter("UDP_CHECKSUM"), device.receive(socket)]).toEqual([1, Status.WOULD_BLOCK]);
    device.udp({ ...toPort(7), checksum: 0 });
    expect(device.receive(socket)).toEqual({ data: [...octets(5)], from: "10.0.0.2:4000" });
    // Two octets that bring the sum to ffff.
    const frame = datagramFrame(toPort(7, Uint8Array.of(0, 0)));
    device.udp(toPort(7, frame.slice(40, 42)));
    expect(device.receive(socket)).toMatchObject({ from: "10.0.0.2:4000" });
    expect(device.core.counters()).toMatchObject({ FRAMES_IN: 3, UDP_CHECKSUM: 1 });
  });

  test("checksums that the driver has verified, or added up", () => {
    device.udp({ ...toPort(7), checksum: 1 }, {}, InputFlag.CHECKSUM_VERIFIED);
    expect(device.receive(socket)).toMatchObject({ from: "10.0.0.2:4000" });
    const frame = datagramFrame(toPort(7, octets(30)));
    const sum = onesComplementSum(frame.subarray(14));
    const flags = (((((sum & 255) << 8) | (sum >> 8)) << 16) | InputFlag.CHECKSUM_SUM) >>> 0;
    device.frame(frame, flags);
    expect(device.receive(socket)).toMatchObject({ data: [...octets(30)] });
    // A sum that says nothing: the octets decide.
    device.frame(frame, ((0x4711 << 16) | InputFlag.CHECKSUM_SUM) >>> 0);
    expect(device.receive(socket)).toMatchObject({ data: [...octets(30)] });
    frame[50] = (frame[50] as number) ^ 1;
    device.frame(frame, ((0x4711 << 16) | InputFlag.CHECKSUM_SUM) >>> 0);
    expect(device.counter("UDP_CHECKSUM")).toBe(1);
  });

  test("without an address of ours only port 68 is heard", () => {
    const bare = new Device({ address: "0.0.0.0" });
    const { receive, localPort, remotePort, data, dataBytes, header } = bare.core.functions(
      "udp/input",
      ...(["receive", "localPort", "remotePort", "data", "dataBytes", "header"] as const),
    );
    const [client, other] = [bare.open(68), bare.open(69)];
    for (const to of [BROADCAST, { destination: "10.0.0.77" }, { destination: "0.0.0.0" }]) {
      bare.udp({ ...toPort(68), sourcePort: 67 }, to);
      expect(bare.receive(client)).toEqual({ data: [...octets(5)], from: "10.0.0.2:67" });
      expect(receive(0)).toBe(true);
      expect([localPort(), remotePort(), dataBytes(), data() - header()]).toEqual([68, 67, 5, 8]);
      bare.udp(toPort(69), to);
      expect(bare.receive(other)).toBe(Status.WOULD_BLOCK);
      expect(receive(0)).toBe(false);
    }
    bare.abi.close(client);
    bare.udp(toPort(68), { destination: "0.0.0.0" });
    expect(bare.next()).toBeUndefined();
    expect(bare.counter("IP_NOT_OURS")).toBe(6);
  });

  test("no datagram of random octets traps, or reaches a socket with a wrong checksum", () => {
    const prng = new Prng(3);
    const stream = device.abi.open(SocketKind.STREAM);
    for (let round = 0; round < 3000; round++) {
      const frame = datagramFrame(toPort(7, octets(prng.below(60), round)));
      const changes = 1 + prng.below(4);
      for (let change = 0; change < changes; change++) frame[34 + prng.below(8)] = prng.below(256);
      device.frame(frame);
      while (device.next());
      const got = device.receive(socket);
      if (typeof got === "object") expect(got.data).toEqual([...octets(got.data.length, round)]);
    }
    expect(device.getWord(stream, Option.ERROR)).toBe(0);
    const { UDP_MALFORMED, UDP_CHECKSUM } = device.core.counters();
    expect([UDP_MALFORMED, UDP_CHECKSUM].every((count) => (count ?? 0) > 0)).toBe(true);
  });
});

describe("deliver", () => {
  test("to the socket of the port; port 0 of the sender is one that wants no answer", () => {
    const other = device.open(8);
    device.udp(toPort(8, octets(2)));
    device.udp(toPort(7, octets(3), 0));
    expect(device.receive(other)).toMatchObject({ data: [...octets(2)] });
    expect(device.receive(socket)).toEqual({ data: [...octets(3)], from: "10.0.0.2:0" });
  });

  test("for nobody: port unreachable to the sender, never about a broadcast", () => {
    device.udp(toPort(9));
    const packet = device.next();
    expect(packet?.kind === "icmp" && packet.icmp).toMatchObject({ type: 3, code: 3 });
    const many = [BROADCAST, { ...BROADCAST, destination: "10.0.0.255" }];
    for (const to of many) {
      device.udp(toPort(9), to);
      expect(device.next()).toBeUndefined();
    }
    // A socket that is not bound has no port, and none for 0.
    device.open();
    expect(device.counter("UDP_NO_SOCKET")).toBe(3);
  });

  test("an ephemeral port without a socket says nothing: who counts answers would find the one of a query", () => {
    for (const [port, answers] of [
      [49151, true],
      [49152, false],
      [65535, false],
    ] as const) {
      device.udp(toPort(port));
      expect(device.next()?.kind, `${port}`).toBe(answers ? "icmp" : undefined);
    }
    expect(device.counter("UDP_NO_SOCKET")).toBe(3);
  });

  test("READABLE is raised again when more arrives", () => {
    device.udp(toPort(7));
    expect(device.events(socket)).toBe(Event.READABLE);
    expect(device.events(socket)).toBe(0);
    device.udp(toPort(7));
    expect(device.events(socket)).toBe(Event.READABLE);
  });

  test("a full queue drops, counts, and answers nothing; a connection beside it does not suffer", () => {
    const stream = device.abi.open(SocketKind.STREAM);
    for (let count = 0; count < 100; count++) device.udp(toPort(7, octets(92, count)));
    // 512 octets hold five of 100.
    expect(device.counter("UDP_QUEUE_FULL")).toBe(95);
    expect(device.next()).toBeUndefined();
    for (let count = 0; count < 5; count++)
      expect(device.receive(socket)).toMatchObject({ data: [...octets(92, count)] });
    expect(device.receive(socket)).toBe(Status.WOULD_BLOCK);
    device.udp(toPort(7, octets(504)));
    expect(device.receive(socket)).toMatchObject({ data: [...octets(504)] });
    device.udp(toPort(7, octets(505)));
    expect([device.counter("UDP_QUEUE_FULL"), device.receive(socket)]).toEqual([96, Status.WOULD_BLOCK]);
    expect(device.getWord(stream, Option.ERROR)).toBe(0);
  });

  test("a storm of broadcasts for nobody costs a counter, and nothing is sent", () => {
    for (let count = 0; count < 1500; count++) {
      device.udp(toPort(9), BROADCAST);
      expect(device.next()).toBeUndefined();
    }
    expect(device.core.counters()).toEqual({ FRAMES_IN: 1500, UDP_NO_SOCKET: 1500 });
  });
});

describe("broadcast and multicast", () => {
  const GROUP = { destination: "224.0.0.251", destinationMac: "01:00:5e:00:00:fb" };

  test("broadcasts reach the socket of the port", () => {
    for (const destination of ["255.255.255.255", "10.0.0.255"]) {
      device.udp(toPort(7), { ...BROADCAST, destination });
      expect(device.receive(socket), destination).toEqual({ data: [...octets(5)], from: "10.0.0.2:4000" });
    }
    // One of another network is not ours, nor is our own address in a frame for all (RFC 1122 section 3.3.6).
    device.udp(toPort(7), { ...BROADCAST, destination: "10.0.1.255" });
    device.udp(toPort(7), { ...BROADCAST, destination: DEVICE.address });
    expect([device.counter("IP_NOT_OURS"), device.receive(socket)]).toEqual([2, Status.WOULD_BLOCK]);
  });

  test("what is not UDP is not heard there", () => {
    device.icmp({ type: 8 }, BROADCAST);
    expect([device.counter("IP_NOT_OURS"), device.next()]).toEqual([1, undefined]);
  });

  test("a group is heard when it is joined, until it is left", () => {
    device.udp(toPort(7), GROUP);
    expect([device.counter("IP_NOT_OURS"), device.receive(socket)]).toEqual([1, Status.WOULD_BLOCK]);
    expect(device.group(socket, Option.MULTICAST_JOIN, GROUP.destination)).toBe(Status.OK);
    // Its report.
    expect(device.abi.output(device.now)).toBeGreaterThan(0);
    device.udp(toPort(7), GROUP);
    expect(device.receive(socket)).toEqual({ data: [...octets(5)], from: "10.0.0.2:4000" });
    // Another group with the same hardware address.
    device.udp(toPort(7), { ...GROUP, destination: "225.128.0.251" });
    expect(device.counter("IP_NOT_OURS")).toBe(2);
    device.udp(toPort(9), GROUP);
    expect(device.next()).toBeUndefined();
    expect(device.group(socket, Option.MULTICAST_LEAVE, GROUP.destination)).toBe(Status.OK);
    device.udp(toPort(7), GROUP);
    expect([device.counter("IP_NOT_OURS"), device.receive(socket)]).toEqual([3, Status.WOULD_BLOCK]);
  });

  test("frames for other groups of Ethernet are not ours", () => {
    for (const destinationMac of [
      "01:00:5f:00:00:fb",
      "33:33:00:00:00:fb",
      "01:01:5e:00:00:fb",
      "01:80:c2:00:00:00",
    ])
      device.udp(toPort(7), { destinationMac });
    expect(device.core.counters()).toEqual({ FRAMES_IN: 4, LINK_NOT_OURS: 4 });
  });

  test("from a group, everybody, or ourselves nothing is taken", () => {
    for (const source of ["224.0.0.1", "255.255.255.255", "0.0.0.0", DEVICE.address, "127.0.0.1"])
      device.udp(toPort(7), { ...BROADCAST, source });
    expect(device.counter("IP_BAD_SOURCE")).toBe(5);
    expect([device.receive(socket), PEER.address]).toEqual([Status.WOULD_BLOCK, "10.0.0.2"]);
  });
});

test("deliver and receive are what the stack calls", () => {
  const { deliver, receive } = device.core.functions("udp/input", "deliver", "receive");
  device.core.putFrame(datagramFrame(toPort(7)));
  expect([receive(0), deliver()]).toEqual([true, true]);
  device.core.putFrame(datagramFrame(toPort(9)));
  expect([receive(0), deliver()]).toEqual([true, false]);
  expect(device.core.constant("udp/input", "DHCP_CLIENT_PORT")).toBe(68);
});
