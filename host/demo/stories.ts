// The stories, by the names that the command knows them by.

import { abort } from "./stories/abort.js";
import { close } from "./stories/close.js";
import { halfClose } from "./stories/half_close.js";
import { handshake } from "./stories/handshake.js";
import { loss } from "./stories/loss.js";
import { simultaneous } from "./stories/simultaneous.js";
import { synFlood } from "./stories/syn_flood.js";
import type { Story } from "./story.js";

export const STORIES: Readonly<Record<string, Story>> = {
  handshake,
  close,
  abort,
  simultaneous,
  "half-close": halfClose,
  "syn-flood": synFlood,
  loss,
};
