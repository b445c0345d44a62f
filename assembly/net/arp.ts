// ARP, RFC 826: who has which address on this network. An entry
//
//   ASKING   was asked for and is not known yet; at `deadline` the question is asked again, or given up
//   KNOWN    is known until `deadline`, then it is asked for anew
//
// Only what answers a question of ours, or asks for us, makes an entry; anything else may refresh one.

import { Counter } from "../abi_constants";
import { ARP_BYTES, config, LINK_HEADER_BYTES, state } from "../config";
import { after, isDue, isDueElseWake } from "../lib/clock";
import { count, drop } from "../lib/counters";
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

/** Questions asked before giving up, and the time between them. */
const TRIES: u8 = 3;
const RETRY_MS: u32 = 1000;
/** How long an answer is believed; RFC 1122 section 2.3.2.1 suggests a minute. */
const KNOWN_MS: u32 = 60000;

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
  const ours = config.address;
  const forUs = <u32>(packet.targetAddress == ours) & <u32>(sender != ours);
  let entry = find(sender);
  if (forUs) {
    // RFC 826: an entry is made only when the packet is for us. A probe (RFC 5227) has no sender to remember.
    if (!entry && sender) entry = makeRoom(sender);
    if (packet.operation == REQUEST) owe(Reply.ARP);
  }
  if (!entry) return drop(Counter.ARP_IGNORED);
  entry.mac0 = packet.senderMac0;
  entry.mac1 = packet.senderMac1;
  entry.state = KNOWN;
  entry.deadline = state.now + KNOWN_MS;
  return true;
}

/** The MAC of `address`, or null: the question is asked, and the caller has to wait. */
export function resolve(address: u32): link.Neighbour | null {
  let entry = find(address);
  if (!entry) entry = makeRoom(address);
  // The table is busy asking: whoever waits tries again when something is settled.
  if (!entry) return null;
  if (entry.state == KNOWN && !isDue(entry.deadline)) return entry;
  if (entry.state != ASKING) {
    entry.state = ASKING;
    entry.tries = 0;
    entry.deadline = state.now;
    state.arpDue = 1;
  }
  return null;
}

/**
 * Builds the next request that is due into the output slot and returns the frame's length; 0: none is due.
 * A question asked often enough is given up: `state.arpFailed` is then the address that nobody has.
 */
export function emitRequest(): u32 {
  for (let entry = first(); !isEnd(entry); entry = next(entry)) {
    if (entry.state != ASKING || !isDueElseWake(entry.deadline)) continue;
    if (entry.tries == TRIES) {
      entry.state = FREE;
      state.arpFailed = entry.address;
      count(Counter.ARP_FAILED);
      return 0;
    }
    entry.tries++;
    entry.deadline = after(RETRY_MS);
    count(Counter.ARP_REQUESTS);
    return emit(REQUEST, entry.address, 0xffffffff, 0xffff);
  }
  state.arpDue = 0;
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

/** To `mac0`, `mac1`; with no target MAC yet. */
function emit(operation: u16, address: u32, mac0: u32, mac1: u32): u32 {
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

/** Entries give way in turn, now to `address`; null while the one whose turn it is asks for somebody. */
function makeRoom(address: u32): ArpEntry | null {
  let entry = changetype<ArpEntry>(state.arpNext);
  if (!state.arpNext || isEnd(entry)) entry = first();
  state.arpNext = changetype<u32>(next(entry));
  if (entry.state == ASKING) return null;
  if (entry.state) count(Counter.ARP_EVICTED);
  entry.address = address;
  entry.state = FREE;
  return entry;
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
