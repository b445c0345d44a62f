// SEGMENT ARRIVES: an index of RFC 9293 section 3.10.7. One helper for each numbered check, in the RFC's order.

import { Counter, Status, TcpState } from "../abi_constants";
import { count } from "../lib/counters";
import { ACK, FIN, RST, SYN } from "../wire/tcp";
import * as ackCheck from "./ack";
import * as demux from "./demux";
import { fail } from "./ending";
import * as listen from "./listen";
import * as receive from "./receive";
import { refuse } from "./reset";
import { read, segment, segmentLength, sendMss } from "./segment";
import * as seq from "./seq";
import { Due, Kind, makeReady, SynEntry, setState, Tcb, TimeWaitEntry } from "./tcb";
import * as timewait from "./timewait";

/** Takes the segment in the input slot. `verified`: hardware summed it. */
export function arrives(verified: bool): void {
  if (!read(verified)) return;
  count(Counter.TCP_SEGMENTS_IN);
  const found = demux.find(segment.remoteAddress, segment.ports);
  if (!found) return listen.receive();
  let t = changetype<Tcb>(found);
  if (found.kind == Kind.TIME_WAIT) {
    if (timewait.receive(changetype<TimeWaitEntry>(found))) listen.receive();
    return;
  }
  if (found.kind == Kind.SYN) {
    const promoted = listen.receiveSyn(changetype<SynEntry>(found));
    if (!promoted) return;
    t = promoted;
  }
  t.segmentsIn++;
  if (t.state == TcpState.SYN_SENT) synSent(t);
  else otherStates(t);
}

/** 3.10.7.4: all states but CLOSED, LISTEN and SYN-SENT. */
function otherStates(t: Tcb): void {
  if (!checkSequence(t)) return;
  if (!checkReset(t)) return;
  // Third, security: not used (RFC 9293 appendix A.1).
  if (!checkSyn(t)) return;
  if (!ackCheck.check(t)) return;
  // Sixth, URG: urgent data stays in band (RFC 6093).
  receive.text(t);
  receive.fin(t);
}

/** First: check sequence number. Trims what lies outside the window. */
function checkSequence(t: Tcb): bool {
  const window = t.rcvAdv - t.rcvNxt;
  const length = segmentLength();
  if (!isAcceptable(segment.seq, length, t.rcvNxt, window)) {
    if (segment.flags & RST) count(Counter.TCP_RST_OUTSIDE);
    else {
      count(Counter.TCP_OUTSIDE_WINDOW);
      receive.owe(t);
    }
    return false;
  }
  if (length) trim(t, window);
  return true;
}

/** Table 6 of section 3.10.7.4; and at the edge of a shut window, ACKs and resets are still heard. */
function isAcceptable(start: u32, length: u32, next: u32, window: u32): bool {
  if (start == next) return true;
  if (!window) return false;
  return seq.inWindow(start, next, window) || (length != 0 && seq.inWindow(start + length - 1, next, window));
}

/** Cuts off octets before RCV.NXT and beyond the window, SYN and FIN with them. */
function trim(t: Tcb, window: u32): void {
  let before = t.rcvNxt - segment.seq;
  if (seq.lessThan(segment.seq, t.rcvNxt)) {
    // Something in it was there before: the peer has not heard our ACK.
    receive.owe(t);
    if (segment.flags & SYN) {
      segment.flags &= ~SYN;
      segment.seq++;
      before--;
    }
    const cut = min(before, segment.dataBytes);
    segment.seq += cut;
    segment.data += cut;
    segment.dataBytes -= cut;
    if (before > cut) segment.flags &= ~FIN;
  }
  const left = window - (segment.seq - t.rcvNxt);
  if (segment.dataBytes > left) {
    segment.dataBytes = left;
    segment.flags &= ~FIN;
    count(Counter.TCP_OUTSIDE_WINDOW);
    receive.owe(t);
  }
}

/** Second: check the RST bit, as RFC 5961 section 3 changed it. */
function checkReset(t: Tcb): bool {
  if (!(segment.flags & RST)) return true;
  if (segment.seq != t.rcvNxt) {
    count(Counter.TCP_RST_CHALLENGED);
    receive.owe(t);
    return false;
  }
  count(Counter.TCP_RESETS_IN);
  fail(t, t.state == TcpState.SYN_RECEIVED ? Status.CONNECTION_REFUSED : Status.CONNECTION_RESET);
  return false;
}

/** Fourth: check the SYN bit, as RFC 5961 section 4 changed it. */
function checkSyn(t: Tcb): bool {
  if (!(segment.flags & SYN)) return true;
  count(Counter.TCP_SYN_CHALLENGED);
  // In a simultaneous open the peer's SYN-ACK repeats its SYN, and acknowledges ours.
  if (t.state == TcpState.SYN_RECEIVED && segment.flags & ACK) return true;
  receive.owe(t);
  return false;
}

/** 3.10.7.3: SYN-SENT. */
function synSent(t: Tcb): void {
  const flags = segment.flags;
  // The only ACK to believe is one of our SYN, once that has left.
  if (flags & ACK && (segment.ack != t.sndMax || t.sndMax == t.sndUna)) {
    count(Counter.TCP_ACK_BEYOND);
    return refuse();
  }
  if (flags & RST) {
    if (!(flags & ACK)) return count(Counter.TCP_RST_OUTSIDE);
    count(Counter.TCP_RESETS_IN);
    return fail(t, Status.CONNECTION_REFUSED);
  }
  if ((flags & (SYN | FIN)) != SYN) return count(Counter.TCP_BAD_FLAGS);
  t.rcvNxt = segment.seq + 1;
  t.rcvAdv = t.rcvNxt + receive.initialWindow();
  t.sndMss = <u16>sendMss(segment.mss);
  segment.seq++;
  segment.flags &= ~SYN;
  if (!(flags & ACK)) return simultaneousOpen(t);
  ackCheck.establish(t);
  t.sndWl1 = segment.seq;
  t.sndWl2 = segment.ack;
  t.sndWndMax = segment.wnd;
  receive.owe(t);
  receive.text(t);
}

/** Both sides sent a SYN: section 3.5, figure 7. */
function simultaneousOpen(t: Tcb): void {
  setState(t, TcpState.SYN_RECEIVED);
  t.sndWnd = t.sndWndMax = segment.wnd;
  t.sndNxt = t.sndUna;
  t.due |= Due.ACK;
  makeReady(t);
}
