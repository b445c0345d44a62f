// Congestion control: Reno with NewReno's recovery (RFC 5681, 6582), limited transmit (3042), initial window 10 (6928).
// Plain functions of the connection record, so that another algorithm can stand here.
//
// The window is inflated by a segment for each duplicate ACK, without being written: up to two before the loss is
// believed (limited transmit), and from the third on in recovery.

import { config, state } from "../config";
import * as retransmit from "./retransmit";
import * as seq from "./seq";
import { Bit, clear, has, set, Tcb } from "./tcb";

/** Initial window, in octets and in segments: RFC 6928 section 2. */
const INITIAL_BYTES: u32 = 14600;
const INITIAL_SEGMENTS: u32 = 10;
/** Slow start goes on until there is a loss. */
const THRESHOLD_MAX: u32 = 1 << 30;

/** The connection is established. A SYN that had to be sent again leaves one segment (RFC 5681 section 3.1). */
export function begin(t: Tcb): void {
  t.congestionWindow = t.retransmits ? <u32>t.sndMss : initialWindow(t);
  t.slowStartThreshold = THRESHOLD_MAX;
}

/** Octets after SND.UNA that may be in flight. */
export function window(t: Tcb): u32 {
  afterIdle(t);
  // After a time-out, duplicate ACKs are answers to what was sent needlessly.
  const inflated = (t.bits & (Bit.RECOVER | Bit.RECOVERING)) != Bit.RECOVER;
  return min(t.sndWnd, t.congestionWindow + (inflated ? <u32>t.sndMss * t.duplicateAcks : 0));
}

// @inline
/** RFC 5681 section 4.1: when nothing went to and fro for a time-out, nothing is known of the path any more. */
export function afterIdle(t: Tcb): void {
  // Most often no time has passed at all.
  if (state.now != t.heardAt) afterSilence(t);
}

function afterSilence(t: Tcb): void {
  if (<u32>(t.sndUna == t.sndMax) & <u32>(state.now - t.heardAt > retransmit.timeout(t)))
    t.congestionWindow = min(t.congestionWindow, initialWindow(t));
}

/** `acked` octets were acknowledged anew, up to SND.UNA. */
export function onAck(t: Tcb, acked: u32): void {
  const mss = <u32>t.sndMss;
  const una = t.sndUna;
  let cwnd = t.congestionWindow;
  if (has(t, Bit.RECOVERING)) {
    if (seq.lessThan(una, t.rttSeq)) {
      // A partial acknowledgment: the next hole. The window gives way by what left the network, but for one segment.
      set(t, Bit.OWES_REPAIR);
      const left = <i32>t.duplicateAcks - <i32>(acked / mss) + <i32>(acked >= mss);
      t.duplicateAcks = <u8>max<i32>(left, 0);
      return;
    }
    clear(t, Bit.RECOVERING);
    // RFC 6582 section 3.2, step 3: no burst of what the application has waiting.
    cwnd = min(t.slowStartThreshold, max(t.sndMax - una, mss) + mss);
  } else if (cwnd < t.slowStartThreshold) cwnd += min(acked, mss);
  else cwnd += max<u32>(1, (mss * mss) / cwnd);
  t.duplicateAcks = 0;
  // Nothing is gained from a window that the ring cannot fill.
  t.congestionWindow = min(cwnd, config.sendRingBytes);
  if (<u32>has(t, Bit.RECOVER) & <u32>seq.lessThan(t.rttSeq, una)) clear(t, Bit.RECOVER);
}

/** The third duplicate ACK: halves the window and sends the first hole again. */
export function onLoss(t: Tcb): void {
  halve(t);
  t.congestionWindow = t.slowStartThreshold;
  lossMet(t, Bit.RECOVER | Bit.RECOVERING | Bit.OWES_REPAIR);
}

/** The retransmission timer expired: starts over with one segment. Once for a window, not for each back-off. */
export function onTimeout(t: Tcb): void {
  if (!t.retries) halve(t);
  t.congestionWindow = t.sndMss;
  t.duplicateAcks = 0;
  lossMet(t, Bit.RECOVER);
}

function lossMet(t: Tcb, bits: u32): void {
  t.rttSeq = t.sndMax;
  t.bits = (t.bits & ~(Bit.RECOVERING | Bit.OWES_REPAIR | Bit.RTT_TIMING)) | bits;
}

/** RFC 5681, equation 4: half of what is in flight, limited transmit left out. */
function halve(t: Tcb): void {
  t.slowStartThreshold = max(min(t.sndMax - t.sndUna, t.congestionWindow) >> 1, (<u32>t.sndMss) << 1);
}

function initialWindow(t: Tcb): u32 {
  const mss = <u32>t.sndMss;
  return min(INITIAL_SEGMENTS * mss, max(mss << 1, INITIAL_BYTES));
}
