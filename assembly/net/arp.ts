// ARP, RFC 826: who has which address on this network. An entry
//
//   ASKING    was asked for and is not known yet; at `deadline` the question is asked again, or given up. One for our
//             own address announces it (RFC 5227 section 2.3)
//   KNOWN     is known, and forgotten at `deadline`
//   USED      is known and was used since: at `deadline` it is asked for again
//   CHECKING  is asked for again, by unicast, and used meanwhile (RFC 1122 section 2.3.2.1)
//
// Only what answers a question of ours, or asks for us, makes an entry; anything else may refresh one.

import { Counter } from "../abi_constants";
import { ARP_BYTES, config, HAS_DHCP, LINK_HEADER_BYTES, State, services, state } from "../config";
import { after, isDueElseWake } from "../lib/clock";
import { count, drop } from "../lib/counters";
import { allow } from "../lib/limit";
import {
  ARP_PACKET_BYTES,
  ArpPacket,
  check,
  HARDWARE_PROTOCOL,
  LENGTHS,
  REPLY,
  REQUEST,
  senderAddress,
} from "../wire/arp";
import { TYPE_ARP } from "../wire/ethernet";
import * as link from "./link";
import { owe, Reply } from "./reply";

const FREE: u8 = 0;
const ASKING: u8 = 1;
const KNOWN: u8 = 2;
const USED: u8 = 3;
const CHECKING: u8 = 4;

/** Questions asked before giving up, and the time between them. */
const TRIES: u8 = 3;
const RETRY_MS: u32 = 1000;
/** How long an answer is believed; RFC 1122 section 2.3.2.1 suggests a minute. */
const KNOWN_MS: u32 = 60000;
/** Our address is defended at most so often: DEFEND_INTERVAL of RFC 5227 section 1.1. */
const DEFEND_MS: u32 = 10000;

/** The octets 169.254 (RFC 3927), as on the wire. */
const LINK_LOCAL_NET: u32 = 0xfea9;

/** What is known of one neighbour. */
@unmanaged
class ArpEntry extends link.Neighbour {
  state: u8;
  tries: u8;
  address: u32;
  deadline: u32;
}

/** Takes the ARP packet of `length` octets in the input slot. True when a neighbour became known. */
export function receive(length: u32): bool {
  const packet = changetype<ArpPacket>(link.inputPayload());
  if (<u32>!check(packet, length) | (packet.senderMac0 & 1)) return drop(Counter.ARP_MALFORMED);
  const sender = senderAddress(packet);
  if (HAS_DHCP && isConflict(packet, sender)) return drop(Counter.ARP_CONFLICTS);
  const ours = config.address;
  if (<u32>(sender == ours) & <u32>(ours != 0)) {
    // RFC 5227 section 2.4 (c): we keep our address, and say so. The link drops what comes from our own MAC.
    if (allow(changetype<usize>(state) + offsetof<State>("defenceDebt"), DEFEND_MS, 0)) announce(1);
    else if (HAS_DHCP) noteConflict();
    return drop(Counter.ARP_CONFLICTS);
  }
  let entry = find(sender);
  if (<u32>(ours != 0) & <u32>(packet.targetAddress == ours)) {
    // RFC 826: an entry is made only when the packet is for us. A probe (RFC 5227) has no sender to remember.
    if (!entry && sender) entry = makeRoom(sender);
    if (packet.operation == REQUEST) owe(Reply.ARP);
  }
  if (!entry) return drop(Counter.ARP_IGNORED);
  entry.mac0 = packet.senderMac0;
  entry.mac1 = packet.senderMac1;
  entry.state = KNOWN;
  entry.deadline = after(KNOWN_MS);
  return true;
}

/** Whether somebody has, or probes as we do, the address that is probed. */
function isConflict(packet: ArpPacket, sender: u32): bool {
  const probed = services.probed;
  // Who probes has no address.
  const meant = sender ? sender : packet.targetAddress;
  if (<u32>!probed | (meant ^ probed)) return false;
  noteConflict();
  return true;
}

function noteConflict(): void {
  services.conflict = 1;
  state.scanDue = 1;
}

/** The MAC of `address`, or null: the question is asked, and the caller has to wait. */
export function resolve(address: u32): link.Neighbour | null {
  let entry = find(address);
  if (!entry) entry = makeRoom(address);
  // The table is busy asking: whoever waits tries again when something is settled.
  if (!entry) return null;
  if (entry.state >= KNOWN) {
    if (entry.state == KNOWN) entry.state = USED;
    return entry;
  }
  if (!entry.state) ask(entry, TRIES);
  return null;
}

/** What is known of `address` may be wrong: nothing comes back from it. It is asked for again, and used meanwhile. */
export function doubt(address: u32): void {
  const entry = find(address);
  if (!entry || entry.state < KNOWN) return;
  entry.state = USED;
  entry.deadline = state.now;
  state.scanDue = 1;
}

/** Announces our address by `times` requests for it, at most TRIES; no room for them in the table: none. */
export function announce(times: u8): void {
  const ours = config.address;
  if (!ours) return;
  let entry = find(ours);
  if (!entry) entry = makeRoom(ours);
  if (entry) ask(entry, times);
}

