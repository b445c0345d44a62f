// The exports, and nothing else: each checks its arguments and calls in. No protocol decision is made here.
//
// The comments are the reference of the interface: `npm run generate` copies them into the C header and the
// TypeScript types.

import { ABI_VERSION, STATE_BASE, Status } from "./abi_constants";

/** ABI_VERSION of this module. */
export function abiVersion(): u32 {
  return ABI_VERSION;
}

/** Address of the state region, a StateHeader. Before `init` its memory is free for the configuration record. */
export function base(): u32 {
  return STATE_BASE;
}

/** Bytes of linear memory that the Config at `config` needs, or a negative Status. May be called before `init`. */
export function bytesNeeded(config: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Lays out the state and starts the stack; called again, it forgets everything and starts anew.
 * `config`: address of a Config anywhere in memory, read once. `memoryBytes`: how much linear memory there really
 * is. `now`: milliseconds, a clock that may wrap. Returns OK, NO_MEMORY, BAD_CONFIG, VERSION_MISMATCH or
 * NOT_SUPPORTED.
 */
export function init(config: u32, memoryBytes: u32, now: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Takes over the state that another build of the module left in the same memory (live upgrade).
 * Returns OK, or VERSION_MISMATCH when the state's layout is not this build's.
 */
export function adopt(memoryBytes: u32, now: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Takes the frame of `length` bytes in the input slot. `flags`: InputFlag bits, interface in bits 8 to 15.
 * Hostile input is never an error: it moves a counter. Returns OK, NOT_INITIALISED, INVALID_ARGUMENT (longer than
 * the slot) or NOT_SUPPORTED (an unknown flag).
 */
export function input(length: u32, flags: u32, now: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Builds the next frame that is due into the output slot. Returns its length, 0 when nothing is due, or
 * NOT_INITIALISED. The frame counts as sent. Call it after every `input` and call until it returns 0.
 */
export function output(now: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/** Runs the timers that are due, for a host that has no room for a frame now; `output` does so too. */
export function poll(now: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Milliseconds until `output` must be called, if no frame arrives and no call is made before: 0 when a frame is
 * due now, DEADLINE_NEVER when nothing is, at most DEADLINE_CAP_MS. NOT_INITIALISED is below DEADLINE_NEVER.
 */
export function deadline(now: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/** Tells that the link of interface `interfaceIndex` went up (1) or down (0). */
export function linkChanged(interfaceIndex: u32, up: u32, now: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/** Sets an interface's addresses from the InterfaceAddress at `record`. Connections from another address are reset. */
export function setAddress(record: u32, now: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/** Opens a socket of a SocketKind. Returns a handle (above 0), or NO_SOCKET, INVALID_ARGUMENT, NOT_SUPPORTED. */
export function open(kind: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Gives the socket a local Endpoint; `connect` chooses one for a socket that was not bound. Family NONE and a zero
 * address mean "ours". Returns OK, BAD_HANDLE, INVALID_ARGUMENT, ADDRESS_IN_USE or ALREADY_CONNECTED.
 */
export function bind(handle: i32, endpoint: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Starts to accept connections on a bound listener; at most `backlog` (1 to 16384) wait, half-open ones included.
 * Returns OK, BAD_HANDLE, INVALID_ARGUMENT or ALREADY_CONNECTED.
 */
export function listen(handle: i32, backlog: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/** Takes the next connection of a listener. Returns its handle, WOULD_BLOCK or BAD_HANDLE. */
export function accept(handle: i32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Starts to open a connection to the Endpoint; event CONNECTED or FAILED follows. Returns OK, BAD_HANDLE,
 * INVALID_ARGUMENT, ALREADY_CONNECTED, UNREACHABLE (no route) or NO_PORT.
 */
export function connect(handle: i32, endpoint: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Finds room to write: returns the length of the next free run of the send ring (its address in
 * `StateHeader.runPointer`), WOULD_BLOCK when the ring is full (event WRITABLE follows), or BAD_HANDLE,
 * NOT_CONNECTED, SHUT_DOWN, or the error that ended the connection.
 */
export function sendReserve(handle: i32): i32 {
  return Status.NOT_SUPPORTED;
}

/** Sends the first `length` bytes of the run found by `sendReserve`. Returns OK, BAD_HANDLE or INVALID_ARGUMENT. */
export function sendCommit(handle: i32, length: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Finds what can be read: returns the length of the next run of the receive ring (its address in
 * `StateHeader.runPointer`), 0 after the peer's FIN, WOULD_BLOCK when there is nothing yet (event READABLE
 * follows), or BAD_HANDLE, NOT_CONNECTED, or the error that ended the connection.
 */
export function receivePeek(handle: i32): i32 {
  return Status.NOT_SUPPORTED;
}

/** Frees the first `length` bytes of the run found by `receivePeek`. Returns OK, BAD_HANDLE or INVALID_ARGUMENT. */
export function receiveConsume(handle: i32, length: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/** Sends `length` bytes at `data` as one datagram to the Endpoint. NOT_SUPPORTED in a build without UDP. */
export function sendTo(handle: i32, endpoint: u32, data: u32, length: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Finds the next datagram: returns its length (address in `StateHeader.runPointer`), its source in the Endpoint;
 * `receiveConsume` frees it. NOT_SUPPORTED in a build without UDP.
 */
export function receiveFrom(handle: i32, endpoint: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/** Ends the sending direction: a FIN follows what was written; reading goes on. Returns OK or why not. */
export function shutdown(handle: i32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Gives the handle back. What was written is still delivered, then the connection ends: with a FIN, or with a reset
 * when received data was left unread or arrives later (RFC 9293 section 3.6.1). Returns OK or BAD_HANDLE.
 */
export function close(handle: i32): i32 {
  return Status.NOT_SUPPORTED;
}

/** Gives the handle back and resets the connection: what was written and not acknowledged is lost. */
export function abort(handle: i32): i32 {
  return Status.NOT_SUPPORTED;
}

/** Sets an Option from the `length` bytes at `value`. Returns OK, BAD_HANDLE, INVALID_ARGUMENT or NOT_SUPPORTED. */
export function setopt(handle: i32, option: u32, value: u32, length: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/** Reads an Option into `length` bytes at `value`. Returns the bytes written, or a Status as `setopt`. */
export function getopt(handle: i32, option: u32, value: u32, length: u32): i32 {
  return Status.NOT_SUPPORTED;
}

/**
 * Takes the next socket with events: returns its handle, its Event bits in `StateHeader.eventMask`, and clears
 * them; 0 when there is none.
 */
export function nextEvent(): i32 {
  return Status.NOT_SUPPORTED;
}
