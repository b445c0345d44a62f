// UDP over a core in the shape of Node's `dgram`. How to use it is in docs/node.md. It needs the standard build of the
// core, with `datagramSockets` and `datagramQueueBytes` in its configuration.
//
// Differences from `dgram`, on purpose:
// - Addresses are IPv4; names are looked up by the core (host/dns.ts) or by the socket's `lookup`. There is no loopback:
//   a core sends nothing to itself, multicast included.
// - `ref` and `unref` do nothing, as in host/net.ts.
// - A port has one socket: `reuseAddr` is taken and changes nothing.
// - A connected socket hears of every ICMP error (RFC 1122 section 4.1.3.3), always as "error" with "recvmsg"; Linux tells
//   of unreachable ports only, and tells a send that comes first. One that is not connected hears of none, as in Node.
// - A socket has one time to live: of `setTTL` and `setMulticastTTL` the last call holds, for all that it sends.
// - Queues have the size of the configuration; `setRecvBufferSize` and `setSendBufferSize` change nothing.

import { Socket } from "./dgram/socket.js";
import type { DatagramSocketOptions, OnMessage } from "./dgram/types.js";
import type { Host } from "./host.js";

export { Socket } from "./dgram/socket.js";
export type {
  BindOptions,
  DatagramLookup,
  DatagramSocketOptions,
  OnMessage,
  RemoteInfo,
  SendCallback,
} from "./dgram/types.js";

/** Node's `dgram` on one host. */
export class Dgram {
  constructor(readonly host: Host) {}

  /** A socket that is not bound yet. Takes ("udp4", onMessage) or (options, onMessage); throws as Node for others. */
  createSocket(type: "udp4" | DatagramSocketOptions, onMessage?: OnMessage): Socket {
    return new Socket(this.host, type, onMessage);
  }
}
