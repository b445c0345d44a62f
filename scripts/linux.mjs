// Builds programs of the C runtime for Linux and prints where they are:
//
//     node scripts/linux.mjs wasm3|aot [--program web|api|net] [--sanitize | --sanitize-threads] [--module FILE]
//                            [--fixed-memory BYTES]
//     node scripts/linux.mjs none --program hostile|fastmem [--sanitize]
//
// web is the device itself, boards/linux; api the test of ferrule.h, test/linux/api.c; net that of ferrule_net.h, net.c; hostile
// that of the runtime on a core that lies, and fastmem that of boards/runtime/fastmem.c, which have no engine. With
// --sanitize, our own C runs under AddressSanitizer and UndefinedBehaviorSanitizer, with --sanitize-threads under
// ThreadSanitizer. --module: ahead of time, the core to translate in place of build/core.wasm (wasm3 is given its module
// when it is started). --fixed-memory: ahead of time, linear memory is an array of so many bytes.

import { mkdirSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { aotEngine, ownSources, RUNTIME_FILES, wasm3Engine } from "./runtime_sources.mjs";
import { root, run } from "./support.mjs";
import { wasm3Sources } from "./wasm3.mjs";

const MINUTE = 60_000;

const ADDRESS = "-fsanitize=address";
const UNDEFINED = ["-fsanitize=undefined", "-fno-sanitize-recover=undefined"];
const THREAD = "-fsanitize=thread";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sanitize: { type: "boolean", default: false },
    "sanitize-threads": { type: "boolean", default: false },
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
  api: { files: ["test/linux/api.c", "test/linux/dhcp_server.c", ...RUNTIME_FILES], hasEngine: true },
  net: {
    files: [
      ...["net.c", "pair.c", "dhcp_server.c"].map((name) => `test/linux/${name}`),
      "boards/linux/os_pthread.c",
      "boards/runtime/net.c",
      ...RUNTIME_FILES,
    ],
    hasEngine: true,
  },
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
    "usage: node scripts/linux.mjs wasm3|aot [--program web|api|net] [--sanitize] [--module FILE], or none --program hostile|fastmem",
  );

const variant = [
  values.program,
  engine,
  ...(values.sanitize ? ["sanitized"] : []),
  ...(values["sanitize-threads"] ? ["threads"] : []),
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
gcc([...sanitizers(true), ...objects, "-lm", "-pthread", "-o", program]);
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
  // Names of files are not unique, their places are.
  const object = join(folder, `${relative(root, file).replaceAll(/[/.]+/g, "_")}.o`);
  gcc(["-O2", "-g", ...options, ...sanitizers(isOurs), "-c", file, "-o", object]);
  return object;
}

/** wasm3 is one tail call after another, which ThreadSanitizer does away with: it goes without. */
function sanitizers(isOurs) {
  if (values["sanitize-threads"]) return isOurs ? [THREAD] : [];
  return values.sanitize ? [ADDRESS, ...(isOurs ? UNDEFINED : [])] : [];
}

function gcc(args) {
  const { ok, output, problem } = run("gcc", args, { timeoutMs: 2 * MINUTE });
  if (!ok) stop(`gcc failed (${problem}):\n${output}`);
}

function stop(text) {
  console.error(`linux: ${text}`);
  process.exit(1);
}
