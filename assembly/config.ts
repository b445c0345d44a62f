// Limits, the boot-time memory plan, and the record that the plan fills in.
//
// Everything that the core remembers lies in one region of linear memory, laid out once by `init`:
//
//   SEGMENT      Segment          the TCP segment in the input slot, as tcp/segment.ts read it: scratch, no state
//   STATE_BASE   StateHeader      what the host reads
//                Config           as given
//                State            the stack's own record
//                Services         the services' record, in a build that has them
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
//                services         datagram sockets, queries, DHCP client, DNS cache, packets in fragments
//                rings            send ring and receive ring of each connection
//                queues           send queue and receive queue of each datagram socket
//
// Those up to the counters stand at addresses known to the compiler. Nothing is allocated after `init`.

import {
  ABI_VERSION,
  Config,
  ConfigFlag,
  Counter,
  EXCHANGE_BYTES,
  LAYOUT_VERSION,
  SLOT_HEADROOM,
  STATE_BASE,
  STATE_MAGIC,
  StateHeader,
  Status,
} from "./abi_constants";

/** Which of the named builds this is: a Build, which asc is told (asconfig.json). */
export const BUILD: u16 = isDefined(FERRULE_BUILD) ? <u16>FERRULE_BUILD : 0;
/** Whether this build has services: UDP, DHCP, DNS, reassembly. What stands under `if (STANDARD)` is in no other. */
export const STANDARD: bool = BUILD != 0;
/** Services that are left out of this build: 1 DHCP, 2 DNS, 4 reassembly, 8 multicast groups (scripts/sizes.mjs). */
const LEFT_OUT: u32 = isDefined(FERRULE_WITHOUT) ? <u32>FERRULE_WITHOUT : 0;
export const HAS_DHCP: bool = STANDARD && !(LEFT_OUT & 1);
export const HAS_DNS: bool = STANDARD && !(LEFT_OUT & 2);
export const HAS_REASSEMBLY: bool = STANDARD && !(LEFT_OUT & 4);
export const HAS_GROUPS: bool = STANDARD && !(LEFT_OUT & 8);

/** Bytes of a connection record, its ranges not included. `tcp/tcb.ts` fails to compile when it does not fit. */
export const CONNECTION_BYTES: u32 = 192;
/** Bytes of a listener record. */
export const LISTENER_BYTES: u32 = 48;
/** Bytes of a SYN-cache or TIME-WAIT entry. */
export const COMPACT_BYTES: u32 = 32;
/** Bytes of an ARP cache entry. */
export const ARP_BYTES: u32 = 16;
/** Bytes of an out-of-order range. */
export const RANGE_BYTES: u32 = 8;
/** Bytes of a datagram socket's record. `udp/datagram.ts` fails to compile when it does not fit. */
export const DATAGRAM_BYTES: u32 = 60;
/** Bytes of a query's record. */
export const QUERY_BYTES: u32 = 408;
/** Bytes of the DHCP client's record. */
export const DHCP_BYTES: u32 = 256;
/** Bytes of an entry of the DNS cache. */
export const CACHE_BYTES: u32 = 84;
/** Bytes of the record of a packet in fragments. `net/fragments.ts` fails to compile when it does not fit. */
export const FRAGMENT_BYTES: u32 = 28;
/** Room for its header: the longest one. */
export const FRAGMENT_HEADER_BYTES: u32 = 60;
/** Octets of a header without options: all others of the packet may be payload. */
const SHORT_HEADER_BYTES: u32 = 20;
/** Bytes of the table of multicast groups: four records. */
export const GROUPS_BYTES: u32 = 64;
/** Bytes of the Ethernet header. */
export const LINK_HEADER_BYTES: u32 = 14;

/** The stack's one record. Addresses in the network's octet order, times in milliseconds of `now`. */
@unmanaged
export class State {
  /** The clock that timers run on. */
  now: u32;
  /** What the host said last; only differences to it count. */
  hostNow: u32;
  /** No timer is due before this, when `timersArmed`. */
  nextTimer: u32;
  /** Random numbers given out. */
  randomBlocks: u32;

  /** Directed broadcast address of our network. */
  broadcast: u32;
  arpTable: u32;
  listenerTable: u32;
  connectionTable: u32;
  synTable: u32;
  timeWaitTable: u32;
  hashTable: u32;
  /**
   * Where the send and the receive ring of the socket whose number is 0 would be, and the bytes of both rings: listeners,
   * which have none, come first.
   */
  sendRings: u32;
  receiveRings: u32;
  ringsBytes: u32;
  /** Distance between two connection records in bytes, ranges included. */
  connectionStride: u32;
  /** Number of hash chains minus one; the number is a power of two. */
  hashMask: u32;

  /** Record found by the last look-up, or 0. */
  lastHit: u32;
  /** Free connection records, chained. */
  freeConnection: u32;

  // From here to `eventHead` the host looks on: StateHeader.hints.
  /** Connections that have something to send, in the order of their turns. */
  readyHead: u32;
  /** A Reply. */
  replyKind: u8;
  /** SYN and ARP entries have to be looked through: one may have a frame due, or wait for a record that is free now. */
  scanDue: u8;
  noHint: u16;
  /** Sockets with events, oldest first. */
  eventHead: u32;

