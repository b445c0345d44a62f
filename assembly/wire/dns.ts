// DNS messages, RFC 1035 section 4. They begin 2-aligned: the header is read as a record, all that follows octet by octet.
//
// Names are compared and kept in lower case, in their form on the wire: length octets are below the letters.

import { load32 } from "../lib/bytes";

/** A view of a header. Fields as on the wire. */
@unmanaged
export class DnsHeader {
  id: u16;
  flags0: u8;
  flags1: u8;
  questions: u16;
  answers: u16;
  authorities: u16;
  additionals: u16;
}

/** Octets of a header. */
export const DNS_HEADER_BYTES: u32 = 12;
/** Octets of a question behind its name: type and class. */
export const QUESTION_BYTES: u32 = 4;
/** Octets of a record between its owner's name and its data. */
export const RECORD_BYTES: u32 = 10;
/** Octets of an OPT record without data (RFC 6891 section 6.1.2). */
export const OPT_BYTES: u32 = 11;
/** Longest name, in octets. */
export const NAME_BYTES_MAX: u32 = 255;
/** Octets that are kept for one: zeros follow it up to a multiple of 4. */
export const NAME_PLACE_BYTES: u32 = 260;

/** The server's port, as on the wire. */
export const DNS_PORT: u32 = 0x3500;

// Bits of `flags0`.
export const RECURSION_DESIRED: u8 = 0x01;
export const TRUNCATED: u32 = 0x02;
/** QR and OPCODE, and what they are in the answer to a query. */
export const KIND_MASK: u32 = 0xf8;
export const KIND_ANSWER: u32 = 0x80;
/** The RCODE's bits of `flags1`, and values of it. */
export const RCODE_MASK: u32 = 0x0f;
export const NO_ERROR: u32 = 0;
export const FORMAT_ERROR: u32 = 1;
export const NAME_ERROR: u32 = 3;

// Type and class of a record as one word; the class is IN.
export const A_IN: u32 = 0x00010001;
export const CNAME_IN: u32 = 0x00050001;
export const SOA_IN: u32 = 0x00060001;

/** Octets of the five integers that an SOA record ends with, and of two names, the shortest there are. */
export const SOA_BYTES_MIN: u32 = 22;

const DIFFERS_SHIFT: u32 = 31;
/** In a result of `readName`: the name is another. No memory reaches there (config.ts). */
export const DIFFERS: u32 = 1 << DIFFERS_SHIFT;
/** A result of `readName`: it is none. With DIFFERS or without, it is beyond every message. */
export const NO_NAME: u32 = u32.MAX_VALUE;

/** Longest label; a length octet from POINTER on is the first half of a pointer (section 4.1.4). */
const LABEL_BYTES_MAX: u32 = 63;
const POINTER: u32 = 0xc0;
/** Pointers in a name: more than a name can do with, and few enough that chains of them are no work. */
const POINTERS_MAX: u32 = 32;
const DOT: u32 = 46;

/** A 16-bit field in host order at any address. */
export function load16(at: usize): u32 {
  return ((<u32>load<u8>(at)) << 8) | load<u8>(at, 1);
}

// @inline
/** Type and class of the record whose owner's name ends at `at`, as one word. */
export function typeAndClass(at: usize): u32 {
  return load32(at);
}

// @inline
/** Its time to live in seconds; what is below 0 counts as 0 (RFC 2181 section 8). */
export function timeToLive(at: usize): i32 {
  return load32(at + 4);
}

// @inline
/** Octets of its data. */
export function dataBytes(at: usize): u32 {
  return load16(at + 8);
}

function lower(octet: u32): u32 {
  return octet - 65 < 26 ? octet | 32 : octet;
}

/**
 * Reads the name at `at`, not behind `end`, in the message that ends there. With `copy` it goes to `name`, in lower case and
 * without compression; else it is compared with what stands there. Returns where it ends in the message, with DIFFERS when it
 * is another; NO_NAME when it is none. Pointers lead backwards only, and there is a limit on them.
 */
export function readName(message: usize, at: usize, end: usize, name: usize, copy: bool): u32 {
  let next: usize = 0;
  let first = at;
  let pointers = POINTERS_MAX;
  const nameEnd = name + NAME_BYTES_MAX;
  let differs: u32 = 0;
  for (;;) {
    // At the end this is somebody else's: the name goes on beyond the end then, whatever it is.
    const length: u32 = load<u8>(at);
    if (length >= POINTER) {
      const to = message + (load16(at) & 0x3fff);
      at += 2;
      if (<u32>(at > end) | <u32>(to >= first) | <u32>!pointers--) break;
      if (!next) next = at;
      at = first = to;
      continue;
    }
    const labelEnd = at + 1 + length;
    if (<u32>(length > LABEL_BYTES_MAX) | <u32>(labelEnd > end) | <u32>(name + length >= nameEnd)) break;
    do {
      const octet = lower(load<u8>(at));
      if (copy) store<u8>(name, <u8>octet);
      differs |= <u32>(octet != load<u8>(name++));
    } while (++at < labelEnd);
    if (!length) return <u32>(next ? next : at) | (differs << DIFFERS_SHIFT);
  }
  return NO_NAME;
}

/** What `fromText` says of an address. */
@unmanaged
export class TextAddress {
  /** 1: the text is one; 0: it is not. */
  addresses: u32;
  /** As on the wire. */
  address: u32;
}

/**
 * Makes a name of the `length` octets of text that stand behind the octet at `name`, in place: "www.example.com", a dot at
 * the end or not. Returns its octets, or 0: it is none, or numbers that are no address. `result` says whether it is an
 * IPv4 address.
 */
export function fromText(name: usize, length: u32, result: TextAddress): u32 {
  // A length that is too long by far is so without one octet of it, too.
  if (load<u8>(name + (length & NAME_BYTES_MAX)) == DOT) length--;
  if (length - 1 >= NAME_BYTES_MAX - 2) return 0;
  const end = name + length + 1;
  store<u8>(end, <u8>DOT);
  let label = name;
  let at = name;
  let letters: u32 = 0;
  let bad: u32 = 0;
  let labels: u32 = 0;
  let value: u32 = 0;
  let address: u32 = 0;
  do {
    const octet: u32 = load<u8>(++at);
    const bytes = <u32>(at - label) - 1;
    if (octet != DOT) {
      store<u8>(at, <u8>lower(octet));
      const digit = octet - 48;
      letters |= <u32>(digit > 9);
      // A zero at the beginning could mean an octal number: not here, and so nowhere.
      if (bytes) bad |= <u32>(value - 1 >= 25);
      value = value * 10 + digit;
      continue;
    }
    if (bytes - 1 >= LABEL_BYTES_MAX) return 0;
    store<u8>(label, <u8>bytes);
    label = at;
    bad |= <u32>(value > 255);
    address = (address >> 8) | (value << 24);
    labels++;
    value = 0;
  } while (at < end);
  store<u8>(end, 0);
  result.addresses = <u32>!letters;
  result.address = address;
  return <u32>!letters & (bad | <u32>(labels != 4)) ? 0 : length + 2;
}
