// Limits, the boot-time memory plan, and the record that the plan fills in.
//
// Everything that the core remembers lies in one region of linear memory, laid out once by `init`:
//
//   STATE_BASE   StateHeader      what the host reads
//                Config           as given, defaults filled in
//                State            the stack's own record
//                Segment          the TCP segment in the input slot, as tcp/segment.ts read it
//                counters         u32 each
//                exchange         records that the host passes in calls
//                input slot       headroom, frame, tail
//                output slot      headroom, frame, tail
//                ARP entries
//                listeners
//                connections      each a Tcb, then its out-of-order ranges
//                SYN entries
//                TIME-WAIT entries
//                hash table       a pointer to the first record of each chain
//                rings            send ring and receive ring of each connection
//
// The first six stand at addresses known to the compiler. Nothing is allocated after `init`.

import {
  ABI_VERSION,
  Config,
  Counter,
  EXCHANGE_BYTES,
  LAYOUT_VERSION,
  SLOT_HEADROOM,
  STATE_BASE,
  STATE_MAGIC,
  StateHeader,
  Status,
} from "./abi_constants";

/** Which of the named builds this is. */
export const BUILD: u16 = 0;

/** Bytes of a connection record, its ranges not included. `tcp/tcb.ts` fails to compile when it does not fit. */
export const CONNECTION_BYTES: u32 = 192;
/** Bytes of a listener record. */
export const LISTENER_BYTES: u32 = 40;
/** Bytes of a SYN-cache entry and of a TIME-WAIT entry. */
export const COMPACT_BYTES: u32 = 32;
/** Bytes of an ARP cache entry. */
export const ARP_BYTES: u32 = 20;
/** Bytes of an out-of-order range. */
export const RANGE_BYTES: u32 = 8;
/** Bytes of the Ethernet header. */
export const LINK_HEADER_BYTES: u32 = 14;

/** The stack's one record. Addresses in the network's octet order, times in milliseconds of `now`. */
@unmanaged
export class State {
  /** Milliseconds since the clock's origin, widened: it outlives the 49 days of `now`. */
  timeMs: u64;
  /** Blocks of random numbers given out. */
  randomBlocks: u64;
  /** The clock that timers run on: `timeMs`, low half. */
  now: u32;
  /** What the host said last; only differences to it count. */
  hostNow: u32;
  /** No timer is due before this, when `timersArmed`. */
  nextTimer: u32;

  /** Directed broadcast address of our network. */
  broadcast: u32;
  arpTable: u32;
  listenerTable: u32;
  connectionTable: u32;
  synTable: u32;
  timeWaitTable: u32;
  hashTable: u32;
  ringTable: u32;
  /** Distance between two connection records in bytes, ranges included. */
  connectionStride: u32;
  /** Number of hash chains minus one; the number is a power of two. */
  hashMask: u32;

  /** Record found by the last look-up, or 0. */
  lastHit: u32;
  /** Free connection records, chained. */
  freeConnection: u32;
  /** Connections that have something to send, in the order of their turns. */
  readyHead: u32;
  readyTail: u32;
  /** Sockets with events, oldest first. */
  eventHead: u32;
  eventTail: u32;

  // The stateless reply that waits for `output` (stack.ts): its fields mean what `replyKind` says.
  replyAddress: u32;
  replyPorts: u32;
  replySequence: u32;
  replyAcknowledgment: u32;
  replyMac0: u32;
  replyMac1: u16;
  replyLength: u16;
  replyWindow: u16;
  replyFlags: u8;
  replyKind: u8;

  timersArmed: u8;
  linkUp: u8;
  /** A SYN entry may have a SYN-ACK due. */
  synDue: u8;
  /** An ARP entry may have a request due. */
  arpDue: u8;
  /** SYN entries whose handshake is complete and that wait for a connection record. */
  synWaiting: u16;
  /** The oldest place in use in the TIME-WAIT table, by index. */
  timeWaitOldest: u16;
  /** Places in use from there on, those given up early included. */
  timeWaitSpan: u16;
  unused: u16;
  unused2: u32;
}

/** What the host reads. */
export const header = changetype<StateHeader>(STATE_BASE);
/** The configuration, defaults filled in. */
export const config = changetype<Config>(STATE_BASE + offsetof<StateHeader>());
/** The stack's own record. */
export const state = changetype<State>(STATE_BASE + offsetof<StateHeader>() + offsetof<Config>());
/** Address of the Segment record. */
export const SEGMENT: usize = STATE_BASE + offsetof<StateHeader>() + offsetof<Config>() + offsetof<State>();
/** Bytes of the Segment record. */
export const SEGMENT_BYTES: u32 = 48;
/** The counters: u32 each, by Counter. */
export const COUNTERS: usize = SEGMENT + SEGMENT_BYTES;

const COUNTERS_BYTES: u32 = ((<u32>Counter.COUNT * 4 + 7) >> 3) << 3;

/** Most memory that a plan may need: `bytesNeeded` answers in an i32. */
const MEMORY_MAX: u64 = 0x7fffffff;

/**
 * Fills in the defaults of `c` in place and checks every range.
 * Returns OK, VERSION_MISMATCH, NOT_SUPPORTED or BAD_CONFIG.
 */
