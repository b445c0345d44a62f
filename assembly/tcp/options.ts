// STATUS of RFC 9293 section 3.9.1.7, and what can be set on a socket.

import { Endpoint, Family, Option, Status, TcpInfo } from "../abi_constants";
import { config } from "../config";
import { swap16 } from "../lib/bytes";
import * as retransmit from "./retransmit";
import { Flag, isSynchronised, Kind, localPort, makeReady, Socket, sendFree, Tcb } from "./tcb";

/** Reads `option` into `length` bytes at `at`. Returns the bytes written, or why not. */
export function get(socket: Socket, option: u32, at: usize, length: u32): i32 {
  switch (option) {
    case Option.ERROR:
      return word(at, length, <u32>socket.error);
    case Option.LOCAL_ENDPOINT:
      return endpoint(at, length, config.address, localPort(socket));
    case Option.PEER_ENDPOINT:
      return endpoint(at, length, socket.remoteAddress, swap16(socket.ports & 0xffff));
  }
  if (socket.kind != Kind.CONNECTION) return Status.NOT_SUPPORTED;
  const t = changetype<Tcb>(socket);
  switch (option) {
    case Option.TCP_INFO:
      return tcpInfo(t, at, length);
    case Option.NO_DELAY:
      return word(at, length, <u32>((t.flags & Flag.NO_DELAY) != 0));
    case Option.SEND_FREE:
      return word(at, length, sendFree(t));
    case Option.SEND_QUEUED:
      return word(at, length, t.sendBytes);
    case Option.RECEIVE_QUEUED:
      return word(at, length, t.receiveBytes);
  }
  return Status.NOT_SUPPORTED;
}

/** Sets `option` from `length` bytes at `at`. */
export function set(socket: Socket, option: u32, at: usize, length: u32): i32 {
  if (option != Option.NO_DELAY || socket.kind != Kind.CONNECTION) return Status.NOT_SUPPORTED;
  if (length < 4) return Status.INVALID_ARGUMENT;
  const t = changetype<Tcb>(socket);
  if (load<u32>(at)) t.flags |= Flag.NO_DELAY;
  else t.flags &= ~Flag.NO_DELAY;
  // What Nagle's algorithm held back may go now.
  if (isSynchronised(t)) makeReady(t);
  return Status.OK;
}

function word(at: usize, length: u32, value: u32): i32 {
  if (length < 4) return Status.INVALID_ARGUMENT;
  store<u32>(at, value);
  return 4;
}

function endpoint(at: usize, length: u32, address: u32, port: u32): i32 {
  const bytes: u32 = offsetof<Endpoint>();
  if (length < bytes) return Status.INVALID_ARGUMENT;
  memory.fill(at, 0, bytes);
  const record = changetype<Endpoint>(at);
  record.family = <u16>Family.IPV4;
  record.port = <u16>port;
  record.address0 = address;
  return <i32>bytes;
}

function tcpInfo(t: Tcb, at: usize, length: u32): i32 {
  const bytes: u32 = offsetof<TcpInfo>();
  if (length < bytes) return Status.INVALID_ARGUMENT;
  const info = changetype<TcpInfo>(at);
  info.state = t.state;
  info.retries = t.retries;
  info.ranges = t.ranges;
  info.duplicateAcks = t.duplicateAcks;
  info.error = t.error;
  info.sendMss = t.sndMss;
  info.receiveMss = t.rcvMss;
  info.rttMs = t.srtt8 >> 3;
  info.rttVarMs = t.rttVar4 >> 2;
  info.rtoMs = retransmit.timeout(t);
  info.congestionWindow = t.congestionWindow;
  info.slowStartThreshold = t.slowStartThreshold;
  info.sndUna = t.sndUna;
  info.sndNxt = t.sndNxt;
  info.sndWnd = t.sndWnd;
  info.rcvNxt = t.rcvNxt;
  info.rcvWnd = t.rcvAdv - t.rcvNxt;
  info.sendQueued = t.sendBytes;
  info.receiveQueued = t.receiveBytes;
  info.sendRingBytes = config.sendRingBytes;
  info.bytesAcknowledged = t.bytesAcknowledged;
  info.bytesReceived = t.bytesReceived;
  info.segmentsOut = t.segmentsOut;
  info.segmentsIn = t.segmentsIn;
  info.retransmits = t.retransmits;
  info.outOfOrder = t.outOfOrder;
  info.zeroWindows = t.zeroWindows;
  info.receiveRingBytes = config.receiveRingBytes;
  return <i32>bytes;
}
