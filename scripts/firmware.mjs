// Builds firmware images and prints where they are:
//
//     node scripts/firmware.mjs BOARD wasm3|aot [--module FILE] [--define NAME=VALUE]...
//
// A port says in its build.mjs what its boards are made of: see `Board` in firmware.d.mts. --module: the core to run in place
// of build/core.wasm. Node's own modules only.

import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as linux from "../boards/linux/build.mjs";
import * as qemuRiscv from "../boards/qemu_riscv/build.mjs";
import * as qemuXtensa from "../boards/qemu_xtensa/build.mjs";
import * as rp2040 from "../boards/rp2040/build.mjs";
import { translate } from "./aot.mjs";
import {
  engineInputs,
  ownSources,
  RUNTIME_FILES,
  translatedEngine,
  wasm3Engine,
} from "./runtime_sources.mjs";
import { step } from "./steps.mjs";
import { hasTool, root, run, TOOLS } from "./support.mjs";
import { wasm3Sources } from "./wasm3.mjs";

const MINUTE = 60_000;

const FOLDER = join(root, "build/firmware");
const OBJECTS = join(FOLDER, "objects");

/** All boards by name. */
export const BOARDS = { ...qemuRiscv.boards, ...qemuXtensa.boards, ...rp2040.boards, ...linux.boards };

export const ENGINES = ["wasm3", "aot"];

/** What every board's program is made of, beside the port, the runtime and the engine. */
const APPLICATION = ["main", "network", "web", "http"].map((name) => `boards/apps/${name}.c`);

/** Tools (support.mjs) that a board's firmware needs with an engine. */
export function toolsFor(name, engine) {
  return [...BOARDS[name].tools, ...(engine === "wasm3" ? ["wasm3"] : [])];
}

/**
 * Builds the firmware unless it is fresh. Returns `{ image, elf, problem }`: paths; `problem` says in words what went wrong,
 * and is empty after success. `defines`: NAME=VALUE for the application's and the port's C. `sanitize`: our own C runs under
 * AddressSanitizer and UndefinedBehaviorSanitizer, on a board that is a program for this machine. `program`: sources in place
 * of the application, the runtime and the engine, for a test of the port alone. `application`: sources in place of the application.
 */
