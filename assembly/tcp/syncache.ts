// The SYN cache: SYN-RECEIVED of a passive open, in 32 octets. A lone SYN takes no connection record and blocks nobody.
//
//   SYN      our SYN-ACK is out; it is repeated until synRetries, as RFC 6298 says
//   WAITING  the handshake is complete, and no connection record, or no place in the queue, was free: it becomes a
//            connection as soon as there is one
//
// The window that a SYN-ACK announces is zero while there are more handshakes than free records: who has to wait then
// has nothing to send in vain, and hears of a window the moment there is one.

import { Counter, TcpState } from "../abi_constants";
import { COMPACT_BYTES, config, header, state } from "../config";
import { after } from "../lib/clock";
import { count } from "../lib/counters";
import * as arp from "../net/arp";
import * as route from "../net/route";
import { Kind } from "../net/socket";
import { ACK, RST, SYN } from "../wire/tcp";
import * as compact from "./compact";
import { initialSequence } from "./isn";
import * as listen from "./listen";
import { begin, establish, offered, synchronise } from "./opening";
import { owe } from "./receive";
import * as reset from "./reset";
import { INITIAL_RTO_MS, RTO_MAX_MS, sample } from "./retransmit";
import { segment, segmentLength } from "./segment";
import * as seq from "./seq";
import {
  Agreed,
  allocate,
  Compact,
  Listener,
  SYN_MSS_MASK,
  SYN_REPEATED,
  SYN_RETRIES,
  SYN_SCALE,
  SYN_SHUT,
  setState,
  Tcb,
} from "./tcb";
import * as timestamps from "./timestamps";
import * as timewait from "./timewait";

/** So long an entry does not give way, in milliseconds. */
const GRACE_MS: u32 = 50;
/** A new incarnation's numbers begin so far beyond the last one's: RFC 1122 section 4.2.2.13. */
const INCARNATION_GAP: u32 = 65536;

/** The SYN in the input slot, for a listener that has room. The new connection takes the place of `old`, if any. */
export function add(old: Compact | null): void {
  const entry = compact.find(state.synTable, state.timeWaitTable);
  if (entry.kind) {
    if (<u32>(entry.kind == Kind.WAITING) | isFresh(entry)) return count(Counter.TCP_SYN_CACHE_FULL);
    count(Counter.TCP_SYN_EVICTED);
    remove(entry);
  }
  let iss = initialSequence(segment.remoteAddress, segment.ports);
  if (old) {
    iss = seq.later(iss, old.sndNxt + INCARNATION_GAP);
    timewait.remove(old);
  }
  const free = config.connections - header.connectionsUsed;
  entry.remoteAddress = segment.remoteAddress;
  entry.ports = segment.ports;
  entry.flags = <u8>(segment.options & offered());
  entry.window = <u16>(
    (min(segment.mss, SYN_MSS_MASK) | (header.synUsed >= free ? SYN_SHUT : 0) | (segment.scale << SYN_SCALE))
  );
  entry.sndNxt = iss + 1;
  entry.rcvNxt = segment.seq + 1;
  entry.tsRecent = segment.tsValue;
  compact.add(entry, Kind.SYN);
  header.synUsed++;
  entry.deadline = after(INITIAL_RTO_MS);
  reset.answer(entry, SYN | ACK);
}

/**
 * A segment for SYN-RECEIVED: the checks of RFC 9293 section 3.10.7.4 as far as they need no record. Returns the
 * connection when the handshake is complete: the segment goes on there.
 */
export function receive(entry: Compact): Tcb | null {
  const flags = segment.flags;
  const before = entry.rcvNxt - segment.seq;
  const old = !timestamps.check(entry.flags, entry.tsRecent, 0);
  if (<u32>old & ~segment.options & Agreed.TIMESTAMPS) return null;
  if (<u32>old | <u32>!(<u32>!before | <u32>seq.inWindow(segment.seq, entry.rcvNxt, window(entry)))) {
    if (flags & RST) count(Counter.TCP_RST_OUTSIDE);
    // The SYN again: it is our answer that got lost.
    else if (<u32>((flags & SYN) != 0) & <u32>(before == 1)) reset.answer(entry, SYN | ACK);
    else {
      if (!old) count(Counter.TCP_OUTSIDE_WINDOW);
      reset.challenge(entry);
    }
  } else if (flags & RST) {
    if (before) challenge(entry, Counter.TCP_RST_CHALLENGED);
    else {
      count(Counter.TCP_RESETS_IN);
      remove(entry);
    }
  } else if (flags & SYN) challenge(entry, Counter.TCP_SYN_CHALLENGED);
  else if (!(flags & ACK)) count(Counter.TCP_NO_ACK);
  else if (segment.ack != entry.sndNxt) {
    count(Counter.TCP_ACK_UNACCEPTABLE);
    reset.refuse();
  } else {
    const t = promote(entry);
    if (t) return t;
    entry.kind = Kind.WAITING;
    // A probe of the window: its sender goes on to wait as long as it is answered.
    if (segmentLength()) reset.answer(entry, ACK);
    count(header.connectionsUsed == config.connections ? Counter.TCP_NO_RECORD : Counter.TCP_BACKLOG_FULL);
  }
  return null;
}

