// Builds Arduino sketches, and C programs of the examples, for this machine: our classes and the runtime over POSIX threads
// and a TAP interface, with the core ahead of time, under AddressSanitizer and UndefinedBehaviorSanitizer: all but the core,
// which other tests have there, and which takes long to compile with it. Print, Stream, String and IPAddress are those of
// Debian's AVR core.

import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { aotEngine, ownSources, RUNTIME_FILES } from "../../scripts/runtime_sources.mjs";
import { root } from "../report/tools.js";

/** Where Debian has it. */
const AVR_CORE = "/usr/share/arduino/hardware/arduino/avr/cores/arduino";
const AVR_FILES = ["Print.cpp", "Stream.cpp", "WString.cpp", "IPAddress.cpp"];

const FOLDERS = ["boards/arduino", "boards/include", "boards/drivers", "boards/linux", "test/arduino/core"];

const INCLUDES = FOLDERS.flatMap((folder) => ["-I", join(root, folder)]);
const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"];
const COMMON = ["-O1", "-g"];

/** Of our own C++: it has no warnings. What an Arduino IDE compiles with is C++11 or later. */
const CPP = ["-std=gnu++11", "-Wall", "-Wextra", "-Werror"];
/** As on a microcontroller. */
const BARE = ["-fno-exceptions", "-fno-rtti"];
const CORE_HEADERS = ["-include", join(root, "test/arduino/core/Arduino.h"), "-isystem", AVR_CORE];

/** Compiled parts, to be linked with programs. */
export interface Parts {
  readonly folder: string;
  /** The runtime with the core, and a TAP interface. */
  readonly runtime: readonly string[];
  /** The Arduino classes. */
  readonly arduino: readonly string[];
}

/** Compiles everything but the programs, into a folder of build/ by this name. `module`: a core of the standard build. */
export async function buildParts(name: string, module = `${root}build/standard.wasm`): Promise<Parts> {
  const folder = join(root, "build", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = [...RUNTIME_FILES, "boards/runtime/net.c", "boards/linux/tap.c", "boards/linux/os_pthread.c"];
  const sources = [
    ...ownSources([...files, "test/arduino/core/port.c"], [...FOLDERS]),
    ...aotEngine(module, join(folder, "core")),
  ];
  const c = (file: string, options: readonly string[]) => compile(folder, "gcc", file, options);
  const runtime = sources.map(({ file, options }) =>
    c(file, [...options, ...(basename(file) === "port.c" ? ["-std=gnu11"] : [])]),
  );
  const cpp = [...ownClasses(), join(root, "test/arduino/core/host.cpp")];
  const arduino = [
    ...cpp.map((file) => compile(folder, "g++", file, [...CPP, ...BARE, ...CORE_HEADERS, ...INCLUDES])),
    ...AVR_FILES.map((file) =>
      compile(folder, "g++", join(AVR_CORE, file), ["-w", ...BARE, ...CORE_HEADERS, ...INCLUDES]),
    ),
  ];
  return { folder, runtime: await inTurn(runtime), arduino: await inTurn(arduino) };
}

/** Compiles a sketch (.ino), or a program in C++ on the Arduino classes; returns the program's path. */
export async function buildSketch(parts: Parts, file: string): Promise<string> {
  const folder = join(parts.folder, basename(file).replace(/\..*/, ""));
  mkdirSync(folder, { recursive: true });
  const options = [...CPP, ...BARE, "-x", "c++", ...CORE_HEADERS, ...INCLUDES];
  const isSketch = file.endsWith(".ino");
  const files = [join(root, file), ...(isSketch ? [join(root, "test/arduino/core/main.cpp")] : [])];
  const objects = await inTurn(files.map((path) => compile(folder, "g++", path, options)));
  return await link(folder, "g++", [...objects, ...parts.arduino, ...parts.runtime], []);
}

/** A program in C. */
export interface Program {
  readonly name: string;
  readonly files: readonly string[];
  readonly folders: readonly string[];
  readonly options?: readonly string[];
  readonly libraries?: readonly string[];
}

/** Compiles a program in C; returns its path. */
export async function buildProgram(parts: Parts, program: Program): Promise<string> {
  const folder = join(parts.folder, program.name);
  mkdirSync(folder, { recursive: true });
  const headers = program.folders.flatMap((path) => ["-I", join(root, path)]);
  const options = [
    ...["-std=gnu11", "-Wall", "-Wextra", "-Wconversion", "-Werror"],
    ...[...headers, ...INCLUDES, ...(program.options ?? [])],
  ];
  const objects = await inTurn(
    program.files.map((file) => compile(folder, "gcc", join(root, file), options)),
  );
  return await link(folder, "gcc", [...objects, ...parts.runtime], program.libraries ?? []);
}

/**
 * Compiles the Arduino classes for an ESP32-C3's instructions, where an int32_t is a long; returns the names of what they
 * want of others.
 */
export async function buildForMicrocontroller(name: string): Promise<string[]> {
  const folder = join(root, "build", name);
  mkdirSync(folder, { recursive: true });
  const prefix = "riscv64-unknown-elf";
  const options = ["--specs=picolibc.specs", "-march=rv32imc", "-mabi=ilp32", "-Os", "-Wconversion"];
  const objects = ownClasses().map((file) => join(folder, `${basename(file)}.o`));
  for (const [index, file] of ownClasses().entries()) {
    const all = [
      ...options,
      ...CPP,
      ...BARE,
      ...CORE_HEADERS,
      ...INCLUDES,
      "-c",
      file,
      "-o",
      objects[index] as string,
    ];
    await promisify(execFile)(`${prefix}-g++`, all);
  }
  const { stdout } = await promisify(execFile)(`${prefix}-nm`, ["-u", ...objects]);
  return [...stdout.matchAll(/ U (\S+)/g)].map(([, symbol = ""]) => symbol);
}

function ownClasses(): string[] {
  const files = readdirSync(join(root, "boards/arduino")).filter((file) => file.endsWith(".cpp"));
  return files.map((file) => join(root, "boards/arduino", file));
}

type Job = () => Promise<string>;

function compile(folder: string, compiler: string, file: string, options: readonly string[]): Job {
  const object = join(folder, `${basename(file)}.o`);
  return async () => {
    const sanitizers = basename(file) === "core.c" ? [] : SANITIZERS;
    await promisify(execFile)(compiler, [...options, ...COMMON, ...sanitizers, "-c", file, "-o", object]);
    return object;
  };
}

async function link(
  folder: string,
  compiler: string,
  objects: readonly string[],
  libraries: readonly string[],
): Promise<string> {
  const program = join(folder, "program");
  await promisify(execFile)(compiler, [
    ...SANITIZERS,
    ...objects,
    "-pthread",
    "-lm",
    ...libraries,
    "-o",
    program,
  ]);
  return program;
}

/** Two at a time. */
async function inTurn(jobs: readonly Job[]): Promise<string[]> {
  const results: string[] = [];
  let next = 0;
  const worker = async () => {
    while (next < jobs.length) {
      const index = next++;
      results[index] = await (jobs[index] as Job)();
    }
  };
  await Promise.all([worker(), worker()]);
  return results;
}
