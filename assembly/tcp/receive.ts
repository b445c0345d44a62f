// The receiving half: text (seventh check), FIN (eighth), and the window we announce.

import { Counter, Event, TcpState } from "../abi_constants";
import { config, state } from "../config";
import { wakeAt } from "../lib/clock";
import { count } from "../lib/counters";
import { advance, copyIn } from "../lib/ring";
import { ACK, FIN } from "../wire/tcp";
import { finish, reset } from "./ending";
import * as reassembly from "./reassembly";
import { reply } from "./reset";
import { segment } from "./segment";
import * as seq from "./seq";
import { Due, Flag, makeReady, peerMaySend, raise, receiveRing, setState, Tcb, Timer } from "./tcb";

/** Data segments that one ACK may cover: RFC 9293 section 3.8.6.3. */
const SEGMENTS_PER_ACK: u8 = 2;

/** Window that we may announce: room behind RCV.NXT, as the ring and 16 bits allow. */
function room(t: Tcb): u32 {
  return min(config.receiveRingBytes - t.receiveBytes, 0xffff);
}

/** Least move of the window's edge worth announcing: RFC 9293 section 3.8.6.2.2, receiver's silly-window avoidance. */
function worthwhile(t: Tcb): u32 {
  return min(config.receiveRingBytes >> 1, <u32>t.rcvMss);
}

/** The window to put into a segment now. Its right edge never moves back, and never by a silly little. */
export function announceWindow(t: Tcb): u32 {
  const edge = t.rcvNxt + room(t);
  if (edge - t.rcvAdv >= worthwhile(t) && seq.lessThan(t.rcvAdv, edge)) t.rcvAdv = edge;
  return t.rcvAdv - t.rcvNxt;
}

/** The window of a connection that begins: all of the ring that 16 bits can say. */
export function initialWindow(): u32 {
  return min(config.receiveRingBytes, 0xffff);
}

/** The application has read: tells the peer when that opened the window by enough (twice what is silly). */
export function afterRead(t: Tcb): void {
  const edge = t.rcvNxt + room(t);
  const opened = edge - t.rcvAdv;
  if (<i32>opened <= 0 || !peerMaySend(t)) return;
  const closed = t.rcvAdv == t.rcvNxt;
  if (opened >= (closed ? worthwhile(t) : min(config.receiveRingBytes >> 1, (<u32>t.rcvMss) << 1))) owe(t);
}

/** RFC 9293 3.10.7.4, seventh: process the segment text, which lies inside the window. */
export function text(t: Tcb): void {
  const bytes = segment.dataBytes;
  if (!bytes) return;
  // After the peer's FIN no data is to be had from it (CLOSE-WAIT and later): ignore it.
  if (!peerMaySend(t)) return;
  if (t.flags & Flag.DETACHED) {
    count(Counter.TCP_DATA_AFTER_CLOSE);
    t.flags |= Flag.RESET_WHEN_SENT;
    if (!t.sendBytes) reset(t);
    return;
  }
  const start = segment.seq;
  const ahead = start - t.rcvNxt;
  const position = advance(t.receiveHead, t.receiveBytes + ahead, config.receiveRingBytes);
  if (ahead) {
    if (reassembly.insert(t, start, start + bytes)) {
      copyIn(receiveRing(t), config.receiveRingBytes, position, segment.data, bytes);
      t.outOfOrder++;
      count(Counter.TCP_OUT_OF_ORDER);
    }
    // RFC 5681 section 4.2: every segment out of order is answered at once, each with an ACK of its own.
    oweDuplicate(t);
    return;
  }
  copyIn(receiveRing(t), config.receiveRingBytes, position, segment.data, bytes);
  const filled = t.ranges != 0;
  let next = start + bytes;
  if (filled) next = reassembly.takeInOrder(t, next);
  t.receiveBytes += next - t.rcvNxt;
  t.bytesReceived += next - t.rcvNxt;
  t.rcvNxt = next;
  raise(t, Event.READABLE);
  acknowledge(t, filled);
}

/** An ACK at once when a hole was filled, or for every second segment; else when the delayed-ACK timer says so. */
function acknowledge(t: Tcb, atOnce: bool): void {
  t.unacked++;
  if (atOnce || t.unacked >= SEGMENTS_PER_ACK) return owe(t);
  if (t.timers & Timer.DELAYED_ACK) return;
  t.timers |= Timer.DELAYED_ACK;
  t.delayedAckAt = state.now + config.delayedAckMs;
  wakeAt(t.delayedAckAt);
}

/** RFC 9293 3.10.7.4, eighth: check the FIN bit. A FIN ahead of a hole is noted and takes effect when it is reached. */
export function fin(t: Tcb): void {
  if (segment.flags & FIN && !(t.flags & Flag.FIN_KNOWN)) {
    t.flags |= Flag.FIN_KNOWN;
    t.rcvFin = segment.seq + segment.dataBytes;
  }
  if (!(t.flags & Flag.FIN_KNOWN) || t.rcvFin != t.rcvNxt) {
    if (segment.flags & FIN && peerMaySend(t) && !segment.dataBytes) oweDuplicate(t);
    return;
  }
  if (!peerMaySend(t)) return;
  t.rcvNxt++;
  // The FIN took one octet of the window; the edge stays ahead of what we acknowledge.
  t.rcvAdv = seq.later(t.rcvAdv, t.rcvNxt);
  raise(t, Event.PEER_CLOSED | Event.READABLE);
  owe(t);
  switch (<i32>t.state) {
    case TcpState.ESTABLISHED:
      setState(t, TcpState.CLOSE_WAIT);
      break;
    case TcpState.FIN_WAIT_1:
      setState(t, TcpState.CLOSING);
      break;
    case TcpState.FIN_WAIT_2:
      setState(t, TcpState.TIME_WAIT);
      // The record may be gone before `output`: the last ACK needs none.
      reply(t.sndMax, t.rcvNxt, ACK);
      finish(t);
      break;
  }
}

/** An ACK is due now. */
export function owe(t: Tcb): void {
  t.due |= Due.ACK;
  makeReady(t);
}

/** One more duplicate ACK is due. They are never merged: the peer counts them. */
export function oweDuplicate(t: Tcb): void {
  if (t.acksOwed < 255) t.acksOwed++;
  makeReady(t);
}
