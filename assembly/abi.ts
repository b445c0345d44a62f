// The exports, and nothing else: each checks its arguments and calls in. No protocol decision is made here.
//
// The comments are the reference of the interface: `npm run generate` copies them into the C header and the
// TypeScript types.

import {
  ABI_VERSION,
  Config,
  Counter,
  Endpoint,
  EXCHANGE_BYTES,
  Family,
  InputFlag,
  InterfaceAddress,
  STATE_BASE,
  STATE_MAGIC,
  Status,
} from "./abi_constants";
import { header, STANDARD } from "./config";
import { count } from "./lib/counters";
import { Kind, Socket } from "./net/socket";
import * as sockets from "./services/sockets";
import * as stack from "./stack";
import * as options from "./tcp/options";
import { Listener, Tcb } from "./tcp/tcb";
import * as user from "./tcp/user";

/** Longest backlog. */
const BACKLOG_MAX: u32 = 16384;

/** ABI_VERSION of this module. */
export function abiVersion(): u32 {
  return ABI_VERSION;
}

/** Address of the state region, a StateHeader. Before `init` its memory is free for the configuration record. */
export function base(): u32 {
  return STATE_BASE;
}

/** Bytes of linear memory that the Config at `record` needs, or a negative Status. May be called before `init`. */
export function bytesNeeded(record: u32): i32 {
  if (!isInMemory(record, offsetof<Config>())) return Status.INVALID_ARGUMENT;
  return stack.bytesNeeded(changetype<Config>(record));
}

/**
 * Lays out the state and starts the stack; called again, it forgets everything and starts anew.
 * `record`: address of a Config anywhere in memory, read once. `memoryBytes`: how much linear memory there really
 * is. `now`: milliseconds, a clock that may wrap. Returns OK, INVALID_ARGUMENT, NO_MEMORY, BAD_CONFIG,
 * VERSION_MISMATCH or NOT_SUPPORTED.
 */
export function init(record: u32, memoryBytes: u32, now: u32): i32 {
  if (!isInMemory(record, offsetof<Config>())) return Status.INVALID_ARGUMENT;
  return stack.init(changetype<Config>(record), memoryBytes, now);
}

/**
 * Takes over the state that another build of the module left in the same memory (live upgrade).
 * NOT_SUPPORTED in this version; its layout is made for it.
 */
