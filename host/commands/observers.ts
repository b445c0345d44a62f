// What --impair, --pcap and --record put between a host and its core and link.

import { resolve } from "node:path";
import { Advice } from "../advice.js";
import type { Clock } from "../clock.js";
import type { Core } from "../core.js";
import type { EngineFactory } from "../engines/engine.js";
import { createV8Engine } from "../engines/v8.js";
import { type CaptureFile, openCapture } from "../link/capture.js";
import type { Link } from "../link/link.js";
import { openRecording, type RecordingFile } from "../record/file.js";
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
  --record FILE          record all that goes in and out of the core, for ferrule replay.
                         The file holds the device's secret: read docs/recording.md`;

type Values = Partial<Record<keyof typeof OBSERVER_OPTIONS, string>>;

/**
 * Observers of one run; made before the hosts, closed after them. They look at the device alone: with the gateway's view
 * of the same frames in one file, every segment would look like one that was sent twice.
 */
export class Observers {
  readonly #clock: Clock;
  readonly #impairment: Impairment | undefined;
  readonly #capture: CaptureFile | undefined;
  readonly #recording: RecordingFile | undefined;
  readonly #engine: EngineFactory;
  /** What ends bad networks. */
  readonly #stops: (() => void)[] = [];

  /**
   * `engine`: the device's. Opens the files. Throws UsageError when an option cannot be understood, Advice when a file
   * cannot be written.
   */
  constructor({ impair, pcap, record }: Values, clock: Clock, engine: EngineFactory) {
    if (pcap !== undefined && record !== undefined && resolve(pcap) === resolve(record))
      throw new UsageError(`--pcap and --record cannot both write to ${pcap}: give two files`);
    this.#clock = clock;
    this.#engine = engine;
    this.#impairment = impair === undefined ? undefined : readImpairment(impair);
    this.#capture = pcap === undefined ? undefined : open("--pcap", pcap, openCapture, clock);
    this.#recording = record === undefined ? undefined : open("--record", record, openRecording, clock);
  }

  /** For a board, whose core nobody sees: what it receives has no verdict. */
  wrapBoardLink(link: Link, name: string): Link {
    return this.#wrapLink(link, name);
  }

  /** For a service: see DeviceServiceOptions. */
  get hooks(): Required<Pick<DeviceServiceOptions, "wrapLink" | "engineFor">> {
    const recorder = this.#recording?.recorder;
    return {
      wrapLink: (link, name, core) => (name === "device" ? this.#wrapLink(link, name, core) : link),
      engineFor: (name: HostName) => {
        if (name !== "device") return createV8Engine;
        return recorder ? recorder.engine(this.#engine, { name }) : this.#engine;
      },
    };
  }

  /** Ends the files, and bad networks. The hosts are closed by then. */
  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#capture?.close();
    this.#recording?.close();
  }

  /** A capture shows what came through the bad network. */
  #wrapLink(link: Link, name: string, core?: Core): Link {
    const impaired = this.#impairment ? this.#impair(link, this.#impairment) : link;
    return this.#capture?.capture(impaired, { name, ...(core && { core }) }) ?? impaired;
  }

  #impair(link: Link, impairment: Impairment): Link {
    const { link: impaired, stop } = impairLink(link, this.#clock, impairment);
    this.#stops.push(stop);
    return impaired;
  }
}

/** Opens a file. One that can be written to no longer, a full disk say, ends the file and nothing else. */
function open<T>(
  option: string,
  path: string,
  opener: (path: string, clock: Clock, onError: (error: Error) => void) => T,
  clock: Clock,
): T {
  try {
    return opener(path, clock, ({ message }) =>
      console.error(`ferrule: ${option} ends: ${message}. Everything else goes on.`),
    );
  } catch (error) {
    throw new Advice(`${option}: ${(error as Error).message}`);
  }
}

function readImpairment(text: string): Impairment {
  try {
    return parseImpairment(text);
  } catch (error) {
    if (error instanceof Advice) throw new UsageError(error.message);
    throw error;
  }
}
