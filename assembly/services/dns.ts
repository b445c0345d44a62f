// The resolver: RFC 1034 section 5.3.1's stub, that asks servers which do the work.
//
// A try is one question to one server, over UDP, with an id and a port that nobody can guess (RFC 5452 section 9.2). Tries
// take turns among two servers and last 1, 1, 2, 2, 4 and 4 seconds: 14 in all. An answer that leads on, to the name
// behind an alias, to TCP, or to the same question without EDNS0, gives its try the same time once more, TCP 5 seconds: with
// at most 8 aliases no query lasts longer than two minutes.

import { Counter, Event, Status } from "../abi_constants";
import { config, header, QUERY_BYTES, Services, services, state } from "../config";
import { after, isDueElseWake } from "../lib/clock";
import { count } from "../lib/counters";
import { random } from "../lib/prng";
import * as arp from "../net/arp";
import * as route from "../net/route";
import { become, Kind, raise, retireHandle } from "../net/socket";
import * as tcb from "../tcp/tcb";
import * as udp from "../udp/emit";
import {
  DNS_PORT,
  FORMAT_ERROR,
  fromText,
  NAME_BYTES_MAX,
  NAME_ERROR,
  NO_ERROR,
  OPT_BYTES,
  TextAddress,
  TRUNCATED,
} from "../wire/dns";
import * as cache from "./dns_cache";
import * as connect from "./dns_connect";
import { Found, isAnswer, rcode, readRecords, recordsAt, truncated, writeQuestion } from "./dns_message";
import { ADDRESS_BYTES, addressesOf, nameOf, Phase, Query, queriesBegin, queryAt } from "./dns_query";
import * as stream from "./dns_stream";

/** The two servers, side by side. */
const SERVERS: usize = changetype<usize>(services) + offsetof<Services>("dnsServer0");
/** Tries, and the time of the first. */
const TRIES: u8 = 6;
const FIRST_TRY_MS: u32 = 1000;
/** What an answer may be kept for, in seconds: a day. */
const TTL_MAX: i32 = 86400;
/** The bits that ephemeral ports have in common, where our port is in Query.ports. */
const EPHEMERAL: u32 = 0x00c00000;
/** Aliases of one name that are followed. */
const ALIASES_MAX: u16 = 8;
/** RCODEs that say something of the name: a bit each. */
const USEFUL: u32 = (1 << NO_ERROR) | (1 << NAME_ERROR);
/** 127.0.0.1, and the name that has it (RFC 6761 section 6.3), as two words. */
const LOOPBACK: u32 = 0x0100007f;
const LOCALHOST: u64 = 0x6f686c61636f6c09;
const LOCALHOST_END: u32 = 0x007473;

/** Opens a query. Returns its handle, or NO_SOCKET. */
export function open(): i32 {
  for (let index: u32 = 0; index < config.queries; index++) {
    const q = queryAt(index);
    if (q.kind) continue;
    const at = changetype<usize>(q) + offsetof<Query>("deadline");
    memory.fill(at, 0, QUERY_BYTES - offsetof<Query>("deadline"));
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
  const result = changetype<TextAddress>(changetype<usize>(q) + offsetof<Query>("addresses"));
  const bytes = fromText(name, length, result);
  if (!bytes) return Status.INVALID_ARGUMENT;
  if (load<u64>(name) == LOCALHOST && load<u32>(name, 8) == LOCALHOST_END) {
    result.addresses = 1;
    result.address = LOOPBACK;
  }
  q.key = cache.keyOf(name, bytes);
  q.ttl = TTL_MAX;
  if (q.addresses || cache.recall(q)) found(q);
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
  // With `phase`.
  store<u32>(
    changetype<usize>(q),
    (<u32>Status.ABORTED & 0xffff) | ((<u32>Phase.DONE) << 16),
    offsetof<Query>("error"),
  );
  connect.advance(q);
}

/**
 * The message of `length` octets came by UDP from `remoteAddress`, with `ports` as in its header. False: no query asked there
 * from that port, and it is not for us.
 */
export function receive(remoteAddress: u32, ports: u32, message: usize, length: u32): bool {
  const q = waiting(remoteAddress, ports);
  if (!q) return false;
  if (!take(q, message, message + length)) count(Counter.DNS_IGNORED);
  return true;
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
    const bytes = writeQuestion(q, udp.payloadAt());
    return udp.emitPorts(config.address, q.remoteAddress, rotl(q.ports, 16), bytes, 0, config.ttl, neighbour);
  }
  return 0;
}

