// The engines of the device in Node: boards/runtime as a shared library (scripts/engines.mjs), loaded through koffi.
//
// An instance lives in an ArrayBuffer, its arena: C works in it, JavaScript sees linear memory in it in place, and it
// goes when nobody holds it any more. There is nothing to close.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import koffi from "koffi";
import { type CoreExports, EXPORT_ARITY } from "../abi.js";
import { Advice } from "../advice.js";
import type { Engine, EngineFactory } from "./engine.js";

/** Engines that are libraries. */
export type LibraryName = "wasm3" | "aot";

/** Linear memory when no size is asked for: what the module declares. */
const PAGE_BYTES = 65536;

/** Words at the beginning of an arena: boards/runtime/library.c. */
const Word = { STATUS: 0, MEMORY_AT: 1, MEMORY_BYTES: 2 } as const;

/** `enum ferrule_engine_status` of boards/runtime/engine.h. */
const STATUS_TEXT: Readonly<Record<number, string>> = {
  2: "its arena is too small",
  3: "it cannot execute this module",
  4: "the module speaks another version of the ABI",
  5: "this cannot be asked of it",
};
const STATUS_TRAP = 1;

/** A trap of the core; the message is its name, "out of bounds memory access" say. */
export class EngineTrap extends Error {
  /** As V8 calls it. */
  override readonly name = "RuntimeError";
}

export interface LibraryOptions {
  /** What an instance takes at most beside linear memory, in bytes, for a module of so many bytes. */
  arenaBytes(moduleBytes: number): number;
  /** Whether functions are compiled when they are called for the first time, and not all of them at once. */
  readonly compileOnUse?: boolean;
  /** Whether the library was made of one module, and executes no other. */
  readonly isTranslated?: boolean;
}

/**
 * Loads the library of an engine. Throws Advice when it has not been built. The factory's memory is exactly as large as
 * asked, one page when that is 0, and whatever lies beyond traps.
 */
export function openLibrary(name: LibraryName, options: LibraryOptions): EngineFactory {
  const path = fileURLToPath(new URL(`build/engines/libferrule_${name}.so`, projectRoot()));
  if (!existsSync(path))
    throw new Advice(`build/engines/libferrule_${name}.so is missing: node scripts/engines.mjs ${name}`);
  const library = declare(path);
  const engineName = library.name();
  return (wasm, memoryBytes) => new Instance(library, engineName, wasm, memoryBytes, options).engine;
}

/** The project, seen from its sources as well as from build/host. */
function projectRoot(): URL {
  const up = new URL("../../", import.meta.url);
  return existsSync(new URL("package.json", up)) ? up : new URL("../", up);
}

type Call = (arena: number, which: number, a: number, b: number, c: number, d: number) => number;

interface Library {
  readonly name: () => string;
  readonly open: (
    arena: number,
    arenaBytes: number,
    module: number,
    moduleBytes: number,
    memoryBytes: number,
    compileOnUse: number,
  ) => void;
  readonly call: Call;
  readonly problem: (arena: number) => string;
  readonly moduleCrc32: (arena: number) => number;
}

function declare(path: string): Library {
  const library = koffi.load(path);
  const word = "uint32_t";
  return {
    name: library.func("ferrule_library_name", "str", []),
    open: library.func("ferrule_library_open", "void", ["uintptr_t", word, "uintptr_t", word, word, word]),
    call: library.func("ferrule_library_call", "int32_t", ["uintptr_t", word, word, word, word, word]),
    problem: library.func("ferrule_library_problem", "str", ["uintptr_t"]),
    moduleCrc32: library.func("ferrule_library_module_crc32", word, ["uintptr_t"]),
  };
}

class Instance {
  readonly engine: Engine;
  readonly #library: Library;
  readonly #arena: number;
  readonly #words: Uint32Array;
  /** C reads it: it must stand as long as an export can be called. */
  readonly #module: Module;

  constructor(
    library: Library,
    name: string,
    wasm: Uint8Array,
    memoryBytes: number,
    { arenaBytes, compileOnUse = false, isTranslated = false }: LibraryOptions,
  ) {
    const bytes = memoryBytes || PAGE_BYTES;
    const arena = new Uint8Array(Math.ceil((bytes + arenaBytes(wasm.length)) / 8) * 8);
    this.#library = library;
    this.#arena = addressOf(arena);
    this.#words = new Uint32Array(arena.buffer, 0, Object.keys(Word).length);
    this.#module = keep(wasm);
    const { address, octets } = this.#module;
    library.open(this.#arena, arena.length, address, octets.length, bytes, compileOnUse ? 1 : 0);
    if (this.#words[Word.STATUS] !== 0) this.#fail();
    if (isTranslated && library.moduleCrc32(this.#arena) !== this.#module.crc32)
      throw new Error(
        `${name}: its library was made of another module: node scripts/engines.mjs aot makes it of build/core.wasm`,
      );
    const at = this.#words[Word.MEMORY_AT] as number;
    this.engine = {
      name,
      memory: new Uint8Array(arena.buffer, at, this.#words[Word.MEMORY_BYTES]),
      exports: this.#exports(),
    };
  }

  /** The exports as functions, as V8 has them: missing arguments are 0. */
  #exports(): CoreExports {
    const exports: Record<string, (...args: number[]) => number> = {};
    const { call } = this.#library;
    const arena = this.#arena;
    const words = this.#words;
    for (const [which, name] of Object.keys(EXPORT_ARITY).entries())
      exports[name] = (a = 0, b = 0, c = 0, d = 0) => {
        const result = call(arena, which, a >>> 0, b >>> 0, c >>> 0, d >>> 0);
        if (words[Word.STATUS] !== 0) this.#fail();
        return result;
      };
    return exports as unknown as CoreExports;
  }

  /** Throws what the last call's status says. */
  #fail(): never {
    const status = this.#words[Word.STATUS] as number;
    const problem = this.#library.problem(this.#arena);
    if (status === STATUS_TRAP) throw new EngineTrap(problem);
    const name = this.#library.name();
    throw new Error(`${name}: ${STATUS_TEXT[status] ?? `status ${status}`}${problem && `: ${problem}`}`);
  }
}

/** A module's octets where they stay, for C to read. */
interface Module {
  readonly octets: Uint8Array;
  readonly address: number;
  readonly crc32: number;
}

const MODULES = new WeakMap<Uint8Array, Module>();

function keep(wasm: Uint8Array): Module {
  const known = MODULES.get(wasm);
  if (known) return known;
  const octets = Uint8Array.from(wasm);
  const module = { octets, address: addressOf(octets), crc32: crc32(octets) };
  MODULES.set(wasm, module);
  return module;
}

/** Where an array's octets lie. They never move, and stand as long as the array's buffer does. */
function addressOf(octets: Uint8Array): number {
  return Number(koffi.address(octets));
}