export function normalise(c: Config): i32 {
  if (c.version != ABI_VERSION || c.bytes != offsetof<Config>()) return Status.VERSION_MISMATCH;
  if (c.flags | c.datagramSockets | c.datagramQueueBytes | c.vlan | c.reserved) return Status.NOT_SUPPORTED;
  if (c.interfaces > 1) return Status.NOT_SUPPORTED;
  c.interfaces = 1;
  c.mtu = <u16>orDefault(c.mtu, 1500);
  c.sendRingBytes = orDefault(c.sendRingBytes, 2048);
  c.receiveRingBytes = orDefault(c.receiveRingBytes, 2048);
  c.synEntries = <u16>orDefault(c.synEntries, 8);
  c.timeWaitEntries = <u16>orDefault(c.timeWaitEntries, 8);
  c.reassemblyRanges = <u16>orDefault(c.reassemblyRanges, 4);
  c.arpEntries = <u16>orDefault(c.arpEntries, 8);
  c.rtoMinMs = orDefault(c.rtoMinMs, 200);
  c.timeWaitMs = orDefault(c.timeWaitMs, 60000);
  c.finWait2Ms = orDefault(c.finWait2Ms, 60000);
  c.delayedAckMs = orDefault(c.delayedAckMs, 40);
  c.synRetries = <u16>orDefault(c.synRetries, 5);
  c.dataRetries = <u16>orDefault(c.dataRetries, 12);
  return isInRange(c) ? Status.OK : Status.BAD_CONFIG;
}

function orDefault(value: u32, standard: u32): u32 {
  return value ? value : standard;
}

function isInRange(c: Config): bool {
  return !(
    outside(c.mtu, 576, 1500) |
    outside(c.connections, 1, 16384) |
    outside(c.listeners, 0, 1024) |
    outside(c.sendRingBytes, 256, 1 << 30) |
    outside(c.receiveRingBytes, 256, 1 << 30) |
    ((c.sendRingBytes | c.receiveRingBytes) & 3) |
    outside(c.synEntries, 1, 16384) |
    outside(c.timeWaitEntries, 1, 16384) |
    outside(c.reassemblyRanges, 1, 32) |
    outside(c.arpEntries, 2, 1024) |
    outside(c.rtoMinMs, 10, 60000) |
    outside(c.timeWaitMs, 1, 240000) |
    outside(c.finWait2Ms, 1, 3600000) |
    outside(c.delayedAckMs, 1, 500) |
    outside(c.synRetries, 1, 15) |
    outside(c.dataRetries, 1, 30) |
    (c.mac0 & 1) |
    <u32>!(c.mac0 | c.mac1)
  );
}

function outside(value: u32, min: u32, max: u32): u32 {
  return <u32>(value - min > max - min);
}

/** Bytes of memory from address 0 that the normalised configuration needs; NO_MEMORY when it is 2 GiB or more. */
export function planBytes(c: Config): i32 {
  const ringBytes = (<u64>c.sendRingBytes + c.receiveRingBytes) * c.connections;
  const total = <u64>plan(c, false) + ringBytes;
  return total > MEMORY_MAX ? Status.NO_MEMORY : <i32>total;
}

/** Lays the state region out for `config` in memory that is all zero. Nothing else runs before it. */
export function layOut(memoryBytes: u32, bytes: u32): void {
  header.layoutVersion = <u16>LAYOUT_VERSION;
  header.build = BUILD;
  header.memoryBytes = memoryBytes;
  header.stateBytes = bytes - STATE_BASE;
  header.slotBytes = frameBytes(config);
  header.counters = <u32>COUNTERS;
  header.counterCount = Counter.COUNT;
  header.connections = config.connections;
  header.listeners = config.listeners;
  header.synEntries = config.synEntries;
  header.timeWaitEntries = config.timeWaitEntries;
  state.connectionStride = connectionStride(config);
  state.hashMask = hashChains(config) - 1;
  state.linkUp = 1;
  plan(config, true);
  header.magic = STATE_MAGIC;
}

/** Walks the regions in order and returns where the rings begin; with `write` it notes where each region lies. */
function plan(c: Config, write: bool): u32 {
  const exchange = <u32>COUNTERS + COUNTERS_BYTES;
  const inputSlot = exchange + EXCHANGE_BYTES;
  const outputSlot = inputSlot + slotStride(c);
  const arpTable = outputSlot + slotStride(c);
  const listenerTable = arpTable + ARP_BYTES * c.arpEntries;
  const connectionTable = listenerTable + LISTENER_BYTES * c.listeners;
  const synTable = connectionTable + connectionStride(c) * c.connections;
  const timeWaitTable = synTable + COMPACT_BYTES * c.synEntries;
  const hashTable = timeWaitTable + COMPACT_BYTES * c.timeWaitEntries;
  const ringTable = hashTable + 4 * hashChains(c);
  if (write) {
    header.exchange = exchange;
    header.inputSlot = inputSlot + SLOT_HEADROOM;
    header.outputSlot = outputSlot + SLOT_HEADROOM;
    state.arpTable = arpTable;
    state.listenerTable = listenerTable;
    state.connectionTable = connectionTable;
    state.synTable = synTable;
    state.timeWaitTable = timeWaitTable;
    state.hashTable = hashTable;
    state.ringTable = ringTable;
  }
  return ringTable;
}

function frameBytes(c: Config): u32 {
  return LINK_HEADER_BYTES + c.mtu;
}

/** Headroom and frame, rounded up for DMA in whole words with a spare word behind. */
function slotStride(c: Config): u32 {
  return (SLOT_HEADROOM + frameBytes(c) + 4 + 3) & ~3;
}

function connectionStride(c: Config): u32 {
  return CONNECTION_BYTES + RANGE_BYTES * c.reassemblyRanges;
}

/** A power of two that is at least the number of connections. */
function hashChains(c: Config): u32 {
  return 1 << (32 - clz<u32>(c.connections));
}

/** Fails to compile when a record ends where the next one cannot begin. */
export function checkLayout(): void {
  if (offsetof<State>() & 7) ERROR("State needs padding");
  if (offsetof<StateHeader>() + offsetof<Config>() & 7) ERROR("State is not aligned");
}