/** One more try, or the end. */
function tryNext(q: Query): void {
  const tries = q.tries++;
  let server = load<u32>(SERVERS + ((tries & 1) << 2));
  if (!server) server = services.dnsServer0 | services.dnsServer1;
  if (<u32>!server | <u32>(tries == TRIES)) return finish(q, server ? Status.TIMED_OUT : Status.UNREACHABLE);
  q.remoteAddress = server;
  ask(q);
}

/** The question in `q` is due, with a new id and port. */
function ask(q: Query): void {
  const unknown = random();
  q.id = <u16>unknown;
  // On the wire the first octet of the ephemeral ports begins with two ones (RFC 6335 section 6).
  q.ports = DNS_PORT | EPHEMERAL | (unknown & 0xffff0000);
  q.deadline = after(FIRST_TRY_MS << ((<u32>q.tries - 1) >> 1));
  q.phase = Phase.ASKS;
  q.stream = 0;
  state.scanDue = 1;
}

/** The query that waits for an answer from `remoteAddress` with these ports. */
function waiting(remoteAddress: u32, ports: u32): Query | null {
  for (let index: u32 = 0; index < config.queries; index++) {
    const q = queryAt(index);
    if (!(<u32>(q.phase != Phase.WAITS) | (q.remoteAddress ^ remoteAddress) | (q.ports ^ ports))) return q;
  }
  return null;
}

/** Nothing comes of this try. Of an answer that was cut off, and could not be had by TCP, the addresses are still true. */
function giveUpTry(q: Query): void {
  leaveStream(q);
  if (q.addresses) found(q);
  else tryNext(q);
}

/** Takes the message that ends at `end`. False: it is no answer to the question. */
function take(q: Query, message: usize, end: usize): bool {
  if (!isAnswer(q, message, end)) return false;
  const code = rcode(message);
  // Who did not understand the question need not repeat it.
  if (<u32>(code == FORMAT_ERROR) & <u32>!q.plain) {
    q.plain = <u8>OPT_BYTES;
    ask(q);
    return true;
  }
  const at = recordsAt(q, message, end);
  if (!at) return false;
  if (!((USEFUL >> code) & 1)) {
    // The other server is asked at once; when both cannot help, the try takes its time.
    if (q.tries & 1) giveUpTry(q);
    return true;
  }
  // What came by TCP is used as far as it goes.
  const cut = q.stream | truncated(message);
  const bits = readRecords(q, message, at, end, cut);
  if (!bits) {
    q.addresses = 0;
    count(Counter.DNS_MALFORMED);
  } else if (cut == TRUNCATED) {
    const t = tcb.allocate();
    if (t) stream.begin(q, t);
    else finish(q, q.addresses ? Status.OK : Status.NO_SOCKET);
  } else if (
    !(q.addresses | code | ((bits & (Found.NEGATIVE | Found.ALIAS)) ^ Found.ALIAS)) &&
    q.aliases <= ALIASES_MAX
  ) {
    // The addresses did not come with the alias.
    ask(q);
  } else {
    if (q.addresses | (bits & Found.NEGATIVE)) cache.keep(q);
    found(q);
  }
  return true;
}

/** Takes what TCP brought, when it is enough. */
function readStream(q: Query): void {
  const message = stream.messageAt(q);
  const length = stream.arrived(q, message);
  if (length == stream.PENDING) return;
  leaveStream(q);
  if (!take(q, message, message + length)) giveUpTry(q);
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
