// The records of TCP: connections, listeners, SYN and TIME-WAIT entries.
// Names are RFC 9293's; units come last. Life and death of a connection record is here, its behaviour is not.
//
//   Keyed      net/socket.ts
//   +- Socket
//   |  +- Tcb
//   |  +- Listener
//   +- Compact    32 octets: SYN-RECEIVED of a passive open, or TIME-WAIT

import { TcpInfo, TcpState } from "../abi_constants";
import { COMPACT_BYTES, CONNECTION_BYTES, config, header, LISTENER_BYTES, state } from "../config";
import { become, Keyed, Kind, Socket } from "../net/socket";

/** Options that a SYN carries, and that both sides agreed on when both SYNs did. The lowest of the Bit bits. */
export namespace Agreed {
  export const TIMESTAMPS: u32 = 1 << 0;
  export const SACK: u32 = 1 << 1;
  export const SCALE: u32 = 1 << 2;
  export const ALL: u32 = 7;
}

/**
 * Bits of Tcb.bits: facts about a connection, what `output` owes, and which timers run. The lowest are those of Agreed;
 * in SYN-SENT they say what we offer.
 */
export namespace Bit {
  /** The application has ended the sending direction: a FIN follows the data. */
  export const FIN_QUEUED: u32 = 1 << 3;
  /** The peer's FIN has arrived, maybe ahead of a hole: `rcvFin` holds. */
  export const FIN_KNOWN: u32 = 1 << 4;
  /** A round-trip time is being measured: `rttSeq`, `timedAt` hold. */
  export const RTT_TIMING: u32 = 1 << 5;
  /** The application found the send ring full. */
  export const WANT_WRITE: u32 = 1 << 6;
  /** Nagle's algorithm is off. */
  export const NO_DELAY: u32 = 1 << 7;
  /** The connection ends with a reset as soon as all that was written is acknowledged. */
  export const RESETS: u32 = 1 << 8;
  /** Fast recovery goes on. */
  export const RECOVERING: u32 = 1 << 9;
  /** A loss was met: `recover` holds, and duplicate ACKs tell no other until SND.UNA is beyond it (RFC 6582). */
  export const RECOVER: u32 = 1 << 10;
  /** Waits for an ARP answer. */
  export const ARP_WAIT: u32 = 1 << 11;
  /** Owed: an acknowledgment, or any segment that carries one. */
  export const OWES_ACK: u32 = 1 << 12;
  /** Owed: a segment whatever the window says, a probe. */
  export const OWES_PROBE: u32 = 1 << 13;
  /** Owed: the segment at SND.UNA again. */
  export const OWES_REPAIR: u32 = 1 << 14;
  /** Owed: a reset, and then the record goes. */
  export const OWES_RESET: u32 = 1 << 15;
  /** Timer: retransmission while anything is outstanding, persist while data waits; else keepalive or FIN-WAIT-2's. */
  export const TIMES_RETRANSMIT: u32 = 1 << 16;
  /** Timer: delayed ACK. */
  export const TIMES_ACK: u32 = 1 << 17;
  /** Waits for a name's address, or tries one: when it is of no use, services/dns_connect.ts has another. */
  export const NAMED: u32 = 1 << 18;
  /** All that a connection must not do any more once it has ended. */
  export const ACTIVITY: u32 =
    ARP_WAIT | OWES_ACK | OWES_PROBE | OWES_REPAIR | OWES_RESET | TIMES_RETRANSMIT | TIMES_ACK;
}

/** A connection. */
@unmanaged
export class Tcb extends Socket {
  /** Bit bits. */
  bits: u32;
  /** Next in the listener's accept queue, or in the free list. */
  queueNext: u32;

  // From here to `zeroWindows` the record is a TcpInfo, which says what the fields mean: options.ts copies it.
  sndUna: u32;
  sndNxt: u32;
  sndMax: u32;
  sndWnd: u32;
  sndWl1: u32;
  sndWndMax: u32;
  congestionWindow: u32;
  slowStartThreshold: u32;
  sndMss: u16;
  rcvMss: u16;
  rcvNxt: u32;
  rcvAdv: u32;
  sendBytes: u32;
  /** Octets in order in the receive ring. */
  receiveBytes: u32;
  srtt8: u32;
  rttVar4: u32;
  /** Not zero once the record has served a connection. */
  rtoMs: u16;
  error: i16;
  backoff: u8;
  retries: u8;
  ranges: u8;
  /** Duplicate ACKs owed: each is a segment of its own. */
  acksOwed: u8;
  duplicateAcks: u8;
  sndScale: u8;
  tos: u8;
  /** Data segments since the last ACK. TcpInfo has the state here. */
  unacked: u8;
  bytesAcknowledged: u32;
  bytesReceived: u32;
  segmentsOut: u32;
  segmentsIn: u32;
  retransmits: u32;
  outOfOrder: u16;
  zeroWindows: u16;

