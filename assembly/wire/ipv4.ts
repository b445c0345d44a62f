// IPv4 header, RFC 791 section 3.1.

import { swap16 } from "../lib/bytes";

/** A view of an IPv4 header. Fields as on the wire. */
@unmanaged
export class Ipv4Header {
  versionIhl: u8;
  tos: u8;
  totalLength: u16;
  identification: u16;
  /** Flags and fragment offset. */
  fragment: u16;
  ttl: u8;
  protocol: u8;
  checksum: u16;
  source: u32;
  destination: u32;
}

/** Octets of a header without options. */
export const IPV4_HEADER_BYTES: u32 = 20;
export const PROTOCOL_ICMP: u8 = 1;
export const PROTOCOL_IGMP: u8 = 2;
export const PROTOCOL_TCP: u8 = 6;
export const PROTOCOL_UDP: u8 = 17;
/** "More fragments" and the fragment offset, as loaded from the wire. */
export const FRAGMENT_MASK: u16 = 0xff3f;
/** "Don't fragment", as stored on the wire. */
export const DONT_FRAGMENT: u16 = 0x0040;

/** Octets of the header with its options. */
export function headerBytes(ip: Ipv4Header): u32 {
  return (<u32>ip.versionIhl & 15) << 2;
}

// @inline
/** Octets of the packet, header included. */
export function totalBytes(ip: Ipv4Header): u32 {
  return swap16(ip.totalLength);
}

/** Whether `available` octets hold an IPv4 header and all that its lengths promise. */
export function check(ip: Ipv4Header, available: u32): bool {
  // The header is read before `available` is known to reach it: the frame slot does.
  const bytes = headerBytes(ip);
  const total = totalBytes(ip);
  const version = ip.versionIhl >> 4 == 4;
  return <bool>(
    (<u32>version & <u32>(bytes >= IPV4_HEADER_BYTES) & <u32>(total >= bytes) & <u32>(total <= available))
  );
}
