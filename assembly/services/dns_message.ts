// A question out, an answer in. An answer is believed only when it comes from where the question went (the caller looks), to
// the same port, and carries its id and the question itself (RFC 5452 section 9.1).

import { config } from "../config";
import { load32, swap16, swap32 } from "../lib/bytes";
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

/** Aliases that are followed, and what a record without addresses is kept for, in seconds (RFC 2308 section 5: not long). */
const ALIASES_MAX: u8 = 8;
const NEGATIVE_SECONDS_MAX: u32 = 300;

/** What `readRecords` found, beside addresses. */
export namespace Found {
  /** The message was read as far as it goes; without this it lies. */
  export const READ: u32 = 1;
  /** An SOA record: there is nothing, and `ttl` says for how long. */
  export const NEGATIVE: u32 = 2;
  /** The name is another's alias, and stands in the query now. */
  export const ALIAS: u32 = 4;
  /** One alias too many. */
  export const TOO_MANY: u32 = 8;
}

/** Most octets of the question of `q`. */
export function questionBytes(q: Query): u32 {
  return DNS_HEADER_BYTES + nameBytes(nameOf(q)) + QUESTION_BYTES + OPT_BYTES;
}

/** Writes the question to `at`, which is 2-aligned and has room for `questionBytes`. Returns its octets. */
export function writeQuestion(q: Query, at: usize): u32 {
  const h = changetype<DnsHeader>(at);
  const bytes = questionBytes(q) - (q.plain ? OPT_BYTES : 0);
  memory.fill(at, 0, bytes);
  h.id = q.id;
  h.flags = RECURSION_DESIRED;
  h.questions = ONE;
  const name = nameOf(q);
  const length = nameBytes(name);
  memory.copy(at + DNS_HEADER_BYTES, name, length);
  // What is not zero of type, class, and the OPT record: root, type, our UDP payload size, no flags, no data.
  const end = at + DNS_HEADER_BYTES + length;
  store<u8>(end, 1, 1);
  store<u8>(end, 1, 3);
  if (q.plain) return bytes;
  h.additionals = ONE;
  store<u8>(end, TYPE_OPT, QUESTION_BYTES + 2);
  const most = min(UDP_BYTES_MAX, <u32>config.mtu - HEADERS_BYTES);
  store<u8>(end, <u8>(most >> 8), QUESTION_BYTES + 3);
  store<u8>(end, <u8>most, QUESTION_BYTES + 4);
  return bytes;
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

/** Where the records begin in a message of `length` octets that answers the question of `q`; 0: it does not. */
export function recordsAt(q: Query, message: usize, length: u32): u32 {
  const h = changetype<DnsHeader>(message);
  if (length < DNS_HEADER_BYTES) return 0;
  if (<u32>(h.id != q.id) | <u32>((h.flags & KIND_MASK) != KIND_ANSWER)) return 0;
  // Who did not understand the question need not repeat it.
  if (<u32>!h.questions & <u32>(rcode(message) == FORMAT_ERROR)) return DNS_HEADER_BYTES;
  if (h.questions != ONE) return 0;
  const end = readName(message, DNS_HEADER_BYTES, length, nameOf(q), false);
  // No name, and one that differs, are out of range as well.
  if (end - 1 >= length - QUESTION_BYTES || load32(message + end) != A_IN) return 0;
  return end + QUESTION_BYTES;
}

/**
 * Reads the records from `at` to `end`: addresses of the name, which becomes another at each alias, and an SOA record when
 * there is none. `partly`: the message may be cut off, and is used as far as it goes. Returns Found bits.
 */
export function readRecords(q: Query, message: usize, at: u32, end: u32, partly: bool): u32 {
  const h = changetype<DnsHeader>(message);
  const name = nameOf(q);
  const authorities = swap16(h.authorities);
  const cut = <u32>partly;
  let found: u32 = Found.READ;
  for (let left = swap16(h.answers) + authorities; left; left--) {
    const owner = readName(message, at, end, name, false);
    const data = (owner & ~DIFFERS) + RECORD_BYTES;
    if (<u32>!owner | <u32>(data > end)) return found & (0 - cut);
    const record = message + data - RECORD_BYTES;
    const bytes = dataBytes(record);
    at = data + bytes;
    if (at > end) return found & (0 - cut);
    const type = typeAndClass(record);
    let ttl = timeToLive(record);
    if (left <= authorities) {
      if (<u32>(type != SOA_IN) | <u32>(bytes < SOA_BYTES_MIN) | q.addresses) continue;
      // RFC 2308 section 5: the record's own TTL, or its field MINIMUM.
      ttl = min(min(ttl, NEGATIVE_SECONDS_MAX), load32(message + at - 4));
      found |= Found.NEGATIVE;
    } else if (owner & DIFFERS) continue;
    else if (type == A_IN) {
      if (bytes != 4) return 0;
      // Addresses stand at any place.
      addAddress(q, swap32(load32(message + data)));
    } else if (type == CNAME_IN) {
      if ((readName(message, data, at, name, false) & ~DIFFERS) != at) return 0;
      readName(message, data, at, name, true);
      found |= Found.ALIAS;
      if (q.aliases++ == ALIASES_MAX) return found | Found.TOO_MANY;
    } else continue;
    q.ttl = min(q.ttl, ttl);
  }
  return found;
}
