// The segment in the input slot, read once: state code never touches frame octets.

import { Counter } from "../abi_constants";
import { config, SEGMENT, SEGMENT_BYTES } from "../config";
import { load32, swap16, swap32 } from "../lib/bytes";
import { count, drop } from "../lib/counters";
import * as ipv4 from "../net/ipv4";
import { PROTOCOL_TCP } from "../wire/ipv4";
import {
  check,
  FIN,
  headerBytes,
  OPTION_END,
  OPTION_MSS,
  OPTION_MSS_BYTES,
  OPTION_NOP,
  OPTION_SACK_PERMITTED,
  OPTION_SACK_PERMITTED_BYTES,
  OPTION_SCALE,
  OPTION_SCALE_BYTES,
  OPTION_TIMESTAMPS,
  OPTION_TIMESTAMPS_BYTES,
  TCP_HEADER_BYTES,
  TcpHeader,
  TIMESTAMPS_ALONE,
  TIMESTAMPS_ALONE_BYTES,
} from "../wire/tcp";
import { Agreed } from "./tcb";

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

  /** Agreed bits: which options it carries. */
  options: u32;
  /** Shift of the window scale option, at most 14 (RFC 7323 section 2.3). */
  scale: u32;
  /** TSval */
  tsValue: u32;
  /** TSecr */
  tsEcho: u32;
  /** SEG.SEQ + SEG.UP: where urgent data ends. */
  urgent: u32;

  // The header of a stateless answer, which waits here until `output` takes it: reset.ts.
  outSeq: u32;
  outAck: u32;
  outFlags: u32;
  /** The window field. */
  outWnd: u32;
  /** Agreed bits: the options. */
  outOptions: u32;
  outTsEcho: u32;

  // What arrived twice, for D-SACK: sack.ts.
  duplicateOf: u32;
  duplicateStart: u32;
  duplicateEnd: u32;
}

/** MSS of a peer that does not say one: RFC 9293 section 3.7.1. */
export const DEFAULT_MSS: u32 = 536;

/** Largest window shift: RFC 7323 section 2.3. */
const SCALE_MAX: u32 = 14;

/** The segment that arrived last. */
export const segment = changetype<Segment>(SEGMENT);

/** SEG.LEN: octets of data, and one each for SYN and FIN. */
export function segmentLength(): u32 {
  // SYN is the bit above FIN.
  return segment.dataBytes + ((segment.flags >> 1) & 1) + (segment.flags & FIN);
}

/** Checks the segment in the input slot; `flags`: InputFlag bits. Returns its header; null: dropped and counted. */
export function verify(flags: u32): TcpHeader | null {
  const ip = ipv4.input();
  const at = ipv4.payload(ip);
  const length = ipv4.payloadBytes(ip);
  const tcp = changetype<TcpHeader>(at);
  if (!check(tcp, length)) count(Counter.TCP_MALFORMED);
  else if (!ipv4.isIntact(ip, PROTOCOL_TCP, at, length, flags)) count(Counter.TCP_CHECKSUM);
  else return tcp;
  return null;
}

/** Reads the segment whose header is `tcp`. False: dropped and counted. */
export function read(tcp: TcpHeader): bool {
  const ip = ipv4.input();
  const at = changetype<usize>(tcp);
  const length = ipv4.payloadBytes(ip);
  const ports = tcp.ports;
  if (<u32>!(ports & 0xffff) | <u32>!(ports >> 16)) return drop(Counter.TCP_BAD_ADDRESS);
  const bytes = headerBytes(tcp);
  segment.remoteAddress = ip.source;
  segment.ports = ports;
  const first = swap32(tcp.sequence);
  segment.seq = first;
  segment.ack = swap32(tcp.acknowledgment);
  segment.wnd = swap16(tcp.window);
  segment.flags = tcp.flags;
  segment.dataBytes = length - bytes;
  segment.data = <u32>at + bytes;
  segment.mss = 0;
  segment.options = 0;
  segment.duplicateOf = 0;
  segment.end = first + length - bytes;
  segment.urgent = first + swap16(tcp.urgent);
  if (bytes > TCP_HEADER_BYTES) readOptions(at + TCP_HEADER_BYTES, at + bytes);
  return true;
}

/** Options are octets: a peer may put them at any alignment. The first lie ends the reading. */
function readOptions(at: usize, end: usize): void {
  // What nearly every segment carries, and how (RFC 7323 appendix A): padding first, so that the values are aligned.
  if (<u32>(load<u32>(at) == TIMESTAMPS_ALONE) & <u32>(end - at >= TIMESTAMPS_ALONE_BYTES)) {
    segment.options = Agreed.TIMESTAMPS;
    segment.tsValue = swap32(load<u32>(at, 4));
    segment.tsEcho = swap32(load<u32>(at, 8));
    at += TIMESTAMPS_ALONE_BYTES;
  }
  while (at < end) {
    const kind: u32 = load<u8>(at);
    if (kind == OPTION_END) return;
    let bytes: u32 = 1;
    if (kind != OPTION_NOP) {
      // A length behind the last octet of the header is read too (the slot goes on) and never fits.
      bytes = load<u8>(at, 1);
      if (<u32>(bytes < 2) | <u32>(at + bytes > end)) return count(Counter.TCP_BAD_OPTION);
      readOption((kind << 8) | bytes, at);
    }
    at += bytes;
  }
}

/** `what`: kind and length, which have to belong together. */
function readOption(what: u32, at: usize): void {
  if (what == ((OPTION_TIMESTAMPS << 8) | OPTION_TIMESTAMPS_BYTES)) {
    segment.options |= Agreed.TIMESTAMPS;
    segment.tsValue = load32(at + 2);
    segment.tsEcho = load32(at + 6);
  } else if (what == ((OPTION_MSS << 8) | OPTION_MSS_BYTES))
    segment.mss = ((<u32>load<u8>(at, 2)) << 8) | load<u8>(at, 3);
  else if (what == ((OPTION_SACK_PERMITTED << 8) | OPTION_SACK_PERMITTED_BYTES))
    segment.options |= Agreed.SACK;
  else if (what == ((OPTION_SCALE << 8) | OPTION_SCALE_BYTES)) {
    segment.options |= Agreed.SCALE;
    segment.scale = min<u32>(load<u8>(at, 2), SCALE_MAX);
  }
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
