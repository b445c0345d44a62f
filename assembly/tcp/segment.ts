// The segment in the input slot, read once: state code never touches frame octets. And the other way, the header of a
// segment that goes out.

import { Counter } from "../abi_constants";
import { config, SEGMENT, SEGMENT_BYTES } from "../config";
import { swap16, swap32 } from "../lib/bytes";
import { checksum } from "../lib/checksum";
import { count, drop } from "../lib/counters";
import * as ipv4 from "../net/ipv4";
import { Neighbour } from "../net/link";
import { PROTOCOL_TCP } from "../wire/ipv4";
import {
  check,
  FIN,
  headerBytes,
  OPTION_END,
  OPTION_MSS,
  OPTION_MSS_BYTES,
  OPTION_NOP,
  SYN,
  TCP_HEADER_BYTES,
  TcpHeader,
} from "../wire/tcp";

/** SEG.* of RFC 9293 section 3.3.1. What lies outside the window is trimmed off here before text is processed. */
@unmanaged
export class Segment {
  remoteAddress: u32;
  /** As in the header: the peer's port low, ours high. */
  ports: u32;
  /** SEG.SEQ */
  seq: u32;
  /** SEG.ACK */
  ack: u32;
  /** SEG.WND */
  wnd: u32;
  /** Octets of data. */
  dataBytes: u32;
  /** Where they are. */
  data: u32;
  /** TCP flags. */
  flags: u32;
  /** MSS option; 0 without one. */
  mss: u32;
  /** Where the data ends and a FIN stands, in sequence numbers: it outlives the trimming. */
  end: u32;

  // The answer of reset.ts, while `state.replyKind` says that one waits.
  replySeq: u32;
  replyAck: u32;
  replyFlags: u32;
  replyWnd: u32;
}

/** MSS of a peer that does not say one: RFC 9293 section 3.7.1. */
export const DEFAULT_MSS: u32 = 536;

/** The segment that arrived last. */
export const segment = changetype<Segment>(SEGMENT);

/** SEG.LEN: octets of data, and one each for SYN and FIN. */
export function segmentLength(): u32 {
  return segment.dataBytes + popcnt<u32>(segment.flags & (SYN | FIN));
}

/** Reads the segment in the input slot. False: dropped and counted. */
export function read(): bool {
  const ip = ipv4.input();
  const at = ipv4.payload(ip);
  const length = ipv4.payloadBytes(ip);
  const tcp = changetype<TcpHeader>(at);
  if (!check(tcp, length)) return drop(Counter.TCP_MALFORMED);
  const source = ip.source;
  const ports = tcp.ports;
  if (checksum(at, length, ipv4.pseudoSum(source, PROTOCOL_TCP, length)) != 0xffff)
    return drop(Counter.TCP_CHECKSUM);
  if (<u32>!(ports & 0xffff) | <u32>!(ports >> 16)) return drop(Counter.TCP_BAD_ADDRESS);
  const bytes = headerBytes(tcp);
  segment.remoteAddress = source;
  segment.ports = ports;
  const first = swap32(tcp.sequence);
  segment.seq = first;
  segment.ack = swap32(tcp.acknowledgment);
  segment.wnd = swap16(tcp.window);
  segment.flags = tcp.flags;
  segment.dataBytes = length - bytes;
  segment.data = <u32>at + bytes;
  segment.mss = 0;
  segment.end = first + length - bytes;
  if (bytes > TCP_HEADER_BYTES) readOptions(at + TCP_HEADER_BYTES, at + bytes);
  return true;
}

/** Options are octets: a peer may put them at any alignment. The first lie ends the reading. */
function readOptions(at: usize, end: usize): void {
  do {
    const kind = load<u8>(at);
    if (kind == OPTION_END) return;
    let bytes: u32 = 1;
    if (kind != OPTION_NOP) {
      // A length behind the last octet of the header is read too (the slot goes on) and never fits.
      bytes = load<u8>(at, 1);
      if (<u32>(bytes < 2) | <u32>(at + bytes > end)) return count(Counter.TCP_BAD_OPTION);
      if (kind == OPTION_MSS && bytes == OPTION_MSS_BYTES)
        segment.mss = ((<u32>load<u8>(at, 2)) << 8) | load<u8>(at, 3);
    }
    at += bytes;
  } while (at < end);
}

/** Octets of a header with its options for `flags`: a SYN carries the MSS option. */
export function outputHeaderBytes(flags: u32): u32 {
  return flags & SYN ? TCP_HEADER_BYTES + OPTION_MSS_BYTES : TCP_HEADER_BYTES;
}

/** Where data of a segment with `flags` goes in the output slot. */
export function outputData(flags: u32): usize {
  return ipv4.outputPayload() + outputHeaderBytes(flags);
}

/**
 * Puts all headers before `dataBytes` octets of data in the output slot. `ports` as in a segment that arrives.
 * Returns the frame's length.
 */
export function emit(
  remoteAddress: u32,
  ports: u32,
  seq: u32,
  ack: u32,
  flags: u32,
  wnd: u32,
  dataBytes: u32,
  to: Neighbour,
): u32 {
  const at = ipv4.outputPayload();
  const tcp = changetype<TcpHeader>(at);
  const length = outputHeaderBytes(flags) + dataBytes;
  tcp.ports = rotl(ports, 16);
  tcp.sequence = swap32(seq);
  tcp.acknowledgment = swap32(ack);
  store<u32>(at, (outputHeaderBytes(flags) << 2) | (flags << 8) | (swap16(wnd) << 16), 12);
  store<u32>(at, 0, 16);
  if (flags & SYN) store<u32>(at, OPTION_MSS | (OPTION_MSS_BYTES << 8) | (swap16(receiveMss()) << 16), 20);
  tcp.checksum = <u16>~checksum(at, length, ipv4.pseudoSum(remoteAddress, PROTOCOL_TCP, length));
  count(Counter.TCP_SEGMENTS_OUT);
  return ipv4.emit(remoteAddress, PROTOCOL_TCP, length, to);
}

/**
 * The MSS that we announce: what fits the MTU, and at most half of the receive ring, so that a small ring holds two
 * segments and does not stall on delayed ACKs.
 */
export function receiveMss(): u32 {
  return min(<u32>config.mtu - 40, config.receiveRingBytes >> 1);
}

/** The MSS that we use towards a peer that announced `mss` (0: none). */
export function sendMss(mss: u32): u32 {
  // A peer that announces a tiny MSS makes us work for nothing: Linux's floor.
  const peer = mss ? max(mss, 48) : DEFAULT_MSS;
  return min(min(peer, <u32>config.mtu - 40), config.sendRingBytes >> 1);
}

/** Fails to compile when the record does not fit its place. */
export function checkLayout(): void {
  if (offsetof<Segment>() > SEGMENT_BYTES) ERROR("Segment does not fit");
}
