// Another address of ours, and what that means for what was built on the old one; and who waited for a neighbour.

import { Status } from "../abi_constants";
import { COMPACT_BYTES, config, STANDARD, state } from "../config";
import * as arp from "../net/arp";
import { Reply } from "../net/reply";
import * as route from "../net/route";
import { Kind } from "../net/socket";
import { fail } from "../tcp/ending";
import * as sender from "../tcp/output";
import * as syncache from "../tcp/syncache";
import * as tcb from "../tcp/tcb";
import * as timewait from "../tcp/timewait";
import * as datagrams from "../udp/output";

/** Announcements of an address, and when the link goes up: ANNOUNCE_NUM of RFC 5227 section 1.1. */
export const ANNOUNCEMENTS: u8 = 2;

/** Address, netmask and router are these from now on, as on the wire; an address of 0 is none. */
export function take(address: u32, netmask: u32, router: u32): void {
  if (address != config.address) forgetConnections();
  config.address = address;
  config.gateway = router;
  config.netmask = netmask;
  route.setBroadcast();
  arp.forget();
  arpSettled(0);
  arp.announce(ANNOUNCEMENTS);
}

/** A neighbour became known (`address` 0), or `address` is not to be found. */
export function arpSettled(address: u32): void {
  sender.arpSettled(address);
  if (STANDARD) datagrams.arpSettled(address);
}

/** Ends all connections without a word: our side of them is not there any more. */
function forgetConnections(): void {
  state.replyKind = Reply.NONE;
  for (let index: u32 = 0; index < config.connections; index++) {
    const t = tcb.connectionAt(index);
    if (t.state) fail(t, Status.ABORTED);
  }
  for (let at = state.synTable; at < state.hashTable; at += COMPACT_BYTES) {
    const entry = changetype<tcb.Compact>(at);
    if (entry.kind >= Kind.SYN) syncache.remove(entry);
    else if (entry.kind) timewait.remove(entry);
  }
}
