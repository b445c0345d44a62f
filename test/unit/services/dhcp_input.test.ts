// `take`: what a server says, and who may say it. Attack 16 of the list of hostile input is here.

import { beforeEach, describe, expect, test } from "vitest";
import { DhcpState } from "../../../host/abi.js";
import { formatIp } from "../../../host/packet/index.js";
import {
  type DhcpMessage,
  type DhcpOption,
  type DhcpSpec,
  encodeDhcp,
  quad,
  text,
  u16,
  u32,
  udpFrame,
} from "../../services/dhcp_codec.js";
import { DhcpServer } from "../../services/dhcp_server.js";
import { Stage } from "../../services/dhcp_stage.js";
import { DEVICE } from "../core.js";

const SERVER = "10.0.0.2";
const OURS = "10.0.0.100";

let stage: Stage;
let server: DhcpServer;

beforeEach(() => {
  stage = new Stage().open();
  server = new DhcpServer();
});

/** The last message that the client sent. */
function last(): DhcpMessage {
  const message = stage.messages.at(-1);
  if (!message) return expect.fail("no message");
  return message;
}

/** Gives the client an answer to its last message, and returns the counters that this moved beside FRAMES_IN. */
function give(type: "OFFER" | "ACK" | "NAK", yiaddr = OURS, forged: Partial<DhcpSpec> = {}): string[] {
  const before = stage.core.counters();
  stage.give(server.say(last(), type, type === "NAK" ? "0.0.0.0" : yiaddr, forged));
  const after = stage.core.counters();
  return Object.keys(after).filter((name) => name !== "FRAMES_IN" && after[name] !== before[name]);
}

/** The same with these options instead of the server's. */
const withOptions = (type: "OFFER" | "ACK" | "NAK", ...options: DhcpOption[]) =>
  give(type, OURS, { options });

const OFFER: DhcpOption = [53, [2]];
const ACK: DhcpOption = [53, [5]];
const FROM: DhcpOption = [54, quad(SERVER)];
const HOUR: DhcpOption = [51, u32(3600)];

function toRequesting(): void {
  stage.run(0);
  expect(give("OFFER")).toEqual([]);
  stage.run(0);
  expect([stage.lease.state, last().type]).toEqual([DhcpState.REQUESTING, "REQUEST"]);
}

/** BOUND, T1 comes, and the server's MAC is known. */
function toRenewing(): void {
  stage.hosts = [server];
  stage.run(10_000);
  expect(stage.lease.state).toBe(DhcpState.BOUND);
  server.on = false;
  stage.run(1_800_000);
  expect([stage.lease.state, stage.lease.renewSeconds]).toEqual([DhcpState.RENEWING, 1800]);
}

