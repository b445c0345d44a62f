// The records of TCP: what every key in the hash table begins with, connections, listeners, SYN-cache and TIME-WAIT
// entries. Names are RFC 9293's; units come last. Life and death of a connection record is here, its behaviour is not.
//
//   Keyed      remote address, ports, chain, kind        16 octets with what follows the kind
//   +- Socket  what has a handle: generation, events
//   |  +- Tcb
//   |  +- Listener
//   +- SynEntry, TimeWaitEntry                           32 octets

import { Event, Status, TcpState } from "../abi_constants";
import { COMPACT_BYTES, CONNECTION_BYTES, config, header, LISTENER_BYTES, state } from "../config";
import * as demux from "./demux";

/** What a record is. */
export namespace Kind {
  export const FREE: u8 = 0;
  export const CONNECTION: u8 = 1;
  export const SYN: u8 = 2;
  export const TIME_WAIT: u8 = 3;
  export const LISTENER: u8 = 4;
}

/** What the hash table finds. */
@unmanaged
export class Keyed {
  /** IPv4 address of the peer. */
  remoteAddress: u32;
  /** Ports as in a segment that arrives: the peer's in the low half, ours in the high half, each as on the wire. */
  ports: u32;
  /** Next record of the hash chain, or 0. */
  chain: u32;
  /** A Kind. */
  kind: u8;
}

/** What has a handle. */
@unmanaged
export class Socket extends Keyed {
  /** A TcpState. Written by setState only. */
  state: u8;
  /** Counts the uses of the record: a handle of an earlier use is stale. 1 to 32767. */
  generation: u16;
  /** Next socket in the list of those with events. */
  eventNext: u32;
  /** Event bits that the host has not taken. */
  events: u8;
  /** List bits: membership outlives a use of the record. */
  lists: u8;
  /** What ended the connection: a Status. */
  error: i8;
  /** 1: bound to a local port, kept in `ports`. */
  bound: u8;
}

/** Bits of Socket.lists. */
export const IN_EVENT_LIST: u8 = 1;
export const IN_READY_LIST: u8 = 2;

/** Facts about a connection (Tcb.flags). */
export namespace Flag {
  /** The application has ended the sending direction: a FIN follows the data. */
  export const FIN_QUEUED: u16 = 1;
  /** The application gave the handle back. */
  export const DETACHED: u16 = 2;
  /** Received data was lost to the application: end with a reset once all that was written is acknowledged. */
  export const RESET_WHEN_SENT: u16 = 4;
  /** The peer's FIN has arrived, maybe ahead of a hole: `rcvFin` holds. */
  export const FIN_KNOWN: u16 = 8;
  /** Waits for an ARP answer. */
  export const ARP_WAIT: u16 = 16;
  /** A round-trip time is being measured: `rttSeq`, `rttStart` hold. */
  export const RTT_TIMING: u16 = 32;
  /** The application found the send ring full. */
  export const WANT_WRITE: u16 = 64;
  /** Nagle's algorithm is off. */
  export const NO_DELAY: u16 = 128;
  /** Loss recovery goes on until `recover` is acknowledged (RFC 6582). */
  export const IN_RECOVERY: u16 = 256;
  /** The record is in the hash table. */
  export const HASHED: u16 = 512;
  /** A time-out set SND.NXT back; what was sent before it ended at `recover`. */
  export const AFTER_TIMEOUT: u16 = 1024;
}

/** What `output` owes (Tcb.due). */
export namespace Due {
  /** An acknowledgment, or any segment that carries one. */
  export const ACK: u8 = 1;
  /** The segment at SND.UNA once more. */
  export const RETRANSMIT: u8 = 2;
  /** A segment whatever the window says: a probe. */
  export const PROBE: u8 = 4;
  /** A reset, and then the record goes. */
  export const RESET: u8 = 8;
}

/** Timers that run (Tcb.timers). */
export namespace Timer {
  /** Retransmission while anything is outstanding, persist otherwise. */
  export const RETRANSMIT: u8 = 1;
  export const DELAYED_ACK: u8 = 2;
  /** Bounds FIN-WAIT-2 of a connection that nobody holds. */
  export const LIFE: u8 = 4;
}

/** A connection. */
@unmanaged
export class Tcb extends Socket {
  /** Next connection that has something to send. */
  readyNext: u32;
  /** Next in the listener's accept queue, or in the free list. */
  queueNext: u32;
  /** The listener whose accept queue holds this connection, or 0. */
  listener: u32;
  /** Flag bits. */
  flags: u16;
  /** Due bits. */
  due: u8;
  /** Timer bits. */
  timers: u8;

  sndUna: u32;
  sndNxt: u32;
  /** Highest sequence number sent, plus one: SND.NXT goes back on a time-out. */
  sndMax: u32;
  sndWnd: u32;
  sndWl1: u32;
  sndWl2: u32;
  /** Largest window that the peer ever announced. */
  sndWndMax: u32;
  congestionWindow: u32;
  slowStartThreshold: u32;
  recover: u32;
  sndMss: u16;
  rcvMss: u16;

