// A device with datagram sockets, used as a host would: calls of the ABI, frames in and out.

import { expect } from "vitest";
import {
  Counter,
  type Endpoint,
  EndpointLayout,
  Event,
  Family,
  InputFlag,
  Option,
  SocketKind,
  STATE_BASE,
  Status,
} from "../../../host/abi.js";
import { formatIpv4, parseIpv4 } from "../../../host/address.js";
import { decode, encode, type IcmpSpec, type Packet, type UdpSpec } from "../../../host/packet/index.js";
import { readRecord, writeRecord } from "../../../host/records.js";
import { DEVICE, PEER, type UnitConfig, UnitCore } from "../core.js";

export { Counter, DEVICE, Event, Family, InputFlag, Option, PEER, SocketKind, Status };

export const CONFIG = { connections: 2, listeners: 1, datagramSockets: 3, datagramQueueBytes: 512 } as const;

/** Octets that tell one datagram from another. */
export function octets(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + seed) & 0xff);
}

const ABI = [
  ...([
    "open",
    "bind",
    "connect",
    "sendReserve",
    "sendCommit",
    "sendTo",
    "receiveFrom",
    "receivePeek",
  ] as const),
  ...(["receiveConsume", "receive", "send", "shutdown", "listen", "accept", "close", "abort"] as const),
  ...(["setopt", "getopt", "nextEvent", "input", "output", "deadline", "setAddress", "linkChanged"] as const),
] as const;

export type From = { mac?: string; source?: string; destination?: string; destinationMac?: string };

export class Device {
  readonly core: UnitCore;
  readonly abi;
  now = 0;

  constructor(config: UnitConfig = {}) {
    this.core = new UnitCore({ ...CONFIG, ...config });
    this.abi = this.core.functions("abi", ...ABI);
  }

  get exchange(): number {
    return this.core.header.exchange;
  }

  /** Opens a datagram socket, bound to `port` unless that is 0. */
  open(port = 0): number {
    const handle = this.abi.open(SocketKind.DATAGRAM);
    expect(handle).toBeGreaterThan(0);
    if (port) expect(this.abi.bind(handle, this.endpoint(port))).toBe(Status.OK);
    return handle;
  }

  /** Puts an Endpoint into the exchange area and returns its address. */
  endpoint(port: number, address = "0.0.0.0", family: number = Family.IPV4): number {
    const octets = new Uint8Array(16);
    octets.set(parseIpv4(address));
    writeRecord<Endpoint>(this.core.memory, this.exchange, EndpointLayout, {
      ...{ family, port, scope: 0, address: octets },
    });
    return this.exchange;
  }

  /** The Endpoint in the exchange area. */
  readEndpoint(): { address: string; port: number; family: number } {
    const { address, port, family } = readRecord<Endpoint>(this.core.memory, this.exchange, EndpointLayout);
    expect(address.subarray(4).every((octet) => octet === 0)).toBe(true);
    return { address: formatIpv4(address.slice(0, 4)), port, family };
  }

  /** Reserves, writes and sends `data`. */
  sendTo(handle: number, data: Uint8Array, port: number, address: string = PEER.address): number {
    const room = this.fill(handle, data);
    if (room < 0) return room;
    const at = this.core.header.runPointer;
    return this.abi.sendTo(handle, this.endpoint(port, address), at, data.length);
  }

  /** Reserves a run and writes `data` to its start; returns what sendReserve said. */
  fill(handle: number, data: Uint8Array): number {
    const room = this.abi.sendReserve(handle);
    if (room > 0) this.core.memory.set(data.subarray(0, room), this.core.header.runPointer);
    return room;
  }

  /** The next datagram of a socket, or the status. */
  receive(handle: number): { data: number[]; from: string } | number {
    const length = this.abi.receiveFrom(handle, this.exchange);
    if (length < 0) return length;
    const { address, port } = this.readEndpoint();
    const at = this.core.header.runPointer;
    const data = [...this.core.memory.subarray(at, at + length)];
    expect(this.abi.receiveConsume(handle, length)).toBe(Status.OK);
    return { data, from: `${address}:${port}` };
  }

