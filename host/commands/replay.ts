// `ferrule replay`: repeats a recording on the cores as they were built.

import { REPLAY_HELP, replay as replayFile } from "../record/command.js";
import { type Command, readModule } from "./command.js";
import { chosenEngine } from "./engine_option.js";

export const replay: Command = {
  summary: "repeats a recording, bit for bit, and names a difference",
  help: REPLAY_HELP,
  run: (args) =>
    replayFile(args, { modules: () => [readModule(), readModule("standard")], engine: chosenEngine }),
};
