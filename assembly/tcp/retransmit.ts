// The retransmission time-out: RFC 6298, with a millisecond clock. The least RTO is configurable; its default of 200 ms
// is below the RFC's second, as Linux does.

import { config, state } from "../config";
import { after } from "../lib/clock";
import * as seq from "./seq";
import { Bit, clear, has, set, Tcb } from "./tcb";

/** RTO before the first sample (RFC 6298 section 2.1), in milliseconds. */
const INITIAL_RTO_MS: u32 = 1000;
/** Longest RTO, backed off or not (section 2.4). */
const RTO_MAX_MS: u32 = 60000;

/** A connection begins: no sample yet. */
export function begin(t: Tcb): void {
  t.rtoMs = INITIAL_RTO_MS;
}

/** The RTO in milliseconds, backed off. */
export function timeout(t: Tcb): u32 {
  // At most 60000 << 13: no overflow.
  return min(t.rtoMs << t.backoff, RTO_MAX_MS);
}

/** What ends at `end` was sent for the first time: times it, unless another measurement runs. */
export function startTiming(t: Tcb, end: u32): void {
  if (has(t, Bit.RTT_TIMING)) return;
  set(t, Bit.RTT_TIMING);
  t.rttSeq = end;
  t.rttStart = state.now;
}

/** SND.UNA has moved on: takes a sample when it covers what is timed. */
export function stopTiming(t: Tcb): void {
  if (!has(t, Bit.RTT_TIMING) || seq.lessThan(t.sndUna, t.rttSeq)) return;
  clear(t, Bit.RTT_TIMING);
  sample(t, state.now - t.rttStart);
}

/** Starts the retransmission timer unless it runs. */
export function start(t: Tcb): void {
  if (!has(t, Bit.TIMES_RETRANSMIT)) restart(t);
}

/** Starts the retransmission timer anew. */
export function restart(t: Tcb): void {
  set(t, Bit.TIMES_RETRANSMIT);
  t.retransmitAt = after(timeout(t));
}

/**
 * Section 2.2 and 2.3, scaled by 8 and 4 so that the gains are shifts. The clock's granularity is a millisecond, and a
 * round trip below it counts as one: zero means "no sample".
 */
function sample(t: Tcb, rttMs: u32): void {
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
  t.rtoMs = min(max((srtt8 >> 3) + max(rttVar4, 1), config.rtoMinMs), RTO_MAX_MS);
}