export function buildFirmware(
  name,
  engine,
  {
    module = join(root, "build/core.wasm"),
    defines = [],
    sanitize = false,
    program = [],
    application = APPLICATION,
  } = {},
) {
  const lacking = BOARDS[name].tools.find((tool) => !hasTool(tool));
  if (lacking)
    return { problem: `${lacking} is missing; Debian package ${TOOLS[lacking].packages.join(", ")}` };
  const core = basename(module, ".wasm");
  const variant = [
    ...[name, engine, ...(core === "core" ? [] : [core])],
    ...program.map((file) => fileName(basename(file))),
    ...(application === APPLICATION ? [] : application.map((file) => fileName(basename(file)))),
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
      ...application,
      relative(root, resolve(module)),
    ],
    outputs: [relative(root, image)],
    work() {
      problem = build(BOARDS[name], engine, {
        module: resolve(module),
        defines,
        sanitize,
        program,
        application,
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
function build(board, engine, { module, defines, sanitize, program, application, folder, elf, image }) {
  mkdirSync(folder, { recursive: true });
  const options = [...board.options, ...SECTIONS, ...(sanitize ? ["-fsanitize=address"] : [])];
  const compiler = { command: board.compiler, options, version: run(board.compiler, ["--version"]).output };
  const isWhole = program.length === 0;
  const { sources, problem } = isWhole ? engineSources(engine, module, folder) : { sources: [] };
  if (problem) return problem;
  // What a build may say otherwise is in the application and the port.
  const defined = [...(board.defines ?? []), ...defines].map((define) => `-D${define}`);
  const own = [
    ...ownSources(
      [...(isWhole ? application : program), ...board.files],
      ["boards/apps", board.folder],
      defined,
    ),
    ...(isWhole ? ownSources(RUNTIME_FILES) : []),
  ];
  const objects = [];
  for (const source of [...own, ...sources]) {
    const undefinedToo = sanitize && source.isOurs ? UNDEFINED : [];
    const { object, problem } = compiled(compiler, {
      ...source,
      options: [...undefinedToo, ...source.options],
    });
    if (problem) return problem;
    objects.push(object);
  }
  const link = ["-O2", ...options, ...(sanitize ? UNDEFINED : []), ...objects, "-Wl,--gc-sections"];
  const args = [...link, `-Wl,-Map=${elf}.map`, ...board.link, "-o", elf];
  const linked = run(board.compiler, args, { timeoutMs: 2 * MINUTE });
  if (!linked.ok) return `linking ${elf} failed (${linked.problem}):\n${linked.output}`;
  if (image === elf) return "";
  const copied = run(board.objcopy, ["-O", "binary", elf, image]);
  return copied.ok ? "" : `${board.objcopy} failed (${copied.problem}):\n${copied.output}`;
}

/**
 * Compiles a source unless that was done before: `{ object, problem }`. Objects are kept under a hash of all that they are
 * made of, because boards, engines and builds have most of theirs in common.
 */
function compiled({ command, options, version }, { file, options: more, headers }) {
  const args = ["-g", "-O2", ...options, ...more];
  const hash = createHash("sha256")
    .update(JSON.stringify([version, args, file]))
    .update(readFileSync(file));
  for (const folder of headers)
    for (const name of readdirSync(folder).sort())
      if (name.endsWith(".h")) hash.update(name).update(readFileSync(join(folder, name)));
  const object = join(OBJECTS, `${basename(file)}-${hash.digest("hex").slice(0, 24)}.o`);
  if (existsSync(object)) return { object, problem: "" };
  mkdirSync(OBJECTS, { recursive: true });
  // Under another name until it is whole: others may build at the same time.
  const unfinished = `${object}.${randomUUID()}`;
  const { ok, output, problem } = run(command, [...args, "-c", file, "-o", unfinished], {
    timeoutMs: 2 * MINUTE,
  });
  if (!ok) return { object, problem: `${command} ${file} failed (${problem}):\n${output}` };
  renameSync(unfinished, object);
  return { object, problem: "" };
}

const UNDEFINED = ["-fsanitize=undefined", "-fno-sanitize-recover=undefined"];

const SECTIONS = ["-ffunction-sections", "-fdata-sections"];

/** The engine's sources with its module: `{ sources, problem }`. */
function engineSources(engine, module, folder) {
  if (!existsSync(module))
    return { problem: `the module ${module} is not there: npm run build makes the core` };
  if (engine === "aot") {
    const { core, identity, problem } = translatedOnce(module);
    if (problem) return { problem };
    return { sources: [moduleSource(new Uint8Array(1), folder), ...translatedEngine(core, identity)] };
  }
  const { directory, problem } = wasm3Sources();
  if (problem) return { problem };
  return { sources: [moduleSource(readFileSync(module), folder), ...wasm3Engine(directory)] };
}

/** The module as C, or `{ problem }`: one folder for each, whatever the board, because paths are part of what objects are made of. */
function translatedOnce(module) {
  const hash = createHash("sha256").update(readFileSync(module));
  // Who translates is part of it, too.
  for (const path of engineInputs("aot").filter((path) => path.endsWith(".mjs")))
    hash.update(readFileSync(join(root, path)));
  const core = join(FOLDER, `core-${hash.digest("hex").slice(0, 24)}`);
  if (!existsSync(core)) {
    const unfinished = `${core}.${randomUUID()}`;
    try {
      translate(module, unfinished);
    } catch ({ message }) {
      rmSync(unfinished, { recursive: true, force: true });
      return { problem: message };
    }
    try {
      renameSync(unfinished, core);
    } catch (error) {
      // Another build was quicker.
      if (!existsSync(core)) throw error;
    }
  }
  return { core, identity: readFileSync(join(core, "options.txt"), "utf8").trimEnd().split("\n") };
}

/** The module's bytes as C. */
function moduleSource(bytes, folder) {
  const file = join(folder, "firmware_module.c");
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
  const options = { module: { type: "string" }, define: { type: "string", multiple: true, default: [] } };
  const read = () => {
    try {
      return parseArgs({ allowPositionals: true, options });
    } catch ({ message }) {
      console.error(`firmware: ${message}`);
      return { values: {}, positionals: [] };
    }
  };
  const { values, positionals } = read();
  const [name, engine] = positionals;
  const usage = `usage: node scripts/firmware.mjs ${Object.keys(BOARDS).join("|")} wasm3|aot [--module FILE] [--define NAME=VALUE]...`;
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
