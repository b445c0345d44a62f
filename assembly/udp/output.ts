// Datagrams that leave: sockets take turns with connections, one datagram a turn. A socket whose next datagram waits for ARP
// has its turn when a neighbour is found, or given up.

import { Counter, Event, Status } from "../abi_constants";
import { config } from "../config";
import { count } from "../lib/counters";
import * as route from "../net/route";
import { Kind, makeReady, raise } from "../net/socket";
import { Datagram, datagramAt, sendQueue, sendRing } from "./datagram";
import { emitPorts, hasRoute, neighbourOf, payloadAt } from "./emit";
import * as queue from "./queue";

/** The time to live of what goes to groups, unless the application says otherwise: RFC 1112 section 6.1. */
const GROUP_TTL: u32 = 1;

/** The turn of one socket: builds its next datagram into the output slot. Returns the frame's length; 0: it has none. */
export function turn(d: Datagram): u32 {
  const q = sendQueue(d);
  while (!queue.isEmpty(q)) {
    const entry = queue.first(q, sendRing(d));
    const destination = entry.address;
    if (!hasRoute(destination)) {
      giveUp(d);
      continue;
    }
    const neighbour = neighbourOf(destination);
    if (!neighbour) break;
    const bytes = <u32>entry.bytes;
    memory.copy(payloadAt(), changetype<usize>(entry) + queue.ENTRY_BYTES, bytes);
    const ports = (d.ports >> 16) | ((<u32>entry.port) << 16);
    const ttl = d.ttl ? <u32>d.ttl : route.isGroup(destination) ? GROUP_TTL : <u32>config.ttl;
    takeFirst(d);
    if (!queue.isEmpty(q)) makeReady(d);
    return emitPorts(config.address, destination, ports, bytes, d.tos, ttl, neighbour);
  }
  return 0;
}

/** A neighbour became known (`address` 0), or `address` is not to be found. */
export function arpSettled(address: u32): void {
  for (let index: u32 = 0; index < config.datagramSockets; index++) {
    const d = datagramAt(index);
    const q = sendQueue(d);
    // All that go there: each would wait as long again.
    if (address) while (!queue.isEmpty(q) && goesBy(address, queue.first(q, sendRing(d)).address)) giveUp(d);
    if (!queue.isEmpty(q)) makeReady(d);
  }
}

/** Whether the way to `destination` is by the neighbour `hop`; to groups and to everybody, from 224 on, it is by nobody. */
function goesBy(hop: u32, destination: u32): bool {
  return <bool>(<u32>((destination & 0xff) < 224) & <u32>(route.nextHop(destination) == hop));
}

/** Tells the application that a datagram did not arrive; the socket goes on. */
export function fail(d: Datagram, error: i32): void {
  d.error = <i16>error;
  raise(d, Event.FAILED);
}

function giveUp(d: Datagram): void {
  count(Counter.UDP_UNSENT);
  takeFirst(d);
  fail(d, Status.UNREACHABLE);
}

function takeFirst(d: Datagram): void {
  const q = sendQueue(d);
  queue.take(q, sendRing(d));
  if (<u32>queue.isEmpty(q) & <u32>(d.kind == Kind.DETACHED)) d.kind = Kind.FREE;
  // Often there is no event in it.
  raise(d, d.wants);
  d.wants = 0;
}
