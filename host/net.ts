// TCP over a core in the shape of Node's `net`: servers, and sockets that are Duplex streams, so that whatever runs
// over Node's sockets (its HTTP server and client, pipe, pipeline, WebSocket libraries) runs over Ferrule. How to use
// it is in docs/node.md; which of Node's own tests it was measured with, in docs/node-net-tests.md.
//
// Differences from `net`, on purpose:
// - Hosts are IPv4 addresses; a name needs a `lookup` function, or a standard build with queries. There is no loopback, no IPv6, no pipe, no descriptor.
// - `ref` and `unref` do nothing: what keeps the process running is the link and the host's clock.
// - A socket that is destroyed with data not yet taken by the core resets its connection, so that the peer never takes
//   the torn stream for a whole one, and the write's callback gets ECANCELED.
// - `destroySoon` waits for the peer's end, for a bounded time.
// - As in `net` over Linux, `destroy` with data that arrived and was not read resets the connection, but here not before
//   what the core took is acknowledged.
// - A reset that comes to a half-open socket after the peer's end is an error at once; Node tells with the next write.
// - `resetAndDestroy` gives up a connection that is being opened at once; Node first waits until it is there.
// - Sockets buffer 64 KB unless told otherwise, Node's 16 KB. Keepalive delays count in milliseconds, not in seconds.
// - Classes: `Server(...)` without `new` is refused, and the number of connections at a server is a property, too.

import type { Host } from "./host.js";
import {
  type ConnectArguments,
  connectArguments,
  type ServerOptions,
  type SocketOptions,
} from "./net/options.js";
import { Server } from "./net/server.js";
import { Socket } from "./net/socket.js";

export type { SocketError } from "./net/errors.js";
export type {
  ConnectOptions,
  ListenOptions,
  LookupCallback,
  LookupFunction,
  OnReadOptions,
  ServerOptions,
  SocketOptions,
  TcpConnectOptions,
} from "./net/options.js";
export { type DropArgument, Server } from "./net/server.js";
export { Socket } from "./net/socket.js";

/** Node's `net` on one host. */
export class Net {
  constructor(readonly host: Host) {}

  /** A server that does not listen yet. Takes (options, onConnection) or (onConnection). */
  createServer(
    options?: ServerOptions | ((socket: Socket) => void),
    onConnection?: (socket: Socket) => void,
  ): Server {
    return new Server(this.host, options, onConnection);
  }

  /** Opens a connection; "connect" or "error" follows. Takes (options, onConnect) or (port, host, onConnect). */
  connect(...args: ConnectArguments): Socket {
    const { options } = connectArguments(args);
    const socket = new Socket(this.host, options);
    if (options.timeout) socket.setTimeout(options.timeout);
    // A signal that was aborted before has destroyed it.
    return socket.destroyed ? socket : socket.connect(...args);
  }

  /** The same as `connect`. */
  createConnection(...args: ConnectArguments): Socket {
    return this.connect(...args);
  }

  /** A socket without a connection, for `socket.connect`. */
  createSocket(options?: SocketOptions): Socket {
    return new Socket(this.host, options);
  }
}
