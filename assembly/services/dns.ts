// The resolver: RFC 1034 section 5.3.1's stub, that asks servers which do the work.
//
// A try is one question to one server, over UDP, with an id and a port that nobody can guess (RFC 5452 section 9.2). Tries
// take turns among two servers and last 1, 1, 2, 2, 4 and 4 seconds: 14 in all. An answer that leads on, to the name
// behind an alias, to TCP, or to the same question without EDNS0, gives its try the same time once more, TCP 5 seconds: with
// at most 8 aliases no query lasts longer than two minutes.

import { Counter, Event, Status } from "../abi_constants";
import { config, header, services, state } from "../config";
import { swap16 } from "../lib/bytes";
import { after, isDueElseWake } from "../lib/clock";
import { count } from "../lib/counters";
import { random } from "../lib/prng";
import * as arp from "../net/arp";
import * as route from "../net/route";
import { become, Kind, raise, retireHandle } from "../net/socket";
import { EPHEMERAL_FIRST, EPHEMERAL_PORTS } from "../tcp/isn";
import * as udp from "../udp/emit";
import {
  addressOf,
  DNS_PORT,
  FORMAT_ERROR,
  fromText,
  NAME_BYTES_MAX,
  NAME_ERROR,
  NO_ADDRESS,
  NO_ERROR,
} from "../wire/dns";
import * as cache from "./dns_cache";
import * as connect from "./dns_connect";
import { Found, isTruncated, rcode, readRecords, recordsAt, writeQuestion } from "./dns_message";
import {
  ADDRESS_BYTES,
  addAddress,
  addressesOf,
  nameOf,
  Phase,
  Query,
  queriesBegin,
  queryAt,
} from "./dns_query";
import * as stream from "./dns_stream";

/** Tries, and the time of the first. */
const TRIES: u8 = 6;
const FIRST_TRY_MS: u32 = 1000;
/** What an answer may be kept for, in seconds: a day. */
const TTL_MAX: u32 = 86400;
/** 127.0.0.1, and the name that has it (RFC 6761 section 6.3): two words on the wire, of the second three octets. */
const LOOPBACK: u32 = 0x0100007f;
const LOCALHOST: u64 = 0x6f686c61636f6c09;
const LOCALHOST_END: u32 = 0x007473;

/** Opens a query. Returns its handle, or NO_SOCKET. */
export function open(): i32 {
  for (let index: u32 = 0; index < config.queries; index++) {
    const q = queryAt(index);
    if (q.kind != Kind.FREE) continue;
    const at = changetype<usize>(q) + offsetof<Query>("key");
    memory.fill(at, 0, nameOf(q) - at);
    become(q, Kind.QUERY);
    // Set at the first use, and no change at a later one.
    q.handle |= queriesBegin() + index + 1;
    return q.handle;
  }
  return Status.NO_SOCKET;
}

/** Where the text of the name goes. Returns the octets that there is room for. */
export function reserve(q: Query): i32 {
  if (q.phase) return Status.ALREADY_CONNECTED;
  header.runPointer = <u32>nameOf(q) + 1;
  return NAME_BYTES_MAX;
}

/** Looks up the name whose `length` octets of text stand there. */
export function commit(q: Query, length: u32): i32 {
  if (q.phase) return Status.ALREADY_CONNECTED;
  const name = nameOf(q);
  if (!fromText(name, length)) return Status.INVALID_ARGUMENT;
  let address = addressOf(name);
  if (load<u64>(name) == LOCALHOST && (load<u32>(name, 8) & 0xffffff) == LOCALHOST_END) address = LOOPBACK;
  q.key = cache.keyOf(name);
  q.ttl = TTL_MAX;
  if (address != NO_ADDRESS) {
    if (address >> 32) return Status.INVALID_ARGUMENT;
    addAddress(q, <u32>address);
    finish(q, Status.OK);
  } else if (cache.recall(q)) found(q);
  else tryNext(q);
  return Status.OK;
}

/** The addresses: finds the run of records. Returns its octets, or why there are none. */
export function peek(q: Query): i32 {
  if (q.phase != Phase.DONE) return Status.WOULD_BLOCK;
  if (q.error) return q.error;
  header.runPointer = <u32>addressesOf(q);
  return <u32>q.addresses * ADDRESS_BYTES;
}

/** Gives the handle back. What goes on is cancelled, a connection that waits for the name included. */
export function end(q: Query): void {
  leaveStream(q);
  retireHandle(q);
  q.kind = Kind.FREE;
  q.addresses = 0;
  q.error = <i16>Status.ABORTED;
  q.phase = Phase.DONE;
  connect.advance(q);
}

/**
 * The message of `length` octets came by UDP from `remoteAddress`, with `ports` as in its header. False: no query asked there
 * from that port, and it is not for us.
 */
