// What --impair, --pcap and --record put between a host and its core and link.

import { Advice } from "../advice.js";
import type { Clock } from "../clock.js";
import type { Core } from "../core.js";
import type { Link } from "../link/link.js";
import type { DeviceServiceOptions, HostName } from "../serve.js";
import { type Impairment, impairLink, parseImpairment } from "../sim/impaired.js";
import { UsageError } from "./command.js";

export const OBSERVER_OPTIONS = {
  impair: { type: "string" },
  pcap: { type: "string" },
  record: { type: "string" },
} as const;

export const OBSERVER_HELP = `  --impair SPEC          a bad network before the device, as in loss=2%,delay=20ms,jitter=5ms,
                         reorder=5%,duplicate=1%,corrupt=1%,direction=in,seed=7
  --pcap FILE            capture all frames (pcapng: for Wireshark, tshark); dropped ones have a comment
  --record FILE          record all that goes in and out of the cores, for ferrule replay.
                         The file holds the device's secret: read docs/recording.md`;

type Values = Partial<Record<keyof typeof OBSERVER_OPTIONS, string>>;

/** Observers of one run; made before the hosts, closed after them. */
export class Observers {
  readonly #impairment: Impairment | undefined;

  /** Opens the files. Throws Advice when an option cannot be understood or a file not be written. */
  constructor(
    values: Values,
    readonly clock: Clock,
  ) {
    this.#impairment = values.impair === undefined ? undefined : readImpairment(values.impair);
  }

  /** For a service: see DeviceServiceOptions. */
  get hooks(): Pick<DeviceServiceOptions, "wrapLink" | "engineFor"> {
    return { wrapLink: (link, name, core) => this.#wrapLink(link, name, core) };
  }

  /** The link that the host `name` uses in place of `link`; only the device has a bad network before it. */
  #wrapLink(link: Link, name: HostName, _core: Core): Link {
    if (!this.#impairment || name !== "device") return link;
    return impairLink(link, this.clock, this.#impairment).link;
  }

  /** Ends the files. */
  close(): void {}
}

function readImpairment(text: string): Impairment {
  try {
    return parseImpairment(text);
  } catch (error) {
    if (error instanceof Advice) throw new UsageError(error.message);
    throw error;
  }
}
