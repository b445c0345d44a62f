// Which of the core's counters are drops, and watching them move.

import { Counter } from "./abi.js";

export type CounterName = Exclude<keyof typeof Counter, "COUNT">;

/** What tells a counter's value: a Core. */
export interface Counting {
  counter(counter: Counter): number;
}

/** Counters of normal traffic, and of what went wrong with whole connections. Each of the others is one of drops. */
const NOT_DROPS: ReadonlySet<keyof typeof Counter> = new Set([
  "FRAMES_IN",
  "FRAMES_OUT",
  "ARP_IGNORED",
  "ARP_REQUESTS",
  "ARP_REPLIES",
  "ARP_FAILED",
  "ARP_EVICTED",
  "ICMP_IGNORED",
  "ICMP_ECHO",
  "TCP_NO_CONNECTION",
  "TCP_SEGMENTS_IN",
  "TCP_SEGMENTS_OUT",
  "TCP_RETRANSMITS",
  "TCP_TIMEOUTS",
  "TCP_PROBES",
  "TCP_OUT_OF_ORDER",
  "TCP_RST_CHALLENGED",
  "TCP_SYN_CHALLENGED",
  "TCP_RESETS_IN",
  "TCP_RESETS_OUT",
  "TCP_ACTIVE_OPENS",
  "TCP_PASSIVE_OPENS",
  "TCP_GIVEN_UP",
  "TCP_TIME_WAIT_EVICTED",
  "TCP_TIME_WAIT_RST",
  "TCP_DATA_AFTER_CLOSE",
  "TCP_UNACCEPTED",
  "TCP_FIN_WAIT_2_EXPIRED",
  "TCP_NO_RECORD",
  "TCP_SYN_EXPIRED",
  "TCP_FAST_RETRANSMITS",
  "TCP_KEEPALIVES",
  "TCP_USER_TIMEOUTS",
  "ICMP_UNREACHABLE",
  "ICMP_ERRORS",
  "ARP_ANNOUNCEMENTS",
  "COUNT",
]);

/** Names of the counters that say that something was dropped. */
export const DROP_NAMES = (Object.keys(Counter) as (keyof typeof Counter)[]).filter(
  (name) => !NOT_DROPS.has(name),
);

/** The counters that say that something was dropped. */
export const DROPS: readonly Counter[] = DROP_NAMES.map((name) => Counter[name]);

/** Tells which drop counters moved between two moments. */
export class DropWatch {
  readonly #before = new Uint32Array(DROPS.length);

  constructor(readonly counting: Counting) {
    this.mark();
  }

  /** From here on. */
  mark(): void {
    for (let index = 0; index < DROPS.length; index++)
      this.#before[index] = this.counting.counter(DROPS[index] as Counter);
  }

  /** The names of those that moved since `mark`. */
  moved(): string[] {
    let names: string[] | undefined;
    for (let index = 0; index < DROPS.length; index++) {
      if (this.counting.counter(DROPS[index] as Counter) === this.#before[index]) continue;
      names ??= [];
      names.push(DROP_NAMES[index] as string);
    }
    return names ?? NONE;
  }
}

const NONE: string[] = [];
