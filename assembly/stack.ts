// The stack as a whole: boot, frames in and out, time. The switches that hand a frame to its protocol are here and
// nowhere else.

import {
  Config,
  Counter,
  DEADLINE_NEVER,
  Family,
  InterfaceAddress,
  STATE_BASE,
  StateHeader,
  Status,
} from "./abi_constants";
import {
  check,
  checkLayout,
  config,
  HAS_DHCP,
  HAS_DNS,
  HAS_GROUPS,
  HAS_REASSEMBLY,
  header,
  LINK_HEADER_BYTES,
  layOut,
  planBytes,
  STANDARD,
  state,
} from "./config";
import { swap32 } from "./lib/bytes";
import { advanceClock, isDue } from "./lib/clock";
import { count, tally } from "./lib/counters";
import * as arp from "./net/arp";
import * as fragments from "./net/fragments";
import * as groups from "./net/groups";
import * as icmp from "./net/icmp";
import * as igmp from "./net/igmp";
import * as ipv4 from "./net/ipv4";
import * as link from "./net/link";
import { beforeInput, oweLimited, Reply } from "./net/reply";
import * as route from "./net/route";
import { EPHEMERAL_FIRST, takeReady } from "./net/socket";
import { ANNOUNCEMENTS, arpSettled, take } from "./services/address";
import * as dhcp from "./services/dhcp";
import * as dns from "./services/dns";
import * as dnsCache from "./services/dns_cache";
import * as dnsQuery from "./services/dns_query";
import * as sockets from "./services/sockets";
import * as icmperror from "./tcp/icmperror";
import { arrives } from "./tcp/input";
import * as sender from "./tcp/output";
import * as reset from "./tcp/reset";
import * as segment from "./tcp/segment";
import * as syncache from "./tcp/syncache";
import * as tcb from "./tcp/tcb";
import * as timers from "./tcp/timers";
import * as timewait from "./tcp/timewait";
import * as datagram from "./udp/datagram";
import { Datagram } from "./udp/datagram";
import * as udperror from "./udp/icmperror";
import * as udp from "./udp/input";
import * as datagrams from "./udp/output";
import { TYPE_ARP, TYPE_IPV4 } from "./wire/ethernet";
import { PROTOCOL_ICMP, PROTOCOL_IGMP, PROTOCOL_TCP, PROTOCOL_UDP } from "./wire/ipv4";

/** Bytes of memory that the configuration needs. */
export function bytesNeeded(record: Config): i32 {
  const status = check(record);
  return status == Status.OK ? planBytes(record) : status;
}

/** Lays the state out from `record` and starts. */
export function init(record: Config, memoryBytes: u32, now: u32): i32 {
  checkLayout();
  tcb.checkLayout();
  segment.checkLayout();
  if (STANDARD) {
    datagram.checkLayout();
    dhcp.checkLayout();
    dnsQuery.checkLayout();
    dnsCache.checkLayout();
    fragments.checkLayout();
    groups.checkLayout();
  }
  const bytes = bytesNeeded(record);
  if (bytes < 0) return bytes;
  // What the host says, but no more than there is.
  if (<u32>bytes > min(memoryBytes, (<u32>memory.size()) << 16)) return Status.NO_MEMORY;
  // The record may lie anywhere, in the state too: it is in its place before the rest is cleared.
  const place = changetype<usize>(config);
  memory.copy(place, changetype<usize>(record), offsetof<Config>());
  memory.fill(STATE_BASE, 0, place - STATE_BASE);
  const end = place + offsetof<Config>();
  memory.fill(end, 0, <usize>bytes - end);
  layOut(<u32>bytes);
  tcb.initConnections();
  state.hostNow = state.now = state.replyDebt = state.defenceDebt = now;
  route.setBroadcast();
  return Status.OK;
}

/** Takes the frame in the input slot. `flags`: InputFlag bits. */
export function input(length: u32, flags: u32, now: u32): void {
  if (state.replyKind) beforeInput();
  tickInline(now);
  tally(Counter.FRAMES_IN);
  const type = link.receive(length);
  length -= LINK_HEADER_BYTES;
  if (type == TYPE_IPV4) ipv4Arrives(length, flags);
  else if (type == TYPE_ARP) {
    if (arp.receive(length)) {
      arpSettled(0);
      state.scanDue = 1;
    }
  } else if (type) count(Counter.LINK_UNKNOWN_TYPE);
}

function ipv4Arrives(length: u32, flags: u32): void {
  let protocol = ipv4.receive(length, flags);
  if (HAS_REASSEMBLY && protocol == ipv4.FRAGMENT) {
    protocol = fragments.receive();
    // What the driver knows of the last fragment says nothing of the whole.
    flags = 0;
  }
  if (protocol == PROTOCOL_TCP) arrives(flags);
  else if (protocol == PROTOCOL_ICMP) {
    if (icmp.receive(flags)) errorArrives();
  } else if (STANDARD && protocol == PROTOCOL_UDP) datagramArrives(flags);
  else if (HAS_GROUPS && protocol == PROTOCOL_IGMP) igmp.receive();
  else if (protocol) {
    count(Counter.IP_UNKNOWN_PROTOCOL);
    oweLimited(Reply.UNREACHABLE);
  }
}

/** An ICMP error, about a segment or a datagram. */
function errorArrives(): void {
  if (STANDARD && udperror.quotedIp().protocol == PROTOCOL_UDP) {
    if (!udperror.check()) return;
    udperror.arrives();
  } else icmperror.arrives();
}

