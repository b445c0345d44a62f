// The sending half: the only place that builds the segments of connections. Connections take turns, one segment a turn;
// data waits in the send ring, and what has to be sent again is built from there.

import { Counter, Status, TcpState } from "../abi_constants";
import { config } from "../config";
import { count } from "../lib/counters";
import { advance, copyOut } from "../lib/ring";
import * as arp from "../net/arp";
import { Neighbour } from "../net/link";
import * as route from "../net/route";
import { makeReady } from "../net/socket";
import { ACK, FIN, OPTIONS_BYTES_MAX, PSH, RST, SYN, URG } from "../wire/tcp";
import * as congestion from "./congestion";
import { emit, options, optionsAt, synOptions } from "./emit";
import { fail } from "./ending";
import { openWindow, windowField } from "./receive";
import * as retransmit from "./retransmit";
import * as sack from "./sack";
import { segment } from "./segment";
import * as seq from "./seq";
import { Bit, clear, connectionAt, has, isSynchronised, sendRing, set, Tcb } from "./tcb";

/** The turn of one connection: builds its next segment into the output slot. Returns the frame's length; 0: it has none. */
export function turn(t: Tcb): u32 {
  const bytes = serve(t);
  // One segment a turn: whoever has more waits behind the others.
  if (bytes && hasMore(t)) makeReady(t);
  return bytes;
}

/** A neighbour became known (`address` 0), or `address` is not to be found. */
export function arpSettled(address: u32): void {
  for (let index: u32 = 0; index < config.connections; index++) {
    const t = connectionAt(index);
    if (!has(t, Bit.ARP_WAIT)) continue;
    clear(t, Bit.ARP_WAIT);
    // All try again: some may have waited for room in the table.
    if (!address || route.nextHop(t.remoteAddress) != address) makeReady(t);
    else if (!isSynchronised(t)) fail(t, Status.UNREACHABLE);
    // The timer asks again, counts, and gives up in its time; or becomes the keepalive timer.
    else if (t.sendBytes | <u32>owesFin(t) | t.keepaliveMs) retransmit.start(t);
  }
}

/** What the connection owes first. Returns the frame's length, 0 when it owes nothing or cannot send. */
function serve(t: Tcb): u32 {
  // A record that was given back stands in the list still; it is in CLOSED.
  if (<u32>!t.state | <u32>has(t, Bit.ARP_WAIT)) return 0;
  const neighbour = arp.resolve(route.nextHop(t.remoteAddress));
  if (has(t, Bit.OWES_RESET)) return serveReset(t, neighbour);
  if (!neighbour) {
    set(t, Bit.ARP_WAIT);
    return 0;
  }
  if (!isSynchronised(t)) return serveSyn(t, neighbour);
  if (t.acksOwed) {
    t.acksOwed--;
    // Another turn is for data, and for the timer of a connection that has none.
    makeReady(t);
  } else {
    // Most often there is an ACK to send, and nothing else.
    if (t.sendBytes | <u32>owesFin(t) | (t.bits & (Bit.OWES_PROBE | Bit.OWES_REPAIR))) {
      const bytes = serveData(t, neighbour);
      if (bytes) return bytes;
    }
    if (t.sndUna == t.sndMax) {
      // Data that cannot be sent while nothing is outstanding: the timer turns into the persist timer (3.8.6.1).
      if (t.sendBytes | <u32>owesFin(t)) retransmit.start(t);
      else if (<u32>(t.keepaliveMs != 0) & <u32>!has(t, Bit.TIMES_RETRANSMIT))
        retransmit.arm(t, t.keepaliveMs);
    }
    if (!has(t, Bit.OWES_ACK)) return 0;
  }
  return send(t, neighbour, nextExpected(t), ACK, 0);
}

// @inline
/**
 * Where a segment without data stands, so that the peer finds it acceptable: not at SND.NXT, which a time-out moves back
 * to what the peer may have; and not behind a probe that a shut window kept out. Two stacks that get this wrong answer
 * each other's ACKs for ever.
 */
function nextExpected(t: Tcb): u32 {
  return seq.earlier(t.sndMax, t.sndUna + t.sndWnd);
}

/** A reset waits for nobody: when the neighbour is not known it is left out. The record goes either way. */
function serveReset(t: Tcb, neighbour: Neighbour | null): u32 {
  let bytes: u32 = 0;
  // A SYN that was not answered has nobody to reset; and RFC 9293 section 3.10.5 has none when both FINs are out.
  const closing = <i32>t.state >= TcpState.CLOSING && t.sndMax - t.sndUna > t.sendBytes;
  if (neighbour && !(<u32>closing | <u32>(t.state == TcpState.SYN_SENT))) {
    count(Counter.TCP_RESETS_OUT);
    bytes = send(t, neighbour, nextExpected(t), RST | ACK, 0);
  }
  fail(t, Status.ABORTED);
  return bytes;
}

/** SYN-SENT, and SYN-RECEIVED of a simultaneous open: the SYN, when it has not left, or has to leave again. */
function serveSyn(t: Tcb, neighbour: Neighbour): u32 {
  const una = t.sndUna;
  if (t.sndNxt != una) return has(t, Bit.OWES_ACK) ? send(t, neighbour, t.sndNxt, ACK, 0) : 0;
  noteSent(t, una, una + 1);
  return send(t, neighbour, una, t.state == TcpState.SYN_SENT ? SYN : SYN | ACK, 0);
}

