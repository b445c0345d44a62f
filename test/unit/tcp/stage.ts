// A connection record in any state, without the packets that lead to it, for tests of one file at a time.

import { TcpState } from "../../../host/abi.js";
import { address, DEVICE, frameOf, PEER, ports, type Tcb, type UnitConfig, UnitCore } from "../core.js";

/** Sequence numbers of a connection that `inState` made: the peer's next octet, and our first. */
export const RCV_NXT = 5000;
export const SND_UNA = 1000;
export const PORTS = ports(40000, 80);

export interface Placed {
  readonly core: UnitCore;
  readonly at: number;
  readonly t: Tcb;
}

/** A core with one connection from PEER's port 40000 to ours, 80, in `state`, and with PEER's MAC known. */
export function inState(state: number, config: UnitConfig = {}, now = 0): Placed {
  const core = new UnitCore({ sendRingBytes: 4096, receiveRingBytes: 4096, ...config }, now);
  core.functions("net/arp", "receive").receive(
    core.putFrame(
      frameOf({
        arp: { operation: 2, senderMac: PEER.mac, senderIp: PEER.address, targetIp: DEVICE.address },
      }),
    ) - 14,
  );
  return place(core, state);
}

/** One more connection in the same core. */
export function place(core: UnitCore, state: number, key = PORTS): Placed {
  const at = core.functions("tcp/tcb", "allocate").allocate();
  const t = core.tcb(at);
  t.remoteAddress = address(PEER.address);
  t.ports = key;
  core.functions("tcp/demux", "add").add(at);
  core.functions("tcp/retransmit", "begin").begin(at);
  t.sndUna = t.sndNxt = t.sndMax = t.sndUp = SND_UNA;
  t.rcvNxt = t.sndWl1 = t.rcvUp = RCV_NXT;
  t.rcvAdv = RCV_NXT + 4096;
  t.sndWnd = t.sndWndMax = 8192;
  t.sndMss = t.rcvMss = 1000;
  // Larger than any window: congestion control has tests of its own.
  t.congestionWindow = t.slowStartThreshold = 2 ** 30;
  t.heardAt = core.state.now;
  t.state = state;
  return { core, at, t };
}

/** ESTABLISHED. */
export function established(config: UnitConfig = {}, now = 0): Placed {
  return inState(TcpState.ESTABLISHED, config, now);
}

/** Bits of a connection by their names, "OWES_ACK FIN_QUEUED". */
export function bitsOf(core: UnitCore, names: string): number {
  return names.split(" ").reduce((sum, name) => (sum | core.bit(name)) >>> 0, 0);
}

/** Where the rings of a connection are. */
export function ringsOf({ core, at }: Placed): { readonly send: number; readonly receive: number } {
  const { sendRing, receiveRing } = core.functions("tcp/tcb", "sendRing", "receiveRing");
  return { send: sendRing(at), receive: receiveRing(at) };
}

/** Puts a segment of the peer into the input slot and has it checked and read. */
export function arrive(core: UnitCore, spec: Parameters<UnitCore["putSegment"]>[0]): void {
  core.putSegment({ seq: RCV_NXT, ack: SND_UNA, flags: "A", window: 8192, ...spec });
  const { verify, read } = core.functions("tcp/segment", "verify", "read");
  const tcp = verify(0);
  if (!tcp || !read(tcp)) throw new Error(`the segment was dropped: ${JSON.stringify(core.counters())}`);
}
