// The core on V8, the engine of Node itself.

import { instantiateSync } from "@assemblyscript/loader";
import type { CoreExports } from "../abi.js";
import type { Engine } from "./engine.js";

const PAGE_BYTES = 65536;

interface LinearMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/**
 * Compiles and instantiates `wasm`, and grows its memory once to hold `memoryBytes` bytes (whole pages: V8 has no
 * finer limit). Throws when the module is not valid or wants imports.
 */
export function createV8Engine(wasm: Uint8Array, memoryBytes: number): Engine {
  const { exports } = instantiateSync<Record<string, unknown>>(wasm, {});
  const memory = exports.memory as LinearMemory;
  const missing = memoryBytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
  return {
    name: `v8 ${process.versions.v8}`,
    exports: exports as unknown as CoreExports,
    memory: new Uint8Array(memory.buffer),
  };
}
