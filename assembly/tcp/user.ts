// The user interface of RFC 9293 section 3.9.1: OPEN, SEND, RECEIVE, CLOSE, ABORT, STATUS, on handles.
//
//   handle   uses of the record (15 bits) | its number from 1 (16 bits): listeners first, then connections

import { Counter, SocketKind, Status, TcpState } from "../abi_constants";
import { config, header } from "../config";
import { swap16 } from "../lib/bytes";
import { count } from "../lib/counters";
import { random } from "../lib/prng";
import { advance } from "../lib/ring";
import * as route from "../net/route";
import {
  become,
  EPHEMERAL_FIRST,
  EPHEMERAL_PORTS,
  isHeld,
  Kind,
  makeReady,
  retireHandle,
  Socket,
  takeEvents,
} from "../net/socket";
import { boundLife } from "./ack";
import * as demux from "./demux";
import { reset, resetWhenSent } from "./ending";
import { initialSequence } from "./isn";
import * as listen from "./listen";
import { begin } from "./opening";
import { afterRead } from "./receive";
import * as seq from "./seq";
import {
  allocate,
  Bit,
  clear,
  connectionAt,
  has,
  isSynchronised,
  Listener,
  peerMaySend,
  receiveRing,
  release,
  sendFree,
  sendRing,
  set,
  setState,
  Tcb,
} from "./tcb";

/** The connection of a handle; null for one that is stale, was never given out, or is a listener's. */
export function connectionOf(handle: i32): Tcb | null {
  const place = (handle & 0xffff) - 1 - config.listeners;
  const t = connectionAt(place);
  if (<u32>place < config.connections && <u32>(t.handle == handle) & <u32>(t.kind == Kind.CONNECTION))
    return t;
  return null;
}

/** The socket of a handle; null for one that is stale or was never given out. */
export function socketOf(handle: i32): Socket | null {
  const index = (handle & 0xffff) - 1;
  const place = index - config.listeners;
  let socket: Socket;
  if (<u32>index < config.listeners) socket = listen.listenerAt(index);
  else if (<u32>place < config.connections) socket = connectionAt(place);
  else return null;
  return isHeld(socket) & <u32>(socket.handle == handle) ? socket : null;
}

/** Opens a socket. Returns its handle, NO_SOCKET or NOT_SUPPORTED. */
export function open(kind: u32): i32 {
  if (kind == SocketKind.STREAM) {
    const t = allocate();
    return t ? t.handle : Status.NO_SOCKET;
  }
  if (kind != SocketKind.LISTENER) return Status.NOT_SUPPORTED;
  for (let index: u32 = 0; index < config.listeners; index++) {
    const listener = listen.listenerAt(index);
    if (listener.kind != Kind.FREE) continue;
    become(listener, Kind.LISTENER);
    // Set at the first use, and no change at a later one.
    listener.handle |= index + 1;
    header.listenersUsed++;
    return listener.handle;
  }
  return Status.NO_SOCKET;
}

/** Binds to the local `port` (host order), or an ephemeral one for 0. */
export function bind(socket: Socket, port: u32): i32 {
  if (socket.ports) return Status.ALREADY_CONNECTED;
  const ports = swap16(port) << 16;
  if (ports && listen.find(ports)) return Status.ADDRESS_IN_USE;
  socket.ports = ports;
  return Status.OK;
}

/** Passive OPEN. */
export function startListening(listener: Listener, backlog: u32): i32 {
  if (!listener.ports) return Status.INVALID_ARGUMENT;
  if (listener.state != TcpState.CLOSED) return Status.ALREADY_CONNECTED;
  listener.backlog = <u16>backlog;
  setState(listener, TcpState.LISTEN);
  return Status.OK;
}

/** Takes the next connection of a listener. */
export function accept(listener: Listener): i32 {
  const t = listen.accept(listener);
  return t ? t.handle : Status.WOULD_BLOCK;
}

/** Active OPEN to `remoteAddress` and `port` (host order). */
export function connect(t: Tcb, remoteAddress: u32, port: u32): i32 {
  // A record serves one connection: what the last one left behind would be taken for facts about the next.
  if (t.rtoMs) return Status.ALREADY_CONNECTED;
  if (<u32>!port | <u32>!route.isHost(remoteAddress)) return Status.INVALID_ARGUMENT;
  if (!route.nextHop(remoteAddress)) return Status.UNREACHABLE;
  const ports = choosePorts(t, remoteAddress, swap16(port));
  if (!ports) return Status.ADDRESS_IN_USE;
  begin(t, remoteAddress, ports, initialSequence(remoteAddress, ports));
  setState(t, TcpState.SYN_SENT);
  count(Counter.TCP_ACTIVE_OPENS);
  makeReady(t);
  return Status.OK;
}

/** Both ports as in a segment that arrives; 0 when the bound one, or every ephemeral one, is in use with this peer. */
function choosePorts(t: Tcb, remoteAddress: u32, remotePort: u32): u32 {
  let next = random();
  let tries = t.ports ? 1 : EPHEMERAL_PORTS;
  do {
    const local = t.ports ? t.ports : swap16(EPHEMERAL_FIRST + (next++ % EPHEMERAL_PORTS)) << 16;
    if (!demux.find(remoteAddress, local | remotePort)) return local | remotePort;
  } while (--tries);
  return 0;
}

