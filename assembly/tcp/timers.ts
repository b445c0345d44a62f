// Timers are deadlines in the connection record. One scan serves all that are due; `state.nextTimer` says when the next
// scan can find something, so that an idle stack does nothing.

import { Counter, Status, TcpState } from "../abi_constants";
import { config, state } from "../config";
import { isDueElseWake } from "../lib/clock";
import { count } from "../lib/counters";
import * as arp from "../net/arp";
import * as route from "../net/route";
import { Kind, makeReady } from "../net/socket";
import * as congestion from "./congestion";
import { fail } from "./ending";
import { owesFin } from "./output";
import { owe } from "./receive";
import * as retransmit from "./retransmit";
import { Bit, clear, connectionAt, has, isSynchronised, set, Tcb } from "./tcb";

/** Time-outs in a row after which the way to the peer is doubted: R1 of RFC 9293 section 3.8.3. */
const R1: u8 = 3;
/** Doublings of the RTO after which it is at its maximum whatever it was. */
const BACKOFF_MAX: u8 = 13;

/** Runs the timers of all connections that are due, and notes when the next one is. */
export function run(): void {
  for (let index: u32 = 0; index < config.connections; index++) {
    // A record that was given back has no timers.
    runOne(connectionAt(index));
  }
}

/** The link is back: what waits for a retransmission goes now, and not when a backed-off timer says so. */
export function hurry(): void {
  for (let index: u32 = 0; index < config.connections; index++) {
    const t = connectionAt(index);
    if (<u32>!has(t, Bit.TIMES_RETRANSMIT) | <u32>!(t.sendBytes | (t.sndUna ^ t.sndMax))) continue;
    t.backoff = 0;
    t.sndNxt = t.sndUna;
    set(t, Bit.OWES_PROBE);
    retransmit.restart(t);
    makeReady(t);
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
 * The retransmission timer expired: as such (RFC 6298 section 5.4), as persist timer (RFC 9293 section 3.8.6.1), as
 * keepalive timer (3.8.4), or as the bound of FIN-WAIT-2.
 */
export function retransmissionDue(t: Tcb): void {
  const outstanding = t.sndUna != t.sndMax;
  const quiet = !(<u32>outstanding | t.sendBytes | <u32>owesFin(t));
  if (quiet && isQuietDue(t)) return;
  const now = state.now;
  // The first time: what is waited for was sent when the timer was set; or is a probe, and leaves now.
  if (!t.retries)
    t.timedAt =
      quiet || <u32>!t.sndWnd & <u32>isSynchronised(t)
        ? now
        : now - min(retransmit.timeout(t), t.userTimeoutMs ? t.userTimeoutMs : u32.MAX_VALUE);
  if (<u32>(t.userTimeoutMs != 0) & <u32>(now - t.timedAt >= t.userTimeoutMs)) {
    count(Counter.TCP_USER_TIMEOUTS);
    return fail(t, Status.TIMED_OUT);
  }
  // One probe leaves whatever the limit says.
  const probes = <u32>!(outstanding && t.sndWnd);
  if (t.retries >= (isSynchronised(t) ? max<u32>(config.dataRetries, probes) : config.synRetries)) {
    count(Counter.TCP_GIVEN_UP);
    return fail(t, Status.TIMED_OUT);
  }
  if (outstanding) {
    count(Counter.TCP_TIMEOUTS);
    // A probe that meets a shut window is lost to no congestion.
    if (<u32>isSynchronised(t) & <u32>(t.sndWnd != 0)) congestion.onTimeout(t);
    t.sndNxt = t.sndUna;
  }
  if (++t.retries == R1) arp.doubt(route.nextHop(t.remoteAddress));
  if (probes) set(t, Bit.OWES_PROBE);
  if (t.backoff < BACKOFF_MAX) t.backoff++;
  retransmit.restart(t);
  makeReady(t);
}

/** The timer expired while there is nothing to send. True when that calls for no probe. */
function isQuietDue(t: Tcb): bool {
  if (<u32>(t.state == TcpState.FIN_WAIT_2) & <u32>(t.kind == Kind.DETACHED)) {
    count(Counter.TCP_FIN_WAIT_2_EXPIRED);
    fail(t, Status.TIMED_OUT);
    return true;
  }
  clear(t, Bit.TIMES_RETRANSMIT);
  const quiet = state.now - t.heardAt;
  const idle = t.keepaliveMs;
  // Somebody was heard meanwhile, or keepalives were switched off.
  if (quiet >= idle) return !idle;
  retransmit.arm(t, idle - quiet);
  return true;
}
