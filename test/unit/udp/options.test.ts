import { beforeEach, describe, expect, test } from "vitest";
import { EndpointLayout } from "../../../host/abi.js";
import { Device, Family, Option, Status } from "./stage.js";

let device: Device;
let socket: number;

beforeEach(() => {
  device = new Device();
  socket = device.open(7);
});

const { INVALID_ARGUMENT, NOT_SUPPORTED, NO_SOCKET, OK } = Status;
const JOIN = Option.MULTICAST_JOIN;
const LEAVE = Option.MULTICAST_LEAVE;

describe("get and set", () => {
  test.each(["TTL", "TOS", "BROADCAST"] as const)("%s is an octet", (name) => {
    const option = Option[name];
    expect(device.getWord(socket, option)).toBe(0);
    for (const value of [1, 255, 0, 7]) {
      expect(device.setWord(socket, option, value)).toBe(OK);
      expect(device.getWord(socket, option)).toBe(value);
    }
    for (const value of [256, 0x80000000, 0xffffffff])
      expect(device.setWord(socket, option, value)).toBe(INVALID_ARGUMENT);
    expect(device.abi.setopt(socket, option, device.exchange, 3)).toBe(INVALID_ARGUMENT);
    expect(device.abi.getopt(socket, option, device.exchange, 3)).toBe(INVALID_ARGUMENT);
    expect(device.getWord(socket, option)).toBe(7);
    // Each has its own place.
    const others = [Option.TTL, Option.TOS, Option.BROADCAST].filter((other) => other !== option);
    expect(others.map((other) => device.getWord(socket, other))).toEqual([0, 0]);
  });

  test("what datagram sockets do not have", () => {
    const none = [
      0,
      Option.TCP_INFO,
      Option.NO_DELAY,
      Option.KEEPALIVE_MS,
      Option.TCP_STATE,
      Option.URGENT,
      99,
    ];
    for (const option of [...none, Option.LEASE, Option.HOST_NAME, Option.LINK_LOCAL, 0xffffffff]) {
      expect(device.getWord(socket, option), `get ${option}`).toBe(NOT_SUPPORTED);
      expect(device.setWord(socket, option, 1), `set ${option}`).toBe(NOT_SUPPORTED);
    }
    for (const option of [Option.ERROR, Option.LOCAL_ENDPOINT, Option.PEER_ENDPOINT])
      expect(device.setWord(socket, option, 1)).toBe(NOT_SUPPORTED);
    for (const option of [JOIN, LEAVE]) expect(device.getWord(socket, option)).toBe(NOT_SUPPORTED);
  });

  test("ERROR that finds no room keeps the error", () => {
    const { fail } = device.core.functions("udp/output", "fail");
    fail(device.core.services.datagramTable, Status.TOO_LONG);
    expect(device.abi.getopt(socket, Option.ERROR, device.exchange, 3)).toBe(INVALID_ARGUMENT);
    expect([device.getWord(socket, Option.ERROR), device.getWord(socket, Option.ERROR)]).toEqual([
      Status.TOO_LONG,
      0,
    ]);
  });
});

describe("groups", () => {
  test("four for the device, one socket with several, several with one", () => {
    const other = device.open(8);
    expect(device.group(socket, JOIN, "224.0.0.1")).toBe(OK);
    expect(device.group(socket, JOIN, "224.0.0.1")).toBe(OK);
    expect(device.group(socket, JOIN, "224.0.0.2")).toBe(OK);
    expect(device.group(other, JOIN, "224.0.0.1")).toBe(OK);
    expect(device.group(other, JOIN, "224.0.0.3")).toBe(OK);
    expect(device.group(other, JOIN, "224.0.0.4")).toBe(NO_SOCKET);
    expect(device.group(other, LEAVE, "224.0.0.2")).toBe(INVALID_ARGUMENT);
    expect(device.group(socket, LEAVE, "224.0.0.2")).toBe(OK);
    expect(device.group(socket, LEAVE, "224.0.0.2")).toBe(INVALID_ARGUMENT);
    expect(device.group(other, JOIN, "224.0.0.4")).toBe(OK);
  });

  test("a closed socket leaves all of its groups, and no other's", () => {
    const { isJoined } = device.core.functions("net/groups", "isJoined");
    const other = device.open(8);
    for (const group of ["224.0.0.1", "224.0.0.2"]) device.group(socket, JOIN, group);
    device.group(other, JOIN, "224.0.0.1");
    device.abi.close(socket);
    expect([isJoined(0x010000e0), isJoined(0x020000e0)]).toEqual([true, false]);
    device.abi.abort(other);
    expect(isJoined(0x010000e0)).toBe(false);
  });

  test("what is no group, or no endpoint", () => {
    for (const option of [JOIN, LEAVE]) {
      for (const address of ["0.0.0.0", "10.0.0.2", "223.255.255.255", "240.0.0.0", "255.255.255.255"])
        expect(device.group(socket, option, address)).toBe(INVALID_ARGUMENT);
      const endpoint = device.endpoint(0, "224.0.0.1");
      expect(device.abi.setopt(socket, option, endpoint, EndpointLayout.size - 1)).toBe(INVALID_ARGUMENT);
      device.endpoint(0, "224.0.0.1", Family.IPV6);
      expect(device.abi.setopt(socket, option, endpoint, EndpointLayout.size)).toBe(INVALID_ARGUMENT);
    }
  });
});

test("get and set are what the calls come to", () => {
  const { get, set } = device.core.functions("udp/options", "get", "set");
  const { datagramTable } = device.core.services;
  device.core.view.setUint32(device.exchange, 5, true);
  expect([
    set(datagramTable, Option.TTL, device.exchange, 4),
    get(datagramTable, Option.TTL, device.exchange, 4),
  ]).toEqual([OK, 4]);
});
