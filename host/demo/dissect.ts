// What Wireshark's list of packets says of a frame, column by column: those that tshark prints unless told otherwise. It looks
// at octets alone, and shares no code with the core.

import { ArpOperation, decode, formatIp, type Packet, type TcpPacket } from "../packet/index.js";
import { describeDhcp } from "./dissect_dhcp.js";
import { describeDns } from "./dissect_dns.js";
import { MessageStreams, readDns, readHttp } from "./dissect_stream.js";
import { TcpStreams } from "./dissect_tcp.js";

/** The default columns. */
export interface Columns {
  /** From 1. */
  readonly number: number;
  /** Since the first frame, in nanoseconds. */
  readonly timeNs: number;
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  readonly length: number;
  readonly info: string;
}

const DNS_PORT = 53;
const HTTP_PORT = 80;
const DHCP_PORTS = [67, 68];
const BROADCAST = "ff:ff:ff:ff:ff:ff";

/** Tells of the frames of one capture, which it must be given in their order. */
export class Dissector {
  #number = 0;
  #firstNs = 0;
  readonly #tcp = new TcpStreams();
  /** Protocols over TCP that it knows, by port. */
  readonly #protocols = [
    [HTTP_PORT, "HTTP", new MessageStreams(readHttp)],
    [DNS_PORT, "DNS", new MessageStreams(readDns)],
  ] as const;

  /** `atNs`: when the frame was captured, by whatever clock. */
  next(frame: Uint8Array, atNs: number): Columns {
    if (this.#number++ === 0) this.#firstNs = atNs;
    const timeNs = atNs - this.#firstNs;
    const base = { number: this.#number, timeNs, length: frame.length };
    const packet = decode(frame);
    if (packet.kind === "tcp") return { ...base, ...addresses(packet), ...this.#describeTcp(packet, timeNs) };
    return { ...base, ...addresses(packet), ...describe(packet) };
  }

  /** A frame that nothing is told of, but which counts. */
  pass(atNs: number): undefined {
    if (this.#number++ === 0) this.#firstNs = atNs;
  }

  #describeTcp(packet: TcpPacket, timeNs: number): { protocol: string; info: string } {
    const { tcp, stream } = this.#tcp.next(packet, this.#number, timeNs);
    const { sourcePort, destinationPort, payload } = packet.tcp;
    for (const [port, protocol, streams] of this.#protocols) {
      if ((sourcePort !== port && destinationPort !== port) || payload.length === 0) continue;
      const text = streams.next(stream, packet.tcp);
      if (text?.kind === "message") return { protocol, info: tcp.marks + text.info };
      const info = text?.info === undefined ? tcp.text : tcp.marks + text.info;
      if (text) return { protocol: "TCP", info: `${info} [TCP segment of a reassembled PDU]` };
    }
    return { protocol: "TCP", info: tcp.text };
  }
}

/** Whether there are words for a frame: ARP, TCP and UDP have some. */
export function canTell(frame: Uint8Array): boolean {
  const packet = decode(frame);
  return packet.kind === "arp" || packet.kind === "tcp" || packet.kind === "udp";
}

/** The columns as a line of tshark's. */
export function formatColumns(columns: Columns): string {
  const { number, timeNs, source, destination, protocol, length, info } = columns;
  const seconds = `${Math.floor(timeNs / 1e9)}.${String(timeNs % 1e9).padStart(9, "0")}`;
  const ends = `${source.padStart(12)} → ${destination.padEnd(12)}`;
  return `${String(number).padStart(5)} ${seconds} ${ends} ${protocol} ${length} ${info}`;
}

function addresses(packet: Packet): { source: string; destination: string } {
  if ("ipv4" in packet) return { source: packet.ipv4.source, destination: packet.ipv4.destination };
  if (!("ethernet" in packet)) return { source: "", destination: "" };
  const { source, destination } = packet.ethernet;
  return { source, destination: destination === BROADCAST ? "Broadcast" : destination };
}

function describe(packet: Packet): { protocol: string; info: string } {
  if (packet.kind === "arp") return { protocol: "ARP", info: describeArp(packet.arp) };
  if (packet.kind !== "udp") throw new Error("the demos have no such frame: teach host/demo/dissect.ts");
  const { sourcePort, destinationPort, payload } = packet.udp;
  const ports = [sourcePort, destinationPort];
  if (ports.includes(DNS_PORT)) return { protocol: "DNS", info: describeDns(payload) };
  if (DHCP_PORTS.some((port) => ports.includes(port)))
    return { protocol: "DHCP", info: describeDhcp(payload) };
  return { protocol: "UDP", info: `${sourcePort} → ${destinationPort} Len=${payload.length}` };
}

function describeArp({
  operation,
  senderIp,
  senderMac,
  targetIp,
}: (Packet & { kind: "arp" })["arp"]): string {
  if (operation === ArpOperation.REPLY) return `${senderIp} is at ${senderMac}`;
  // RFC 5227: who announces asks for itself, who probes has no address yet.
  if (senderIp === targetIp) return `ARP Announcement for ${targetIp}`;
  if (senderIp === formatIp(new Uint8Array(4))) return `Who has ${targetIp}? (ARP Probe)`;
  return `Who has ${targetIp}? Tell ${senderIp}`;
}
