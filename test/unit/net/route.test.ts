import { describe, expect, test } from "vitest";
import { address, UnitCore } from "../core.js";

function booted(ours: string, netmask: string, gateway = "10.0.0.254") {
  const core = new UnitCore({ address: ours, netmask, gateway });
  const { nextHop, isHost, setBroadcast } = core.functions("net/route", "nextHop", "isHost", "setBroadcast");
  return {
    core,
    hop: (to: string) => nextHop(address(to)),
    isHost: (text: string) => isHost(address(text)),
    setBroadcast,
  };
}

describe("nextHop", () => {
  test.each<[network: string, mask: string, to: string, hop: string]>([
    ["10.0.0.1", "255.255.255.0", "10.0.0.2", "10.0.0.2"],
    ["10.0.0.1", "255.255.255.0", "10.0.1.2", "10.0.0.254"],
    ["10.0.0.1", "255.255.255.0", "192.0.2.1", "10.0.0.254"],
    ["10.0.0.1", "255.0.0.0", "10.255.1.2", "10.255.1.2"],
    ["10.0.0.1", "255.0.0.0", "11.0.0.1", "10.0.0.254"],
    ["10.0.0.129", "255.255.255.128", "10.0.0.200", "10.0.0.200"],
    ["10.0.0.129", "255.255.255.128", "10.0.0.127", "10.0.0.254"],
    ["10.0.0.2", "255.255.255.254", "10.0.0.3", "10.0.0.3"],
    ["10.0.0.2", "255.255.255.254", "10.0.0.4", "10.0.0.254"],
    ["10.0.0.2", "255.255.255.255", "10.0.0.3", "10.0.0.254"],
    ["10.0.0.1", "0.0.0.0", "192.0.2.1", "192.0.2.1"],
  ])("from %s/%s to %s over %s", (ours, mask, to, hop) => {
    expect(booted(ours, mask).hop(to)).toBe(address(hop));
  });

  test("without a router there is no way to another network", () => {
    expect(booted("10.0.0.1", "255.255.255.0", "0.0.0.0").hop("192.0.2.1")).toBe(0);
  });

  test("without an address there is no way at all", () => {
    expect(booted("0.0.0.0", "255.255.255.0").hop("10.0.0.2")).toBe(0);
  });
});

describe("isHost", () => {
  test.each([
    ["10.0.0.2", true],
    ["1.0.0.0", true],
    ["126.255.255.255", true],
    ["128.0.0.0", true],
    ["223.255.255.255", true],
    ["0.0.0.0", false],
    ["0.1.2.3", false],
    ["0.255.255.255", false],
    ["127.0.0.1", false],
    ["127.255.255.255", false],
    ["224.0.0.1", false],
    ["239.255.255.255", false],
    ["240.0.0.1", false],
    ["255.255.255.255", false],
    ["10.0.0.1", false],
    ["10.0.0.255", false],
    ["10.0.1.255", true],
  ])("%s on 10.0.0.1/24: %s", (text, wanted) => {
    expect(booted("10.0.0.1", "255.255.255.0").isHost(text)).toBe(wanted);
  });
});

describe("the broadcast address", () => {
  test.each([
    ["10.0.0.1", "255.255.255.0", "10.0.0.255"],
    ["10.0.0.129", "255.255.255.128", "10.0.0.255"],
    ["10.0.0.1", "255.255.255.128", "10.0.0.127"],
    ["172.16.5.4", "255.255.240.0", "172.16.15.255"],
    ["10.0.0.5", "255.255.255.252", "10.0.0.7"],
    // RFC 3021: both addresses of a network of 31 bits are hosts; one of 32 bits has no other.
    ["10.0.0.2", "255.255.255.254", "255.255.255.255"],
    ["10.0.0.3", "255.255.255.254", "255.255.255.255"],
    ["10.0.0.2", "255.255.255.255", "255.255.255.255"],
    ["10.0.0.2", "0.0.0.0", "255.255.255.255"],
  ])("of %s/%s is %s", (ours, mask, broadcast) => {
    const { core, setBroadcast } = booted(ours, mask);
    expect(core.state.broadcast).toBe(address(broadcast));
    core.state.broadcast = 0;
    setBroadcast();
    expect(core.state.broadcast).toBe(address(broadcast));
  });

  test("in a network of 31 bits the other address is a host", () => {
    expect(booted("10.0.0.2", "255.255.255.254").isHost("10.0.0.3")).toBe(true);
    expect(booted("10.0.0.3", "255.255.255.254").isHost("10.0.0.2")).toBe(true);
  });
});

test("isBroadcast and isGroup", () => {
  const { isBroadcast, isGroup } = booted("10.0.0.1", "255.255.255.0").core.functions(
    "net/route",
    "isBroadcast",
    "isGroup",
  );
  const all = [
    "0.0.0.0",
    "10.0.0.255",
    "10.0.1.255",
    "223.255.255.255",
    "224.0.0.0",
    "239.255.255.255",
    "240.0.0.0",
  ];
  const those = (call: (at: number) => unknown) =>
    [...all, "255.255.255.255"].filter((text) => call(address(text)));
  expect(those(isBroadcast)).toEqual(["10.0.0.255", "255.255.255.255"]);
  expect(those(isGroup)).toEqual(["224.0.0.0", "239.255.255.255"]);
});
