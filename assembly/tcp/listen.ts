// Listeners, and the queue of connections that wait for `accept`, in the order in which their handshakes ended. What has
// not got that far is in syncache.ts.

import { Counter } from "../abi_constants";
import { config, LISTENER_BYTES, state } from "../config";
import { count } from "../lib/counters";
import { nextHop } from "../net/route";
import { Kind, raise, unlink } from "../net/socket";
import { ACK, FIN, RST, SYN } from "../wire/tcp";
import { reset } from "./ending";
import { refuse } from "./reset";
import { segment } from "./segment";
import * as syncache from "./syncache";
import { Compact, Listener, Tcb } from "./tcb";

/** The listener of number `index`. */
export function listenerAt(index: u32): Listener {
  return changetype<Listener>(state.listenerTable + index * LISTENER_BYTES);
}

/** The listener bound to the local port of `ports`, which is not zero; null when there is none. */
export function find(ports: u32): Listener | null {
  for (let index: u32 = 0; index < config.listeners; index++) {
    const listener = listenerAt(index);
    if (listener.ports >> 16 == ports >> 16) return listener;
  }
  return null;
}

/**
 * A segment for which no record stands, or a SYN that may end the TIME-WAIT of `old`: RFC 9293 sections 3.10.7.1
 * (CLOSED) and 3.10.7.2 (LISTEN).
 */
export function receive(old: Compact | null): void {
  const listener = find(segment.ports);
  const flags = segment.flags;
  // Where no route leads back to there can be no connection: it would wait for ever.
  if (!(listener && nextHop(segment.remoteAddress)) || <u32>!listener.state | (flags & (RST | ACK))) {
    count(Counter.TCP_NO_CONNECTION);
    refuse();
  } else if ((flags & (SYN | FIN)) != SYN) count(Counter.TCP_BAD_FLAGS);
  else if (isFull(listener)) count(Counter.TCP_BACKLOG_FULL);
  else syncache.add(old);
}

/** Whether no more connections may wait for `accept`. */
export function isFull(listener: Listener): bool {
  return listener.pending >= listener.backlog;
}

/** Puts a connection at the end of the listener's queue. */
export function enqueue(listener: Listener, t: Tcb): void {
  listener.pending++;
  t.listener = changetype<u32>(listener);
  t.kind = Kind.QUEUED;
  let last = t.listener + offsetof<Listener>("acceptHead");
  while (load<u32>(last)) last = load<u32>(last) + offsetof<Tcb>("queueNext");
  store<u32>(last, changetype<u32>(t));
}

/** Takes the first connection out of the listener's queue; null when there is none. */
export function accept(listener: Listener): Tcb | null {
  if (!listener.acceptHead) return null;
  const t = changetype<Tcb>(listener.acceptHead);
  dequeue(t);
  t.kind = Kind.CONNECTION;
  // What happened before is news to the one who takes the handle.
  raise(t, t.events);
  return t;
}

/** Takes a connection out of its listener's queue. */
export function dequeue(t: Tcb): void {
  unlink(t.listener + offsetof<Listener>("acceptHead"), changetype<u32>(t), offsetof<Tcb>("queueNext"));
  changetype<Listener>(t.listener).pending--;
  t.listener = 0;
  t.queueNext = 0;
  // A finished handshake may wait for the place.
  state.scanDue = 1;
}

/** The listener goes: so do its handshakes, and the connections that nobody accepted are reset. */
export function close(listener: Listener): void {
  syncache.forget(listener.ports);
  while (listener.acceptHead) {
    const t = changetype<Tcb>(listener.acceptHead);
    dequeue(t);
    count(Counter.TCP_UNACCEPTED);
    t.kind = Kind.DETACHED;
    reset(t);
  }
}
