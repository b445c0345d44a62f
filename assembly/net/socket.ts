// What has a handle, and the two lists that it may stand in: of those with events, and of those with something to send.
//
//   Keyed      remote address, ports, chain, kind        16 octets with what follows the kind
//   +- Socket  what has a handle: its uses, its events. Of TCP: tcp/tcb.ts; of UDP: udp/datagram.ts; and of services

import { Endpoint, Family, Status } from "../abi_constants";
import { config, HAS_DNS, State, state, TAIL } from "../config";
import { swap16 } from "../lib/bytes";

/** What a record is. Odd: the application holds a handle to it. */
export namespace Kind {
  export const FREE: u8 = 0;
  export const CONNECTION: u8 = 1;
  export const LISTENER: u8 = 3;
  /** UDP. */
  export const DATAGRAM: u8 = 5;
  /** A question for the addresses of a name. */
  export const QUERY: u8 = 7;
  export const DHCP_CLIENT: u8 = 9;
  /** A connection of a service's: nobody outside hears of it. */
  export const SERVICE: u8 = 2;
  /** A connection that waits in a listener's queue. */
  export const QUEUED: u8 = 4;
  /** A connection whose handle was given back, or whose listener went. */
  export const DETACHED: u8 = 6;
  /** From here on, those of the hash table are entries of 32 octets. */
  export const TIME_WAIT: u8 = 8;
  /** A passive open that waits for the handshake's last ACK. */
  export const SYN: u8 = 10;
  /** One that has it, and waits for a connection record or a place in the listener's queue. */
  export const WAITING: u8 = 12;
}

/** What the hash table finds. */
@unmanaged
export class Keyed {
  /** IPv4 address of the peer. */
  remoteAddress: u32;
  /**
   * Ports as in a segment that arrives: the peer's in the low half, ours in the high half, each as on the wire. In a
   * socket, 0 until it is bound.
   */
  ports: u32;
  /** Next record of the hash chain, or 0. */
  chain: u32;
  /** A Kind. */
  kind: u8;
}

/** What has a handle. Lists, handle and the links of lists outlive a use of the record. */
@unmanaged
export class Socket extends Keyed {
  /** Event bits that the host has not taken. */
  events: u8;
  /** List bits: which lists the record stands in. */
  lists: u8;
  /** A TcpState. Written by setState only. */
  state: u8;
  /** Uses of the record in the upper half (an earlier one is stale), number of the record from 1 in the lower. */
  handle: u32;
  /** Next socket in the list of those with events. */
  eventNext: u32;
  /** Next socket in the list of those that have something to send. */
  readyNext: u32;
  /** The listener whose accept queue holds this connection, or 0; always 0 in a record that is free. */
  listener: u32;
}

/** The ephemeral ports of RFC 6335 section 6: 49152 to 65535. */
export const EPHEMERAL_FIRST: u32 = 49152;
export const EPHEMERAL_PORTS: u32 = 16384;

/** Where State names the first members of both lists. */
const READY: u32 = changetype<u32>(state) + offsetof<State>("readyHead");
const EVENTS: u32 = changetype<u32>(state) + offsetof<State>("eventHead");

/** Bits of Socket.lists. */
export const IN_EVENT_LIST: u8 = 1;
export const IN_READY_LIST: u8 = 2;

/** A record that was free becomes a `kind`, without events: neighbours in the record, and so one store. */
export function become(socket: Socket, kind: u16): void {
  store<u16>(changetype<usize>(socket), kind, offsetof<Socket>("kind"));
}

/** Whether the application holds the socket's handle. Nobody else may hear of its events, or name it in a call. */
export function isHeld(socket: Socket): u32 {
  return socket.kind & 1;
}

/** Makes the handle stale. */
export function retireHandle(socket: Socket): void {
  socket.handle = (socket.handle + 0x10000) & 0x7fffffff;
}

/** Adds Event bits that the host will see. */
export function raise(socket: Socket, events: u32): void {
  if (HAS_DNS && socket.kind == Kind.SERVICE) {
    // The service looks itself.
    state.scanDue = 1;
    return;
  }
  socket.events |= <u8>events;
  enqueue(EVENTS, socket, IN_EVENT_LIST, offsetof<Socket>("eventNext"));
}

/** Gives the connection or datagram socket a turn in `output`. */
export function makeReady(socket: Socket): void {
  enqueue(READY, socket, IN_READY_LIST, offsetof<Socket>("readyNext"));
}

/** Takes the socket whose turn is next out of the list; null when nobody waits. */
export function takeReady(): Socket | null {
  return changetype<Socket | null>(dequeue(READY, IN_READY_LIST, offsetof<Socket>("readyNext")));
}

/** Takes the socket whose events are oldest out of the list; null when there is none. */
export function takeEvents(): Socket | null {
  return changetype<Socket | null>(dequeue(EVENTS, IN_EVENT_LIST, offsetof<Socket>("eventNext")));
}

// @inline
/** Appends to the list whose first member is named at `list`, unless the socket stands there already. */
function enqueue(list: u32, socket: Socket, bit: u8, link: u32): void {
  const lists = socket.lists;
  if (lists & bit) return;
  socket.lists = lists | bit;
  const self = changetype<u32>(socket);
  store<u32>(self + link, 0);
  const last = load<u32>(list, TAIL);
  store<u32>(last ? last + link : list, self);
  store<u32>(list, self, TAIL);
}

// @inline
function dequeue(list: u32, bit: u8, link: u32): u32 {
  const first = load<u32>(list);
  if (first) {
    const next = load<u32>(first + link);
    store<u32>(list, next);
    if (!next) store<u32>(list, 0, TAIL);
    changetype<Socket>(first).lists &= ~bit;
  }
  return first;
}

/** Takes the record `self` out of the chain that begins at the pointer `link`; `next` is the link's offset. */
export function unlink(link: usize, self: u32, next: u32): void {
  while (load<u32>(link) != self) link = load<u32>(link) + next;
  store<u32>(link, load<u32>(self + next));
}

/** Answers `getopt` with one word. */
export function wordOption(at: usize, length: u32, value: u32): i32 {
  if (length < 4) return Status.INVALID_ARGUMENT;
  store<u32>(at, value);
  return 4;
}

/** Answers `getopt` with the Endpoint of our side (`local`), or of the peer's. */
export function endpointOption(socket: Socket, local: bool, at: usize, length: u32): i32 {
  const bytes: u32 = offsetof<Endpoint>();
  if (length < bytes) return Status.INVALID_ARGUMENT;
  writeEndpoint(
    at,
    local ? config.address : socket.remoteAddress,
    local ? socket.ports >> 16 : socket.ports & 0xffff,
  );
  return bytes;
}

/** Writes an Endpoint to `at`; `port` as on the wire. */
export function writeEndpoint(at: usize, address: u32, port: u32): void {
  memory.fill(at, 0, offsetof<Endpoint>());
  const record = changetype<Endpoint>(at);
  record.family = <u16>Family.IPV4;
  record.port = <u16>swap16(port);
  record.address0 = address;
}
