// What the device's C is made of and compiled with: one place for all that is built of it, libraries, programs, tests and
// benchmarks, on this machine and for a microcontroller. Optimization, debug information and sanitizers are the builder's.
//
// A source is { file, options, headers, isOurs }: an absolute path; what the compiler is given for this file; folders whose
// headers it includes; whether undefined behaviour in it would be a bug of ours. Node's own modules only.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { translate } from "./aot.mjs";
import { root } from "./support.mjs";
import { WASM3_OPTIONS } from "./wasm3.mjs";

/** Of our own C: it has no warnings. */
export const OWN_OPTIONS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror"];

/** Of code that others wrote, or that was generated: it is compiled as it is. */
export const FOREIGN_OPTIONS = ["-std=gnu99", "-w"];

/** The runtime behind ferrule.h, beside an engine. */
export const RUNTIME_FILES = ["ferrule", "services", "errors", "checksum"].map(
  (name) => `boards/runtime/${name}.c`,
);

const RUNTIME = join(root, "boards/runtime");
const INCLUDE = join(root, "boards/include");
/** Of network devices: ferrule.h includes netdev.h. */
const DRIVERS = join(root, "boards/drivers");
const AOT = join(RUNTIME, "aot");

/** Files and folders of the project that decide what becomes of an engine, "wasm3" or "aot", beside its module. */
export function engineInputs(engine) {
  const wanted = engine === "wasm3" ? /^wasm3\.mjs$/ : /^aot.*\.mjs$/;
  const scripts = readdirSync(join(root, "scripts")).filter((name) => wanted.test(name));
  return [
    "boards/runtime",
    "boards/include",
    "boards/drivers/netdev.h",
    ...["engines.mjs", "runtime_sources.mjs", ...scripts].map((name) => `scripts/${name}`),
    // wasm2c is a package.
    ...(engine === "aot" ? ["package-lock.json"] : []),
  ];
}

/** Sources of our own, as paths in the project. `folders`: with their headers, in the project, beside the runtime's. */
export function ownSources(files, folders = [], options = []) {
  const headers = [...folders.map((folder) => join(root, folder)), RUNTIME, INCLUDE, DRIVERS];
  return files.map((file) => ({
    file: join(root, file),
    options: [...OWN_OPTIONS, ...headers.flatMap((folder) => ["-I", folder]), ...options],
    headers,
    isOurs: true,
  }));
}

/**
 * wasm3, whose sources are in `directory` (see wasm3.mjs), and its engine. `engine`: a file of the project that stands in
 * for the engine's own and includes it.
 */
export function wasm3Engine(directory, engine = "boards/runtime/engine_wasm3.c") {
  const options = [...WASM3_OPTIONS, "-isystem", directory];
  const own = ownSources([engine, "boards/runtime/arena.c"], [], options);
  // Those of m3_api_* connect it to operating systems.
  const foreign = readdirSync(directory).filter((name) => /^m3_(?!api_).*\.c$/.test(name));
  return [
    ...own.map((source) => ({ ...source, headers: [...source.headers, directory] })),
    ...foreign.map((name) => ({
      file: join(directory, name),
      options: [...FOREIGN_OPTIONS, ...WASM3_OPTIONS, "-include", join(RUNTIME, "wasm3_heap.h")],
      headers: [directory, RUNTIME],
      // Its arithmetic wraps where C leaves that open, and its code pages are not aligned.
      isOurs: false,
    })),
  ];
}

/**
 * Translates the module `wasm` (a path) into `folder`, and returns that C and its engine. `more`: options for both, as the
 * fixed size of linear memory. `engine`: as above. Throws what `translate` throws.
 */
export function aotEngine(wasm, folder, more = [], engine = "boards/runtime/engine_aot.c") {
  return translatedEngine(folder, translate(wasm, folder), more, engine);
}

/** The same of a module that was translated into `folder` before; `identity`: what `translate` returned. */
export function translatedEngine(folder, identity, more = [], engine = "boards/runtime/engine_aot.c") {
  const options = ["-I", AOT, "-isystem", folder, ...more];
  const own = ownSources([engine], [], [...options, ...identity]);
  return [
    ...own.map((source) => ({ ...source, headers: [...source.headers, AOT, folder] })),
    translatedSource(folder, "core.c", more),
  ];
}

/** C that was generated into `folder` and works on an instance of the translated module. */
export function translatedSource(folder, name, more = []) {
  return {
    file: join(folder, name),
    options: [...FOREIGN_OPTIONS, "-I", AOT, "-isystem", folder, ...more],
    headers: [AOT, folder],
    isOurs: true,
  };
}

/** An ESP32-C3's instructions, for riscv64-unknown-elf-gcc with picolibc. */
export const RISCV_OPTIONS = [
  "--specs=picolibc.specs",
  "--crt0=minimal",
  "-march=rv32imc",
  "-mabi=ilp32",
  "-ffunction-sections",
  "-fdata-sections",
];

const RISCV_STACK_KB = 16;

/**
 * Linker options for QEMU's machine "virt": so much RAM, 16 KB of it stack. The program stands where flash would be, in 1 MB
 * of its own.
 */
export function riscvMemory(ramKilobytes) {
  return [
    "-Wl,--gc-sections",
    "--defsym=__flash=0x80000000",
    "--defsym=__flash_size=1M",
    "--defsym=__ram=0x80100000",
    `--defsym=__ram_size=${ramKilobytes}K`,
    `--defsym=__heap_end=0x80100000+${ramKilobytes - RISCV_STACK_KB}K`,
  ].join(",");
}
