// A microcontroller that runs a firmware image: one interface for all emulators.

import type { Clock } from "../clock.js";
import type { Link } from "../link/link.js";

/** What the board's cable leads to. */
export type BoardNetwork =
  /** A link of the host, in memory or TAP, seen from the board: the board takes what arrives there. */
  | { readonly kind: "link"; readonly link: Link }
  /** A TAP interface of this name that is there already, without this process in between. */
  | { readonly kind: "tap"; readonly name: string }
  /** The emulator's own user-mode network, with ports of the board on this machine's loopback. */
  | {
      readonly kind: "slirp";
      /** The board may reach what this machine reaches, its DNS servers included; default false: nothing. */
      readonly reachesOut?: boolean;
      readonly forwards: readonly { address: string; port: number; boardPort: number }[];
    };

export interface BoardOptions {
  /** Path of the firmware image. */
  readonly image: string;
  readonly network: BoardNetwork;
  /**
   * "real": the board's clock keeps to the wall's as far as this machine can. "virtual": it goes as executed instructions
   * and sleep demand; where the emulator is in this process, nothing moves but by `clock`, and runs repeat exactly.
   */
  readonly time: "real" | "virtual";
  /** Whether the cable is plugged in when the board starts; default true. */
  readonly cable?: boolean;
  /** Hears what the firmware writes to its console, in pieces. */
  readonly onConsole?: (text: string) => void;
}

/** How a board ended. */
export interface BoardExit {
  /** What the firmware gave when it ended by itself; null when it was stopped or failed. */
  readonly status: number | null;
  /** What happened, in words: "stopped", "the firmware ended", "fault at ...". */
  readonly reason: string;
}

/** A board that runs. */
export interface EmulatedBoard {
  /** The board's time in milliseconds; with "real" time about the wall's. */
  readonly clock: Clock;
  /** Resolves when the board has ended, for whatever reason. */
  readonly ended: Promise<BoardExit>;
  /** Instructions executed so far, undefined where the emulator does not count. */
  instructions(): number | undefined;
  /** Nanoseconds of the board's time during which its processor did not sleep, undefined where nobody knows. */
  awakeNs(): number | undefined;
  /** Plugs the cable in or out. */
  setCable(plugged: boolean): Promise<void>;
  /** Ends it; at most a few seconds. Idempotent. */
  stop(): Promise<BoardExit>;
}