describe("an offer", () => {
  test("is taken when it is the first, and asked for", () => {
    toRequesting();
    expect(formatIp(stage.lease.address)).toBe(OURS);
    expect(give("OFFER", "10.0.0.101")).toEqual(["DHCP_IGNORED"]);
    expect(formatIp(stage.lease.address)).toBe(OURS);
  });

  test.each<[string, Partial<DhcpSpec>]>([
    ["another transaction", { xid: 1 }],
    ["somebody else's MAC", { chaddr: "02:00:00:00:00:09" }],
    ["somebody else's MAC, in its last octets", { chaddr: "02:00:00:00:00:00" }],
    ["a discover", { options: [[53, [1]], FROM, HOUR] }],
    ["a request", { options: [[53, [3]], FROM, HOUR] }],
    ["an ACK of what was not asked for", { options: [ACK, FROM, HOUR] }],
    ["a NAK of what was not asked for", { options: [[53, [6]], FROM] }],
    ["a release", { options: [[53, [7]], FROM, HOUR] }],
    ["a type that there is not", { options: [[53, [255]], FROM, HOUR] }],
  ])("%s answers nothing of ours", (_what, forged) => {
    stage.run(0);
    expect(give("OFFER", OURS, forged)).toEqual(["DHCP_IGNORED"]);
    expect(stage.lease.state).toBe(DhcpState.SELECTING);
  });

  test.each<[string, Partial<DhcpSpec>]>([
    ["without an end option", { end: false }],
    ["with another magic", { cookie: 0x63538263 }],
    ["with a mask of three octets", { options: [OFFER, FROM, HOUR, [1, [255, 255, 255]]] }],
    ["of BOOTP", { options: [FROM, HOUR] }],
    ["from a client", { op: 1 }],
  ])("%s is malformed", (_what, forged) => {
    stage.run(0);
    expect(give("OFFER", OURS, forged)).toEqual(["DHCP_MALFORMED"]);
    expect(stage.lease.state).toBe(DhcpState.SELECTING);
  });

  test("a length that lies is malformed", () => {
    stage.run(0);
    const frame = server.say(last(), "OFFER", OURS, { options: [OFFER, FROM, HOUR, [12, [1, 2, 3]]] });
    const payload = frame.slice(42);
    payload[240 + 3 + 6 + 6 + 1] = 200;
    const path = { fromMac: server.mac, toMac: DEVICE.mac, from: SERVER, to: OURS };
    stage.give(udpFrame(path, payload));
    expect(stage.core.counters().DHCP_MALFORMED).toBe(1);
    payload[240 + 3 + 6 + 6 + 1] = 3;
    stage.give(udpFrame(path, payload));
    expect(stage.lease.state).toBe(DhcpState.REQUESTING);
  });

  test("every cut of it is malformed, and does nothing", () => {
    stage.run(0);
    const payload = encodeDhcp({
      ...{ xid: last().xid, chaddr: DEVICE.mac, yiaddr: OURS },
      options: [OFFER, FROM, HOUR, [52, [3]], [15, text("example")]],
      ...{ file: [[1, quad("255.255.0.0")]], sname: [[3, quad("10.0.0.254")]] },
    });
    const path = { fromMac: server.mac, toMac: DEVICE.mac, from: SERVER, to: OURS };
    for (let bytes = 0; bytes < payload.length; bytes++)
      stage.give(udpFrame(path, payload.subarray(0, bytes)));
    expect(stage.core.counters().DHCP_MALFORMED).toBe(payload.length);
    stage.give(udpFrame(path, payload));
    expect(stage.lease.state).toBe(DhcpState.REQUESTING);
  });

  test("without a server is nobody's", () => {
    stage.run(0);
    expect(withOptions("OFFER", OFFER, HOUR)).toEqual(["DHCP_IGNORED"]);
    expect(stage.lease.state).toBe(DhcpState.SELECTING);
  });

  test.each(["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"])(
    "%s is refused",
    (yiaddr) => {
      stage.run(0);
      expect(give("OFFER", yiaddr)).toEqual(["DHCP_REFUSED"]);
      expect(stage.lease.state).toBe(DhcpState.SELECTING);
    },
  );

  test.each<[string, DhcpOption[]]>([
    ["no time", []],
    ["a time of zero", [[51, u32(0)]]],
    ["a time of one second, of which there is no half", [[51, u32(1)]]],
  ])("with %s it is refused", (_what, options) => {
    stage.run(0);
    expect(withOptions("OFFER", OFFER, FROM, ...options)).toEqual(["DHCP_REFUSED"]);
  });
});

