// The calls on datagram sockets: RFC 768's user interface.

import { Endpoint, Family, Status } from "../abi_constants";
import { config, header } from "../config";
import { swap16 } from "../lib/bytes";
import { random } from "../lib/prng";
import * as groups from "../net/groups";
import * as route from "../net/route";
import { become, EPHEMERAL_FIRST, EPHEMERAL_PORTS, Kind, makeReady, retireHandle } from "../net/socket";
import {
  clear,
  Datagram,
  datagramAt,
  Flag,
  receiveQueue,
  receiveRing,
  sendQueue,
  sendRing,
} from "./datagram";
import { isForMany, mostBytes } from "./emit";
import { hasRoute } from "./output";
import * as queue from "./queue";

/** Opens a socket. Returns its handle, or NO_SOCKET. */
export function open(): i32 {
  for (let index: u32 = 0; index < config.datagramSockets; index++) {
    const d = datagramAt(index);
    if (d.kind != Kind.FREE) continue;
    become(d, Kind.DATAGRAM);
    clear(d);
    // Set at the first use, and no change at a later one.
    d.handle |= config.listeners + config.connections + index + 1;
    return d.handle;
  }
  return Status.NO_SOCKET;
}

/** Binds to the local `port` (host order), or an ephemeral one for 0. */
export function bind(d: Datagram, port: u32): i32 {
  if (d.ports >> 16) return Status.ALREADY_CONNECTED;
  if (port && isPortUsed(port)) return Status.ADDRESS_IN_USE;
  if (!port) port = freePort();
  if (!port) return Status.ADDRESS_IN_USE;
  d.ports |= swap16(port) << 16;
  return Status.OK;
}

/** Sets the peer, or with Family.NONE has none from now on. What others have sent is forgotten. */
export function connect(d: Datagram, endpoint: Endpoint): i32 {
  if (endpoint.family != Family.NONE) {
    const status = prepare(d, endpoint);
    if (status != Status.OK) return status;
    d.remoteAddress = endpoint.address0;
    d.ports = (d.ports & 0xffff0000) | swap16(endpoint.port);
    d.receiveHead = d.receiveTail = 0;
  } else {
    d.remoteAddress = 0;
    d.ports &= 0xffff0000;
  }
  return Status.OK;
}

/** The longest run in which the data of the next datagram can be placed. */
export function sendReserve(d: Datagram): i32 {
  const q = sendQueue(d);
  const most = mostToSend();
  const bytes = min(queue.longest(q), <i32>most);
  if (bytes < <i32>most) d.flags |= Flag.WANT_WRITE;
  if (bytes <= 0) return Status.WOULD_BLOCK;
  const place = queue.place(q, bytes);
  d.reserved = place;
  d.reservedBytes = bytes;
  header.runPointer = <u32>dataAt(d, place);
  return bytes;
}

/** The first `length` octets of that run go to the peer. */
export function sendCommit(d: Datagram, length: u32): i32 {
  if (!d.remoteAddress) return Status.NOT_CONNECTED;
  if (<u32>(d.reserved == queue.NONE) | <u32>(length > d.reservedBytes)) return Status.INVALID_ARGUMENT;
  append(d, d.reserved, length, d.remoteAddress, d.ports & 0xffff);
  return Status.OK;
}

/**
 * The `length` octets at `data` go to `endpoint`, or to the peer when that is null: they stand in the run of `sendReserve`,
 * or `mayCopy` says that the caller may let us read there.
 */
export function sendTo(d: Datagram, endpoint: Endpoint | null, data: usize, length: u32, mayCopy: bool): i32 {
  let address = d.remoteAddress;
  let port = d.ports & 0xffff;
  if (endpoint) {
    if (address) return Status.ALREADY_CONNECTED;
    const status = prepare(d, endpoint);
    if (status != Status.OK) return status;
    address = endpoint.address0;
    port = swap16(endpoint.port);
  } else if (!address) return Status.NOT_CONNECTED;
  if (length > mostToSend()) return Status.TOO_LONG;
  let place = d.reserved;
  if (place != queue.NONE && data == dataAt(d, place)) {
    if (length > d.reservedBytes) return Status.INVALID_ARGUMENT;
  } else {
    if (!mayCopy) return Status.INVALID_ARGUMENT;
    place = queue.place(sendQueue(d), length);
    if (place == queue.NONE) {
      d.flags |= Flag.WANT_WRITE;
      return Status.WOULD_BLOCK;
    }
    memory.copy(dataAt(d, place), data, length);
  }
  append(d, place, length, address, port);
  return Status.OK;
}

