// Translates the core to C ahead of time: `node scripts/aot.mjs MODULE FOLDER` writes core.c, core.h and options.txt.
//
// wasm2c (npm wabt) does the translation. Its own prologue, with 64-bit address arithmetic, byte-wise access and helpers
// for what the core has not, makes way for boards/runtime/aot/aot.h.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
// As a whole: setup.mjs imports this on any Node, to say which one is needed.
import zlib from "node:zlib";
import { withReach } from "./aot_bounds.mjs";
import { root, runScript } from "./support.mjs";

/** As in boards/runtime/aot/wasm-rt.h. */
const MEMORY_LEAST = 4096;

/** Widest access in bytes. */
const WIDEST = 8;

/**
 * Writes the C of the module `wasm` (a path) into `folder`, and returns the compiler options that tell its identity.
 * Throws with what wasm2c said, or when its output is not what this script knows.
 */
export function translate(wasm, folder) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "core.c");
  const { ok, output, problem } = runScript("wabt/bin/wasm2c", [wasm, "--module-name=core", "-o", file]);
  if (!ok) throw new Error(`wasm2c failed (${problem}):\n${output}`);
  writeFileSync(file, rewrite(readFileSync(file, "utf8")));
  const module = readFileSync(wasm);
  const { version } = JSON.parse(readFileSync(join(root, "node_modules/wabt/package.json"), "utf8"));
  const options = [
    `-DFERRULE_WASM2C_VERSION="${version}"`,
    `-DFERRULE_AOT_MODULE_BYTES=${module.length}u`,
    `-DFERRULE_AOT_MODULE_CRC32=${zlib.crc32(module)}u`,
  ];
  writeFileSync(join(folder, "options.txt"), `${options.join("\n")}\n`);
  return options;
}

const PROLOGUE_END = "#define WEAK_FUNC_DECL(func, fallback)";
const HEADER = `/* From wasm2c, by scripts/aot.mjs. */
#include "core.h"
#include "aot.h"
#define assert(condition)
`;

/** A load or store as wasm2c writes it: name, address, offset, and the value of a store. */
const ACCESS =
  /\b(i(?:32|64)_(?:load|store)\w*)_default32\(&instance->w2c_memory, \(u64\)\((\w+)\)(?: \+ (\d+)u?)?(, \w+)?\)/g;

function rewrite(text) {
  const start = text.indexOf("#endif\n", text.lastIndexOf(PROLOGUE_END));
  // Functions are called directly: nobody asks for their types.
  const end = text.indexOf("wasm_rt_func_type_t wasm2c_core_get_func_type(");
  if (!text.includes(PROLOGUE_END) || start < 0 || end < start)
    throw new Error("wasm2c's output has changed");
  const body = text.slice(start + "#endif\n".length, end) + after(text, end);
  const rewritten = body.replace(ACCESS, (_, name, address, offset = "0", value = "") => {
    if (Number(offset) + WIDEST > MEMORY_LEAST)
      throw new Error(`an offset of ${offset} is beyond the least memory: see boards/runtime/aot/aot.h`);
    return `${name}(${address}, ${offset}u${value})`;
  });
  const left = /.*(_default32|_unchecked|CALL_INDIRECT|\bf(32|64)_).*/.exec(rewritten);
  if (left) throw new Error(`wasm2c's output has changed: ${left[0]}`);
  return HEADER + withReach(rewritten, MEMORY_LEAST);
}

/** What follows the function that begins at `at`. */
function after(text, at) {
  return text.slice(text.indexOf("\n}\n", at) + "\n}\n".length);
}

if (resolve(argv[1] ?? "") === fileURLToPath(import.meta.url)) {
  const [wasm, folder] = argv.slice(2);
  if (!folder) throw new Error("usage: node scripts/aot.mjs MODULE FOLDER");
  translate(resolve(wasm), resolve(folder));
}
