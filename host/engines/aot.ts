// The core as C, translated ahead of time by wasm2c.

import type { Engine, EngineFactory } from "./engine.js";
import { type LibraryOptions, OtherModule, openLibrary } from "./library.js";

/** The record of an instance, with the registers that a trap goes back to. */
const INSTANCE_BYTES = 4096;

/** How its libraries are opened. */
export const AOT_LIBRARY: LibraryOptions = { arenaBytes: () => INSTANCE_BYTES, isTranslated: true };

/** A library for each build of the core. */
const NAMES = ["aot", "aot_standard"] as const;

const factories = new Map<string, EngineFactory>();

/**
 * Makes an instance. Linear memory has exactly `memoryBytes` bytes (0: one page). Throws when the library is missing,
 * or when none was made of the module `wasm`.
 */
export function createAotEngine(wasm: Uint8Array, memoryBytes: number): Engine {
  const [core, standard] = NAMES;
  try {
    return factoryOf(core)(wasm, memoryBytes);
  } catch (error) {
    if (!(error instanceof OtherModule)) throw error;
    return factoryOf(standard)(wasm, memoryBytes);
  }
}

function factoryOf(name: (typeof NAMES)[number]): EngineFactory {
  const factory = factories.get(name) ?? openLibrary(name, AOT_LIBRARY);
  factories.set(name, factory);
  return factory;
}
