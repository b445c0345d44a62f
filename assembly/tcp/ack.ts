// Fifth check of RFC 9293 section 3.10.7.4: the ACK field, and what it does to the sending half.

import { Counter, Event, TcpState } from "../abi_constants";
import { config } from "../config";
import { after } from "../lib/clock";
import { count, drop } from "../lib/counters";
import { allow } from "../lib/limit";
import { random } from "../lib/prng";
import { advance } from "../lib/ring";
import { Kind, makeReady, raise } from "../net/socket";
import { ACK, FIN } from "../wire/tcp";
import * as congestion from "./congestion";
import { finish, reset } from "./ending";
import { establish } from "./opening";
import { owesFin } from "./output";
import { owe } from "./receive";
import { refuse } from "./reset";
import * as retransmit from "./retransmit";
import { segment } from "./segment";
import * as seq from "./seq";
import { Bit, clear, has, sendFree, set, setState, Tcb } from "./tcb";
import * as timewait from "./timewait";

/** Duplicate ACKs that mean loss: RFC 5681 section 3.2. */
const DUPLICATE_THRESHOLD: u8 = 3;
/** Limit on challenge ACKs: one in CHALLENGE_MS, plus up to CHALLENGE_RANDOM_MS, and about ten at once. */
const CHALLENGE_MS: u32 = 256;
const CHALLENGE_RANDOM_MS: u32 = 511;
const CHALLENGE_BURST_MS: u32 = 4096;

/** Processes the ACK field. False: the segment, or the connection, is done with. */
export function check(t: Tcb): bool {
  if (!(segment.flags & ACK)) return drop(Counter.TCP_NO_ACK);
  const una = t.sndUna;
  const ack = segment.ack;
  if (t.state == TcpState.SYN_RECEIVED) {
    // Only an ACK of our SYN, the one octet that is out.
    if (ack != una + 1) {
      refuse();
      return drop(Counter.TCP_ACK_UNACCEPTABLE);
    }
    passUna(t, 1);
    establish(t);
  }
  // RFC 5961 section 5: an ACK outside [SND.UNA - MAX.SND.WND, SND.NXT] is answered, and believed in nothing.
  const oldest = una - t.sndWndMax;
  if (!seq.inWindow(ack, oldest, t.sndMax + 1 - oldest)) {
    challenge(t);
    return drop(Counter.TCP_ACK_UNACCEPTABLE);
  }
  const fresh = ack - t.sndUna;
  const ofFin = seq.lessThan(t.sndUna, ack) && advanceUna(t, fresh);
  if (!fresh) duplicate(t);
  const idle = t.sndUna == t.sndMax;
  // The answer to a keepalive: its repeats say nothing of the path.
  if (<u32>idle & <u32>(t.retries != 0)) t.backoff = 0;
  // The peer is alive. One that keeps its window shut may do so for ever, unless nobody waits for it any more.
  if (<u32>idle | (<u32>!segment.wnd & <u32>(t.kind != Kind.DETACHED))) t.retries = 0;
  // SND.WL2 is not kept: it is at most SND.UNA, and so at most an ACK that is not old.
  if (seq.atMost(una, ack)) updateWindow(t, fresh);
  if (<u32>has(t, Bit.RESETS) & <u32>!t.sendBytes) {
    reset(t);
    return false;
  }
  if (ofFin) return finAcknowledged(t);
  return true;
}

/** Answers something odd with an ACK, as often as the limit of RFC 5961 section 7 lets it, randomised. */
export function challenge(t: Tcb): void {
  const debt = changetype<usize>(t) + offsetof<Tcb>("challengeDebt");
  if (allow(debt, CHALLENGE_MS + (random() & CHALLENGE_RANDOM_MS), CHALLENGE_BURST_MS)) owe(t);
  else count(Counter.TCP_CHALLENGE_LIMITED);
}

