// The DHCP client's record, its clock and its timer. Names are RFC 2131's; units come last.

import { DhcpState, Lease } from "../abi_constants";
import { DHCP_BYTES, services, state } from "../config";
import { isDue, wakeAt } from "../lib/clock";
import { random } from "../lib/prng";
import { Socket } from "../net/socket";
import { DhcpOptions } from "../wire/dhcp";

/** Most octets of a host name, and of the domain name that is kept. */
export const NAME_BYTES_MAX: u32 = 64;
/** A lease of so many seconds (68 years) or more is taken as one that does not end: differences stay positive. */
export const LEASE_MAX: u32 = 0x7fffffff;

/** Longest time that the millisecond timer is set for, in seconds: longer ones are counted in steps. */
const STEP_SECONDS: u32 = 8192;
/** RFC 2131 section 4.1: the first delay before a message goes again, and how often it doubles. */
const RESEND_MS: u32 = 4000;
const DOUBLINGS_MAX: u32 = 4;
/** It varies by so much to either side. */
const VARIATION_MS: u32 = 1000;

/** The client. */
@unmanaged
export class DhcpClient extends Socket {
  /** The MessageType that has to leave, or 0. */
  owes: u8;
  /** How often the message has left. */
  tries: u8;
  /** The timer runs: `dueAt` holds. */
  timed: u8;
  /** A link-local address is wanted while there is no lease. */
  fallsBack: u8;
  /** ARP probes that are still to be sent, and whether one has to leave now. */
  probes: u8;
  probeOwed: u8;
  /** Link-local addresses that were found in use. Wraps. */
  conflicts: u8;
  hostNameBytes: u8;

  /** The clock of leases, which outlive the milliseconds' 49 days: seconds since the client was opened ... */
  seconds: u32;
  /** ... up to this time of the milliseconds' clock. */
  countedAt: u32;
  /** The timer, in milliseconds. */
  dueAt: u32;
  /** When something is to be done, in `seconds`: the timer may come earlier. */
  nextAt: u32;
  xid: u32;
  /** Seconds since the client began to ask, as the last DISCOVER or what begins like it says. */
  secs: u32;
  /** When the client began to ask, and when it asked for the lease, in `seconds`. */
  startedAt: u32;
  requestedAt: u32;
  /** Begin of the lease, in `seconds`. */
  leaseAt: u32;

  /** When the next probe is due, or the probed address is free. */
  probeAt: u32;

  // From here to `domain` the record is a Lease, which says what the fields mean.
  address: u32;
  // From here to `mtu` as in DhcpOptions.
  netmask: u32;
  router: u32;
  dns0: u32;
  ntp: u32;
  lease: u32;
  server: u32;
  renew: u32;
  rebind: u32;
  dns1: u32;
  mtu: u16;
  domainBytes: u8;
  /** A DhcpState. */
  phase: u8;
  linkLocal: u32;
  /** The domain name, and behind it the host name, have NAME_BYTES_MAX octets each. */
  domain: u8;
}

/** Where the names stand, and the record ends. */
export const DOMAIN_AT: usize = offsetof<DhcpClient>("domain");
export const HOST_NAME_AT: usize = DOMAIN_AT + NAME_BYTES_MAX;
export const RECORD_BYTES: usize = HOST_NAME_AT + NAME_BYTES_MAX;

// @inline
/** The client's record. */
export function client(): DhcpClient {
  return changetype<DhcpClient>(services.dhcpClient);
}

/** Counts the seconds that have passed. */
export function countSeconds(c: DhcpClient): void {
  const passed = (state.now - c.countedAt) / 1000;
  c.countedAt += passed * 1000;
  c.seconds += passed;
}

/** Sets the timer, `ms` milliseconds from now. */
export function arm(c: DhcpClient, ms: u32): void {
  c.nextAt = c.seconds;
  setTimer(c, state.now + ms);
}

/** Sets the timer to the time `seconds` from the last that was counted. */
export function armSeconds(c: DhcpClient, seconds: u32): void {
  c.nextAt = c.seconds + seconds;
  setTimer(c, c.countedAt + min(seconds, STEP_SECONDS) * 1000);
}

/** The timer comes no later than `seconds`, a time that was not yet counted. */
export function armNoLaterThan(c: DhcpClient, seconds: u32): void {
  const at = c.countedAt + min(seconds - c.seconds, STEP_SECONDS) * 1000;
  if (<i32>(at - c.dueAt) < 0) setTimer(c, at);
}

function setTimer(c: DhcpClient, at: u32): void {
  c.dueAt = at;
  c.timed = 1;
  wakeAt(at);
}

/** Whether the timer has come, which stops it. When not, timers will run then. */
export function takeTimer(c: DhcpClient): bool {
  if (!c.timed) return false;
  if (!isDue(c.dueAt)) {
    wakeAt(c.dueAt);
    return false;
  }
  countSeconds(c);
  if (c.nextAt > c.seconds) {
    armSeconds(c, c.nextAt - c.seconds);
    return false;
  }
  stopTimer(c);
  return true;
}

/** Stops the timer. */
export function stopTimer(c: DhcpClient): void {
  c.timed = 0;
}

/** Goes to another state, in which nothing has been sent yet. */
export function enter(c: DhcpClient, phase: DhcpState): void {
  c.phase = <u8>phase;
  c.owes = 0;
  c.tries = 0;
  stopTimer(c);
}

/** A message of a MessageType has to leave: for the first time since the state was entered, or again. */
export function ask(c: DhcpClient, type: u32): void {
  c.owes = <u8>type;
  state.scanDue = 1;
  const doublings = min<u32>(c.tries, DOUBLINGS_MAX);
  if (!c.tries) c.xid = random();
  if (c.tries < 255) c.tries++;
  arm(c, (RESEND_MS << doublings) - VARIATION_MS + (random() % (2 * VARIATION_MS + 1)));
}

/** Fails to compile when the record does not fit its place, or has other fields than what is copied from and to it. */
export function checkLayout(): void {
  if (RECORD_BYTES > DHCP_BYTES) ERROR("DhcpClient does not fit");
  const lease = offsetof<DhcpClient>("address");
  if (DOMAIN_AT - lease != offsetof<Lease>("domain0")) ERROR("Lease does not match DhcpClient");
  if (RECORD_BYTES - NAME_BYTES_MAX - lease != offsetof<Lease>()) ERROR("Lease does not match DhcpClient");
  if (offsetof<DhcpClient>("phase") - lease != offsetof<Lease>("state")) ERROR("Lease does not match DhcpClient");
  if (offsetof<DhcpClient>("domainBytes") - offsetof<DhcpClient>("netmask") != offsetof<DhcpOptions>("domainBytes"))
    ERROR("DhcpOptions do not match DhcpClient");
}
