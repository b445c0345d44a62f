// The echo service (RFC 862) over Ferrule: every byte comes back, until the peer ends.

import type { Net, Server } from "../net.js";

/** A server that does not listen yet. */
export function createEchoServer(net: Net): Server {
  return net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.setNoDelay(true);
    // The peer's resets concern nobody but this connection, which is gone then.
    socket.on("error", () => {});
    socket.pipe(socket);
  });
}
