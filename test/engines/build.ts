// Builds the test program: the core on an engine, for this machine or for an emulated microcontroller.
//
// Objects are kept in build/engines/objects under a hash of all that they are made of, so that what did not change is
// not compiled again. Linking is quick, and always done.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import {
  aotEngine,
  OWN_OPTIONS,
  ownSources,
  RISCV_OPTIONS,
  riscvMemory,
  type Source,
  wasm3Engine,
} from "../../scripts/runtime_sources.mjs";
import { root, tools } from "../report/tools.js";

export type EngineName = "wasm3" | "aot";
export type TargetName = "native" | "riscv";

/** What has to be installed for an engine on a target, as names of scripts/support.mjs. */
export function toolsFor(engine: EngineName, target: TargetName): readonly string[] {
  const ofTarget = target === "native" ? ["gcc"] : ["riscv-gcc", "picolibc", "qemu-riscv"];
  return engine === "wasm3" ? ["wasm3", ...ofTarget] : ofTarget;
}

/** The module under test. */
export function coreModule(): Uint8Array {
  return readFileSync(join(root, "build/core.wasm"));
}

/** Builds the program and returns its path. Throws with the compiler's own words. */
export async function buildProgram(engine: EngineName, target: TargetName): Promise<string> {
  const sources = [
    ...testSources("smoke", "core_calls", "echo", `port_${target}`),
    ...engineSources[engine](target),
  ];
  return await link(await makeCompiler(target), sources, `${engine}-${target}`);
}

/** Builds a check of the runtime's, NAME.c, for this machine and with AddressSanitizer; `engine`: what it opens. */
export async function buildCheck(name: string, engine?: EngineName): Promise<string> {
  const native = await makeCompiler("native");
  const compiler = { ...native, options: ["-fsanitize=address", "-g"] };
  const runtime = engine ? engineSources[engine]("native") : ownSources(["boards/runtime/arena.c"]);
  return await link(compiler, [...testSources(name), ...runtime], engine ? `${name}-${engine}` : name);
}

async function link(compiler: Compiler, sources: readonly Source[], name: string): Promise<string> {
  mkdirSync(objectFolder, { recursive: true });
  const objects: string[] = [];
  // One after the other: vitest runs other tests beside this one.
  for (const source of sources) objects.push(await compile(compiler, source));
  const program = join(buildFolder, name);
  await execute(compiler.command, [...compiler.options, ...objects, ...compiler.linkOptions, "-o", program]);
  return program;
}

const run = promisify(execFile);
const here = join(root, "test/engines");
const buildFolder = join(root, "build/engines");
const objectFolder = join(buildFolder, "objects");

interface Compiler {
  readonly command: string;
  /** What the compiler says of its version. */
  readonly version: string;
  readonly options: readonly string[];
  readonly linkOptions: readonly string[];
}

async function makeCompiler(target: TargetName): Promise<Compiler> {
  const riscv = target === "riscv";
  const command = riscv ? "riscv64-unknown-elf-gcc" : "gcc";
  const options = riscv ? RISCV_OPTIONS : [];
  const version = await execute(command, ["--version"]);
  return { command, version, options, linkOptions: riscv ? [riscvMemory(RISCV_RAM_KB)] : [] };
}

/** As an ESP32-C3 has. */
const RISCV_RAM_KB = 400;

/** Linear memory of the program in bytes: as in smoke.c. On the microcontroller it is fixed ahead of time. */
export const MEMORY_BYTES = 16384;

function testSources(...names: readonly string[]): Source[] {
  return ownSources(
    names.map((name) => `test/engines/${name}.c`),
    ["test/engines"],
  );
}

/** Of the engine: the runtime's sources, and those of others. */
const engineSources: Record<EngineName, (target: TargetName) => Source[]> = {
  wasm3: () => [moduleSource(coreModule()), ...wasm3Engine(wasm3Directory())],
  aot(target) {
    const fixed = target === "riscv" ? [`-DFERRULE_AOT_MEMORY_BYTES=${MEMORY_BYTES}u`] : [];
    const engine = aotEngine(join(root, "build/core.wasm"), join(buildFolder, "aot_smoke"), fixed);
    return [moduleSource(new Uint8Array(1)), ...engine];
  },
};

/** The module's bytes as a C file. Ahead of time nobody reads them. */
function moduleSource(bytes: Uint8Array): Source {
  const file = join(buildFolder, bytes.length > 1 ? "module.c" : "no_module.c");
  write(
    file,
    `#include "module.h"\nconst uint8_t module_wasm[] = {${Array.from(bytes).join(",")}};\n` +
      "const uint32_t module_wasm_bytes = sizeof module_wasm;\n",
  );
  return { file, options: [...OWN_OPTIONS, `-I${here}`], headers: [here], isOurs: true };
}

function wasm3Directory(): string {
  if (!tools.wasm3) throw new Error("there are no sources of wasm3");
  return tools.wasm3.directory;
}

/** Release of the package that has wasm2c. */
export function wabtVersion(): string {
  return JSON.parse(readFileSync(join(root, "node_modules/wabt/package.json"), "utf8")).version;
}

/** Compiles one file unless that was done before, and returns the object's path. */
async function compile(compiler: Compiler, source: Source): Promise<string> {
  const options = ["-O2", ...compiler.options, ...source.options];
  const hash = createHash("sha256").update(JSON.stringify([compiler.command, compiler.version, options]));
  const headers = source.headers.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".h"))
      .map((name) => join(folder, name)),
  );
  for (const file of [source.file, ...headers]) hash.update(`${file}\0`).update(readFileSync(file));
  const object = join(objectFolder, `${basename(source.file, ".c")}-${hash.digest("hex").slice(0, 24)}.o`);
  if (existsSync(object)) return object;
  // Under another name until it is whole: the run may be interrupted, or another may do the same.
  const unfinished = `${object}.${process.pid}`;
  await execute(compiler.command, [...options, "-c", source.file, "-o", unfinished]);
  renameSync(unfinished, object);
  return object;
}

function write(file: string, text: string): void {
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
}

/** Runs a program for two minutes at most and returns its output. */
async function execute(command: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(command, args, { timeout: 120_000, maxBuffer: 1 << 26 })).stdout;
  } catch (error) {
    const { stderr = "", message } = error as { stderr?: string; message: string };
    throw new Error(`${command}: ${stderr || message}`);
  }
}
