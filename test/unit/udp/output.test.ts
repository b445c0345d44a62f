// Datagrams that leave: turns, ARP, groups and everybody, options of the header.

import { beforeEach, describe, expect, test } from "vitest";
import { Device, Event, Option, octets, PEER, SocketKind, Status } from "./stage.js";

let device: Device;
let socket: number;

beforeEach(() => {
  device = new Device();
  socket = device.open(7);
});

/** ARP gives up: three questions, a second between them. */
function letArpFail(asked: string): void {
  for (let question = 0; question < 3; question++) {
    const packet = device.next();
    expect(packet?.kind === "arp" && packet.arp.targetIp).toBe(asked);
    expect(device.next()).toBeUndefined();
    device.now += 1000;
  }
}

describe("turn", () => {
  test("waits for ARP, then sends all in order", () => {
    for (const length of [1, 2, 3]) expect(device.sendTo(socket, octets(length), 9)).toBe(Status.OK);
    expect(device.next()?.kind).toBe("arp");
    expect(device.next()).toBeUndefined();
    device.knowPeerSilently();
    expect([1, 2, 3].map(() => device.nextUdp().udp.payload.length)).toEqual([1, 2, 3]);
    expect(device.next()).toBeUndefined();
    expect(device.abi.deadline(device.now)).toBeGreaterThan(0);
  });

  test("sockets and connections take turns", () => {
    device.knowPeer();
    const [other, stream] = [device.open(8), device.abi.open(SocketKind.STREAM)];
    for (let count = 0; count < 2; count++)
      for (const handle of [socket, other]) device.sendTo(handle, octets(1), 9);
    expect(device.abi.connect(stream, device.endpoint(80, PEER.address))).toBe(Status.OK);
    const kinds = Array.from({ length: 5 }, () => device.next()).map((packet) =>
      packet?.kind === "udp" ? packet.udp.sourcePort : packet?.kind,
    );
    expect(kinds).toEqual([7, 8, "tcp", 7, 8]);
  });

  test("one that waits for ARP holds up nobody", () => {
    device.knowPeer();
    const other = device.open(8);
    device.sendTo(socket, octets(1), 9, "10.0.0.99");
    device.sendTo(other, octets(2), 9);
    expect(device.nextUdp().udp.payload.length).toBe(2);
    expect(device.next()?.kind).toBe("arp");
  });

  test("where nobody answers all that goes there is given up, and the application told", () => {
    for (let count = 0; count < 3; count++) device.sendTo(socket, octets(1), 9, "10.0.0.99");
    device.sendTo(socket, octets(2), 9);
    letArpFail("10.0.0.99");
    // The next one is for somebody else.
    const packet = device.next();
    expect(packet?.kind === "arp" && packet.arp.targetIp).toBe(PEER.address);
    expect([device.counter("UDP_UNSENT"), device.events(socket)]).toEqual([3, Event.FAILED | Event.WRITABLE]);
    expect(device.getWord(socket, Option.ERROR)).toBe(Status.UNREACHABLE);
    device.knowPeerSilently();
    expect(device.nextUdp().udp.payload.length).toBe(2);
  });

  test("a router that is not there takes nothing with it that is for a group, or for everybody", () => {
    device.setWord(socket, Option.BROADCAST, 1);
    for (const to of ["8.8.8.8", "224.0.0.251", "255.255.255.255"]) device.sendTo(socket, octets(1), 9, to);
    letArpFail("10.0.0.254");
    expect([0, 1].map(() => device.nextUdp().ipv4.destination)).toEqual(["224.0.0.251", "255.255.255.255"]);
    expect(device.counter("UDP_UNSENT")).toBe(1);
  });

  test("a closed socket goes when its last datagram is given up", () => {
    device.sendTo(socket, octets(1), 9, "10.0.0.99");
    device.abi.close(socket);
    letArpFail("10.0.0.99");
    expect(device.next()).toBeUndefined();
    expect(device.abi.nextEvent()).toBe(0);
    for (let count = 0; count < 3; count++) device.open();
  });

  test("without a route it is given up at once", () => {
    const bare = new Device({ gateway: "0.0.0.0" });
    const handle = bare.open();
    expect(bare.sendTo(handle, octets(1), 9, "10.9.9.9")).toBe(Status.OK);
    expect(bare.next()).toBeUndefined();
    expect([bare.counter("UDP_UNSENT"), bare.events(handle)]).toEqual([1, Event.FAILED]);
    expect(bare.core.counters()).toEqual({ UDP_UNSENT: 1 });
    const none = new Device({ address: "0.0.0.0" });
    const other = none.open();
    none.setWord(other, Option.BROADCAST, 1);
    for (const to of [PEER.address, "255.255.255.255", "224.0.0.1"]) none.sendTo(other, octets(1), 9, to);
    expect([none.next(), none.counter("UDP_UNSENT")]).toEqual([undefined, 3]);
  });

  test("through the router", () => {
    device.sendTo(socket, octets(1), 9, "8.8.8.8");
    const packet = device.next();
    expect(packet?.kind === "arp" && packet.arp.targetIp).toBe("10.0.0.254");
  });

  test("a new link, and a new address, do not lose what waits", () => {
    device.sendTo(socket, octets(1), 9);
    expect(device.next()?.kind).toBe("arp");
    expect(device.abi.linkChanged(0, 1, device.now)).toBe(Status.OK);
    const kinds = Array.from({ length: 3 }, () => device.next()?.kind);
    expect(kinds).toEqual(["arp", "arp", undefined]);
    device.knowPeerSilently();
    expect(device.nextUdp().udp.payload.length).toBe(1);
  });
});

