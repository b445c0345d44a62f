// `npm run bench`: executed instructions of the device's work (bench/work.c) on both engines, on x86-64 by callgrind and on
// rv32imc by QEMU's count, and what they take of memory and flash. Writes bench/RESULTS.md.
//
//     node scripts/bench.mjs [--check [--budget JSON]]
//
// --check compares the exact figures, those of rv32imc, with bench/budget.json (or the JSON given), and writes nothing.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { translate } from "./aot.mjs";
import { lastLines, root, run } from "./support.mjs";
import { WASM3_OPTIONS, wasm3Sources } from "./wasm3.mjs";

const MINUTE = 60_000;

const ENGINES = ["wasm3", "aot"];
const WORKS = ["RX", "TX", "RR", "CONN", "TICK4", "TICK16"];

/** Operations of each work, or virtual seconds. */
const OPERATIONS = 1000;

/** Growth over the budget that is let pass. */
const TOLERANCE = 1.02;

const FOLDER = join(root, "build/bench");
const BUDGET = join(root, "bench/budget.json");

const OURS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2", "-g"];
/** Code that others wrote, or that was generated: compiled as it is. */
const FOREIGN = ["-std=gnu99", "-w", "-O2", "-g"];
const INCLUDES = ["boards/include", "boards/runtime", "test/engines", "bench"].flatMap((name) => [
  "-I",
  join(root, name),
]);

/** As test/engines/build.ts has them: an ESP32-C3's instructions and memory. */
const RISCV = [
  "--specs=picolibc.specs",
  "--crt0=minimal",
  "-march=rv32imc",
  "-mabi=ilp32",
  "-ffunction-sections",
  "-fdata-sections",
];
const RISCV_MEMORY = `-Wl,--gc-sections,${[
  "--defsym=__flash=0x80000000",
  "--defsym=__flash_size=1M",
  "--defsym=__ram=0x80100000",
  "--defsym=__ram_size=1M",
  "--defsym=__heap_end=0x80100000+1008K",
].join(",")}`;

const QEMU = ["-M", "virt", "-cpu", "rv32,a=false,f=false,d=false", "-m", "16M", "-bios", "none"];
const QEMU_COUNTS = ["-display", "none", "-monitor", "none", "-serial", "stdio", "-icount", "shift=0"];

const TARGETS = {
  "x86-64": { command: "gcc", options: [], link: [], port: "native", more: [] },
  rv32imc: {
    command: "riscv64-unknown-elf-gcc",
    options: RISCV,
    link: [RISCV_MEMORY],
    port: "riscv",
    more: ["boards/runtime/fastmem.c"],
  },
};

const { values: given } = parseArgs({
  options: { check: { type: "boolean", default: false }, budget: { type: "string" } },
});
const isCheck = given.check;
const results = {};
for (const engine of ENGINES)
  for (const target of isCheck ? ["rv32imc"] : Object.keys(TARGETS)) {
    console.log(`bench: ${engine} on ${target}`);
    const program = build(engine, target);
    results[`${engine} ${target}`] = target === "rv32imc" ? countInQemu(program) : countInCallgrind(program);
  }
if (isCheck) check();
else report();

/** Instructions per operation of each work, exactly. */
function countInQemu(program) {
  const lines = linesOf("qemu-system-riscv32", [...QEMU, ...QEMU_COUNTS, "-kernel", program]);
  return Object.fromEntries(
    WORKS.map((work) => {
      const [, operations, instructions] = lines
        .find((line) => line.startsWith(`${work} `))
        .split(" ")
        .map(Number);
      return [work, instructions / operations];
    }),
  );
}

/** It cannot tell what opening connections takes from the work: a run of no operations is taken off. */
function countInCallgrind(program) {
  const only = ["--collect-atstart=no", "--toggle-collect=measured_*", "--toggle-collect=hook_*"];
  return Object.fromEntries(
    WORKS.map((work) => {
      const file = `--callgrind-out-file=${join(FOLDER, "callgrind.out")}`;
      const [all, none] = [OPERATIONS, 0].map((operations) => {
        const args = ["--tool=callgrind", file, ...only, program, work, String(operations)];
        return Number(/Collected : (\d+)/.exec(linesOf("valgrind", args).join("\n"))?.[1]);
      });
      return [work, (all - none) / OPERATIONS];
    }),
  );
}

