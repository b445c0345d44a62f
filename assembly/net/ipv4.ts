// IPv4, RFC 791: what comes in is checked once, what goes out gets its header here.

import { Counter, InputFlag } from "../abi_constants";
import { config, HAS_GROUPS, HAS_REASSEMBLY, LINK_HEADER_BYTES, STANDARD, services } from "../config";
import { swap16 } from "../lib/bytes";
import { checksum, fold } from "../lib/checksum";
import { drop } from "../lib/counters";
import { TYPE_IPV4 } from "../wire/ethernet";
import {
  check,
  DONT_FRAGMENT,
  FRAGMENT_MASK,
  headerBytes,
  IPV4_HEADER_BYTES,
  Ipv4Header,
  PROTOCOL_IGMP,
  PROTOCOL_UDP,
  totalBytes,
} from "../wire/ipv4";
import { isJoined } from "./groups";
import * as link from "./link";
import * as route from "./route";

/** What `receive` returns for a fragment: no protocol. */
export const FRAGMENT: u32 = 256;

/** The header of the packet in the input slot; or of the one that was put together from fragments. */
export function input(): Ipv4Header {
  return changetype<Ipv4Header>(STANDARD ? services.packet : link.inputPayload());
}

/** Where the payload of a packet begins. */
export function payload(ip: Ipv4Header): usize {
  return changetype<usize>(ip) + headerBytes(ip);
}

/** Octets of payload of a packet. */
export function payloadBytes(ip: Ipv4Header): u32 {
  return totalBytes(ip) - headerBytes(ip);
}

/**
 * Checks the packet in the input slot, of which `length` octets arrived. `flags`: InputFlag bits. Returns its protocol,
 * FRAGMENT, or 0: dropped.
 */
export function receive(length: u32, flags: u32): u32 {
  if (STANDARD) services.packet = <u32>link.inputPayload();
  const ip = input();
  if (!check(ip, length)) return drop(Counter.IP_MALFORMED);
  // A sum of the whole packet says nothing of the header's.
  if (!(flags & InputFlag.CHECKSUM_VERIFIED) && headerSum(ip) != 0xffff) return drop(Counter.IP_CHECKSUM);
  if (!isForUs(ip)) return drop(Counter.IP_NOT_OURS);
  // A switch that asks for groups may have no address (RFC 4541 section 2.1.1).
  if (!(HAS_GROUPS && ip.protocol == PROTOCOL_IGMP) && !route.isHost(ip.source))
    return drop(Counter.IP_BAD_SOURCE);
  if (ip.fragment & FRAGMENT_MASK) return HAS_REASSEMBLY ? FRAGMENT : drop(Counter.IP_FRAGMENT);
  return ip.protocol;
}

/** No address, no IP; but for a DHCP client, of which udp/input.ts knows. What is for many is of use to UDP only. */
function isForUs(ip: Ipv4Header): bool {
  const ours = config.address;
  const destination = ip.destination;
  if (STANDARD && ip.protocol == PROTOCOL_UDP) {
    if (<u32>!ours | <u32>route.isBroadcast(destination) | isJoined(destination)) return true;
  }
  if (HAS_GROUPS && ip.protocol == PROTOCOL_IGMP) return route.isGroup(destination);
  return !((destination ^ ours) | <u32>!ours | link.isBroadcast());
}

/** Sum of a header, which is 0xffff when it is right. */
function headerSum(ip: Ipv4Header): u32 {
  const at = changetype<usize>(ip);
  const bytes = headerBytes(ip);
  if (bytes != IPV4_HEADER_BYTES) return checksum(at, bytes, 0);
  return fold(
    <u64>load<u32>(at) + load<u32>(at, 4) + load<u32>(at, 8) + load<u32>(at, 12) + load<u32>(at, 16),
  );
}

/**
 * Whether the `length` octets of payload at `at` have the right checksum, with a pseudo-header. `flags`: InputFlag bits,
 * which may leave nothing to add up.
 */
export function isIntact(ip: Ipv4Header, protocol: u32, at: usize, length: u32, flags: u32): bool {
  if (flags & InputFlag.CHECKSUM_VERIFIED) return true;
  const pseudo = pseudoSum(ip.source, protocol, length);
  // The header, which was found right, adds nothing to the sum of the frame. What follows the packet might: then the
  // sum is wrong, and the octets decide.
  if (flags & InputFlag.CHECKSUM_SUM && fold(pseudo + (flags >> 16)) == 0xffff) return true;
  return checksum(at, length, pseudo) == 0xffff;
}

/** Where the payload of the packet in the output slot goes. */
export function outputPayload(): usize {
  return link.outputPayload() + IPV4_HEADER_BYTES;
}

/**
 * Puts IPv4 and Ethernet headers before `length` octets of payload in the output slot. `tos`: the differentiated
 * services octet. The identification is zero: the packet is atomic (RFC 6864 section 4.1). Returns the frame's length.
 */
export function emit(destination: u32, protocol: u32, length: u32, tos: u32, to: link.Neighbour): u32 {
  const ip = changetype<Ipv4Header>(link.outputPayload());
  const at = changetype<usize>(ip);
  const first: u32 = 0x45 | (tos << 8) | (swap16(IPV4_HEADER_BYTES + length) << 16);
  const second: u32 = (<u32>DONT_FRAGMENT) << 16;
  const third: u32 = <u32>config.ttl | (protocol << 8);
  store<u32>(at, first);
  store<u32>(at, second, 4);
  store<u32>(at, third, 8);
  const source = config.address;
  ip.source = source;
  ip.destination = destination;
  ip.checksum = <u16>~fold(<u64>first + second + third + source + destination);
  link.emit(to.mac0, to.mac1, TYPE_IPV4);
  return LINK_HEADER_BYTES + IPV4_HEADER_BYTES + length;
}

/** Gives the packet in the output slot another source and time to live. */
export function amend(source: u32, ttl: u32): void {
  const ip = changetype<Ipv4Header>(link.outputPayload());
  ip.source = source;
  ip.ttl = <u8>ttl;
  ip.checksum = 0;
  ip.checksum = <u16>~checksum(changetype<usize>(ip), headerBytes(ip), 0);
}

// @inline
/** Sum of the pseudo-header of `length` octets between us and `remote` (RFC 9293 section 3.1). `protocol` below 256. */
export function pseudoSum(remote: u32, protocol: u32, length: u32): u64 {
  return <u64>config.address + remote + (protocol << 8) + swap16(length);
}
