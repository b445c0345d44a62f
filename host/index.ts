// What the npm package exports: a host for the core in Node, with sockets in the shape of Node's own. docs/node.md tells how to use it.

import { readFileSync } from "node:fs";

export { type Clock, realClock, type Timer } from "./clock.js";
export {
  type Address,
  bytesNeeded,
  type ConnectionInfo,
  Core,
  type CoreConfig,
  CoreError,
  type CoreOptions,
  createCore,
} from "./core.js";
export { Dgram, Socket as DatagramSocket } from "./dgram.js";
export { DhcpClient, type DhcpEvents, type DhcpLease, type DhcpOptions } from "./dhcp.js";
export { Resolver } from "./dns.js";
export { Host } from "./host.js";
export type { Link } from "./link/link.js";
export { Wire } from "./link/wire.js";
export { Net, Server, Socket } from "./net.js";

/** The compiled core that came with this package: `core` is TCP alone, `standard` has UDP, DHCP and DNS besides. */
export function readModule(build: "core" | "standard" = "standard"): Uint8Array {
  return readFileSync(new URL(`../${build}.wasm`, import.meta.url));
}
