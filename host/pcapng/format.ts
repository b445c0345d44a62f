// Numbers of the pcapng file format (draft-ietf-opsawg-pcapng), as far as they are used here.
//
//   +------------+--------------+----------------------+--------------+
//   | Block Type | Total Length | Body, padded to 32 b | Total Length |   all of a section in the byte order that its
//   +------------+--------------+----------------------+--------------+   Section Header Block has
//     4            4              0 ...                  4

/** Sections 4.1 to 4.3 of the draft. Types with the top bit set are for local use (section 5.1). */
export const BlockType = {
  SECTION: 0x0a0d0d0a,
  INTERFACE: 1,
  PACKET: 6,
  LOCAL: 0x80000000,
} as const;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

export const SectionOption = { HARDWARE: 2, OS: 3, APPLICATION: 4 } as const;

export const InterfaceOption = {
  NAME: 2,
  DESCRIPTION: 3,
  IPV4: 4,
  MAC: 6,
  RESOLUTION: 9,
  OS: 12,
  OFFSET: 14,
  HARDWARE: 15,
} as const;

export const PacketOption = { FLAGS: 2 } as const;

/** Options of every block. */
export const CommonOption = { END: 0, COMMENT: 1 } as const;

/** Bits 0 and 1 of a packet's flags. */
export const Direction = { UNKNOWN: 0, INBOUND: 1, OUTBOUND: 2 } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

export const LINK_TYPE_ETHERNET = 1;

/** Octets of a block besides its body. */
export const FRAMING_BYTES = 12;

/** Longest block that is written, and that is read unless a reader is told otherwise, in bytes. Wireshark's limit. */
export const BLOCK_MAX = 16 * 1024 * 1024;

/** `length` up to the next multiple of 4. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}
