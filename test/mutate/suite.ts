// The checks that a mutant has to survive: every packet script, and every cell of the table of states, one by one.

import type { EngineFactory } from "../../host/engines/engine.js";
import { loadScripts, playScript } from "../script/script.js";
import { cellName, TABLE } from "../table/all.js";
import { playCall, playSegment } from "../table/play.js";
import type { StateKey } from "../table/situations.js";
import type { StateTable } from "../table/table.js";

/** Numbers well inside sequence space. */
const NUMBERS = { peerIsn: 1000000, clock: 0 };

export interface Check {
  readonly name: string;
  /** Throws when the core does not behave. */
  readonly run: (wasm: Uint8Array, engine: EngineFactory) => void;
}

/** All checks of a build, in a fixed order: of another one than the core these are its packet scripts alone. */
export async function loadChecks(build?: "standard"): Promise<Check[]> {
  const checks: Check[] = [];
  for (const [file, scripts] of await loadScripts())
    for (const script of scripts.filter(({ options }) => options.build === build)) {
      // The module is the mutant, and none that stands somewhere.
      const { build: _, ...options } = script.options;
      checks.push({
        name: `${file}: ${script.goal}`,
        run: (wasm, engine) => playScript({ ...script, options }, wasm, engine),
      });
    }
  if (build) return checks;
  for (const [key, { segments, calls }] of Object.entries(TABLE) as [StateKey, StateTable][]) {
    for (const cell of segments)
      checks.push({
        name: `table: ${cellName(key, cell)}`,
        run: (wasm, engine) => playSegment(key, cell, { wasm, engine }, NUMBERS),
      });
    for (const cell of calls)
      checks.push({
        name: `table: ${cellName(key, cell)}`,
        run: (wasm, engine) => playCall(key, cell, { wasm, engine }, NUMBERS),
      });
  }
  return checks;
}
