// TIME-WAIT in 32 octets: the connection record is free for others at once. Entries live in a circle, oldest first;
// when it is full the oldest gives way, counted.

import { Counter, TcpState } from "../abi_constants";
import { config, header, state, TIME_WAIT_BYTES } from "../config";
import { after, isDueElseWake } from "../lib/clock";
import { count } from "../lib/counters";
import { ACK, RST, SYN } from "../wire/tcp";
import * as demux from "./demux";
import { finish } from "./ending";
import * as reset from "./reset";
import { segment, segmentLength } from "./segment";
import * as seq from "./seq";
import { Kind, setState, Tcb, TimeWaitEntry } from "./tcb";

/** The connection goes to TIME-WAIT: an entry keeps what its answers need, the record is done with. */
export function add(t: Tcb): TimeWaitEntry {
  if (state.timeWaitSpan == config.timeWaitEntries) {
    if (oldest().kind != Kind.FREE) count(Counter.TCP_TIME_WAIT_EVICTED);
    dropOldest();
  }
  const entry = entryAt(<u32>state.timeWaitOldest + state.timeWaitSpan);
  state.timeWaitSpan++;
  setState(t, TcpState.TIME_WAIT);
  entry.kind = Kind.TIME_WAIT;
  entry.remoteAddress = t.remoteAddress;
  entry.ports = t.ports;
  entry.sndNxt = t.sndMax;
  entry.rcvNxt = t.rcvNxt;
  entry.window = <u16>(t.rcvAdv - t.rcvNxt);
  // The record leaves the hash table before the entry takes its key.
  finish(t);
  demux.add(entry);
  header.timeWaitUsed++;
  restart(entry);
  return entry;
}

/**
 * A segment for TIME-WAIT. True when it is a SYN that opens a new incarnation (RFC 9293 section 3.10.7.4, and
 * RFC 1122 section 4.2.2.13): the entry is gone and the listener takes the SYN.
 */
export function receive(entry: TimeWaitEntry): bool {
  const flags = segment.flags;
  if (flags & RST) {
    // RFC 1337: a stray reset must not end TIME-WAIT.
    count(Counter.TCP_TIME_WAIT_RST);
    return false;
  }
  if ((flags & (SYN | ACK)) == SYN && seq.lessThan(entry.rcvNxt, segment.seq)) {
    remove(entry);
    return true;
  }
  // A peer that sends its FIN again has not heard our last ACK: it gets it again, and the time begins anew. A segment
  // without data, SYN or FIN gets no answer, though RFC 9293 has one for a number outside the window: two stacks that
  // disagree would answer each other for ever.
  if (segmentLength()) {
    restart(entry);
    acknowledge(entry);
  }
  return false;
}

/** Frees the entries whose time has come. */
export function expire(): void {
  while (state.timeWaitSpan && (oldest().kind == Kind.FREE || isDueElseWake(oldest().expires))) dropOldest();
}

/** The last ACK of the connection, with the window that it had: a window never shrinks. */
export function acknowledge(entry: TimeWaitEntry): void {
  reset.reply(entry.sndNxt, entry.rcvNxt, ACK, entry.window);
}

function restart(entry: TimeWaitEntry): void {
  entry.expires = after(config.timeWaitMs);
}

function remove(entry: TimeWaitEntry): void {
  demux.remove(entry);
  entry.kind = Kind.FREE;
  header.timeWaitUsed--;
}

function dropOldest(): void {
  if (oldest().kind != Kind.FREE) remove(oldest());
  state.timeWaitSpan--;
  const next = <u32>state.timeWaitOldest + 1;
  state.timeWaitOldest = next == config.timeWaitEntries ? 0 : <u16>next;
}

function oldest(): TimeWaitEntry {
  return entryAt(state.timeWaitOldest);
}

/** `index` may be one round too far. */
function entryAt(index: u32): TimeWaitEntry {
  if (index >= config.timeWaitEntries) index -= config.timeWaitEntries;
  return changetype<TimeWaitEntry>(state.timeWaitTable + index * TIME_WAIT_BYTES);
}
