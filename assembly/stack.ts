// The stack as a whole: boot, frames in and out, time. The switches that hand a frame to its protocol are here and
// nowhere else.

import {
  Config,
  Counter,
  DEADLINE_CAP_MS,
  DEADLINE_NEVER,
  Family,
  InputFlag,
  InterfaceAddress,
  LAYOUT_VERSION,
  STATE_BASE,
  STATE_MAGIC,
  Status,
  TcpState,
} from "./abi_constants";
import { checkLayout, config, header, LINK_HEADER_BYTES, layOut, normalise, planBytes, state } from "./config";
import { swap32 } from "./lib/bytes";
import { advanceClock, isDue, untilDue } from "./lib/clock";
import { count } from "./lib/counters";
import * as arp from "./net/arp";
import * as icmp from "./net/icmp";
import * as ipv4 from "./net/ipv4";
import * as link from "./net/link";
import { beforeInput, Reply } from "./net/reply";
import * as route from "./net/route";
import { fail } from "./tcp/ending";
import { arrives } from "./tcp/input";
import * as listen from "./tcp/listen";
import * as sender from "./tcp/output";
import * as reset from "./tcp/reset";
import * as segment from "./tcp/segment";
import * as tcb from "./tcp/tcb";
import * as timers from "./tcp/timers";
import * as timewait from "./tcp/timewait";
import { TYPE_ARP, TYPE_IPV4 } from "./wire/ethernet";
import { PROTOCOL_ICMP, PROTOCOL_TCP } from "./wire/ipv4";

/** Most milliseconds that the link may be down or a timer scan may be put off: `deadline`'s cap. */
const CAP: u32 = DEADLINE_CAP_MS;

/** Bytes of memory that the configuration needs; fills in its defaults. */
export function bytesNeeded(record: Config): i32 {
  const status = normalise(record);
  return status == Status.OK ? planBytes(record) : status;
}

/** Lays the state out from `record` and starts. */
export function init(record: Config, memoryBytes: u32, now: u32): i32 {
  checkLayout();
  tcb.checkLayout();
  segment.checkLayout();
  const bytes = bytesNeeded(record);
  if (bytes < 0) return bytes;
  if (<u32>bytes > memoryBytes) return Status.NO_MEMORY;
  // The record may lie anywhere, in the state too: it is in its place before the rest is cleared.
  const place = changetype<usize>(config);
  memory.copy(place, changetype<usize>(record), offsetof<Config>());
  memory.fill(STATE_BASE, 0, place - STATE_BASE);
  const end = place + offsetof<Config>();
  memory.fill(end, 0, <usize>bytes - end);
  layOut(memoryBytes, <u32>bytes);
  tcb.initConnections();
  state.hostNow = state.now = now;
  state.timeMs = now;
  route.setBroadcast();
  return Status.OK;
}

/** Whether the state is one of ours, laid out as this build lays it out: then it can go on. */
export function adopt(memoryBytes: u32, now: u32): i32 {
  if (
    header.magic != STATE_MAGIC ||
    header.layoutVersion != LAYOUT_VERSION ||
    header.memoryBytes > memoryBytes
  )
    return Status.VERSION_MISMATCH;
  // Another machine has another clock: time goes on from where it stopped.
  state.hostNow = now;
  return Status.OK;
}

/** Takes the frame in the input slot. */
export function input(length: u32, flags: u32, now: u32): i32 {
  beforeInput();
  tick(now);
  count(Counter.FRAMES_IN);
  const type = link.receive(length);
  const verified = (flags & InputFlag.CHECKSUM_VERIFIED) != 0;
  if (type == TYPE_IPV4) ipv4Arrives(length - LINK_HEADER_BYTES, verified);
  else if (type == TYPE_ARP) {
    if (arp.receive(length - LINK_HEADER_BYTES)) arpSettled(0);
  } else if (type) count(Counter.LINK_UNKNOWN_TYPE);
  return Status.OK;
}

function ipv4Arrives(length: u32, verified: bool): void {
  const protocol = ipv4.receive(length, verified);
  if (protocol == PROTOCOL_TCP) arrives(verified);
  else if (protocol == PROTOCOL_ICMP) icmp.receive(verified);
  else if (protocol) count(Counter.IP_UNKNOWN_PROTOCOL);
}

/** Builds the next frame that is due into the output slot. Stateless replies go first, then ARP, then TCP. */
export function output(now: u32): i32 {
  tick(now);
  header.frameBytes = 0;
  if (!state.linkUp) return 0;
  let bytes = emitReply();
  if (!bytes && state.arpDue) bytes = arp.emitRequest();
  if (!bytes && state.synDue) bytes = listen.emitSynAck();
  if (!bytes) bytes = sender.next();
  // Building a segment may have asked for a neighbour.
  if (!bytes && state.arpDue) bytes = arp.emitRequest();
  if (bytes) count(Counter.FRAMES_OUT);
  return <i32>bytes;
}

function emitReply(): u32 {
  const kind = state.replyKind;
  if (kind == Reply.NONE) return 0;
  state.replyKind = Reply.NONE;
  if (kind == Reply.TCP) return reset.emitReply();
  return kind == Reply.ARP ? arp.emitReply() : icmp.emitReply();
}

/** Moves the clock on and runs the timers that are due. */
export function tick(now: u32): void {
  advanceClock(now);
  if (!state.timersArmed || !isDue(state.nextTimer)) return;
  state.timersArmed = 0;
  timers.run();
  listen.expire();
  timewait.expire();
  for (let address = arp.giveUp(); address; address = arp.giveUp()) arpSettled(address);
}

/** Milliseconds until `output` must be called. */
export function deadline(now: u32): i32 {
  tick(now);
  if (state.linkUp && <u32>state.replyKind | state.arpDue | state.synDue | state.readyHead) return 0;
  return state.timersArmed ? <i32>min(untilDue(state.nextTimer), CAP) : DEADLINE_NEVER;
}

/** The link went up or down. Neighbours may be others now. */
export function linkChanged(up: u32, now: u32): void {
  tick(now);
  state.linkUp = <u8>(up != 0);
  if (!up) return;
  arp.flush();
  arpSettled(0);
}

/** Takes new addresses into use; connections from another address end. */
export function setAddress(record: InterfaceAddress, now: u32): i32 {
  if (record.family != Family.IPV4) return Status.NOT_SUPPORTED;
  if (record.prefixBits > 32 || record.interface) return Status.INVALID_ARGUMENT;
  tick(now);
  const changed = config.address != record.address0;
  config.address = record.address0;
  config.gateway = record.router0;
  config.netmask = record.prefixBits ? swap32(-1 << (32 - <u32>record.prefixBits)) : 0;
  route.setBroadcast();
  arp.flush();
  arpSettled(0);
  if (changed) endConnections();
  return Status.OK;
}

/** The address that all connections are from is gone: nothing that they send would be theirs. */
function endConnections(): void {
  listen.flush();
  timewait.flush();
  for (let index: u32 = 0; index < config.connections; index++) {
    const t = tcb.connectionAt(index);
    if (t.kind == tcb.Kind.CONNECTION && t.state != TcpState.CLOSED) fail(t, Status.ABORTED);
  }
}

/** A neighbour became known (`address` 0), or `address` is not to be found: whoever waits for it goes on. */
function arpSettled(address: u32): void {
  listen.arpSettled(address);
  sender.arpSettled(address);
}