export function receive(remoteAddress: u32, ports: u32, message: usize, length: u32): bool {
  let asked = false;
  for (let index: u32 = 0; index < config.queries; index++) {
    const q = queryAt(index);
    if (<u32>(q.phase != Phase.WAITS) | (q.remoteAddress ^ remoteAddress) | (q.ports ^ ports)) continue;
    const at = recordsAt(q, message, length);
    if (at) {
      take(q, message, at, length, isTruncated(message), true);
      return true;
    }
    asked = true;
  }
  if (asked) count(Counter.DNS_IGNORED);
  return asked;
}

/** Builds the next question that is due into the output slot. Returns the frame's length; 0: none is due. */
export function emitNext(): u32 {
  for (let index: u32 = 0; index < config.queries; index++) {
    const q = queryAt(index);
    connect.advance(q);
    if (q.phase == Phase.STREAM) readStream(q);
    if (<u32>q.phase - Phase.ASKS > Phase.STREAM - Phase.ASKS) continue;
    if (isDueElseWake(q.deadline)) giveUpTry(q);
    if (q.phase != Phase.ASKS) continue;
    const hop = route.nextHop(q.remoteAddress);
    // No way, or nobody known there yet: the try takes its time.
    const neighbour = hop ? arp.resolve(hop) : null;
    if (!neighbour) continue;
    q.phase = Phase.WAITS;
    const ports = q.ports;
    const bytes = writeQuestion(q, udp.payloadAt());
    return udp.emit(config.address, q.remoteAddress, ports >> 16, ports & 0xffff, bytes, neighbour);
  }
  return 0;
}

/** One more try, or the end. */
function tryNext(q: Query): void {
  const tries = q.tries++;
  let server = tries & 1 ? services.dnsServer1 : services.dnsServer0;
  if (!server) server = services.dnsServer0 | services.dnsServer1;
  if (!server) return finish(q, Status.UNREACHABLE);
  if (tries == TRIES) return finish(q, Status.TIMED_OUT);
  q.remoteAddress = server;
  ask(q);
}

/** The question in `q` is due, with a new id and port. */
function ask(q: Query): void {
  const unknown = random();
  q.id = <u16>unknown;
  q.ports = DNS_PORT | (swap16(EPHEMERAL_FIRST + ((unknown >> 16) % EPHEMERAL_PORTS)) << 16);
  q.deadline = after(FIRST_TRY_MS << ((<u32>q.tries - 1) >> 1));
  q.phase = Phase.ASKS;
  state.scanDue = 1;
}

/** Nothing comes of this try. Of an answer that was cut off, and could not be had by TCP, the addresses are still true. */
function giveUpTry(q: Query): void {
  leaveStream(q);
  if (q.addresses) found(q);
  else tryNext(q);
}

/**
 * An answer to the question, of which `length` octets are here; `cut`: it goes on. Its records stand from `at` on.
 * `overUdp`: what is cut off can be had by TCP.
 */
function take(q: Query, message: usize, at: u32, length: u32, cut: bool, overUdp: bool): void {
  const code = rcode(message);
  if (<u32>(code == FORMAT_ERROR) & <u32>!q.plain) {
    q.plain = 1;
    return ask(q);
  }
  if (<u32>(code != NO_ERROR) & <u32>(code != NAME_ERROR)) {
    // The other server is asked at once; when both have refused, the try takes its time.
    if (q.tries & 1) giveUpTry(q);
    return;
  }
  q.addresses = 0;
  const bits = readRecords(q, message, at, length, cut);
  if (!bits) {
    q.addresses = 0;
    return count(Counter.DNS_MALFORMED);
  }
  const truncated = cut && overUdp;
  if (truncated && stream.begin(q)) return;
  if (q.addresses | (bits & Found.NEGATIVE)) {
    if (!truncated) cache.keep(q);
    return found(q);
  }
  if (truncated) return finish(q, Status.NO_SOCKET);
  // An alias whose addresses did not come with it.
  if ((bits & (Found.ALIAS | Found.TOO_MANY)) == Found.ALIAS && code == NO_ERROR) ask(q);
  else found(q);
}

/** Takes what TCP brought, when it is enough. */
function readStream(q: Query): void {
  const length = stream.look(q);
  if (length == stream.PENDING) return;
  const message = stream.messageAt(q);
  const at = recordsAt(q, message, length);
  const cut = length < stream.promised(q);
  leaveStream(q);
  if (at) take(q, message, at, length, cut, false);
  else giveUpTry(q);
}

function leaveStream(q: Query): void {
  if (q.phase != Phase.STREAM) return;
  q.phase = Phase.WAITS;
  stream.end(q);
}

function found(q: Query): void {
  finish(q, q.addresses ? Status.OK : Status.NOT_FOUND);
}

function finish(q: Query, error: Status): void {
  q.phase = Phase.DONE;
  q.error = <i16>error;
  raise(q, error ? Event.FAILED : Event.READABLE);
  // A connection may wait for it.
  state.scanDue = 1;
}
