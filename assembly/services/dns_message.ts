// A question out, an answer in. An answer is believed only when it comes from where the question went (the caller looks), to
// the same port, and carries its id and the question itself (RFC 5452 section 9.1).

import { config } from "../config";
import { load32 } from "../lib/bytes";
import {
  A_IN,
  CNAME_IN,
  DIFFERS,
  DNS_HEADER_BYTES,
  DnsHeader,
  dataBytes,
  FORMAT_ERROR,
  KIND_ANSWER,
  KIND_MASK,
  load16,
  NAME_BYTES_MAX,
  nameBytes,
  OPT_BYTES,
  QUESTION_BYTES,
  RCODE_SHIFT,
  RECORD_BYTES,
  RECURSION_DESIRED,
  readName,
  SOA_BYTES_MIN,
  SOA_IN,
  TRUNCATED,
  timeToLive,
  typeAndClass,
} from "../wire/dns";
import { addAddress, nameOf, Query } from "./dns_query";

/** Longest answer that we ask for over UDP, in octets: no fragments on the way (RFC 6891 section 6.2.5, DNS flag day). */
const UDP_BYTES_MAX: u32 = 1232;
/** Octets of IPv4 and UDP headers. */
const HEADERS_BYTES: u32 = 28;
/** Low octet of the type OPT. */
const TYPE_OPT: u8 = 41;
/** One, on the wire. */
const ONE: u16 = 0x0100;

/** What a name without addresses is kept for, in seconds (RFC 2308 section 5: not long). */
const NEGATIVE_SECONDS_MAX: u32 = 300;

/** Most octets of a question. */
export const QUESTION_MESSAGE_BYTES_MAX: u32 = DNS_HEADER_BYTES + NAME_BYTES_MAX + QUESTION_BYTES + OPT_BYTES;

/** What `readRecords` found, beside addresses. */
export namespace Found {
  /** The message was read as far as it goes; without this it lies. */
  export const READ: u32 = 1;
  /** An SOA record: there is nothing, and `ttl` says for how long. */
  export const NEGATIVE: u32 = 2;
  /** The name is another's alias, and stands in the query now. */
  export const ALIAS: u32 = 4;
}

/** Writes the question to `at`, which is 2-aligned and has room. Returns its octets. */
export function writeQuestion(q: Query, at: usize): u32 {
  const h = changetype<DnsHeader>(at);
  const name = nameOf(q);
  const length = nameBytes(name);
  memory.fill(at, 0, QUESTION_MESSAGE_BYTES_MAX);
  h.id = q.id;
  h.flags = RECURSION_DESIRED;
  h.questions = ONE;
  memory.copy(at + DNS_HEADER_BYTES, name, length);
  // What is not zero of type, class, and the OPT record: root, type, our UDP payload size, no flags, no data.
  const end = at + length;
  store<u8>(end, 1, DNS_HEADER_BYTES + 1);
  store<u8>(end, 1, DNS_HEADER_BYTES + 3);
  if (q.plain) return DNS_HEADER_BYTES + length + QUESTION_BYTES;
  h.additionals = ONE;
  store<u8>(end, TYPE_OPT, DNS_HEADER_BYTES + QUESTION_BYTES + 2);
  const most = min(UDP_BYTES_MAX, <u32>config.mtu - HEADERS_BYTES);
  store<u8>(end, <u8>(most >> 8), DNS_HEADER_BYTES + QUESTION_BYTES + 3);
  store<u8>(end, <u8>most, DNS_HEADER_BYTES + QUESTION_BYTES + 4);
  return DNS_HEADER_BYTES + length + QUESTION_BYTES + OPT_BYTES;
}

// @inline
/** RCODE of the message. */
export function rcode(message: usize): u32 {
  return (<u32>changetype<DnsHeader>(message).flags >> RCODE_SHIFT) & 15;
}

// @inline
/** Whether the message was cut off to fit a datagram. */
export function isTruncated(message: usize): bool {
  return (changetype<DnsHeader>(message).flags & TRUNCATED) != 0;
}

/** Where the records begin in the message that ends at `end`, when it answers the question of `q`; 0: it does not. */
export function recordsAt(q: Query, message: usize, end: usize): usize {
  const h = changetype<DnsHeader>(message);
  const at = message + DNS_HEADER_BYTES;
  if (<u32>(at > end) | <u32>(h.id != q.id) | <u32>((h.flags & KIND_MASK) != KIND_ANSWER)) return 0;
  // Who did not understand the question need not repeat it.
  if (<u32>!h.questions & <u32>(rcode(message) == FORMAT_ERROR)) return at;
  if (h.questions != ONE) return 0;
  const next = readName(message, at, end, nameOf(q), false);
  // A name that differs is beyond the end.
  if (<u32>!next | <u32>(next + QUESTION_BYTES > <u32>end) || load32(next) != A_IN) return 0;
  return next + QUESTION_BYTES;
}

/**
 * Reads the records from `at` to `end`: addresses of the name, which becomes another at each alias, and an SOA record when
 * there is none. `cut`: the message may end too soon, and is used as far as it goes. Returns Found bits.
 */
export function readRecords(q: Query, message: usize, at: usize, end: usize, cut: bool): u32 {
  const name = nameOf(q);
  const authorities = load16(message + offsetof<DnsHeader>("authorities"));
  let found: u32 = Found.READ;
  q.addresses = 0;
  for (let left = load16(message + offsetof<DnsHeader>("answers")) + authorities; left; left--) {
    const owner = readName(message, at, end, name, false);
    const record = owner & ~DIFFERS;
    const data = record + RECORD_BYTES;
    at = owner && data <= end ? data + dataBytes(record) : end + 1;
    if (at > end) return cut ? found : 0;
    const type = typeAndClass(record);
    let ttl = timeToLive(record);
    if (left <= authorities) {
      if (<u32>(type != SOA_IN) | <u32>(at - data < SOA_BYTES_MIN) | q.addresses) continue;
      // RFC 2308 section 5: the record's own TTL, or its field MINIMUM.
      ttl = min(min(ttl, NEGATIVE_SECONDS_MAX), load32(at - 4));
      found |= Found.NEGATIVE;
    } else if (owner & DIFFERS) continue;
    else if (type == A_IN) {
      if (at - data != 4) return 0;
      addAddress(q, data);
    } else if (type == CNAME_IN) {
      if ((readName(message, data, at, name, false) & ~DIFFERS) != at) return 0;
      readName(message, data, at, name, true);
      q.aliases++;
      found |= Found.ALIAS;
    } else continue;
    q.ttl = min(q.ttl, ttl);
  }
  return found;
}
