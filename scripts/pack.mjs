// Makes the packages: `npm run pack` writes them to dist/.
//
//     ferrule/              one library for PlatformIO, Arduino, ESP-IDF and plain CMake: C, the built modules and the C that is
//                           made of them, so that firmware needs neither Node nor the compiler of the core
//     ferrule-VERSION.zip   the same, for "Add .ZIP Library"
//     ferrule-VERSION.tgz   the npm package
//
// What each package says of itself is in packages/. Node's own modules only.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { translate } from "./aot.mjs";
import { root, run } from "./support.mjs";
import { WASM3_OPTIONS } from "./wasm3.mjs";

/** The builds of the core that go along, by the name that FERRULE_MODULE has for them. */
const MODULES = ["core", "standard"];

const WASM3 = "defined(FERRULE_ENGINE_WASM3)";

/**
 * What the library is made of: folders of the project, the names taken from them, and what has to be defined for a file to count.
 * A package manager compiles all that it finds: what is for one engine or one system alone says so itself.
 */
const PARTS = [
  { folder: "boards/include", names: /\.h$/ },
  { folder: "boards/runtime", names: /^(ferrule|services|errors|checksum|net|module)\.c$|\.h$/ },
  { folder: "boards/runtime", names: /^arena\.c$/, when: WASM3 },
  { folder: "boards/runtime", names: /^engine_wasm3\.c$/, when: WASM3, first: "wasm3_limits.h" },
  { folder: "boards/runtime", names: /^engine_aot\.c$/, when: `!${WASM3}`, first: "aot_identity.h" },
  { folder: "boards/runtime/aot", names: /\.h$/ },
  { folder: "boards/drivers", names: /^(netdev|spi)\.h$|^(w5500|enc28j60)(_regs)?\.[ch]$/ },
  {
    folder: "boards/linux",
    names: /^os_pthread\.[ch]$/,
    when: "defined(__linux__) && !defined(ESP_PLATFORM)",
  },
  { folder: "boards/esp32", names: /\.[ch]$/, when: "defined(ESP_PLATFORM)" },
  { folder: "boards/arduino", names: /\.(h|c|cpp)$/, when: "defined(ARDUINO)" },
];

/**
 * wasm3's sources are not in the library. Each is included by a file of ours, so that it gets a microcontroller's limits and the
 * device's memory as its heap wherever its folder is on the include path; what a package manager compiles of it besides is not
 * linked.
 */
const WASM3_FILES = "bind code compile core emit env exec function info module parse".split(" ");

/** Code that is generated, or others', has labels and variables that nobody uses, and more that compilers warn of. */
const QUIET = `#if defined(__GNUC__)
${[
  "unused",
  "unused-parameter",
  "unused-value",
  "sign-compare",
  "implicit-fallthrough",
  "missing-field-initializers",
  "cast-function-type",
]
  .map((name) => `#pragma GCC diagnostic ignored "-W${name}"\n`)
  .join("")}#endif
`;

/** Where the library's own files lie in it. */
const SOURCES = "src/ferrule";

/** Makes the library in `folder`. Throws with the reason when it cannot. */
export function packLibrary(folder) {
  rmSync(folder, { recursive: true, force: true });
  const sources = join(folder, SOURCES);
  mkdirSync(sources, { recursive: true });
  for (const part of PARTS) copyPart(part, sources);
  const identities = MODULES.map((name) => packModule(name, sources));
  writeFileSync(join(sources, "aot_identity.h"), identityHeader(identities));
  packWasm3(sources);
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const name of readdirSync(join(root, "packages/library"))) {
    const text = readFileSync(join(root, "packages/library", name), "utf8");
    writeFileSync(
      join(folder, name.endsWith(".h") ? `src/${name}` : name),
      text.replaceAll("@VERSION@", version),
    );
  }
  for (const name of ["LICENSE", "CHANGELOG.md"]) copyFileSync(join(root, name), join(folder, name));
  copyExamples(join(folder, "examples"));
  copyInterfaces(join(folder, "examples"));
}

/** Packs the library's folder as a .zip, beside it, and the npm package. Returns both paths. */
export function packArchives(folder, dist) {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const zip = join(dist, `ferrule-${version}.zip`);
  rmSync(zip, { force: true });
  must(run("python3", ["-m", "zipfile", "-c", zip, folder]), "packing the .zip");
  must(
    run("npm", ["pack", "--ignore-scripts", "--pack-destination", dist], { timeoutMs: 120_000 }),
    "npm pack",
  );
  return { zip, npm: join(dist, `ferrule-${version}.tgz`) };
}

function copyPart({ folder, names, when, first }, to) {
  let files;
  try {
    files = readdirSync(join(root, folder));
  } catch {
    throw new Error(`${folder} is not there`);
  }
  for (const name of files.filter((name) => names.test(name))) {
    const text = readFileSync(join(root, folder, name), "utf8");
    const head = first ? `#include "${first}"\n` : "";
    const isGuarded = when && /\.(c|cpp)$/.test(name);
    writeFileSync(join(to, name), isGuarded ? `#if ${when}\n${head}${text}#endif\n` : text);
  }
}