  /** Sequence number of the peer's FIN. */
  rcvFin: u32;
  /** What is being timed ends here; or, while RECOVER holds, RFC 6582's `recover`: SND.MAX when the loss was met. */
  rttSeq: u32;
  /** When what is being timed left; or, while time-outs go on, since when the peer is silent. */
  timedAt: u32;
  retransmitAt: u32;
  delayedAckAt: u32;
  /** Place of the octet at SND.UNA in the send ring. */
  sendHead: u32;
  /** Place of the next octet to read in the receive ring. */
  receiveHead: u32;
  /** TS.Recent (RFC 7323): the timestamp to echo. */
  tsRecent: u32;
  /** When an acceptable segment came last. */
  heardAt: u32;
  keepaliveMs: u32;
  userTimeoutMs: u32;
  /** Limit on challenge ACKs: see lib/limit.ts. */
  challengeDebt: u32;
  /** End of the peer's urgent data; never before what the application reads next. */
  rcvUp: u32;
  /** SND.UP: end of our urgent data; never before SND.UNA. */
  sndUp: u32;
}

/** A listener. */
@unmanaged
export class Listener extends Socket {
  backlog: u16;
  /** Connections not accepted yet. */
  pending: u16;
  /** First connection that waits for `accept`. */
  acceptHead: u32;
}

/** A connection that needs no record: a passive open in SYN-RECEIVED, or one in TIME-WAIT. */
@unmanaged
export class Compact extends Keyed {
  /** Agreed bits; above them, from SYN_RETRIES on, how often the SYN-ACK was sent again. */
  flags: u8;
  /** TIME-WAIT: the window field sent last. SYN: the peer's MSS, SYN_SHUT, and from SYN_SCALE on its window shift. */
  window: u16;
  /** SND.NXT */
  sndNxt: u32;
  /** RCV.NXT */
  rcvNxt: u32;
  /** TIME-WAIT ends; the SYN-ACK is due again. */
  deadline: u32;
  /** TS.Recent */
  tsRecent: u32;
}

/** Place of the number of repeats in Compact.flags, and of what stands in Compact.window of a SYN entry. */
export const SYN_RETRIES: u32 = 3;
export const SYN_REPEATED: u8 = 8;
export const SYN_MSS_MASK: u32 = 0x7ff;
/** Our SYN-ACK announced a window of zero. */
export const SYN_SHUT: u32 = 0x800;
export const SYN_SCALE: u32 = 12;

// @inline
/** The connection record of number `index`. */
export function connectionAt(index: u32): Tcb {
  return changetype<Tcb>(state.connectionTable + index * state.connectionStride);
}

/** Whether both sides have agreed on sequence numbers: ESTABLISHED and later. */
export function isSynchronised(t: Tcb): bool {
  return <i32>t.state >= TcpState.ESTABLISHED;
}

/** States in which the peer may send data: a bit each. */
const FROM_PEER: u32 = (1 << TcpState.ESTABLISHED) | (1 << TcpState.FIN_WAIT_1) | (1 << TcpState.FIN_WAIT_2);

/** Whether the peer's FIN is still to come: ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2. */
export function peerMaySend(t: Tcb): bool {
  return <bool>((FROM_PEER >> t.state) & 1);
}

// Bits of a set of states: 1 << TcpState.
const TO_CLOSED: u16 = 1 << 0;
const TO_LISTEN: u16 = 1 << 1;
const TO_SYN_SENT: u16 = 1 << 2;
const TO_SYN_RECEIVED: u16 = 1 << 3;
const TO_ESTABLISHED: u16 = 1 << 4;
const TO_FIN_WAIT_1: u16 = 1 << 5;
const TO_FIN_WAIT_2: u16 = 1 << 6;
const TO_CLOSE_WAIT: u16 = 1 << 7;
const TO_CLOSING: u16 = 1 << 8;
const TO_LAST_ACK: u16 = 1 << 9;
const TO_TIME_WAIT: u16 = 1 << 10;

