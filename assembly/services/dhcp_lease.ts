// The states of RFC 2131 figure 5, as time drives them from one to the next.

import { DhcpState, Event } from "../abi_constants";
import { services } from "../config";
import { Kind, raise } from "../net/socket";
import { MessageType } from "../wire/dhcp";
import { fallBack, forget, forgetLease, stopProbing, takeLease } from "./dhcp_address";
import { arm, ask, DhcpClient, enter, leftOf } from "./dhcp_client";

/** A REQUEST leaves so often: RFC 2131 section 3.1 has four repeats, a minute in all. */
const REQUEST_TRIES: u8 = 5;
/** DISCOVERs without an answer before a link-local address is probed: 12 seconds. */
const FALL_BACK_TRIES: u8 = 2;
/** RFC 2131 section 3.1 (5): after a DECLINE, before all begins anew. */
const PAUSE_MS: u32 = 10000;
/** RFC 2131 section 4.4.5: a REQUEST goes again in half of the time that is left, but no sooner. */
const RENEW_MS_MIN: u32 = 60000;

/** INIT: looks for servers. */
export function start(c: DhcpClient): void {
  enter(c, DhcpState.SELECTING);
  c.startedAt = services.uptimeMs;
  discover(c);
}

/** INIT-REBOOT: asks whether the address that is leased is good here. */
export function reboot(c: DhcpClient): void {
  enter(c, DhcpState.REBOOTING);
  begin(c, MessageType.REQUEST);
}

/** Asks what begins a lease, if it is granted: that counts from now on. */
function begin(c: DhcpClient, type: u32): void {
  c.requestedAt = services.uptimeMs;
  ask(c, type);
}

/** In `phase`, all begins anew after a while. */
export function pause(c: DhcpClient, phase: DhcpState): void {
  enter(c, phase);
  arm(c, PAUSE_MS);
}

/** BOUND: takes what the server granted into use. */
export function bind(c: DhcpClient): void {
  takeLease(c);
  raise(c, Event.READABLE);
  leaseDue(c);
}

/** What was leased is not ours any more. */
export function lose(c: DhcpClient): void {
  forgetLease(c);
  raise(c, Event.FAILED);
}

/** Somebody has the address that was just leased: the server is told, and all begins anew (RFC 2131 section 3.1 (5)). */
export function decline(c: DhcpClient): void {
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
  const phase = <u32>c.phase;
  if (phase == DhcpState.SELECTING) return discover(c);
  if (phase == DhcpState.RELEASING) return quit(c);
  if (<u32>(phase == DhcpState.WAITING) | <u32>(phase == DhcpState.CHECKING)) return start(c);
  const asks = <u32>(c.tries < REQUEST_TRIES);
  if (phase == DhcpState.REQUESTING) {
    if (asks) ask(c, MessageType.REQUEST);
    else start(c);
    // RFC 2131 section 3.2 (5): without an answer the lease that there was holds.
  } else if (asks & <u32>(phase == DhcpState.REBOOTING) && leftOf(c, c.lease)) ask(c, MessageType.REQUEST);
  else leaseDue(c);
}

function discover(c: DhcpClient): void {
  if (c.tries >= FALL_BACK_TRIES) fallBack(c);
  begin(c, MessageType.DISCOVER);
}

/** BOUND, or T1, T2 and the end of the lease, RFC 2131 section 4.4.5. */
function leaseDue(c: DhcpClient): void {
  let wait = leftOf(c, c.renew);
  if (wait) enter(c, DhcpState.BOUND);
  else {
    wait = leftOf(c, c.lease);
    if (!wait) {
      lose(c);
      return start(c);
    }
    const renews = leftOf(c, c.rebind);
    // Each request is a question of its own: only so it is known when the lease was asked for that is granted.
    enter(c, renews ? DhcpState.RENEWING : DhcpState.REBINDING);
    begin(c, MessageType.REQUEST);
    if (renews) wait = renews;
    wait = min(wait, max(wait >> 1, RENEW_MS_MIN));
  }
  arm(c, wait);
}
