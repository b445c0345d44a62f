// The checks that a mutant has to survive: every packet script, one by one.

import type { EngineFactory } from "../../host/engines/engine.js";
import { loadScripts, playScript } from "../script/script.js";

export interface Check {
  readonly name: string;
  /** Throws when the core does not behave. */
  readonly run: (wasm: Uint8Array, engine: EngineFactory) => void;
}

/** All checks, in a fixed order. */
export async function loadChecks(): Promise<Check[]> {
  const checks: Check[] = [];
  for (const [file, scripts] of await loadScripts())
    for (const script of scripts) {
      if (script.missing !== undefined) continue;
      checks.push({
        name: `${file}: ${script.goal}`,
        run: (wasm, engine) => playScript(script, wasm, engine),
      });
    }
  return checks;
}