  rcvNxt: u32;
  /** Right edge of the window that we announced. */
  rcvAdv: u32;
  /** Sequence number of the peer's FIN. */
  rcvFin: u32;

  /** Smoothed round-trip time in eighths of a millisecond; 0 before the first sample. */
  srtt8: u32;
  /** Round-trip time variation in quarters of a millisecond. */
  rttVar4: u32;
  /** RTO in milliseconds, not backed off. */
  rtoMs: u32;
  rttSeq: u32;
  rttStart: u32;
  retransmitAt: u32;
  delayedAckAt: u32;
  lifeAt: u32;
  /** Doublings of the RTO. */
  backoff: u8;
  /** Time-outs since the peer was last heard. */
  retries: u8;
  duplicateAcks: u8;
  /** Ranges held ahead of a hole, behind the record. */
  ranges: u8;
  /** Duplicate ACKs owed: each is a segment of its own. */
  acksOwed: u8;
  /** Data segments since the last ACK. */
  unacked: u8;
  zeroWindows: u16;

  /** Where the send ring is; the receive ring follows it. */
  ring: u32;
  /** Place of the octet at SND.UNA in the send ring. */
  sendHead: u32;
  /** Octets in the send ring. */
  sendBytes: u32;
  /** Place of the next octet to read in the receive ring. */
  receiveHead: u32;
  /** Octets in order in the receive ring. */
  receiveBytes: u32;
  retransmits: u32;
  bytesAcknowledged: u64;
  bytesReceived: u64;
  segmentsOut: u32;
  segmentsIn: u32;
  outOfOrder: u32;
}

/** A listener. */
@unmanaged
export class Listener extends Socket {
  backlog: u16;
  /** SYN entries and connections not accepted yet. */
  pending: u16;
  acceptHead: u32;
  acceptTail: u32;
}

/** A handshake that a peer began: all that a lone SYN costs. */
@unmanaged
export class SynEntry extends Keyed {
  /** SYN-ACKs sent after the first. */
  retries: u8;
  /** Largest segment the peer takes. */
  peerMss: u16;
  iss: u32;
  irs: u32;
  /** When the SYN-ACK goes out again. */
  deadline: u32;
  /** Bits of SynFlag. */
  flags: u8;
  unused: u8;
  /** Window of the ACK that finished the handshake. */
  window: u16;
}

/** Facts about a SYN entry. */
export namespace SynFlag {
  /** A SYN-ACK is due. */
  export const DUE: u8 = 1;
  /** The SYN-ACK waits for an ARP answer. */
  export const ARP_WAIT: u8 = 2;
  /** The handshake is complete; a connection record is awaited. */
  export const WAITING: u8 = 4;
  /** Others were to take the free connection records first: our SYN-ACK announces no window. */
  export const NO_WINDOW: u8 = 8;
}

/** What is left of a connection in TIME-WAIT. */
@unmanaged
export class TimeWaitEntry extends Keyed {
  unused: u8;
  unused2: u16;
  sndNxt: u32;
  rcvNxt: u32;
  expires: u32;
  unused3: u32;
}

/** The connection record of number `index`. */
export function connectionAt(index: u32): Tcb {
  return changetype<Tcb>(state.connectionTable + index * state.connectionStride);
}

/** Whether both sides have agreed on sequence numbers: ESTABLISHED and later. */
export function isSynchronised(t: Tcb): bool {
  return <i32>t.state >= TcpState.ESTABLISHED;
}

/** Whether the peer's FIN is still to come: ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2. */
export function peerMaySend(t: Tcb): bool {
  return <i32>t.state >= TcpState.ESTABLISHED && <i32>t.state <= TcpState.FIN_WAIT_2;
}

/** Local port in host order. */
export function localPort(socket: Keyed): u32 {
  return ((socket.ports >> 24) & 0xff) | ((socket.ports >> 8) & 0xff00);
}

/** Goes to another state; asserts that RFC 9293 section 3.3.2 (figure 5) has such a transition. */
export function setState(socket: Socket, next: TcpState): void {
  assert((successors(socket.state) >> next) & 1);
  socket.state = <u8>next;
}

