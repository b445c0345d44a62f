// A thread that runs checks on mutants. Its parent ends it when a check does not come to an end.

import { parentPort, workerData } from "node:worker_threads";
import { instantiateSync } from "@assemblyscript/loader";
import type { CoreExports } from "../../host/abi.js";
import type { Engine, EngineFactory } from "../../host/engines/engine.js";
import { SELECTOR_ADDRESS } from "./build.js";
import { type Check, loadChecks } from "./suite.js";

/** What the parent says at the start. */
export interface WorkerData {
  readonly wasm: Uint8Array;
  /** Whether the module tells which mutants are reached. */
  readonly covers: boolean;
  /** The build that the module is of, when that is not the core. */
  readonly build?: "standard";
  /** Moves with each check. */
  readonly progress: SharedArrayBuffer;
}

/** Run these checks on a mutant until one fails; `all`: do not stop there. */
export interface Order {
  readonly mutant: number;
  readonly checks: readonly number[];
  readonly all?: boolean;
}

/** What one check did. */
export interface Result {
  readonly check: number;
  readonly ms: number;
  /** Why it failed; undefined when it passed. */
  readonly failure?: string;
  /** Mutants that were reached. */
  readonly reached: readonly number[];
}

const PAGE_BYTES = 65536;

type Source = Parameters<typeof instantiateSync>[0];
interface WasmNamespace {
  readonly Module: new (octets: Uint8Array) => Source;
}

const { wasm, covers, build, progress } = workerData as WorkerData;
// Compiled once: a script makes many instances, and compiling takes longer than most scripts.
const { WebAssembly } = globalThis as unknown as { WebAssembly: WasmNamespace };
const module = new WebAssembly.Module(wasm);
const ticks = new Int32Array(progress);
const checks = await loadChecks(build);
let reached = new Set<number>();
parentPort?.postMessage({ names: checks.map(({ name }) => name) });
parentPort?.on("message", (order: Order) => parentPort?.postMessage({ results: work(order) }));

function work({ mutant, checks: chosen, all }: Order): Result[] {
  const results: Result[] = [];
  for (const check of chosen) {
    const result = runOne(check, checks[check] as Check, mutant);
    results.push(result);
    if (result.failure !== undefined && !all) break;
  }
  return results;
}

function runOne(check: number, { run }: Check, mutant: number): Result {
  Atomics.add(ticks, 0, 1);
  reached = new Set();
  const start = performance.now();
  let failure: string | undefined;
  try {
    run(wasm, engineOf(mutant));
  } catch (error) {
    failure = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  const ms = performance.now() - start;
  return { check, ms, ...(failure === undefined ? {} : { failure }), reached: [...reached] };
}

/** Engines whose core is this mutant. */
function engineOf(mutant: number): EngineFactory {
  const imports = covers ? { mutate: { reached: (id: number) => reached.add(id) } } : {};
  return (_wasm, memoryBytes): Engine => {
    const { exports } = instantiateSync<Record<string, unknown>>(module, imports);
    const memory = exports.memory as { readonly buffer: ArrayBuffer; grow(pages: number): number };
    const missing = memoryBytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    new DataView(memory.buffer).setUint32(SELECTOR_ADDRESS, mutant, true);
    return {
      name: "v8",
      exports: exports as unknown as CoreExports,
      memory: new Uint8Array(memory.buffer),
    };
  };
}
