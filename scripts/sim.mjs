// `npm run sim`: the simulator on the core and the host as they were built.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readLayout } from "./sim_layout.mjs";
import { root } from "./support.mjs";

const { simulate } = await import("../build/host/sim/command.js");
process.exitCode = simulate(process.argv.slice(2), {
  wasm: readFileSync(join(root, "build/core.wasm")),
  layout: await readLayout(),
  seedFolder: "test/sim/seeds",
  recordingFolder: "build/recordings",
});
