// The retransmission time-out: RFC 6298, with a millisecond clock. The least RTO is configurable; its default of 200 ms
// is below the RFC's second, as Linux does.

import { config, state } from "../config";
import { wakeAt } from "../lib/clock";
import * as seq from "./seq";
import { Flag, Tcb, Timer } from "./tcb";

/** RTO before the first sample (RFC 6298 section 2.1), in milliseconds. */
export const INITIAL_RTO_MS: u32 = 1000;
/** Longest RTO, backed off or not (section 2.4). */
const RTO_MAX_MS: u32 = 60000;

/** A connection begins: no sample yet. */
export function begin(t: Tcb): void {
  t.rtoMs = INITIAL_RTO_MS;
}

/** The RTO in milliseconds, backed off. */
export function timeout(t: Tcb): u32 {
  return <u32>min<u64>(<u64>t.rtoMs << t.backoff, RTO_MAX_MS);
}

/** What ends at `end` was sent for the first time: times it, unless another measurement runs. */
export function startTiming(t: Tcb, end: u32): void {
  if (t.flags & Flag.RTT_TIMING) return;
  t.flags |= Flag.RTT_TIMING;
  t.rttSeq = end;
  t.rttStart = state.now;
}

/** SND.UNA has moved on: takes a sample when it covers what is timed. */
export function stopTiming(t: Tcb): void {
  if (!(t.flags & Flag.RTT_TIMING) || seq.lessThan(t.sndUna, t.rttSeq)) return;
  t.flags &= ~Flag.RTT_TIMING;
  sample(t, state.now - t.rttStart);
}

/** Something was sent again: what its acknowledgment answers cannot be known (Karn's algorithm, section 3). */
export function discardTiming(t: Tcb): void {
  t.flags &= ~Flag.RTT_TIMING;
}

/** Starts the retransmission timer anew. */
export function restart(t: Tcb): void {
  t.timers |= Timer.RETRANSMIT;
  t.retransmitAt = state.now + timeout(t);
  wakeAt(t.retransmitAt);
}

/** The SYN-ACK sent at `sentAt` was not sent again: its round trip is the first sample. */
export function firstSample(t: Tcb, sentAt: u32): void {
  sample(t, state.now - sentAt);
}

/** Section 2.2 and 2.3, scaled by 8 and 4 so that the gains are shifts. The clock's granularity is a millisecond. */
function sample(t: Tcb, rttMs: u32): void {
  // A round trip below the clock's tick counts as one tick: zero means "no sample".
  const rtt = min(max(rttMs, 1), RTO_MAX_MS);
  if (!t.srtt8) {
    t.srtt8 = rtt << 3;
    t.rttVar4 = rtt << 1;
  } else {
    const error = <i32>rtt - <i32>(t.srtt8 >> 3);
    t.rttVar4 += <u32>(abs<i32>(error) - <i32>(t.rttVar4 >> 2));
    t.srtt8 += <u32>error;
  }
  t.rtoMs = min(max((t.srtt8 >> 3) + max(t.rttVar4, 1), config.rtoMinMs), RTO_MAX_MS);
}
