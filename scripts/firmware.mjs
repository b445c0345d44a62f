// Builds firmware images and prints where they are:
//
//     node scripts/firmware.mjs BOARD wasm3|aot [--module FILE] [--connections N] [--ring BYTES] [--define NAME=VALUE]...
//
// A port says in its build.mjs what its boards are made of: see `Board` in firmware.d.mts. --module: the core to run in place
// of build/core.wasm. Node's own modules only.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as linux from "../boards/linux/build.mjs";
import * as qemuRiscv from "../boards/qemu_riscv/build.mjs";
import * as qemuXtensa from "../boards/qemu_xtensa/build.mjs";
import * as rp2040 from "../boards/rp2040/build.mjs";
import { aotEngine, engineInputs, ownSources, RUNTIME_FILES, wasm3Engine } from "./runtime_sources.mjs";
import { step } from "./steps.mjs";
import { hasTool, root, run, TOOLS } from "./support.mjs";
import { wasm3Sources } from "./wasm3.mjs";

const MINUTE = 60_000;

const FOLDER = join(root, "build/firmware");

/** All boards by name. */
export const BOARDS = { ...qemuRiscv.boards, ...qemuXtensa.boards, ...rp2040.boards, ...linux.boards };

export const ENGINES = ["wasm3", "aot"];

/** What every board's program is made of, beside the port, the runtime and the engine. */
const APPLICATION = ["main", "web", "http"].map((name) => `boards/apps/${name}.c`);

/** Tools (support.mjs) that a board's firmware needs with an engine. */
export function toolsFor(name, engine) {
  return [...BOARDS[name].tools, ...(engine === "wasm3" ? ["wasm3"] : [])];
}

/**
 * Builds the firmware unless it is fresh. Returns `{ image, elf, problem }`: paths; `problem` says in words what went wrong,
 * and is empty after success. `defines`: NAME=VALUE for the application's and the port's C. `sanitize`: our own C runs under
 * AddressSanitizer and UndefinedBehaviorSanitizer, on a board that is a program for this machine. `program`: sources in place
 * of the application, the runtime and the engine, for a test of the port alone.
 */
export function buildFirmware(
  name,
  engine,
  { module = join(root, "build/core.wasm"), defines = [], sanitize = false, program = [] } = {},
) {
  const lacking = BOARDS[name].tools.find((tool) => !hasTool(tool));
  if (lacking)
    return { problem: `${lacking} is missing; Debian package ${TOOLS[lacking].packages.join(", ")}` };
  const core = basename(module, ".wasm");
  const variant = [
    ...[name, engine, ...(core === "core" ? [] : [core])],
    ...program.map((file) => fileName(basename(file))),
    ...(sanitize ? ["sanitized"] : []),
    ...defines.map(fileName),
  ].join("-");
  const folder = join(FOLDER, variant);
  const elf = join(folder, "firmware.elf");
  const image = BOARDS[name].image === "bin" ? join(folder, "firmware.bin") : elf;
  let problem = "";
  step({
    name: `firmware-${variant}`,
    says: `building firmware for ${name} on ${engine}`,
    inputs: [
      ...engineInputs(engine),
      ...["boards/apps", "boards/drivers", "scripts/firmware.mjs", BOARDS[name].folder],
      ...program,
      relative(root, resolve(module)),
    ],
    outputs: [relative(root, image)],
    work() {
      problem = build(BOARDS[name], engine, {
        module: resolve(module),
        defines,
        sanitize,
        program,
        folder,
        elf,
        image,
      });
      return problem === "";
    },
  });
  return { image, elf, problem };
}

/** Returns what went wrong, in words. */
function build(board, engine, { module, defines, sanitize, program, folder, elf, image }) {
  mkdirSync(folder, { recursive: true });
  const options = [
    ...board.options,
    ...defines.map((define) => `-D${define}`),
    ...(sanitize ? ["-fsanitize=address"] : []),
  ];
  const isWhole = program.length === 0;
  const upper = isWhole ? [...APPLICATION, ...RUNTIME_FILES] : program;
  const own = ownSources([...upper, ...board.files], ["boards/apps", board.folder]);
  const { sources, problem } = isWhole ? engineSources(engine, module, folder) : { sources: [] };
  if (problem) return problem;
  const objects = [];
  for (const source of [...own, ...sources]) {
    const object = join(folder, `${basename(source.file)}.o`);
    const undefinedToo = sanitize && source.isOurs ? UNDEFINED : [];
    const args = [
      "-g",
      "-O2",
      ...options,
      ...undefinedToo,
      ...source.options,
      ...SECTIONS,
      "-c",
      source.file,
      "-o",
      object,
    ];
    const { ok, output, problem } = run(board.compiler, args, { timeoutMs: 2 * MINUTE });
    if (!ok) return `${board.compiler} ${source.file} failed (${problem}):\n${output}`;
    objects.push(object);
  }
  const link = [
    "-O2",
    ...options,
    ...(sanitize ? UNDEFINED : []),
    ...objects,
    "-Wl,--gc-sections",
    `-Wl,-Map=${elf}.map`,
  ];
  const linked = run(board.compiler, [...link, ...board.link, "-o", elf], { timeoutMs: 2 * MINUTE });
  if (!linked.ok) return `linking ${elf} failed (${linked.problem}):\n${linked.output}`;
  if (image === elf) return "";
  const copied = run(board.objcopy, ["-O", "binary", elf, image]);
  return copied.ok ? "" : `${board.objcopy} failed (${copied.problem}):\n${copied.output}`;
}

const UNDEFINED = ["-fsanitize=undefined", "-fno-sanitize-recover=undefined"];

const SECTIONS = ["-ffunction-sections", "-fdata-sections"];

/** The engine's sources with its module: `{ sources, problem }`. */
function engineSources(engine, module, folder) {
  if (engine === "aot")
    return { sources: [moduleSource(new Uint8Array(1), folder), ...aotEngine(module, join(folder, "core"))] };
  const { directory, problem } = wasm3Sources();
  if (problem) return { problem };
  return { sources: [moduleSource(readFileSync(module), folder), ...wasm3Engine(directory)] };
}

/** The module's bytes as C. */
function moduleSource(bytes, folder) {
  const file = join(folder, "module.c");
  const head =
    "#include <stdint.h>\nextern const uint8_t firmware_module[];\nextern const uint32_t firmware_module_bytes;\n";
  const array = `const uint8_t firmware_module[] = {${Array.from(bytes).join(",")}};\n`;
  writeFileSync(file, `${head}${array}const uint32_t firmware_module_bytes = sizeof firmware_module;\n`);
  return { file, options: ["-std=c99"], headers: [], isOurs: true };
}

/** A definition as part of a file name. */
function fileName(define) {
  return define.replace(/[^A-Za-z0-9_]/g, "_");
}

if (resolve(argv[1] ?? "") === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { module: { type: "string" }, define: { type: "string", multiple: true, default: [] } },
  });
  const [name, engine] = positionals;
  const usage = `usage: node scripts/firmware.mjs ${Object.keys(BOARDS).join("|")} wasm3|aot [--module FILE] [--define NAME=VALUE]`;
  const known = positionals.length === 2 && Object.hasOwn(BOARDS, name) && ENGINES.includes(engine);
  const { image, problem } = known
    ? buildFirmware(name, engine, {
        ...(values.module && { module: values.module }),
        defines: values.define,
      })
    : { problem: usage };
  if (problem) {
    console.error(`firmware: ${problem}`);
    process.exitCode = 1;
  } else {
    console.log(relative(process.cwd(), image));
  }
}
