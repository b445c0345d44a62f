// ICMP, RFC 792: answers echo requests, tells what is unreachable here. What an error message means is TCP's to say.

import { Counter, InputFlag } from "../abi_constants";
import { config, STANDARD, services } from "../config";
import { checksum } from "../lib/checksum";
import { count, drop } from "../lib/counters";
import { TYPE_IPV4 } from "../wire/ethernet";
import {
  ECHO_REPLY,
  ECHO_REQUEST,
  ICMP_HEADER_BYTES,
  IcmpHeader,
  PARAMETER_PROBLEM,
  PORT_UNREACHABLE,
  PROTOCOL_UNREACHABLE,
  QUOTED_BYTES,
  REASSEMBLY_TIME_EXCEEDED,
  TIME_EXCEEDED,
  UNREACHABLE,
} from "../wire/icmp";
import { IPV4_HEADER_BYTES, Ipv4Header, PROTOCOL_ICMP, PROTOCOL_UDP } from "../wire/ipv4";
import * as ipv4 from "./ipv4";
import * as link from "./link";
import { oweLimited, Reply, replyTo } from "./reply";

/** Takes the message in the input slot. `flags`: InputFlag bits. True when it is an error about something that we sent. */
export function receive(flags: u32): bool {
  const ip = ipv4.input();
  const at = ipv4.payload(ip);
  const length = ipv4.payloadBytes(ip);
  if (length < ICMP_HEADER_BYTES) return drop(Counter.ICMP_MALFORMED);
  if (!(flags & InputFlag.CHECKSUM_VERIFIED) && checksum(at, length, 0) != 0xffff)
    return drop(Counter.ICMP_CHECKSUM);
  const typeCode = changetype<IcmpHeader>(at).typeCode;
  if (typeCode == ECHO_REQUEST) {
    oweLimited(Reply.ECHO);
    return false;
  }
  const type = typeCode & 0xff;
  if (<u32>(type == UNREACHABLE) | <u32>(type == TIME_EXCEEDED) | <u32>(type == PARAMETER_PROBLEM))
    return true;
  return drop(Counter.ICMP_IGNORED);
}

/**
 * Builds the echo reply into the output slot, from the request that still stands where it came in. One that was put together
 * from fragments may be longer than a packet: then the reply is cut off (RFC 1122 section 3.2.2.6).
 */
export function emitReply(): u32 {
  const ip = ipv4.input();
  count(Counter.ICMP_ECHO);
  let bytes = ipv4.payloadBytes(ip);
  if (STANDARD) bytes = min(bytes, <u32>config.mtu - IPV4_HEADER_BYTES);
  return emit(ECHO_REPLY, 4, ipv4.payload(ip) + 4, bytes - 4);
}

/** Builds "port unreachable" for UDP, "protocol unreachable" for what else came in. */
export function emitUnreachable(): u32 {
  return emitError(ipv4.input().protocol == PROTOCOL_UDP ? PORT_UNREACHABLE : PROTOCOL_UNREACHABLE);
}

/**
 * Builds "fragment reassembly time exceeded" about the datagram whose fragment zero is `ip`, to the neighbour that it came
 * from. `ipv4.input` is `ip` from now on: no reply waits that would want another.
 */
export function emitTimeExceeded(ip: Ipv4Header, to: link.Neighbour): u32 {
  services.packet = changetype<u32>(ip);
  const bytes = emitError(REASSEMBLY_TIME_EXCEEDED);
  link.emit(to.mac0, to.mac1, TYPE_IPV4);
  return bytes;
}

/** An error with this type and code about the packet that came in. */
function emitError(typeCode: u32): u32 {
  const ip = ipv4.input();
  count(Counter.ICMP_UNREACHABLE);
  store<u32>(ipv4.outputPayload(), 0, 4);
  const quoted = <u32>ipv4.payload(ip) - changetype<u32>(ip) + min(ipv4.payloadBytes(ip), QUOTED_BYTES);
  return emit(typeCode, ICMP_HEADER_BYTES, changetype<usize>(ip), quoted);
}

/** A message whose first word is `head`, with `bytes` octets from `from` copied to `at`. */
function emit(head: u32, at: u32, from: usize, bytes: u32): u32 {
  const message = ipv4.outputPayload();
  store<u32>(message, head);
  memory.copy(message + at, from, bytes);
  const length = at + bytes;
  changetype<IcmpHeader>(message).checksum = <u16>~checksum(message, length, 0);
  return ipv4.emit(ipv4.input().source, PROTOCOL_ICMP, length, 0, replyTo());
}
