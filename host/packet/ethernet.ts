// Ethernet II frames without their frame check sequence. Addresses are text, "02:00:00:00:00:01".

import { concat, get16, put16 } from "./octets.js";

export const ETHERNET_HEADER_BYTES = 14;
/** Shortest frame on the wire, without the frame check sequence; shorter ones are padded. */
export const ETHERNET_MIN_BYTES = 60;
export const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff";

export const EtherType = { IPV4: 0x0800, ARP: 0x0806, VLAN: 0x8100, IPV6: 0x86dd } as const;

/** A decoded Ethernet header. `payload` includes padding. */
export interface Ethernet {
  readonly destination: string;
  readonly source: string;
  readonly type: number;
  readonly payload: Uint8Array;
}

/** What to build. */
export interface EthernetSpec {
  readonly destination: string;
  readonly source: string;
  readonly type: number;
  readonly payload: Uint8Array;
  /** Zeros are added up to this length; default 60, the least that the wire carries; 0 for none. */
  readonly minimumBytes?: number;
}

/** Decodes a frame; undefined when it is shorter than the header. */
export function decodeEthernet(frame: Uint8Array): Ethernet | undefined {
  if (frame.length < ETHERNET_HEADER_BYTES) return undefined;
  return {
    destination: formatMac(frame.subarray(0, 6)),
    source: formatMac(frame.subarray(6, 12)),
    type: get16(frame, 12),
    payload: frame.subarray(ETHERNET_HEADER_BYTES),
  };
}

/** Builds a frame. */
export function encodeEthernet(spec: EthernetSpec): Uint8Array {
  const type = new Uint8Array(2);
  put16(type, 0, spec.type);
  const frame = concat(macOctets(spec.destination), macOctets(spec.source), type, spec.payload);
  const missing = (spec.minimumBytes ?? ETHERNET_MIN_BYTES) - frame.length;
  return missing > 0 ? concat(frame, new Uint8Array(missing)) : frame;
}

/** The six octets of "02:00:00:00:00:01". */
export function macOctets(text: string): Uint8Array {
  const octets = text.split(":").map((pair) => Number.parseInt(pair, 16));
  if (octets.length !== 6 || octets.some((octet) => !(octet >= 0 && octet <= 255)))
    throw new TypeError(`"${text}" is not a MAC address`);
  return Uint8Array.from(octets);
}

/** "02:00:00:00:00:01" of six octets. */
export function formatMac(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join(":");
}
