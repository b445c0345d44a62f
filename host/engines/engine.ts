// What an engine offers: the module's exports and its linear memory. An engine makes no protocol decision.

import type { CoreExports } from "../abi.js";

export interface Engine {
  /** Which engine really executes, for example "v8 12.4"; tests assert it. */
  readonly name: string;
  readonly exports: CoreExports;
  /** Linear memory. It never moves or grows after the engine was made. */
  readonly memory: Uint8Array;
}

/** Makes an instance of the module `wasm` with at least `memoryBytes` bytes of linear memory. */
export type EngineFactory = (wasm: Uint8Array, memoryBytes: number) => Engine;
