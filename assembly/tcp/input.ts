// SEGMENT ARRIVES: an index of RFC 9293 section 3.10.7. One helper for each numbered check, in the RFC's order.

import { Counter, Status, TcpState } from "../abi_constants";
import { state } from "../config";
import { count, drop } from "../lib/counters";
import { Kind } from "../net/socket";
import { ACK, FIN, RST, SYN, TcpHeader } from "../wire/tcp";
import * as ackCheck from "./ack";
import * as congestion from "./congestion";
import * as demux from "./demux";
import { fail } from "./ending";
import * as listen from "./listen";
import { establish, synchronise } from "./opening";
import * as predict from "./predict";
import * as receive from "./receive";
import { refuse } from "./reset";
import { noteDuplicate } from "./sack";
import { read, segment, segmentLength, verify } from "./segment";
import * as seq from "./seq";
import * as syncache from "./syncache";
import { Agreed, Compact, isSynchronised, peerMaySend, setState, Tcb } from "./tcb";
import * as timestamps from "./timestamps";
import * as timewait from "./timewait";

/** Takes the segment in the input slot. `flags`: InputFlag bits. */
export function arrives(flags: u32): void {
  const tcp = verify(flags);
  if (!tcp) return;
  if (!predict.take(tcp)) process(tcp);
}

/** The segment whose header is `tcp`, whatever it is. */
export function process(tcp: TcpHeader): void {
  if (!read(tcp)) return;
  count(Counter.TCP_SEGMENTS_IN);
  const found = demux.find(segment.remoteAddress, segment.ports);
  if (!found) return listen.receive(null);
  const kind = found.kind;
  if (kind == Kind.TIME_WAIT) return timewait.receive(changetype<Compact>(found));
  let t = changetype<Tcb>(found);
  if (kind > Kind.TIME_WAIT) {
    const complete = syncache.receive(changetype<Compact>(found));
    if (!complete) return;
    t = complete;
  }
  t.segmentsIn++;
  if (t.state == TcpState.SYN_SENT) synSent(t);
  else otherStates(t);
}

/** 3.10.7.4: all states but CLOSED, LISTEN and SYN-SENT. */
function otherStates(t: Tcb): void {
  const flags = segment.flags;
  segment.wnd <<= t.sndScale;
  if (!checkTimestamp(t)) return;
  if (!checkSequence(t, flags)) return;
  if (flags & RST) return checkReset(t);
  // Third, security: not used (RFC 9293 appendix A.1).
  // Fourth: check the SYN bit, as RFC 5961 section 4 changed it.
  if (flags & SYN) return challenge(t, Counter.TCP_SYN_CHALLENGED);
  trim(t);
  if (!ackCheck.check(t)) return;
  // RFC 7323 section 4.3: a segment at Last.ACK.sent, which is RCV.NXT unless data waits for its ACK. Not before its ACK
  // was found good: a forged timestamp would shut the peer out.
  if (<u32>(segment.seq == t.rcvNxt) & <u32>!t.unacked) t.tsRecent = segment.tsValue;
  congestion.afterIdle(t);
  t.heardAt = state.now;
  // Sixth to eighth: after the peer's FIN nothing more is to be had from it.
  if (!peerMaySend(t)) return;
  receive.urgent(t);
  receive.text(t);
  receive.fin(t);
}

/** Before the first check, RFC 7323 section 5.3: what is older than what came before is a duplicate, wherever it stands. */
function checkTimestamp(t: Tcb): bool {
  if (timestamps.check(t.bits, t.tsRecent, state.now - t.heardAt)) return true;
  if (segment.options & Agreed.TIMESTAMPS) answerOutside(t);
  return false;
}

/** First: check sequence number (table 6). */
function checkSequence(t: Tcb, flags: u32): bool {
  const start = segment.seq;
  const next = t.rcvNxt;
  const length = segmentLength();
  // A bare ACK may stand at the right edge, too, unlike in table 6: behind a window's worth of data of which some was
  // lost, where Linux and BSD take it. To drop it would stop what flows the other way.
  const window = t.rcvAdv - next + <u32>!(length | (flags & RST));
  // An empty segment stands where its first octet would.
  const last = start + length - <u32>(length != 0);
  if (<u32>(start == next) | <u32>seq.inWindow(start, next, window) | <u32>seq.inWindow(last, next, window))
    return true;
  if (flags & RST) return drop(Counter.TCP_RST_OUTSIDE);
  noteDuplicate(t, start, seq.earlier(start + segment.dataBytes, next));
  answerOutside(t);
  return drop(Counter.TCP_OUTSIDE_WINDOW);
}

/**
 * An unacceptable segment is answered. Not without limit when it is empty: two stacks that disagree would answer each
 * other's ACKs as fast as the wire carries.
 */
function answerOutside(t: Tcb): void {
  if (segmentLength()) receive.owe(t);
  else ackCheck.challenge(t);
}

/** Cuts off what is before RCV.NXT, and what is beyond the window. A part of the segment lies inside. */
function trim(t: Tcb): void {
  const before = t.rcvNxt - segment.seq;
  if (seq.lessThan(segment.seq, t.rcvNxt)) {
    // Something in it was there before: the peer has not heard our ACK.
    receive.owe(t);
    noteDuplicate(t, segment.seq, t.rcvNxt);
    segment.seq += before;
    segment.data += before;
    segment.dataBytes -= before;
  }
  const left = t.rcvAdv - segment.seq;
  if (segment.dataBytes > left) {
    segment.dataBytes = left;
    segment.flags &= ~FIN;
    count(Counter.TCP_OUTSIDE_WINDOW);
    receive.owe(t);
  }
}

/** Counts something odd and answers it with an ACK: an honest peer learns where we are, and a forger nothing. */
function challenge(t: Tcb, counter: Counter): void {
  count(counter);
  ackCheck.challenge(t);
}

/** Second: check the RST bit, as RFC 5961 section 3 changed it. */
function checkReset(t: Tcb): void {
  if (segment.seq != t.rcvNxt) return challenge(t, Counter.TCP_RST_CHALLENGED);
  count(Counter.TCP_RESETS_IN);
  // In SYN-RECEIVED, of a simultaneous open here, it is the answer to our SYN.
  fail(t, isSynchronised(t) ? Status.CONNECTION_RESET : Status.CONNECTION_REFUSED);
}

/** 3.10.7.3: SYN-SENT. */
function synSent(t: Tcb): void {
  const flags = segment.flags;
  // The only ACK to believe is one of our SYN, once that has left.
  if (flags & ACK && <u32>(segment.ack != t.sndMax) | <u32>(t.sndMax == t.sndUna)) {
    count(Counter.TCP_ACK_UNACCEPTABLE);
    return refuse();
  }
  if (flags & RST) {
    if (!(flags & ACK)) return count(Counter.TCP_RST_OUTSIDE);
    count(Counter.TCP_RESETS_IN);
    return fail(t, Status.CONNECTION_REFUSED);
  }
  if ((flags & (SYN | FIN)) != SYN) return count(Counter.TCP_BAD_FLAGS);
  segment.seq++;
  synchronise(t, segment.seq, segment.options, segment.tsValue, segment.mss, segment.scale);
  t.sndWnd = t.sndWndMax = segment.wnd;
  t.heardAt = state.now;
  receive.owe(t);
  if (flags & ACK) {
    ackCheck.passUna(t, 1);
    return establish(t);
  }
  // A simultaneous open (figure 8): our SYN goes again, now with an ACK.
  setState(t, TcpState.SYN_RECEIVED);
  t.sndNxt = t.sndUna;
}
