// Congestion control: Reno with NewReno's recovery (RFC 5681, 6582), initial window 10 (RFC 6928). Plain functions of
// the connection record, so that another algorithm can stand here.

import { config } from "../config";
import * as seq from "./seq";
import { Due, Flag, Tcb } from "./tcb";

const INITIAL_SEGMENTS: u32 = 10;
const WINDOW_MAX: u32 = 1 << 30;

/** The connection was established. */
export function begin(t: Tcb): void {
  t.congestionWindow = INITIAL_SEGMENTS * t.sndMss;
  t.slowStartThreshold = WINDOW_MAX;
}

/** `acked` octets were acknowledged anew, up to SND.UNA. */
export function onAck(t: Tcb, acked: u32): void {
  const mss = <u32>t.sndMss;
  if (t.flags & Flag.AFTER_TIMEOUT && seq.atMost(t.recover, t.sndUna)) t.flags &= ~Flag.AFTER_TIMEOUT;
  if (t.flags & Flag.IN_RECOVERY) {
    if (seq.lessThan(t.sndUna, t.recover)) {
      // Partial acknowledgment: the next hole (RFC 6582 section 3.2, step 3).
      t.due |= Due.RETRANSMIT;
      const deflated = t.congestionWindow - min(t.congestionWindow, acked);
      t.congestionWindow = max(deflated, mss) + (acked >= mss ? mss : 0);
      return;
    }
    t.flags &= ~Flag.IN_RECOVERY;
    t.congestionWindow = t.slowStartThreshold;
    return;
  }
  // Nothing is gained from a window that the ring cannot fill.
  if (t.congestionWindow > config.sendRingBytes) return;
  if (t.congestionWindow < t.slowStartThreshold) t.congestionWindow += min(acked, mss);
  else t.congestionWindow += max(1, (mss * mss) / t.congestionWindow);
}

/** The third duplicate ACK: halves the window and sends the first hole again. */
export function onLoss(t: Tcb): void {
  halve(t);
  t.congestionWindow = t.slowStartThreshold + 3 * <u32>t.sndMss;
  t.recover = t.sndMax;
  t.flags |= Flag.IN_RECOVERY;
  t.due |= Due.RETRANSMIT;
}

/** One more duplicate ACK in recovery: a segment has left the network. */
export function onDuplicate(t: Tcb): void {
  t.congestionWindow += t.sndMss;
}

/** The retransmission timer expired: starts over with one segment. */
export function onTimeout(t: Tcb): void {
  // Once for a window of data, not for each back-off (RFC 5681 section 3.1).
  if (!t.backoff) halve(t);
  t.congestionWindow = t.sndMss;
  t.recover = t.sndMax;
  t.flags = (t.flags & ~Flag.IN_RECOVERY) | Flag.AFTER_TIMEOUT;
}

function halve(t: Tcb): void {
  t.slowStartThreshold = max((t.sndMax - t.sndUna) >> 1, 2 * <u32>t.sndMss);
}
