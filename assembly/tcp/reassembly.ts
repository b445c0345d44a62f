// Data ahead of a hole. It is copied to its place in the receive ring at once; which stretches are there is noted in a
// few ranges behind the connection record, sorted, apart from each other, all after RCV.NXT.
//
//   ring     ... read | in order      | hole | range 0 | hole | range 1 |
//                     receiveHead     RCV.NXT

import { Counter } from "../abi_constants";
import { CONNECTION_BYTES, config, RANGE_BYTES } from "../config";
import { count } from "../lib/counters";
import * as seq from "./seq";
import { Tcb } from "./tcb";

/** Sequence numbers of the first octet, and of the one after the last. */
@unmanaged
class Range {
  start: u32;
  end: u32;
}

/** Notes that [start, end) is in the ring. False, and counted, when that would be one range too many. */
export function insert(t: Tcb, start: u32, end: u32): bool {
  let index: u32 = 0;
  while (index < t.ranges && seq.lessThan(rangeAt(t, index).end, start)) index++;
  // Ranges from `index` to `last` touch the new one and melt into it.
  let last = index;
  while (last < t.ranges && seq.atMost(rangeAt(t, last).start, end)) last++;
  if (last == index) {
    if (t.ranges >= config.reassemblyRanges) {
      count(Counter.TCP_RANGES_FULL);
      return false;
    }
    move(t, index, index + 1);
  } else {
    const first = rangeAt(t, index);
    if (seq.lessThan(first.start, start)) start = first.start;
    end = seq.later(end, rangeAt(t, last - 1).end);
    move(t, last, index + 1);
  }
  const range = rangeAt(t, index);
  range.start = start;
  range.end = end;
  return true;
}

/** RCV.NXT moved on to `next`: takes what now is in order out of the ranges. Returns the new RCV.NXT. */
export function takeInOrder(t: Tcb, next: u32): u32 {
  let taken: u32 = 0;
  while (taken < t.ranges && seq.atMost(rangeAt(t, taken).start, next)) {
    next = seq.later(next, rangeAt(t, taken).end);
    taken++;
  }
  if (taken) move(t, taken, 0);
  return next;
}

/** Moves the ranges from index `from` on to index `to`, and counts them anew. */
function move(t: Tcb, from: u32, to: u32): void {
  const left = <u32>t.ranges - from;
  memory.copy(changetype<usize>(rangeAt(t, to)), changetype<usize>(rangeAt(t, from)), left * RANGE_BYTES);
  t.ranges = <u8>(to + left);
}

function rangeAt(t: Tcb, index: u32): Range {
  return changetype<Range>(changetype<usize>(t) + CONNECTION_BYTES + index * RANGE_BYTES);
}