describe("for many", () => {
  test("broadcasts need the option, and no ARP", () => {
    expect(device.sendTo(socket, octets(3), 9, "255.255.255.255")).toBe(Status.INVALID_ARGUMENT);
    expect(device.setWord(socket, Option.BROADCAST, 1)).toBe(Status.OK);
    for (const to of ["255.255.255.255", "10.0.0.255"]) {
      expect(device.sendTo(socket, octets(3), 9, to)).toBe(Status.OK);
      const { ethernet, ipv4 } = device.nextUdp();
      expect([ethernet.destination, ipv4.destination, ipv4.ttl]).toEqual(["ff:ff:ff:ff:ff:ff", to, 64]);
    }
  });

  test.each([
    ["224.0.0.251", "01:00:5e:00:00:fb"],
    ["239.255.255.250", "01:00:5e:7f:ff:fa"],
    ["225.129.2.3", "01:00:5e:01:02:03"],
  ])("a group, %s, has a hardware address of its own, and a time to live of 1", (group, mac) => {
    expect(device.sendTo(socket, octets(3), 9, group)).toBe(Status.OK);
    const { ethernet, ipv4 } = device.nextUdp();
    expect([ethernet.destination, ipv4.destination, ipv4.ttl]).toEqual([mac, group, 1]);
    device.setWord(socket, Option.TTL, 255);
    device.sendTo(socket, octets(3), 9, group);
    expect(device.nextUdp().ipv4.ttl).toBe(255);
  });
});

test("TTL and TOS are in the header", () => {
  device.knowPeer();
  device.setWord(socket, Option.TTL, 3);
  device.setWord(socket, Option.TOS, 0xb8);
  device.sendTo(socket, octets(3), 9);
  expect(device.nextUdp().ipv4).toMatchObject({ ttl: 3, tos: 0xb8 });
});

test("fail keeps the last error, and the socket", () => {
  const { fail, turn, arpSettled } = device.core.functions("udp/output", "fail", "turn", "arpSettled");
  const { datagramTable } = device.core.services;
  fail(datagramTable, Status.TOO_LONG);
  fail(datagramTable, Status.UNREACHABLE);
  expect([device.events(socket), device.getWord(socket, Option.ERROR)]).toEqual([
    Event.FAILED,
    Status.UNREACHABLE,
  ]);
  expect([turn(datagramTable), arpSettled(0)]).toEqual([0, undefined]);
});
