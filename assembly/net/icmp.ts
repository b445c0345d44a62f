// ICMP, RFC 792: answers echo requests, tells what is unreachable here. What an error message means is TCP's to say.

import { Counter, InputFlag } from "../abi_constants";
import { checksum } from "../lib/checksum";
import { count, drop } from "../lib/counters";
import {
  ECHO_REPLY,
  ECHO_REQUEST,
  ICMP_HEADER_BYTES,
  IcmpHeader,
  PARAMETER_PROBLEM,
  PORT_UNREACHABLE,
  PROTOCOL_UNREACHABLE,
  QUOTED_BYTES,
  TIME_EXCEEDED,
  UNREACHABLE,
} from "../wire/icmp";
import { PROTOCOL_ICMP, PROTOCOL_UDP } from "../wire/ipv4";
import * as ipv4 from "./ipv4";
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

/** Builds the echo reply into the output slot, from the request that still stands in the input slot. */
export function emitReply(): u32 {
  const ip = ipv4.input();
  count(Counter.ICMP_ECHO);
  return emit(ECHO_REPLY, 4, ipv4.payload(ip) + 4, ipv4.payloadBytes(ip) - 4);
}

/** Builds "port unreachable" for UDP, "protocol unreachable" for what else stands in the input slot. */
export function emitUnreachable(): u32 {
  const ip = ipv4.input();
  count(Counter.ICMP_UNREACHABLE);
  store<u32>(ipv4.outputPayload(), 0, 4);
  const quoted = <u32>ipv4.payload(ip) - changetype<u32>(ip) + min(ipv4.payloadBytes(ip), QUOTED_BYTES);
  return emit(
    ip.protocol == PROTOCOL_UDP ? PORT_UNREACHABLE : PROTOCOL_UNREACHABLE,
    ICMP_HEADER_BYTES,
    changetype<usize>(ip),
    quoted,
  );
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