/** Bit set of the states that may follow. Every state may end in CLOSED, by a reset, a time-out or ABORT. */
function successors(from: u32): u32 {
  const closed = 1 << TcpState.CLOSED;
  switch (from) {
    case TcpState.CLOSED:
      return (1 << TcpState.LISTEN) | (1 << TcpState.SYN_SENT) | (1 << TcpState.ESTABLISHED) | closed;
    case TcpState.SYN_SENT:
      return (1 << TcpState.SYN_RECEIVED) | (1 << TcpState.ESTABLISHED) | closed;
    case TcpState.SYN_RECEIVED:
      return (1 << TcpState.ESTABLISHED) | closed;
    case TcpState.ESTABLISHED:
      return (1 << TcpState.FIN_WAIT_1) | (1 << TcpState.CLOSE_WAIT) | closed;
    case TcpState.FIN_WAIT_1:
      return (1 << TcpState.FIN_WAIT_2) | (1 << TcpState.CLOSING) | closed;
    case TcpState.FIN_WAIT_2:
    case TcpState.CLOSING:
      return (1 << TcpState.TIME_WAIT) | closed;
    case TcpState.CLOSE_WAIT:
      return (1 << TcpState.LAST_ACK) | closed;
    default:
      return closed;
  }
}

/** Chains all connection records into the free list and gives each its rings. Once, at boot. */
export function initConnections(): void {
  let ring = state.ringTable;
  for (let index: u32 = 0; index < config.connections; index++) {
    const t = connectionAt(index);
    t.ring = ring;
    t.generation = 1;
    t.queueNext = state.freeConnection;
    state.freeConnection = changetype<u32>(t);
    ring += config.sendRingBytes + config.receiveRingBytes;
  }
}

/** Takes a connection record; null when all are in use. Its fields are zero but for ring, generation and lists. */
export function allocate(): Tcb | null {
  if (!state.freeConnection) return null;
  const t = changetype<Tcb>(state.freeConnection);
  state.freeConnection = t.queueNext;
  const ring = t.ring;
  const generation = t.generation;
  const eventNext = t.eventNext;
  const readyNext = t.readyNext;
  const lists = t.lists;
  memory.fill(changetype<usize>(t), 0, CONNECTION_BYTES);
  t.ring = ring;
  t.generation = generation;
  t.eventNext = eventNext;
  t.readyNext = readyNext;
  t.lists = lists;
  t.kind = Kind.CONNECTION;
  header.connectionsUsed++;
  return t;
}

/** Gives a connection record back. */
export function release(t: Tcb): void {
  unhash(t);
  t.kind = Kind.FREE;
  t.events = 0;
  t.due = 0;
  t.timers = 0;
  t.queueNext = state.freeConnection;
  state.freeConnection = changetype<u32>(t);
  header.connectionsUsed--;
}

/** Takes the connection out of the hash table: no segment finds it any more. */
export function unhash(t: Tcb): void {
  if (!(t.flags & Flag.HASHED)) return;
  t.flags &= ~Flag.HASHED;
  demux.remove(t);
}

/** Puts the connection into the hash table. */
export function hash(t: Tcb): void {
  t.flags |= Flag.HASHED;
  demux.add(t);
}

/** Makes the handle stale. */
export function retireHandle(socket: Socket): void {
  socket.generation = (socket.generation & 0x7fff) == 0x7fff ? 1 : socket.generation + 1;
  socket.events = 0;
}

/** Adds Event bits that the host will see. */
export function raise(socket: Socket, events: u32): void {
  socket.events |= <u8>events;
  if (socket.lists & IN_EVENT_LIST) return;
  socket.lists |= IN_EVENT_LIST;
  socket.eventNext = 0;
  const at = changetype<u32>(socket);
  if (state.eventTail) changetype<Socket>(state.eventTail).eventNext = at;
  else state.eventHead = at;
  state.eventTail = at;
}

/** Gives the connection a turn in `output`. */
export function makeReady(t: Tcb): void {
  if (t.lists & IN_READY_LIST) return;
  t.lists |= IN_READY_LIST;
  t.readyNext = 0;
  const at = changetype<u32>(t);
  if (state.readyTail) changetype<Tcb>(state.readyTail).readyNext = at;
  else state.readyHead = at;
  state.readyTail = at;
}

/** Takes the connection whose turn is next out of the list; null when nobody waits. */
export function takeReady(): Tcb | null {
  if (!state.readyHead) return null;
  const t = changetype<Tcb>(state.readyHead);
  state.readyHead = t.readyNext;
  if (!t.readyNext) state.readyTail = 0;
  t.lists &= ~IN_READY_LIST;
  return t;
}

/** Octets that may still be written. */
export function sendFree(t: Tcb): u32 {
  return config.sendRingBytes - t.sendBytes;
}

/** Where the receive ring is. */
export function receiveRing(t: Tcb): usize {
  return t.ring + config.sendRingBytes;
}

/** Fails to compile when a record does not fit the place that config.ts gives it. */
export function checkLayout(): void {
  if (offsetof<Tcb>() > CONNECTION_BYTES) ERROR("Tcb does not fit");
  if (offsetof<Listener>() > LISTENER_BYTES) ERROR("Listener does not fit");
  if (offsetof<SynEntry>() != COMPACT_BYTES) ERROR("SynEntry does not fit");
  if (offsetof<TimeWaitEntry>() != COMPACT_BYTES) ERROR("TimeWaitEntry does not fit");
}
