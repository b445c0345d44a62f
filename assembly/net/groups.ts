// Multicast groups (RFC 1112): which sockets have joined which, in one short table for the device. net/igmp.ts tells the network.

import { Status } from "../abi_constants";
import { GROUPS_BYTES, HAS_GROUPS, Services, services, state } from "../config";
import { REPORTS } from "./igmp";
import { GROUP_MAC, Neighbour } from "./link";
import * as route from "./route";
import { Socket } from "./socket";

/** A socket in a group; or, when there is none, a group that was left and the network not told yet. */
@unmanaged
export class Group {
  /** The group's address; 0: the entry is free. */
  address: u32;
  /** The socket (Socket), or 0. */
  socket: u32;
  /** When a message is due, and how many are to follow each other. */
  dueAt: u32;
  owes: u32;
}

/** 224.0.0.1, as on the wire: every host is in it, and nobody has to say so. */
export const ALL_HOSTS: u32 = 0x010000e0;

/** Where the table is. */
export const GROUPS: usize = changetype<usize>(services) + offsetof<Services>("groups0");
export const GROUPS_END: usize = GROUPS + GROUPS_BYTES;

/** Whether somebody has joined the group `address`. */
export function isJoined(address: u32): bool {
  if (!HAS_GROUPS || !route.isGroup(address)) return false;
  for (let at = GROUPS; at < GROUPS_END; at += offsetof<Group>()) {
    const g = changetype<Group>(at);
    if (<u32>(g.socket != 0) & <u32>(g.address == address)) return true;
  }
  return false;
}

/** `socket` joins the group `address`. Returns OK, or NO_SOCKET when the table is full. */
export function join(address: u32, socket: Socket): i32 {
  const self = changetype<u32>(socket);
  let place: Group | null = null;
  for (let at = GROUPS; at < GROUPS_END; at += offsetof<Group>()) {
    const g = changetype<Group>(at);
    if (<u32>(g.socket == self) & <u32>(g.address == address)) return Status.OK;
    // Better one that owes nothing.
    if (<u32>!g.socket & (<u32>!place | <u32>!g.address)) place = g;
  }
  if (!place) return Status.NO_SOCKET;
  const owes = isJoined(address) || address == ALL_HOSTS ? 0 : REPORTS;
  place.address = address;
  place.socket = self;
  owe(place, owes);
  return Status.OK;
}

/** `socket` leaves the group `address`, or with 0 all groups. Returns OK, or INVALID_ARGUMENT when it was in none. */
export function leave(address: u32, socket: Socket): i32 {
  let status = <i32>Status.INVALID_ARGUMENT;
  for (let at = GROUPS; at < GROUPS_END; at += offsetof<Group>()) {
    const g = changetype<Group>(at);
    if (g.socket != changetype<u32>(socket)) continue;
    if (address && g.address != address) continue;
    g.socket = 0;
    owe(g, 1);
    status = Status.OK;
  }
  return status;
}

/** The hardware address of `address`, which is a group's or everybody's; it stands until the next call. */
export function neighbour(address: u32): Neighbour {
  const group = route.isGroup(address);
  services.groupMac0 = group ? GROUP_MAC | (((address >> 8) & 0x7f) << 24) : 0xffffffff;
  services.groupMac1 = <u16>(group ? address >> 16 : 0xffff);
  return changetype<Neighbour>(changetype<usize>(services) + offsetof<Services>("groupMac0"));
}

function owe(g: Group, messages: u32): void {
  g.dueAt = state.now;
  g.owes = messages;
  state.scanDue = 1;
}

/** Fails to compile when the table does not fit its place. */
export function checkLayout(): void {
  if (GROUPS_BYTES % offsetof<Group>()) ERROR("no whole number of groups");
  if (offsetof<Services>("groupMac0") - offsetof<Services>("groups0") != GROUPS_BYTES)
    ERROR("groups do not fit");
}
