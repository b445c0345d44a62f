// IPv4 headers, RFC 791. Addresses are text, "10.0.0.1".

import { internetChecksum } from "./checksum.js";
import { concat, get16, hex16, put16 } from "./octets.js";

export const IPV4_MIN_HEADER_BYTES = 20;
export const IpProtocol = { ICMP: 1, TCP: 6, UDP: 17 } as const;

/** A decoded IPv4 header. */
export interface Ipv4 {
  readonly version: number;
  /** Header length in bytes, as the header claims. */
  readonly headerBytes: number;
  readonly tos: number;
  /** Total length as the header claims, in bytes. */
  readonly totalBytes: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** The reserved flag, which must be zero. */
  readonly reservedFlag: boolean;
  /** Offset of this fragment in bytes. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly checksum: number;
  readonly checksumValid: boolean;
  readonly source: string;
  readonly destination: string;
  readonly options: Uint8Array;
  /** What follows the header, up to the total length; without padding. */
  readonly payload: Uint8Array;
  /** What follows the total length. */
  readonly padding: Uint8Array;
}

/** What to build. All that is not named is valid; every length and the checksum can be forged. */
export interface Ipv4Spec {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly payload: Uint8Array;
  readonly version?: number;
  /** Header length field in 32-bit words, 0 to 15. */
  readonly ihl?: number;
  readonly tos?: number;
  readonly totalBytes?: number;
  readonly identification?: number;
  readonly dontFragment?: boolean;
  readonly moreFragments?: boolean;
  readonly reservedFlag?: boolean;
  /** In bytes, a multiple of 8. */
  readonly fragmentOffset?: number;
  /** Default 64. */
  readonly ttl?: number;
  readonly checksum?: number;
  /** Raw options; padded with zeros to a multiple of 4. */
  readonly options?: Uint8Array;
}

/** Decodes the datagram at the head of `data`; appends to `problems` what is wrong with its header. */
export function decodeIpv4(data: Uint8Array, problems: string[]): Ipv4 | undefined {
  if (data.length < IPV4_MIN_HEADER_BYTES) {
    problems.push(`IPv4 header of ${data.length} bytes`);
    return undefined;
  }
  const headerBytes = ((data[0] as number) & 15) * 4;
  const totalBytes = get16(data, 2);
  // Where lengths lie, what can be read is read: the problem is reported, and nothing is thrown.
  const headerEnd = Math.min(Math.max(headerBytes, IPV4_MIN_HEADER_BYTES), data.length);
  const end = Math.min(Math.max(totalBytes, headerEnd), data.length);
  const fragment = get16(data, 6);
  const ip: Ipv4 = {
    version: (data[0] as number) >> 4,
    headerBytes,
    tos: data[1] as number,
    totalBytes,
    identification: get16(data, 4),
    dontFragment: (fragment & 0x4000) !== 0,
    moreFragments: (fragment & 0x2000) !== 0,
    reservedFlag: (fragment & 0x8000) !== 0,
    fragmentOffset: (fragment & 0x1fff) * 8,
    ttl: data[8] as number,
    protocol: data[9] as number,
    checksum: get16(data, 10),
    checksumValid: internetChecksum(data.subarray(0, headerEnd)) === 0,
    source: formatIp(data.subarray(12, 16)),
    destination: formatIp(data.subarray(16, 20)),
    options: data.subarray(IPV4_MIN_HEADER_BYTES, headerEnd),
    payload: data.subarray(headerEnd, end),
    padding: data.subarray(end),
  };
  judge(ip, data, headerEnd, problems);
  return ip;
}

/** Builds a datagram. */
export function encodeIpv4(spec: Ipv4Spec): Uint8Array {
  const options = spec.options ?? new Uint8Array(0);
  const header = new Uint8Array(IPV4_MIN_HEADER_BYTES + Math.ceil(options.length / 4) * 4);
  header[0] = ((spec.version ?? 4) << 4) | (spec.ihl ?? header.length / 4);
  header[1] = spec.tos ?? 0;
  put16(header, 2, spec.totalBytes ?? header.length + spec.payload.length);
  put16(header, 4, spec.identification ?? 0);
  const flags =
    (spec.reservedFlag ? 0x8000 : 0) | (spec.dontFragment ? 0x4000 : 0) | (spec.moreFragments ? 0x2000 : 0);
  put16(header, 6, flags | ((spec.fragmentOffset ?? 0) / 8));
  header[8] = spec.ttl ?? 64;
  header[9] = spec.protocol;
  header.set(ipOctets(spec.source), 12);
  header.set(ipOctets(spec.destination), 16);
  header.set(options, IPV4_MIN_HEADER_BYTES);
  put16(header, 10, spec.checksum ?? internetChecksum(header));
  return concat(header, spec.payload);
}

/** The pseudo-header of TCP and UDP checksums, RFC 9293 section 3.1; `length` is that of header and data. */
export function pseudoHeader(
  source: string,
  destination: string,
  protocol: number,
  length: number,
): Uint8Array {
  const rest = new Uint8Array(4);
  rest[1] = protocol;
  put16(rest, 2, length);
  return concat(ipOctets(source), ipOctets(destination), rest);
}

/** The four octets of "10.0.0.1". */
export function ipOctets(text: string): Uint8Array {
  const octets = text.split(".").map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  if (octets.length !== 4 || octets.some((octet) => octet > 255))
    throw new TypeError(`"${text}" is not an IPv4 address`);
  return Uint8Array.from(octets);
}

/** "10.0.0.1" of four octets. */
export function formatIp(octets: Uint8Array): string {
  return octets.join(".");
}

function judge(ip: Ipv4, data: Uint8Array, headerEnd: number, problems: string[]): void {
  if (ip.version !== 4) problems.push(`IP version ${ip.version}`);
  if (ip.headerBytes < IPV4_MIN_HEADER_BYTES || ip.headerBytes > data.length)
    problems.push(`IPv4 header length ${ip.headerBytes} of ${data.length} bytes`);
  if (ip.totalBytes < ip.headerBytes || ip.totalBytes > data.length)
    problems.push(`IPv4 total length ${ip.totalBytes} of ${data.length} bytes`);
  if (ip.reservedFlag) problems.push("IPv4 reserved flag");
  if (ip.checksumValid) return;
  const header = data.slice(0, headerEnd);
  put16(header, 10, 0);
  problems.push(`IPv4 checksum ${hex16(ip.checksum)}, should be ${hex16(internetChecksum(header))}`);
}
