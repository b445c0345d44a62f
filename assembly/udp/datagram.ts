// The record of a datagram socket.

import { config, DATAGRAM_BYTES, services } from "../config";
import { Socket } from "../net/socket";
import { NONE, Queue } from "./queue";

/** Bits of Datagram.flags. */
export namespace Flag {
  /** The application found too little room to send. */
  export const WANT_WRITE: u8 = 1;
  /** Waits for an ARP answer. */
  export const ARP_WAIT: u8 = 2;
  /** May send to everybody. */
  export const BROADCAST: u8 = 4;
}

/** A datagram socket: `remoteAddress` and the low half of `ports` are the peer's when it is connected, else 0. */
@unmanaged
export class Datagram extends Socket {
  /** A Status: what an ICMP error, or ARP, said of a datagram. */
  error: i16;
  /** Time to live; 0: the configuration's. */
  ttl: u8;
  /** Differentiated services octet. */
  tos: u8;
  /** Flag bits. */
  flags: u8;
  /** The groups it has joined: a bit for each of net/groups.ts. */
  groups: u8;
  unused: u16;
  /** Queue of what is to be sent. */
  sendHead: u32;
  sendTail: u32;
  sendEnd: u32;
  /** Queue of what arrived. */
  receiveHead: u32;
  receiveTail: u32;
  receiveEnd: u32;
  /** Where the entry stands that the application fills in, or NONE; and the octets that it has room for. */
  reserved: u32;
  reservedBytes: u32;
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
  const index = (d.handle & 0xffff) - 1 - config.listeners - config.connections;
  return services.datagramQueues + ((index * config.datagramQueueBytes) << 1);
}

/** Where the ring of the receive queue is. */
export function receiveRing(d: Datagram): usize {
  return sendRing(d) + config.datagramQueueBytes;
}

/** A record that begins a new life; its handle, lists and their links stay. */
export function clear(d: Datagram): void {
  const at = changetype<usize>(d);
  d.remoteAddress = d.ports = 0;
  memory.fill(at + offsetof<Datagram>("listener"), 0, offsetof<Datagram>() - offsetof<Datagram>("listener"));
  d.reserved = NONE;
}

/** Fails to compile when a record does not fit the place that config.ts gives it. */
export function checkLayout(): void {
  if (offsetof<Datagram>() != DATAGRAM_BYTES) ERROR("Datagram does not fit");
}
