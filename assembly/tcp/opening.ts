// What active and passive opening share (RFC 9293 section 3.5).

import { ConfigFlag, Counter, Event, TcpState } from "../abi_constants";
import { config, HAS_DNS, state } from "../config";
import { count } from "../lib/counters";
import { makeReady, raise } from "../net/socket";
import { OPTION_TIMESTAMPS_BYTES } from "../wire/tcp";
import * as congestion from "./congestion";
import * as demux from "./demux";
import * as retransmit from "./retransmit";
import { receiveMss, segment, sendMss } from "./segment";
import { Agreed, Bit, clear, has, Listener, setState, Tcb } from "./tcb";

/** Options that we offer, and accept: Agreed bits. */
export function offered(): u32 {
  return Agreed.ALL ^ ((config.flags & ConfigFlag.NO_TIMESTAMPS) >> 1);
}

/** A connection of ours begins, with SND.UNA = SND.NXT = `next`: `ports` as in a segment that arrives. */
export function begin(t: Tcb, remoteAddress: u32, ports: u32, next: u32): void {
  t.remoteAddress = remoteAddress;
  t.ports = ports;
  t.sndUna = t.sndNxt = t.sndMax = t.sndUp = next;
  t.rcvMss = <u16>receiveMss();
  t.heardAt = state.now;
  t.bits |= offered();
  retransmit.begin(t);
  // What came twice for the record's last use is none of this one's.
  segment.duplicateOf = 0;
  demux.add(t);
}

/**
 * What the peer's SYN says: data from it will begin at `next`; which `options` it carried (Agreed bits), its timestamp,
 * MSS (0: none) and window shift. Our window opens with our answer.
 */
export function synchronise(t: Tcb, next: u32, options: u32, tsValue: u32, mss: u32, scale: u32): void {
  t.sndWl1 = t.rcvNxt = t.rcvAdv = t.rcvUp = next;
  t.bits &= options | ~Agreed.ALL;
  // Whoever answers is the one.
  if (HAS_DNS) clear(t, Bit.NAMED);
  t.tsRecent = tsValue;
  // The MSS counts no options (RFC 6691).
  t.sndMss = <u16>(sendMss(mss) - optionsBytes(t));
  t.sndScale = <u8>(has(t, Agreed.SCALE) ? scale : 0);
}

/** Octets of options that every segment carries: timestamps, and two octets of padding. */
export function optionsBytes(t: Tcb): u32 {
  return has(t, Agreed.TIMESTAMPS) ? OPTION_TIMESTAMPS_BYTES + 2 : 0;
}

/** Our SYN is acknowledged: ESTABLISHED, or beyond when the application has closed already. */
export function establish(t: Tcb): void {
  retransmit.established(t);
  congestion.begin(t);
  setState(t, TcpState.ESTABLISHED);
  if (has(t, Bit.FIN_QUEUED)) {
    setState(t, TcpState.FIN_WAIT_1);
    // The ACK of our SYN found nothing to send: the FIN was not due then.
    makeReady(t);
  }
  if (t.listener) {
    count(Counter.TCP_PASSIVE_OPENS);
    raise(changetype<Listener>(t.listener), Event.ACCEPTABLE);
  } else raise(t, Event.CONNECTED | Event.WRITABLE);
}
