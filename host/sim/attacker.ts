// Somebody who knows addresses and ports of a connection and sends segments into it that a correct receiver believes in
// nothing (RFC 9293 section 3.10.7.4, RFC 5961): the connection must go on as if they had not come.

import { encode, formatMac, TcpFlag, type TcpSpec } from "../packet/index.js";
import type { Prng } from "./prng.js";
import type { SimHost } from "./sim_host.js";

/** What a forger would like to know of a connection. */
interface Target {
  readonly rcvNxt: number;
  readonly rcvWnd: number;
  readonly sndMax: number;
}

type Forged = Pick<TcpSpec, "seq" | "ack" | "flags" | "payload">;

/** Far outside of any window, before it or behind it. */
const FAR = 2 ** 30;
const DATA = new TextEncoder().encode("forged");

/** A frame for the connection `handle` of `host`, as if from its peer, that must not change it. */
export function forge(host: SimHost, handle: number, peer: SimHost, prng: Prng): Uint8Array {
  const [info, local, remote] = host.call(
    "info",
    (core) => [core.tcpInfo(handle), core.localAddress(handle), core.peerAddress(handle)] as const,
  );
  return encode({
    link: { source: formatMac(peer.mac), destination: formatMac(host.mac) },
    ipv4: { source: remote.address, destination: local.address },
    tcp: { sourcePort: remote.port, destinationPort: local.port, window: 1, ...draw(info, prng) },
  });
}

function draw({ rcvNxt, rcvWnd, sndMax }: Target, prng: Prng): Forged {
  const near = (rcvNxt + 1 + prng.below(Math.max(rcvWnd - 1, 1))) >>> 0;
  const far = (rcvNxt + (prng.chance(0.5) ? FAR : -FAR)) >>> 0;
  const ack = sndMax;
  const forged: readonly Forged[] = [
    // In the window, but not at RCV.NXT: RFC 5961 section 3.2.
    { flags: TcpFlag.RST, seq: near },
    { flags: TcpFlag.RST | TcpFlag.ACK, seq: far, ack },
    // RFC 5961 section 4.
    { flags: TcpFlag.SYN, seq: near },
    { flags: TcpFlag.SYN, seq: far },
    // An ACK of what was never sent: RFC 5961 section 5.
    { flags: TcpFlag.ACK, seq: rcvNxt, ack: (sndMax + 1 + prng.below(2 ** 30)) >>> 0 },
    { flags: TcpFlag.ACK, seq: rcvNxt, ack: (sndMax + 1 + prng.below(2 ** 30)) >>> 0, payload: DATA },
    { flags: TcpFlag.ACK, seq: far, ack, payload: DATA },
    { flags: TcpFlag.ACK | TcpFlag.FIN, seq: far, ack },
    { flags: TcpFlag.PSH, seq: rcvNxt, payload: DATA },
    { flags: 0, seq: rcvNxt },
  ];
  return forged[prng.below(forged.length)] as Forged;
}
