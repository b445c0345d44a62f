// Shows connections come and go: a line each, and a line a second when there are too many for that.

import type { Clock, Timer } from "./clock.js";
import type { Passage, PassageSource } from "./passages.js";

/** Lines that are shown in a second before the rest is only counted. */
const LINES_PER_SECOND = 10;

const SECOND_MS = 1000;

export class ConnectionLog {
  readonly #source: PassageSource;
  readonly #clock: Clock;
  readonly #print: (line: string) => void;
  #lines = 0;
  #opened = 0;
  #closed = 0;
  #timer: Timer | undefined;

  /** Listens to `source` and gives `print` a line now and then. */
  constructor(source: PassageSource, clock: Clock, print: (line: string) => void) {
    this.#source = source;
    this.#clock = clock;
    this.#print = print;
    source.on("open", this.#onOpen);
    source.on("close", this.#onClose);
  }

  /** Shows what was only counted so far, and stops. */
  stop(): void {
    this.#source.off("open", this.#onOpen);
    this.#source.off("close", this.#onClose);
    this.#timer?.cancel();
    this.#flush();
  }

  readonly #onOpen = ({ number, service, client }: Passage): void => {
    if (this.#mayPrint()) this.#print(`+ #${number} ${service} from ${client}`);
    else this.#opened++;
  };

  readonly #onClose = ({ number, service, since, toDevice, fromDevice, failure }: Passage): void => {
    if (!this.#mayPrint()) {
      this.#closed++;
      return;
    }
    const seconds = ((this.#clock.now() - since) / SECOND_MS).toFixed(1);
    const how = failure ? `, ${failure}` : "";
    this.#print(
      `- #${number} ${service} ${formatBytes(toDevice)} in, ${formatBytes(fromDevice)} out, ${seconds} s${how}`,
    );
  };

  #mayPrint(): boolean {
    this.#timer ??= this.#clock.after(SECOND_MS, () => this.#flush());
    this.#lines++;
    return this.#lines <= LINES_PER_SECOND;
  }

  #flush(): void {
    if (this.#opened + this.#closed > 0)
      this.#print(`  and ${this.#opened} opened, ${this.#closed} closed; ${this.#source.open} open now`);
    this.#timer = undefined;
    this.#lines = 0;
    this.#opened = 0;
    this.#closed = 0;
  }
}

/** "1.5 MB": of 1000 and 1000000. */
export function formatBytes(bytes: number): string {
  for (const [unit, size] of [
    ["GB", 1e9],
    ["MB", 1e6],
    ["KB", 1e3],
  ] as const)
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`;
  return `${bytes} B`;
}
