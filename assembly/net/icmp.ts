// ICMP, RFC 792: answers echo requests.

import { Counter } from "../abi_constants";
import { state } from "../config";
import { checksum } from "../lib/checksum";
import { count } from "../lib/counters";
import { ECHO_REPLY, ECHO_REQUEST, ICMP_HEADER_BYTES, IcmpHeader } from "../wire/icmp";
import { PROTOCOL_ICMP } from "../wire/ipv4";
import * as ipv4 from "./ipv4";
import { claim, Reply } from "./reply";

/** Takes the message in the input slot. `verified`: hardware summed it. */
export function receive(verified: bool): void {
  const ip = ipv4.input();
  const at = ipv4.payload(ip);
  const length = ipv4.payloadBytes(ip);
  const message = changetype<IcmpHeader>(at);
  if (length < ICMP_HEADER_BYTES) count(Counter.ICMP_MALFORMED);
  else if (!verified && checksum(at, length, 0) != 0xffff) count(Counter.ICMP_CHECKSUM);
  else if (message.type != ECHO_REQUEST || message.code != 0) count(Counter.ICMP_IGNORED);
  else if (claim(Reply.ECHO)) {
    state.replyAddress = ip.source;
    state.replyLength = <u16>length;
  }
}

/** Builds the echo reply into the output slot, from the request that still stands in the input slot. */
export function emitReply(): u32 {
  const length = state.replyLength;
  const at = ipv4.outputPayload();
  memory.copy(at, ipv4.payload(ipv4.input()), length);
  const message = changetype<IcmpHeader>(at);
  message.type = ECHO_REPLY;
  message.checksum = 0;
  message.checksum = <u16>~checksum(at, length, 0);
  count(Counter.ICMP_ECHO);
  return ipv4.emit(state.replyAddress, PROTOCOL_ICMP, length, state.replyMac0, state.replyMac1);
}