function datagramArrives(flags: u32): void {
  if (!udp.receive(flags)) return;
  if (HAS_DHCP && dhcp.isRunning() && udp.localPort() == udp.DHCP_CLIENT_PORT)
    return dhcp.receive(udp.data(), udp.dataBytes());
  if (HAS_DNS && dns.receive(ipv4.input().source, udp.header().ports, udp.data(), udp.dataBytes())) return;
  if (udp.deliver()) return;
  // Never about what went to many (RFC 1122 section 3.2.2). Nor about the ephemeral ports: who counts our answers, of which
  // there is a limit, would learn from them which port a query has (the side channel that is known as SAD DNS).
  if (
    <u32>(config.address != 0) &
    <u32>(ipv4.input().destination == config.address) &
    <u32>(udp.localPort() < EPHEMERAL_FIRST)
  )
    oweLimited(Reply.UNREACHABLE);
}

/**
 * Builds the next frame that is due into the output slot. Stateless replies go first, then connections, SYN-ACKs that
 * are repeated, ARP.
 */
export function output(now: u32): u32 {
  tickInline(now);
  // Both are 0 unless a segment says otherwise: neighbours in the record, and so one store.
  store<u32>(changetype<usize>(header), 0, offsetof<StateHeader>("checksumStart"));
  let bytes = state.replyKind ? emitReply() : 0;
  while (!bytes) {
    bytes = turns();
    // ARP last, because building a segment may have asked for a neighbour.
    if (bytes | <u32>!state.scanDue) break;
    bytes = scan();
  }
  if (bytes) tally(Counter.FRAMES_OUT);
  return bytes;
}

/** Sockets take turns. Returns the length of the frame of the first one that has one. */
function turns(): u32 {
  let bytes: u32 = 0;
  while (!bytes) {
    const socket = takeReady();
    if (!socket) break;
    bytes =
      STANDARD && sockets.isService(socket)
        ? datagrams.turn(changetype<Datagram>(socket))
        : sender.turn(changetype<tcb.Tcb>(socket));
  }
  return bytes;
}

/** Looks through the tables whose entries may have a frame due. Connections may be ready then. */
function scan(): u32 {
  state.scanDue = 0;
  let bytes = syncache.scan();
  if (HAS_DHCP && !bytes) bytes = dhcp.emit();
  if (HAS_DNS && !bytes) bytes = dns.emitNext();
  if (HAS_GROUPS && !bytes) bytes = igmp.emit();
  if (!bytes) bytes = arp.emitRequest();
  if (HAS_REASSEMBLY && !bytes) bytes = fragments.scan();
  const failed = state.arpFailed;
  // Whoever waited has something to do now. Each round frees an ARP entry: there is an end.
  state.arpFailed = 0;
  if (failed) {
    arpSettled(failed);
    syncache.unreachable(failed);
    if (HAS_DHCP) dhcp.unreachable(failed);
  }
  if (bytes | failed) state.scanDue = 1;
  return bytes;
}

function emitReply(): u32 {
  const kind = state.replyKind;
  state.replyKind = Reply.NONE;
  switch (kind) {
    case Reply.TCP:
      return reset.emitReply();
    case Reply.ARP:
      return arp.emitReply();
    case Reply.ECHO:
      return icmp.emitReply();
    case Reply.UNREACHABLE:
      return icmp.emitUnreachable();
  }
  return 0;
}

/** Moves the clock on and runs the timers that are due. */
export function tick(now: u32): void {
  tickInline(now);
}

// @inline
function tickInline(now: u32): void {
  if (now != state.hostNow) advanceClock(now);
  if (<u32>state.timersArmed & <u32>isDue(state.nextTimer)) runTimers();
}

function runTimers(): void {
  state.timersArmed = 0;
  state.scanDue = 1;
  timers.run();
  timewait.expire();
  if (HAS_DHCP) dhcp.run();
  // What services have due, `scan` finds: it runs after every timer.
}

/** The link went up (1) or down (0). */
export function linkChanged(up: u32, now: u32): void {
  tick(now);
  arp.forget();
  arpSettled(0);
  if (!up) return;
  if (!HAS_DHCP || dhcp.linkUp()) arp.announce(ANNOUNCEMENTS);
  // There may be another switch.
  if (HAS_GROUPS) igmp.report(0, 0);
  timers.hurry();
}

/** Our address, network and router are those of `record` from now on. */
export function setAddress(record: InterfaceAddress, now: u32): i32 {
  if (record.family != Family.IPV4) return Status.NOT_SUPPORTED;
  const ours = record.address0;
  const bits = <u32>record.prefixBits;
  if (<u32>(bits > 32) | record.interface | (<u32>(ours != 0) & <u32>(ours == record.router0)))
    return Status.INVALID_ARGUMENT;
  tick(now);
  // All bits but those of hosts; a shift by 32 would be none.
  take(ours, swap32(<u32>((<u64>0xffffffff) << (32 - bits))), record.router0);
  return Status.OK;
}

/** Milliseconds until `output` must be called. */
export function deadline(now: u32): i32 {
  tick(now);
  if (<u32>state.replyKind | state.scanDue | state.readyHead) return 0;
  return state.timersArmed ? <i32>(state.nextTimer - state.now) : DEADLINE_NEVER;
}
