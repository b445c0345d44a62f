// ICMP header, RFC 792.

/** A view of an ICMP header. */
@unmanaged
export class IcmpHeader {
  /** Type in the low half, code in the high half. */
  typeCode: u16;
  checksum: u16;
  /** For an echo: identifier and sequence number. */
  rest: u32;
}

/** Octets of a header. */
export const ICMP_HEADER_BYTES: u32 = 8;
/** Type and code, and a checksum of zero. */
export const ECHO_REPLY: u32 = 0;
/** Type and code. */
export const ECHO_REQUEST: u16 = 8;
