// Answers for which no connection stands: resets to segments that belong nowhere (RFC 9293 section 3.10.7.1), and the
// ACKs of TIME-WAIT.

import { Counter } from "../abi_constants";
import { count } from "../lib/counters";
import { owe, Reply, replyTo } from "../net/reply";
import { ACK, RST } from "../wire/tcp";
import { emit, segment, segmentLength } from "./segment";

/** The segment in the input slot belongs nowhere. A reset is never answered by a reset. */
export function refuse(): void {
  if (segment.flags & RST) return;
  if (segment.flags & ACK) reply(segment.ack, 0, RST, 0);
  else reply(0, segment.seq + segmentLength(), RST | ACK, 0);
}

/** Answers the segment in the input slot with an empty one. */
export function reply(seq: u32, ack: u32, flags: u32, wnd: u32): void {
  owe(Reply.TCP);
  segment.replySeq = seq;
  segment.replyAck = ack;
  segment.replyFlags = flags;
  segment.replyWnd = wnd;
}

/** Builds the waiting answer into the output slot. Returns the frame's length. */
export function emitReply(): u32 {
  const flags = segment.replyFlags;
  if (flags & RST) count(Counter.TCP_RESETS_OUT);
  return emit(
    segment.remoteAddress,
    segment.ports,
    segment.replySeq,
    segment.replyAck,
    flags,
    segment.replyWnd,
    0,
    replyTo(),
  );
}
