// Builds programs of the C runtime for Linux and prints where they are:
//
//     node scripts/linux.mjs wasm3|aot [--program web|api] [--sanitize] [--module FILE]
//     node scripts/linux.mjs none --program hostile|fastmem [--sanitize]
//
// web is the device itself, boards/linux; api the test of ferrule.h, test/linux/api.c; hostile that of the runtime on a core
// that lies, and fastmem that of boards/runtime/fastmem.c, which have no engine. With --sanitize, our own C runs
// under AddressSanitizer and UndefinedBehaviorSanitizer. --module: ahead of time, the core to translate in place of
// build/core.wasm (wasm3 is given its module when it is started).

import { mkdirSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { translate } from "./aot.mjs";
import { root, run } from "./support.mjs";
import { WASM3_OPTIONS, wasm3Sources } from "./wasm3.mjs";

const MINUTE = 60_000;

const OURS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2", "-g"];
/** Code that others wrote, or that was generated: compiled as it is. */
const FOREIGN = ["-std=gnu99", "-w", "-O2", "-g"];
const INCLUDES = ["include", "runtime", "apps", "linux"].flatMap((name) => [
  "-I",
  join(root, "boards", name),
]);

const ADDRESS = "-fsanitize=address";
const UNDEFINED = ["-fsanitize=undefined", "-fno-sanitize-recover=undefined"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sanitize: { type: "boolean", default: false },
    module: { type: "string" },
    program: { type: "string", default: "web" },
  },
});
const RUNTIME = ["boards/runtime/ferrule.c", "boards/runtime/errors.c"];
const PROGRAMS = {
  web: {
    files: ["boards/apps/web.c", "boards/linux/tap.c", "boards/linux/main.c", ...RUNTIME],
    hasEngine: true,
  },
  api: { files: ["test/linux/api.c", ...RUNTIME], hasEngine: true },
  hostile: { files: ["test/linux/hostile.c", ...RUNTIME], hasEngine: false },
  fastmem: { files: ["test/linux/fastmem.c"], hasEngine: false },
};

const [engine] = positionals;
const engines = !Object.hasOwn(PROGRAMS, values.program)
  ? []
  : PROGRAMS[values.program].hasEngine
    ? ["wasm3", "aot"]
    : ["none"];
if (!engines.includes(engine))
  stop(
    "usage: node scripts/linux.mjs wasm3|aot [--program web|api] [--sanitize] [--module FILE], or none --program hostile|fastmem",
  );

const variant = [
  values.program,
  engine,
  ...(values.sanitize ? ["sanitized"] : []),
  ...(values.module ? [basename(values.module, ".wasm")] : []),
];
const folder = join(root, "build/linux", variant.join("-"));
mkdirSync(folder, { recursive: true });
const program = join(folder, values.program);
const ofEngine = { wasm3: ofWasm3, aot: ofAot, none: () => [] };
const sources = [...common(), ...ofEngine[engine]()];
const objects = sources.map(compile);
gcc([...(values.sanitize ? [ADDRESS, ...UNDEFINED] : []), ...objects, "-lm", "-o", program]);
console.log(program);

function common() {
  return PROGRAMS[values.program].files.map((file) => ({
    file: join(root, file),
    options: [...OURS, ...INCLUDES],
    own: true,
  }));
}

function ofWasm3() {
  const { directory, problem } = wasm3Sources();
  if (problem) stop(problem);
  const heap = join(root, "boards/runtime/wasm3_heap.h");
  const foreign = readdirSync(directory).filter((name) => /^m3_(?!api_).*\.c$/.test(name));
  return [
    ...["engine_wasm3.c", "arena.c"].map((name) => ({
      file: join(root, "boards/runtime", name),
      options: [...OURS, ...INCLUDES, ...WASM3_OPTIONS, "-isystem", directory],
      own: true,
    })),
    ...foreign.map((name) => ({
      file: join(directory, name),
      options: [...FOREIGN, ...WASM3_OPTIONS, "-include", heap],
      // Its arithmetic wraps where C leaves that open, and its code pages are not aligned: no business of ours.
      own: false,
    })),
  ];
}

function ofAot() {
  const translated = join(folder, "core");
  const identity = translate(values.module ?? join(root, "build/core.wasm"), translated);
  const headers = [...INCLUDES, "-I", join(root, "boards/runtime/aot"), "-isystem", translated];
  return [
    {
      file: join(root, "boards/runtime/engine_aot.c"),
      options: [...OURS, ...headers, ...identity],
      own: true,
    },
    { file: join(translated, "core.c"), options: [...FOREIGN, ...headers], own: true },
  ];
}

function compile({ file, options, own }) {
  const object = join(folder, `${basename(file)}.o`);
  const sanitizers = values.sanitize ? [ADDRESS, ...(own ? UNDEFINED : [])] : [];
  gcc([...options, ...sanitizers, "-c", file, "-o", object]);
  return object;
}

function gcc(args) {
  const { ok, output, problem } = run("gcc", args, { timeoutMs: 2 * MINUTE });
  if (!ok) stop(`gcc failed (${problem}):\n${output}`);
}

function stop(text) {
  console.error(`linux: ${text}`);
  process.exit(1);
}