describe("an ACK", () => {
  test("of the address that was offered is taken", () => {
    toRequesting();
    expect(give("ACK")).toEqual([]);
    expect(stage.lease.state).toBe(DhcpState.CHECKING);
    // A copy of it comes too late.
    expect(give("ACK")).toEqual(["DHCP_IGNORED"]);
    stage.run(4000);
    expect([stage.lease.state, stage.address]).toEqual([DhcpState.BOUND, OURS]);
    expect(give("ACK")).toEqual(["DHCP_IGNORED"]);
  });

  test("of another server is not", () => {
    toRequesting();
    expect(withOptions("ACK", ACK, [54, quad("10.0.0.3")], HOUR)).toEqual(["DHCP_IGNORED"]);
    expect(withOptions("ACK", ACK, HOUR)).toEqual(["DHCP_IGNORED"]);
    expect(stage.lease.state).toBe(DhcpState.REQUESTING);
  });

  test("of another address, or for no time, is refused", () => {
    toRequesting();
    expect(give("ACK", "10.0.0.101")).toEqual(["DHCP_REFUSED"]);
    expect(withOptions("ACK", ACK, FROM, [51, u32(0)])).toEqual(["DHCP_REFUSED"]);
    expect(stage.lease.state).toBe(DhcpState.REQUESTING);
  });

  test("everything it says is there to be read", () => {
    toRequesting();
    const options: DhcpOption[] = [
      ...[ACK, FROM, HOUR],
      [1, quad("255.255.252.0")],
      [3, quad("10.0.0.254")],
      [6, [...quad("10.0.0.3"), ...quad("10.0.0.4")]],
      [15, text("lab.example")],
      [26, u16(1400)],
      [42, quad("10.0.0.5")],
      [58, u32(600)],
      [59, u32(1200)],
    ];
    expect(withOptions("ACK", ...options)).toEqual([]);
    stage.run(4000);
    const { lease } = stage;
    expect({ ...lease, ...{ address: 0, netmask: 0, router: 0, server: 0, domain: 0 } }).toMatchObject({
      ...{ leaseSeconds: 3600, renewSeconds: 600, rebindSeconds: 1200, mtu: 1400, domainBytes: 11 },
      dnsServer0: Uint8Array.from([10, 0, 0, 3]),
      dnsServer1: Uint8Array.from([10, 0, 0, 4]),
      ntpServer: Uint8Array.from([10, 0, 0, 5]),
    });
    expect([lease.address, lease.netmask, lease.router, lease.server].map(formatIp)).toEqual([
      ...[OURS, "255.255.252.0", "10.0.0.254", SERVER],
    ]);
    expect(stage.domain).toBe("lab.example");
    expect(stage.dnsServers).toEqual(["10.0.0.3", "10.0.0.4"]);
    const { address, netmask, gateway, mtu } = stage.config;
    expect([address, netmask, gateway].map(formatIp)).toEqual([OURS, "255.255.252.0", "10.0.0.254"]);
    expect(mtu).toBe(1400);
  });

  test("options in the file and sname fields count", () => {
    toRequesting();
    give("ACK", OURS, {
      options: [ACK, FROM, [52, [3]]],
      file: [HOUR, [1, quad("255.255.0.0")]],
      sname: [[3, quad("10.0.0.1")]],
    });
    stage.run(4000);
    expect([stage.lease.netmask, stage.lease.router].map(formatIp)).toEqual(["255.255.0.0", "10.0.0.1"]);
  });

  test("without a netmask the network is one of 256 addresses", () => {
    toRequesting();
    withOptions("ACK", ACK, FROM, HOUR);
    expect(formatIp(stage.lease.netmask)).toBe("255.255.255.0");
  });

  test("a router that is ourselves is none", () => {
    toRequesting();
    withOptions("ACK", ACK, FROM, HOUR, [3, quad(OURS)]);
    stage.run(4000);
    expect(formatIp(stage.lease.router)).toBe("0.0.0.0");
  });

  test.each([
    [64, 64],
    [65, 0],
    [255, 0],
  ])("of a domain name of %i octets %i are kept", (bytes, kept) => {
    toRequesting();
    withOptions("ACK", ACK, FROM, HOUR, [15, text("d".repeat(bytes))]);
    expect(stage.domain).toBe("d".repeat(kept));
  });

  test.each<[string, number, number[], number, number]>([
    ["neither", 1000, [], 500, 875],
    ["both", 1000, [300, 600], 300, 600],
    ["T1 only", 1000, [300, 0], 300, 875],
    ["T2 only", 1000, [0, 600], 500, 600],
    ["T2 only, before half of the time", 1000, [0, 300], 300, 300],
    ["T1 beyond T2", 1000, [601, 600], 500, 600],
    ["T1 at T2", 1000, [600, 600], 600, 600],
    ["T1 beyond the end", 1000, [1001, 0], 500, 875],
    ["T2 beyond the end", 1000, [300, 1001], 300, 875],
    ["T2 at the end", 1000, [300, 1000], 300, 1000],
    ["both for ever", 1000, [0xffffffff, 0xffffffff], 500, 875],
    ["a lease of two seconds", 2, [], 1, 2],
    ["a lease of three seconds", 3, [], 1, 3],
    ["a lease for ever", 0xffffffff, [], 0x7fffffff, 0xe0000000],
  ])("T1 and T2: %s", (_what, seconds, times, renew, rebind) => {
    toRequesting();
    const options = times.flatMap((time, index): DhcpOption[] => (time ? [[58 + index, u32(time)]] : []));
    withOptions("ACK", ACK, FROM, [51, u32(seconds)], ...options);
    expect(stage.lease).toMatchObject({ leaseSeconds: seconds, renewSeconds: renew, rebindSeconds: rebind });
  });

  test("for ever: a year later nothing was asked", () => {
    toRequesting();
    withOptions("ACK", ACK, FROM, [51, u32(0xffffffff)]);
    stage.run(400 * 86_400_000);
    expect([stage.address, stage.messages.length]).toEqual([OURS, 2]);
  });
});

