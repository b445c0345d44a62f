// Builds the engines of the device as shared libraries for Node: `node scripts/engines.mjs aot|wasm3...`. They are made
// of the very C that a firmware has, boards/runtime.

import { mkdirSync, renameSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { aotEngine, engineInputs, ownSources, wasm3Engine } from "./runtime_sources.mjs";
import { step } from "./steps.mjs";
import { hasTool, root, run, TOOLS } from "./support.mjs";
import { wasm3Sources } from "./wasm3.mjs";

const MINUTE = 60_000;

const FOLDER = join(root, "build/engines");

const BUILDERS = { wasm3: buildWasm3, aot: buildAot };

/** What an engine needs of the machine and does not find, from `missing`: tool -> why. */
export function missingFor(engine, missing) {
  const tools = engine === "wasm3" ? ["gcc", "wasm3"] : ["gcc"];
  return tools.flatMap((tool) => missing[tool] ?? []);
}

/** Builds the libraries of these engines unless they are fresh. Returns what went wrong, in words. */
export function buildEngines(names) {
  for (const name of names) {
    const problem = BUILDERS[name]();
    if (problem) return problem;
  }
  return "";
}

/**
 * Compiles sources of runtime_sources.mjs into the folder `objects` and links them to the shared library `target`, a path.
 * Returns what went wrong, in words.
 */
export function linkLibrary(sources, objects, target) {
  if (!hasTool("gcc")) return `a C compiler is missing; Debian packages ${TOOLS.gcc.packages.join(", ")}`;
  mkdirSync(objects, { recursive: true });
  const made = [];
  for (const { file, options } of sources) {
    const object = join(objects, `${basename(file)}.o`);
    const args = ["-O2", "-fPIC", "-fvisibility=hidden", ...options, "-c", file, "-o", object];
    const { ok, output, problem } = run("gcc", args, { timeoutMs: 2 * MINUTE });
    if (!ok) return `gcc ${file} failed (${problem}):\n${output}`;
    made.push(object);
  }
  // Under another name until it is whole: another process may have the old one open.
  const unfinished = `${target}.${process.pid}`;
  const { ok, output, problem } = run("gcc", ["-shared", ...made, "-o", unfinished]);
  if (!ok) return `linking ${target} failed (${problem}):\n${output}`;
  renameSync(unfinished, target);
  return "";
}

function buildWasm3() {
  const { directory, problem: lacking } = wasm3Sources();
  if (lacking) return lacking;
  let problem = "";
  step({
    name: "engine-wasm3",
    says: `compiling wasm3 and the runtime to ${library("wasm3")}`,
    // A folder of WASM3_DIR counts, too: relative paths lead there.
    inputs: [...engineInputs("wasm3"), relativeTo(directory)],
    outputs: [library("wasm3")],
    work() {
      problem = link("wasm3", wasm3Engine(directory));
      return problem === "";
    },
  });
  return problem;
}

function buildAot() {
  return buildAotOf("aot", "core") || buildAotOf("aot_standard", "standard");
}

/** The library `name`, made of the build `module` of the core. */
function buildAotOf(name, module) {
  let problem = "";
  step({
    name: `engine-${name}`,
    says: `translating and compiling build/${module}.wasm to ${library(name)}`,
    inputs: [...engineInputs("aot"), `build/${module}.wasm`],
    outputs: [library(name)],
    work() {
      problem = link(name, aotEngine(join(root, `build/${module}.wasm`), join(FOLDER, name)));
      return problem === "";
    },
  });
  return problem;
}

function library(name) {
  return `build/engines/libferrule_${name}.so`;
}

function link(name, engine) {
  const sources = [...engine, ...ownSources(["boards/runtime/library.c"])];
  return linkLibrary(sources, join(FOLDER, `library_${name}`), join(root, library(name)));
}

function relativeTo(path) {
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : join("../".repeat(32), path);
}

if (resolve(argv[1] ?? "") === fileURLToPath(import.meta.url)) {
  const names = argv.slice(2);
  const stray = names.find((name) => !(name in BUILDERS));
  const problem =
    stray === undefined && names.length > 0
      ? buildEngines(names)
      : "usage: node scripts/engines.mjs aot|wasm3...";
  if (problem) {
    console.error(`setup: ${problem}`);
    process.exitCode = 1;
  }
}
