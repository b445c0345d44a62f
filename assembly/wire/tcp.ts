// TCP header and options, RFC 9293 section 3.1.

/** A view of a TCP header. Fields as on the wire. */
@unmanaged
export class TcpHeader {
  /** Source port (low half) and destination port (high half), each as on the wire. */
  ports: u32;
  sequence: u32;
  acknowledgment: u32;
  /** Header length in words, in the upper four bits. */
  dataOffset: u8;
  flags: u8;
  window: u16;
  checksum: u16;
  urgent: u16;
}

/** Octets of a header without options. */
export const TCP_HEADER_BYTES: u32 = 20;

export const FIN: u32 = 1;
export const SYN: u32 = 2;
export const RST: u32 = 4;
export const PSH: u32 = 8;
export const ACK: u32 = 16;
export const URG: u32 = 32;

/** Most octets of options: the data offset is at most 15 words. */
export const OPTIONS_BYTES_MAX: u32 = 40;

export const OPTION_END: u32 = 0;
export const OPTION_NOP: u32 = 1;
export const OPTION_MSS: u32 = 2;
export const OPTION_SCALE: u32 = 3;
export const OPTION_SACK_PERMITTED: u32 = 4;
export const OPTION_SACK: u32 = 5;
export const OPTION_TIMESTAMPS: u32 = 8;
/** Octets of the options, their kind and length included. */
export const OPTION_MSS_BYTES: u32 = 4;
export const OPTION_SCALE_BYTES: u32 = 3;
export const OPTION_SACK_PERMITTED_BYTES: u32 = 2;
export const OPTION_TIMESTAMPS_BYTES: u32 = 10;
/** Two NOPs, kind and length of timestamps, as loaded from the wire: they leave the values aligned. */
export const TIMESTAMPS_ALONE: u32 = 0x0a080101;
/** Octets of that, values included. */
export const TIMESTAMPS_ALONE_BYTES: u32 = 12;
/** SACK permitted in their place. */
export const TIMESTAMPS_AND_SACK: u32 = 0x0a080204;
/** Two NOPs and SACK permitted. */
export const SACK_ALONE: u32 = 0x02040101;

/** Octets of the header with its options. */
export function headerBytes(tcp: TcpHeader): u32 {
  return (<u32>tcp.dataOffset >> 4) << 2;
}

/** Whether `length` octets hold a header and the options that it promises. */
export function check(tcp: TcpHeader, length: u32): bool {
  // The data offset is read before the length is known to reach it: the frame slot does.
  const bytes = headerBytes(tcp);
  return <bool>(<u32>(bytes >= TCP_HEADER_BYTES) & <u32>(bytes <= length));
}
