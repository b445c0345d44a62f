// ICMP errors about our datagrams: RFC 1122 section 4.1.3.3 has them passed to the application. Datagrams carry no number
// that proves a quote, so that nothing but news comes of one: the socket lives on.

import { Counter, Status } from "../abi_constants";
import { config } from "../config";
import { count, drop } from "../lib/counters";
import * as ipv4 from "../net/ipv4";
import {
  FRAGMENTATION_NEEDED,
  ICMP_HEADER_BYTES,
  IcmpHeader,
  PORT_UNREACHABLE,
  QUOTED_BYTES,
} from "../wire/icmp";
import { headerBytes, Ipv4Header } from "../wire/ipv4";
import { find } from "./datagram";
import { fail } from "./output";

/** Whether the error message that arrived quotes enough of a datagram, and one of ours; else it is counted. */
export function check(): bool {
  const ip = ipv4.input();
  const quoted = quotedIp();
  const bytes = ICMP_HEADER_BYTES + headerBytes(quoted) + QUOTED_BYTES;
  if (ipv4.payloadBytes(ip) < bytes) return drop(Counter.ICMP_MALFORMED);
  return quoted.source == config.address || drop(Counter.ICMP_STRAY);
}

/** The header that it quotes. */
export function quotedIp(): Ipv4Header {
  return changetype<Ipv4Header>(ipv4.payload(ipv4.input()) + ICMP_HEADER_BYTES);
}

/** The ports that it quotes as in a datagram that would come back: the other side's in the low half, ours in the high. */
export function quotedPorts(): u32 {
  const quoted = quotedIp();
  return rotl(load<u32>(changetype<usize>(quoted) + headerBytes(quoted)), 16);
}

/** What the error says, as a Status. */
export function meaning(): i32 {
  const typeCode = <u32>changetype<IcmpHeader>(ipv4.payload(ipv4.input())).typeCode;
  if (typeCode == PORT_UNREACHABLE) return Status.CONNECTION_REFUSED;
  // All that we send says "don't fragment".
  return typeCode == FRAGMENTATION_NEEDED ? Status.TOO_LONG : Status.UNREACHABLE;
}

/** Tells the socket whose datagram the error message quotes. */
export function arrives(): void {
  const ports = quotedPorts();
  const d = ports >> 16 ? find(quotedIp().destination, ports) : null;
  if (!d) return count(Counter.ICMP_STRAY);
  count(Counter.ICMP_ERRORS);
  fail(d, meaning());
}