/** Goes to another state; asserts that RFC 9293 section 3.3.2 (figure 5) has such a transition. */
export function setState(socket: Socket, next: TcpState): void {
  assert((<u32>load<u16>(SUCCESSORS + ((<usize>socket.state) << 1)) >> next) & 1);
  socket.state = <u8>next;
}

/**
 * For each state, the bit set of the states that may follow. Every state may end in CLOSED, by a reset, a time-out or
 * ABORT. A passive open goes from the record's CLOSED to SYN-RECEIVED: LISTEN is the listener's.
 */
const SUCCESSORS = memory.data<u16>([
  TO_CLOSED | TO_LISTEN | TO_SYN_SENT | TO_SYN_RECEIVED,
  TO_CLOSED,
  TO_CLOSED | TO_SYN_RECEIVED | TO_ESTABLISHED,
  TO_CLOSED | TO_ESTABLISHED,
  TO_CLOSED | TO_FIN_WAIT_1 | TO_CLOSE_WAIT,
  TO_CLOSED | TO_FIN_WAIT_2 | TO_CLOSING,
  TO_CLOSED | TO_TIME_WAIT,
  TO_CLOSED | TO_LAST_ACK,
  TO_CLOSED | TO_TIME_WAIT,
  TO_CLOSED,
  TO_CLOSED,
]);

/** Chains all connection records into the free list and gives each its rings. Once, at boot. */
export function initConnections(): void {
  for (let index: u32 = 0; index < config.connections; index++) {
    const t = connectionAt(index);
    t.handle = config.listeners + index + 1;
    t.queueNext = state.freeConnection;
    state.freeConnection = changetype<u32>(t);
  }
}

/** Takes a connection record; null when all are in use. What does not outlive a use is zero. */
export function allocate(): Tcb | null {
  const at = state.freeConnection;
  if (!at) return null;
  const t = changetype<Tcb>(at);
  state.freeConnection = t.queueNext;
  memory.fill(at + offsetof<Tcb>("listener"), 0, offsetof<Tcb>() - offsetof<Tcb>("listener"));
  t.ports = 0;
  become(t, Kind.CONNECTION);
  header.connectionsUsed++;
  return t;
}

/** Gives a connection record back. */
export function release(t: Tcb): void {
  t.kind = Kind.FREE;
  t.queueNext = state.freeConnection;
  state.freeConnection = changetype<u32>(t);
  header.connectionsUsed--;
  // A finished handshake may wait for it.
  state.scanDue = 1;
}

// @inline
/** Sets Bit bits. */
export function set(t: Tcb, bits: u32): void {
  t.bits |= bits;
}

// @inline
/** Clears Bit bits. */
export function clear(t: Tcb, bits: u32): void {
  t.bits &= ~bits;
}

// @inline
/** Whether any of the Bit bits is set. */
export function has(t: Tcb, bits: u32): bool {
  return (t.bits & bits) != 0;
}

// @inline
/** Octets that may still be written. */
export function sendFree(t: Tcb): u32 {
  return config.sendRingBytes - t.sendBytes;
}

// @inline
/** Where the send ring is. */
export function sendRing(t: Tcb): usize {
  return state.sendRings + (t.handle & 0xffff) * state.ringsBytes;
}

// @inline
/** Where the receive ring is. */
export function receiveRing(t: Tcb): usize {
  return state.receiveRings + (t.handle & 0xffff) * state.ringsBytes;
}

/** Fails to compile when a record does not fit the place that config.ts gives it. */
export function checkLayout(): void {
  if (offsetof<Tcb>() > CONNECTION_BYTES) ERROR("Tcb does not fit");
  if (offsetof<Listener>() > LISTENER_BYTES) ERROR("Listener does not fit");
  const start = offsetof<Tcb>("sndUna");
  if (offsetof<Tcb>("rcvFin") - start != offsetof<TcpInfo>()) ERROR("TcpInfo does not match Tcb");
  if (offsetof<Tcb>("rtoMs") - start != offsetof<TcpInfo>("rtoMs")) ERROR("TcpInfo does not match Tcb");
  if (offsetof<Tcb>("unacked") - start != offsetof<TcpInfo>("state")) ERROR("TcpInfo does not match Tcb");
  if (offsetof<Tcb>("zeroWindows") - start != offsetof<TcpInfo>("zeroWindows"))
    ERROR("TcpInfo does not match Tcb");
  if (offsetof<Compact>() != COMPACT_BYTES) ERROR("Compact does not fit");
}
