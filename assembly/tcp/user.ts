// The user interface of RFC 9293 section 3.9.1: OPEN, SEND, RECEIVE, CLOSE, ABORT, STATUS, on handles.
//
//   handle   generation (15 bits) | index (16 bits): listeners first, then connections

import { Counter, SocketKind, Status, TcpState } from "../abi_constants";
import { config, header, LISTENER_BYTES, state } from "../config";
import { swap16 } from "../lib/bytes";
import { count } from "../lib/counters";
import { advance } from "../lib/ring";
import * as route from "../net/route";
import { boundLife } from "./ack";
import * as congestion from "./congestion";
import * as demux from "./demux";
import { fail, free, reset } from "./ending";
import { EPHEMERAL_MASK, ephemeralPort, initialSequence, randomPort } from "./isn";
import * as listen from "./listen";
import { afterRead } from "./receive";
import * as retransmit from "./retransmit";
import { receiveMss, sendMss } from "./segment";
import {
  allocate,
  connectionAt,
  Flag,
  hash,
  IN_EVENT_LIST,
  isSynchronised,
  Kind,
  Listener,
  makeReady,
  receiveRing,
  retireHandle,
  Socket,
  sendFree,
  setState,
  Tcb,
} from "./tcb";

/** The socket of a handle; null for one that is stale or was never given out. */
export function socketOf(handle: i32): Socket | null {
  const index = <u32>handle & 0xffff;
  const place = index - config.listeners;
  let socket: Socket;
  if (index < config.listeners) socket = listen.listenerAt(index);
  else if (place < config.connections) socket = connectionAt(place);
  else return null;
  return socket.kind != Kind.FREE && socket.generation == <u32>handle >> 16 ? socket : null;
}

function handleOf(socket: Socket): i32 {
  let index: u32;
  if (socket.kind == Kind.LISTENER) {
    index = (changetype<u32>(socket) - state.listenerTable) / LISTENER_BYTES;
  } else {
    index = config.listeners + (changetype<u32>(socket) - state.connectionTable) / state.connectionStride;
  }
  return <i32>(((<u32>socket.generation) << 16) | index);
}

/** Opens a socket. Returns its handle, or NO_SOCKET. */
export function open(kind: u32): i32 {
  if (kind == SocketKind.STREAM) {
    const t = allocate();
    return t ? handleOf(t) : Status.NO_SOCKET;
  }
  for (let index: u32 = 0; index < config.listeners; index++) {
    const listener = listen.listenerAt(index);
    if (listener.kind != Kind.FREE) continue;
    listener.kind = Kind.LISTENER;
    // A generation of zero would make a handle that looks like a status of success.
    if (!listener.generation) listener.generation = 1;
    header.listenersUsed++;
    return handleOf(listener);
  }
  return Status.NO_SOCKET;
}

/** Binds to the local `port` (host order), or an ephemeral one for 0. */
export function bind(socket: Socket, port: u32): i32 {
  if (socket.bound || socket.state != TcpState.CLOSED || socket.error) return Status.ALREADY_CONNECTED;
  const ports = swap16(port) << 16;
  if (port && isListening(ports)) return Status.ADDRESS_IN_USE;
  if (!port && socket.kind == Kind.LISTENER) return Status.INVALID_ARGUMENT;
  socket.ports = ports;
  socket.bound = <u8>(port != 0);
  return Status.OK;
}

function isListening(ports: u32): bool {
  return listen.find(ports) != null;
}

/** Passive OPEN. */
export function startListening(listener: Listener, backlog: u32): i32 {
  if (!listener.bound) return Status.INVALID_ARGUMENT;
  if (listener.state != TcpState.CLOSED) return Status.ALREADY_CONNECTED;
  listener.backlog = <u16>backlog;
  setState(listener, TcpState.LISTEN);
  return Status.OK;
}

/** Takes the next connection of a listener. */
export function accept(listener: Listener): i32 {
  const t = listen.accept(listener);
  return t ? handleOf(t) : Status.WOULD_BLOCK;
}

/** Active OPEN to `remoteAddress` and `port` (host order). */
export function connect(t: Tcb, remoteAddress: u32, port: u32): i32 {
  if (t.state != TcpState.CLOSED || t.error) return Status.ALREADY_CONNECTED;
  if (!port || !route.isHost(remoteAddress)) return Status.INVALID_ARGUMENT;
  if (!route.nextHop(remoteAddress)) return Status.UNREACHABLE;
  const ports = choosePorts(t, remoteAddress, swap16(port));
  if (!ports) return t.bound ? Status.ADDRESS_IN_USE : Status.NO_PORT;
  t.remoteAddress = remoteAddress;
  t.ports = ports;
  const iss = initialSequence(remoteAddress, ports);
  t.sndUna = t.sndNxt = t.sndMax = iss;
  t.rcvMss = <u16>receiveMss();
  t.sndMss = <u16>sendMss(0);
  retransmit.begin(t);
  congestion.begin(t);
  hash(t);
  setState(t, TcpState.SYN_SENT);
  count(Counter.TCP_ACTIVE_OPENS);
  makeReady(t);
  return Status.OK;
}

