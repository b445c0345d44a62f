// Builds the benchmarks' program (bench/work.c): on a stack, for a target.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import {
  aotEngine,
  FOREIGN_OPTIONS,
  ownSources,
  RISCV_OPTIONS,
  RUNTIME_FILES,
  riscvMemory,
  wasm3Engine,
} from "../runtime_sources.mjs";
import { root, run } from "../support.mjs";
import { WASM3_OPTIONS, wasm3Sources } from "../wasm3.mjs";

const MINUTE = 60_000;

export const ENGINES = ["wasm3", "aot"];

/** Operations of each work, or virtual seconds, unless a program is told otherwise. */
export const OPERATIONS = 1000;

/** Everything that is made here. */
export const FOLDER = join(root, "build/bench");

/** Where the benchmarks' headers are, beside the runtime's. */
const HEADERS = ["test/engines", "bench"];

const SECTIONS = ["-ffunction-sections", "-fdata-sections"];

/** In kilobytes: what a microcontroller with much of it has. */
const RISCV_RAM = 1024;

/** An ESP8266's processor, an ESP32's amount of RAM. */
const XTENSA_LINK = ["-nostartfiles", "-Wl,--gc-sections", "-T", join(root, "bench/xtensa/link.ld")];

export const TARGETS = {
  "x86-64": {
    tools: ["gcc", "valgrind"],
    command: "gcc",
    options: [],
    link: [],
    more: ["test/engines/port_native.c"],
  },
  rv32imc: {
    tools: ["riscv-gcc", "picolibc", "qemu-riscv"],
    command: "riscv64-unknown-elf-gcc",
    options: RISCV_OPTIONS,
    link: [riscvMemory(RISCV_RAM)],
    more: ["test/engines/port_riscv.c", "boards/runtime/fastmem.c"],
  },
  xtensa: {
    tools: ["xtensa-gcc", "picolibc-xtensa", "qemu-xtensa"],
    command: "xtensa-lx106-elf-gcc",
    options: ["--specs=/usr/lib/xtensa-lx106-elf/picolibc.specs", "-mlongcalls", ...SECTIONS],
    link: XTENSA_LINK,
    more: [
      ...["start.S", "port_xtensa.c"].map((name) => `bench/xtensa/${name}`),
      "boards/qemu_xtensa/helpers.c",
      "boards/runtime/fastmem.c",
    ],
  },
};

/** What every program has beside a stack. */
const WORK = ["bench/work.c", "bench/peer.c"];

/**
 * Builds the program on Ferrule with an engine, and returns its path; beside it lies `work.map`, the linker's list.
 * Throws with the compiler's own words. `level`: as of the compiler's -O. `withNative`: checksums by the runtime.
 */
export function buildFerrule(engine, target, { level = "2", withNative = false } = {}) {
  const name = `${engine}-${target}-O${level}${withNative ? "-native" : ""}`;
  if (!built.has(name)) built.set(name, buildAnew(engine, target, { name, level, withNative }));
  return built.get(name);
}

/** What this process has built: name -> path. */
const built = new Map();

function buildAnew(engine, target, { name, level, withNative }) {
  const folder = folderOf(name);
  const files = [...WORK, "bench/stack_ferrule.c", ...RUNTIME_FILES];
  if (withNative) files.push("bench/native_checksums.c");
  const own = [];
  if (engine === "wasm3") own.push("-DBENCH_MODULE");
  if (withNative) own.push("-DBENCH_NATIVE_CHECKSUMS");
  const sources = [
    ...ownSources([...files, ...TARGETS[target].more], HEADERS, own),
    ...(engine === "wasm3"
      ? ofWasm3(folder)
      : aotEngine(join(root, "build/core.wasm"), join(folder, "core"))),
  ];
  const link = ["-lm", ...(withNative ? ["-Wl,--wrap=ferrule_checksum_sum"] : [])];
  return buildProgram({ folder, target, level, sources, link });
}

/** Builds the program on another stack for x86-64; `sources` and `libraries` are that stack's. Returns its path. */
export function buildPeer(name, sources, libraries) {
  const common = ownSources([...WORK, ...TARGETS["x86-64"].more], HEADERS);
  const theirs = sources.flatMap(({ file, options }) => ownSources([relative(root, file)], HEADERS, options));
  // No function is looked up while instructions are counted.
  const link = ["-Wl,-z,now", ...libraries];
  return buildProgram({
    folder: folderOf(name),
    target: "x86-64",
    level: "2",
    sources: [...common, ...theirs],
    link,
  });
}

/** What the linker puts functions of bench/wasm3_heap.c before. */
const WRAPPED = [
  ...["m3_NewEnvironment", "m3_NewRuntime", "m3_ParseModule", "m3_LoadModule", "m3_CompileModule"],
  ...["ferrule_arena_allocate", "ferrule_arena_resize", "ferrule_arena_free"],
];

/** Builds the program that tells what wasm3 takes of its arena, for a target. Returns its path. */
export function buildHeap(target) {
  const folder = folderOf(`heap-${target}`);
  const foreign = ofWasm3(folder);
  const { directory } = wasm3Sources();
  const own = [...WASM3_OPTIONS, "-isystem", directory];
  const ours = ["bench/wasm3_heap.c", ...TARGETS[target].more];
  const sources = [...ownSources(ours, HEADERS, own), ...foreign];
  const link = [...WRAPPED.map((name) => `-Wl,--wrap=${name}`), "-lm"];
  return buildProgram({ folder, target, level: "2", sources, link });
}

/** Runs a program, for some minutes at most, and returns what it printed. Throws when it fails. */
export function mustRun(command, args, options) {
  const { ok, output, problem } = run(command, args, { timeoutMs: 5 * MINUTE, ...options });
  if (!ok) throw new Error(`${basename(command)} failed (${problem}):\n${output.slice(-4000)}`);
  return output;
}

function buildProgram({ folder, target, level, sources, link }) {
  const { command, options, link: ofTarget } = TARGETS[target];
  const always = [...options, "-g", `-O${level}`, `-DBENCH_OPERATIONS=${OPERATIONS}`];
  const objects = sources.map(({ file, options: own }) => {
    const object = join(folder, `${basename(file)}.o`);
    mustRun(command, [...always, ...own, "-c", file, "-o", object]);
    return object;
  });
  const program = join(folder, "work");
  const map = `-Wl,-Map=${join(folder, "work.map")}`;
  mustRun(command, [...options, ...objects, ...ofTarget, map, ...link, "-o", program]);
  return program;
}

function folderOf(name) {
  const folder = join(FOLDER, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function ofWasm3(folder) {
  const { directory, problem } = wasm3Sources();
  if (problem) throw new Error(problem);
  const module = join(folder, "module.c");
  const bytes = [...readFileSync(join(root, "build/core.wasm"))].join(",");
  writeFileSync(
    module,
    `#include <stdint.h>\nconst uint8_t module_wasm[] = {${bytes}};\nconst uint32_t module_wasm_bytes = sizeof module_wasm;\n`,
  );
  return [{ file: module, options: FOREIGN_OPTIONS }, ...wasm3Engine(directory)];
}
