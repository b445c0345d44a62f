// ARP for IPv4 over Ethernet, RFC 826.

import { formatMac, macOctets } from "./ethernet.js";
import { formatIp, ipOctets } from "./ipv4.js";
import { concat, get16, put16 } from "./octets.js";

export const ARP_BYTES = 28;
export const ArpOperation = { REQUEST: 1, REPLY: 2 } as const;

/** A decoded ARP packet. `operation` is an ArpOperation or any other number that was there. */
export interface Arp {
  readonly hardware: number;
  readonly protocol: number;
  readonly hardwareBytes: number;
  readonly protocolBytes: number;
  readonly operation: number;
  readonly senderMac: string;
  readonly senderIp: string;
  readonly targetMac: string;
  readonly targetIp: string;
}

/** What to build: a valid packet, but for the fields of the fixed part that are named. */
export interface ArpSpec extends Partial<Omit<Arp, "senderMac" | "senderIp" | "targetIp">> {
  readonly operation: number;
  readonly senderMac: string;
  readonly senderIp: string;
  /** Default zero, as in a request. */
  readonly targetMac?: string;
  readonly targetIp: string;
}

/** Decodes the ARP packet at the head of `payload`; appends to `problems` what is wrong with it. */
export function decodeArp(payload: Uint8Array, problems: string[]): Arp | undefined {
  if (payload.length < ARP_BYTES) {
    problems.push(`ARP packet of ${payload.length} bytes`);
    return undefined;
  }
  const arp: Arp = {
    hardware: get16(payload, 0),
    protocol: get16(payload, 2),
    hardwareBytes: payload[4] as number,
    protocolBytes: payload[5] as number,
    operation: get16(payload, 6),
    senderMac: formatMac(payload.subarray(8, 14)),
    senderIp: formatIp(payload.subarray(14, 18)),
    targetMac: formatMac(payload.subarray(18, 24)),
    targetIp: formatIp(payload.subarray(24, 28)),
  };
  if (arp.hardware !== 1) problems.push(`ARP hardware type ${arp.hardware}`);
  if (arp.protocol !== 0x0800) problems.push(`ARP protocol type ${arp.protocol}`);
  if (arp.hardwareBytes !== 6) problems.push(`ARP hardware address length ${arp.hardwareBytes}`);
  if (arp.protocolBytes !== 4) problems.push(`ARP protocol address length ${arp.protocolBytes}`);
  return arp;
}

/** Builds an ARP packet, without Ethernet header. */
export function encodeArp(spec: ArpSpec): Uint8Array {
  const fixed = new Uint8Array(8);
  put16(fixed, 0, spec.hardware ?? 1);
  put16(fixed, 2, spec.protocol ?? 0x0800);
  fixed[4] = spec.hardwareBytes ?? 6;
  fixed[5] = spec.protocolBytes ?? 4;
  put16(fixed, 6, spec.operation);
  return concat(
    fixed,
    macOctets(spec.senderMac),
    ipOctets(spec.senderIp),
    macOctets(spec.targetMac ?? "00:00:00:00:00:00"),
    ipOctets(spec.targetIp),
  );
}

/** "ARP Who has 10.0.0.1? Tell 10.0.0.2". */
export function describeArp(arp: Arp): string {
  switch (arp.operation) {
    case ArpOperation.REQUEST:
      return `ARP Who has ${arp.targetIp}? Tell ${arp.senderIp}`;
    case ArpOperation.REPLY:
      return `ARP ${arp.senderIp} is at ${arp.senderMac}`;
    default:
      return `ARP operation ${arp.operation} from ${arp.senderIp}`;
  }
}
