// TIME-WAIT in 32 octets: the connection record is free for others at once. When the table is full, the entry that
// would expire first gives way, counted.

import { Counter, TcpState } from "../abi_constants";
import { COMPACT_BYTES, config, header, state } from "../config";
import { after } from "../lib/clock";
import { count } from "../lib/counters";
import { Kind } from "../net/socket";
import { ACK, FIN, RST, SYN } from "../wire/tcp";
import * as compact from "./compact";
import { finish } from "./ending";
import * as listen from "./listen";
import { windowField } from "./receive";
import * as reset from "./reset";
import { segment, segmentLength } from "./segment";
import * as seq from "./seq";
import { Agreed, Compact, setState, Tcb } from "./tcb";

/** The connection goes to TIME-WAIT: an entry keeps what its answers need, the record is done with. */
export function add(t: Tcb): Compact {
  const entry = compact.find(state.timeWaitTable, state.hashTable);
  if (entry.kind) {
    count(Counter.TCP_TIME_WAIT_EVICTED);
    remove(entry);
  }
  setState(t, TcpState.TIME_WAIT);
  entry.remoteAddress = t.remoteAddress;
  entry.ports = t.ports;
  entry.flags = <u8>(t.bits & Agreed.TIMESTAMPS);
  entry.window = <u16>windowField(t);
  entry.sndNxt = t.sndMax;
  entry.rcvNxt = t.rcvNxt;
  entry.tsRecent = t.tsRecent;
  // The record leaves the hash table before the entry takes its key.
  finish(t);
  compact.add(entry, Kind.TIME_WAIT);
  header.timeWaitUsed++;
  restart(entry);
  return entry;
}

/** A segment for TIME-WAIT: RFC 9293 section 3.10.7.4. */
export function receive(entry: Compact): void {
  const flags = segment.flags;
  // RFC 1337: a stray reset must not end TIME-WAIT.
  if (flags & RST) return count(Counter.TCP_TIME_WAIT_RST);
  if ((flags & (SYN | ACK)) == SYN && isNew(entry)) return listen.receive(entry);
  // A peer that sends its FIN again has not heard our last ACK: the time begins anew.
  if (flags & FIN & <u32>(segment.end + 1 == entry.rcvNxt)) restart(entry);
  if (segmentLength()) reset.answer(entry, ACK);
  // Two stacks that disagree would answer each other for ever without a limit.
  else if (segment.seq != entry.rcvNxt) reset.challenge(entry);
}

/**
 * Whether a SYN is beyond the old connection by its timestamp (RFC 6191 section 2), or, when that says nothing, by its
 * sequence number (RFC 1122 section 4.2.2.13).
 */
function isNew(entry: Compact): bool {
  const recent = entry.tsRecent;
  const value = segment.tsValue;
  return <u32>entry.flags & segment.options & <u32>(value != recent)
    ? seq.lessThan(recent, value)
    : seq.lessThan(entry.rcvNxt, segment.seq);
}

/** Frees the entries whose time has come, and makes sure that timers run for all that are left, SYN entries too. */
export function expire(): void {
  for (let at = state.synTable; at < state.hashTable; at += COMPACT_BYTES) {
    const entry = compact.dueAt(at);
    if (entry && entry.kind == Kind.TIME_WAIT) remove(entry);
  }
}

/** Frees an entry. */
export function remove(entry: Compact): void {
  compact.remove(entry);
  header.timeWaitUsed--;
}

function restart(entry: Compact): void {
  entry.deadline = after(config.timeWaitMs);
}
