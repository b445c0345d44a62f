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
import type { EngineFactory } from "./engine.js";

/** Engines that are libraries. */
export type LibraryName = "wasm3" | "aot" | "aot_standard";

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

/** A library that was made of one module was given another. */
export class OtherModule extends Error {}

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
    throw new Advice(
      `build/engines/libferrule_${name}.so is missing: node scripts/engines.mjs ${name.split("_")[0]}`,
    );
  const library = new Library(path);
  return (wasm, memoryBytes) => {
    const instance = new LibraryInstance(library, wasm, memoryBytes, options);
    return { name: library.name, memory: instance.memory, exports: exportsOf(library, instance) };
  };
}

/** The project, seen from its sources as well as from build/host. */
function projectRoot(): URL {
  const up = new URL("../../", import.meta.url);
  return existsSync(new URL("package.json", up)) ? up : new URL("../", up);
}

/** The exports as functions, as V8 has them: missing arguments are 0. */
function exportsOf({ call }: Library, instance: LibraryInstance): CoreExports {
  const exports: Record<string, (...args: number[]) => number> = {};
  const { arena, words } = instance;
  for (const [which, name] of Object.keys(EXPORT_ARITY).entries())
    exports[name] = (a = 0, b = 0, c = 0, d = 0) => {
      const result = call(arena, which, a >>> 0, b >>> 0, c >>> 0, d >>> 0);
      if (words[Word.STATUS] !== 0) instance.fail();
      return result;
    };
  return exports as unknown as CoreExports;
}

const WORD = "uint32_t";
const ADDRESS = "uintptr_t";

/** boards/runtime/library.c of an engine. Instances are known by the addresses of their arenas. */
export class Library {
  /** The engine's name and release. */
  readonly name: string;
  readonly call: (arena: number, which: number, a: number, b: number, c: number, d: number) => number;
  readonly open: (
    arena: number,
    arenaBytes: number,
    module: number,
    moduleBytes: number,
    memoryBytes: number,
    compileOnUse: number,
  ) => void;
  readonly problem: (arena: number) => string;
  readonly moduleCrc32: (arena: number) => number;

  /** Loads the shared library `path`. Throws koffi's error when it cannot be. */
  constructor(path: string) {
    const library = koffi.load(path);
    this.name = library.func("ferrule_library_name", "str", [])();
    this.call = library.func("ferrule_library_call", "int32_t", [ADDRESS, WORD, WORD, WORD, WORD, WORD]);
    this.open = library.func("ferrule_library_open", "void", [ADDRESS, WORD, ADDRESS, WORD, WORD, WORD]);
    this.problem = library.func("ferrule_library_problem", "str", [ADDRESS]);
    this.moduleCrc32 = library.func("ferrule_library_module_crc32", WORD, [ADDRESS]);
  }
}

/** An instance of a module in an arena of its own. */
export class LibraryInstance {
  /** Linear memory, in the arena. */
  readonly memory: Uint8Array;
  /** Where the arena is, for C. It stands as long as `memory` or `words` is held. */
  readonly arena: number;
  /** The arena's first words: see Word. */
  readonly words: Uint32Array;
  readonly #library: Library;
  /** C reads it: it must stand as long as an export can be called. */
  readonly #module: Module;

  /** Throws when the engine refuses the module, or when its library was made of another one. */
  constructor(
    library: Library,
    wasm: Uint8Array,
    memoryBytes: number,
    { arenaBytes, compileOnUse = false, isTranslated = false }: LibraryOptions,
  ) {
    const bytes = memoryBytes || PAGE_BYTES;
    const arena = new Uint8Array(Math.ceil((bytes + arenaBytes(wasm.length)) / 8) * 8);
    this.#library = library;
    this.arena = addressOf(arena);
    this.words = new Uint32Array(arena.buffer, 0, Object.keys(Word).length);
    this.#module = keep(wasm);
    const { address, octets } = this.#module;
    library.open(this.arena, arena.length, address, octets.length, bytes, compileOnUse ? 1 : 0);
    this.check();
    if (isTranslated && library.moduleCrc32(this.arena) !== this.#module.crc32)
      throw new OtherModule(
        `${library.name}: its library was made of another module: node scripts/engines.mjs aot makes it of build/core.wasm`,
      );
    const at = this.words[Word.MEMORY_AT] as number;
    this.memory = new Uint8Array(arena.buffer, at, this.words[Word.MEMORY_BYTES]);
  }

  /** Throws what the last call's status says, unless it went well. */
  check(): void {
    if (this.words[Word.STATUS] !== 0) this.fail();
  }

  /** Throws what the last call's status says: an EngineTrap when the core trapped. */
  fail(): never {
    const status = this.words[Word.STATUS] as number;
    const problem = this.#library.problem(this.arena);
    if (status === STATUS_TRAP) throw new EngineTrap(problem);
    throw new Error(
      `${this.#library.name}: ${STATUS_TEXT[status] ?? `status ${status}`}${problem && `: ${problem}`}`,
    );
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

/** Where an array's octets lie, for C. They never move, and stand as long as the array's buffer does. */
export function addressOf(octets: Uint8Array): number {
  return Number(koffi.address(octets));
}
