// Names over a core in the shape of Node's `dns.Resolver`. How to use it is in docs/node.md. It needs the standard build of
// the core with `queries`, and `dnsServers` or a DHCP client (host/dhcp.ts).
//
// Differences from `dns`: A records only, at most four of a name; the core's cache is asked first; `resolve4` returns a
// promise when it gets no callback; servers are those of the configuration and of DHCP.

import { resolveError } from "./dns/errors.js";
import { hostLookup, type LookupOptions } from "./dns/lookup.js";
import { type Lookup, Queries } from "./dns/queries.js";
import type { Host } from "./host.js";
import { checkFunction, codedError, refuseType } from "./net/errors.js";
import type { LookupCallback } from "./net/options.js";

export type { LookupOptions } from "./dns/lookup.js";

/** Told the addresses of a name, or why there are none. */
export type ResolveCallback = (error: Error | null, addresses?: string[]) => void;

/** Looks up names through the core of one host. */
export class Resolver {
  readonly #host: Host;
  readonly #underWay = new Map<Lookup, () => void>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** The IPv4 addresses of `hostname`. */
  resolve4(hostname: string): Promise<string[]>;
  resolve4(hostname: string, callback: ResolveCallback): void;
  resolve4(hostname: string, callback?: ResolveCallback): Promise<string[]> | undefined {
    if (typeof hostname !== "string") refuseType("name", "of type string", hostname);
    if (callback === undefined)
      return new Promise((resolve, reject) =>
        this.#ask(hostname, (error, addresses = []) => (error ? reject(error) : resolve(addresses))),
      );
    checkFunction("callback", callback);
    this.#ask(hostname, callback);
    return undefined;
  }

  /** As dns.lookup, for whatever takes a `lookup` function: it may be passed on as it stands. */
  readonly lookup = (
    hostname: string,
    options: LookupOptions | LookupCallback,
    callback?: LookupCallback,
  ): void => {
    const done = typeof options === "function" ? options : callback;
    checkFunction("callback", done);
    hostLookup(this.#host)(hostname, typeof options === "function" ? {} : options, done as LookupCallback);
  };

  /** Gives up all that `resolve4` has under way: it ends with ECANCELLED. */
  cancel(): void {
    for (const cancel of [...this.#underWay.values()]) cancel();
  }

  #ask(hostname: string, callback: ResolveCallback): void {
    const queries = Queries.of(this.#host);
    if (!queries.areThere)
      throw codedError(
        "ENOTIMP",
        "the core has no queries: boot build/standard.wasm with queries in its configuration",
      );
    const lookup = queries.ask(hostname, {
      done: (error, addresses) => {
        this.#underWay.delete(lookup);
        if (error) callback(resolveError(error, hostname));
        else callback(null, [...addresses]);
      },
    });
    this.#underWay.set(lookup, () => {
      this.#underWay.delete(lookup);
      lookup.close();
      const error = { code: "ECANCELLED", syscall: "queryA", hostname };
      process.nextTick(callback, Object.assign(new Error(`queryA ECANCELLED ${hostname}`), error));
    });
  }
}
