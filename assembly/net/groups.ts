// Multicast groups that sockets have joined (RFC 1112): one table for the device, in which each has a bit.

import { Services, services } from "../config";
import { GROUP_MAC, Neighbour } from "./link";
import * as route from "./route";

const GROUPS: u32 = 4;

/** The bit of the group `address`, or 0: not joined, or no group. */
export function membership(address: u32): u32 {
  return route.isGroup(address) ? bitOf(address) : 0;
}

/** The bit of the group `address`, which is joined from now on; 0 when the table is full. */
export function join(address: u32): u32 {
  let bit = bitOf(address);
  if (bit) return bit;
  bit = bitOf(0);
  if (bit) store<u32>(placeOf(ctz(bit)), address);
  return bit;
}

/** Leaves the groups of `bits`. */
export function leave(bits: u32): void {
  for (let index: u32 = 0; index < GROUPS; index++) if ((bits >> index) & 1) store<u32>(placeOf(index), 0);
}

/** The hardware address of `address`, which is a group's or everybody's; it stands until the next call. */
export function neighbour(address: u32): Neighbour {
  const group = route.isGroup(address);
  services.groupMac0 = group ? GROUP_MAC | (((address >> 8) & 0x7f) << 24) : 0xffffffff;
  services.groupMac1 = <u16>(group ? address >> 16 : 0xffff);
  return changetype<Neighbour>(changetype<usize>(services) + offsetof<Services>("groupMac0"));
}

function bitOf(address: u32): u32 {
  for (let index: u32 = 0; index < GROUPS; index++)
    if (load<u32>(placeOf(index)) == address) return 1 << index;
  return 0;
}

function placeOf(index: u32): usize {
  return changetype<usize>(services) + offsetof<Services>("group0") + (index << 2);
}
