// ICMP errors about our segments, RFC 9293 section 3.9.2.2 as RFC 5927 has it: nobody but the path can know the sequence
// numbers in flight, so others are not believed; and a connection that is synchronised is never ended by one.

import { Counter, Status } from "../abi_constants";
import { config } from "../config";
import { swap16, swap32 } from "../lib/bytes";
import { count } from "../lib/counters";
import * as ipv4 from "../net/ipv4";
import { Kind, makeReady } from "../net/socket";
import {
  FRAGMENTATION_NEEDED,
  ICMP_HEADER_BYTES,
  IcmpHeader,
  PORT_UNREACHABLE,
  PROTOCOL_UNREACHABLE,
  QUOTED_BYTES,
} from "../wire/icmp";
import { headerBytes, Ipv4Header, PROTOCOL_TCP } from "../wire/ipv4";
import * as demux from "./demux";
import { fail } from "./ending";
import { optionsBytes } from "./opening";
import * as seq from "./seq";
import { isSynchronised, Tcb } from "./tcb";

/** Smallest MTU that is believed: a router that says less, or nothing, makes us work for nothing. */
const MTU_MIN: u32 = 576;
/** Octets of IPv4 and TCP headers without options. */
const HEADERS_BYTES: u32 = 40;

/** The error message in the input slot. */
export function arrives(): void {
  const ip = ipv4.input();
  const at = ipv4.payload(ip);
  const quoted = changetype<Ipv4Header>(at + ICMP_HEADER_BYTES);
  const quotedBytes = headerBytes(quoted);
  if (ipv4.payloadBytes(ip) < ICMP_HEADER_BYTES + quotedBytes + QUOTED_BYTES)
    return count(Counter.ICMP_MALFORMED);
  const tcp = changetype<usize>(quoted) + quotedBytes;
  // The quoted ports stand as we sent them.
  const found = demux.find(quoted.destination, rotl(load<u32>(tcp), 16));
  const t = changetype<Tcb>(found);
  if (
    !found ||
    <u32>(found.kind >= Kind.TIME_WAIT) |
      <u32>(quoted.protocol != PROTOCOL_TCP) |
      (quoted.source ^ config.address) |
      <u32>!seq.inWindow(swap32(load<u32>(tcp, 4)), t.sndUna, t.sndMax - t.sndUna)
  )
    return count(Counter.ICMP_STRAY);
  count(Counter.ICMP_ERRORS);
  const typeCode = <u32>changetype<IcmpHeader>(at).typeCode;
  if (typeCode == FRAGMENTATION_NEEDED) return pathMtu(t, swap16(load<u16>(at, 6)));
  t.error = <i16>Status.UNREACHABLE;
  if (<u32>isSynchronised(t) | <u32>(typeCode != PORT_UNREACHABLE && typeCode != PROTOCOL_UNREACHABLE))
    return;
  fail(t, Status.UNREACHABLE);
}

/** RFC 1191: segments of that size do not pass. What is in flight goes again in smaller ones. */
function pathMtu(t: Tcb, mtu: u32): void {
  const mss = max(mtu, MTU_MIN) - HEADERS_BYTES - optionsBytes(t);
  if (mss >= t.sndMss) return;
  t.sndMss = <u16>mss;
  t.sndNxt = t.sndUna;
  makeReady(t);
}