  readyTail: u32;
  timersArmed: u8;
  /** Shift of the windows that we announce (RFC 7323 section 2). */
  receiveScale: u8;
  unused: u16;
  /** As far behind the head as in the other list. */
  eventTail: u32;
  /** Limit on stateless replies: see lib/limit.ts. */
  replyDebt: u32;
  /** Limit on defending our address. */
  defenceDebt: u32;
  /** An address that ARP has given up, or 0. */
  arpFailed: u32;
  /** The ARP entry that gives way next. */
  arpNext: u32;
}

/** The record of the services, in a standard build. */
@unmanaged
export class Services {
  /** The header of the IPv4 packet that is being taken: in the input slot, or put together from fragments. */
  packet: u32;
  datagramTable: u32;
  queryTable: u32;
  dhcpClient: u32;
  cacheTable: u32;
  fragmentTable: u32;
  /** The queues of the first datagram socket. */
  datagramQueues: u32;
  /** Multicast groups: four records of net/groups.ts. */
  groups0: u64;
  groups1: u64;
  groups2: u64;
  groups3: u64;
  groups4: u64;
  groups5: u64;
  groups6: u64;
  groups7: u64;
  /** A Neighbour: the hardware address of a group or of everybody. */
  groupMac0: u32;
  groupMac1: u16;
  unused: u16;
  /** The address that is probed (RFC 5227), or 0. */
  probed: u32;
  /** Somebody has that, or, for the second time within DEFEND_INTERVAL, says that he has ours. */
  conflict: u32;
  /** DNS servers: those that came with a lease, or the configuration's; 0 for none. */
  dnsServer0: u32;
  dnsServer1: u32;
  /** Milliseconds since the start: `now` without its wraps. */
  uptimeMs: u64;
}

/** From the first member of a list in State to the last one. */
export const TAIL: usize = 12;

/** What the host reads. */
export const header = changetype<StateHeader>(STATE_BASE);
/** The configuration. */
export const config = changetype<Config>(STATE_BASE + offsetof<StateHeader>());
/** The stack's own record. */
export const state = changetype<State>(STATE_BASE + offsetof<StateHeader>() + offsetof<Config>());
/** The services' own record, in a standard build. */
export const services = changetype<Services>(
  STATE_BASE + offsetof<StateHeader>() + offsetof<Config>() + offsetof<State>(),
);
/** Address of the Segment record: scratch, below the state. Low addresses make short code. */
export const SEGMENT: usize = 8;
/** Bytes of the Segment record. Constant data of the module follows it (asconfig.json: memoryBase). */
export const SEGMENT_BYTES: u32 = 96;
/** The counters: u32 each, by Counter. */
export const COUNTERS: usize =
  STATE_BASE +
  offsetof<StateHeader>() +
  offsetof<Config>() +
  offsetof<State>() +
  (STANDARD ? offsetof<Services>() : 0);

const COUNTERS_BYTES: u32 = <u32>Counter.COUNT * 4;

/** Most memory that a plan may need: `bytesNeeded` answers in an i32. */
const MEMORY_MAX: u64 = 0x7fffffff;

/** Checks every field of `c`. Returns OK, VERSION_MISMATCH, NOT_SUPPORTED or BAD_CONFIG. */
export function check(c: Config): i32 {
  // Neighbouring fields are compared as one word.
  if (load<u32>(changetype<usize>(c)) != (ABI_VERSION | ((<u32>offsetof<Config>()) << 16)))
    return Status.VERSION_MISMATCH;
  let other =
    (c.flags & ~(<u32>ConfigFlag.NO_TIMESTAMPS | ConfigFlag.OUTPUT_CHECKSUM_OFFLOAD)) | c.vlan | c.reserved;
  if (STANDARD) {
    other |= (<u32>c.interfaces ^ 1) | c.reserved2;
    if (!HAS_DNS) other |= <u32>c.queries | c.cacheEntries;
    if (!HAS_REASSEMBLY) other |= <u32>c.fragmentBuffers | c.fragmentBytes;
  } else
    other |=
      c.datagramQueueBytes |
      (load<u32>(changetype<usize>(c), offsetof<Config>("datagramSockets")) ^ 0x10000) |
      c.dnsServer0 |
      c.dnsServer1 |
      load<u32>(changetype<usize>(c), offsetof<Config>("queries")) |
      load<u32>(changetype<usize>(c), offsetof<Config>("fragmentBytes"));
  if (other) return Status.NOT_SUPPORTED;
  // Limits are powers of two where nothing else speaks, and zero minus one is a large number: one test serves many.
  const bad =
    <u32>(<u32>c.mtu - 576 > 1500 - 576) |
    (((c.sendRingBytes - 256) | (c.receiveRingBytes - 256)) >> 30) |
    ((c.sendRingBytes | c.receiveRingBytes) & 3) |
    (((<u32>c.connections - 1) |
      (<u32>c.synEntries - 1) |
      (<u32>c.timeWaitEntries - 1) |
      (<u32>c.arpEntries - 1) |
      c.listeners) >>
      14) |
    ((<u32>c.ttl - 1) >> 8) |
    (<u32>(c.gateway != 0) & <u32>(c.gateway == c.address)) |
    ((c.rtoMinMs | c.timeWaitMs | c.finWait2Ms | c.delayedAckMs) >> 24) |
    ((<u32>c.reassemblyRanges | c.synRetries | c.dataRetries) >> 5) |
    (c.mac0 & 1);
  if (STANDARD && isServicesBad(c)) return Status.BAD_CONFIG;
  return bad ? Status.BAD_CONFIG : Status.OK;
}

