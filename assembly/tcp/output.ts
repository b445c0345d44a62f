// The sending half: the only place that builds the segments of connections. Connections take turns, one segment a turn;
// data waits in the send ring, and what has to be sent again is built from there.

import { Counter, Status, TcpState } from "../abi_constants";
import { config } from "../config";
import { count } from "../lib/counters";
import { advance, copyOut } from "../lib/ring";
import * as arp from "../net/arp";
import * as route from "../net/route";
import { ACK, FIN, PSH, RST, SYN } from "../wire/tcp";
import { fail } from "./ending";
import { announceWindow, initialWindow } from "./receive";
import * as retransmit from "./retransmit";
import { emit, outputData } from "./segment";
import * as seq from "./seq";
import { connectionAt, Due, Flag, isSynchronised, Kind, makeReady, Tcb, Timer, takeReady } from "./tcb";
import { retransmissionDue } from "./timers";

/** Builds the next segment of any connection into the output slot. Returns the frame's length; 0: none has one. */
export function next(): u32 {
  for (;;) {
    const t = takeReady();
    if (!t) return 0;
    const bytes = serve(t);
    if (!bytes) continue;
    // One segment a turn: whoever has more waits behind the others.
    if (hasMore(t)) makeReady(t);
    return bytes;
  }
}

/** A neighbour became known (`address` 0), or `address` is not to be found. */
export function arpSettled(address: u32): void {
  for (let index: u32 = 0; index < config.connections; index++) {
    const t = connectionAt(index);
    if (t.kind != Kind.CONNECTION || !(t.flags & Flag.ARP_WAIT)) continue;
    if (address && route.nextHop(t.remoteAddress) != address) continue;
    t.flags &= ~Flag.ARP_WAIT;
    if (!address) makeReady(t);
    else if (t.state == TcpState.SYN_SENT) fail(t, Status.UNREACHABLE);
    else retransmissionDue(t);
  }
}

/** What the connection owes first. Returns the frame's length, 0 when it owes nothing or cannot send. */
function serve(t: Tcb): u32 {
  if (t.kind != Kind.CONNECTION || t.state == TcpState.CLOSED || t.flags & Flag.ARP_WAIT) return 0;
  const hop = route.nextHop(t.remoteAddress);
  const neighbour = hop ? arp.resolve(hop) : null;
  if (t.due & Due.RESET) return serveReset(t, neighbour);
  if (!hop) {
    count(Counter.IP_NO_ROUTE);
    fail(t, Status.UNREACHABLE);
    return 0;
  }
  if (!neighbour) {
    t.flags |= Flag.ARP_WAIT;
    return 0;
  }
  return serveSegment(t, neighbour);
}

/** A reset waits for nobody: when the neighbour is not known it is left out. The record goes either way. */
function serveReset(t: Tcb, neighbour: arp.ArpEntry | null): u32 {
  let bytes: u32 = 0;
  if (neighbour) {
    count(Counter.TCP_RESETS_OUT);
    bytes = send(t, neighbour, t.sndNxt, RST | ACK, 0);
  }
  fail(t, Status.ABORTED);
  return bytes;
}

function serveSegment(t: Tcb, neighbour: arp.ArpEntry): u32 {
  if (!isSynchronised(t)) return serveSyn(t, neighbour);
  if (t.acksOwed) {
    t.acksOwed--;
    return send(t, neighbour, t.sndNxt, ACK, 0);
  }
  const bytes = serveData(t, neighbour);
  if (bytes) return bytes;
  keepTimer(t);
  return t.due & Due.ACK ? send(t, neighbour, t.sndNxt, ACK, 0) : 0;
}

/** SYN-SENT and (in a simultaneous open) SYN-RECEIVED: the SYN when it has not left, else an ACK when one is due. */
function serveSyn(t: Tcb, neighbour: arp.ArpEntry): u32 {
  const received = t.state == TcpState.SYN_RECEIVED;
  if (t.sndNxt != t.sndUna) return received && t.due & Due.ACK ? send(t, neighbour, t.sndNxt, ACK, 0) : 0;
  noteSent(t, t.sndUna, 1);
  return send(t, neighbour, t.sndUna, received ? SYN | ACK : SYN, 0);
}

