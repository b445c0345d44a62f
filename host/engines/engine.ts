// What an engine offers: the module's exports and its linear memory. An engine makes no protocol decision.

import type { CoreExports } from "../abi.js";

export interface Engine {
  /** Which engine really executes, for example "v8 12.4"; tests assert it. */
  readonly name: string;
  readonly exports: CoreExports;
  /** Linear memory. It never moves or grows after the engine was made. */
  readonly memory: Uint8Array;
  /**
   * A host that changes memory otherwise than for the call that follows says so, after it did: a recorder wants to know.
   * (For a call are: records that it is given the address of, the frame in the input slot, data in a reserved run.)
   */
  wrote?(address: number, length: number): void;
}

/** Makes an instance of the module `wasm` with at least `memoryBytes` bytes of linear memory. */
export type EngineFactory = (wasm: Uint8Array, memoryBytes: number) => Engine;
