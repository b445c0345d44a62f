// The core on wasm3, the interpreter of the device.

import type { Engine, EngineFactory } from "./engine.js";
import { type LibraryOptions, openLibrary } from "./library.js";

/**
 * wasm3's own heap: on a 64-bit machine about ten bytes for each byte of a module that is compiled as a whole, and what
 * does not depend on it.
 */
const HEAP_BYTES_PER_BYTE = 14;
const HEAP_BYTES_LEAST = 65536;

/** How its libraries are opened. */
export const WASM3_LIBRARY: LibraryOptions = {
  arenaBytes: (moduleBytes) => HEAP_BYTES_LEAST + HEAP_BYTES_PER_BYTE * moduleBytes,
  compileOnUse: true,
};

let factory: EngineFactory | undefined;

/**
 * Makes an instance whose functions are compiled when they are called for the first time. Linear memory has exactly
 * `memoryBytes` bytes (0: one page). Throws when the library is missing, or when the module cannot be executed.
 */
export function createWasm3Engine(wasm: Uint8Array, memoryBytes: number): Engine {
  factory ??= openLibrary("wasm3", WASM3_LIBRARY);
  return factory(wasm, memoryBytes);
}
