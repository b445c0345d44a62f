// Listeners: the SYN cache, and the queue of connections that wait for `accept`. A lone SYN costs 32 octets and a place
// in the backlog until it expires; it blocks nobody. A handshake that finishes while no connection record is free stays
// in the cache, and goes on when one is given back.

import { Counter, Event, TcpState } from "../abi_constants";
import { COMPACT_BYTES, config, header, LISTENER_BYTES, state } from "../config";
import { isDue, wakeAt } from "../lib/clock";
import { count } from "../lib/counters";
import * as arp from "../net/arp";
import * as route from "../net/route";
import { ACK, FIN, RST, SYN } from "../wire/tcp";
import * as congestion from "./congestion";
import * as demux from "./demux";
import { reset } from "./ending";
import { initialSequence } from "./isn";
import { initialWindow, owe } from "./receive";
import { refuse } from "./reset";
import { begin, firstSample, INITIAL_RTO_MS } from "./retransmit";
import { emit, receiveMss, segment, sendMss } from "./segment";
import * as seq from "./seq";
import { allocate, Flag, hash, Kind, Listener, localPort, raise, SynEntry, SynFlag, setState, Tcb } from "./tcb";

/** The listener of number `index`. */
export function listenerAt(index: u32): Listener {
  return changetype<Listener>(state.listenerTable + index * LISTENER_BYTES);
}

/** The listener, or bound one, with the local port of `ports`; null when there is none. */
export function find(ports: u32): Listener | null {
  for (let index: u32 = 0; index < config.listeners; index++) {
    const listener = listenerAt(index);
    if (listener.kind == Kind.LISTENER && listener.bound && listener.ports >> 16 == ports >> 16) return listener;
  }
  return null;
}

/** A segment for which no record stands: RFC 9293 sections 3.10.7.1 (CLOSED) and 3.10.7.2 (LISTEN). */
export function receive(): void {
  const listener = find(segment.ports);
  const flags = segment.flags;
  if (!listener || listener.state != TcpState.LISTEN || flags & (RST | ACK)) {
    count(Counter.TCP_NO_CONNECTION);
    refuse();
  } else if ((flags & (SYN | FIN)) != SYN) count(Counter.TCP_BAD_FLAGS);
  else if (listener.pending >= listener.backlog) count(Counter.TCP_BACKLOG_FULL);
  else addSyn(listener);
}

function addSyn(listener: Listener): void {
  const entry = makeRoom();
  if (!entry) {
    count(Counter.TCP_SYN_CACHE_FULL);
    return;
  }
  entry.kind = Kind.SYN;
  entry.remoteAddress = segment.remoteAddress;
  entry.ports = segment.ports;
  entry.retries = 0;
  entry.peerMss = <u16>segment.mss;
  entry.iss = initialSequence(segment.remoteAddress, segment.ports);
  entry.irs = segment.seq;
  entry.flags = 0;
  demux.add(entry);
  header.synUsed++;
  // A peer that may have to wait for a record had better not send before: what it sent would wait for its timer.
  if (header.synUsed > header.connections - header.connectionsUsed) entry.flags = SynFlag.NO_WINDOW;
  listener.pending++;
  schedule(entry);
  oweSynAck(entry);
}

/**
 * A segment for a SYN entry, that is, for SYN-RECEIVED (RFC 9293 section 3.10.7.4). Returns the connection when the
 * handshake is complete: the segment goes on there.
 */
export function receiveSyn(entry: SynEntry): Tcb | null {
  const flags = segment.flags;
  const expected = entry.irs + 1;
  if (flags & RST) {
    if (segment.seq != expected) count(Counter.TCP_RST_OUTSIDE);
    else {
      count(Counter.TCP_RESETS_IN);
      drop(entry);
    }
  } else if (flags & SYN) {
    if (segment.seq != entry.irs) count(Counter.TCP_SYN_CHALLENGED);
    oweSynAck(entry);
  } else if (!(flags & ACK)) count(Counter.TCP_NO_ACK);
  else if (segment.ack != entry.iss + 1) {
    count(Counter.TCP_ACK_BEYOND);
    refuse();
  } else if (!seq.inWindow(segment.seq, expected, initialWindow())) {
    count(Counter.TCP_OUTSIDE_WINDOW);
    oweSynAck(entry);
  } else {
    const t = promote(entry, segment.wnd);
    if (!t) await_(entry);
    return t;
  }
  return null;
}

