// The record of a datagram socket.

import { Option } from "../abi_constants";
import { config, DATAGRAM_BYTES, services } from "../config";
import { Kind, Socket } from "../net/socket";
import { Queue } from "./queue";

/** A datagram socket: `remoteAddress` and the low half of `ports` are the peer's when it is connected, else 0. */
@unmanaged
export class Datagram extends Socket {
  /** A Status: what an ICMP error, or ARP, said of a datagram. */
  error: i16;
  // The next three stand as the options of their names are numbered.
  /** Time to live; 0: the usual one. */
  ttl: u8;
  /** Differentiated services octet. */
  tos: u8;
  /** Not 0: may send to everybody. */
  broadcast: u8;
  /** Event.WRITABLE when the application found too little room to send. */
  wants: u8;
  unused: u16;
  /** Where the ring of the send queue is; that of the other queue follows. */
  rings: u32;
  /** Queue of what is to be sent. */
  sendHead: u32;
  sendTail: u32;
  /** Queue of what arrived. */
  receiveHead: u32;
  receiveTail: u32;
}

/** The socket of number `index`. */
export function datagramAt(index: u32): Datagram {
  return changetype<Datagram>(services.datagramTable + index * DATAGRAM_BYTES);
}

/** Queue of what is to be sent. */
export function sendQueue(d: Datagram): Queue {
  return changetype<Queue>(changetype<usize>(d) + offsetof<Datagram>("sendHead"));
}

/** Queue of what arrived. */
export function receiveQueue(d: Datagram): Queue {
  return changetype<Queue>(changetype<usize>(d) + offsetof<Datagram>("receiveHead"));
}

/** Where the ring of the send queue is. */
export function sendRing(d: Datagram): usize {
  return d.rings;
}

/** Where the ring of the receive queue is. */
export function receiveRing(d: Datagram): usize {
  return d.rings + config.datagramQueueBytes;
}

/** The socket that is bound to `port` (as on the wire, not 0), or null: no two are bound to the same. */
export function ofPort(port: u32): Datagram | null {
  for (let index: u32 = 0; index < config.datagramSockets; index++) {
    const d = datagramAt(index);
    if (<u32>(d.kind == Kind.DATAGRAM) & <u32>(d.ports >> 16 == port)) return d;
  }
  return null;
}

/**
 * The socket for what comes from `address` with `ports` as in a header that arrives; null: there is none, or it is connected
 * to somebody else.
 */
export function find(address: u32, ports: u32): Datagram | null {
  const d = ofPort(ports >> 16);
  if (!d) return null;
  return d.remoteAddress && (d.remoteAddress ^ address) | (d.ports ^ ports) ? null : d;
}

/** Fails to compile when a record does not fit the place that config.ts gives it. */
export function checkLayout(): void {
  const ttl = offsetof<Datagram>("ttl") - Option.TTL;
  if (offsetof<Datagram>("tos") - Option.TOS != ttl) ERROR("tos is misplaced");
  if (offsetof<Datagram>("broadcast") - Option.BROADCAST != ttl) ERROR("broadcast is misplaced");
  if (offsetof<Datagram>() != DATAGRAM_BYTES) ERROR("Datagram does not fit");
}
