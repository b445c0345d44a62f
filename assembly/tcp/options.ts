// STATUS of RFC 9293 section 3.9.1.7: what `getopt` tells. And what `setopt` sets.

import { Option, Status, TcpInfo } from "../abi_constants";
import { endpointOption, Kind, makeReady, Socket, wordOption } from "../net/socket";
import * as seq from "./seq";
import * as tcb from "./tcb";
import { Bit, has, isSynchronised, Tcb } from "./tcb";

/** Reads `option` into `length` bytes at `at`. Returns the bytes written, or why not. */
export function get(socket: Socket, option: u32, at: usize, length: u32): i32 {
  const local = option == Option.LOCAL_ENDPOINT;
  if (<u32>local | <u32>(option == Option.PEER_ENDPOINT)) return endpointOption(socket, local, at, length);
  if (option == Option.TCP_STATE) {
    if (!length) return Status.INVALID_ARGUMENT;
    store<u8>(at, socket.state);
    return 1;
  }
  if (socket.kind != Kind.CONNECTION) {
    if (option != Option.ERROR) return Status.NOT_SUPPORTED;
    return wordOption(at, length, 0);
  }
  const t = changetype<Tcb>(socket);
  switch (option) {
    case Option.ERROR:
      return wordOption(at, length, t.error);
    case Option.TCP_INFO:
      return info(t, at, length);
    case Option.NO_DELAY:
      return wordOption(at, length, <u32>has(t, Bit.NO_DELAY));
    case Option.KEEPALIVE_MS:
      return wordOption(at, length, t.keepaliveMs);
    case Option.USER_TIMEOUT_MS:
      return wordOption(at, length, t.userTimeoutMs);
    case Option.TOS:
      return wordOption(at, length, t.tos);
    case Option.URGENT: {
      const next = t.rcvNxt - t.receiveBytes;
      return wordOption(at, length, seq.later(t.rcvUp, next) - next);
    }
  }
  return Status.NOT_SUPPORTED;
}

/** Sets `option` from the `length` bytes at `at`. Returns OK, or why not. */
export function set(socket: Socket, option: u32, at: usize, length: u32): i32 {
  if (socket.kind != Kind.CONNECTION) return Status.NOT_SUPPORTED;
  if (length < 4) return Status.INVALID_ARGUMENT;
  const value = load<u32>(at);
  if (value >> (option == Option.TOS ? 8 : 24)) return Status.INVALID_ARGUMENT;
  const t = changetype<Tcb>(socket);
  switch (option) {
    case Option.NO_DELAY:
      tcb.clear(t, Bit.NO_DELAY);
      if (value) tcb.set(t, Bit.NO_DELAY);
      break;
    case Option.KEEPALIVE_MS:
      t.keepaliveMs = value;
      if (!(t.sendBytes | (t.sndUna ^ t.sndMax))) tcb.clear(t, Bit.TIMES_RETRANSMIT);
      break;
    case Option.USER_TIMEOUT_MS:
      t.userTimeoutMs = value;
      break;
    case Option.TOS:
      t.tos = <u8>value;
      break;
    case Option.URGENT:
      if (!t.rtoMs) return Status.NOT_CONNECTED;
      t.sndUp = t.sndUna + t.sendBytes + <u32>!isSynchronised(t);
      break;
    default:
      return Status.NOT_SUPPORTED;
  }
  // What Nagle's algorithm held back may go now, and the keepalive timer start.
  if (isSynchronised(t)) makeReady(t);
  return Status.OK;
}

/** A part of the record as it stands, but for the state. */
function info(t: Tcb, at: usize, length: u32): i32 {
  const bytes: u32 = offsetof<TcpInfo>();
  if (length < bytes) return Status.INVALID_ARGUMENT;
  memory.copy(at, changetype<usize>(t) + offsetof<Tcb>("sndUna"), bytes);
  store<u8>(at, t.state, offsetof<TcpInfo>("state"));
  return bytes;
}
