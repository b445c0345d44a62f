// Answers for which no connection record stands: resets to segments that belong nowhere (RFC 9293 section 3.10.7.1), and
// what the entries of the SYN cache and of TIME-WAIT say.

import { Counter } from "../abi_constants";
import { state } from "../config";
import { count } from "../lib/counters";
import { Neighbour } from "../net/link";
import { owe, oweLimited, Reply, replyTo } from "../net/reply";
import { Kind } from "../net/socket";
import { ACK, RST, SYN } from "../wire/tcp";
import { emit, options, optionsAt, synOptions } from "./emit";
import { segment, segmentLength } from "./segment";
import { window } from "./syncache";
import { Agreed, Compact } from "./tcb";

/** The segment in the input slot belongs nowhere. A reset is never answered by a reset. */
export function refuse(): void {
  const flags = segment.flags;
  if (flags & RST) return;
  owe(Reply.TCP);
  segment.outOptions = 0;
  segment.outWnd = 0;
  if (flags & ACK) {
    segment.outSeq = segment.ack;
    segment.outAck = 0;
    segment.outFlags = RST;
  } else {
    segment.outSeq = 0;
    segment.outAck = segment.seq + segmentLength();
    segment.outFlags = RST | ACK;
  }
}

/** Answers the segment in the input slot for `entry`: with ACK, or SYN and ACK. */
export function answer(entry: Compact, flags: u32): void {
  owe(Reply.TCP);
  fill(entry, flags);
}

/** As `answer` with ACK, as often as the limit on stateless replies lets it. */
export function challenge(entry: Compact): void {
  oweLimited(Reply.TCP);
  fill(entry, ACK);
}

/** What `entry` says, into the Segment record. */
export function fill(entry: Compact, flags: u32): void {
  const syn = flags & SYN;
  segment.remoteAddress = entry.remoteAddress;
  segment.ports = entry.ports;
  segment.outSeq = entry.sndNxt - <u32>(syn != 0);
  segment.outAck = entry.rcvNxt;
  segment.outFlags = flags;
  segment.outOptions = entry.flags;
  segment.outTsEcho = entry.tsRecent;
  let wnd = <u32>entry.window;
  if (entry.kind != Kind.TIME_WAIT) {
    wnd = window(entry);
    if (!syn && entry.flags & Agreed.SCALE) wnd >>= state.receiveScale;
  }
  segment.outWnd = wnd;
}

/** Builds the waiting answer into the output slot. Returns the frame's length. */
export function emitReply(): u32 {
  if (segment.outFlags & RST) count(Counter.TCP_RESETS_OUT);
  return emitTo(replyTo());
}

/** Builds what stands in the Segment record into the output slot, without data. Returns the frame's length. */
export function emitTo(neighbour: Neighbour): u32 {
  const flags = segment.outFlags;
  const at = optionsAt();
  const end =
    flags & SYN
      ? synOptions(at, segment.outOptions, segment.outTsEcho)
      : options(at, segment.outOptions, segment.outTsEcho);
  return emit(end, 0, segment.outSeq, segment.outAck, flags, segment.outWnd, 0, 0, neighbour);
}
