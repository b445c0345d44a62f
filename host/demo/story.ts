// What a story is: hosts on a stage, and what they do.

import type { CoreConfig } from "../core.js";
import type { Host, Stage } from "./stage.js";
import type { View } from "./table.js";

export interface Story {
  /** What it shows, in a line. */
  readonly summary: string;
  /** What to look at, in lines. */
  readonly about: string;
  /** The build of the core that it takes; default "core". */
  readonly module?: "standard";
  /** Plays it, from the first frame to the last. */
  play(stage: Stage): Outcome;
}

export interface Outcome extends View {
  readonly ends: readonly [Host, Host];
  /** What came of it. */
  readonly result: string;
}

/** The port that servers listen on. */
export const PORT = 4000;

/** Enough time for frames to come and go, and for a delayed ACK, in milliseconds. */
export const MOMENT = 100;

/** Adds the two hosts that most stories are of. */
export function addPair(stage: Stage, config: Partial<CoreConfig> = {}): { client: Host; server: Host } {
  return { client: stage.host("client", 2, config), server: stage.host("server", 1, config) };
}
