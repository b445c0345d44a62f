// Which address is in use: it is probed before (RFC 2131 section 4.4.1, RFC 5227 section 2.1), taken, and forgotten; and,
// while there is no lease, a link-local one (RFC 3927) when that is wanted.

import { Config, DhcpState, Event } from "../abi_constants";
import { config, header, LINK_HEADER_BYTES, Services, services } from "../config";
import { after, isDueElseWake } from "../lib/clock";
import { random } from "../lib/prng";
import { raise } from "../net/socket";
import { take } from "./address";
import { DhcpClient } from "./dhcp_client";

/** 169.254, and its netmask, as on the wire. */
const LINK_LOCAL_NET: u32 = 0x0000fea9;
const LINK_LOCAL_MASK: u32 = 0x0000ffff;
/** Of its networks of 256 hosts, 1 is the first that is given out, and so many follow (RFC 3927 section 2.1). */
const LINK_LOCAL_FIRST: u32 = 1;
const LINK_LOCAL_COUNT: u32 = 254;

/** A server has probed what it leases, too: two probes are enough then. PROBE_NUM of RFC 3927 section 9. */
const LEASE_PROBES: u8 = 2;
const LINK_LOCAL_PROBES: u8 = 3;
/** PROBE_WAIT, PROBE_MIN and half of PROBE_MAX, half of ANNOUNCE_WAIT. */
const PROBE_MS: u32 = 1000;
/** MAX_CONFLICTS, and RATE_LIMIT_INTERVAL. */
const CONFLICTS_MAX: u32 = 10;
const RATE_LIMIT_MS: u32 = 60000;

/** Multiplier of Knuth's multiplicative hash. */
const HASH: u32 = 0x9e3779b1;

/** The MTU that every host can take (RFC 791 section 3.1): a server that says less makes us work for nothing. */
const MTU_MIN: u32 = 576;

/** Where the probed address is, and behind it whether there is a conflict. */
const PROBED: usize = changetype<usize>(services) + offsetof<Services>("probed");

/** Begins to probe the leased address. */
export function probeLease(c: DhcpClient): void {
  probe(c, c.address, LEASE_PROBES, 0);
}

/** Begins with a link-local address when it is wanted, unless there is an address, or one is probed. */
export function fallBack(c: DhcpClient): void {
  if (<u32>!c.fallsBack | config.address | services.probed) return;
  // The MAC decides, so that a device gets the same address again.
  const hash = (config.mac0 + ((<u32>config.mac1) << 16) + c.conflicts) * HASH;
  const third = LINK_LOCAL_FIRST + ((hash >> 8) % LINK_LOCAL_COUNT);
  const wait = c.conflicts >= CONFLICTS_MAX ? RATE_LIMIT_MS : random() % PROBE_MS;
  probe(c, LINK_LOCAL_NET + (third << 16) + ((hash >> 24) << 24), LINK_LOCAL_PROBES, wait);
}

function probe(c: DhcpClient, address: u32, probes: u8, wait: u32): void {
  // With `conflict`.
  store<u64>(PROBED, address);
  c.probes = probes;
  c.probeAt = after(wait);
}

/** Stops probing. */
export function stopProbing(c: DhcpClient): void {
  store<u64>(PROBED, 0);
  c.probeOwed = 0;
}

// @inline
/** Whether the next probe is due, or the probed address free. */
export function isProbeDue(c: DhcpClient): bool {
  // What was heard and not yet seen to comes first.
  return services.probed && !services.conflict ? isDueElseWake(c.probeAt) : false;
}

/** Sends the next probe. */
export function probeAgain(c: DhcpClient): void {
  c.probes--;
  c.probeOwed = 1;
  c.probeAt = after(PROBE_MS + (c.probes ? random() % PROBE_MS : PROBE_MS));
}

/** Takes the link-local address that was probed into use. */
export function takeLinkLocal(c: DhcpClient): void {
  c.linkLocal = services.probed;
  stopProbing(c);
  take(c.linkLocal, LINK_LOCAL_MASK, 0);
  raise(c, Event.READABLE);
}

/** Somebody else has the link-local address that was probed or is in use, if any: another one. */
export function changeLinkLocal(c: DhcpClient): void {
  c.conflicts++;
  if (c.linkLocal) {
    forget(c.linkLocal);
    c.linkLocal = 0;
    raise(c, Event.FAILED);
  }
  fallBack(c);
}

/** Takes the leased address, and what the server said of its network, into use. Connections end when it is another. */
export function takeLease(c: DhcpClient): void {
  stopProbing(c);
  c.linkLocal = 0;
  learn(c);
  // The link was down: whoever is on this network now hears of us.
  const back = <u32>(c.phase == DhcpState.REBOOTING);
  if ((config.address ^ c.address) | (config.netmask ^ c.netmask) | (config.gateway ^ c.router) | back)
    take(c.address, c.netmask, c.router);
}

/** The lease ended: nothing of it is in use any more. */
export function forgetLease(c: DhcpClient): void {
  forget(c.address);
  const at = offsetof<DhcpClient>("address");
  memory.fill(changetype<usize>(c) + at, 0, offsetof<DhcpClient>("phase") - at);
  learn(c);
}

/** What a server said of MTU and DNS servers; without it what the configuration says holds. */
function learn(c: DhcpClient): void {
  // The longest packet that a slot holds is the configuration's MTU.
  const most = header.slotBytes - LINK_HEADER_BYTES;
  const mtu = <u32>c.mtu;
  config.mtu = <u16>(mtu - MTU_MIN <= most - MTU_MIN ? mtu : most);
  const servers = c.dns0
    ? changetype<usize>(c) + offsetof<DhcpClient>("dns0")
    : changetype<usize>(config) + offsetof<Config>("dnsServer0");
  services.dnsServer0 = load<u32>(servers);
  services.dnsServer1 = load<u32>(servers, 4);
}

/** No address any more, if it is `address`: the application may have set another. */
export function forget(address: u32): void {
  if (<u32>(address != 0) & <u32>(config.address == address)) take(0, 0, 0);
}
