// What a story is: hosts on a stage, and what they do.

import type { CoreConfig } from "../core.js";
import type { Host, Passage, Stage } from "./stage.js";

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

export interface Outcome {
  /** Whose states stand beside the frames, left and right. */
  readonly ends: readonly [Host, Host];
  /** Whether a frame is too much for the table; default none is. */
  isLeftOut?(passage: Passage): boolean;
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
