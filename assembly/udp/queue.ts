// A queue of datagrams: a ring of entries, each a header and its octets in one run, so that nobody has to put halves together.
//
//   not wrapped   |.....head#####tail......|        entries from `head` to `tail`
//   wrapped       |####tail.....head####end.|       from `head` to `end`, then from 0 to `tail`
//
// Places count from the ring's beginning, in steps of 4. `tail` never comes up to `head` from below: when both are the same
// the queue is empty.

import { config } from "../config";

/** What stands before the octets of a datagram. */
@unmanaged
export class Entry {
  /** Octets of data. */
  bytes: u16;
  /** The other side's port, as on the wire. */
  port: u16;
  /** The other side's address. */
  address: u32;
}

/** Octets of an Entry. */
export const ENTRY_BYTES: u32 = 8;

/** No place. */
export const NONE: u32 = 0xffffffff;

/** A queue, as it stands in the record of a socket. */
@unmanaged
export class Queue {
  head: u32;
  tail: u32;
  end: u32;
}

/** Whether the queue is empty. */
export function isEmpty(q: Queue): bool {
  return q.head == q.tail;
}

/** Where an entry with `bytes` octets of data may begin; NONE when there is no room for it. */
export function place(q: Queue, bytes: u32): u32 {
  const size = entryBytes(bytes);
  return size <= roomAtTail(q) ? q.tail : size <= roomAtStart(q) ? 0 : NONE;
}

/** The longest datagram for which there is room, in octets; below 0 when there is none. */
export function longest(q: Queue): i32 {
  return <i32>(max(roomAtTail(q), roomAtStart(q)) - ENTRY_BYTES);
}

/** Writes the entry at `at`: the other side, and `bytes` octets of data, which may be in their place already. */
export function write(at: usize, address: u32, port: u32, data: usize, bytes: u32): void {
  const entry = changetype<Entry>(at);
  entry.bytes = <u16>bytes;
  entry.port = <u16>port;
  entry.address = address;
  memory.copy(at + ENTRY_BYTES, data, bytes);
}

/** The entry with `bytes` octets of data at `at`, which `place` chose, is in the queue from now on. */
export function put(q: Queue, at: u32, bytes: u32): void {
  if (at != q.tail) {
    q.end = q.tail;
    // All was taken meanwhile.
    if (q.head == q.end) q.head = 0;
  }
  q.tail = at + entryBytes(bytes);
}

/** Takes the first entry, with `bytes` octets of data, out of the queue. */
export function take(q: Queue, bytes: u32): void {
  q.head += entryBytes(bytes);
  if (<u32>(q.tail < q.head) & <u32>(q.head == q.end)) q.head = 0;
}

function roomAtTail(q: Queue): u32 {
  // Empty: all of it in one run.
  if (q.head == q.tail) q.head = q.tail = 0;
  return q.tail < q.head ? q.head - q.tail - 4 : config.datagramQueueBytes - q.tail;
}

function roomAtStart(q: Queue): u32 {
  return q.tail < q.head || !q.head ? 0 : q.head - 4;
}

function entryBytes(bytes: u32): u32 {
  return ENTRY_BYTES + ((bytes + 3) & ~3);
}
