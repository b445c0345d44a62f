// The states of RFC 2131 figure 5, as time drives them from one to the next.

import { DhcpState, Event } from "../abi_constants";
import { Kind, raise } from "../net/socket";
import { INFINITE, MessageType } from "../wire/dhcp";
import { fallBack, forget, forgetLease, stopProbing, takeLease } from "./dhcp_address";
import { arm, armNoLaterThan, armSeconds, ask, DhcpClient, enter } from "./dhcp_client";

/** A REQUEST leaves five times: RFC 2131 section 3.1 has four repeats, a minute in all. */
const REQUEST_TRIES: u8 = 5;
/** DISCOVERs without an answer before a link-local address is taken: 12 seconds. */
const FALL_BACK_TRIES: u8 = 3;
/** RFC 2131 section 3.1 (5): after a DECLINE, before all begins anew. */
const PAUSE_MS: u32 = 10000;
/** RFC 2131 section 4.4.5: a REQUEST goes again in half of the time that is left, but no sooner. */
const RENEW_SECONDS_MIN: u32 = 60;

/** INIT: looks for servers. */
export function start(c: DhcpClient): void {
  enter(c, DhcpState.SELECTING);
  c.startedAt = c.seconds;
  discover(c);
}

/** INIT-REBOOT: asks whether the address that is leased is good here. */
export function reboot(c: DhcpClient): void {
  enter(c, DhcpState.REBOOTING);
  c.startedAt = c.requestedAt = c.seconds;
  askAgain(c);
}

function askAgain(c: DhcpClient): void {
  c.secs = c.seconds - c.startedAt;
  ask(c, MessageType.REQUEST);
  // The lease may end meanwhile.
  if (c.lease != INFINITE) armNoLaterThan(c, c.leaseAt + c.lease);
}

/** Waits a while before all begins anew. */
export function pause(c: DhcpClient): void {
  enter(c, DhcpState.WAITING);
  arm(c, PAUSE_MS);
}

/** BOUND: takes what the server granted into use. */
export function bind(c: DhcpClient): void {
  takeLease(c);
  raise(c, Event.READABLE);
  resume(c);
}

/** What was leased is not ours any more. */
export function lose(c: DhcpClient): void {
  forgetLease(c);
  raise(c, Event.FAILED);
}

/** Somebody has the address that was just leased: the server is told, and all begins anew (RFC 2131 section 3.1 (5)). */
export function decline(c: DhcpClient): void {
  stopProbing(c);
  enter(c, DhcpState.WAITING);
  ask(c, MessageType.DECLINE);
  arm(c, PAUSE_MS);
}

/** Gives the lease back, as soon as the way to the server is known. */
export function release(c: DhcpClient): void {
  enter(c, DhcpState.RELEASING);
  ask(c, MessageType.RELEASE);
}

/** The end: no lease, no address, and the record is free. */
export function quit(c: DhcpClient): void {
  stopProbing(c);
  forgetLease(c);
  forget(c.linkLocal);
  enter(c, DhcpState.CLOSED);
  c.kind = Kind.FREE;
}

/** The timer has come. */
export function timerDue(c: DhcpClient): void {
  switch (<u32>c.phase) {
    case DhcpState.SELECTING:
      return discover(c);
    case DhcpState.REQUESTING:
      if (c.tries >= REQUEST_TRIES) return start(c);
      return ask(c, MessageType.REQUEST);
    case DhcpState.WAITING:
      return start(c);
    case DhcpState.REBOOTING:
      // RFC 2131 section 3.2 (5): without an answer the lease that there was holds.
      if (c.tries >= REQUEST_TRIES || c.seconds - c.leaseAt >= c.lease) return resume(c);
      return askAgain(c);
    case DhcpState.RELEASING:
      return quit(c);
  }
  leaseDue(c);
}

function discover(c: DhcpClient): void {
  if (c.tries >= FALL_BACK_TRIES) fallBack(c);
  c.secs = c.seconds - c.startedAt;
  ask(c, MessageType.DISCOVER);
}

function resume(c: DhcpClient): void {
  enter(c, DhcpState.BOUND);
  leaseDue(c);
}

/** T1, T2 and the end of the lease, RFC 2131 section 4.4.5. */
function leaseDue(c: DhcpClient): void {
  const lease = c.lease;
  if (lease == INFINITE) return;
  const age = c.seconds - c.leaseAt;
  if (age >= lease) {
    lose(c);
    return start(c);
  }
  if (age < c.renew) return armSeconds(c, c.renew - age);
  if (c.phase == DhcpState.BOUND) c.startedAt = c.seconds;
  const renews = age < c.rebind;
  // Each request is a question of its own: only so it is known when the lease was asked for that is granted.
  enter(c, renews ? DhcpState.RENEWING : DhcpState.REBINDING);
  c.requestedAt = c.seconds;
  c.secs = c.seconds - c.startedAt;
  ask(c, MessageType.REQUEST);
  const left = (renews ? c.rebind : lease) - age;
  armSeconds(c, min(left, max(left >> 1, RENEW_SECONDS_MIN)));
}
