// The retransmission time-out: RFC 6298, with a millisecond clock. The least RTO is configurable; its default of 200 ms
// is below the RFC's second, as Linux does.

import { config, state } from "../config";
import { after } from "../lib/clock";
import { segment } from "./segment";
import * as seq from "./seq";
import { Agreed, Bit, clear, has, set, Tcb } from "./tcb";
import { clock } from "./timestamps";

/** RTO before the first sample (RFC 6298 section 2.1), in milliseconds. */
export const INITIAL_RTO_MS: u32 = 1000;
/** RTO after a SYN that was lost, while there is no sample (section 5.7). */
const AFTER_LOST_SYN_MS: u16 = 3000;
/** Longest RTO, backed off or not (section 2.4). */
export const RTO_MAX_MS: u32 = 60000;

/** A connection begins: no sample yet. */
export function begin(t: Tcb): void {
  t.rtoMs = <u16>INITIAL_RTO_MS;
}

/** The connection is established. */
export function established(t: Tcb): void {
  if (<u32>(t.srtt8 != 0) | <u32>!t.retransmits) return;
  t.rtoMs = AFTER_LOST_SYN_MS;
  t.backoff = 0;
}

/** The RTO in milliseconds, backed off. */
export function timeout(t: Tcb): u32 {
  // At most 60000 << 13: no overflow.
  return min((<u32>t.rtoMs) << t.backoff, RTO_MAX_MS);
}

/**
 * What ends at `end` was sent for the first time: times it, unless another measurement runs, or a loss is being
 * repaired (the fields are needed then).
 */
export function startTiming(t: Tcb, end: u32): void {
  if (has(t, Bit.RTT_TIMING | Bit.RECOVER) | <u32>t.retries) return;
  set(t, Bit.RTT_TIMING);
  t.rttSeq = end;
  t.timedAt = state.now;
}

/**
 * SND.UNA has moved on: takes a sample when it covers what is timed. With timestamps the peer tells when what it
 * acknowledges left: also of what was sent again, and of every segment while nothing is timed.
 */
export function stopTiming(t: Tcb): void {
  const timing = has(t, Bit.RTT_TIMING);
  if (<u32>timing & <u32>seq.lessThan(t.sndUna, t.rttSeq)) return;
  if (t.bits & segment.options & Agreed.TIMESTAMPS) sample(t, clock() - segment.tsEcho);
  else if (timing) sample(t, state.now - t.timedAt);
  clear(t, Bit.RTT_TIMING);
}

/** Starts the retransmission timer unless it runs. */
export function start(t: Tcb): void {
  if (!has(t, Bit.TIMES_RETRANSMIT)) restart(t);
}

/** Starts the retransmission timer anew; the user timeout may be nearer. */
export function restart(t: Tcb): void {
  let ms = timeout(t);
  if (t.userTimeoutMs) {
    const left = t.retries ? t.timedAt + t.userTimeoutMs - state.now : t.userTimeoutMs;
    ms = min(ms, left);
  }
  arm(t, ms);
}

/** The timer will expire in `ms` milliseconds. */
export function arm(t: Tcb, ms: u32): void {
  set(t, Bit.TIMES_RETRANSMIT);
  t.retransmitAt = after(ms);
}

/**
 * Section 2.2 and 2.3, scaled by 8 and 4 so that the gains are shifts. The clock's granularity is a millisecond, and a
 * round trip below it counts as one: zero means "no sample". One above the longest RTO is none: a peer echoed something
 * else than our clock.
 */
export function sample(t: Tcb, rttMs: u32): void {
  if (rttMs > RTO_MAX_MS) return;
  const rtt = max(rttMs, 1);
  let srtt8 = t.srtt8;
  let rttVar4 = rtt << 1;
  if (!srtt8) srtt8 = rtt << 3;
  else {
    const error = rtt - (srtt8 >> 3);
    rttVar4 = t.rttVar4 + abs<i32>(error) - (t.rttVar4 >> 2);
    srtt8 += error;
  }
  // Section 5, note: a backed-off RTO stays until a sample says better.
  t.backoff = 0;
  t.srtt8 = srtt8;
  t.rttVar4 = rttVar4;
  t.rtoMs = <u16>min(max((srtt8 >> 3) + max(rttVar4, 1), config.rtoMinMs), RTO_MAX_MS);
}
