// Data ahead of a hole. It is copied to its place in the receive ring at once; which stretches are there is noted in a
// few ranges behind the connection record, apart from each other, all after RCV.NXT, in no order.
//
//   ring     ... read | in order      | hole | range 0 | hole | range 1 |
//                     receiveHead     RCV.NXT

import { Counter } from "../abi_constants";
import { CONNECTION_BYTES, config, RANGE_BYTES } from "../config";
import { count, drop } from "../lib/counters";
import { noteDuplicate } from "./sack";
import { segment } from "./segment";
import * as seq from "./seq";
import { Tcb } from "./tcb";

/** Sequence numbers of the first octet, and of the one after the last. */
@unmanaged
export class Range {
  start: u32;
  end: u32;
}

/**
 * [start, end) is in the ring. Melts every range that it touches into it, and returns the end of the whole; its start
 * is `segment.seq` then.
 */
export function melt(t: Tcb, start: u32, end: u32): u32 {
  let index = <u32>t.ranges;
  while (index) {
    const range = rangeAt(t, --index);
    if (!(<u32>seq.atMost(range.start, end) & <u32>seq.atMost(start, range.end))) continue;
    noteDuplicate(t, seq.later(start, range.start), seq.earlier(end, range.end));
    start = seq.earlier(start, range.start);
    end = seq.later(end, range.end);
    // The last range takes its place, and all that are left are looked at again: the whole has grown.
    index = <u32>t.ranges - 1;
    t.ranges = <u8>index;
    store<u64>(changetype<usize>(range), load<u64>(changetype<usize>(rangeAt(t, index))));
  }
  segment.seq = start;
  return end;
}

/** Keeps [start, end) as a range. False, and counted, when there are too many. */
export function keep(t: Tcb, start: u32, end: u32): bool {
  if (t.ranges == config.reassemblyRanges) return drop(Counter.TCP_RANGES_FULL);
  const range = rangeAt(t, t.ranges++);
  range.start = start;
  range.end = end;
  t.outOfOrder++;
  count(Counter.TCP_OUT_OF_ORDER);
  return true;
}

/** The range of number `index`. The one that changed last stands last. */
export function rangeAt(t: Tcb, index: u32): Range {
  return changetype<Range>(changetype<usize>(t) + CONNECTION_BYTES + index * RANGE_BYTES);
}
