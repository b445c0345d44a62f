// The independent packet codec: the tests' oracle. It shares no code with the core and prefers clarity to speed.
//
// `decode` never throws: what is wrong with a frame is in `problems`, in words. `encode` builds valid frames, and
// broken ones where the caller forges a field.

import { type Arp, type ArpSpec, decodeArp, describeArp, encodeArp } from "./arp.js";
import { BROADCAST_MAC, decodeEthernet, type Ethernet, EtherType, encodeEthernet } from "./ethernet.js";
import { decodeIcmp, describeIcmp, encodeIcmp, type Icmp, type IcmpSpec } from "./icmp.js";
import { decodeIpv4, encodeIpv4, IpProtocol, type Ipv4, type Ipv4Spec } from "./ipv4.js";
import { hex16 } from "./octets.js";
import { decodeTcp, describeTcp, encodeTcp, type Tcp, type TcpSpec } from "./tcp.js";
import { decodeUdp, describeUdp, encodeUdp, type Udp, type UdpSpec } from "./udp.js";

export * from "./arp.js";
export * from "./checksum.js";
export * from "./ethernet.js";
export * from "./icmp.js";
export * from "./ipv4.js";
export * from "./octets.js";
export * from "./tcp.js";
export * from "./udp.js";

interface Decoded {
  readonly frame: Uint8Array;
  /** Everything that is wrong, wrong checksums included; empty for a correct frame. */
  readonly problems: readonly string[];
  /** Octets behind the packet's own length. */
  readonly padding: Uint8Array;
}

/** A decoded frame; `kind` names the innermost layer that could be read. */
export type Packet =
  | (Decoded & { readonly kind: "short" })
  | (Decoded & { readonly kind: "ethernet"; readonly ethernet: Ethernet })
  | (Decoded & { readonly kind: "arp"; readonly ethernet: Ethernet; readonly arp: Arp })
  | (Decoded & { readonly kind: "ipv4"; readonly ethernet: Ethernet; readonly ipv4: Ipv4 })
  | (Decoded & {
      readonly kind: "icmp";
      readonly ethernet: Ethernet;
      readonly ipv4: Ipv4;
      readonly icmp: Icmp;
    })
  | (Decoded & { readonly kind: "udp"; readonly ethernet: Ethernet; readonly ipv4: Ipv4; readonly udp: Udp })
  | TcpPacket;

/** A decoded frame that carries a TCP segment. */
export type TcpPacket = Decoded & {
  readonly kind: "tcp";
  readonly ethernet: Ethernet;
  readonly ipv4: Ipv4;
  readonly tcp: Tcp;
};

/** The link layer of a frame to build. */
export interface LinkSpec {
  readonly source: string;
  /** Default: broadcast. */
  readonly destination?: string;
  /** Default: what the payload is. */
  readonly type?: number;
  /** As EthernetSpec.minimumBytes. */
  readonly minimumBytes?: number;
}

type IpLayer = Omit<Ipv4Spec, "protocol" | "payload"> & { readonly protocol?: number };

/** A frame to build: the link and exactly one of the shapes of payload. */
export type FrameSpec = { readonly link: LinkSpec } & (
  | { readonly payload: Uint8Array }
  | { readonly arp: ArpSpec }
  | { readonly ipv4: IpLayer; readonly payload: Uint8Array }
  | { readonly ipv4: IpLayer; readonly icmp: IcmpSpec }
  | { readonly ipv4: IpLayer; readonly udp: UdpSpec }
  | { readonly ipv4: IpLayer; readonly tcp: TcpSpec }
);

const NONE = new Uint8Array(0);

/** Decodes a frame as deep as it can be read, and verifies every checksum and length on the way. */
export function decode(frame: Uint8Array): Packet {
  const problems: string[] = [];
  const ethernet = decodeEthernet(frame);
  if (!ethernet) return { kind: "short", frame, problems: [`frame of ${frame.length} bytes`], padding: NONE };
  const base = { frame, problems, ethernet };
  if (ethernet.type === EtherType.ARP) {
    const arp = decodeArp(ethernet.payload, problems);
    if (arp) return { ...base, kind: "arp", arp, padding: ethernet.payload.subarray(28) };
  } else if (ethernet.type === EtherType.IPV4) {
    const ipv4 = decodeIpv4(ethernet.payload, problems);
    if (ipv4) return decodeTransport({ ...base, ipv4, padding: ipv4.padding }, problems);
  }
  return { ...base, kind: "ethernet", padding: NONE };
}

