// Reassembly of IPv4 datagrams, RFC 791 section 3.2. There are Config.fragmentBuffers buffers, each for one datagram:
//
//   Fragments    the record, with the neighbour that fragment zero came from
//   bitmap       a bit for each eight octets of payload that have arrived
//   header       fragment zero's, with its options: it ends where the payload begins
//   payload      as far as it has arrived
//
// A bitmap and not RFC 815's list of holes: what a fragment costs does not depend on how the datagram was cut, by whomever.
// Fragments that contradict each other end their datagram: RFC 5722, which says so of IPv6, is right about IPv4, too.

import { Counter } from "../abi_constants";
import {
  bitmapBytes,
  config,
  FRAGMENT_BYTES,
  FRAGMENT_HEADER_BYTES,
  fragmentStride,
  services,
  state,
} from "../config";
import { swap16 } from "../lib/bytes";
import { checksum } from "../lib/checksum";
import { after, isDueElseWake } from "../lib/clock";
import { count, drop } from "../lib/counters";
import { ECHO_REQUEST, IcmpHeader } from "../wire/icmp";
import { headerBytes, IPV4_HEADER_BYTES, Ipv4Header, PROTOCOL_ICMP, PROTOCOL_TCP } from "../wire/ipv4";
import { check, TCP_HEADER_BYTES, TcpHeader } from "../wire/tcp";
import * as icmp from "./icmp";
import * as ipv4 from "./ipv4";
import { Neighbour } from "./link";
import { mayReply, replyTo } from "./reply";

const FREE: u8 = 0;
/** Fragments contradicted each other: those that still come are dropped, until the time is over or the buffer needed. */
const SPOILT: u8 = 1;
const OPEN: u8 = 2;
/** The last fragment is there: the payload ends at `end`. */
const BOUNDED: u8 = 3;

/**
 * How long the fragments of a datagram may take, from the first to arrive on: RFC 791 section 3.2 begins with this time.
 * RFC 1122 section 3.3.2 would wait for 60 seconds or more: four times as long would one lost fragment hold a buffer of the
 * few that there are; and the sooner the better, because identifications come again (RFC 4963 section 3). Linux has 30.
 */
const TIMEOUT_MS: u32 = 15000;

/** Flags and offset in units of eight octets, in host order. */
const DONT_FRAGMENT: u32 = 0x4000;
const MORE_FRAGMENTS: u32 = 0x2000;
const OFFSET_MASK: u32 = 0x1fff;

/** Of some octets that arrive: how many were there before. */
const NONE: u32 = 0;
const SOME: u32 = 1;
const ALL: u32 = 2;

/** What is known of one datagram. */
@unmanaged
class Fragments extends Neighbour {
  /** Octets of fragment zero's header; 0: it is not there. */
  headerBytes: u8;
  state: u8;
  source: u32;
  destination: u32;
  identification: u16;
  /** The octet of the header, as a half-word: it is compared together with the one before. */
  protocol: u16;
  deadline: u32;
  /** Octets of payload that are there. */
  bytes: u16;
  /** Where the farthest fragment ends. */
  end: u16;
}

/**
 * Takes the fragment that `ipv4.input` is. Returns the protocol of the datagram that it completes, which `ipv4.input` is
 * then; else 0.
 */
