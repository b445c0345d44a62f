// What the receiving half tells of data ahead of a hole: SACK (RFC 2018), and what came twice: D-SACK (RFC 2883).

import { swap32 } from "../lib/bytes";
import { OPTION_NOP, OPTION_SACK } from "../wire/tcp";
import { rangeAt } from "./reassembly";
import { segment } from "./segment";
import * as seq from "./seq";
import { Agreed, has, Tcb } from "./tcb";

/** Octets of a block, and of what stands before the first. */
const BLOCK_BYTES: i32 = 8;
const HEAD_BYTES: i32 = 4;

/** [start, end), unless it is empty, has arrived before: the ACK that the segment causes will say so. */
export function noteDuplicate(t: Tcb, start: u32, end: u32): void {
  if (!seq.lessThan(start, end)) return;
  segment.duplicateOf = changetype<u32>(t);
  segment.duplicateStart = start;
  segment.duplicateEnd = end;
}

/** Octets that a data segment leaves for the newest range (RFC 2018 section 4: all ACKs tell of it). */
export function bytes(t: Tcb): u32 {
  return t.ranges && has(t, Agreed.SACK) ? HEAD_BYTES + BLOCK_BYTES : 0;
}

/**
 * Writes as many blocks as `room` octets hold to `at` in the options: what came twice, then the ranges, those that
 * changed last first. Returns where the options end.
 */
export function write(t: Tcb, at: usize, room: i32): usize {
  if (!has(t, Agreed.SACK)) return at;
  const head = at;
  let blocks = (room - HEAD_BYTES) / BLOCK_BYTES;
  at += HEAD_BYTES;
  if (<u32>(segment.duplicateOf == changetype<u32>(t)) & <u32>(blocks > 0)) {
    segment.duplicateOf = 0;
    blocks--;
    at = block(at, segment.duplicateStart, segment.duplicateEnd);
  }
  for (let index = <u32>t.ranges; <u32>(index != 0) & <u32>(blocks > 0); blocks--) {
    const range = rangeAt(t, --index);
    at = block(at, range.start, range.end);
  }
  if (at - head == HEAD_BYTES) return head;
  store<u32>(head, OPTION_NOP | (OPTION_NOP << 8) | (OPTION_SACK << 16) | ((<u32>at - <u32>head - 2) << 24));
  return at;
}

function block(at: usize, start: u32, end: u32): usize {
  store<u32>(at, swap32(start));
  store<u32>(at, swap32(end), 4);
  return at + BLOCK_BYTES;
}
