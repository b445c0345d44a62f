// Fifth check of RFC 9293 section 3.10.7.4: the ACK field, and what it does to the sending half.

import { Counter, Event, TcpState } from "../abi_constants";
import { config, state } from "../config";
import { wakeAt } from "../lib/clock";
import { count } from "../lib/counters";
import { advance } from "../lib/ring";
import { ACK, FIN } from "../wire/tcp";
import * as congestion from "./congestion";
import { finish, reset } from "./ending";
import { owe } from "./receive";
import { refuse } from "./reset";
import * as retransmit from "./retransmit";
import { segment } from "./segment";
import * as seq from "./seq";
import { Flag, makeReady, raise, sendFree, setState, Tcb, Timer } from "./tcb";

/** Duplicate ACKs that mean loss: RFC 5681 section 3.2. */
const DUPLICATE_THRESHOLD: u8 = 3;

/** Processes the ACK field. False: the segment, or the connection, is done with. */
export function check(t: Tcb): bool {
  if (!(segment.flags & ACK)) {
    count(Counter.TCP_NO_ACK);
    return false;
  }
  const ack = segment.ack;
  // RFC 5961 section 5: an ACK outside [SND.UNA - MAX.SND.WND, SND.NXT] is answered, and believed in nothing.
  if (seq.lessThan(t.sndMax, ack)) return challenge(t, Counter.TCP_ACK_BEYOND);
  if (seq.lessThan(ack, t.sndUna - t.sndWndMax)) return challenge(t, Counter.TCP_ACK_OLD);
  if (t.state == TcpState.SYN_RECEIVED) {
    if (!seq.lessThan(t.sndUna, ack)) {
      refuse();
      return false;
    }
    establish(t);
  }
  const fresh = seq.lessThan(t.sndUna, ack);
  let ofFin = false;
  if (fresh) ofFin = advanceUna(t, ack - t.sndUna);
  else if (ack == t.sndUna && isDuplicate(t)) duplicate(t);
  // The peer is alive. One that keeps its window shut may do so for ever, unless nobody waits for it any more.
  if (fresh || (!segment.wnd && !(t.flags & Flag.DETACHED))) t.retries = 0;
  if (seq.atMost(t.sndUna, ack)) updateWindow(t);
  if (ofFin) return finAcknowledged(t);
  if (t.flags & Flag.RESET_WHEN_SENT && !t.sendBytes) reset(t);
  return true;
}

/** The SYN is acknowledged: the connection is ESTABLISHED, or beyond when the application has closed already. */
export function establish(t: Tcb): void {
  t.sndUna++;
  t.sndWl1 = segment.seq - 1;
  t.sndWnd = segment.wnd;
  t.backoff = 0;
  t.retries = 0;
  retransmit.stopTiming(t);
  t.timers &= ~Timer.RETRANSMIT;
  congestion.begin(t);
  setState(t, TcpState.ESTABLISHED);
  raise(t, Event.CONNECTED | Event.WRITABLE);
  if (t.flags & Flag.FIN_QUEUED) setState(t, TcpState.FIN_WAIT_1);
  makeReady(t);
}

/** SND.UNA moves on by `acked`. True when that is one more than there was data: our FIN took the last number. */
function advanceUna(t: Tcb, acked: u32): bool {
  const data = min(acked, t.sendBytes);
  t.sendHead = advance(t.sendHead, data, config.sendRingBytes);
  t.sendBytes -= data;
  t.bytesAcknowledged += data;
  t.sndUna += acked;
  t.sndNxt = seq.later(t.sndNxt, t.sndUna);
  t.duplicateAcks = 0;
  t.backoff = 0;
  retransmit.stopTiming(t);
  congestion.onAck(t, acked);
  // RFC 6298 sections 5.2 and 5.3.
  if (t.sndUna == t.sndMax) t.timers &= ~Timer.RETRANSMIT;
  else retransmit.restart(t);
  if (t.flags & Flag.WANT_WRITE && sendFree(t) >= config.sendRingBytes >> 1) {
    t.flags &= ~Flag.WANT_WRITE;
    raise(t, Event.WRITABLE);
  }
  makeReady(t);
  return acked > data;
}

/** RFC 5681 section 2: what counts as a duplicate ACK. */
function isDuplicate(t: Tcb): bool {
  return t.sndUna != t.sndMax && !segment.dataBytes && !(segment.flags & FIN) && segment.wnd == t.sndWnd;
}

function duplicate(t: Tcb): void {
  if (t.duplicateAcks < 255) t.duplicateAcks++;
  if (t.flags & Flag.IN_RECOVERY) congestion.onDuplicate(t);
  // After a time-out, ACKs of what was sent before it are no sign of new loss (RFC 6582 section 4.1).
  else if (t.duplicateAcks == DUPLICATE_THRESHOLD && !(t.flags & Flag.AFTER_TIMEOUT)) {
    count(Counter.TCP_FAST_RETRANSMITS);
    congestion.onLoss(t);
  } else return;
  makeReady(t);
}

/** RFC 9293: SND.WND is taken from the newest segment only. */
function updateWindow(t: Tcb): void {
  if (seq.lessThan(segment.seq, t.sndWl1)) return;
  if (segment.seq == t.sndWl1 && seq.lessThan(segment.ack, t.sndWl2)) return;
  t.sndWl1 = segment.seq;
  t.sndWl2 = segment.ack;
  const before = t.sndWnd;
  if (segment.wnd == before) return;
  t.sndWnd = segment.wnd;
  t.sndWndMax = max(t.sndWndMax, segment.wnd);
  if (!segment.wnd) t.zeroWindows++;
  if (segment.wnd < before) return;
  if (!before) {
    // Probes that met the shut window were thrown away: begin again at SND.UNA, without waiting for the timer.
    t.sndNxt = t.sndUna;
    t.backoff = 0;
    t.timers &= ~Timer.RETRANSMIT;
  }
  makeReady(t);
}

/** Our FIN is acknowledged. False when that ends the connection. */
function finAcknowledged(t: Tcb): bool {
  switch (<i32>t.state) {
    case TcpState.FIN_WAIT_1:
      setState(t, TcpState.FIN_WAIT_2);
      if (t.flags & Flag.RESET_WHEN_SENT) reset(t);
      else if (t.flags & Flag.DETACHED) boundLife(t);
      return true;
    case TcpState.CLOSING:
      setState(t, TcpState.TIME_WAIT);
      finish(t);
      return false;
    case TcpState.LAST_ACK:
      finish(t);
      return false;
  }
  return true;
}

/** Nobody holds the connection, and only the peer's FIN is missing: it gets this long. */
export function boundLife(t: Tcb): void {
  t.timers |= Timer.LIFE;
  t.lifeAt = state.now + config.finWait2Ms;
  wakeAt(t.lifeAt);
}

/** A challenge ACK: tells an honest peer where we are, and a forger nothing. */
function challenge(t: Tcb, counter: Counter): bool {
  count(counter);
  owe(t);
  return false;
}
