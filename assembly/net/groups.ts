// Multicast groups (RFC 1112): which sockets have joined which, in one short table for the device.

import { Status } from "../abi_constants";
import { HAS_GROUPS, Services, services } from "../config";
import { GROUP_MAC, Neighbour } from "./link";
import * as route from "./route";
import { Socket } from "./socket";

/** Where the addresses are; the sockets stand SOCKETS further on. Both 0: the entry is free. */
const FIRST: usize = changetype<usize>(services) + offsetof<Services>("group0");
const END: usize = changetype<usize>(services) + offsetof<Services>("groupSocket0");
const SOCKETS: usize = END - FIRST;

/** Whether somebody has joined the group `address`. */
export function isJoined(address: u32): bool {
  return HAS_GROUPS && <bool>(<u32>route.isGroup(address) & <u32>(find(address, 0) != 0));
}

/** `socket` joins the group `address`. Returns OK, or NO_SOCKET when the table is full. */
export function join(address: u32, socket: Socket): i32 {
  if (find(address, changetype<u32>(socket))) return Status.OK;
  const at = find(0, 0);
  if (!at) return Status.NO_SOCKET;
  store<u32>(at, address);
  store<u32>(at, changetype<u32>(socket), SOCKETS);
  return Status.OK;
}

/** `socket` leaves the group `address`, or with 0 all groups. Returns OK, or INVALID_ARGUMENT when it was in none. */
export function leave(address: u32, socket: Socket): i32 {
  let status = <i32>Status.INVALID_ARGUMENT;
  for (let at = FIRST; at < END; at += 4) {
    if (load<u32>(at, SOCKETS) != changetype<u32>(socket)) continue;
    if (address && load<u32>(at) != address) continue;
    store<u32>(at, 0);
    store<u32>(at, 0, SOCKETS);
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

/** The entry of `socket`, or with 0 anybody's, for the group `address`; 0: there is none. */
function find(address: u32, socket: u32): usize {
  for (let at = FIRST; at < END; at += 4) {
    if (load<u32>(at) == address && <u32>!socket | <u32>(load<u32>(at, SOCKETS) == socket)) return at;
  }
  return 0;
}
