// ICMP errors about our datagrams: RFC 1122 section 4.1.3.3 has them passed to the application. Datagrams carry no number
// that proves a quote, so that nothing but news comes of one: the socket lives on.

import { Counter, Status } from "../abi_constants";
import { config } from "../config";
import { count } from "../lib/counters";
import * as ipv4 from "../net/ipv4";
import { Kind } from "../net/socket";
import {
  FRAGMENTATION_NEEDED,
  ICMP_HEADER_BYTES,
  IcmpHeader,
  PORT_UNREACHABLE,
  QUOTED_BYTES,
} from "../wire/icmp";
import { headerBytes, Ipv4Header } from "../wire/ipv4";
import { Datagram, datagramAt } from "./datagram";
import { fail } from "./output";

/** Whether the error message that arrived quotes enough of a datagram, and one of ours; else it is counted. */
export function check(): bool {
  const ip = ipv4.input();
  const quoted = quotedIp();
  const bytes = ICMP_HEADER_BYTES + headerBytes(quoted) + QUOTED_BYTES;
  if (ipv4.payloadBytes(ip) < bytes) {
    count(Counter.ICMP_MALFORMED);
    return false;
  }
  if (quoted.source == config.address) return true;
  count(Counter.ICMP_STRAY);
  return false;
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
export function meaning(): Status {
  const typeCode = <u32>changetype<IcmpHeader>(ipv4.payload(ipv4.input())).typeCode;
  if (typeCode == PORT_UNREACHABLE) return Status.CONNECTION_REFUSED;
  // All that we send says "don't fragment".
  return typeCode == FRAGMENTATION_NEEDED ? Status.TOO_LONG : Status.UNREACHABLE;
}

/** Tells the socket whose datagram the error message quotes. */
export function arrives(): void {
  const d = findSocket();
  if (!d) return count(Counter.ICMP_STRAY);
  count(Counter.ICMP_ERRORS);
  fail(d, meaning());
}

function findSocket(): Datagram | null {
  const ports = quotedPorts();
  for (let index: u32 = 0; index < config.datagramSockets; index++) {
    const d = datagramAt(index);
    const difference = d.ports ^ ports;
    if (<u32>(d.kind != Kind.DATAGRAM) | <u32>!(ports >> 16) | (difference >> 16)) continue;
    if (d.remoteAddress && difference | (d.remoteAddress ^ quotedIp().destination)) continue;
    return d;
  }
  return null;
}
