// TIME-WAIT in 32 octets: the connection record is free for others at once. Entries live in a circle, oldest first;
// when it is full the oldest gives way, counted.

import { Counter } from "../abi_constants";
import { COMPACT_BYTES, config, header, state } from "../config";
import { isDue, wakeAt } from "../lib/clock";
import { count } from "../lib/counters";
import { ACK, FIN, RST, SYN } from "../wire/tcp";
import * as demux from "./demux";
import * as reset from "./reset";
import { segment } from "./segment";
import * as seq from "./seq";
import { Kind, Tcb, TimeWaitEntry } from "./tcb";

/** The connection goes to TIME-WAIT: keeps what its answers need. */
export function add(t: Tcb): void {
  if (state.timeWaitSpan == config.timeWaitEntries) {
    if (oldest().kind != Kind.FREE) {
      count(Counter.TCP_TIME_WAIT_EVICTED);
      remove(oldest());
    }
    dropOldest();
  }
  const entry = entryAt(<u32>state.timeWaitOldest + state.timeWaitSpan);
  state.timeWaitSpan++;
  entry.kind = Kind.TIME_WAIT;
  entry.remoteAddress = t.remoteAddress;
  entry.ports = t.ports;
  entry.sndNxt = t.sndMax;
  entry.rcvNxt = t.rcvNxt;
  demux.add(entry);
  header.timeWaitUsed++;
  restart(entry);
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
  if (flags & SYN && !(flags & ACK) && seq.lessThan(entry.rcvNxt, segment.seq)) {
    remove(entry);
    return true;
  }
  if (flags & FIN) restart(entry);
  // A bare ACK of what we know needs no answer: two TIME-WAITs would talk for ever.
  if (flags & (SYN | FIN) || segment.dataBytes || segment.seq != entry.rcvNxt)
    reset.reply(entry.sndNxt, entry.rcvNxt, ACK);
  return false;
}

/** Frees the entries whose time has come. */
export function expire(): void {
  while (state.timeWaitSpan) {
    const entry = oldest();
    if (entry.kind != Kind.FREE) {
      if (!isDue(entry.expires)) {
        wakeAt(entry.expires);
        return;
      }
      remove(entry);
    }
    dropOldest();
  }
}

/** Frees all entries. */
export function flush(): void {
  for (; state.timeWaitSpan; dropOldest()) {
    if (oldest().kind != Kind.FREE) remove(oldest());
  }
}

function restart(entry: TimeWaitEntry): void {
  entry.expires = state.now + config.timeWaitMs;
  wakeAt(entry.expires);
}

function remove(entry: TimeWaitEntry): void {
  demux.remove(entry);
  entry.kind = Kind.FREE;
  header.timeWaitUsed--;
}

function dropOldest(): void {
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
  return changetype<TimeWaitEntry>(state.timeWaitTable + index * COMPACT_BYTES);
}
