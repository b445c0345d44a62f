// The header of a segment that goes out: `segment.remoteAddress`, `segment.ports` and `segment.out...` say what is in it.
// First the options, then the data behind them, then everything before.

import { Counter } from "../abi_constants";
import { state } from "../config";
import { swap16, swap32 } from "../lib/bytes";
import { checksum } from "../lib/checksum";
import { count } from "../lib/counters";
import * as ipv4 from "../net/ipv4";
import { Neighbour } from "../net/link";
import { PROTOCOL_TCP } from "../wire/ipv4";
import {
  OPTION_MSS,
  OPTION_MSS_BYTES,
  OPTION_NOP,
  OPTION_SCALE,
  OPTION_SCALE_BYTES,
  SACK_ALONE,
  SYN,
  TCP_HEADER_BYTES,
  TcpHeader,
  TIMESTAMPS_ALONE,
  TIMESTAMPS_AND_SACK,
} from "../wire/tcp";
import { receiveMss, segment } from "./segment";
import { Agreed } from "./tcb";
import { clock } from "./timestamps";

/** Where the options of the segment in the output slot begin. */
export function optionsAt(): usize {
  return ipv4.outputPayload() + TCP_HEADER_BYTES;
}

/**
 * Writes the options of a SYN, or of any other segment. MSS, SACK permitted, timestamps, window scale, in Linux's order
 * and each word aligned. Returns where they end.
 */
export function options(): usize {
  let at = optionsAt();
  const options = segment.outOptions;
  const syn = segment.outFlags & SYN;
  let times: u32 = TIMESTAMPS_ALONE;
  if (syn) {
    store<u32>(at, OPTION_MSS | (OPTION_MSS_BYTES << 8) | (swap16(receiveMss()) << 16));
    at += 4;
    if (options & Agreed.SACK) {
      times = TIMESTAMPS_AND_SACK;
      if (!(options & Agreed.TIMESTAMPS)) {
        store<u32>(at, SACK_ALONE);
        at += 4;
      }
    }
  }
  if (options & Agreed.TIMESTAMPS) {
    store<u32>(at, times);
    store<u32>(at, swap32(clock()), 4);
    store<u32>(at, swap32(segment.outTsEcho), 8);
    at += 12;
  }
  if (syn && options & Agreed.SCALE) {
    store<u32>(
      at,
      OPTION_NOP | (OPTION_SCALE << 8) | (OPTION_SCALE_BYTES << 16) | ((<u32>state.receiveScale) << 24),
    );
    at += 4;
  }
  return at;
}

/**
 * Puts all headers before options that end at `end` and `dataBytes` octets of data behind them. `urgent`: the urgent
 * pointer; `tos`: the differentiated services octet. Returns the frame's length.
 */
export function emit(end: usize, dataBytes: u32, urgent: u32, tos: u32, to: Neighbour): u32 {
  const at = ipv4.outputPayload();
  const tcp = changetype<TcpHeader>(at);
  const headerBytes = <u32>end - <u32>at;
  const length = headerBytes + dataBytes;
  const remoteAddress = segment.remoteAddress;
  tcp.ports = rotl(segment.ports, 16);
  tcp.sequence = swap32(segment.outSeq);
  tcp.acknowledgment = swap32(segment.outAck);
  store<u32>(at, (headerBytes << 2) | (segment.outFlags << 8) | (swap16(segment.outWnd) << 16), 12);
  store<u32>(at, swap16(urgent) << 16, 16);
  tcp.checksum = <u16>~checksum(at, length, ipv4.pseudoSum(remoteAddress, PROTOCOL_TCP, length));
  count(Counter.TCP_SEGMENTS_OUT);
  return ipv4.emit(remoteAddress, PROTOCOL_TCP, length, tos, to);
}
