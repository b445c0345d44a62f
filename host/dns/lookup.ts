// From a name to an address through a host's own core, in the shape of dns.lookup.

import { isIP } from "node:net";
import type { Host } from "../host.js";
import { nameError } from "../net/errors.js";
import type { LookupCallback } from "../net/options.js";
import { lookupError } from "./errors.js";
import { Queries } from "./queries.js";

/** Options of a look-up: those that mean something for IPv4. A number is a family. */
export type LookupOptions = number | { family?: number; hints?: number; all?: boolean };

/** What to do when a host has no resolver. */
export const NO_RESOLVER =
  "this host resolves no names: pass the peer's IPv4 address as host, or a lookup function in the options, or boot build/standard.wasm with queries and dnsServers";

/**
 * The `lookup` of a host: looks names up through its core, and calls back later, once. Addresses it hands back as they are.
 * It is what `net`, `http` and `dgram` take as `lookup`.
 */
export function hostLookup(
  host: Host,
): (hostname: string, options: LookupOptions, callback: LookupCallback) => void {
  return (hostname, options, callback) => {
    const { family = 0, all = false } = typeof options === "number" ? { family: options } : options;
    const found = (addresses: readonly string[], kind: number) => {
      if (all)
        callback(
          null,
          addresses.map((address) => ({ address, family: kind })),
        );
      else callback(null, addresses[0], kind);
    };
    const kind = isIP(hostname);
    const queries = Queries.of(host);
    if (kind !== 0) process.nextTick(found, [hostname], kind);
    else if (family === 6) process.nextTick(callback, nameError(hostname, "Ferrule speaks IPv4 only"));
    else if (!queries.areThere) process.nextTick(callback, nameError(hostname, NO_RESOLVER));
    else
      queries.ask(hostname, {
        done: (error, addresses) => (error ? callback(lookupError(error, hostname)) : found(addresses, 4)),
      });
  };
}
