// Engines for many runs: each host's core is compiled once, and `init` gives it a new life.

import type { Engine, EngineFactory } from "../engines/engine.js";
import { createV8Engine } from "../engines/v8.js";
import type { Layout } from "./layout.js";
import type { Setting } from "./world.js";

/** Linear memory of a host in bytes: enough for the largest configuration that a scenario draws. */
const MEMORY_BYTES = 12 * 2 * 131_072 + 131_072;

/** A setting for any number of runs of the module `wasm` on an engine; its records lie as `layout` says. */
export function createSetting(
  wasm: Uint8Array,
  layout: Layout,
  factory: EngineFactory = createV8Engine,
): Setting {
  const made: { readonly engine: Engine; readonly image: Uint8Array }[] = [];
  return {
    layout,
    wasm,
    engines(host) {
      while (made.length <= host) {
        const engine = factory(wasm, MEMORY_BYTES);
        made.push({ engine, image: engine.memory.slice(0, engine.exports.base()) });
      }
      const { engine, image } = made[host] as (typeof made)[number];
      // What a run leaves behind must not reach the next one.
      engine.memory.set(image);
      return engine;
    },
  };
}
