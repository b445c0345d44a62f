// SEGMENT ARRIVES: an index of RFC 9293 section 3.10.7. One helper for each numbered check, in the RFC's order.

import { Counter, Status, TcpState } from "../abi_constants";
import { count, drop } from "../lib/counters";
import { ACK, FIN, RST, SYN } from "../wire/tcp";
import * as ackCheck from "./ack";
import * as demux from "./demux";
import { fail } from "./ending";
import * as listen from "./listen";
import { establish, synchronise } from "./opening";
import * as receive from "./receive";
import { refuse } from "./reset";
import { read, segment, segmentLength } from "./segment";
import * as seq from "./seq";
import { Kind, peerMaySend, Tcb, TimeWaitEntry } from "./tcb";
import * as timewait from "./timewait";

/** Takes the segment in the input slot. */
export function arrives(): void {
  if (!read()) return;
  count(Counter.TCP_SEGMENTS_IN);
  const found = demux.find(segment.remoteAddress, segment.ports);
  if (!found) return listen.receive();
  const t = changetype<Tcb>(found);
  if (found.kind == Kind.TIME_WAIT) {
    if (timewait.receive(changetype<TimeWaitEntry>(found))) listen.receive();
    return;
  }
  t.segmentsIn++;
  if (t.state == TcpState.SYN_SENT) synSent(t);
  else otherStates(t);
}

/** 3.10.7.4: all states but CLOSED, LISTEN and SYN-SENT. */
function otherStates(t: Tcb): void {
  const flags = segment.flags;
  if (!checkSequence(t, flags)) return;
  if (flags & RST) return checkReset(t);
  // Third, security: not used (RFC 9293 appendix A.1).
  // Fourth: check the SYN bit, as RFC 5961 section 4 changed it.
  if (flags & SYN) return answer(t, Counter.TCP_SYN_CHALLENGED);
  trim(t);
  if (!ackCheck.check(t)) return;
  // Sixth, URG: urgent data stays in band (RFC 6093). After the peer's FIN nothing more is to be had from it.
  if (!peerMaySend(t)) return;
  receive.text(t);
  receive.fin(t);
}

/** First: check sequence number (table 6). At the edge of a shut window, ACKs and resets are still heard. */
function checkSequence(t: Tcb, flags: u32): bool {
  const start = segment.seq;
  const next = t.rcvNxt;
  const window = t.rcvAdv - next;
  const length = segmentLength();
  // An empty segment stands where its first octet would.
  const last = start + length - <u32>(length != 0);
  if (<u32>(start == next) | <u32>seq.inWindow(start, next, window) | <u32>seq.inWindow(last, next, window))
    return true;
  if (flags & RST) return drop(Counter.TCP_RST_OUTSIDE);
  // Not at once when it is empty: two stacks that disagree would answer each other's ACKs as fast as the wire carries.
  if (length) receive.owe(t);
  else receive.oweLater(t);
  return drop(Counter.TCP_OUTSIDE_WINDOW);
}

/** Cuts off what is before RCV.NXT, and what is beyond the window. A part of the segment lies inside. */
function trim(t: Tcb): void {
  const before = t.rcvNxt - segment.seq;
  if (seq.lessThan(segment.seq, t.rcvNxt)) {
    // Something in it was there before: the peer has not heard our ACK.
    receive.owe(t);
    segment.seq += before;
    segment.data += before;
    segment.dataBytes -= before;
  }
  const left = t.rcvAdv - segment.seq;
  if (segment.dataBytes > left) {
    segment.dataBytes = left;
    segment.flags &= ~FIN;
    answer(t, Counter.TCP_OUTSIDE_WINDOW);
  }
}

/** Counts something odd and answers it with an ACK: an honest peer learns where we are, and a forger nothing. */
function answer(t: Tcb, counter: Counter): void {
  count(counter);
  receive.owe(t);
}

/** Second: check the RST bit, as RFC 5961 section 3 changed it. */
function checkReset(t: Tcb): void {
  if (segment.seq != t.rcvNxt) return answer(t, Counter.TCP_RST_CHALLENGED);
  count(Counter.TCP_RESETS_IN);
  fail(t, Status.CONNECTION_RESET);
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
  // A SYN alone is a simultaneous open, which this version does not have: the peer will answer our SYN.
  if ((flags & (SYN | ACK | FIN)) != (SYN | ACK)) return count(Counter.TCP_BAD_FLAGS);
  synchronise(t);
  ackCheck.passUna(t, 1);
  establish(t);
  receive.owe(t);
}
