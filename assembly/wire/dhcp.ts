// DHCP messages, RFC 2131 section 2, and their options, RFC 2132: read into a record, and built.
//
//   +0 BOOTP header   +44 sname, 64 octets   +108 file, 128 octets   +236 magic cookie   +240 options
//
// Names that a client has no use for, `sname` and `file`, may hold more options (option 52).

import { load32, swap16 } from "../lib/bytes";

/** A view of a message as far as the client's hardware address. Fields as on the wire. */
@unmanaged
export class DhcpMessage {
  /** Operation, hardware type, length of hardware addresses, hops: FROM_CLIENT, FROM_SERVER. */
  kind: u32;
  xid: u32;
  /** Seconds since the client began (low half), and the BROADCAST flag. */
  secsFlags: u32;
  ciaddr: u32;
  yiaddr: u32;
  siaddr: u32;
  giaddr: u32;
  chaddr0: u32;
  chaddr1: u16;
}

/** What `read` finds in the options. 0 is what was not there. Addresses as on the wire, other fields in host order. */
@unmanaged
export class DhcpOptions {
  // In the order of WORDS.
  netmask: u32;
  router: u32;
  ntp: u32;
  server: u32;
  dns0: u32;
  dns1: u32;
  /** In seconds; 2^32 - 1 for ever. */
  lease: u32;
  renew: u32;
  rebind: u32;

  mtu: u16;
  domainBytes: u8;
  /** OVERLOAD_FILE, OVERLOAD_SNAME bits. Its option's code is one below that of the next field's. */
  overload: u8;
  /** A MessageType. */
  type: u8;
  unused: u8;
  unused2: u16;
  /** Where the domain name stands in the message. */
  domain: u32;
}

/** Option 53. */
export namespace MessageType {
  export const DISCOVER: u32 = 1;
  export const OFFER: u32 = 2;
  export const REQUEST: u32 = 3;
  export const DECLINE: u32 = 4;
  export const ACK: u32 = 5;
  export const NAK: u32 = 6;
  export const RELEASE: u32 = 7;
}

/** Ports of UDP, in host order. */
export const SERVER_PORT: u32 = 67;
export const CLIENT_PORT: u32 = 68;
/** Octets of the shortest message that is sent: relays drop what is shorter than BOOTP's 300 (RFC 1542 section 2.1). */
export const SENT_BYTES_MIN: u32 = 300;
/** Where the options begin. */
export const OPTIONS_AT: u32 = 240;

const MAC_BYTES: u32 = 6;
const SNAME_AT: u32 = 44;
const FILE_AT: u32 = 108;
const COOKIE_AT: u32 = 236;
/** 99.130.83.99 as loaded from the wire. */
const COOKIE: u32 = 0x63538263;
/** Operation 1 or 2 on Ethernet, hardware addresses of 6 octets, as loaded from the wire. */
const FROM_CLIENT: u32 = 0x00060101;
const FROM_SERVER: u32 = 0x00060102;
/** Bits of that but for the hops, which relays count. */
const KIND_MASK: u32 = 0x00ffffff;
/** The flag that asks the server for broadcasts, above the seconds as stored on the wire. */
const BROADCAST_SHIFT: u32 = 23;

const PAD: u32 = 0;
const NETMASK: u32 = 1;
const ROUTER: u32 = 3;
const DNS: u32 = 6;
const HOST_NAME: u32 = 12;
const DOMAIN: u32 = 15;
const MTU: u32 = 26;
const NTP: u32 = 42;
const REQUESTED: u32 = 50;
const LEASE: u32 = 51;
const OVERLOAD: u32 = 52;
const TYPE: u32 = 53;
const SERVER: u32 = 54;
const PARAMETERS: u32 = 55;
const RENEW: u32 = 58;
const REBIND: u32 = 59;
const CLIENT_ID: u32 = 61;
const END: u32 = 255;
const OVERLOAD_FILE: u8 = 1;
const OVERLOAD_SNAME: u8 = 2;

/**
 * Options of four octets that are read, 6 bits each, in the order of DhcpOptions, the first lowest. Behind the one of two
 * addresses there is a place for the second; addresses come before times.
 */
const WORDS: u64 =
  <u64>(NETMASK | (ROUTER << 6) | (NTP << 12) | (SERVER << 18)) |
  ((<u64>(DNS | (LEASE << 12) | (RENEW << 18) | (REBIND << 24))) << 24);
/** The parameters that are asked for, as stored on the wire. */
const WANTED_0: u32 = NETMASK | (ROUTER << 8) | (DNS << 16) | (DOMAIN << 24);
const WANTED_1: u32 = MTU | (NTP << 8) | (RENEW << 16) | (REBIND << 24);
const WANTED_COUNT: u32 = 8;

/**
 * Reads the `length` octets of a server's message at `message` into `options`. Returns its type. 0: it is none, has no type,
 * or lies: an option that is shorter than its kind or reaches beyond its field, no end option.
 */