  /** A frame from the peer arrives. */
  udp(spec: UdpSpec, from: From = {}, flags = 0): void {
    this.frame(datagramFrame(spec, from), flags);
  }

  icmp(icmp: IcmpSpec, from: From = {}): void {
    const { source = PEER.address, destination = DEVICE.address } = from;
    const link = { source: PEER.mac, destination: from.destinationMac ?? DEVICE.mac };
    this.frame(encode({ link, ipv4: { source, destination }, icmp }));
  }

  frame(frame: Uint8Array, flags = 0): void {
    expect(this.abi.input(this.core.putFrame(frame), flags, this.now)).toBe(Status.OK);
  }

  /** The next frame, without a fault by the independent codec; undefined when there is none. */
  next(): Packet | undefined {
    const length = this.abi.output(this.now);
    if (!length) return undefined;
    const packet = decode(this.core.outputFrame(length));
    expect(packet.problems).toEqual([]);
    return packet;
  }

  /** The next frame, a datagram. */
  nextUdp() {
    const packet = this.next();
    if (packet?.kind !== "udp") throw new Error(`a datagram was expected, not ${packet?.kind}`);
    return packet;
  }

  /** The peer says who it is: ARP is settled. */
  knowPeer(address: string = PEER.address): void {
    const arp = { operation: 1, senderMac: PEER.mac, senderIp: address };
    const target = { targetMac: "00:00:00:00:00:00", targetIp: DEVICE.address };
    this.frame(encode({ link: { source: PEER.mac }, arp: { ...arp, ...target } }));
    expect(this.next()?.kind).toBe("arp");
    expect(this.next()).toBeUndefined();
  }

  /** The peer answers our question. */
  knowPeerSilently(address: string = PEER.address): void {
    const arp = { operation: 2, senderMac: PEER.mac, senderIp: address };
    const target = { targetMac: DEVICE.mac, targetIp: DEVICE.address };
    const link = { source: PEER.mac, destination: DEVICE.mac };
    this.frame(encode({ link, arp: { ...arp, ...target } }));
  }

  /** Event bits of a socket since the last call; all other sockets have none. */
  events(handle: number): number {
    let mask = 0;
    for (let other = this.abi.nextEvent(); other; other = this.abi.nextEvent()) {
      expect(other).toBe(handle);
      mask |= this.core.header.eventMask;
    }
    return mask;
  }

  getWord(handle: number, option: number): number {
    const status = this.abi.getopt(handle, option, this.exchange, 4);
    return status < 0 ? status : this.core.view.getInt32(this.exchange, true);
  }

  setWord(handle: number, option: number, value: number): number {
    this.core.view.setUint32(this.exchange, value, true);
    return this.abi.setopt(handle, option, this.exchange, 4);
  }

  group(handle: number, option: number, address: string): number {
    return this.abi.setopt(handle, option, this.endpoint(0, address), EndpointLayout.size);
  }

  counter(name: keyof typeof Counter): number {
    return this.core.counter(Counter[name]);
  }
}

/** A datagram from the peer in a frame; it may come from another, and to another address. */
export function datagramFrame(spec: UdpSpec, from: From = {}): Uint8Array {
  const { source = PEER.address, destination = DEVICE.address } = from;
  const link = { source: from.mac ?? PEER.mac, destination: from.destinationMac ?? DEVICE.mac };
  return encode({ link, ipv4: { source, destination }, udp: spec });
}

/** What the peer would send to `destinationPort`. */
export function toPort(destinationPort: number, payload = octets(5), sourcePort = 4000): UdpSpec {
  return { sourcePort, destinationPort, payload };
}

/** Where the state of a core ends. */
export function stateEnd(core: UnitCore): number {
  return STATE_BASE + core.header.stateBytes;
}
