// Builds programs of the C runtime for Linux and prints where they are:
//
//     node scripts/linux.mjs wasm3|aot [--program web|api] [--sanitize] [--module FILE] [--fixed-memory BYTES]
//     node scripts/linux.mjs none --program hostile|fastmem [--sanitize]
//
// web is the device itself, boards/linux; api the test of ferrule.h, test/linux/api.c; hostile that of the runtime on a core
// that lies, and fastmem that of boards/runtime/fastmem.c, which have no engine. With --sanitize, our own C runs
// under AddressSanitizer and UndefinedBehaviorSanitizer. --module: ahead of time, the core to translate in place of
// build/core.wasm (wasm3 is given its module when it is started). --fixed-memory: ahead of time, linear memory is an array
// of so many bytes.

import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { aotEngine, ownSources, RUNTIME_FILES, wasm3Engine } from "./runtime_sources.mjs";
import { root, run } from "./support.mjs";
import { wasm3Sources } from "./wasm3.mjs";

const MINUTE = 60_000;

const ADDRESS = "-fsanitize=address";
const UNDEFINED = ["-fsanitize=undefined", "-fno-sanitize-recover=undefined"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sanitize: { type: "boolean", default: false },
    module: { type: "string" },
    "fixed-memory": { type: "string" },
    program: { type: "string", default: "web" },
  },
});
const PROGRAMS = {
  web: {
    files: [
      "boards/apps/web.c",
      "boards/apps/http.c",
      "boards/linux/tap.c",
      "boards/linux/main.c",
      ...RUNTIME_FILES,
    ],
    hasEngine: true,
  },
  api: { files: ["test/linux/api.c", ...RUNTIME_FILES], hasEngine: true },
  hostile: { files: ["test/linux/hostile.c", ...RUNTIME_FILES], hasEngine: false },
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
  ...(values["fixed-memory"] ? ["fixed"] : []),
  ...(values.module ? [basename(values.module, ".wasm")] : []),
];
const folder = join(root, "build/linux", variant.join("-"));
mkdirSync(folder, { recursive: true });
const program = join(folder, values.program);
const ofEngine = { wasm3: ofWasm3, aot: ofAot, none: () => [] };
const sources = [
  ...ownSources(PROGRAMS[values.program].files, ["boards/apps", "boards/linux"]),
  ...ofEngine[engine](),
];
const objects = sources.map(compile);
gcc([...(values.sanitize ? [ADDRESS, ...UNDEFINED] : []), ...objects, "-lm", "-o", program]);
console.log(program);

function ofWasm3() {
  const { directory, problem } = wasm3Sources();
  if (problem) stop(problem);
  return wasm3Engine(directory);
}

function ofAot() {
  const { sanitize, "fixed-memory": bytes } = values;
  const options = [
    // What goes unchecked is put to the test: boards/runtime/aot/aot.h.
    ...(sanitize ? ["-DFERRULE_AOT_VERIFY"] : []),
    ...(bytes ? [`-DFERRULE_AOT_MEMORY_BYTES=${bytes}`] : []),
  ];
  return aotEngine(values.module ?? join(root, "build/core.wasm"), join(folder, "core"), options);
}

function compile({ file, options, isOurs }) {
  const object = join(folder, `${basename(file)}.o`);
  const sanitizers = values.sanitize ? [ADDRESS, ...(isOurs ? UNDEFINED : [])] : [];
  gcc(["-O2", "-g", ...options, ...sanitizers, "-c", file, "-o", object]);
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
