// Header prediction: the segment that nearly every one is (Jacobson 1990). In ESTABLISHED, it stands at RCV.NXT, carries
// nothing unusual, and brings data, an acknowledgment, or both. What input.ts does with such a one is done here in one
// go, with the same outcome: a unit test lets both do it and compares all of memory.

import { Counter, TcpState } from "../abi_constants";
import { state } from "../config";
import { swap16, swap32 } from "../lib/bytes";
import { tally } from "../lib/counters";
import * as ipv4 from "../net/ipv4";
import { Kind, makeReady } from "../net/socket";
import { ACK, headerBytes, PSH, TcpHeader, TIMESTAMPS_ALONE } from "../wire/tcp";
import { advanceUna } from "./ack";
import * as congestion from "./congestion";
import * as receive from "./receive";
import { segment } from "./segment";
import * as seq from "./seq";
import { Agreed, Bit, Tcb } from "./tcb";

/** Kind, events, lists, state of a socket as one word, of which kind and state are compared. */
const KIND_AND_STATE: u32 = 0xff0000ff;
const HELD_AND_ESTABLISHED: u32 = ((<u32>TcpState.ESTABLISHED) << 24) | Kind.CONNECTION;

/** Header length and flags as one half-word: ACK, without options and with timestamps alone. */
const PLAIN: u32 = 0x50 | (ACK << 8);
const WITH_TIMESTAMPS: u32 = 0x80 | (ACK << 8);

/** Takes the segment in the input slot, whose header is `tcp`. False: it is another, and nothing was done. */
export function take(tcp: TcpHeader): bool {
  const ip = ipv4.input();
  const source = ip.source;
  const t = changetype<Tcb>(state.lastHit);
  // Of a record that is none, at address 0, too: nobody comes from there.
  if ((t.ports ^ tcp.ports) | (t.remoteAddress ^ source)) return false;
  const at = changetype<usize>(tcp);
  const bits = t.bits;
  const timestamps = bits & Agreed.TIMESTAMPS;
  const first = swap32(tcp.sequence);
  if (
    ((load<u32>(changetype<usize>(t), offsetof<Tcb>("kind")) & KIND_AND_STATE) ^ HELD_AND_ESTABLISHED) |
    // Time-outs, ranges, duplicate ACKs owed: four octets that stand together.
    load<u32>(changetype<usize>(t), offsetof<Tcb>("backoff")) |
    (bits & Bit.FIN_KNOWN) |
    ((<u32>load<u16>(at, offsetof<TcpHeader>("dataOffset")) & ~(PSH << 8)) ^
      (timestamps ? WITH_TIMESTAMPS : PLAIN)) |
    (first ^ t.rcvNxt)
  )
    return false;
  let tsValue: u32 = 0;
  if (timestamps) {
    tsValue = swap32(load<u32>(at, 24));
    if (<u32>(load<u32>(at, 20) != TIMESTAMPS_ALONE) | <u32>seq.lessThan(tsValue, t.tsRecent)) return false;
  }
  const headers = headerBytes(tcp);
  const bytes = ipv4.payloadBytes(ip) - headers;
  const una = t.sndUna;
  const fresh = swap32(tcp.acknowledgment) - una;
  const flying = t.sndMax - una;
  const room = t.rcvAdv - first;
  const before = t.sndWnd;
  const wnd = (<u32>swap16(tcp.window)) << t.sndScale;
  if (
    <u32>(fresh > flying) |
    <u32>(bytes > room) |
    <u32>!(fresh | bytes) |
    // One that was overtaken: its window is an old one.
    <u32>seq.lessThan(first, t.sndWl1) |
    // A window that shuts, or opens again.
    <u32>!wnd |
    <u32>!before
  )
    return false;

  tally(Counter.TCP_SEGMENTS_IN);
  t.segmentsIn++;
  if (fresh) {
    segment.options = timestamps;
    if (timestamps) {
      segment.remoteAddress = source;
      segment.ports = tcp.ports;
      segment.tsEcho = swap32(load<u32>(at, 28));
    }
    advanceUna(t, fresh);
  }
  t.sndWl1 = first;
  if (wnd != before) {
    t.sndWnd = wnd;
    if (wnd > before) {
      t.sndWndMax = max(t.sndWndMax, wnd);
      makeReady(t);
    }
  }
  if (timestamps & <u32>!t.unacked) t.tsRecent = tsValue;
  congestion.afterIdle(t);
  t.heardAt = state.now;
  if (bytes) receive.inOrder(t, <u32>at + headers, bytes);
  return true;
}
