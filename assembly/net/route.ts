// Which neighbour a packet goes to, and which addresses a packet may come from.

import { config, state } from "../config";
import { swap32 } from "../lib/bytes";

/** The neighbour on the way to `destination`; 0 when there is no route. */
export function nextHop(destination: u32): u32 {
  if (!config.address) return 0;
  return (destination ^ config.address) & config.netmask ? config.gateway : destination;
}

// @inline
/** Whether `address` can be one other host: RFC 1122 section 3.2.1.3. */
export function isHost(address: u32): bool {
  const first = address & 0xff;
  // 0/8 is "this network", 127/8 never leaves a host, 224/3 is multicast, reserved and broadcast.
  return !(
    <u32>!first |
    <u32>(first == 127) |
    <u32>(first >= 224) |
    <u32>(address == config.address) |
    <u32>(address == state.broadcast)
  );
}

/** Whether `address` is everybody's on this network. */
export function isBroadcast(address: u32): bool {
  return <bool>(<u32>!~address | <u32>(address == state.broadcast));
}

/** Whether `address` is a group's: 224/4 (RFC 1112 section 4). */
export function isGroup(address: u32): bool {
  return (address & 0xf0) == 0xe0;
}

/** Takes `address` and `netmask` into use. A network of 31 or 32 bits has no broadcast address (RFC 3021). */
export function setBroadcast(): void {
  const hosts = ~config.netmask;
  state.broadcast = swap32(hosts) > 1 ? config.address | hosts : 0xffffffff;
}