/** A connection record was given back: the first handshake that waits takes it. */
export function promoteWaiting(): void {
  for (let index: u32 = 0; index < config.synEntries && state.synWaiting; index++) {
    const entry = entryAt(index);
    if (entry.kind != Kind.SYN || !(entry.flags & SynFlag.WAITING)) continue;
    promote(entry, entry.window);
    return;
  }
}

/** Sends again, or gives up, what has waited long enough. */
export function expire(): void {
  if (!header.synUsed) return;
  for (let index: u32 = 0; index < config.synEntries; index++) {
    const entry = entryAt(index);
    if (entry.kind != Kind.SYN) continue;
    if (!isDue(entry.deadline)) wakeAt(entry.deadline);
    else if (entry.retries >= config.synRetries) {
      count(Counter.TCP_SYN_EXPIRED);
      drop(entry);
    } else {
      entry.retries++;
      schedule(entry);
      // The peer of one that waits has our SYN-ACK.
      if (!(entry.flags & SynFlag.WAITING)) oweSynAck(entry);
    }
  }
}

/** Builds the next SYN-ACK that is due into the output slot. Returns the frame's length, or 0. */
export function emitSynAck(): u32 {
  for (let index: u32 = 0; index < config.synEntries; index++) {
    const entry = entryAt(index);
    if (entry.kind != Kind.SYN || !(entry.flags & SynFlag.DUE)) continue;
    entry.flags &= ~SynFlag.DUE;
    const hop = route.nextHop(entry.remoteAddress);
    if (!hop) {
      count(Counter.IP_NO_ROUTE);
      continue;
    }
    const neighbour = arp.resolve(hop);
    if (!neighbour) {
      entry.flags |= SynFlag.ARP_WAIT;
      continue;
    }
    if (entry.retries) count(Counter.TCP_RETRANSMITS);
    const window = announced(entry);
    const next = entry.irs + 1;
    return emit(entry.remoteAddress, entry.ports, entry.iss, next, SYN | ACK, window, 0, neighbour.mac0, neighbour.mac1);
  }
  state.synDue = 0;
  return 0;
}

/** A neighbour became known (`address` 0), or `address` is not to be found. */
export function arpSettled(address: u32): void {
  for (let index: u32 = 0; index < config.synEntries; index++) {
    const entry = entryAt(index);
    if (entry.kind != Kind.SYN || !(entry.flags & SynFlag.ARP_WAIT)) continue;
    if (!address) {
      entry.flags &= ~SynFlag.ARP_WAIT;
      oweSynAck(entry);
    } else if (route.nextHop(entry.remoteAddress) == address) drop(entry);
  }
}

/** Takes the next connection out of the listener's queue; null when there is none. */
export function accept(listener: Listener): Tcb | null {
  const t = changetype<Tcb>(listener.acceptHead);
  if (!listener.acceptHead) return null;
  dequeue(t);
  // What happened before is news to the one who takes the handle.
  if (t.events) raise(t, t.events);
  return t;
}

/** Takes a connection out of its listener's accept queue. */
export function dequeue(t: Tcb): void {
  const listener = changetype<Listener>(t.listener);
  const self = changetype<u32>(t);
  let previous: u32 = 0;
  let at = listener.acceptHead;
  while (at != self) {
    previous = at;
    at = changetype<Tcb>(at).queueNext;
  }
  if (previous) changetype<Tcb>(previous).queueNext = t.queueNext;
  else listener.acceptHead = t.queueNext;
  if (listener.acceptTail == self) listener.acceptTail = previous;
  listener.pending--;
  t.listener = 0;
}

/** The listener goes: so do its handshakes, and the connections that nobody accepted are reset. */
export function close(listener: Listener): void {
  for (let index: u32 = 0; index < config.synEntries; index++) {
    const entry = entryAt(index);
    if (entry.kind == Kind.SYN && entry.ports >> 16 == listener.ports >> 16) drop(entry);
  }
  while (listener.acceptHead) {
    const t = changetype<Tcb>(listener.acceptHead);
    dequeue(t);
    t.flags |= Flag.DETACHED;
    reset(t);
  }
}

