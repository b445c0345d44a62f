// The receiving half: text (seventh check), FIN (eighth), and the window we announce.

import { Counter, Event, TcpState } from "../abi_constants";
import { config, state } from "../config";
import { after } from "../lib/clock";
import { count } from "../lib/counters";
import { advance, copyIn } from "../lib/ring";
import { Kind, makeReady, raise } from "../net/socket";
import { ACK, FIN, URG } from "../wire/tcp";
import { resetWhenSent } from "./ending";
import * as reassembly from "./reassembly";
import { answer } from "./reset";
import { segment } from "./segment";
import * as seq from "./seq";
import { Agreed, Bit, has, peerMaySend, receiveRing, set, setState, Tcb } from "./tcb";
import * as timewait from "./timewait";

/** Data segments that one ACK may cover: RFC 9293 section 3.8.6.3. */
const SEGMENTS_PER_ACK: u8 = 2;

// @inline
/** Shift of the windows that we announce. */
function scale(t: Tcb): u32 {
  return has(t, Agreed.SCALE) ? state.receiveScale : 0;
}

// @inline
/**
 * By how much the right edge of the window may move on: room behind RCV.NXT, as the ring and the window field allow.
 * 0 when that is less than `segments` MSS and less than half of the ring (RFC 9293 section 3.8.6.2.2).
 */
function worthwhile(t: Tcb, segments: u32): u32 {
  const ring = config.receiveRingBytes;
  const room = min(ring - t.receiveBytes, 0xffff << scale(t));
  const step = t.rcvNxt + room - t.rcvAdv;
  return step >= min(ring >> 1, t.rcvMss * segments) ? step : 0;
}

// @inline
/** A segment leaves: moves the right edge of the window on. Never back, and never by a silly little. */
export function openWindow(t: Tcb): void {
  t.rcvAdv += worthwhile(t, 1);
}

// @inline
/** The window field of a segment that is no SYN. */
export function windowField(t: Tcb): u32 {
  return (t.rcvAdv - t.rcvNxt) >> scale(t);
}

/** The application has read: tells the peer when that opened the window by twice what is silly. */
export function afterRead(t: Tcb): void {
  if (<u32>peerMaySend(t) & <u32>(worthwhile(t, 2) != 0)) owe(t);
}

/** RFC 9293 3.10.7.4, sixth: the URG bit. Urgent data stays in the stream (RFC 6093); the application hears of it. */
export function urgent(t: Tcb): void {
  if (!(segment.flags & URG) || !seq.lessThan(t.rcvUp, segment.urgent)) return;
  t.rcvUp = segment.urgent;
  raise(t, Event.URGENT);
}

/** RFC 9293 3.10.7.4, seventh: process the segment text, which lies inside the window. */
export function text(t: Tcb): void {
  const bytes = segment.dataBytes;
  if (!bytes) return;
  if (t.kind == Kind.DETACHED) {
    // RFC 9293 section 3.6.1: nobody will read it, and the peer should know.
    count(Counter.TCP_DATA_AFTER_CLOSE);
    return resetWhenSent(t);
  }
  const start = segment.seq;
  const end = start + bytes;
  const next = t.rcvNxt;
  const ring = config.receiveRingBytes;
  const position = advance(t.receiveHead, t.receiveBytes + start - next, ring);
  const holes = t.ranges;
  let whole = reassembly.melt(t, start, end);
  // What the peer sends behind its own FIN does not exist.
  if (has(t, Bit.FIN_KNOWN)) whole = seq.earlier(whole, t.rcvFin);
  if (start != next) {
    // RFC 5681 section 4.2: every segment out of order is answered at once, each with an ACK of its own.
    oweDuplicate(t);
    if (!reassembly.keep(t, segment.seq, whole)) return;
  } else {
    // A hole that is filled is acknowledged at once.
    if (holes) owe(t);
    grow(t, whole - next);
  }
  copyIn(receiveRing(t), ring, position, segment.data, bytes);
}

/** The same for the `bytes` octets at `data` that stand at RCV.NXT, while nothing ahead of it has arrived. */
export function inOrder(t: Tcb, data: usize, bytes: u32): void {
  const ring = config.receiveRingBytes;
  copyIn(receiveRing(t), ring, advance(t.receiveHead, t.receiveBytes, ring), data, bytes);
  grow(t, bytes);
}

/** So many octets more are in order. Every second segment is acknowledged; or the delayed-ACK timer says so. */
function grow(t: Tcb, bytes: u32): void {
  if (t.unacked) {
    t.unacked = SEGMENTS_PER_ACK;
    owe(t);
  } else {
    t.unacked = 1;
    oweLater(t);
  }
  t.receiveBytes += bytes;
  t.bytesReceived += bytes;
  t.rcvNxt += bytes;
  raise(t, Event.READABLE);
}

/** RFC 9293 3.10.7.4, eighth: check the FIN bit. A FIN ahead of a hole is noted and takes effect when it is reached. */
export function fin(t: Tcb): void {
  if (segment.flags & FIN) {
    set(t, Bit.FIN_KNOWN);
    t.rcvFin = segment.end;
    owe(t);
  }
  const next = t.rcvNxt;
  if (!has(t, Bit.FIN_KNOWN) || t.rcvFin != next) return;
  t.rcvNxt = next + 1;
  // The FIN took one octet of the window; the edge is never behind what we acknowledge.
  t.rcvAdv = seq.later(t.rcvAdv, next + 1);
  raise(t, Event.PEER_CLOSED | Event.READABLE);
  owe(t);
  if (t.state == TcpState.ESTABLISHED) setState(t, TcpState.CLOSE_WAIT);
  else if (t.state == TcpState.FIN_WAIT_1) setState(t, TcpState.CLOSING);
  else answer(timewait.add(t), ACK);
}

/** An ACK is due when the delayed-ACK timer expires, or with the next segment. */
export function oweLater(t: Tcb): void {
  set(t, Bit.TIMES_ACK);
  t.delayedAckAt = after(config.delayedAckMs);
}

/** An ACK is due now. */
export function owe(t: Tcb): void {
  set(t, Bit.OWES_ACK);
  makeReady(t);
}

/** One more duplicate ACK is due. They are never merged: the peer counts them. */
export function oweDuplicate(t: Tcb): void {
  t.acksOwed += <u8>(t.acksOwed < 255);
  makeReady(t);
}
