// Ethernet in and out of the frame slots.

import { Counter } from "../abi_constants";
import { config, HAS_GROUPS, header, LINK_HEADER_BYTES } from "../config";
import { drop } from "../lib/counters";
import { ethernet } from "../wire/ethernet";

/** A hardware address. */
@unmanaged
export class Neighbour {
  mac0: u32;
  mac1: u16;
}

/** The first three octets of the hardware address of an IPv4 group (RFC 1112 section 6.4). */
export const GROUP_MAC: u32 = 0x5e0001;

/** Octets after the Ethernet header in the input slot. */
export function inputPayload(): usize {
  return header.inputSlot + LINK_HEADER_BYTES;
}

/** Where the payload of the frame in the output slot begins. */
export function outputPayload(): usize {
  return header.outputSlot + LINK_HEADER_BYTES;
}

/** Checks the frame of `length` octets in the input slot. Returns its EtherType as on the wire, or 0: dropped. */
export function receive(length: u32): u32 {
  if (length < LINK_HEADER_BYTES) return drop(Counter.LINK_TOO_SHORT);
  const frame = ethernet(header.inputSlot);
  const high = <u32>frame.destination0;
  const low = frame.destination1;
  // Differences are collected with "or": both halves must be ours, or both those of the broadcast address.
  const unicast = (high ^ (config.mac0 & 0xffff)) | (low ^ lastFour(config.mac0, config.mac1));
  if (unicast && (high ^ 0xffff) | ~low) {
    // 32 groups share a hardware address: net/ipv4.ts knows which are ours.
    if (!HAS_GROUPS || (high | ((low & 0xff) << 16)) != GROUP_MAC) return drop(Counter.LINK_NOT_OURS);
  }
  if ((frame.source0 & 1) | <u32>!((frame.source0 ^ config.mac0) | (<u32>frame.source1 ^ config.mac1)))
    return drop(Counter.LINK_BAD_SOURCE);
  return frame.type;
}

/** 1 when the frame in the input slot was sent to everybody, else 0. */
export function isBroadcast(): u32 {
  return ethernet(header.inputSlot).destination0 & 1;
}

// @inline
/** Writes the Ethernet header of the frame in the output slot. `type` as on the wire. */
export function emit(mac0: u32, mac1: u32, type: u16): void {
  const frame = ethernet(header.outputSlot);
  frame.destination0 = <u16>mac0;
  frame.destination1 = lastFour(mac0, mac1);
  frame.source0 = config.mac0;
  frame.source1 = config.mac1;
  frame.type = type;
}

// @inline
/** Last four octets of a MAC. */
export function lastFour(mac0: u32, mac1: u32): u32 {
  return (mac0 >> 16) | (mac1 << 16);
}
