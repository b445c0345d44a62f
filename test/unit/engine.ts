// The module of the unit tests on the three engines: V8, and the device's with calls of any function (unit.h).

import { instantiateSync } from "@assemblyscript/loader";
import koffi from "koffi";
import { AOT_LIBRARY } from "../../host/engines/aot.js";
import type { EngineName } from "../../host/engines/engines.js";
import { addressOf, Library, LibraryInstance, type LibraryOptions } from "../../host/engines/library.js";
import { WASM3_LIBRARY } from "../../host/engines/wasm3.js";
import { type FunctionType, parseWasm } from "../wasm_module.js";
import { unitLibrary } from "./library.js";

/** As V8 takes them. */
export type Argument = number | bigint | boolean;

/** As V8 gives them: signed; undefined of a function without one. */
export type Result = number | bigint | undefined;

export interface UnitEngine {
  /** What really executes: see Engine. */
  readonly name: string;
  /** Linear memory, whole pages; another array after `grow`. */
  readonly memory: Uint8Array;
  /** Makes linear memory larger by so many pages of 64 KiB. */
  grow(pages: number): void;
  /** Calls an export; undefined when there is none of this name. Its traps are thrown as V8's are. */
  function(name: string): ((...args: Argument[]) => Result) | undefined;
}

const PAGE_BYTES = 65536;

/** As in unit.h. */
const SLOTS = 12;

/** Makes instances of the module on an engine, whose library is built when it must be. */
export async function unitEngine(wasm: Uint8Array, engine: EngineName): Promise<() => UnitEngine> {
  if (engine === "v8") return () => new V8Unit(wasm);
  const functions = functionsOf(wasm);
  const path = await unitLibrary(engine, wasm, functions.types);
  const library = new UnitLibrary(path, wasm, functions, { wasm3: WASM3_LIBRARY, aot: AOT_LIBRARY }[engine]);
  return () => new LibraryUnit(library);
}

class V8Unit implements UnitEngine {
  readonly name = `v8 ${process.versions.v8}`;
  memory: Uint8Array;
  readonly #exports: Record<string, unknown>;

  constructor(wasm: Uint8Array) {
    this.#exports = instantiateSync<Record<string, unknown>>(wasm, {}).exports;
    this.memory = this.#view();
  }

  grow(pages: number): void {
    (this.#exports.memory as { grow(pages: number): number }).grow(pages);
    this.memory = this.#view();
  }

  function(name: string) {
    return this.#exports[name] as ((...args: Argument[]) => Result) | undefined;
  }

  #view(): Uint8Array {
    return new Uint8Array((this.#exports.memory as { buffer: ArrayBuffer }).buffer);
  }
}

interface Functions {
  /** The name by which the device's engines know an export: wasm3 keeps three of a function's at most. */
  readonly names: ReadonlyMap<string, string>;
  /** By such a name. */
  readonly types: ReadonlyMap<string, FunctionType>;
}

function functionsOf(wasm: Uint8Array): Functions {
  const { exports, functions, types } = parseWasm(wasm);
  const firstNames = new Map<number, string>();
  const found = { names: new Map<string, string>(), types: new Map<string, FunctionType>() };
  for (const { name, kind, index } of exports) {
    if (kind !== "function") continue;
    const first = firstNames.get(index) ?? name;
    firstNames.set(index, first);
    found.names.set(name, first);
    const type = types[functions[index] as number] as FunctionType;
    if (type.parameters.length > SLOTS)
      throw new Error(`${name} has more than ${SLOTS} parameters: see unit.h`);
    found.types.set(first, type);
  }
  return found;
}

/** unit_wasm3.c or unit_aot.c. */
class UnitLibrary extends Library {
  readonly find: (arena: number, name: string) => number;
  readonly callAny: (arena: number, handle: number, slots: number) => void;
  readonly wasm: Uint8Array;
  readonly functions: Functions;
  readonly options: LibraryOptions;

  constructor(path: string, wasm: Uint8Array, functions: Functions, options: LibraryOptions) {
    super(path);
    const library = koffi.load(path);
    this.find = library.func("ferrule_unit_find", "uintptr_t", ["uintptr_t", "str"]);
    this.callAny = library.func("ferrule_unit_call", "void", ["uintptr_t", "uintptr_t", "uintptr_t"]);
    this.wasm = wasm;
    this.functions = functions;
    this.options = options;
  }
}

/** Arguments and results of calls; calls do not overlap. */
const slots = new BigInt64Array(SLOTS);
const slotWords = new Int32Array(slots.buffer);
const slotsAt = addressOf(new Uint8Array(slots.buffer));

class LibraryUnit implements UnitEngine {
  readonly #library: UnitLibrary;
  #instance: LibraryInstance;
  /** Of this instance's functions, by the engine's name. */
  readonly #handles = new Map<string, number>();

  constructor(library: UnitLibrary) {
    this.#library = library;
    this.#instance = this.#open(PAGE_BYTES);
  }

  get name(): string {
    return this.#library.name;
  }

  get memory(): Uint8Array {
    return this.#instance.memory;
  }

  /** Linear memory never grows there, and all that an instance knows is in it: a larger one takes over. */
  grow(pages: number): void {
    const { memory } = this.#instance;
    this.#instance = this.#open(memory.length + pages * PAGE_BYTES);
    this.#instance.memory.set(memory);
    this.#handles.clear();
  }

  function(name: string) {
    const known = this.#library.functions.names.get(name);
    const type = known === undefined ? undefined : this.#library.functions.types.get(known);
    if (known === undefined || !type) return undefined;
    const [result] = type.results;
    return (...args: Argument[]): Result => {
      this.#give(type, args);
      const { arena } = this.#instance;
      this.#library.callAny(arena, this.#handle(known), slotsAt);
      this.#instance.check();
      if (result === undefined) return undefined;
      return result === "i64" ? slots[0] : slotWords[0];
    };
  }

  #open(memoryBytes: number): LibraryInstance {
    const { wasm, options } = this.#library;
    return new LibraryInstance(this.#library, wasm, memoryBytes, options);
  }

  #handle(name: string): number {
    let handle = this.#handles.get(name);
    if (handle === undefined) {
      handle = this.#library.find(this.#instance.arena, name);
      this.#instance.check();
      this.#handles.set(name, handle);
    }
    return handle;
  }

  /** Puts arguments into the slots. Typed arrays convert them as V8 does for a call, and throw what it throws. */
  #give({ parameters }: FunctionType, args: readonly Argument[]): void {
    for (const [at, type] of parameters.entries())
      if (type === "i64") slots[at] = args[at] as bigint;
      else slotWords[at * 2] = args[at] as number;
  }
}
