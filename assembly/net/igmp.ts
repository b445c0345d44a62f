// IGMP version 2, RFC 2236: tells the network which groups we are in, so that switches and routers let them through to us.
// Without it a switch that looks on ("snooping") cuts a group off after minutes.

import { Counter } from "../abi_constants";
import { config, state } from "../config";
import { checksum } from "../lib/checksum";
import { after, isDueElseWake } from "../lib/clock";
import { drop } from "../lib/counters";
import { random } from "../lib/prng";
import { Ipv4Header, PROTOCOL_IGMP } from "../wire/ipv4";
import { ALL_HOSTS, GROUPS, GROUPS_END, Group, isJoined, neighbour } from "./groups";
import * as ipv4 from "./ipv4";
import * as link from "./link";
import { mayReply } from "./reply";

/** Types of messages. A report of others is none of our business: see `receive`. */
const QUERY: u32 = 0x11;
const REPORT: u32 = 0x16;
const LEAVE: u32 = 0x17;
/** Octets of a message. */
const MESSAGE_BYTES: u32 = 8;
/** 224.0.0.2, as on the wire: who hears of it when a group is left. */
const ALL_ROUTERS: u32 = 0x020000e0;
/** The router alert option, RFC 2113. */
const ROUTER_ALERT: u32 = 0x00000494;
const ROUTER_ALERT_BYTES: u32 = 4;
/** Internetwork control, as reports of IGMP version 3 have it (RFC 3376 section 4). */
const TOS: u32 = 0xc0;
/** Section 8.10 and 4: how long until a report goes again; and for a query of version 1, which says nothing. In milliseconds. */
const INTERVAL_MS: u32 = 10000;
/** Reports when a group is joined (section 3). */
export const REPORTS: u32 = 2;

/** Takes the message that arrived. */
export function receive(): void {
  const ip = ipv4.input();
  const at = ipv4.payload(ip);
  const length = ipv4.payloadBytes(ip);
  if (length < MESSAGE_BYTES || checksum(at, length, 0) != 0xffff) {
    drop(Counter.IGMP_MALFORMED);
    return;
  }
  // Reports of other hosts do not silence ours: RFC 3376 gave that up (appendix A.2), and anybody could use it to cut us off.
  if (load<u8>(at) != QUERY) drop(Counter.IGMP_IGNORED);
  else if (mayReply()) report(load<u32>(at, 4), <u32>load<u8>(at, 1) * 100);
}

/** Reports `group`, or with 0 all that sockets are in, within `most` milliseconds, or the usual time for 0. */
export function report(group: u32, most: u32): void {
  if (!most) most = INTERVAL_MS;
  for (let at = GROUPS; at < GROUPS_END; at += offsetof<Group>()) {
    const g = changetype<Group>(at);
    if (<u32>!g.socket | <u32>(g.address == ALL_HOSTS) | (group && group ^ g.address)) continue;
    const wait = random() % most;
    if (g.owes && g.dueAt - state.now < wait) continue;
    g.dueAt = after(wait);
    g.owes = max(g.owes, 1);
  }
}

/** Builds the next message that is due into the output slot. Returns the frame's length; 0: none is due. */
export function emit(): u32 {
  if (!config.address) return 0;
  for (let at = GROUPS; at < GROUPS_END; at += offsetof<Group>()) {
    const g = changetype<Group>(at);
    if (!g.owes || !isDueElseWake(g.dueAt)) continue;
    const group = g.address;
    g.owes--;
    if (g.socket) {
      if (g.owes) g.dueAt = after(random() % INTERVAL_MS);
      return send(REPORT, group, group);
    }
    g.address = 0;
    // Another socket may be in it; and in that of all hosts everybody is.
    if (!isJoined(group) && group != ALL_HOSTS) return send(LEAVE, group, ALL_ROUTERS);
  }
  return 0;
}

function send(type: u32, group: u32, destination: u32): u32 {
  const at = ipv4.outputPayload();
  store<u32>(at, ROUTER_ALERT);
  store<u32>(at, type, ROUTER_ALERT_BYTES);
  store<u32>(at, group, ROUTER_ALERT_BYTES + 4);
  store<u16>(at, <u16>~checksum(at + ROUTER_ALERT_BYTES, MESSAGE_BYTES, 0), ROUTER_ALERT_BYTES + 2);
  const length = ROUTER_ALERT_BYTES + MESSAGE_BYTES;
  const bytes = ipv4.emit(destination, PROTOCOL_IGMP, length, TOS, neighbour(destination));
  // The option belongs to the header.
  changetype<Ipv4Header>(link.outputPayload()).versionIhl = 0x46;
  ipv4.amend(config.address, 1);
  return bytes;
}
