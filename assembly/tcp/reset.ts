// Answers for which no connection stands: resets to segments that belong nowhere (RFC 9293 section 3.10.7.1), and the
// ACKs of TIME-WAIT.

import { Counter } from "../abi_constants";
import { state } from "../config";
import { count } from "../lib/counters";
import { claim, Reply } from "../net/reply";
import { ACK, RST } from "../wire/tcp";
import { emit, segment, segmentLength } from "./segment";

/** The segment in the input slot belongs nowhere. A reset is never answered by a reset. */
export function refuse(): void {
  if (segment.flags & RST) return;
  if (segment.flags & ACK) reply(segment.ack, 0, RST);
  else reply(0, segment.seq + segmentLength(), RST | ACK);
}

/** Answers the segment in the input slot with an empty one. */
export function reply(seq: u32, ack: u32, flags: u32): void {
  if (!claim(Reply.TCP)) return;
  state.replyAddress = segment.remoteAddress;
  state.replyPorts = segment.ports;
  state.replySequence = seq;
  state.replyAcknowledgment = ack;
  state.replyFlags = <u8>flags;
}

/** Builds the waiting answer into the output slot. Returns the frame's length. */
export function emitReply(): u32 {
  const flags = <u32>state.replyFlags;
  if (flags & RST) count(Counter.TCP_RESETS_OUT);
  return emit(
    state.replyAddress,
    state.replyPorts,
    state.replySequence,
    state.replyAcknowledgment,
    flags,
    0,
    0,
    state.replyMac0,
    state.replyMac1,
  );
}
