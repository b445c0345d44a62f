// How connections end: TIME-WAIT, closed on both sides, failed. What becomes of the record depends on whether the
// application still holds its handle.

import { Counter, Event, Status, TcpState } from "../abi_constants";
import { HAS_DNS, state } from "../config";
import { count } from "../lib/counters";
import { isHeld, Kind, makeReady, raise } from "../net/socket";
import * as demux from "./demux";
import { dequeue } from "./listen";
import { Bit, clear, has, release, set, setState, Tcb } from "./tcb";

/** Both directions have ended, and all is acknowledged. */
export function finish(t: Tcb): void {
  leave(t, Status.OK, Event.CLOSED);
}

/** The connection ends before its time. `error`: what the application will be told. */
export function fail(t: Tcb, error: Status): void {
  leave(t, error, Event.FAILED);
}

/** The connection has to end with a reset: `output` sends it, then the record goes. */
export function reset(t: Tcb): void {
  t.bits = (t.bits & ~Bit.ACTIVITY) | Bit.OWES_RESET;
  makeReady(t);
}

/** The connection has to end with a reset, but nothing that was written is lost by it. */
export function resetWhenSent(t: Tcb): void {
  set(t, Bit.RESETS);
  if (!t.sendBytes) reset(t);
}

function leave(t: Tcb, error: Status, event: Event): void {
  demux.remove(t);
  if (t.listener) {
    // Nobody has a handle: nobody will miss it.
    count(Counter.TCP_UNACCEPTED);
    dequeue(t);
  }
  setState(t, TcpState.CLOSED);
  clear(t, Bit.ACTIVITY);
  t.error = <i16>error;
  // A service looks itself, and so does `connect` by name, which may try another address.
  if (HAS_DNS && <u32>(t.kind == Kind.SERVICE) | (isHeld(t) & <u32>has(t, Bit.NAMED))) state.scanDue = 1;
  else if (isHeld(t)) raise(t, event | Event.READABLE | Event.WRITABLE);
  else release(t);
}
