// What a run of seeds has exercised: counters of the cores and things that only the simulator sees.

import { Counter } from "../abi.js";
import type { NetworkStatistics } from "./network.js";

/** How often something happened, by name. */
export class Statistics {
  readonly counts = new Map<string, number>();

  /** Adds to the count of `name`. */
  add(name: string, times = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + times);
  }

  get(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  /** Adds all of another run. */
  merge(other: Statistics): void {
    for (const [name, times] of other.counts) this.add(name, times);
  }

  /** Adds the counters of a core. */
  addCounters(read: (counter: Counter) => number): void {
    for (const [name, counter] of Object.entries(Counter))
      if (name !== "COUNT") this.add(name, read(counter));
  }

  addNetwork(network: NetworkStatistics): void {
    for (const [name, times] of Object.entries(network)) this.add(`frames ${name}`, times);
  }

  /** A line for each name, in the order of names. */
  table(): string {
    const lines = [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return lines.map(([name, times]) => `${String(times).padStart(10)}  ${name}`).join("\n");
  }
}
