// `getopt` and `setopt` of datagram sockets.

import { Endpoint, Family, Option, Status } from "../abi_constants";
import { HAS_GROUPS } from "../config";
import * as groups from "../net/groups";
import * as route from "../net/route";
import { endpointOption, wordOption } from "../net/socket";
import { Datagram } from "./datagram";

/** Reads `option` into `length` bytes at `at`. Returns the bytes written, or why not. */
export function get(d: Datagram, option: u32, at: usize, length: u32): i32 {
  if (isOctet(option)) return wordOption(at, length, load<u8>(octetOf(d, option)));
  const local = option == Option.LOCAL_ENDPOINT;
  if (<u32>local | <u32>(option == Option.PEER_ENDPOINT)) return endpointOption(d, local, at, length);
  if (option != Option.ERROR) return Status.NOT_SUPPORTED;
  const result = wordOption(at, length, d.error);
  // News is told once.
  if (result > 0) d.error = 0;
  return result;
}

/** Sets `option` from the `length` bytes at `at`. Returns OK, or why not. */
export function set(d: Datagram, option: u32, at: usize, length: u32): i32 {
  if (isOctet(option)) {
    if (length < 4 || load<u32>(at) > 255) return Status.INVALID_ARGUMENT;
    store<u8>(octetOf(d, option), load<u8>(at));
    return Status.OK;
  }
  const joins = option == Option.MULTICAST_JOIN;
  if (!HAS_GROUPS || !(<u32>joins | <u32>(option == Option.MULTICAST_LEAVE))) return Status.NOT_SUPPORTED;
  if (length < <u32>offsetof<Endpoint>()) return Status.INVALID_ARGUMENT;
  const group = changetype<Endpoint>(at);
  const address = group.address0;
  if (<u32>(group.family != Family.IPV4) | <u32>!route.isGroup(address)) return Status.INVALID_ARGUMENT;
  return joins ? groups.join(address, d) : groups.leave(address, d);
}

/** Whether an octet of the record is the option: TTL, TOS, BROADCAST, which follow each other here and there. */
function isOctet(option: u32): bool {
  return option - Option.TTL <= <u32>(Option.BROADCAST - Option.TTL);
}

function octetOf(d: Datagram, option: u32): usize {
  return changetype<usize>(d) + offsetof<Datagram>("ttl") + (option - Option.TTL);
}