/** Data and FIN, as the windows, Nagle's algorithm and silly-window avoidance allow. */
function serveData(t: Tcb, neighbour: arp.ArpEntry): u32 {
  const again = (t.due & Due.RETRANSMIT) != 0;
  const start = again ? t.sndUna : t.sndNxt;
  const offset = start - t.sndUna;
  // Beyond the data there can only be the FIN: sent already when SND.NXT is past it.
  if (offset > t.sendBytes) return 0;
  const left = t.sendBytes - offset;
  let length = min(left, <u32>t.sndMss);
  if (again) length = min(length, max(t.sndWnd, 1));
  else if (t.due & Due.PROBE) {
    length = min(length, max(usable(t, offset), 1));
    count(Counter.TCP_PROBES);
  } else {
    length = min(length, usable(t, offset));
    if (length && isHeldBack(t, start, length, left)) return 0;
  }
  const last = length == left;
  const fin = last && owesFin(t);
  t.due &= ~(Due.RETRANSMIT | Due.PROBE);
  if (!length && !fin) return 0;
  if (length) {
    const position = advance(t.sendHead, offset, config.sendRingBytes);
    copyOut(t.ring, config.sendRingBytes, position, outputData(ACK), length);
  }
  noteSent(t, start, length + <u32>fin);
  return send(t, neighbour, start, ACK | (last && length ? PSH : 0) | (fin ? FIN : 0), length);
}

/** Octets that the peer's window and the congestion window allow beyond `offset` from SND.UNA. */
function usable(t: Tcb, offset: u32): u32 {
  const window = min(t.sndWnd, t.congestionWindow);
  return window > offset ? window - offset : 0;
}

/**
 * RFC 9293 sections 3.8.6.2.1 and 3.7.4. A full segment always goes. Less goes when it is all there is and (Nagle)
 * nothing is outstanding, or when it is half of the largest window the peer ever had; what was sent before goes again.
 */
function isHeldBack(t: Tcb, start: u32, length: u32, left: u32): bool {
  if (length >= t.sndMss || start != t.sndMax) return false;
  if (length == left) return !(t.flags & (Flag.NO_DELAY | Flag.FIN_QUEUED)) && t.sndUna != t.sndMax;
  return length < t.sndWndMax >> 1;
}

/** Whether a FIN belongs behind the data. */
function owesFin(t: Tcb): bool {
  return t.state == TcpState.FIN_WAIT_1 || t.state == TcpState.LAST_ACK || t.state == TcpState.CLOSING;
}

/** [start, start + length) leaves, for the first time or again. */
function noteSent(t: Tcb, start: u32, length: u32): void {
  const end = start + length;
  if (start == t.sndMax) retransmit.startTiming(t, end);
  else {
    count(Counter.TCP_RETRANSMITS);
    t.retransmits++;
    retransmit.discardTiming(t);
  }
  t.sndNxt = seq.later(t.sndNxt, end);
  t.sndMax = seq.later(t.sndMax, end);
  // RFC 6298 section 5.1: the timer runs whenever something is outstanding.
  if (!(t.timers & Timer.RETRANSMIT)) retransmit.restart(t);
}

/** Data that cannot be sent while nothing is outstanding: the timer turns into the persist timer (RFC 9293 3.8.6.1). */
function keepTimer(t: Tcb): void {
  if (t.sendBytes && t.sndUna == t.sndMax && !(t.timers & Timer.RETRANSMIT)) retransmit.restart(t);
}

/** Whether another turn is worth the while. */
function hasMore(t: Tcb): bool {
  if (t.kind != Kind.CONNECTION) return false;
  return t.acksOwed != 0 || t.due != 0 || t.sndNxt - t.sndUna < t.sendBytes + <u32>owesFin(t);
}

/** Every segment carries the ACK and the window: nothing more is owed then. */
function send(t: Tcb, neighbour: arp.ArpEntry, start: u32, flags: u32, length: u32): u32 {
  t.due &= ~Due.ACK;
  t.timers &= ~Timer.DELAYED_ACK;
  t.unacked = 0;
  t.segmentsOut++;
  const window = flags & SYN ? initialWindow() : announceWindow(t);
  const ack = flags & ACK ? t.rcvNxt : 0;
  return emit(t.remoteAddress, t.ports, start, ack, flags, window, length, neighbour.mac0, neighbour.mac1);
}
