// ARP packet for Ethernet and IPv4, RFC 826: 28 octets.

/** A view of an ARP packet. MACs and addresses as on the wire, split where they are aligned. */
@unmanaged
export class ArpPacket {
  /** Hardware and protocol type: HARDWARE_PROTOCOL. */
  types: u32;
  /** Hardware and protocol address lengths: LENGTHS. */
  lengths: u16;
  operation: u16;
  senderMac0: u32;
  senderMac1: u16;
  /** First two octets of the sender's IPv4 address. */
  senderAddress0: u16;
  /** Last two octets of the sender's IPv4 address. */
  senderAddress1: u16;
  /** First two octets of the target's MAC. */
  targetMac0: u16;
  /** Last four octets of the target's MAC. */
  targetMac1: u32;
  targetAddress: u32;
}

/** Octets of a packet. */
export const ARP_PACKET_BYTES: u32 = 28;
/** Ethernet (1) and IPv4 (0x0800) as loaded from the wire. */
export const HARDWARE_PROTOCOL: u32 = 0x00080100;
/** 6 and 4 as loaded from the wire. */
export const LENGTHS: u16 = 0x0406;
export const REQUEST: u16 = 0x0100;
export const REPLY: u16 = 0x0200;

/** The sender's IPv4 address. */
export function senderAddress(packet: ArpPacket): u32 {
  return packet.senderAddress0 | ((<u32>packet.senderAddress1) << 16);
}

/** Whether `length` octets at `packet` are an ARP packet for Ethernet and IPv4. */
export function check(packet: ArpPacket, length: u32): bool {
  const differs = (packet.types ^ HARDWARE_PROTOCOL) | (<u32>packet.lengths ^ LENGTHS);
  return <bool>(<u32>(length >= ARP_PACKET_BYTES) & <u32>!differs);
}
