// A queue of datagrams: entries in one run, each a header and its octets, so that nobody has to put halves together.
//
//   |.......head#########tail......|        entries from `head` to `tail`
//
// Places count from the ring's beginning, in steps of 4. Where the end has no room for an entry, all move to the beginning:
// what was found in the queue stands until the next entry.

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

/** A queue, as it stands in the record of a socket. */
@unmanaged
export class Queue {
  head: u32;
  tail: u32;
}

/** Whether the queue is empty. */
export function isEmpty(q: Queue): bool {
  return q.head == q.tail;
}

/** Makes room in `ring` for an entry with `bytes` octets of data, if it can. Returns for how many there is: below 0 for none. */
export function makeRoom(q: Queue, ring: usize, bytes: u32): i32 {
  if (<i32>bytes > roomAtTail(q)) {
    const head = q.head;
    const used = q.tail - head;
    memory.copy(ring, ring + head, used);
    q.head = 0;
    q.tail = used;
  }
  return roomAtTail(q);
}

/** For how many octets of data there is room behind the last entry: below 0 for none. */
export function roomAtTail(q: Queue): i32 {
  return <i32>(config.datagramQueueBytes - ENTRY_BYTES - q.tail);
}

/** Where the data of the next entry goes. */
export function dataAt(q: Queue, ring: usize): usize {
  return ring + q.tail + ENTRY_BYTES;
}

/** Adds an entry, for which there is room: the other side, and `bytes` octets of data, which may be in their place already. */
export function add(q: Queue, ring: usize, address: u32, port: u32, data: usize, bytes: u32): void {
  const entry = changetype<Entry>(ring + q.tail);
  entry.bytes = <u16>bytes;
  entry.port = <u16>port;
  entry.address = address;
  memory.copy(dataAt(q, ring), data, bytes);
  q.tail += entryBytes(bytes);
}

/** The first entry. */
export function first(q: Queue, ring: usize): Entry {
  return changetype<Entry>(ring + q.head);
}

/** Takes the first entry out of the queue; it stands where it is until another is added. */
export function take(q: Queue, ring: usize): void {
  q.head += entryBytes(first(q, ring).bytes);
}

function entryBytes(bytes: u32): u32 {
  return ENTRY_BYTES + ((bytes + 3) & ~3);
}
