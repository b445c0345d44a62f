// UDP datagrams, RFC 768.

import { internetChecksum } from "./checksum.js";
import { IpProtocol, pseudoHeader } from "./ipv4.js";
import { concat, get16, hex16, put16 } from "./octets.js";
import type { TcpAddresses } from "./tcp.js";

export const UDP_HEADER_BYTES = 8;

/** A decoded datagram. */
export interface Udp {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Length of header and data as the header claims, in bytes. */
  readonly totalBytes: number;
  /** 0: the sender made none. */
  readonly checksum: number;
  /** True also when there is none. */
  readonly checksumValid: boolean;
  readonly payload: Uint8Array;
}

/** What to build; length and checksum are right unless they are named. */
export interface UdpSpec {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload?: Uint8Array;
  readonly totalBytes?: number;
  /** 0 for none. */
  readonly checksum?: number;
}

/** Decodes a datagram; appends to `problems` what is wrong with it. */
export function decodeUdp(data: Uint8Array, addresses: TcpAddresses, problems: string[]): Udp | undefined {
  if (data.length < UDP_HEADER_BYTES) {
    problems.push(`UDP datagram of ${data.length} bytes`);
    return undefined;
  }
  const totalBytes = get16(data, 4);
  if (totalBytes !== data.length) problems.push(`UDP length ${totalBytes} of ${data.length} bytes`);
  const whole = data.subarray(0, Math.min(Math.max(totalBytes, UDP_HEADER_BYTES), data.length));
  const checksum = get16(data, 6);
  const checksumValid = checksum === 0 || sumOf(whole, addresses) === 0;
  if (!checksumValid) {
    const zeroed = whole.slice();
    put16(zeroed, 6, 0);
    problems.push(`UDP checksum ${hex16(checksum)}, should be ${hex16(sumOf(zeroed, addresses) || 0xffff)}`);
  }
  return {
    sourcePort: get16(data, 0),
    destinationPort: get16(data, 2),
    totalBytes,
    checksum,
    checksumValid,
    payload: whole.subarray(UDP_HEADER_BYTES),
  };
}

/** Builds a datagram. */
export function encodeUdp(spec: UdpSpec, addresses: TcpAddresses): Uint8Array {
  const header = new Uint8Array(UDP_HEADER_BYTES);
  const datagram = concat(header, spec.payload ?? new Uint8Array(0));
  put16(datagram, 0, spec.sourcePort);
  put16(datagram, 2, spec.destinationPort);
  put16(datagram, 4, spec.totalBytes ?? datagram.length);
  // Zero would say that there is none.
  put16(datagram, 6, spec.checksum ?? (sumOf(datagram, addresses) || 0xffff));
  return datagram;
}

/** "UDP Len=56". */
export function describeUdp(udp: Udp): string {
  return `UDP Len=${udp.payload.length}`;
}

function sumOf(datagram: Uint8Array, { source, destination }: TcpAddresses): number {
  return internetChecksum(pseudoHeader(source, destination, IpProtocol.UDP, datagram.length), datagram);
}
