// What active and passive opening share (RFC 9293 section 3.5).

import { Counter, Event, TcpState } from "../abi_constants";
import { count } from "../lib/counters";
import * as demux from "./demux";
import { initialSequence } from "./isn";
import * as retransmit from "./retransmit";
import { receiveMss, segment, sendMss } from "./segment";
import { Bit, has, Listener, raise, setState, Tcb } from "./tcb";

/** A connection of ours begins: `ports` as in a segment that arrives. */
export function begin(t: Tcb, remoteAddress: u32, ports: u32): void {
  t.remoteAddress = remoteAddress;
  t.ports = ports;
  t.sndUna = t.sndNxt = t.sndMax = initialSequence(remoteAddress, ports);
  t.rcvMss = <u16>receiveMss();
  retransmit.begin(t);
  demux.add(t);
}

/** The peer's SYN is in the input slot: takes its sequence number, window and MSS. The window opens with our answer. */
export function synchronise(t: Tcb): void {
  segment.seq++;
  t.sndWl1 = t.rcvNxt = t.rcvAdv = segment.seq;
  t.sndWnd = t.sndWndMax = segment.wnd;
  t.sndMss = <u16>sendMss(segment.mss);
}

/** Our SYN is acknowledged: ESTABLISHED, or beyond when the application has closed already. */
export function establish(t: Tcb): void {
  setState(t, TcpState.ESTABLISHED);
  if (has(t, Bit.FIN_QUEUED)) setState(t, TcpState.FIN_WAIT_1);
  if (t.listener) {
    count(Counter.TCP_PASSIVE_OPENS);
    raise(changetype<Listener>(t.listener), Event.ACCEPTABLE);
  } else raise(t, Event.CONNECTED | Event.WRITABLE);
}