/** Builds a frame. Throws when an address or option cannot be written; never for a field that is merely wrong. */
export function encode(spec: FrameSpec): Uint8Array {
  const { source, destination = BROADCAST_MAC, minimumBytes } = spec.link;
  const built = encodePayload(spec);
  return encodeEthernet({
    source,
    destination,
    type: spec.link.type ?? built.type,
    payload: built.payload,
    ...(minimumBytes === undefined ? {} : { minimumBytes }),
  });
}

/** Where relative sequence numbers begin, for `describe`. */
export interface DescribeBases {
  readonly seq: number;
  readonly ack: number;
}

/** A frame in one line, as tshark would put it, with what is wrong at the end. */
export function describe(
  frame: Uint8Array | Packet,
  bases: DescribeBases | ((packet: TcpPacket) => DescribeBases) = { seq: 0, ack: 0 },
): string {
  const packet = frame instanceof Uint8Array ? decode(frame) : frame;
  const text = describePacket(packet, bases);
  return packet.problems.length === 0 ? text : `${text} !! ${packet.problems.join("; ")}`;
}

function decodeTransport(base: Decoded & { ethernet: Ethernet; ipv4: Ipv4 }, problems: string[]): Packet {
  const { ipv4 } = base;
  const readable = ipv4.version === 4 && ipv4.headerBytes >= 20 && ipv4.totalBytes >= ipv4.headerBytes;
  const whole = !ipv4.moreFragments && ipv4.fragmentOffset === 0;
  if (readable && whole && ipv4.protocol === IpProtocol.ICMP) {
    const icmp = decodeIcmp(ipv4.payload, problems);
    if (icmp) return { ...base, kind: "icmp", icmp };
  }
  if (readable && whole && ipv4.protocol === IpProtocol.UDP) {
    const udp = decodeUdp(ipv4.payload, ipv4, problems);
    if (udp) return { ...base, kind: "udp", udp };
  }
  if (readable && whole && ipv4.protocol === IpProtocol.TCP) {
    const tcp = decodeTcp(ipv4.payload, ipv4, problems);
    if (tcp) return { ...base, kind: "tcp", tcp };
  }
  return { ...base, kind: "ipv4" };
}

function encodePayload(spec: FrameSpec): { type: number; payload: Uint8Array } {
  if ("arp" in spec) return { type: EtherType.ARP, payload: encodeArp(spec.arp) };
  if (!("ipv4" in spec)) return { type: EtherType.IPV4, payload: spec.payload };
  const { ipv4 } = spec;
  if ("tcp" in spec) {
    const payload = encodeTcp(spec.tcp, ipv4);
    return { type: EtherType.IPV4, payload: encodeIpv4({ protocol: IpProtocol.TCP, ...ipv4, payload }) };
  }
  if ("udp" in spec) {
    const payload = encodeUdp(spec.udp, ipv4);
    return { type: EtherType.IPV4, payload: encodeIpv4({ protocol: IpProtocol.UDP, ...ipv4, payload }) };
  }
  const payload = "icmp" in spec ? encodeIcmp(spec.icmp) : spec.payload;
  return { type: EtherType.IPV4, payload: encodeIpv4({ protocol: IpProtocol.ICMP, ...ipv4, payload }) };
}

function describePacket(
  packet: Packet,
  bases: DescribeBases | ((packet: TcpPacket) => DescribeBases),
): string {
  switch (packet.kind) {
    case "short":
      return "short frame";
    case "ethernet": {
      const { source, destination, type, payload } = packet.ethernet;
      return `${source} > ${destination} type ${hex16(type)} Len=${payload.length}`;
    }
    case "arp":
      return describeArp(packet.arp);
    case "ipv4": {
      const { source, destination, protocol, payload, fragmentOffset, moreFragments } = packet.ipv4;
      const fragment = fragmentOffset || moreFragments ? ` fragment at ${fragmentOffset}` : "";
      return `${source} > ${destination} IP protocol ${protocol}${fragment} Len=${payload.length}`;
    }
    case "icmp":
      return `${packet.ipv4.source} > ${packet.ipv4.destination} ${describeIcmp(packet.icmp)}`;
    case "udp": {
      const from = `${packet.ipv4.source}:${packet.udp.sourcePort}`;
      const to = `${packet.ipv4.destination}:${packet.udp.destinationPort}`;
      return `${from} > ${to} ${describeUdp(packet.udp)}`;
    }
    case "tcp": {
      const { seq, ack } = typeof bases === "function" ? bases(packet) : bases;
      const from = `${packet.ipv4.source}:${packet.tcp.sourcePort}`;
      const to = `${packet.ipv4.destination}:${packet.tcp.destinationPort}`;
      return `${from} > ${to} ${describeTcp(packet.tcp, seq, ack)}`;
    }
  }
}
