// ARP, RFC 826: who has which address on this network. An entry
//
//   INCOMPLETE   was asked for and is not known yet; at `deadline` the question is asked again, or given up
//   REACHABLE    is known until `deadline`
//   STALE        was in use after its time: still used while it is asked for again
//
// Only what answers a question of ours, or asks for us, makes an entry; anything else may refresh one.

import { Counter } from "../abi_constants";
import { ARP_BYTES, config, header, LINK_HEADER_BYTES, state } from "../config";
import { isDue, wakeAt } from "../lib/clock";
import { count } from "../lib/counters";
import { ARP_PACKET_BYTES, ArpPacket, check, HARDWARE_PROTOCOL, LENGTHS, REPLY, REQUEST, senderAddress } from "../wire/arp";
import { TYPE_ARP } from "../wire/ethernet";
import * as link from "./link";
import { claim, Reply } from "./reply";
import * as route from "./route";

namespace EntryState {
  export const FREE: u8 = 0;
  export const INCOMPLETE: u8 = 1;
  export const REACHABLE: u8 = 2;
  export const STALE: u8 = 3;
}

/** Questions asked before giving up, and the time between them. */
const TRIES: u8 = 3;
const RETRY_MS: u32 = 1000;
/** How long an answer is believed; RFC 1122 section 2.3.2.1 suggests a minute. */
const REACHABLE_MS: u32 = 60000;

/** What is known of one neighbour. */
@unmanaged
export class ArpEntry {
  address: u32;
  mac0: u32;
  mac1: u16;
  state: u8;
  tries: u8;
  deadline: u32;
  /** Time of the last use, for eviction. */
  used: u32;
}

/** Takes the ARP packet of `length` octets in the input slot. True when a neighbour became known. */
export function receive(length: u32): bool {
  const packet = changetype<ArpPacket>(link.inputPayload());
  if (!check(packet, length) || packet.senderMac0 & 1) {
    count(Counter.ARP_MALFORMED);
    return false;
  }
  const sender = senderAddress(packet);
  const forUs = config.address != 0 && packet.targetAddress == config.address;
  let entry = find(sender);
  // RFC 826: refresh what is known; make an entry only when the packet is for us. A probe (RFC 5227) has no sender.
  if (!entry && forUs && route.isHost(sender)) entry = makeRoom(sender);
  if (!entry) count(Counter.ARP_IGNORED);
  else learn(entry, packet.senderMac0, packet.senderMac1);
  if (forUs && packet.operation == REQUEST && claim(Reply.ARP)) state.replyAddress = sender;
  return entry != null;
}

/** The entry with the MAC of `address`, or null: the question is asked, and the caller has to wait. */
export function resolve(address: u32): ArpEntry | null {
  let entry = find(address);
  if (!entry) {
    entry = makeRoom(address);
    ask(entry, EntryState.INCOMPLETE);
  }
  entry.used = state.now;
  if (entry.state == EntryState.INCOMPLETE) return null;
  if (entry.state == EntryState.REACHABLE && isDue(entry.deadline)) ask(entry, EntryState.STALE);
  return entry;
}

/** Gives up the next question that was asked often enough. Returns the address that nobody has, or 0. */
export function giveUp(): u32 {
  for (let entry = first(), left = config.arpEntries; left; left--, entry = next(entry)) {
    if (!isAsking(entry)) continue;
    if (!isDue(entry.deadline)) wakeAt(entry.deadline);
    else if (entry.tries < TRIES) state.arpDue = 1;
    else {
      entry.state = EntryState.FREE;
      count(Counter.ARP_FAILED);
      return entry.address;
    }
  }
  return 0;
}

/** Builds the next request that is due into the output slot. Returns the frame's length, or 0. */
export function emitRequest(): u32 {
  for (let entry = first(), left = config.arpEntries; left; left--, entry = next(entry)) {
    if (!isAsking(entry) || entry.tries >= TRIES || !isDue(entry.deadline)) continue;
    entry.tries++;
    entry.deadline = state.now + RETRY_MS;
    wakeAt(entry.deadline);
    count(Counter.ARP_REQUESTS);
    return emit(REQUEST, 0xffffffff, 0xffff, 0, 0, entry.address);
  }
  state.arpDue = 0;
  return 0;
}

/** Builds the reply that waits into the output slot. Returns the frame's length. */
export function emitReply(): u32 {
  count(Counter.ARP_REPLIES);
  const mac0 = state.replyMac0;
  const mac1 = state.replyMac1;
  return emit(REPLY, mac0, mac1, mac0, mac1, state.replyAddress);
}

/** Forgets all neighbours. */
export function flush(): void {
  memory.fill(state.arpTable, 0, ARP_BYTES * config.arpEntries);
}

function emit(operation: u16, to0: u32, to1: u32, target0: u32, target1: u32, targetAddress: u32): u32 {
  link.emit(to0, to1, TYPE_ARP);
  const packet = changetype<ArpPacket>(link.outputPayload());
  packet.types = HARDWARE_PROTOCOL;
  packet.lengths = LENGTHS;
  packet.operation = operation;
  packet.senderMac0 = config.mac0;
  packet.senderMac1 = config.mac1;
  packet.senderAddress0 = <u16>config.address;
  packet.senderAddress1 = <u16>(config.address >> 16);
  packet.targetMac0 = <u16>target0;
  packet.targetMac1 = (target0 >> 16) | (target1 << 16);
  packet.targetAddress = targetAddress;
  header.frameBytes = LINK_HEADER_BYTES + ARP_PACKET_BYTES;
  return LINK_HEADER_BYTES + ARP_PACKET_BYTES;
}

function learn(entry: ArpEntry, mac0: u32, mac1: u16): void {
  entry.mac0 = mac0;
  entry.mac1 = mac1;
  entry.state = EntryState.REACHABLE;
  entry.deadline = state.now + REACHABLE_MS;
}

function ask(entry: ArpEntry, entryState: u8): void {
  entry.state = entryState;
  entry.tries = 0;
  entry.deadline = state.now;
  state.arpDue = 1;
}

function isAsking(entry: ArpEntry): bool {
  return <bool>(entry.state & 1);
}

function find(address: u32): ArpEntry | null {
  for (let entry = first(), left = config.arpEntries; left; left--, entry = next(entry)) {
    if (entry.address == address && entry.state != EntryState.FREE) return entry;
  }
  return null;
}

/** A free entry, or else the one not used for longest, now for `address`. */
function makeRoom(address: u32): ArpEntry {
  let oldest = first();
  for (let entry = oldest, left = config.arpEntries; left; left--, entry = next(entry)) {
    if (entry.state == EntryState.FREE) {
      oldest = entry;
      break;
    }
    if (<i32>(entry.used - oldest.used) < 0) oldest = entry;
  }
  if (oldest.state != EntryState.FREE) count(Counter.ARP_EVICTED);
  oldest.address = address;
  oldest.used = state.now;
  oldest.state = EntryState.FREE;
  return oldest;
}

function first(): ArpEntry {
  return changetype<ArpEntry>(state.arpTable);
}

function next(entry: ArpEntry): ArpEntry {
  return changetype<ArpEntry>(changetype<usize>(entry) + ARP_BYTES);
}