export function receive(): u32 {
  const ip = ipv4.input();
  const at = ipv4.payload(ip);
  const length = ipv4.payloadBytes(ip);
  const fragment = swap16(ip.fragment);
  const more = fragment & MORE_FRAGMENTS;
  const offset = (fragment & OFFSET_MASK) << 3;
  if (
    <u32>!length |
    (fragment & DONT_FRAGMENT) |
    (more && length & 7) |
    <u32>(ip.protocol == PROTOCOL_TCP && cutsHeader(at, offset, length))
  )
    return drop(Counter.FRAGMENT_BAD);
  const end = offset + length;
  // Something has to follow where more fragments do. Whatever is beyond 65535 octets is beyond what a buffer holds.
  if (IPV4_HEADER_BYTES + end + <u32>(more != 0) > <u32>config.fragmentBytes)
    return drop(Counter.IP_FRAGMENT);
  const entry = entryOf(ip);
  if (entry.state == SPOILT || contradicts(entry, end, more)) return spoil(entry);
  const before = mark(entry, offset >> 3, (length + 7) >> 3);
  const place = payloadOf(entry) + offset;
  if (before != NONE) {
    // What comes again the same says nothing new, wherever it was cut. RFC 8200 section 4.5 lets it pass.
    return before == ALL && isSame(place, at, length) ? drop(Counter.FRAGMENT_DUPLICATE) : spoil(entry);
  }
  const header = offset ? 0 : headerBytes(ip);
  memory.copy(place - header, at - header, length + header);
  if (header) {
    const from = replyTo();
    entry.mac0 = from.mac0;
    entry.mac1 = from.mac1;
    entry.headerBytes = <u8>header;
  }
  entry.bytes += <u16>length;
  if (end > entry.end) entry.end = <u16>end;
  if (!more) entry.state = BOUNDED;
  return entry.state == BOUNDED && entry.bytes == entry.end ? complete(entry) : 0;
}

/**
 * Ends the datagrams whose time is over. Where that has to be said, the message is built into the output slot: its frame's
 * length, and there may be more to say; else 0.
 */
export function scan(): u32 {
  const stride = fragmentStride(config);
  let at = services.fragmentTable;
  for (let buffers = <u32>config.fragmentBuffers; buffers; buffers--) {
    const entry = changetype<Fragments>(at);
    at += stride;
    const kind = entry.state;
    if (!(kind && isDueElseWake(entry.deadline))) continue;
    entry.state = FREE;
    if (kind == SPOILT) continue;
    count(Counter.FRAGMENT_EXPIRED);
    const header = entry.headerBytes;
    if (!header) continue;
    const ip = changetype<Ipv4Header>(payloadOf(entry) - header);
    if (<u32>mayBeToldOf(ip) && mayReply()) return icmp.emitTimeExceeded(ip, entry);
  }
  return 0;
}

/** RFC 1858 section 3 and RFC 3128: no fragment but the first has any of a TCP header, and that has all of it. */
function cutsHeader(at: usize, offset: u32, length: u32): bool {
  return offset ? offset < TCP_HEADER_BYTES : !check(changetype<TcpHeader>(at), length);
}

/** The buffer of the datagram that `ip` is a fragment of. A new one takes a free buffer, a spoilt one, or the oldest one's. */
function entryOf(ip: Ipv4Header): Fragments {
  const key = <u32>ip.identification | ((<u32>ip.protocol) << 16);
  const stride = fragmentStride(config);
  let at = services.fragmentTable;
  let entry = changetype<Fragments>(at);
  let least = i32.MAX_VALUE;
  for (let buffers = <u32>config.fragmentBuffers; buffers; buffers--) {
    const other = changetype<Fragments>(at);
    const kind = other.state;
    if (
      !(
        (key ^ load<u32>(at, offsetof<Fragments>("identification"))) |
        (ip.source ^ other.source) |
        (ip.destination ^ other.destination) |
        <u32>!kind
      )
    )
      return other;
    const left = kind >= OPEN ? <i32>(other.deadline - state.now) : i32.MIN_VALUE + <i32>kind;
    if (left < least) {
      least = left;
      entry = other;
    }
    at += stride;
  }
  if (entry.state >= OPEN) count(Counter.FRAGMENT_EVICTED);
  memory.fill(changetype<usize>(entry), 0, FRAGMENT_BYTES + bitmapBytes(config));
  entry.source = ip.source;
  entry.destination = ip.destination;
  store<u32>(changetype<usize>(entry), key, offsetof<Fragments>("identification"));
  entry.state = OPEN;
  entry.deadline = after(TIMEOUT_MS);
  return entry;
}

