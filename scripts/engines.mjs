// Builds the engines of the device as shared libraries for Node: `node scripts/engines.mjs aot|wasm3...`. They are made
// of the very C that a firmware has, boards/runtime.

import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { translate } from "./aot.mjs";
import { step } from "./steps.mjs";
import { hasTool, root, run, TOOLS } from "./support.mjs";
import { WASM3_OPTIONS, wasm3Sources } from "./wasm3.mjs";

const MINUTE = 60_000;

const RUNTIME = join(root, "boards/runtime");
const FOLDER = join(root, "build/engines");

/** Code that others wrote, or that was generated: compiled as it is. */
const FOREIGN = ["-std=gnu99", "-w"];
const OURS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror"];

const INCLUDES = ["-I", RUNTIME, "-I", join(root, "boards/include")];

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

function buildWasm3() {
  const { directory, problem: lacking } = wasm3Sources();
  if (lacking) return lacking;
  let problem = "";
  step({
    name: "engine-wasm3",
    says: `compiling wasm3 and the runtime to ${library("wasm3")}`,
    // A folder of WASM3_DIR counts, too: relative paths lead there.
    inputs: [...SOURCES, "scripts/wasm3.mjs", relativeTo(directory)],
    outputs: [library("wasm3")],
    work() {
      const foreign = readdirSync(directory).filter((name) => /^m3_(?!api_).*\.c$/.test(name));
      problem = link("wasm3", [
        ...foreign.map((name) => ({
          file: join(directory, name),
          options: [...FOREIGN, ...WASM3_OPTIONS, "-include", join(RUNTIME, "wasm3_heap.h")],
        })),
        ...ours("engine_wasm3.c", "arena.c", "library.c").map((file) => ({
          file,
          options: [...OURS, ...INCLUDES, ...WASM3_OPTIONS, "-isystem", directory],
        })),
      ]);
      return problem === "";
    },
  });
  return problem;
}

function buildAot() {
  let problem = "";
  step({
    name: "engine-aot",
    says: `translating and compiling the core to ${library("aot")}`,
    inputs: [...SOURCES, "build/core.wasm", "scripts/aot.mjs", "package-lock.json"],
    outputs: [library("aot")],
    work() {
      const folder = join(FOLDER, "aot");
      const identity = translate(join(root, "build/core.wasm"), folder);
      const headers = [...INCLUDES, "-I", join(RUNTIME, "aot"), "-isystem", folder];
      problem = link("aot", [
        { file: join(folder, "core.c"), options: [...FOREIGN, ...headers] },
        ...ours("engine_aot.c", "library.c").map((file) => ({
          file,
          options: [...OURS, ...headers, ...identity],
        })),
      ]);
      return problem === "";
    },
  });
  return problem;
}

const SOURCES = ["boards/runtime", "boards/include", "scripts/engines.mjs"];

function ours(...names) {
  return names.map((name) => join(RUNTIME, name));
}

function library(name) {
  return `build/engines/libferrule_${name}.so`;
}

function relativeTo(path) {
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : join("../".repeat(32), path);
}

/** Compiles files and links them to a library. Returns what went wrong, in words. */
function link(name, files) {
  if (!hasTool("gcc")) return `a C compiler is missing; Debian packages ${TOOLS.gcc.packages.join(", ")}`;
  const objects = join(FOLDER, `library_${name}`);
  mkdirSync(objects, { recursive: true });
  const made = [];
  for (const { file, options } of files) {
    const object = join(objects, `${file.slice(file.lastIndexOf("/") + 1)}.o`);
    const args = ["-O2", "-fPIC", "-fvisibility=hidden", ...options, "-c", file, "-o", object];
    const { ok, output, problem } = run("gcc", args, { timeoutMs: 2 * MINUTE });
    if (!ok) return `gcc ${file} failed (${problem}):\n${output}`;
    made.push(object);
  }
  const target = join(root, library(name));
  // Under another name until it is whole: another process may have the old one open.
  const unfinished = `${target}.${process.pid}`;
  const { ok, output, problem } = run("gcc", ["-shared", ...made, "-o", unfinished]);
  if (!ok) return `linking ${library(name)} failed (${problem}):\n${output}`;
  renameSync(unfinished, target);
  return "";
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
