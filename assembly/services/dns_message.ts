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
  KIND_ANSWER,
  KIND_MASK,
  load16,
  NAME_BYTES_MAX,
  OPT_BYTES,
  QUESTION_BYTES,
  RCODE_MASK,
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
const NEGATIVE_SECONDS_MAX: i32 = 300;

/** Most octets of a question. */
export const QUESTION_MESSAGE_BYTES_MAX: u32 = DNS_HEADER_BYTES + NAME_BYTES_MAX + QUESTION_BYTES + OPT_BYTES;

/** What `readRecords` found: types of records, one "or" another (1, 5 and 6). */
export namespace Found {
  /** The message was read as far as it goes; without this it lies. */
  export const READ: u32 = 8;
  /** Of SOA alone: there is nothing, and `ttl` says for how long. */
  export const NEGATIVE: u32 = 2;
  /** Of SOA and CNAME. That alone: the name is another's alias, and stands in the query now. */
  export const ALIAS: u32 = 4;
}

/** Writes the question to `at`, which is 2-aligned and has room. Returns its octets. */
export function writeQuestion(q: Query, at: usize): u32 {
  const h = changetype<DnsHeader>(at);
  const name = nameOf(q);
  memory.fill(at, 0, QUESTION_MESSAGE_BYTES_MAX);
  h.id = q.id;
  h.flags0 = RECURSION_DESIRED;
  h.questions = ONE;
  const plain = <u32>q.plain;
  store<u8>(at, <u8>!plain, offsetof<DnsHeader>("additionals") + 1);
  // The name has no pointers, and ends before anything.
  const length = readName(name, name, usize.MAX_VALUE, at + DNS_HEADER_BYTES, true) - <u32>name;
  // What is not zero of type, class, and the OPT record: root, type, our UDP payload size, no flags, no data.
  const end = at + length;
  store<u8>(end, 1, DNS_HEADER_BYTES + 1);
  store<u8>(end, 1, DNS_HEADER_BYTES + 3);
  store<u8>(end, TYPE_OPT, DNS_HEADER_BYTES + QUESTION_BYTES + 2);
  const most = min(UDP_BYTES_MAX, <u32>config.mtu - HEADERS_BYTES);
  store<u8>(end, <u8>(most >> 8), DNS_HEADER_BYTES + QUESTION_BYTES + 3);
  store<u8>(end, <u8>most, DNS_HEADER_BYTES + QUESTION_BYTES + 4);
  return DNS_HEADER_BYTES + QUESTION_BYTES + OPT_BYTES + length - plain;
}

// @inline
/** RCODE of the message. */
export function rcode(message: usize): u32 {
  return changetype<DnsHeader>(message).flags1 & RCODE_MASK;
}

// @inline
/** TRUNCATED when the message was cut off to fit a datagram, else 0. */
export function truncated(message: usize): u32 {
  return changetype<DnsHeader>(message).flags0 & TRUNCATED;
}

// @inline
/** Whether the message that ends at `end` has a header, which is that of an answer to `q`. */
export function isAnswer(q: Query, message: usize, end: usize): bool {
  const h = changetype<DnsHeader>(message);
  return !(
    <u32>(message + DNS_HEADER_BYTES > end) |
    (<u32>h.id ^ q.id) |
    ((h.flags0 & KIND_MASK) ^ KIND_ANSWER)
  );
}

// @inline
/** Where the records begin in an answer that ends at `end`, when it repeats the question of `q`; 0: it does not. */
export function recordsAt(q: Query, message: usize, end: usize): usize {
  if (changetype<DnsHeader>(message).questions != ONE) return 0;
  const next = readName(message, message + DNS_HEADER_BYTES, end, nameOf(q), false);
  // A name that differs is beyond the end.
  if (next > <u32>end - QUESTION_BYTES || load32(next) != A_IN) return 0;
  return next + QUESTION_BYTES;
}

/**
 * Reads the records from `at` to `end`: addresses of the name, which becomes another at each alias, and an SOA record when
 * there is none. `cut`, if not zero: the message may end too soon, and is used as far as it goes. Returns Found bits.
 */
export function readRecords(q: Query, message: usize, at: usize, end: usize, cut: u32): u32 {
  const name = nameOf(q);
  const authorities = load16(message + offsetof<DnsHeader>("authorities"));
  let found: u32 = Found.READ;
  q.addresses = 0;
  for (let left = load16(message + offsetof<DnsHeader>("answers")) + authorities; left; left--) {
    const owner = readName(message, at, end, name, false);
    const record = (owner << 1) >> 1;
    const data = record + RECORD_BYTES;
    at = data;
    if (data <= end) at += dataBytes(record);
    if (at > end) return cut ? found : 0;
    const type = typeAndClass(record);
    let ttl = timeToLive(record);
    if (left <= authorities) {
      if (<u32>(type != SOA_IN) | <u32>(at - data < SOA_BYTES_MIN) | q.addresses) continue;
      // RFC 2308 section 5: the record's own TTL, or its field MINIMUM.
      ttl = min(min(ttl, NEGATIVE_SECONDS_MAX), <i32>load32(at - 4));
    } else if (<i32>owner < 0) continue;
    else if (type == A_IN) {
      if (at - data != 4) return 0;
      addAddress(q, data, at - data);
    } else if (type == CNAME_IN) {
      if ((readName(message, data, at, name, false) ^ at) & ~DIFFERS) return 0;
      readName(message, data, at, name, true);
      q.aliases++;
    } else continue;
    found |= type >> 16;
    q.ttl = min(q.ttl, ttl);
  }
  return found;
}
