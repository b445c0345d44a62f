// The calls on datagram sockets: RFC 768's user interface.

import { Endpoint, Event, Family, Status } from "../abi_constants";
import { config, HAS_GROUPS, header, services } from "../config";
import { swap16 } from "../lib/bytes";
import { random } from "../lib/prng";
import * as groups from "../net/groups";
import * as route from "../net/route";
import {
  become,
  EPHEMERAL_FIRST,
  EPHEMERAL_PORTS,
  Kind,
  makeReady,
  retireHandle,
  writeEndpoint,
} from "../net/socket";
import { Datagram, datagramAt, ofPort, receiveQueue, receiveRing, sendQueue, sendRing } from "./datagram";
import { mostBytes } from "./emit";
import * as queue from "./queue";

/** Opens a socket. Returns its handle, or NO_SOCKET. */
export function open(): i32 {
  for (let index: u32 = 0; index < config.datagramSockets; index++) {
    const d = datagramAt(index);
    if (d.kind != Kind.FREE) continue;
    // Handle, lists and the links of lists outlive a use of the record.
    const start = offsetof<Datagram>("listener");
    memory.fill(changetype<usize>(d) + start, 0, offsetof<Datagram>() - start);
    d.remoteAddress = d.ports = 0;
    become(d, Kind.DATAGRAM);
    d.rings = services.datagramQueues + ((index * config.datagramQueueBytes) << 1);
    // Set at the first use, and no change at a later one.
    d.handle |= config.listeners + config.connections + index + 1;
    return d.handle;
  }
  return Status.NO_SOCKET;
}

/** Binds to the local `port` (host order), or an ephemeral one for 0. */
export function bind(d: Datagram, port: u32): i32 {
  if (d.ports >> 16) return Status.ALREADY_CONNECTED;
  if (!port) port = freePort();
  if (ofPort(swap16(port))) return Status.ADDRESS_IN_USE;
  // A peer has no place beside it yet.
  d.ports = swap16(port) << 16;
  return Status.OK;
}

/** Sets the peer, or with Family.NONE has none from now on. What arrived until now is forgotten: others may have sent it. */
export function connect(d: Datagram, peer: Endpoint): i32 {
  let address: u32 = 0;
  let port: u32 = 0;
  if (peer.family != Family.NONE) {
    const status = prepare(d, peer);
    if (status != Status.OK) return status;
    address = peer.address0;
    port = swap16(peer.port);
  }
  d.remoteAddress = address;
  d.ports = (d.ports & 0xffff0000) | port;
  d.receiveHead = d.receiveTail = 0;
  return Status.OK;
}

/** The longest run in which the data of the next datagram can be placed. */
export function sendReserve(d: Datagram): i32 {
  const most = mostToSend();
  const bytes = min(queue.makeRoom(sendQueue(d), sendRing(d), most), most);
  if (bytes < most) d.wants = <u8>Event.WRITABLE;
  if (bytes <= 0) return Status.WOULD_BLOCK;
  header.runPointer = <u32>dataToSend(d);
  return bytes;
}

/** The first `length` octets of that run go to the peer. */
export function sendCommit(d: Datagram, length: u32): i32 {
  return sendTo(d, null, dataToSend(d), length);
}

/** The `length` octets at `data`, in the run of `sendReserve`, go to `endpoint`, or to the peer when that is null. */
export function sendTo(d: Datagram, endpoint: Endpoint | null, data: usize, length: u32): i32 {
  let address = d.remoteAddress;
  let port = d.ports;
  if (endpoint) {
    if (address) return Status.ALREADY_CONNECTED;
    const status = prepare(d, endpoint);
    if (status != Status.OK) return status;
    address = endpoint.address0;
    port = swap16(endpoint.port);
  } else if (!address) return Status.NOT_CONNECTED;
  if (length > <u32>mostToSend()) return Status.TOO_LONG;
  if (<i32>length > queue.roomAtTail(sendQueue(d))) return Status.WOULD_BLOCK;
  const place = dataToSend(d);
  // An empty one is nowhere: not even in memory.
  if (length && data != place) return Status.INVALID_ARGUMENT;
  queue.add(sendQueue(d), sendRing(d), address, port, place, length);
  makeReady(d);
  return Status.OK;
}

/** The next datagram: returns its length, and its source in the Endpoint at `from` unless that is 0. */
export function receiveFrom(d: Datagram, from: usize): i32 {
  const q = receiveQueue(d);
  if (queue.isEmpty(q)) return Status.WOULD_BLOCK;
  const entry = queue.first(q, receiveRing(d));
  header.runPointer = changetype<u32>(entry) + queue.ENTRY_BYTES;
  if (from) writeEndpoint(from, entry.address, entry.port);
  return entry.bytes;
}

/** The next datagram from the peer: its length. */
export function receivePeek(d: Datagram): i32 {
  return d.remoteAddress ? receiveFrom(d, 0) : Status.NOT_CONNECTED;
}

/** Frees the next datagram, of which the caller has read `length` octets. */
export function receiveConsume(d: Datagram, length: u32): i32 {
  const bytes = receiveFrom(d, 0);
  if (<i32>length < 0 || <i32>length > bytes) return Status.INVALID_ARGUMENT;
  queue.take(receiveQueue(d), receiveRing(d));
  return Status.OK;
}

/** Gives the handle back; what is in the queue leaves first, unless `now`. */
export function end(d: Datagram, now: bool): void {
  retireHandle(d);
  if (HAS_GROUPS) groups.leave(0, d);
  if (now) d.sendHead = d.sendTail;
  d.kind = d.sendHead == d.sendTail ? Kind.FREE : Kind.DETACHED;
}

/**
 * A port of the ephemeral range that no socket has, chosen at random (RFC 6056), in host order. There always is one: no more
 * sockets than ports may be configured, and the one that asks has none.
 */
export function freePort(): u32 {
  let next = random();
  let port: u32;
  do port = EPHEMERAL_FIRST | (next++ % EPHEMERAL_PORTS);
  while (ofPort(swap16(port)));
  return port;
}

/** The socket is to send to `endpoint`: whether it may; a local port is chosen when it has none. */
function prepare(d: Datagram, endpoint: Endpoint): i32 {
  if (endpoint.family != Family.IPV4) return Status.NOT_SUPPORTED;
  const address = endpoint.address0;
  const allowed = route.isBroadcast(address)
    ? d.broadcast != 0
    : route.isGroup(address) || route.isHost(address);
  if (<u32>!allowed | <u32>!endpoint.port) return Status.INVALID_ARGUMENT;
  return d.ports >> 16 ? Status.OK : bind(d, 0);
}

/** The longest datagram that an empty queue holds and the network takes. */
function mostToSend(): i32 {
  return min<i32>(mostBytes(), config.datagramQueueBytes - queue.ENTRY_BYTES);
}

function dataToSend(d: Datagram): usize {
  return queue.dataAt(sendQueue(d), sendRing(d));
}
