// The DHCP client's record, its clock and its timer. Names are RFC 2131's; times are in milliseconds.

import { DhcpState, Lease } from "../abi_constants";
import { DHCP_BYTES, services, state } from "../config";
import { after } from "../lib/clock";
import { random } from "../lib/prng";
import { Socket } from "../net/socket";
import { DhcpOptions } from "../wire/dhcp";

/** Most octets of a host name, and of the domain name that is kept. */
export const NAME_BYTES_MAX: u32 = 64;
/** Longest time that the timer is set for, in milliseconds. Longer ones are counted in steps. */
const STEP_MS: u64 = 1 << 24;
/** RFC 2131 section 4.1: the first delay before a message goes again, and how often it doubles. */
const RESEND_MS: u32 = 4000;
const DOUBLINGS_MAX: u32 = 4;
/** It varies by so much to either side. */
const VARIATION_MS: u32 = 1000;

export const MS_PER_SECOND: u64 = 1000;

/** The client. */
@unmanaged
export class DhcpClient extends Socket {
  /** The MessageType that has to leave, or 0. */
  owes: u8;
  /** How often the message has left. Wraps: after hours another begins. */
  tries: u8;
  /** A link-local address is wanted while there is no lease. */
  fallsBack: u8;
  /** ARP probes that are still to be sent, and whether one has to leave now. */
  probes: u8;
  probeOwed: u8;
  /** Link-local addresses that were found in use. Wraps. */
  conflicts: u8;
  hostNameBytes: u8;
  unused: u8;

  // By the clock that outlives the 49 days of 32 bits.
  /** Begin of the search for a server. */
  startedAt: u64;
  /** When the lease was asked for: by the DISCOVER, or a later REQUEST that begins anew. */
  requestedAt: u64;
  /** Begin of the lease. */
  leaseAt: u64;

  /** The timer. */
  dueAt: u32;
  /** When the next probe is due, or the probed address is free. */
  probeAt: u32;
  xid: u32;

  // From here to `domain` the record is a Lease, which says what the fields mean.
  address: u32;
  // From here to `mtu` as in DhcpOptions.
  netmask: u32;
  router: u32;
  ntp: u32;
  server: u32;
  dns0: u32;
  dns1: u32;
  lease: u32;
  renew: u32;
  rebind: u32;
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

/** Sets the timer, `ms` milliseconds from now. */
export function arm(c: DhcpClient, ms: u32): void {
  c.dueAt = after(ms);
}

/** Milliseconds until the lease is `seconds` old, or the most that the timer is set for; 0: it is. */
export function leftOf(c: DhcpClient, seconds: u32): u32 {
  const end = c.leaseAt + <u64>seconds * MS_PER_SECOND;
  return services.uptimeMs >= end ? 0 : <u32>min(end - services.uptimeMs, STEP_MS);
}

/** Goes to another state, in which nothing has been sent yet. */
export function enter(c: DhcpClient, phase: DhcpState): void {
  c.phase = <u8>phase;
  // With `tries`.
  store<u16>(changetype<usize>(c), 0, offsetof<DhcpClient>("owes"));
}

/** A message of a MessageType has to leave: for the first time since the state was entered, or again. */
export function ask(c: DhcpClient, type: u32): void {
  c.owes = <u8>type;
  state.scanDue = 1;
  const tries = <u32>c.tries;
  c.tries = <u8>(tries + 1);
  // RFC 2131 section 4.4.1: a request for what was offered has the offer's.
  if (<u32>!tries & <u32>(c.phase != DhcpState.REQUESTING)) c.xid = random();
  let wait = (RESEND_MS << min(tries, DOUBLINGS_MAX)) - VARIATION_MS + (random() % (2 * VARIATION_MS + 1));
  // A lease that is used meanwhile may end before.
  if (c.phase == DhcpState.REBOOTING) wait = min(wait, leftOf(c, c.lease));
  arm(c, wait);
}

/** Fails to compile when the record does not fit its place, or has other fields than what is copied from and to it. */
export function checkLayout(): void {
  if (RECORD_BYTES > DHCP_BYTES) ERROR("DhcpClient does not fit");
  const lease = offsetof<DhcpClient>("address");
  if (DOMAIN_AT - lease != offsetof<Lease>("domain0")) ERROR("Lease does not match DhcpClient");
  if (RECORD_BYTES - NAME_BYTES_MAX - lease != offsetof<Lease>()) ERROR("Lease does not match DhcpClient");
  if (offsetof<DhcpClient>("phase") - lease != offsetof<Lease>("state"))
    ERROR("Lease does not match DhcpClient");
  if (
    offsetof<DhcpClient>("domainBytes") - offsetof<DhcpClient>("netmask") !=
    offsetof<DhcpOptions>("domainBytes")
  )
    ERROR("DhcpOptions do not match DhcpClient");
}