/** The module as bytes, and as C. Returns the definitions that tell its identity. */
function packModule(name, to) {
  const wasm = join(root, `build/${name}.wasm`);
  const folder = join(root, "build/pack", name);
  const options = translate(wasm, folder);
  const chosen = name === "core" ? "defined(FERRULE_MODULE_CORE)" : "!defined(FERRULE_MODULE_CORE)";
  const code = readFileSync(join(folder, "core.c"), "utf8");
  writeFileSync(join(to, `aot_${name}.c`), `#if !${WASM3} && ${chosen}\n${QUIET}${code}\n#endif\n`);
  // The same for all modules: they have the same exports.
  copyFileSync(join(folder, "core.h"), join(to, "core.h"));
  const bytes = Array.from(readFileSync(wasm));
  const lines = Array.from({ length: Math.ceil(bytes.length / 24) }, (_, at) =>
    bytes.slice(at * 24, at * 24 + 24).join(","),
  );
  writeFileSync(
    join(to, `module_${name}.c`),
    `/* build/${name}.wasm, made by scripts/pack.mjs. */\n#if ${WASM3} && ${chosen}\n#include "ferrule_module.h"\n` +
      `const uint8_t ferrule_module[] = {\n${lines.join(",\n")}};\n` +
      "const uint32_t ferrule_module_bytes = sizeof ferrule_module;\n#endif\n",
  );
  copyFileSync(wasm, join(to, "../..", `${name}.wasm`));
  return { chosen, defines: options.map((option) => option.replace(/^-D(\w+)=/, "#define $1 ")) };
}

function packWasm3(to) {
  const limits = WASM3_OPTIONS.map((option) => option.replace(/^-D(\w+)=/, "#define $1 "));
  writeFileSync(join(to, "wasm3_limits.h"), `/* From scripts/wasm3.mjs. */\n${limits.join("\n")}\n`);
  for (const name of WASM3_FILES)
    writeFileSync(
      join(to, `wasm3_${name}.c`),
      `#if ${WASM3}\n${QUIET}#include "wasm3_limits.h"\n#include "wasm3_heap.h"\n#include "m3_${name}.c"\n#endif\n`,
    );
}

function identityHeader(identities) {
  const parts = identities.map(({ chosen, defines }) => `#if ${chosen}\n${defines.join("\n")}\n#endif\n`);
  return `/* Which modules the C was made of, by scripts/pack.mjs. */\n${parts.join("")}`;
}

function copyExamples(to) {
  const from = join(root, "examples");
  let names;
  try {
    names = readdirSync(from, { recursive: true, withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of names.filter((entry) => entry.isFile())) {
    const inside = join(entry.parentPath ?? entry.path).slice(from.length + 1);
    mkdirSync(join(to, inside), { recursive: true });
    copyFileSync(join(from, inside, entry.name), join(to, inside, basename(entry.name)));
  }
}

/** What an example wants of a machine is an interface of the project's own. */
function copyInterfaces(examples) {
  copyFileSync(join(root, "boards/apps/board.h"), join(examples, "low_power/board.h"));
}

function must({ ok, output, problem }, what) {
  if (!ok) throw new Error(`${what} failed (${problem}):\n${output}`);
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const dist = join(root, "dist");
  mkdirSync(dist, { recursive: true });
  packLibrary(join(dist, "ferrule"));
  const { zip, npm } = packArchives(join(dist, "ferrule"), dist);
  for (const path of [join(dist, "ferrule/"), zip, npm]) console.log(path.slice(root.length + 1));
}
