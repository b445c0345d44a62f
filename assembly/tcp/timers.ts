// Timers are deadlines in the connection record. One scan serves all that are due; `state.nextTimer` says when the next
// scan can find something, so that an idle stack does nothing.

import { Counter, Status, TcpState } from "../abi_constants";
import { config } from "../config";
import { isDueElseWake } from "../lib/clock";
import { count } from "../lib/counters";
import { fail } from "./ending";
import { owe } from "./receive";
import * as retransmit from "./retransmit";
import { Bit, clear, connectionAt, has, isSynchronised, makeReady, set, Tcb } from "./tcb";

/** Doublings of the RTO after which it is at its maximum whatever it was. */
const BACKOFF_MAX: u8 = 13;

/** Runs the timers of all connections that are due, and notes when the next one is. */
export function run(): void {
  for (let index: u32 = 0; index < config.connections; index++) {
    // A record that was given back has no timers.
    runOne(connectionAt(index));
  }
}

function runOne(t: Tcb): void {
  if (has(t, Bit.TIMES_ACK) && isDueElseWake(t.delayedAckAt)) {
    clear(t, Bit.TIMES_ACK);
    owe(t);
  }
  if (has(t, Bit.TIMES_RETRANSMIT) && isDueElseWake(t.retransmitAt)) retransmissionDue(t);
}

/**
 * The retransmission timer expired: as such (RFC 6298 section 5.4), as persist timer (RFC 9293 section 3.8.6.1), or
 * as the bound of FIN-WAIT-2.
 */
export function retransmissionDue(t: Tcb): void {
  if (t.state == TcpState.FIN_WAIT_2) {
    count(Counter.TCP_FIN_WAIT_2_EXPIRED);
    return fail(t, Status.TIMED_OUT);
  }
  if (t.retries >= (isSynchronised(t) ? config.dataRetries : config.synRetries)) {
    count(Counter.TCP_GIVEN_UP);
    return fail(t, Status.TIMED_OUT);
  }
  t.retries++;
  const outstanding = t.sndUna != t.sndMax;
  if (outstanding) {
    count(Counter.TCP_TIMEOUTS);
    t.sndNxt = t.sndUna;
  }
  if (!(outstanding && t.sndWnd)) set(t, Bit.OWES_PROBE);
  if (t.backoff < BACKOFF_MAX) t.backoff++;
  retransmit.restart(t);
  makeReady(t);
}