/** Forgets all neighbours. */
export function forget(): void {
  for (let entry = first(); !isEnd(entry); entry = next(entry)) entry.state = FREE;
}

function ask(entry: ArpEntry, times: u8): void {
  entry.state = ASKING;
  entry.tries = times;
  entry.deadline = state.now;
  state.scanDue = 1;
}

/**
 * Builds the next request that is due into the output slot and returns the frame's length; 0: none is due.
 * A question asked often enough is given up: `state.arpFailed` is then the address that nobody has.
 */
export function emitRequest(): u32 {
  for (let entry = first(); !isEnd(entry); entry = next(entry)) {
    if (!(entry.state && isDueElseWake(entry.deadline))) continue;
    if (entry.state == USED) {
      entry.state = CHECKING;
      entry.tries = TRIES;
    }
    const known = entry.state >= KNOWN;
    const ours = entry.address == config.address;
    if (<u32>(entry.state == KNOWN) | <u32>!entry.tries) {
      const failed = <u32>(entry.state != KNOWN) & <u32>!ours;
      entry.state = FREE;
      if (!failed) continue;
      state.arpFailed = entry.address;
      count(Counter.ARP_FAILED);
      return 0;
    }
    entry.tries--;
    // ANNOUNCE_INTERVAL is twice as long.
    entry.deadline = after(RETRY_MS << (<u32>ours));
    count(ours ? Counter.ARP_ANNOUNCEMENTS : Counter.ARP_REQUESTS);
    return known
      ? emit(REQUEST, entry.address, entry.mac0, entry.mac1)
      : emit(REQUEST, entry.address, 0xffffffff, 0xffff);
  }
  return 0;
}

/** Builds the reply that waits into the output slot. Returns the frame's length. */
export function emitReply(): u32 {
  count(Counter.ARP_REPLIES);
  const request = changetype<ArpPacket>(link.inputPayload());
  const mac0 = request.senderMac0;
  const mac1 = request.senderMac1;
  const bytes = emit(REPLY, senderAddress(request), mac0, mac1);
  const packet = changetype<ArpPacket>(link.outputPayload());
  packet.targetMac0 = <u16>mac0;
  packet.targetMac1 = link.lastFour(mac0, mac1);
  return bytes;
}

/** Builds a probe for `address` (RFC 5227 section 2.1.1), a request of nobody's, into the output slot. Returns its length. */
export function emitProbe(address: u32): u32 {
  count(Counter.ARP_REQUESTS);
  const bytes = emit(REQUEST, address, 0xffffffff, 0xffff);
  const packet = changetype<ArpPacket>(link.outputPayload());
  packet.senderAddress0 = 0;
  packet.senderAddress1 = 0;
  return bytes;
}

/** To `mac0`, `mac1`; with no target MAC yet. */
function emit(operation: u16, address: u32, mac0: u32, mac1: u32): u32 {
  // RFC 3927 section 2.5: whatever names a link-local address as the sender's is for everybody to hear.
  if (HAS_DHCP && (config.address & 0xffff) == LINK_LOCAL_NET) mac0 = mac1 = 0xffffffff;
  link.emit(mac0, mac1, TYPE_ARP);
  const packet = changetype<ArpPacket>(link.outputPayload());
  packet.types = HARDWARE_PROTOCOL;
  packet.lengths = LENGTHS;
  packet.operation = operation;
  packet.senderMac0 = config.mac0;
  packet.senderMac1 = config.mac1;
  packet.senderAddress0 = <u16>config.address;
  packet.senderAddress1 = <u16>(config.address >> 16);
  packet.targetMac0 = 0;
  packet.targetMac1 = 0;
  packet.targetAddress = address;
  return LINK_HEADER_BYTES + ARP_PACKET_BYTES;
}

function find(address: u32): ArpEntry | null {
  for (let entry = first(); !isEnd(entry); entry = next(entry)) {
    if (<u32>(entry.address == address) & <u32>(entry.state != FREE)) return entry;
  }
  return null;
}

/** Entries give way in turn, now to `address`; null while all ask for somebody. */
function makeRoom(address: u32): ArpEntry | null {
  for (let tries: u32 = config.arpEntries; tries; tries--) {
    let entry = changetype<ArpEntry>(state.arpNext);
    if (!state.arpNext || isEnd(entry)) entry = first();
    state.arpNext = changetype<u32>(next(entry));
    // An announcement is worth less than a question.
    if (<u32>(entry.state == ASKING) & <u32>(entry.address != config.address)) continue;
    if (entry.state) count(Counter.ARP_EVICTED);
    entry.address = address;
    entry.state = FREE;
    return entry;
  }
  return null;
}

function first(): ArpEntry {
  return changetype<ArpEntry>(state.arpTable);
}

function next(entry: ArpEntry): ArpEntry {
  return changetype<ArpEntry>(changetype<usize>(entry) + ARP_BYTES);
}

/** Listeners begin where ARP entries end. */
function isEnd(entry: ArpEntry): bool {
  return changetype<u32>(entry) == state.listenerTable;
}