function isServicesBad(c: Config): bool {
  const sockets = <u32>c.datagramSockets;
  const packetBytes = <u32>c.fragmentBytes;
  return <bool>(
    (<u32>(sockets > 16384) |
      (<u32>(sockets != 0) &
        (<u32>((c.datagramQueueBytes - 256) >> 30 != 0) | <u32>((c.datagramQueueBytes & 3) != 0))) |
      <u32>(c.cacheEntries > 16384) |
      (<u32>(packetBytes < 576) & <u32>((packetBytes | c.fragmentBuffers) != 0)))
  );
}

/** Bytes of memory from address 0 that the configuration needs; NO_MEMORY when it is 2 GiB or more. */
export function planBytes(c: Config): i32 {
  let total = <u64>plan(c, false) + (<u64>c.sendRingBytes + c.receiveRingBytes) * c.connections;
  if (STANDARD) total += (<u64>c.datagramQueueBytes * c.datagramSockets) << 1;
  return total > MEMORY_MAX ? Status.NO_MEMORY : <i32>total;
}

/** Lays the state region out for `config` in memory that is all zero. Nothing else runs before it. */
export function layOut(bytes: u32): void {
  header.stateBytes = bytes - STATE_BASE;
  header.slotBytes = frameBytes(config);
  header.counters = <u32>COUNTERS;
  header.hints = changetype<u32>(state) + offsetof<State>("readyHead");
  state.connectionStride = connectionStride(config);
  state.hashMask = hashChains(config) - 1;
  state.receiveScale = <u8>min<u32>(16 - min<u32>(clz<u32>(config.receiveRingBytes), 16), 14);
  plan(config, true);
  // Magic, layout version and build are one word: two stores less.
  store<u64>(STATE_BASE, <u64>STATE_MAGIC | ((<u64>LAYOUT_VERSION) << 32) | ((<u64>BUILD) << 48));
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
  let ringTable = hashTable + 4 * hashChains(c);
  if (STANDARD) ringTable = planServices(c, ringTable, write);
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
    state.ringsBytes = c.sendRingBytes + c.receiveRingBytes;
    state.sendRings = ringTable - (1 + c.listeners) * state.ringsBytes;
    state.receiveRings = state.sendRings + c.sendRingBytes;
    if (STANDARD) {
      services.datagramQueues = ringTable + state.ringsBytes * c.connections;
      services.packet = header.inputSlot + LINK_HEADER_BYTES;
    }
  }
  return ringTable;
}

/** The services' regions from `datagramTable` on. Returns where they end. */
function planServices(c: Config, datagramTable: u32, write: bool): u32 {
  const queryTable = datagramTable + DATAGRAM_BYTES * c.datagramSockets;
  const dhcpClient = queryTable + QUERY_BYTES * c.queries;
  const cacheTable = dhcpClient + DHCP_BYTES;
  const fragmentTable = cacheTable + CACHE_BYTES * c.cacheEntries;
  if (write) {
    services.dnsServer0 = c.dnsServer0;
    services.dnsServer1 = c.dnsServer1;
    services.datagramTable = datagramTable;
    services.queryTable = queryTable;
    services.dhcpClient = dhcpClient;
    services.cacheTable = cacheTable;
    services.fragmentTable = fragmentTable;
  }
  return fragmentTable + fragmentStride(c) * c.fragmentBuffers;
}

/** Bytes of a packet in fragments: a record, a bitmap, and room for a header and for payload. */
export function fragmentStride(c: Config): u32 {
  const payload = <u32>c.fragmentBytes - SHORT_HEADER_BYTES;
  return (FRAGMENT_BYTES + bitmapBytes(c) + FRAGMENT_HEADER_BYTES + payload + 3) & ~3;
}

/** Bytes of a bitmap with a bit for each eight octets of such a packet. */
export function bitmapBytes(c: Config): u32 {
  return ((<u32>c.fragmentBytes >> 8) + 1) << 2;
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
  if (offsetof<State>() & 3) ERROR("State needs padding");
  if (offsetof<State>("eventHead") - offsetof<State>("readyHead") != 8) ERROR("hints are apart");
  if (offsetof<State>("readyTail") - offsetof<State>("readyHead") != TAIL) ERROR("readyTail is misplaced");
  if (offsetof<State>("eventTail") - offsetof<State>("eventHead") != TAIL) ERROR("eventTail is misplaced");
  if ((offsetof<StateHeader>() | offsetof<Config>()) & 3) ERROR("State is not aligned");
  if (offsetof<Services>() & 3) ERROR("Services needs padding");
}