export function adopt(memoryBytes: u32, now: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Takes the frame of `length` bytes in the input slot, which must then stand until `output` has returned 0: replies
 * are built from it. `flags`: InputFlag bits, interface in bits 8 to 15, of which there is one, 0. Hostile
 * input is never an error: it moves a counter. Returns OK, NOT_INITIALISED, INVALID_ARGUMENT (longer than the slot)
 * or NOT_SUPPORTED.
 */
export function input(length: u32, flags: u32, now: u32): i32 {
  if (!isRunning()) return Status.NOT_INITIALISED;
  if (flags & ~(<u32>InputFlag.CHECKSUM_VERIFIED | InputFlag.CHECKSUM_SUM | 0xffff0000))
    return Status.NOT_SUPPORTED;
  if (length > header.slotBytes) {
    count(Counter.LINK_TOO_LONG);
    return Status.INVALID_ARGUMENT;
  }
  stack.input(length, flags, now);
  return Status.OK;
}

/**
 * Builds the next frame that is due into the output slot. Returns its length, 0 when nothing is due, or
 * NOT_INITIALISED. The frame counts as sent. Call it after every `input` and call until it returns 0.
 */
export function output(now: u32): i32 {
  if (!isRunning()) return Status.NOT_INITIALISED;
  return stack.output(now);
}

/** Runs the timers that are due, for a host that has no room for a frame now; `output` does so too. */
export function poll(now: u32): i32 {
  if (!isRunning()) return Status.NOT_INITIALISED;
  stack.tick(now);
  return Status.OK;
}

/**
 * Milliseconds until `output` must be called, if no frame arrives and no call is made before: 0 when a frame is
 * due now, DEADLINE_NEVER when nothing is, at most 2^24. NOT_INITIALISED is below DEADLINE_NEVER.
 */
export function deadline(now: u32): i32 {
  if (!isRunning()) return Status.NOT_INITIALISED;
  return stack.deadline(now);
}

/**
 * Tells that the link of interface `interfaceIndex` (0) went up (1) or down (0). Either way neighbours are forgotten; when
 * it goes up, our address is announced (RFC 5227) and what waits for a retransmission goes at once. Connections survive.
 * Returns OK, NOT_INITIALISED or INVALID_ARGUMENT.
 */
export function linkChanged(interfaceIndex: u32, up: u32, now: u32): i32 {
  if (!isRunning()) return Status.NOT_INITIALISED;
  if (<u32>(interfaceIndex != 0) | <u32>(up > 1)) return Status.INVALID_ARGUMENT;
  stack.linkChanged(up, now);
  return Status.OK;
}

/**
 * Gives an interface the addresses of the InterfaceAddress at `record`, in the exchange area; address 0: none. When ours
 * is another then, all connections end without a word (event FAILED, error ABORTED) and handshakes are forgotten; listeners
 * stay. Neighbours are forgotten, and the address is announced. Returns OK, NOT_INITIALISED, NOT_SUPPORTED (not IPv4) or
 * INVALID_ARGUMENT (another interface than 0, a prefix above 32, a router that is ourselves).
 */
export function setAddress(record: u32, now: u32): i32 {
  if (!isRunning()) return Status.NOT_INITIALISED;
  if (!isCallers(record, offsetof<InterfaceAddress>())) return Status.INVALID_ARGUMENT;
  return stack.setAddress(changetype<InterfaceAddress>(record), now);
}

/** Opens a socket of a SocketKind. Returns a handle (above 0), NO_SOCKET, NOT_SUPPORTED or NOT_INITIALISED. */
export function open(kind: u32): i32 {
  if (!isRunning()) return Status.NOT_INITIALISED;
  return STANDARD ? sockets.open(kind) : user.open(kind);
}

/**
 * Gives the socket a local Endpoint; `connect` chooses one for a socket that was not bound. Its address is ours,
 * whatever it says: there is one interface with one address in this version. Port 0 leaves the choice to `connect`; a
 * listener needs another, a datagram socket gets one now. Returns OK, BAD_HANDLE, INVALID_ARGUMENT, ADDRESS_IN_USE or ALREADY_CONNECTED.
 */
export function bind(handle: i32, endpoint: u32): i32 {
  const socket = find(handle);
  if (!socket) return Status.BAD_HANDLE;
  if (!isEndpoint(endpoint)) return Status.INVALID_ARGUMENT;
  const port = changetype<Endpoint>(endpoint).port;
  if (STANDARD && sockets.isService(socket)) return sockets.bind(socket, port);
  return user.bind(socket, port);
}

/**
 * Starts to accept connections on a bound listener; at most `backlog` (1 to 16384) wait for `accept`. Handshakes that are
 * not complete are in the SYN cache (Config.synEntries) and do not count.
 * Returns OK, BAD_HANDLE, INVALID_ARGUMENT or ALREADY_CONNECTED.
 */
export function listen(handle: i32, backlog: u32): i32 {
  const listener = findListener(handle);
  if (!listener) return Status.BAD_HANDLE;
  if (backlog - 1 >= BACKLOG_MAX) return Status.INVALID_ARGUMENT;
  return user.startListening(listener, backlog);
}

/** Takes the next connection of a listener. Returns its handle, WOULD_BLOCK or BAD_HANDLE. */
export function accept(handle: i32): i32 {
  const listener = findListener(handle);
  return listener ? user.accept(listener) : Status.BAD_HANDLE;
}

/**
 * Starts to open a connection to the Endpoint; event CONNECTED or FAILED follows. Returns OK, BAD_HANDLE,
 * INVALID_ARGUMENT, NOT_SUPPORTED (not IPv4), ALREADY_CONNECTED, UNREACHABLE (no route) or ADDRESS_IN_USE (the bound
 * port, or every ephemeral one, is in use with this peer).
 * A datagram socket has a peer at once, may have another later, and with Family NONE has none: it sends to its peer and hears
 * nobody else, and what arrived before is forgotten. Returns for it OK, BAD_HANDLE, INVALID_ARGUMENT and NOT_SUPPORTED as
 * `sendTo`, or ADDRESS_IN_USE.
 */
export function connect(handle: i32, endpoint: u32): i32 {
  if (STANDARD) return connectAny(handle, endpoint);
  const connection = findConnection(handle);
  if (!connection) return Status.BAD_HANDLE;
  if (!isEndpoint(endpoint)) return Status.INVALID_ARGUMENT;
  const peer = changetype<Endpoint>(endpoint);
  if (peer.family != Family.IPV4) return Status.NOT_SUPPORTED;
  return user.connect(connection, peer.address0, peer.port);
}

/**
 * Finds room to write: returns the length of the next free run of the send ring (its address in
 * `StateHeader.runPointer`), WOULD_BLOCK when the ring is full (event WRITABLE follows), or BAD_HANDLE,
 * NOT_CONNECTED, SHUT_DOWN, or the error that ended the connection.
 * Of a datagram socket: room for one datagram. When it is less than could be, event WRITABLE follows as there is more.
 * Of a query: 255 bytes for the name as text; ALREADY_CONNECTED when it has been given one.
 */
export function sendReserve(handle: i32): i32 {
  const connection = findConnection(handle);
  if (connection) return user.sendReserve(connection);
  const service = findService(handle);
  return service ? sockets.sendReserve(service) : Status.BAD_HANDLE;
}

/**
 * Sends the first `length` bytes of the run found by `sendReserve`. Returns OK, BAD_HANDLE or INVALID_ARGUMENT. A connected
 * datagram socket sends them as one datagram; others are NOT_CONNECTED. A query looks the name up: event READABLE or FAILED follows;
 * INVALID_ARGUMENT when it is none.
 */
export function sendCommit(handle: i32, length: u32): i32 {
  const connection = findConnection(handle);
  if (connection) return user.sendCommit(connection, length);
  const service = findService(handle);
  return service ? sockets.sendCommit(service, length) : Status.BAD_HANDLE;
}

/**
 * Finds what can be read: returns the length of the next run of the receive ring (its address in
 * `StateHeader.runPointer`), 0 after the peer's FIN, WOULD_BLOCK when there is nothing yet (event READABLE
 * follows), or BAD_HANDLE, NOT_CONNECTED, or the error that ended the connection.
 * Of a connected datagram socket: the next datagram, which may have 0 bytes; its bytes stay there until the next call of `input`.
 * Of a query: its addresses, 16 bytes each, IPv4 in the first four of them; or NOT_FOUND, TIMED_OUT and what else there may be.
 */
export function receivePeek(handle: i32): i32 {
  const connection = findConnection(handle);
  if (connection) return user.receivePeek(connection);
  const service = findService(handle);
  return service ? sockets.receivePeek(service) : Status.BAD_HANDLE;
}

/**
 * Frees the first `length` bytes of the run found by `receivePeek`. Returns OK, BAD_HANDLE or INVALID_ARGUMENT. A datagram is
 * freed whole, whatever part of it was read.
 */
export function receiveConsume(handle: i32, length: u32): i32 {
  const connection = findConnection(handle);
  if (connection) return user.receiveConsume(connection, length);
  const service = findService(handle);
  return service ? sockets.receiveConsume(service, length) : Status.BAD_HANDLE;
}

/**
 * Takes the next run out of the receive ring, at most `most` bytes of it, 1 or more: `receivePeek` and `receiveConsume` in one. The
 * bytes stay where they are until the next call of `input`. Returns how many there are, or what `receivePeek` says.
 */
export function receive(handle: i32, most: u32): i32 {
  const connection = findConnection(handle);
  return connection ? user.receive(connection, most) : Status.BAD_HANDLE;
}

/**
 * Sends what the caller puts into the next free run of the send ring, at most `most` bytes, 1 or more: `sendReserve` and
 * `sendCommit` in one. The bytes must be in place before the next call of `output`. Returns how many there are to be,
 * or what `sendReserve` says.
 */
export function send(handle: i32, most: u32): i32 {
  const connection = findConnection(handle);
  return connection ? user.send(connection, most) : Status.BAD_HANDLE;
}

/**
 * Sends `length` bytes at `data` as one datagram to the Endpoint, or with 0 to the peer of a connected socket. They lie in
 * the run found by `sendReserve`, from its first byte on; 0 bytes lie anywhere. A socket that was not bound gets a port.
 * Where there is no way to the Endpoint event FAILED says so later (option ERROR: UNREACHABLE). Returns OK, BAD_HANDLE,
 * INVALID_ARGUMENT (port 0, an address that nobody can have or that is ours, a broadcast without option BROADCAST, data
 * elsewhere), NOT_SUPPORTED (not IPv4; a build without UDP), NOT_CONNECTED, ALREADY_CONNECTED (to an Endpoint although
 * connected), TOO_LONG (the MTU less 28, or the queue less 8), or WOULD_BLOCK when it is longer than the run (event WRITABLE
 * follows).
 */
export function sendTo(handle: i32, endpoint: u32, data: u32, length: u32): i32 {
  if (!STANDARD) return Status.NOT_SUPPORTED;
  const service = findService(handle);
  if (!service) return Status.BAD_HANDLE;
  if (endpoint && !isEndpoint(endpoint)) return Status.INVALID_ARGUMENT;
  return sockets.sendTo(service, changetype<Endpoint | null>(endpoint), data, length);
}

/**
 * Finds the next datagram: returns its length, which may be 0 (address in `StateHeader.runPointer`, good until the next call of
 * `input`), its source in the Endpoint; `receiveConsume` frees it. Returns BAD_HANDLE, INVALID_ARGUMENT or WOULD_BLOCK (event READABLE follows) instead;
 * NOT_SUPPORTED in a build without UDP.
 */
export function receiveFrom(handle: i32, endpoint: u32): i32 {
  if (!STANDARD) return Status.NOT_SUPPORTED;
  const service = findService(handle);
  if (!service) return Status.BAD_HANDLE;
  if (!isEndpoint(endpoint)) return Status.INVALID_ARGUMENT;
  return sockets.receiveFrom(service, changetype<Endpoint>(endpoint));
}

/** Ends the sending direction: a FIN follows what was written; reading goes on. Returns OK or why not. */
export function shutdown(handle: i32): i32 {
  const connection = findConnection(handle);
  return connection ? user.shutdown(connection) : Status.BAD_HANDLE;
}

/**
 * Gives the handle back. What was written is still delivered, and a FIN follows. But a connection with received data
 * that nobody read, or to which more data comes, ends in a reset when that is done (RFC 9293 section 3.6.1); one in
 * SYN-SENT is forgotten; a listener takes with it the connections that nobody accepted. A datagram socket sends what is in
 * its queue. Returns OK or BAD_HANDLE.
 */
export function close(handle: i32): i32 {
  return end(handle, false);
}

/** Gives the handle back and resets the connection: what was written and not acknowledged is lost. */
export function abort(handle: i32): i32 {
  return end(handle, true);
}

/**
 * Sets an Option from the `length` bytes at `value`, in the exchange area. Returns OK, BAD_HANDLE, NOT_SUPPORTED,
 * INVALID_ARGUMENT (value out of the option's range) or NOT_CONNECTED (URGENT before `connect`).
 */
export function setopt(handle: i32, option: u32, value: u32, length: u32): i32 {
  const socket = find(handle);
  if (!socket) return Status.BAD_HANDLE;
  if (!isCallers(value, length)) return Status.INVALID_ARGUMENT;
  if (STANDARD && sockets.isService(socket)) return sockets.setOption(socket, option, value, length);
  return options.set(socket, option, value, length);
}

/** Reads an Option into `length` bytes at `value`. Returns the bytes written, or a Status as `setopt`. */
export function getopt(handle: i32, option: u32, value: u32, length: u32): i32 {
  const socket = find(handle);
  if (!socket) return Status.BAD_HANDLE;
  if (!isCallers(value, length)) return Status.INVALID_ARGUMENT;
  if (STANDARD && sockets.isService(socket)) return sockets.getOption(socket, option, value, length);
  return options.get(socket, option, value, length);
}

/**
 * Takes the next socket with events: returns its handle, its Event bits in `StateHeader.eventMask`, and clears
 * them; 0 when there is none.
 */
export function nextEvent(): i32 {
  if (!isRunning()) return Status.NOT_INITIALISED;
  return user.nextEvent();
}

function isRunning(): bool {
  return header.magic == STATE_MAGIC;
}

function find(handle: i32): Socket | null {
  if (!isRunning()) return null;
  return STANDARD ? sockets.socketOf(handle) : user.socketOf(handle);
}

/** The socket of a handle that is not TCP's; null in a build without services. */
function findService(handle: i32): Socket | null {
  if (!STANDARD) return null;
  const socket = find(handle);
  return socket && sockets.isService(socket) ? socket : null;
}

/** `connect` where there is more than connections, and more than addresses. */
function connectAny(handle: i32, endpoint: u32): i32 {
  const socket = find(handle);
  if (!socket || socket.kind == Kind.LISTENER) return Status.BAD_HANDLE;
  if (!isEndpoint(endpoint)) return Status.INVALID_ARGUMENT;
  const peer = changetype<Endpoint>(endpoint);
  if (sockets.isService(socket) || peer.family == Family.NAME) return sockets.connect(socket, peer);
  if (peer.family != Family.IPV4) return Status.NOT_SUPPORTED;
  return user.connect(changetype<Tcb>(socket), peer.address0, peer.port);
}

function end(handle: i32, now: bool): i32 {
  const socket = find(handle);
  if (!socket) return Status.BAD_HANDLE;
  if (STANDARD && sockets.isService(socket)) sockets.end(socket, now);
  else user.end(socket, now);
  return Status.OK;
}

function findConnection(handle: i32): Tcb | null {
  return isRunning() ? user.connectionOf(handle) : null;
}

function findListener(handle: i32): Listener | null {
  const socket = find(handle);
  return socket && socket.kind == Kind.LISTENER ? changetype<Listener>(socket) : null;
}

/** Whether `length` bytes at `at` are an aligned place in linear memory. */
function isInMemory(at: u32, length: u32): bool {
  const end = <u64>at + length;
  return at >= STATE_BASE && !(at & 3) && end <= (<u64>(<u32>memory.size())) << 16;
}

/** Whether `length` bytes at `at` are the caller's to use: an aligned place in the exchange area. */
function isCallers(at: u32, length: u32): bool {
  const start = at - header.exchange;
  return !(<u32>(start > EXCHANGE_BYTES) | <u32>(length > EXCHANGE_BYTES - start) | (at & 3));
}

function isEndpoint(at: u32): bool {
  return isCallers(at, offsetof<Endpoint>());
}