describe("a NAK", () => {
  test("of what was offered: a pause of ten seconds, and all begins anew", () => {
    toRequesting();
    expect(give("NAK")).toEqual([]);
    expect(stage.lease.state).toBe(DhcpState.WAITING);
    stage.run(9999);
    expect(stage.messages.length).toBe(2);
    stage.run(1);
    expect([stage.messages.length, last().type]).toEqual([3, "DISCOVER"]);
    expect(stage.events).toEqual([]);
  });

  test("while bound is of no interest, whoever says it", () => {
    stage.hosts = [server];
    stage.run(10_000);
    expect(give("NAK")).toEqual(["DHCP_IGNORED"]);
    expect(withOptions("NAK", [53, [6]], [54, quad("10.0.0.3")])).toEqual(["DHCP_IGNORED"]);
    expect([stage.address, stage.lease.state]).toEqual([OURS, DhcpState.BOUND]);
  });

  test("while renewing: from our server it ends the lease, from another it does not", () => {
    toRenewing();
    expect(withOptions("NAK", [53, [6]], [54, quad("10.0.0.3")])).toEqual(["DHCP_IGNORED"]);
    expect(withOptions("NAK", [53, [6]])).toEqual(["DHCP_IGNORED"]);
    expect([stage.address, stage.lease.state]).toEqual([OURS, DhcpState.RENEWING]);
    expect(give("NAK")).toEqual([]);
    stage.run(0);
    expect([stage.address, stage.lease.state]).toEqual(["0.0.0.0", DhcpState.SELECTING]);
    expect(stage.events.at(-1)?.names).toBe("FAILED");
    expect(last().type).toBe("DISCOVER");
  });

  test("while rebinding every server may say it", () => {
    toRenewing();
    stage.run(1_400_000);
    expect(stage.lease.state).toBe(DhcpState.REBINDING);
    expect(withOptions("NAK", [53, [6]], [54, quad("10.0.0.3")])).toEqual([]);
    expect(stage.address).toBe("0.0.0.0");
  });
});

test("an ACK while rebinding: the server that says it is ours from now on", () => {
  toRenewing();
  stage.run(1_400_000);
  expect(withOptions("ACK", ACK, [54, quad("10.0.0.3")], HOUR)).toEqual([]);
  expect([stage.lease.state, formatIp(stage.lease.server)]).toEqual([DhcpState.BOUND, "10.0.0.3"]);
});

test("what comes to the port while there is no client goes where all else goes", () => {
  stage.run(0);
  const frame = server.say(last(), "OFFER", OURS);
  stage.abi.close(stage.handle);
  stage.give(frame);
  expect(stage.core.counters()).toMatchObject({ UDP_NO_SOCKET: 1 });
});