/** The next datagram: returns its length, and its source in `from` unless that is null. */
export function receiveFrom(d: Datagram, from: Endpoint | null): i32 {
  const q = receiveQueue(d);
  if (queue.isEmpty(q)) return Status.WOULD_BLOCK;
  const at = receiveRing(d) + q.head;
  const entry = changetype<queue.Entry>(at);
  header.runPointer = <u32>at + queue.ENTRY_BYTES;
  if (from) {
    memory.fill(changetype<usize>(from), 0, offsetof<Endpoint>());
    from.family = <u16>Family.IPV4;
    from.port = <u16>swap16(entry.port);
    from.address0 = entry.address;
  }
  return entry.bytes;
}

/** The next datagram from the peer: its length. */
export function receivePeek(d: Datagram): i32 {
  return d.remoteAddress ? receiveFrom(d, null) : Status.NOT_CONNECTED;
}

/** Frees the next datagram, of which the caller has read `length` octets. */
export function receiveConsume(d: Datagram, length: u32): i32 {
  const bytes = receiveFrom(d, null);
  if (<u32>(bytes < 0) | <u32>(length > <u32>bytes)) return Status.INVALID_ARGUMENT;
  queue.take(receiveQueue(d), bytes);
  return Status.OK;
}

/** Gives the handle back; what is in the queue leaves first, unless `now`. */
export function end(d: Datagram, now: bool): void {
  retireHandle(d);
  leaveGroups(d, d.groups);
  if (now) d.sendHead = d.sendTail = 0;
  d.kind = queue.isEmpty(sendQueue(d)) ? Kind.FREE : Kind.DETACHED;
}

/** The socket leaves the groups of `bits`; so does the device those that no other socket is in. */
export function leaveGroups(d: Datagram, bits: u32): void {
  d.groups &= <u8>~bits;
  let others: u32 = 0;
  for (let index: u32 = 0; index < config.datagramSockets; index++) others |= datagramAt(index).groups;
  groups.leave(bits & ~others);
}

/** A port of the ephemeral range that no socket has, chosen at random (RFC 6056), in host order; 0: none is free. */
export function freePort(): u32 {
  let next = random();
  for (let tries = EPHEMERAL_PORTS; tries; tries--) {
    const port = EPHEMERAL_FIRST + (next++ % EPHEMERAL_PORTS);
    if (!isPortUsed(port)) return port;
  }
  return 0;
}

function isPortUsed(port: u32): bool {
  for (let index: u32 = 0; index < config.datagramSockets; index++) {
    const d = datagramAt(index);
    if (<u32>(d.kind == Kind.DATAGRAM) & <u32>(d.ports >> 16 == swap16(port))) return true;
  }
  return false;
}

/** The socket is to send to `endpoint`: whether it may; a local port is chosen when it has none. */
function prepare(d: Datagram, endpoint: Endpoint): i32 {
  if (endpoint.family != Family.IPV4) return Status.NOT_SUPPORTED;
  const address = endpoint.address0;
  const allowed = route.isBroadcast(address)
    ? (d.flags & Flag.BROADCAST) != 0
    : isForMany(address) || route.isHost(address);
  if (<u32>!allowed | <u32>!endpoint.port) return Status.INVALID_ARGUMENT;
  if (!hasRoute(address)) return Status.UNREACHABLE;
  return d.ports >> 16 ? Status.OK : bind(d, 0);
}

function append(d: Datagram, place: u32, length: u32, address: u32, port: u32): void {
  const entry = changetype<queue.Entry>(sendRing(d) + place);
  entry.bytes = <u16>length;
  entry.port = <u16>port;
  entry.address = address;
  queue.put(sendQueue(d), place, length);
  d.reserved = queue.NONE;
  makeReady(d);
}

/** The longest datagram that an empty queue holds and the network takes. */
function mostToSend(): u32 {
  return min(mostBytes(), config.datagramQueueBytes - queue.ENTRY_BYTES);
}

function dataAt(d: Datagram, place: u32): usize {
  return sendRing(d) + place + queue.ENTRY_BYTES;
}
