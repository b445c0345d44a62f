// ICMP, RFC 792: answers echo requests.

import { Counter } from "../abi_constants";
import { checksum } from "../lib/checksum";
import { count } from "../lib/counters";
import { ECHO_REPLY, ECHO_REQUEST, ICMP_HEADER_BYTES, IcmpHeader } from "../wire/icmp";
import { PROTOCOL_ICMP } from "../wire/ipv4";
import * as ipv4 from "./ipv4";
import { owe, Reply, replyTo } from "./reply";

/** Takes the message in the input slot. */
export function receive(): void {
  const ip = ipv4.input();
  const at = ipv4.payload(ip);
  const length = ipv4.payloadBytes(ip);
  if (length < ICMP_HEADER_BYTES) count(Counter.ICMP_MALFORMED);
  else if (checksum(at, length, 0) != 0xffff) count(Counter.ICMP_CHECKSUM);
  else if (changetype<IcmpHeader>(at).typeCode != ECHO_REQUEST) count(Counter.ICMP_IGNORED);
  else owe(Reply.ECHO);
}

/** Builds the echo reply into the output slot, from the request that still stands in the input slot. */
export function emitReply(): u32 {
  const ip = ipv4.input();
  const length = ipv4.payloadBytes(ip);
  const at = ipv4.outputPayload();
  memory.copy(at, ipv4.payload(ip), length);
  store<u32>(at, ECHO_REPLY);
  changetype<IcmpHeader>(at).checksum = <u16>~checksum(at, length, 0);
  count(Counter.ICMP_ECHO);
  return ipv4.emit(ip.source, PROTOCOL_ICMP, length, replyTo());
}
