// UDP datagrams that arrive, RFC 768 and RFC 1122 section 4.1: checked here once. Who takes one is for stack.ts to say; what
// sockets take goes into their queues here.

import { Counter, Event, InputFlag } from "../abi_constants";
import { config } from "../config";
import { swap16 } from "../lib/bytes";
import { checksum, fold } from "../lib/checksum";
import { count, drop } from "../lib/counters";
import * as ipv4 from "../net/ipv4";
import { raise } from "../net/socket";
import { PROTOCOL_UDP } from "../wire/ipv4";
import { check, totalBytes, UDP_HEADER_BYTES, UdpHeader } from "../wire/udp";
import { find, receiveQueue, receiveRing } from "./datagram";
import * as queue from "./queue";

/** The port of DHCP clients: the only one that hears anything while we have no address. */
export const DHCP_CLIENT_PORT: u32 = 68;

/** The header of the datagram that arrived. */
export function header(): UdpHeader {
  return changetype<UdpHeader>(ipv4.payload(ipv4.input()));
}

/** Where its data begins. */
export function data(): usize {
  return changetype<usize>(header()) + UDP_HEADER_BYTES;
}

/** Octets of its data. */
export function dataBytes(): u32 {
  return totalBytes(header()) - UDP_HEADER_BYTES;
}

/** The port that it is for, in host order. */
export function localPort(): u32 {
  return swap16(header().ports >> 16);
}

/** The port that it comes from, in host order; 0 when the sender wants no answer. */
export function remotePort(): u32 {
  return swap16(header().ports & 0xffff);
}

/** Checks the datagram in the packet that arrived. `flags`: InputFlag bits. False: dropped. */
export function receive(flags: u32): bool {
  const ip = ipv4.input();
  const udp = header();
  const available = ipv4.payloadBytes(ip);
  if (<u32>!check(udp, available) | <u32>!(udp.ports >> 16)) return drop(Counter.UDP_MALFORMED);
  if (<u32>!config.address & <u32>(localPort() != DHCP_CLIENT_PORT)) return drop(Counter.IP_NOT_OURS);
  // RFC 1122 section 4.1.3.4: a checksum of zero is none, and that is for the sender to say.
  if (<u32>!udp.checksum | (flags & InputFlag.CHECKSUM_VERIFIED)) return true;
  const pseudo = <u64>ip.source + ip.destination + ((<u32>PROTOCOL_UDP) << 8) + udp.length;
  // As in ipv4.isIntact: what follows the datagram makes the sum wrong, and then the octets decide.
  if (flags & InputFlag.CHECKSUM_SUM && fold(pseudo + (flags >> 16)) == 0xffff) return true;
  if (checksum(changetype<usize>(udp), totalBytes(udp), pseudo) == 0xffff) return true;
  return drop(Counter.UDP_CHECKSUM);
}

/** Gives the datagram to the socket that it is for. False: there is none. */
export function deliver(): bool {
  const udp = header();
  const source = ipv4.input().source;
  const d = find(source, udp.ports);
  if (!d) return drop(Counter.UDP_NO_SOCKET);
  const bytes = dataBytes();
  const q = receiveQueue(d);
  const ring = receiveRing(d);
  if (<i32>bytes > queue.makeRoom(q, ring, bytes)) count(Counter.UDP_QUEUE_FULL);
  else {
    queue.add(q, ring, source, udp.ports, data(), bytes);
    raise(d, Event.READABLE);
  }
  return true;
}
