// The device's engines for the unit tests' module, as shared libraries: boards/runtime's sources, with unit_wasm3.c or
// unit_aot.c in the place of the engine's own file.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LibraryName } from "../../host/engines/library.js";
import { linkLibrary } from "../../scripts/engines.mjs";
import {
  aotEngine,
  engineInputs,
  type Source,
  translatedSource,
  wasm3Engine,
} from "../../scripts/runtime_sources.mjs";
import { root, tools } from "../report/tools.js";
import type { FunctionType } from "../wasm_module.js";
import { builtOnce } from "./build.js";

/** Beside the engine's own. */
const INPUTS = ["test/unit/library.ts", "test/unit/unit.h"];

/**
 * Path of the library of an engine for the module `wasm`, whose exports' types are `functions`; built once. Throws with the
 * compiler's own words.
 */
export function unitLibrary(
  engine: LibraryName,
  wasm: Uint8Array,
  functions: ReadonlyMap<string, FunctionType>,
): Promise<string> {
  return engine === "wasm3" ? wasm3Library() : aotLibrary(wasm, functions);
}

/** It runs any module. */
async function wasm3Library(): Promise<string> {
  if (!tools.wasm3) throw new Error("there are no sources of wasm3");
  const { directory } = tools.wasm3;
  const inputs = [...engineInputs("wasm3"), ...INPUTS, "test/unit/unit_wasm3.c", directory];
  return await builtOnce("wasm3", ".so", inputs, async (path) => {
    inFolder(path, (folder) => link(wasm3Engine(directory, "test/unit/unit_wasm3.c"), folder, path));
  });
}

async function aotLibrary(wasm: Uint8Array, functions: ReadonlyMap<string, FunctionType>): Promise<string> {
  const inputs = [...engineInputs("aot"), ...INPUTS, "test/unit/unit_aot.c", wasm];
  return await builtOnce("aot", ".so", inputs, async (path) => {
    inFolder(path, (folder) => {
      const module = join(folder, "unit.wasm");
      writeFileSync(module, wasm);
      writeFileSync(join(folder, TABLE), functionTable(functions));
      const engine = aotEngine(module, folder, [], "test/unit/unit_aot.c");
      link([...engine, translatedSource(folder, TABLE, ["-I", join(root, "test/unit")])], folder, path);
    });
  });
}

const TABLE = "functions.c";

/** The functions of the module as `unit_functions`: see unit.h. */
function functionTable(functions: ReadonlyMap<string, FunctionType>): string {
  const entries = [...functions].map(([name, { parameters, results }], index) => {
    const values = parameters.map((type, at) => `, (${cType(type)})slots[${at}]`);
    const call = `w2c_core_${name}(core${values.join("")})`;
    const body = results.length > 0 ? `slots[0] = ${call}` : call;
    return {
      definition: `static void call_${index}(w2c_core *core, u64 slots[]) { ${body}; }`,
      row: `{"${name}", call_${index}},`,
    };
  });
  return [
    '#include "core.h"',
    '#include "unit.h"',
    ...entries.map(({ definition }) => definition),
    "const struct unit_function unit_functions[] = {",
    ...entries.map(({ row }) => row),
    "{0}};",
  ].join("\n");
}

function cType(type: string): string {
  if (type === "i32") return "u32";
  if (type === "i64") return "u64";
  throw new Error(
    `the core has functions with a parameter of type ${type}: test/unit/library.ts passes integers only`,
  );
}

function link(sources: readonly Source[], folder: string, path: string): void {
  const problem = linkLibrary(sources, folder, path);
  if (problem) throw new Error(problem);
}

/** Does `work` in a folder for what is made on the way to `path`. */
function inFolder(path: string, work: (folder: string) => void): void {
  const folder = `${path}.work`;
  mkdirSync(folder, { recursive: true });
  try {
    work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