/** Whether a fragment that ends at `end`, behind which are `more`, and those before it disagree about the whole length. */
function contradicts(entry: Fragments, end: u32, more: u32): bool {
  const farthest = <u32>entry.end;
  if (entry.state == BOUNDED) return more ? end >= farthest : end != farthest;
  return <bool>(<u32>!more & <u32>(end <= farthest));
}

/** Marks `left` blocks of eight octets, from `block` on, as arrived. Returns how many were: NONE, SOME or ALL. */
function mark(entry: Fragments, block: u32, left: u32): u32 {
  let there: u32 = 0;
  let missing: u32 = 0;
  do {
    const bit = block & 31;
    const run = min(left, 32 - bit);
    const mask = (0xffffffff >> (32 - run)) << bit;
    const at = changetype<usize>(entry) + FRAGMENT_BYTES + ((block >> 5) << 2);
    const word = load<u32>(at);
    there |= word & mask;
    missing |= ~word & mask;
    store<u32>(at, word | mask);
    block += run;
    left -= run;
  } while (left);
  return there ? (missing ? SOME : ALL) : NONE;
}

/** Whether the `length` octets at `a` and at `b`, both 4-aligned, are the same. */
function isSame(a: usize, b: usize, length: u32): bool {
  let differs: u32 = 0;
  for (let words = length >> 2; words; words--) {
    differs |= load<u32>(a) ^ load<u32>(b);
    a += 4;
    b += 4;
  }
  const rest = length & 3;
  // What is behind the last octet is shifted out.
  if (rest) differs |= (load<u32>(a) ^ load<u32>(b)) << (32 - (rest << 3));
  return !differs;
}

/** Fragments of one datagram cannot all be true: there is none, nor will those that come later make one. */
function spoil(entry: Fragments): u32 {
  entry.state = SPOILT;
  return drop(Counter.FRAGMENT_OVERLAP);
}

/**
 * All is there: it becomes the packet that came in, as though nobody had cut it. It stands in its buffer until the next
 * frame arrives, as others stand in the input slot.
 */
function complete(entry: Fragments): u32 {
  entry.state = FREE;
  const header = <u32>entry.headerBytes;
  const bytes = header + entry.end;
  // The room was measured without options.
  if (bytes > <u32>config.fragmentBytes) return drop(Counter.IP_FRAGMENT);
  const ip = changetype<Ipv4Header>(payloadOf(entry) - header);
  ip.totalLength = <u16>swap16(bytes);
  ip.fragment = 0;
  // An ICMP error may quote it.
  ip.checksum = 0;
  ip.checksum = <u16>~checksum(changetype<usize>(ip), header, 0);
  services.packet = changetype<u32>(ip);
  count(Counter.FRAGMENTS_REASSEMBLED);
  return ip.protocol;
}

/**
 * Whether the sender of `ip` is told that its time is over. RFC 1122 section 3.2.2: not about broadcasts and groups, and
 * not about errors, which any ICMP message may be that asks for no echo.
 */
function mayBeToldOf(ip: Ipv4Header): bool {
  const ours = config.address;
  return (
    <u32>(ip.destination == ours) & <u32>(ours != 0) &&
    (ip.protocol != PROTOCOL_ICMP || changetype<IcmpHeader>(ipv4.payload(ip)).typeCode == ECHO_REQUEST)
  );
}

/** Where the payload of `entry` is. */
function payloadOf(entry: Fragments): usize {
  return changetype<usize>(entry) + FRAGMENT_BYTES + bitmapBytes(config) + FRAGMENT_HEADER_BYTES;
}

/** Fails to compile when the record does not fit its place. */
export function checkLayout(): void {
  if (offsetof<Fragments>() != FRAGMENT_BYTES) ERROR("Fragments does not fit");
}
