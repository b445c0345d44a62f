// ICMP header, RFC 792.

/** A view of an ICMP header. */
@unmanaged
export class IcmpHeader {
  type: u8;
  code: u8;
  checksum: u16;
  /** For an echo: identifier and sequence number. */
  rest: u32;
}

/** Octets of a header. */
export const ICMP_HEADER_BYTES: u32 = 8;
export const ECHO_REPLY: u8 = 0;
export const ECHO_REQUEST: u8 = 8;