/** Both ports as in a segment that arrives; 0 when the bound one, or every ephemeral one, is in use with this peer. */
function choosePorts(t: Tcb, remoteAddress: u32, remotePort: u32): u32 {
  if (t.bound) {
    const ports = t.ports | remotePort;
    return demux.find(remoteAddress, ports) ? 0 : ports;
  }
  const start = randomPort();
  for (let tries: u32 = 0; tries <= EPHEMERAL_MASK; tries++) {
    const ports = (swap16(ephemeralPort(start + tries)) << 16) | remotePort;
    if (!isListening(ports) && !demux.find(remoteAddress, ports)) return ports;
  }
  return 0;
}

/** SEND, first half: the next free run of the send ring. */
export function sendReserve(t: Tcb): i32 {
  const status = canSend(t);
  if (status != Status.OK) return status;
  const room = sendFree(t);
  if (!room) {
    t.flags |= Flag.WANT_WRITE;
    return Status.WOULD_BLOCK;
  }
  const tail = advance(t.sendHead, t.sendBytes, config.sendRingBytes);
  header.runPointer = t.ring + tail;
  return min(room, config.sendRingBytes - tail);
}

/** SEND, second half: `length` octets of that run are to be sent. */
export function sendCommit(t: Tcb, length: u32): i32 {
  const status = canSend(t);
  if (status != Status.OK) return status;
  const tail = advance(t.sendHead, t.sendBytes, config.sendRingBytes);
  if (length > sendFree(t) || length > config.sendRingBytes - tail) return Status.INVALID_ARGUMENT;
  t.sendBytes += length;
  if (isSynchronised(t)) makeReady(t);
  return Status.OK;
}

function canSend(t: Tcb): i32 {
  if (t.state == TcpState.CLOSED) return closedStatus(t);
  return t.flags & Flag.FIN_QUEUED ? Status.SHUT_DOWN : Status.OK;
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
  if (t.error) return t.error;
  if (t.flags & Flag.FIN_KNOWN && t.rcvNxt == t.rcvFin + 1) return 0;
  return t.state == TcpState.CLOSED ? Status.NOT_CONNECTED : Status.WOULD_BLOCK;
}

/** RECEIVE, second half: `length` octets of that run were read. */
export function receiveConsume(t: Tcb, length: u32): i32 {
  if (length > t.receiveBytes || length > config.receiveRingBytes - t.receiveHead)
    return Status.INVALID_ARGUMENT;
  t.receiveHead = advance(t.receiveHead, length, config.receiveRingBytes);
  t.receiveBytes -= length;
  afterRead(t);
  return Status.OK;
}

/** CLOSE of RFC 9293 section 3.10.4, the sending direction: a FIN follows what was written. */
export function shutdown(t: Tcb): i32 {
  const status = canSend(t);
  if (status != Status.OK) return status;
  t.flags |= Flag.FIN_QUEUED;
  if (t.state == TcpState.ESTABLISHED) setState(t, TcpState.FIN_WAIT_1);
  else if (t.state == TcpState.CLOSE_WAIT) setState(t, TcpState.LAST_ACK);
  else return Status.OK;
  makeReady(t);
  return Status.OK;
}

/** Gives the handle back; what was written is still delivered. */
export function close(socket: Socket): void {
  retireHandle(socket);
  if (socket.kind == Kind.LISTENER) return closeListener(changetype<Listener>(socket));
  const t = changetype<Tcb>(socket);
  t.flags |= Flag.DETACHED;
  if (t.state == TcpState.CLOSED) return free(t);
  if (t.state == TcpState.SYN_SENT && !t.sendBytes) return fail(t, Status.ABORTED);
  if (t.receiveBytes) {
    // RFC 9293 section 3.6.1: data that nobody read ends in a reset; first, what was written is delivered.
    t.flags |= Flag.RESET_WHEN_SENT;
    if (!t.sendBytes) reset(t);
  } else if (t.state == TcpState.FIN_WAIT_2) boundLife(t);
  else shutdown(t);
}

/** ABORT of RFC 9293 section 3.10.5. */
export function abort(socket: Socket): void {
  if (socket.kind == Kind.LISTENER) return close(socket);
  retireHandle(socket);
  const t = changetype<Tcb>(socket);
  t.flags |= Flag.DETACHED;
  if (t.state == TcpState.CLOSED) free(t);
  else reset(t);
}

function closeListener(listener: Listener): void {
  listen.close(listener);
  if (listener.state != TcpState.CLOSED) setState(listener, TcpState.CLOSED);
  listener.kind = Kind.FREE;
  listener.bound = 0;
  listener.pending = 0;
  header.listenersUsed--;
}

/** Takes the next socket with events: its handle, and its events in the header; 0 when there is none. */
export function nextEvent(): i32 {
  while (state.eventHead) {
    const socket = changetype<Socket>(state.eventHead);
    state.eventHead = socket.eventNext;
    if (!state.eventHead) state.eventTail = 0;
    socket.lists &= ~IN_EVENT_LIST;
    // A record given back has no events; a connection that nobody accepted keeps them for `accept`.
    if (!socket.events || (socket.kind == Kind.CONNECTION && changetype<Tcb>(socket).listener)) continue;
    header.eventMask = socket.events;
    socket.events = 0;
    return handleOf(socket);
  }
  return 0;
}
