// How connections end: TIME-WAIT, closed on both sides, failed. What becomes of the record depends on whether the
// application still holds its handle.

import { Counter, Event, Status, TcpState } from "../abi_constants";
import { count } from "../lib/counters";
import { dequeue, promoteWaiting } from "./listen";
import { Due, Flag, makeReady, raise, release, setState, Tcb, unhash } from "./tcb";
import * as timewait from "./timewait";

/** Both directions have ended, and all is acknowledged: by TIME-WAIT (a compact entry takes over) or by LAST-ACK. */
export function finish(t: Tcb): void {
  unhash(t);
  if (t.state == TcpState.TIME_WAIT) timewait.add(t);
  leave(t, Status.OK, Event.CLOSED);
}

/** The connection ends before its time. `error`: what the application will be told. */
export function fail(t: Tcb, error: Status): void {
  leave(t, error, Event.FAILED);
}

/** The application wants no more of it, or a reset has to tell the peer that data was lost: sends one, then goes. */
export function reset(t: Tcb): void {
  if (t.state == TcpState.CLOSED || t.state == TcpState.SYN_SENT) return fail(t, Status.ABORTED);
  t.due = Due.RESET;
  t.acksOwed = 0;
  t.timers = 0;
  makeReady(t);
}

function leave(t: Tcb, error: Status, event: Event): void {
  unhash(t);
  if (t.listener) {
    count(Counter.TCP_UNACCEPTED);
    dequeue(t);
    t.flags |= Flag.DETACHED;
  }
  setState(t, TcpState.CLOSED);
  t.due = 0;
  t.acksOwed = 0;
  t.timers = 0;
  if (t.flags & Flag.DETACHED) {
    free(t);
    return;
  }
  t.error = <i8>error;
  raise(t, event | Event.READABLE | Event.WRITABLE);
}

/** Gives the record back, and lets a finished handshake that waits for one go on. */
export function free(t: Tcb): void {
  release(t);
  promoteWaiting();
}
