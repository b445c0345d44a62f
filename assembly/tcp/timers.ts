// Timers are deadlines in the connection record. One scan serves all that are due; `state.nextTimer` says when the next
// scan can find something, so that an idle stack does nothing.

import { Counter, Status } from "../abi_constants";
import { config } from "../config";
import { isDue, wakeAt } from "../lib/clock";
import { count } from "../lib/counters";
import * as congestion from "./congestion";
import { fail } from "./ending";
import { owe } from "./receive";
import * as retransmit from "./retransmit";
import { connectionAt, Due, isSynchronised, Kind, makeReady, Tcb, Timer } from "./tcb";

/** Doublings of the RTO after which it is at its maximum whatever it was. */
const BACKOFF_MAX: u8 = 13;

/** Runs the timers of all connections that are due, and notes when the next one is. */
export function run(): void {
  for (let index: u32 = 0; index < config.connections; index++) {
    const t = connectionAt(index);
    if (t.timers && t.kind == Kind.CONNECTION) runOne(t);
  }
}

function runOne(t: Tcb): void {
  if (t.timers & Timer.DELAYED_ACK) {
    if (!isDue(t.delayedAckAt)) wakeAt(t.delayedAckAt);
    else {
      t.timers &= ~Timer.DELAYED_ACK;
      owe(t);
    }
  }
  if (t.timers & Timer.LIFE) {
    if (!isDue(t.lifeAt)) wakeAt(t.lifeAt);
    else {
      count(Counter.TCP_FIN_WAIT_2_EXPIRED);
      return fail(t, Status.TIMED_OUT);
    }
  }
  if (t.timers & Timer.RETRANSMIT) {
    if (!isDue(t.retransmitAt)) wakeAt(t.retransmitAt);
    else retransmissionDue(t);
  }
}

/** The retransmission timer expired (RFC 6298 section 5.4), or as persist timer (RFC 9293 section 3.8.6.1). */
export function retransmissionDue(t: Tcb): void {
  const limit = !isSynchronised(t) ? config.synRetries : config.dataRetries;
  if (t.retries >= limit) {
    count(Counter.TCP_GIVEN_UP);
    return fail(t, Status.TIMED_OUT);
  }
  t.retries++;
  t.duplicateAcks = 0;
  t.due &= ~Due.RETRANSMIT;
  if (t.sndUna != t.sndMax) {
    count(Counter.TCP_TIMEOUTS);
    retransmit.discardTiming(t);
    congestion.onTimeout(t);
    t.sndNxt = t.sndUna;
  }
  if (!t.sndWnd || t.sndUna == t.sndMax) t.due |= Due.PROBE;
  if (t.backoff < BACKOFF_MAX) t.backoff++;
  retransmit.restart(t);
  makeReady(t);
}
