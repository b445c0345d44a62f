// Which calls go where; what they do is in test/unit/udp.

import { beforeEach, describe, expect, test } from "vitest";
import { Device, Family, Option, PEER, SocketKind, Status } from "../udp/stage.js";

let device: Device;
let socket: number;
let sockets: ReturnType<typeof functionsOf>;
const CALLS = [
  ...(["socketOf", "isService", "open", "bind", "connect", "sendReserve", "sendCommit", "sendTo"] as const),
  ...(["receiveFrom", "receivePeek", "receiveConsume", "end", "setOption", "getOption"] as const),
] as const;
const functionsOf = (of: Device) => of.core.functions("services/sockets", ...CALLS);

beforeEach(() => {
  device = new Device({ queries: 2 });
  socket = device.open();
  sockets = functionsOf(device);
});

test("socketOf finds every kind by the number in its handle", () => {
  const { services } = device.core;
  const [stream, listener] = [device.abi.open(SocketKind.STREAM), device.abi.open(SocketKind.LISTENER)];
  expect(sockets.socketOf(socket)).toBe(services.datagramTable);
  expect(sockets.isService(services.datagramTable)).toBe(true);
  for (const handle of [stream, listener]) expect(sockets.isService(sockets.socketOf(handle))).toBe(false);
  // 1 listener, 2 connections, 3 datagram sockets, 2 queries, the DHCP client: none of these is open.
  for (let number = 0; number <= 0xffff; number += number < 20 ? 1 : 997) {
    const handles = [socket, stream, listener];
    if (!handles.includes(number)) expect(sockets.socketOf(number), `${number}`).toBe(0);
  }
  for (const [number, at] of [
    [7, services.queryTable],
    [9, services.dhcpClient],
  ] as const) {
    const record = device.core.datagram(at);
    Object.assign(record, { kind: device.core.kind(number === 9 ? "DHCP_CLIENT" : "QUERY"), handle: number });
    expect(sockets.socketOf(number)).toBe(at);
    expect(sockets.socketOf(number + 0x10000)).toBe(0);
    record.kind = 0;
  }
});

test("open: what there is, and what there is not", () => {
  expect(sockets.open(SocketKind.STREAM)).toBeGreaterThan(0);
  expect(sockets.open(SocketKind.LISTENER)).toBeGreaterThan(0);
  expect(sockets.open(SocketKind.DATAGRAM)).toBeGreaterThan(0);
  for (const kind of [0, 6, 99, 0xffffffff]) expect(sockets.open(kind)).toBe(Status.NOT_SUPPORTED);
});

describe("a socket of another kind than the call is for", () => {
  const OTHER = 60000;

  test("is told so", () => {
    device.core.datagram(OTHER).kind = 99;
    const at = device.endpoint(9, PEER.address);
    expect(sockets.bind(OTHER, 9)).toBe(Status.NOT_SUPPORTED);
    for (const status of [
      sockets.connect(OTHER, at),
      sockets.sendReserve(OTHER),
      sockets.sendCommit(OTHER, 0),
      sockets.sendTo(OTHER, at, at, 0, true),
      sockets.receiveFrom(OTHER, at),
      sockets.receivePeek(OTHER),
      sockets.receiveConsume(OTHER, 0),
    ])
      expect(status).toBe(Status.BAD_HANDLE);
    expect(sockets.setOption(OTHER, Option.TTL, at, 4)).toBe(Status.NOT_SUPPORTED);
    expect(sockets.getOption(OTHER, Option.TTL, at, 4)).toBe(Status.NOT_SUPPORTED);
    sockets.end(OTHER, true);
  });
});

test("a stream connects to an address of IPv4", () => {
  const stream = device.abi.open(SocketKind.STREAM);
  expect(device.abi.connect(stream, device.endpoint(9, PEER.address, Family.IPV6))).toBe(
    Status.NOT_SUPPORTED,
  );
  expect(device.abi.connect(stream, device.endpoint(9, PEER.address))).toBe(Status.OK);
  const listener = device.abi.open(SocketKind.LISTENER);
  expect(device.abi.connect(listener, device.endpoint(9, PEER.address))).toBe(Status.BAD_HANDLE);
});
