// Tables of entries of 32 octets: the SYN cache and TIME-WAIT. Their entries never move.

import { COMPACT_BYTES, state } from "../config";
import { isDueElseWake } from "../lib/clock";
import { Kind } from "../net/socket";
import * as demux from "./demux";
import { Compact, SYN_RETRIES } from "./tcb";

/** More than any deadline is away, in milliseconds: one repeat of a SYN-ACK outweighs it. */
const REPEAT_WEIGHT: u32 = 16;

/**
 * A free entry of the table from `at` to `end`; or the one that should give way: the handshake whose SYN-ACK was
 * repeated most, and of several the one whose time comes first. One that waits for a record does not give way: the
 * first of the table is such a one only when all are.
 */
export function find(at: u32, end: u32): Compact {
  let best = changetype<Compact>(at);
  let least: i32 = i32.MAX_VALUE;
  do {
    const entry = changetype<Compact>(at);
    if (!entry.kind) return entry;
    const standing = <i32>(entry.deadline - state.now - ((<u32>entry.flags >> SYN_RETRIES) << REPEAT_WEIGHT));
    if (<u32>(standing < least) & <u32>(entry.kind != Kind.WAITING)) {
      least = standing;
      best = entry;
    }
    at += COMPACT_BYTES;
  } while (at < end);
  return best;
}

/** An entry that is free becomes a `kind`. The key is set. */
export function add(entry: Compact, kind: u8): void {
  entry.kind = kind;
  demux.add(entry);
}

/** Frees an entry. */
export function remove(entry: Compact): void {
  demux.remove(entry);
  entry.kind = Kind.FREE;
}

/** The entry at `at`, when it is in use and its time has come; else null, and timers will run in time. */
export function dueAt(at: u32): Compact | null {
  const entry = changetype<Compact>(at);
  return entry.kind && isDueElseWake(entry.deadline) ? entry : null;
}
