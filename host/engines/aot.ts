// The core as C, translated ahead of time by wasm2c.

import type { Engine, EngineFactory } from "./engine.js";
import { type LibraryOptions, openLibrary } from "./library.js";

/** The record of an instance, with the registers that a trap goes back to. */
const INSTANCE_BYTES = 4096;

/** How its libraries are opened. */
export const AOT_LIBRARY: LibraryOptions = { arenaBytes: () => INSTANCE_BYTES, isTranslated: true };

let factory: EngineFactory | undefined;

/**
 * Makes an instance. Linear memory has exactly `memoryBytes` bytes (0: one page). Throws when the library is missing,
 * or was made of another module than `wasm`.
 */
export function createAotEngine(wasm: Uint8Array, memoryBytes: number): Engine {
  factory ??= openLibrary("aot", AOT_LIBRARY);
  return factory(wasm, memoryBytes);
}