/** SEND, first half: the next free run of the send ring. */
export function sendReserve(t: Tcb): i32 {
  const status = canSend(t);
  if (status != Status.OK) return status;
  const room = sendFree(t);
  if (!room) {
    set(t, Bit.WANT_WRITE);
    return Status.WOULD_BLOCK;
  }
  const tail = advance(t.sendHead, t.sendBytes, config.sendRingBytes);
  header.runPointer = <u32>sendRing(t) + tail;
  return min(room, config.sendRingBytes - tail);
}

/** SEND, second half: `length` octets of that run are to be sent. */
export function sendCommit(t: Tcb, length: u32): i32 {
  const status = canSend(t);
  if (status != Status.OK) return status;
  if (length > sendFree(t)) return Status.INVALID_ARGUMENT;
  stopKeepalive(t);
  t.sendBytes += length;
  if (isSynchronised(t)) makeReady(t);
  return Status.OK;
}

/** Something is about to be sent: the timer, if it runs while nothing is out, counts the time of silence. */
function stopKeepalive(t: Tcb): void {
  if (!(t.sendBytes | (t.sndUna ^ t.sndMax))) clear(t, Bit.TIMES_RETRANSMIT);
}

function canSend(t: Tcb): i32 {
  if (t.state == TcpState.CLOSED) return closedStatus(t);
  return has(t, Bit.FIN_QUEUED) ? Status.SHUT_DOWN : Status.OK;
}

/** What a call on a connection in CLOSED gets. */
function closedStatus(t: Tcb): i32 {
  return t.error ? t.error : Status.NOT_CONNECTED;
}

/** RECEIVE, first half: the next run that can be read. What arrived before a failure can still be read. */
export function receivePeek(t: Tcb): i32 {
  if (t.receiveBytes) {
    header.runPointer = <u32>receiveRing(t) + t.receiveHead;
    return min(t.receiveBytes, config.receiveRingBytes - t.receiveHead);
  }
  // An error of a connection that lives is an ICMP message's, and no reason to stop.
  if (<u32>(t.state == TcpState.CLOSED) & <u32>(t.error != 0)) return t.error;
  // The FIN is behind us when the peer may send no more.
  if (<u32>has(t, Bit.FIN_KNOWN) & <u32>!peerMaySend(t)) return 0;
  return t.state == TcpState.CLOSED ? Status.NOT_CONNECTED : Status.WOULD_BLOCK;
}

/** RECEIVE, second half: `length` octets of that run were read. */
export function receiveConsume(t: Tcb, length: u32): i32 {
  if (length > t.receiveBytes) return Status.INVALID_ARGUMENT;
  t.receiveHead = advance(t.receiveHead, length, config.receiveRingBytes);
  t.receiveBytes -= length;
  t.rcvUp = seq.later(t.rcvUp, t.rcvNxt - t.receiveBytes);
  afterRead(t);
  return Status.OK;
}

/** RECEIVE in one: takes at most `most` octets of that run. */
export function receive(t: Tcb, most: u32): i32 {
  const run = receivePeek(t);
  if (run <= 0) return run;
  const length = min<u32>(run, most);
  receiveConsume(t, length);
  return length;
}

/** SEND in one: at most `most` octets of the next free run. */
export function send(t: Tcb, most: u32): i32 {
  const run = sendReserve(t);
  if (run <= 0) return run;
  const length = min<u32>(run, most);
  sendCommit(t, length);
  return length;
}

/** CLOSE of RFC 9293 section 3.10.4, the sending direction: a FIN follows what was written. */
export function shutdown(t: Tcb): i32 {
  const status = canSend(t);
  if (status != Status.OK) return status;
  set(t, Bit.FIN_QUEUED);
  stopKeepalive(t);
  if (t.state == TcpState.ESTABLISHED) setState(t, TcpState.FIN_WAIT_1);
  else if (t.state == TcpState.CLOSE_WAIT) setState(t, TcpState.LAST_ACK);
  else return Status.OK;
  makeReady(t);
  return Status.OK;
}

/**
 * Gives the handle back. CLOSE (`now` false): what was written is still delivered; ABORT (RFC 9293 section 3.10.5,
 * `now` true): a reset ends the connection at once.
 */
export function end(socket: Socket, now: bool): void {
  retireHandle(socket);
  if (socket.kind == Kind.LISTENER) return closeListener(changetype<Listener>(socket));
  const t = changetype<Tcb>(socket);
  t.kind = Kind.DETACHED;
  if (t.state == TcpState.CLOSED) return release(t);
  // A SYN that was not answered is forgotten.
  if (<u32>now | <u32>(t.state == TcpState.SYN_SENT)) return reset(t);
  // RFC 9293 section 3.6.1: data that nobody read ends in a reset, but what was written is delivered first.
  if (t.receiveBytes) return resetWhenSent(t);
  shutdown(t);
  boundLife(t);
}

function closeListener(listener: Listener): void {
  listen.close(listener);
  setState(listener, TcpState.CLOSED);
  listener.kind = Kind.FREE;
  listener.ports = 0;
  header.listenersUsed--;
}

/** Takes the next socket with events: its handle, and its events in the header; 0 when there is none. */
export function nextEvent(): i32 {
  for (;;) {
    const socket = takeEvents();
    if (!socket) return 0;
    // A connection that nobody accepted yet keeps its events for `accept`.
    if (!(socket.events && isHeld(socket))) continue;
    header.eventMask = socket.events;
    socket.events = 0;
    return socket.handle;
  }
}
