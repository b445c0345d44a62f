// Datagrams that leave: sockets take turns with connections, one datagram a turn. A socket whose next datagram waits for ARP
// is skipped.

import { Counter, Event, Status } from "../abi_constants";
import { config } from "../config";
import { count } from "../lib/counters";
import * as route from "../net/route";
import { Kind, makeReady, raise } from "../net/socket";
import { Datagram, datagramAt, Flag, sendQueue, sendRing } from "./datagram";
import { emitPorts, isForMany, neighbourOf, payloadAt } from "./emit";
import * as queue from "./queue";

/** The time to live of what goes to groups, unless the application says otherwise: RFC 1112 section 6.1. */
const GROUP_TTL: u32 = 1;

/** The turn of one socket: builds its next datagram into the output slot. Returns the frame's length; 0: it has none. */
export function turn(d: Datagram): u32 {
  while (!queue.isEmpty(sendQueue(d)) && !(d.flags & Flag.ARP_WAIT)) {
    const destination = first(d).address;
    if (!hasRoute(destination)) {
      giveUp(d);
      continue;
    }
    const neighbour = neighbourOf(destination);
    if (!neighbour) {
      d.flags |= Flag.ARP_WAIT;
      return 0;
    }
    const entry = first(d);
    const bytes = <u32>entry.bytes;
    memory.copy(payloadAt(), changetype<usize>(entry) + queue.ENTRY_BYTES, bytes);
    const ports = (d.ports >> 16) | ((<u32>entry.port) << 16);
    const ttl = d.ttl ? <u32>d.ttl : route.isGroup(destination) ? GROUP_TTL : <u32>config.ttl;
    const length = emitPorts(config.address, destination, ports, bytes, d.tos, ttl, neighbour);
    takeFirst(d);
    if (!queue.isEmpty(sendQueue(d))) makeReady(d);
    return length;
  }
  return 0;
}

/** Whether there is a way to `destination`. */
export function hasRoute(destination: u32): bool {
  return <bool>(
    (<u32>(config.address != 0) & <u32>(isForMany(destination) || route.nextHop(destination) != 0))
  );
}

/** A neighbour became known (`address` 0), or `address` is not to be found. */
export function arpSettled(address: u32): void {
  for (let index: u32 = 0; index < config.datagramSockets; index++) {
    const d = datagramAt(index);
    if (!(d.flags & Flag.ARP_WAIT)) continue;
    d.flags &= ~Flag.ARP_WAIT;
    // All that go there: each would wait as long again.
    if (address) while (!queue.isEmpty(sendQueue(d)) && route.nextHop(first(d).address) == address) giveUp(d);
    makeReady(d);
  }
}

/** Tells the application that a datagram did not arrive; the socket goes on. */
export function fail(d: Datagram, error: Status): void {
  d.error = <i16>error;
  if (d.kind == Kind.DATAGRAM) raise(d, Event.FAILED);
}

function first(d: Datagram): queue.Entry {
  return changetype<queue.Entry>(sendRing(d) + sendQueue(d).head);
}

function giveUp(d: Datagram): void {
  count(Counter.UDP_UNSENT);
  takeFirst(d);
  fail(d, Status.UNREACHABLE);
}

function takeFirst(d: Datagram): void {
  queue.take(sendQueue(d), first(d).bytes);
  if (d.kind == Kind.DETACHED && queue.isEmpty(sendQueue(d))) d.kind = Kind.FREE;
  if (!(d.flags & Flag.WANT_WRITE)) return;
  d.flags &= ~Flag.WANT_WRITE;
  if (d.kind == Kind.DATAGRAM) raise(d, Event.WRITABLE);
}
