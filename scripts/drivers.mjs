// Builds the drivers of Ethernet chips as a shared library for Node, for tests against models of the chips:
// `node scripts/drivers.mjs`. It is the very C that a firmware has, and stops the process where that has undefined behaviour.

import { join, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { linkLibrary } from "./engines.mjs";
import { ownSources } from "./runtime_sources.mjs";
import { step } from "./steps.mjs";
import { root } from "./support.mjs";

/** The library, as a path in the project. */
export const DRIVERS_LIBRARY = "build/drivers/libferrule_drivers.so";

const FILES = ["boards/drivers/w5500.c", "boards/drivers/enc28j60.c", "test/drivers/library.c"];

const OPTIONS = ["-O1", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"];

/** Builds the library unless it is fresh. Returns what went wrong, in words. */
export function buildDrivers() {
  let problem = "";
  step({
    name: "drivers",
    says: `compiling the drivers to ${DRIVERS_LIBRARY}`,
    inputs: [
      "boards/drivers",
      "test/drivers/library.c",
      "scripts/drivers.mjs",
      "scripts/runtime_sources.mjs",
    ],
    outputs: [DRIVERS_LIBRARY],
    work() {
      const sources = ownSources(FILES, [], OPTIONS);
      problem = linkLibrary(sources, join(root, "build/drivers/objects"), join(root, DRIVERS_LIBRARY));
      return problem === "";
    },
  });
  return problem;
}

if (resolve(argv[1] ?? "") === fileURLToPath(import.meta.url)) {
  const problem = buildDrivers();
  if (problem) {
    console.error(`setup: ${problem}`);
    process.exitCode = 1;
  }
}
