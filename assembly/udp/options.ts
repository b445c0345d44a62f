// `getopt` and `setopt` of datagram sockets.

import { Endpoint, Family, Option, Status } from "../abi_constants";
import { config } from "../config";
import * as groups from "../net/groups";
import * as route from "../net/route";
import { endpointOption, wordOption } from "../net/socket";
import { Datagram, Flag } from "./datagram";
import { leaveGroups } from "./user";

/** Reads `option` into `length` bytes at `at`. Returns the bytes written, or why not. */
export function get(d: Datagram, option: u32, at: usize, length: u32): i32 {
  switch (option) {
    case Option.ERROR: {
      const status = wordOption(at, length, d.error);
      // News is told once.
      if (status > 0) d.error = <i16>Status.OK;
      return status;
    }
    case Option.LOCAL_ENDPOINT:
      return endpointOption(d, true, at, length);
    case Option.PEER_ENDPOINT:
      return endpointOption(d, false, at, length);
    case Option.TTL:
      return wordOption(at, length, d.ttl ? <u32>d.ttl : <u32>config.ttl);
    case Option.TOS:
      return wordOption(at, length, d.tos);
    case Option.BROADCAST:
      return wordOption(at, length, <u32>((d.flags & Flag.BROADCAST) != 0));
  }
  return Status.NOT_SUPPORTED;
}

/** Sets `option` from the `length` bytes at `at`. Returns OK, or why not. */
export function set(d: Datagram, option: u32, at: usize, length: u32): i32 {
  if (<u32>(option == Option.MULTICAST_JOIN) | <u32>(option == Option.MULTICAST_LEAVE))
    return membership(d, option == Option.MULTICAST_JOIN, at, length);
  if (length < 4) return Status.INVALID_ARGUMENT;
  const value = load<u32>(at);
  switch (option) {
    case Option.TTL:
      if (value - 1 > 254) return Status.INVALID_ARGUMENT;
      d.ttl = <u8>value;
      return Status.OK;
    case Option.TOS:
      if (value > 255) return Status.INVALID_ARGUMENT;
      d.tos = <u8>value;
      return Status.OK;
    case Option.BROADCAST:
      d.flags &= ~Flag.BROADCAST;
      if (value) d.flags |= Flag.BROADCAST;
      return Status.OK;
  }
  return Status.NOT_SUPPORTED;
}

function membership(d: Datagram, joins: bool, at: usize, length: u32): i32 {
  if (length < <u32>offsetof<Endpoint>()) return Status.INVALID_ARGUMENT;
  const endpoint = changetype<Endpoint>(at);
  if (endpoint.family != Family.IPV4) return Status.NOT_SUPPORTED;
  const address = endpoint.address0;
  if (!route.isGroup(address)) return Status.INVALID_ARGUMENT;
  if (joins) {
    const bit = groups.join(address);
    d.groups |= <u8>bit;
    return bit ? Status.OK : Status.NO_SOCKET;
  }
  const bit = groups.membership(address) & d.groups;
  if (!bit) return Status.INVALID_ARGUMENT;
  leaveGroups(d, bit);
  return Status.OK;
}