export function read(message: DhcpMessage, length: u32, options: DhcpOptions): u32 {
  const at = changetype<usize>(message);
  memory.fill(changetype<usize>(options), 0, offsetof<DhcpOptions>());
  if (length < OPTIONS_AT) return 0;
  if (((message.kind ^ FROM_SERVER) & KIND_MASK) | (load<u32>(at, COOKIE_AT) ^ COOKIE)) return 0;
  if (!readField(at + OPTIONS_AT, at + length, options)) return 0;
  // RFC 2131 section 4.1: the file field first. What says so in there is too late.
  const overload = options.overload;
  if (overload & OVERLOAD_FILE) {
    if (!readField(at + FILE_AT, at + COOKIE_AT, options)) return 0;
  }
  if (overload & OVERLOAD_SNAME) {
    if (!readField(at + SNAME_AT, at + FILE_AT, options)) return 0;
  }
  return options.type;
}

/** Reads the options from `at` to `end`. False when they lie. */
function readField(at: usize, end: usize, options: DhcpOptions): bool {
  while (at < end) {
    const code = <u32>load<u8>(at++);
    if (code == PAD) continue;
    if (code == END) return true;
    if (at == end) return false;
    const bytes = <u32>load<u8>(at++);
    if (bytes > <u32>(end - at) || !take(code, at, bytes, options)) return false;
    at += bytes;
  }
  return false;
}

/** Notes the option of `bytes` octets at `at`. False when it is too short. */
function take(code: u32, at: usize, bytes: u32, options: DhcpOptions): bool {
  // No option that is of use here is empty.
  if (!bytes) return true;
  const flag = code - OVERLOAD;
  if (flag <= TYPE - OVERLOAD)
    store<u8>(changetype<usize>(options) + flag, load<u8>(at), offsetof<DhcpOptions>("overload"));
  else if (code == DOMAIN) {
    options.domain = <u32>at;
    options.domainBytes = <u8>bytes;
  } else if (code == MTU) {
    options.mtu = <u16>(((<u32>load<u8>(at)) << 8) | load<u8>(at, 1));
    return bytes >= 2;
  }
  let word = changetype<usize>(options);
  for (let words = WORDS; words; words >>= 6) {
    if ((<u32>words & 63) == code) {
      memory.copy(word, at, <u32>(code == DNS) & <u32>(bytes >= 8) ? 8 : 4);
      if (word >= changetype<usize>(options) + offsetof<DhcpOptions>("lease")) store<u32>(word, load32(at));
      return bytes >= 4;
    }
    word += 4;
  }
  return true;
}

/**
 * Begins a message of a MessageType in the room at `message`, which is 4-aligned: all that is in every message of the client
 * whose MAC is at `mac`. `secs`: since when it asks, in seconds; `broadcast` (0 or 1) asks for a broadcast as answer. Returns
 * where more options go: each begins aligned, because pads fill the gaps.
 */
export function begin(
  message: DhcpMessage,
  type: u32,
  xid: u32,
  secs: u32,
  broadcast: u32,
  mac: usize,
): usize {
  const at = changetype<usize>(message);
  memory.fill(at, 0, SENT_BYTES_MIN);
  message.kind = FROM_CLIENT;
  message.xid = xid;
  message.secsFlags = swap16(min<u32>(secs, 0xffff)) | (broadcast << BROADCAST_SHIFT);
  memory.copy(at + offsetof<DhcpMessage>("chaddr0"), mac, MAC_BYTES);
  store<u32>(at, COOKIE, COOKIE_AT);
  // RFC 2132 section 9.14: the client identifier is hardware type 1 and the MAC, which is what servers assume without.
  store<u32>(at, TYPE | (1 << 8) | (type << 16) | (CLIENT_ID << 24), OPTIONS_AT);
  store<u16>(at, (1 + MAC_BYTES) | (1 << 8), OPTIONS_AT + 4);
  memory.copy(at + OPTIONS_AT + 6, mac, MAC_BYTES);
  return at + OPTIONS_AT + 12;
}

/** Adds what is asked for in a DISCOVER or REQUEST. Returns where more go. */
export function addWishes(at: usize): usize {
  store<u32>(at, (PARAMETERS << 16) | (WANTED_COUNT << 24));
  store<u32>(at, WANTED_0, 4);
  store<u32>(at, WANTED_1, 8);
  return at + 12;
}

/** Adds the address that is requested (or declined). Returns where more go. */
export function addRequested(at: usize, address: u32): usize {
  return addAddress(at, REQUESTED, address);
}

/** Adds the server that is meant. Returns where more go. */
export function addServer(at: usize, address: u32): usize {
  return addAddress(at, SERVER, address);
}

function addAddress(at: usize, code: u32, address: u32): usize {
  store<u32>(at, (code << 16) | (4 << 24));
  store<u32>(at, address, 4);
  return at + 8;
}

/** Adds the end and, before it, the `bytes` octets of host name at `name`, if any. Returns the octets of the message. */
export function finish(message: DhcpMessage, at: usize, name: usize, bytes: u32): u32 {
  if (bytes) {
    store<u16>(at, <u16>(HOST_NAME | (bytes << 8)));
    memory.copy(at + 2, name, bytes);
    at += 2 + bytes;
  }
  store<u8>(at, END);
  return max(<u32>(at - changetype<usize>(message)) + 1, SENT_BYTES_MIN);
}
