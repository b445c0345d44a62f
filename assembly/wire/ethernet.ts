// Ethernet II header. A frame begins at 2 modulo 4, so that what follows the header is 4-aligned; the view begins two
// octets before the frame, where the fields that are wider than 16 bits are aligned too.
//
//   view  +0 (slot)  +2 destination  +8 source  +14 EtherType  +16 payload

/** A view of an Ethernet header, beginning two octets before the frame. */
@unmanaged
export class EthernetHeader {
  before: u16;
  /** First two octets of the destination. */
  destination0: u16;
  /** Last four octets of the destination. */
  destination1: u32;
  /** First four octets of the source. */
  source0: u32;
  /** Last two octets of the source. */
  source1: u16;
  /** EtherType, as on the wire. */
  type: u16;
}

/** EtherTypes as they are loaded from the wire. */
export const TYPE_IPV4: u16 = 0x0008;
export const TYPE_ARP: u16 = 0x0608;

/** The header of the frame at `frame`. */
export function ethernet(frame: usize): EthernetHeader {
  return changetype<EthernetHeader>(frame - 2);
}