function challenge(entry: Compact, counter: Counter): void {
  count(counter);
  reset.challenge(entry);
}

/**
 * Looks through the entries: makes connections of those that waited for a record, gives up what is over, and builds
 * the next SYN-ACK that has to be repeated into the output slot. Returns the frame's length, or 0.
 */
export function scan(): u32 {
  for (let at = state.synTable; at < state.timeWaitTable; at += COMPACT_BYTES) {
    const entry = changetype<Compact>(at);
    if (entry.kind == Kind.WAITING && promote(entry)) continue;
    if (!compact.dueAt(at)) continue;
    const retries = <u32>entry.flags >> SYN_RETRIES;
    if (retries >= config.synRetries) {
      giveUp(entry);
      continue;
    }
    // It stays due until the neighbour is known, or known not to answer.
    const neighbour = arp.resolve(route.nextHop(entry.remoteAddress));
    if (!neighbour) continue;
    entry.flags += SYN_REPEATED;
    entry.deadline = after(min(INITIAL_RTO_MS << min<u32>(retries + 1, 6), RTO_MAX_MS));
    count(Counter.TCP_RETRANSMITS);
    reset.fill(entry, SYN | ACK);
    return reset.emitTo(neighbour);
  }
  return 0;
}

/** The neighbour `address` does not answer ARP: gives up the handshakes whose SYN-ACK waits for it. */
export function unreachable(address: u32): void {
  for (let at = state.synTable; at < state.timeWaitTable; at += COMPACT_BYTES) {
    const entry = compact.dueAt(at);
    if (entry && route.nextHop(entry.remoteAddress) == address) giveUp(entry);
  }
}

/** Forgets the handshakes of the listener on the local port of `ports`. */
export function forget(ports: u32): void {
  for (let at = state.synTable; at < state.timeWaitTable; at += COMPACT_BYTES) {
    const entry = changetype<Compact>(at);
    if (entry.kind && entry.ports >> 16 == ports >> 16) remove(entry);
  }
}

/** 1 while the ACK of an entry's SYN-ACK may well be on its way: nothing else would tell its peer that it went. */
function isFresh(entry: Compact): u32 {
  return <u32>(entry.flags < SYN_REPEATED) & <u32>(entry.deadline - state.now > INITIAL_RTO_MS - GRACE_MS);
}

/** The window that a SYN entry has announced: it is not scaled (RFC 7323 section 2.2). */
export function window(entry: Compact): u32 {
  return entry.window & SYN_SHUT ? 0 : min(config.receiveRingBytes, 0xffff);
}

/** Makes a connection of a complete handshake; null when there is no room. */
function promote(entry: Compact): Tcb | null {
  const listener = changetype<Listener>(listen.find(entry.ports));
  if (listen.isFull(listener)) return null;
  const t = allocate();
  if (!t) return null;
  const kind = entry.kind;
  remove(entry);
  begin(t, entry.remoteAddress, entry.ports, entry.sndNxt);
  const peer = <u32>entry.window;
  const options = <u32>entry.flags & Agreed.ALL;
  synchronise(t, entry.rcvNxt, options, entry.tsRecent, peer & SYN_MSS_MASK, peer >> SYN_SCALE);
  t.rcvAdv += window(entry);
  // The window that its SYN announced was not kept; the segment that is being read brings it, or the first ACK.
  t.sndWnd = t.sndWndMax = t.sndMss;
  const retries = <u32>entry.flags >> SYN_RETRIES;
  t.retransmits = retries;
  // The first SYN-ACK's round trip, if nobody waited since.
  if (<u32>!retries & <u32>(kind == Kind.SYN)) sample(t, state.now - entry.deadline + INITIAL_RTO_MS);
  setState(t, TcpState.SYN_RECEIVED);
  listen.enqueue(listener, t);
  establish(t);
  // Who was told of no window, or was not heard, has to know.
  if (peer & SYN_SHUT) owe(t);
  return t;
}

function giveUp(entry: Compact): void {
  count(Counter.TCP_SYN_EXPIRED);
  remove(entry);
}

/** Frees an entry. */
export function remove(entry: Compact): void {
  compact.remove(entry);
  header.synUsed--;
}