/** Data and FIN, as the windows, Nagle's algorithm and silly-window avoidance allow. */
function serveData(t: Tcb, neighbour: Neighbour): u32 {
  const repair = t.bits & Bit.OWES_REPAIR;
  const probe = t.bits & Bit.OWES_PROBE;
  clear(t, Bit.OWES_REPAIR | Bit.OWES_PROBE);
  const start = repair ? t.sndUna : t.sndNxt;
  const offset = start - t.sndUna;
  // Beyond the data there can only be the FIN: sent already when SND.NXT is past it.
  if (offset > t.sendBytes) return 0;
  const left = t.sendBytes - offset;
  const mss = t.sndMss - sack.bytes(t);
  const window = congestion.window(t);
  let length = min(min(left, mss), window > offset ? window - offset : 0);
  if (probe) {
    if (left) count(Counter.TCP_PROBES);
    length = max(length, min(left, 1));
  } else if (length && isHeldBack(t, start, length, left, mss)) return 0;
  let flags = ACK;
  let end = start + length;
  if (length == left) {
    if (length) flags |= PSH;
    // A FIN takes a place in the window, too.
    if (owesFin(t) && probe | <u32>(start != t.sndMax) | <u32>(offset + length < t.sndWnd)) {
      flags |= FIN;
      end++;
    }
  }
  if (start == end) {
    if (!probe) return 0;
    // Nothing to send, and all is acknowledged: a keepalive stands before the window and asks for an ACK by that.
    count(Counter.TCP_KEEPALIVES);
    return send(t, neighbour, start - 1, ACK, 0);
  }
  noteSent(t, start, end);
  return send(t, neighbour, start, flags, length);
}

/**
 * RFC 9293 sections 3.8.6.2.1 and 3.7.4. A full segment goes, and what was sent before goes again. A part of the data
 * goes when it is half of the largest window the peer ever had; all of it when (Nagle) nothing is outstanding or a FIN
 * follows.
 */
function isHeldBack(t: Tcb, start: u32, length: u32, left: u32, mss: u32): bool {
  if (<u32>(length >= mss) | <u32>(start != t.sndMax)) return false;
  if (length != left) return length < t.sndWndMax >> 1;
  return <bool>(<u32>(start != t.sndUna) & <u32>!has(t, Bit.FIN_QUEUED | Bit.NO_DELAY));
}

/** States in which our FIN was called for and is not acknowledged: a bit each. */
const FIN_UNACKNOWLEDGED: u32 =
  (1 << TcpState.FIN_WAIT_1) | (1 << TcpState.CLOSING) | (1 << TcpState.LAST_ACK);

// @inline
/** Whether a FIN belongs behind the data. */
export function owesFin(t: Tcb): bool {
  return <bool>((FIN_UNACKNOWLEDGED >> t.state) & 1);
}

/** [start, end) leaves, for the first time or again. */
function noteSent(t: Tcb, start: u32, end: u32): void {
  // What the timer was for until now, if it runs, was no retransmission.
  if (t.sndUna == t.sndMax) clear(t, Bit.TIMES_RETRANSMIT);
  if (start == t.sndMax) retransmit.startTiming(t, end);
  else {
    count(Counter.TCP_RETRANSMITS);
    t.retransmits++;
    // What its acknowledgment answers cannot be known (Karn's algorithm, RFC 6298 section 3).
    clear(t, Bit.RTT_TIMING);
  }
  t.sndNxt = seq.later(t.sndNxt, end);
  t.sndMax = seq.later(t.sndMax, end);
  // RFC 6298 section 5.1: the timer runs whenever something is outstanding.
  retransmit.start(t);
}

/** Whether another turn is worth the while. */
function hasMore(t: Tcb): bool {
  return <bool>(
    (t.acksOwed |
      (t.bits & (Bit.OWES_ACK | Bit.OWES_REPAIR)) |
      <u32>(t.sndNxt - t.sndUna < t.sendBytes + <u32>owesFin(t)))
  );
}

/** Every segment carries the ACK and the window: nothing more is owed then. `length` octets of data begin at `start`. */
function send(t: Tcb, neighbour: Neighbour, start: u32, flags: u32, length: u32): u32 {
  clear(t, Bit.OWES_ACK | Bit.TIMES_ACK);
  t.unacked = 0;
  t.segmentsOut++;
  openWindow(t);
  // RFC 9293 section 3.8.5: the end of urgent data that is not yet acknowledged.
  let urgent: u32 = 0;
  if (<u32>!(flags & SYN) & <u32>(t.sndUp != t.sndUna) & <u32>seq.lessThan(start, t.sndUp)) {
    urgent = min(t.sndUp - start, 0xffff);
    flags |= URG;
  }
  segment.remoteAddress = t.remoteAddress;
  segment.ports = t.ports;
  const begin = optionsAt();
  let end = begin;
  let wnd: u32;
  if (flags & SYN) {
    // The window of a SYN is not scaled.
    wnd = min(t.rcvAdv - t.rcvNxt, 0xffff);
    end = synOptions(begin, t.bits, t.tsRecent);
  } else {
    wnd = windowField(t);
    if (!(flags & RST)) {
      end = options(begin, t.bits, t.tsRecent);
      // SACK blocks have what room data and other options leave.
      if (<u32>t.ranges | segment.duplicateOf)
        end = sack.write(t, end, min<u32>(t.sndMss - length, <u32>begin + OPTIONS_BYTES_MAX - <u32>end));
    }
  }
  if (length) {
    const position = advance(t.sendHead, start - t.sndUna, config.sendRingBytes);
    copyOut(sendRing(t), config.sendRingBytes, position, end, length);
  }
  return emit(end, length, start, t.rcvNxt, flags, wnd, urgent, t.tos, neighbour);
}
