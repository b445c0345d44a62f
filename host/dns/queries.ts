// The look-ups of one host: they take turns in the queries that the core has.

import { SocketKind } from "../abi.js";
import type { Host } from "../host.js";

/** Whoever asks for the addresses of a name. */
export interface Asker {
  /** The core looks it up with the query of this handle, which stays open until `Lookup.close`. */
  begun?(query: number): void;
  /** It is over, never before `ask` has returned: addresses, or a CoreError. Not called after `Lookup.close`. */
  done(error: Error | null, addresses: readonly string[]): void;
}

/** All look-ups of a host. */
export class Queries {
  readonly #host: Host;
  readonly #waiting: Lookup[] = [];
  #open = 0;

  private constructor(host: Host) {
    this.#host = host;
  }

  /** Those of `host`: there is one for each. */
  static of(host: Host): Queries {
    let queries = ALL.get(host);
    if (!queries) {
      queries = new Queries(host);
      ALL.set(host, queries);
    }
    return queries;
  }

  /** Whether the host's core can look up names: a standard build, with queries in its configuration. */
  get areThere(): boolean {
    return this.#host.core.isStandard && this.#host.core.config.queries > 0;
  }

  /** Looks up `name`. When as many are under way as the core has queries, it waits for one to end. */
  ask(name: string, asker: Asker): Lookup {
    const lookup = new Lookup(this, this.#host, name, asker);
    this.#waiting.push(lookup);
    this.next();
    return lookup;
  }

  /** Begins what waits, as far as there are queries. */
  next(): void {
    while (this.#open < this.#host.core.config.queries) {
      const lookup = this.#waiting.shift();
      if (!lookup) return;
      this.#open++;
      lookup.begin();
    }
  }

  /** A look-up has ended, or does not want to begin any more. */
  ended(lookup: Lookup): void {
    const place = this.#waiting.indexOf(lookup);
    if (place >= 0) this.#waiting.splice(place, 1);
    else this.#open--;
    this.next();
  }
}

const ALL = new WeakMap<Host, Queries>();

/** One look-up. */
export class Lookup {
  readonly #queries: Queries;
  readonly #host: Host;
  readonly #name: string;
  readonly #asker: Asker;
  #query = 0;
  #isClosed = false;

  constructor(queries: Queries, host: Host, name: string, asker: Asker) {
    this.#queries = queries;
    this.#host = host;
    this.#name = name;
    this.#asker = asker;
  }

  /** Gives the query back; what is under way is given up. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#query !== 0) {
      this.#host.unwatch(this.#query);
      this.#host.core.close(this.#query);
      this.#host.kick();
    }
    this.#queries.ended(this);
  }

  /** Queries call it when it is its turn. */
  begin(): void {
    const { core } = this.#host;
    try {
      this.#query = core.open(SocketKind.QUERY);
      core.resolve(this.#query, this.#name);
      this.#asker.begun?.(this.#query);
    } catch (error) {
      process.nextTick(() => this.#finish(error as Error, []));
      return;
    }
    this.#host.watch(this.#query, () => this.#look());
    this.#host.kick();
  }

  #look(): void {
    let addresses: string[] | undefined;
    try {
      addresses = this.#host.core.addresses(this.#query);
    } catch (error) {
      this.#finish(error as Error, []);
      return;
    }
    if (addresses) this.#finish(null, addresses);
  }

  #finish(error: Error | null, addresses: readonly string[]): void {
    if (this.#isClosed) return;
    if (!this.#asker.begun) this.close();
    this.#asker.done(error, addresses);
  }
}
