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
/** Types of error messages. */
export const UNREACHABLE: u32 = 3;
export const TIME_EXCEEDED: u32 = 11;
export const PARAMETER_PROBLEM: u32 = 12;
/** Types and codes, first octet lowest. */
export const PROTOCOL_UNREACHABLE: u32 = 0x0203;
export const PORT_UNREACHABLE: u32 = 0x0303;
export const FRAGMENTATION_NEEDED: u32 = 0x0403;
export const REASSEMBLY_TIME_EXCEEDED: u32 = 0x010b;
/** Octets behind the IP header that an error quotes at least. */
export const QUOTED_BYTES: u32 = 8;
