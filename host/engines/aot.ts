// The core as C, translated ahead of time by wasm2c.

import type { Engine, EngineFactory } from "./engine.js";
import { type LibraryName, type LibraryOptions, OtherModule, openLibrary } from "./library.js";

/** The record of an instance, with the registers that a trap goes back to. */
const INSTANCE_BYTES = 4096;

/** How its libraries are opened. */
export const AOT_LIBRARY: LibraryOptions = { arenaBytes: () => INSTANCE_BYTES, isTranslated: true };

/** A library for each build of the core: scripts/engines.mjs. */
const CORE: LibraryName = "aot";
const STANDARD: LibraryName = "aot_standard";

const factories = new Map<LibraryName, EngineFactory>();

/**
 * Makes an instance. Linear memory has exactly `memoryBytes` bytes (0: one page). Throws when the libraries are missing,
 * or were made of other modules than `wasm`.
 */
export function createAotEngine(wasm: Uint8Array, memoryBytes: number): Engine {
  try {
    return factoryOf(CORE)(wasm, memoryBytes);
  } catch (error) {
    if (!(error instanceof OtherModule)) throw error;
    return factoryOf(STANDARD)(wasm, memoryBytes);
  }
}

function factoryOf(name: LibraryName): EngineFactory {
  const known = factories.get(name);
  if (known) return known;
  const factory = openLibrary(name, AOT_LIBRARY);
  factories.set(name, factory);
  return factory;
}
