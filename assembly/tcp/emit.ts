// The header of a segment that goes out, to `segment.remoteAddress` and `segment.ports`. First the options, then the data
// behind them, then everything before.

import { ConfigFlag, Counter } from "../abi_constants";
import { config, header, LINK_HEADER_BYTES, state } from "../config";
import { swap16, swap32 } from "../lib/bytes";
import { checksum, fold } from "../lib/checksum";
import { tally } from "../lib/counters";
import * as ipv4 from "../net/ipv4";
import { Neighbour } from "../net/link";
import { IPV4_HEADER_BYTES, PROTOCOL_TCP } from "../wire/ipv4";
import {
  OPTION_MSS,
  OPTION_MSS_BYTES,
  OPTION_NOP,
  OPTION_SCALE,
  OPTION_SCALE_BYTES,
  SACK_ALONE,
  TCP_HEADER_BYTES,
  TcpHeader,
  TIMESTAMPS_ALONE,
  TIMESTAMPS_ALONE_BYTES,
  TIMESTAMPS_AND_SACK,
} from "../wire/tcp";
import { receiveMss, segment } from "./segment";
import { Agreed } from "./tcb";
import { clock } from "./timestamps";

/** Where the options of the segment in the output slot begin. */
export function optionsAt(): usize {
  return ipv4.outputPayload() + TCP_HEADER_BYTES;
}

// @inline
/**
 * Writes the options of any segment but a SYN to `at`, as `agreed` on; `tsEcho` in the peer's timestamps. Returns where
 * they end.
 */
export function options(at: usize, agreed: u32, tsEcho: u32): usize {
  return agreed & Agreed.TIMESTAMPS ? times(at, TIMESTAMPS_ALONE, tsEcho) : at;
}

/** The same of a SYN: MSS, SACK permitted, timestamps, window scale, in Linux's order and each word aligned. */
export function synOptions(at: usize, agreed: u32, tsEcho: u32): usize {
  store<u32>(at, OPTION_MSS | (OPTION_MSS_BYTES << 8) | (swap16(receiveMss()) << 16));
  at += 4;
  if (agreed & Agreed.TIMESTAMPS)
    at = times(at, agreed & Agreed.SACK ? TIMESTAMPS_AND_SACK : TIMESTAMPS_ALONE, tsEcho);
  else if (agreed & Agreed.SACK) {
    store<u32>(at, SACK_ALONE);
    at += 4;
  }
  if (agreed & Agreed.SCALE) {
    store<u32>(
      at,
      OPTION_NOP | (OPTION_SCALE << 8) | (OPTION_SCALE_BYTES << 16) | ((<u32>state.receiveScale) << 24),
    );
    at += 4;
  }
  return at;
}

function times(at: usize, head: u32, tsEcho: u32): usize {
  store<u32>(at, head);
  store<u32>(at, swap32(clock()), 4);
  store<u32>(at, swap32(tsEcho), 8);
  return at + TIMESTAMPS_ALONE_BYTES;
}

/**
 * Puts all headers before options that end at `end` and `dataBytes` octets of data behind them: SEG.SEQ, SEG.ACK, the
 * flags and the window field as given; `urgent`: the urgent pointer; `tos`: the differentiated services octet. Returns
 * the frame's length.
 */
export function emit(
  end: usize,
  dataBytes: u32,
  seq: u32,
  ack: u32,
  flags: u32,
  wnd: u32,
  urgent: u32,
  tos: u32,
  to: Neighbour,
): u32 {
  const at = ipv4.outputPayload();
  const headerBytes = <u32>end - <u32>at;
  const length = headerBytes + dataBytes;
  const remoteAddress = segment.remoteAddress;
  const ports = rotl(segment.ports, 16);
  seq = swap32(seq);
  ack = swap32(ack);
  const fourth: u32 = (headerBytes << 2) | (flags << 8) | (swap16(wnd) << 16);
  const fifth: u32 = swap16(urgent) << 16;
  store<u32>(at, ports);
  store<u32>(at, seq, 4);
  store<u32>(at, ack, 8);
  store<u32>(at, fourth, 12);
  store<u32>(at, fifth, 16);
  const pseudo = ipv4.pseudoSum(remoteAddress, PROTOCOL_TCP, length);
  let sum: u32;
  if (config.flags & ConfigFlag.OUTPUT_CHECKSUM_OFFLOAD) {
    header.checksumStart = <u16>(LINK_HEADER_BYTES + IPV4_HEADER_BYTES);
    header.checksumOffset = <u16>offsetof<TcpHeader>("checksum");
    sum = ~fold(pseudo);
  } else {
    // The words are at hand: nothing is loaded again.
    const words = pseudo + ports + seq + ack + fourth + fifth;
    sum =
      length > TCP_HEADER_BYTES
        ? checksum(at + TCP_HEADER_BYTES, length - TCP_HEADER_BYTES, words)
        : fold(words);
  }
  store<u16>(at, <u16>~sum, offsetof<TcpHeader>("checksum"));
  tally(Counter.TCP_SEGMENTS_OUT);
  return ipv4.emit(remoteAddress, PROTOCOL_TCP, length, tos, to);
}
