// The headers of a datagram that goes out. First the data, then everything before.

import { ConfigFlag } from "../abi_constants";
import { config, header, LINK_HEADER_BYTES } from "../config";
import { swap16 } from "../lib/bytes";
import { checksum, fold } from "../lib/checksum";
import * as arp from "../net/arp";
import * as groups from "../net/groups";
import * as ipv4 from "../net/ipv4";
import { Neighbour } from "../net/link";
import * as route from "../net/route";
import { IPV4_HEADER_BYTES, PROTOCOL_UDP } from "../wire/ipv4";
import { UDP_HEADER_BYTES, UdpHeader } from "../wire/udp";

/** Where the data of the datagram in the output slot goes. */
export function payloadAt(): usize {
  return ipv4.outputPayload() + UDP_HEADER_BYTES;
}

/** Octets of data that fit into one datagram. */
export function mostBytes(): u32 {
  return <u32>config.mtu - (IPV4_HEADER_BYTES + UDP_HEADER_BYTES);
}

/** Whether `destination` is one for many: everybody's, or a group's. Nobody has to be asked for its hardware address. */
export function isForMany(destination: u32): bool {
  return route.isBroadcast(destination) || route.isGroup(destination);
}

/** Whether there is a way to `destination`. */
export function hasRoute(destination: u32): bool {
  return <bool>(
    (<u32>(config.address != 0) & <u32>(isForMany(destination) || route.nextHop(destination) != 0))
  );
}

/**
 * The hardware address on the way to `destination`; null: it is asked for, and the caller has to wait. There must be a
 * route, unless it is one for many. What is returned stands until the next call.
 */
export function neighbourOf(destination: u32): Neighbour | null {
  return isForMany(destination) ? groups.neighbour(destination) : arp.resolve(route.nextHop(destination));
}

/**
 * Puts all headers before `length` octets of data in the output slot. `source`: our address, or 0 before we have one;
 * ports in host order. Returns the frame's length.
 */
export function emit(
  source: u32,
  destination: u32,
  sourcePort: u32,
  destinationPort: u32,
  length: u32,
  to: Neighbour,
): u32 {
  const ports = swap16(sourcePort) | (swap16(destinationPort) << 16);
  return emitPorts(source, destination, ports, length, 0, config.ttl, to);
}

/** The same with `ports` as on the wire, the differentiated services octet `tos` and the time to live `ttl`. */
export function emitPorts(
  source: u32,
  destination: u32,
  ports: u32,
  length: u32,
  tos: u32,
  ttl: u32,
  to: Neighbour,
): u32 {
  const at = ipv4.outputPayload();
  const total = UDP_HEADER_BYTES + length;
  const udp = changetype<UdpHeader>(at);
  udp.ports = ports;
  udp.length = <u16>swap16(total);
  udp.checksum = 0;
  const pseudo = <u64>source + destination + ((<u32>PROTOCOL_UDP) << 8) + udp.length;
  if (config.flags & ConfigFlag.OUTPUT_CHECKSUM_OFFLOAD) {
    header.checksumStart = <u16>(LINK_HEADER_BYTES + IPV4_HEADER_BYTES);
    header.checksumOffset = <u16>offsetof<UdpHeader>("checksum");
    udp.checksum = <u16>fold(pseudo);
  } else {
    // Zero would say that there is none (RFC 768).
    const sum = checksum(at, total, pseudo);
    udp.checksum = <u16>(sum == 0xffff ? sum : ~sum);
  }
  const bytes = ipv4.emit(destination, PROTOCOL_UDP, total, tos, to);
  ipv4.amend(source, ttl);
  return bytes;
}
