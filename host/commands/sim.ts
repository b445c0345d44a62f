// `ferrule sim`: the simulator on the core as it was built.

import { SIM_HELP, simulate } from "../sim/command.js";
import { type Command, readLayout, readModule } from "./command.js";

/** Where the command keeps seeds that fail, for `npm test` to run again. Relative to the working directory. */
const SEED_FOLDER = "test/sim/seeds";

/** Where it leaves recordings of them. */
const RECORDING_FOLDER = "build/recordings";

export const sim: Command = {
  summary: "hosts on a bad network in virtual time, by seed",
  help: SIM_HELP,
  async run(args) {
    return simulate(args, {
      wasm: readModule(),
      layout: readLayout(),
      seedFolder: SEED_FOLDER,
      recordingFolder: RECORDING_FOLDER,
    });
  },
};