/** RFC 5681 section 2: a duplicate ACK. Not those that answer probes of a shut window. */
function duplicate(t: Tcb): void {
  if (
    <u32>(t.sndUna == t.sndMax) |
    <u32>!segment.wnd |
    segment.dataBytes |
    (segment.flags & FIN) |
    (segment.wnd ^ t.sndWnd) |
    <u32>(t.duplicateAcks == 255)
  )
    return;
  if (<u32>(++t.duplicateAcks == DUPLICATE_THRESHOLD) & <u32>!has(t, Bit.RECOVER)) {
    count(Counter.TCP_FAST_RETRANSMITS);
    congestion.onLoss(t);
  }
  makeReady(t);
}

/** SND.UNA moves on by `acked`. True when that is one more than there was data: our FIN took the last number. */
export function advanceUna(t: Tcb, acked: u32): bool {
  const ring = config.sendRingBytes;
  const data = min(acked, t.sendBytes);
  t.sendHead = advance(t.sendHead, data, ring);
  t.sendBytes -= data;
  t.bytesAcknowledged += data;
  passUna(t, acked);
  congestion.onAck(t, acked);
  if (has(t, Bit.WANT_WRITE) && sendFree(t) >= ring >> 1) {
    clear(t, Bit.WANT_WRITE);
    raise(t, Event.WRITABLE);
  }
  return acked > data;
}

/** Timers and round-trip time at a move of SND.UNA. */
export function passUna(t: Tcb, acked: u32): void {
  const una = t.sndUna + acked;
  t.sndUna = una;
  t.sndNxt = seq.later(t.sndNxt, una);
  t.sndUp = seq.later(t.sndUp, una);
  t.retries = 0;
  if (acked) retransmit.stopTiming(t);
  // RFC 6298 sections 5.2 and 5.3. And what a time-out asked for is done with: the peer is there.
  clear(t, Bit.TIMES_RETRANSMIT | Bit.OWES_PROBE);
  if (una != t.sndMax) retransmit.start(t);
  // What can be sent now, or what a timer is for when nothing is out.
  if (t.sendBytes | <u32>owesFin(t) | t.keepaliveMs) makeReady(t);
}

/**
 * SND.WND is taken from the newest segment. Of an older one, too, when its ACK is news (as Linux does): SND.UNA alone
 * would move the edge to where no window of the peer ever was.
 */
function updateWindow(t: Tcb, fresh: u32): void {
  const wnd = segment.wnd;
  if (<u32>!fresh & <u32>seq.lessThan(segment.seq, t.sndWl1)) return;
  t.sndWl1 = segment.seq;
  const before = t.sndWnd;
  t.sndWnd = wnd;
  t.zeroWindows += <u16>(<u32>!wnd & <u32>(before != 0));
  if (wnd <= before) return;
  t.sndWndMax = max(t.sndWndMax, wnd);
  // Probes that met the shut window were thrown away: begin again at SND.UNA, without waiting for the timer.
  if (<u32>before | <u32>!(t.sendBytes | <u32>owesFin(t))) return makeReady(t);
  t.sndNxt = t.sndUna;
  t.backoff = 0;
  passUna(t, 0);
}

/** Our FIN is acknowledged. False when that ends the connection. */
function finAcknowledged(t: Tcb): bool {
  if (t.state == TcpState.FIN_WAIT_1) {
    setState(t, TcpState.FIN_WAIT_2);
    boundLife(t);
    return true;
  }
  if (t.state == TcpState.CLOSING) timewait.add(t);
  else finish(t);
  return false;
}

/** In FIN-WAIT-2, when nobody holds the connection: the peer's FIN gets this long. No other timer runs then. */
export function boundLife(t: Tcb): void {
  if (<u32>(t.state != TcpState.FIN_WAIT_2) | <u32>(t.kind != Kind.DETACHED)) return;
  set(t, Bit.TIMES_RETRANSMIT);
  t.retransmitAt = after(config.finWait2Ms);
}
