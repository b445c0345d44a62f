// ICMP errors about datagrams: RFC 1122 section 4.1.3.3.

import { beforeEach, describe, expect, test } from "vitest";
import { encodeIpv4, encodeUdp, IpProtocol } from "../../../host/packet/index.js";
import { DEVICE, Device, Event, Option, octets, PEER, Status, toPort } from "./stage.js";

let device: Device;
let socket: number;

beforeEach(() => {
  device = new Device();
  device.knowPeer();
  socket = device.open(7);
});

interface Quote {
  source?: string;
  destination?: string;
  sourcePort?: number;
  destinationPort?: number;
  protocol?: number;
  ihl?: number;
}

/** The head of a datagram of ours, as a router would quote it. */
function quote(of: Quote = {}, bytes = 28): Uint8Array {
  const addresses = { source: of.source ?? DEVICE.address, destination: of.destination ?? PEER.address };
  const ports = { sourcePort: of.sourcePort ?? 7, destinationPort: of.destinationPort ?? 9 };
  const payload = encodeUdp({ ...ports, payload: octets(4) }, addresses);
  const forged = of.ihl === undefined ? {} : { ihl: of.ihl };
  const protocol = of.protocol ?? IpProtocol.UDP;
  return encodeIpv4({ ...addresses, protocol, payload, ...forged }).slice(0, bytes);
}

const told = () => [device.events(socket), device.getWord(socket, Option.ERROR)];

describe("arrives", () => {
  test.each([
    [3, 3, Status.CONNECTION_REFUSED],
    [3, 0, Status.UNREACHABLE],
    [3, 1, Status.UNREACHABLE],
    [3, 4, Status.TOO_LONG],
    [3, 13, Status.UNREACHABLE],
    [11, 0, Status.UNREACHABLE],
    [12, 0, Status.UNREACHABLE],
  ])("type %i code %i: the socket hears of it once, and lives on", (type, code, status) => {
    device.icmp({ type, code, payload: quote() });
    expect(told()).toEqual([Event.FAILED, status]);
    expect(told()).toEqual([0, Status.OK]);
    expect(device.core.counters()).toMatchObject({ ICMP_ERRORS: 1 });
    device.sendTo(socket, octets(2), 9);
    expect(device.nextUdp().udp.payload.length).toBe(2);
    device.udp(toPort(7));
    expect(device.receive(socket)).toMatchObject({ from: "10.0.0.2:4000" });
  });

  test("a router's word counts as the peer's", () => {
    device.icmp({ type: 3, code: 1, payload: quote() }, { source: "10.0.0.254" });
    expect(told()).toEqual([Event.FAILED, Status.UNREACHABLE]);
  });

  test("a connected socket hears of its peer alone", () => {
    expect(device.abi.connect(socket, device.endpoint(9, PEER.address))).toBe(Status.OK);
    for (const other of [{ destination: "10.0.0.3" }, { destinationPort: 10 }])
      device.icmp({ type: 3, code: 3, payload: quote(other) });
    expect([...told(), device.counter("ICMP_STRAY")]).toEqual([0, Status.OK, 2]);
    device.icmp({ type: 3, code: 3, payload: quote() });
    expect(told()).toEqual([Event.FAILED, Status.CONNECTION_REFUSED]);
  });

  test("about a port that nobody has, or of another source, it is stray", () => {
    device.open();
    for (const other of [{ sourcePort: 8 }, { sourcePort: 0 }, { source: "10.0.0.3" }])
      device.icmp({ type: 3, code: 3, payload: quote(other) });
    expect([...told(), device.counter("ICMP_STRAY")]).toEqual([0, Status.OK, 3]);
  });

  test("a quote that is cut short, or lies about its header, does nothing", () => {
    for (let bytes = 0; bytes < 28; bytes++) device.icmp({ type: 3, code: 3, payload: quote({}, bytes) });
    for (let ihl = 6; ihl < 16; ihl++) device.icmp({ type: 3, code: 3, payload: quote({ ihl }) });
    for (let ihl = 0; ihl < 5; ihl++) device.icmp({ type: 3, code: 3, payload: quote({ ihl }) });
    expect(told()).toEqual([0, Status.OK]);
    expect(device.next()).toBeUndefined();
  });

  test("a quoted segment is TCP's", () => {
    device.icmp({ type: 3, code: 3, payload: quote({ protocol: IpProtocol.TCP }) });
    expect([...told(), device.counter("ICMP_STRAY")]).toEqual([0, Status.OK, 1]);
  });
});

test("check, quotedIp, quotedPorts and meaning read the message in the input slot", () => {
  const { check, quotedIp, quotedPorts, meaning, arrives } = device.core.functions(
    "udp/icmperror",
    ...(["check", "quotedIp", "quotedPorts", "meaning", "arrives"] as const),
  );
  device.icmp({ type: 3, code: 3, payload: quote({ sourcePort: 0x0102, destinationPort: 0x0304 }) });
  expect([check(), quotedPorts(), meaning()]).toEqual([true, 0x02010403, Status.CONNECTION_REFUSED]);
  expect(quotedIp()).toBe(device.core.header.inputSlot + 14 + 20 + 8);
  const stray = device.counter("ICMP_STRAY");
  arrives();
  expect(device.counter("ICMP_STRAY")).toBe(stray + 1);
});
