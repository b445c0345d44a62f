// The gateway's DNS server: hands each query on to a name server of this machine, and its answer back, octet for octet.

import { createSocket } from "node:dgram";
import { getServers } from "node:dns";
import { isIPv6 } from "node:net";
import { type Clock, realClock } from "../clock.js";
import { Dgram, type RemoteInfo, type Socket } from "../dgram.js";
import type { Host } from "../host.js";

const PORT = 53;

/** How long a query may take, and how many are under way at most: others are dropped, and asked again. */
const QUERY_MS = 5000;
const QUERIES = 16;

/** A name server of this machine. */
export interface NameServer {
  readonly address: string;
  readonly port: number;
}

/** The name server that this machine asks first, as it is configured; undefined when it has none. */
export function machineNameServer(servers: readonly string[] = getServers()): NameServer | undefined {
  const [first] = servers;
  if (first === undefined) return undefined;
  if (isIPv6(first)) return { address: first, port: PORT };
  // As in "[::1]:53" and "127.0.0.1:53".
  const [, address = first, port = PORT] = /^\[?(.*?)\]?:(\d+)$/.exec(first) ?? [];
  return { address, port: Number(port) };
}

/** Answers queries by UDP on the gateway's own core, which must have a datagram socket, as long as that runs. */
export function relayDns(host: Host, server: NameServer, clock: Clock = realClock): Socket {
  const socket = new Dgram(host).createSocket("udp4");
  let underWay = 0;
  let isClosed = false;
  socket.on("message", (query: Uint8Array, from: RemoteInfo) => {
    // Port 0 wants no answer, and `send` throws for it.
    if (underWay >= QUERIES || from.port === 0) return;
    underWay++;
    const upstream = createSocket(isIPv6(server.address) ? "udp6" : "udp4");
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      underWay--;
      timer.cancel();
      upstream.close();
    };
    const timer = clock.after(QUERY_MS, end);
    upstream.on("error", end);
    upstream.on("message", (answer) => {
      end();
      if (!host.closed && !isClosed) socket.send(answer, from.port, from.address);
    });
    // Then nobody else can answer.
    upstream.once("connect", () => upstream.send(query));
    upstream.connect(server.port, server.address);
  });
  socket.on("error", () => {});
  socket.once("close", () => {
    isClosed = true;
  });
  socket.bind(PORT);
  return socket;
}