function linesOf(command, args) {
  const { ok, output, problem } = run(command, args, { timeoutMs: 5 * MINUTE });
  if (!ok || !/^done$/m.test(output)) stop(`${command} failed (${problem}):\n${lastLines(output, 20)}`);
  return output.split("\n").map((line) => line.trim());
}

function build(engine, target) {
  const { command, options, link, port, more } = TARGETS[target];
  const folder = join(FOLDER, `${engine}-${target}`);
  mkdirSync(folder, { recursive: true });
  const common = [
    "bench/work.c",
    "bench/peer.c",
    "boards/runtime/ferrule.c",
    "boards/runtime/errors.c",
    `test/engines/port_${port}.c`,
    ...more,
  ];
  const sources = [
    ...common.map((file) => ({
      file: join(root, file),
      options: [
        ...OURS,
        ...INCLUDES,
        `-DBENCH_OPERATIONS=${OPERATIONS}`,
        ...(engine === "wasm3" ? ["-DBENCH_MODULE"] : []),
      ],
    })),
    ...(engine === "wasm3" ? ofWasm3(folder) : ofAot(folder)),
  ];
  const objects = sources.map(({ file, options: own }) => {
    const object = join(folder, `${basename(file)}.o`);
    compile(command, [...options, ...own, "-c", file, "-o", object]);
    return object;
  });
  const program = join(folder, "work");
  compile(command, [...options, ...objects, ...link, "-lm", "-o", program]);
  return program;
}

function ofWasm3(folder) {
  const { directory, problem } = wasm3Sources();
  if (problem) stop(problem);
  const module = join(folder, "module.c");
  const bytes = [...readFileSync(join(root, "build/core.wasm"))].join(",");
  writeFileSync(
    module,
    `#include <stdint.h>\nconst uint8_t module_wasm[] = {${bytes}};\nconst uint32_t module_wasm_bytes = sizeof module_wasm;\n`,
  );
  const heap = join(root, "boards/runtime/wasm3_heap.h");
  return [
    { file: module, options: FOREIGN },
    ...["engine_wasm3.c", "arena.c"].map((name) => ({
      file: join(root, "boards/runtime", name),
      options: [...OURS, ...INCLUDES, ...WASM3_OPTIONS, "-isystem", directory],
    })),
    ...readdirSync(directory)
      .filter((name) => /^m3_(?!api_).*\.c$/.test(name))
      .map((name) => ({
        file: join(directory, name),
        options: [...FOREIGN, ...WASM3_OPTIONS, "-include", heap],
      })),
  ];
}

function ofAot(folder) {
  const identity = translate(join(root, "build/core.wasm"), join(folder, "core"));
  const headers = [...INCLUDES, "-I", join(root, "boards/runtime/aot"), "-isystem", join(folder, "core")];
  return [
    { file: join(root, "boards/runtime/engine_aot.c"), options: [...OURS, ...headers, ...identity] },
    { file: join(folder, "core/core.c"), options: [...FOREIGN, ...headers] },
  ];
}

function compile(command, args) {
  const { ok, output, problem } = run(command, args, { timeoutMs: 2 * MINUTE });
  if (!ok) stop(`${command} failed (${problem}):\n${output}`);
}

/** The table, with the best of the peers' published figures beside it: see docs/benchmarks.md. */
function report() {
  const rows = Object.entries(results).map(
    ([name, counts]) =>
      `| ${name} | ${WORKS.map((work) => Math.round(counts[work]).toLocaleString("en")).join(" | ")} |`,
  );
  const text = `GENERATED by \`npm run bench\`: executed instructions per operation, checksums in the core, what ferrule.h's runtime
does included. What each work is: docs/benchmarks.md. TICK is per virtual second.

| | ${WORKS.join(" | ")} |
| --- |${WORKS.map(() => " --- |").join("")}
${rows.join("\n")}
`;
  writeFileSync(join(root, "bench/RESULTS.md"), text);
  console.log(text);
}

function check() {
  const budget = JSON.parse(given.budget ?? readFileSync(BUDGET, "utf8"));
  let isOver = false;
  for (const [name, works] of Object.entries(budget.instructions))
    for (const [work, limit] of Object.entries(works)) {
      const found = results[name][work];
      // Nothing counted is not little.
      const over = !(found > 0 && found <= limit * TOLERANCE);
      isOver ||= over;
      console.log(`${over ? "OVER" : "ok  "}  ${name} ${work}: ${found} of ${limit}`);
    }
  process.exitCode = isOver ? 1 : 0;
}

function stop(text) {
  console.error(`bench: ${text}`);
  process.exit(1);
}
