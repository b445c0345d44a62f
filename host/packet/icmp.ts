// ICMP messages, RFC 792.

import { internetChecksum } from "./checksum.js";
import { concat, get16, hex16, put16 } from "./octets.js";

export const ICMP_HEADER_BYTES = 8;
export const IcmpType = {
  ECHO_REPLY: 0,
  UNREACHABLE: 3,
  SOURCE_QUENCH: 4,
  REDIRECT: 5,
  ECHO_REQUEST: 8,
  TIME_EXCEEDED: 11,
} as const;

/** A decoded ICMP message. */
export interface Icmp {
  readonly type: number;
  readonly code: number;
  readonly checksum: number;
  readonly checksumValid: boolean;
  /** First half of the header's second word: the identifier of an echo. */
  readonly identifier: number;
  /** Second half: the sequence number of an echo, the next-hop MTU of "fragmentation needed". */
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** What to build; the checksum is right unless it is named. */
export interface IcmpSpec {
  readonly type: number;
  readonly code?: number;
  readonly identifier?: number;
  readonly sequence?: number;
  readonly payload?: Uint8Array;
  readonly checksum?: number;
}

/** Decodes a message; appends to `problems` what is wrong with it. */
export function decodeIcmp(data: Uint8Array, problems: string[]): Icmp | undefined {
  if (data.length < ICMP_HEADER_BYTES) {
    problems.push(`ICMP message of ${data.length} bytes`);
    return undefined;
  }
  const icmp: Icmp = {
    type: data[0] as number,
    code: data[1] as number,
    checksum: get16(data, 2),
    checksumValid: internetChecksum(data) === 0,
    identifier: get16(data, 4),
    sequence: get16(data, 6),
    payload: data.subarray(ICMP_HEADER_BYTES),
  };
  if (!icmp.checksumValid) {
    const zeroed = data.slice();
    put16(zeroed, 2, 0);
    problems.push(`ICMP checksum ${hex16(icmp.checksum)}, should be ${hex16(internetChecksum(zeroed))}`);
  }
  return icmp;
}

/** Builds a message. */
export function encodeIcmp(spec: IcmpSpec): Uint8Array {
  const header = new Uint8Array(ICMP_HEADER_BYTES);
  header[0] = spec.type;
  header[1] = spec.code ?? 0;
  put16(header, 4, spec.identifier ?? 0);
  put16(header, 6, spec.sequence ?? 0);
  const message = concat(header, spec.payload ?? new Uint8Array(0));
  put16(message, 2, spec.checksum ?? internetChecksum(message));
  return message;
}

/** "ICMP Echo request id=0x0001 seq=1 Len=56". */
export function describeIcmp(icmp: Icmp): string {
  const echo = `id=${hex16(icmp.identifier)} seq=${icmp.sequence} Len=${icmp.payload.length}`;
  switch (icmp.type) {
    case IcmpType.ECHO_REQUEST:
      return `ICMP Echo request ${echo}`;
    case IcmpType.ECHO_REPLY:
      return `ICMP Echo reply ${echo}`;
    default:
      return `ICMP type ${icmp.type} code ${icmp.code} Len=${icmp.payload.length}`;
  }
}