/** Frees all SYN entries. */
export function flush(): void {
  for (let index: u32 = 0; index < config.synEntries; index++) {
    if (entryAt(index).kind == Kind.SYN) drop(entryAt(index));
  }
}

/** Makes a connection of the entry and queues it for `accept`. Null when no record is free. */
function promote(entry: SynEntry, window: u32): Tcb | null {
  const t = allocate();
  if (!t) return null;
  const listener = changetype<Listener>(find(entry.ports));
  t.remoteAddress = entry.remoteAddress;
  t.ports = entry.ports;
  t.sndUna = t.sndNxt = t.sndMax = entry.iss + 1;
  t.sndWnd = t.sndWndMax = window;
  t.sndWl1 = entry.irs;
  t.sndWl2 = entry.iss + 1;
  t.rcvNxt = entry.irs + 1;
  t.rcvAdv = t.rcvNxt + announced(entry);
  t.sndMss = <u16>sendMss(entry.peerMss);
  t.rcvMss = <u16>receiveMss();
  begin(t);
  if (!entry.retries && !(entry.flags & SynFlag.WAITING)) firstSample(t, entry.deadline - INITIAL_RTO_MS);
  congestion.begin(t);
  remove(entry);
  hash(t);
  setState(t, TcpState.ESTABLISHED);
  if (t.rcvAdv == t.rcvNxt) owe(t);
  count(Counter.TCP_PASSIVE_OPENS);
  t.listener = changetype<u32>(listener);
  if (listener.acceptTail) changetype<Tcb>(listener.acceptTail).queueNext = changetype<u32>(t);
  else listener.acceptHead = changetype<u32>(t);
  listener.acceptTail = changetype<u32>(t);
  raise(listener, Event.ACCEPTABLE);
  return t;
}

/** The handshake is complete and must wait for a record. What the segment carried comes again. */
function await_(entry: SynEntry): void {
  count(Counter.TCP_RECORD_AWAITED);
  entry.window = <u16>segment.wnd;
  if (entry.flags & SynFlag.WAITING) return;
  entry.flags |= SynFlag.WAITING;
  state.synWaiting++;
}

/** The window that the SYN-ACK announces. */
function announced(entry: SynEntry): u32 {
  return entry.flags & SynFlag.NO_WINDOW ? 0 : initialWindow();
}

/** The SYN-ACK's next turn: 1 s after the first, then doubling (RFC 6298). */
function schedule(entry: SynEntry): void {
  entry.deadline = state.now + (INITIAL_RTO_MS << entry.retries);
  wakeAt(entry.deadline);
}

function oweSynAck(entry: SynEntry): void {
  entry.flags |= SynFlag.DUE;
  state.synDue = 1;
}

/** Frees the entry and its place in the backlog. */
function drop(entry: SynEntry): void {
  const listener = find(entry.ports);
  if (listener) listener.pending--;
  remove(entry);
}

function remove(entry: SynEntry): void {
  if (entry.flags & SynFlag.WAITING) state.synWaiting--;
  demux.remove(entry);
  entry.kind = Kind.FREE;
  header.synUsed--;
}

/**
 * A free entry; or one whose peer has left a repeated SYN-ACK unanswered, the one repeated most. A younger handshake
 * is never thrown out for a new one, or a flood would throw out everybody.
 */
function makeRoom(): SynEntry | null {
  let stalest: SynEntry | null = null;
  for (let index: u32 = 0; index < config.synEntries; index++) {
    const entry = entryAt(index);
    if (entry.kind == Kind.FREE) return entry;
    if (!entry.retries || entry.flags & SynFlag.WAITING) continue;
    if (!stalest || entry.retries > stalest.retries) stalest = entry;
  }
  if (stalest) {
    count(Counter.TCP_SYN_EVICTED);
    drop(stalest);
  }
  return stalest;
}

function entryAt(index: u32): SynEntry {
  return changetype<SynEntry>(state.synTable + index * COMPACT_BYTES);
}
