// UDP header, RFC 768.

import { swap16 } from "../lib/bytes";

/** A view of a UDP header. Fields as on the wire. */
@unmanaged
export class UdpHeader {
  /** Source port (low half) and destination port (high half). */
  ports: u32;
  /** Octets of header and data. */
  length: u16;
  /** 0: the sender made none. */
  checksum: u16;
}

/** Octets of a header. */
export const UDP_HEADER_BYTES: u32 = 8;

/** Octets of header and data. */
export function totalBytes(udp: UdpHeader): u32 {
  return swap16(udp.length);
}

/** Whether `available` octets hold a header and all that its length promises. */
export function check(udp: UdpHeader, available: u32): bool {
  // The length is read before `available` is known to reach it: the frame slot does.
  const total = totalBytes(udp);
  return <bool>(<u32>(total >= UDP_HEADER_BYTES) & <u32>(total <= available));
}
