// `npm run bench`: what the device's work takes, in executed instructions, memory and flash, beside other stacks. Writes
// bench/RESULTS.md. What cannot be measured here stands in it as not measured; with CI=true that is a failure.
//
//     node scripts/bench.mjs [--part NAME]... [--check [--budget JSON]]
//
// --part runs these parts alone, and prints the report. --check compares the exact figures, those of rv32imc, with
// bench/budget.json (or the JSON given): `instructions` by row and work, `bytes` by table, row and column. Both write nothing.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BOARD_HEAD, boardsAndEngines, boardValues, RAM_HEAD, ramValues } from "./bench/boards.mjs";
import { buildFerrule, ENGINES, TARGETS } from "./bench/build.mjs";
import { countInCallgrind, countsIn, linesFromQemu, WORKS } from "./bench/count.mjs";
import {
  FLASH_PARTS,
  flashRows,
  HEAP_PARTS,
  heapValues,
  SERVICE_PARTS,
  serviceRows,
  stackRows,
  stateRows,
} from "./bench/memory.mjs";
import { PEERS } from "./bench/peers.mjs";
import { reportOf } from "./bench/report.mjs";
import { THROUGHPUT_HEAD, THROUGHPUT_TOOLS, throughputRows } from "./bench/throughput.mjs";
import { buildEngines } from "./engines.mjs";
import { toolsFor } from "./firmware.mjs";
import { hasTool, inCi, root, run, TOOLS } from "./support.mjs";

/** Growth over the budget that is let pass. */
const TOLERANCE = 1.02;
const BUDGET = join(root, "bench/budget.json");
const RESULTS = join(root, "bench/RESULTS.md");

const MICROCONTROLLERS = ["rv32imc", "xtensa"];

/** Name -> what makes this part of the report: see reportOf. */
const PARTS = {
  instructions,
  peers,
  state,
  heap,
  stack,
  flash,
  throughput,
  boards,
  ram,
  serviceRam,
  versions,
};

/** Firmware that the RAM is told of: board, engine, connections, bytes of each ring, whether it has DHCP and DNS. */
const RAM_ROWS = [
  ["qemu-xtensa", "wasm3", 4, 4096],
  ["qemu-riscv", "wasm3", 4, 4096],
  ["rp2040-w5500", "wasm3", 4, 4096],
  ["qemu-xtensa", "aot", 4, 4096],
  ["qemu-riscv", "aot", 4, 4096],
  ["rp2040-w5500", "aot", 4, 4096],
  ["qemu-riscv", "wasm3", 4, 4096, true],
  ["qemu-riscv", "aot", 4, 4096, true],
];

/** Beside those, what fits in so many bytes: with how many connections of this kind. */
const FITS = { bytes: 96 * 1024, board: "qemu-xtensa", ringBytes: 4096 };

/** Tables of bytes that repeat exactly with the same compiler. */
const EXACT_TABLES = {
  state,
  heap: () => ({ head: HEAP_PARTS, rows: [{ name: "rv32imc", values: heapValues("rv32imc") }] }),
  stack: () => ({ head: ["boot", "work"], rows: stackRows("rv32imc") }),
  flash: () => ({ head: FLASH_PARTS, rows: flashRows("rv32imc") }),
};

/** Name of an engine and a target -> a row of the table. */
const counted = new Map();

const { values: given } = parseArgs({
  options: {
    check: { type: "boolean", default: false },
    budget: { type: "string" },
    part: { type: "string", multiple: true },
  },
});
try {
  process.exitCode = await (given.check ? check() : report());
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}

/** Writes the results, or prints parts of them; returns the exit code. */
async function report() {
  const parts = {};
  for (const name of given.part ?? Object.keys(PARTS)) {
    if (!(name in PARTS)) throw new Error(`there is no part ${name}, but ${Object.keys(PARTS).join(", ")}`);
    console.log(`bench: ${name}`);
    parts[name] = await PARTS[name]();
  }
  const { text, missing } = reportOf(parts);
  console.log(text);
  if (given.part) return 0;
  writeFileSync(RESULTS, text);
  return inCi && missing.length > 0 ? 1 : 0;
}

/** Of both engines on all targets; then again with checksums in native code. */
function instructions() {
  const targets = Object.keys(TARGETS);
  const each = (measure) => ENGINES.flatMap((engine) => targets.flatMap((target) => measure(engine, target)));
  return { head: WORKS, rows: [...each(countsOf), ...each(countsWithNative)] };
}

/** A row without the native checksums, and one with these alone. */
function countsWithNative(engine, target) {
  const name = `${engine} ${target}, checksums in native code`;
  const missing = lacking(TARGETS[target].tools);
  if (missing) return [{ name, missing }];
  console.log(`bench: ${name}`);
  const program = buildFerrule(engine, target, { withNative: true });
  const lines = target === "x86-64" ? undefined : linesFromQemu(target, program);
  const count = (options) => (lines ? countsIn(lines, options) : countInCallgrind(program, options));
  const [others, these] = [false, true].map((native) => valuesOf(count({ native })));
  if (!(these[WORKS.indexOf("RX")] > 0)) throw new Error(`${name}: none were counted`);
  return [
    { name: `${name}: all but these`, values: others },
    { name: `${name}: these`, values: these },
  ];
}

/** Those of this machine again, and the other stacks. */
function peers() {
  const ours = ENGINES.map((engine) => ({ ...countsOf(engine, "x86-64"), name: `Ferrule, ${engine}` }));
  const theirs = Object.entries(PEERS).map(([name, { tools, build }]) =>
    rowOf(name, [...tools, "valgrind"], () => valuesOf(countInCallgrind(build()))),
  );
  return { head: WORKS, rows: [...ours, ...theirs] };
}

/** Counts once. */
function countsOf(engine, target) {
  const name = `${engine} ${target}`;
  const row = () =>
    rowOf(name, TARGETS[target].tools, () => {
      const program = buildFerrule(engine, target);
      return valuesOf(
        target === "x86-64" ? countInCallgrind(program) : countsIn(linesFromQemu(target, program)),
      );
    });
  if (!counted.has(name)) counted.set(name, row());
  return counted.get(name);
}

function valuesOf(counts) {
  return WORKS.map((work) => counts[work]);
}

async function state() {
  const rows = await stateRows();
  return { head: ["bytes"], rows: rows.map(([name, bytes]) => ({ name, values: [bytes] })) };
}

function heap() {
  const rows = MICROCONTROLLERS.map((target) =>
    rowOf(target, TARGETS[target].tools, () => heapValues(target)),
  );
  return { head: HEAP_PARTS, rows };
}

function stack() {
  return { head: ["boot", "work"], rows: MICROCONTROLLERS.flatMap((target) => rowsOf(target, stackRows)) };
}

function flash() {
  return { head: FLASH_PARTS, rows: MICROCONTROLLERS.flatMap((target) => rowsOf(target, flashRows)) };
}

/** Of each engine on this machine, beside the kernel. */
async function throughput() {
  const missing = lacking(THROUGHPUT_TOOLS);
  if (missing) return { missing };
  const rows = [];
  for (const engine of ["v8", "aot", "wasm3"]) {
    console.log(`bench: ${engine} behind the kernel`);
    const problem = engine === "v8" ? "" : buildEngines([engine]);
    rows.push(...(problem ? [{ name: engine, missing: problem }] : await throughputRows(engine)));
  }
  return { head: THROUGHPUT_HEAD, rows };
}

/** Of each emulated board and engine. */
async function boards() {
  const rows = [];
  for (const { board, engine, tools } of boardsAndEngines()) {
    const name = `${board} on ${engine}`;
    console.log(`bench: ${name}`);
    const missing = lacking(tools.filter((tool) => tool !== "wasm3"));
    rows.push(missing ? { name, missing } : { name, values: await boardValues(board, engine) });
  }
  return { head: BOARD_HEAD, rows };
}

async function ram() {
  const rows = [];
  for (const row of RAM_ROWS) rows.push(await ramRow(...row));
  const { board, ringBytes } = FITS;
  // The least that is of use, on wasm3.
  rows.push(await ramRow(board, "wasm3", 1, 2048));
  const four = rows.find(({ name }) => name.startsWith(`${board} on aot`))?.values?.at(-1);
  const eight = four && (await ramRow(board, "aot", 8, ringBytes)).values?.at(-1);
  if (!eight) return { head: RAM_HEAD, rows };
  // Connections are all alike.
  const most = 4 + Math.floor((FITS.bytes - four) / ((eight - four) / 4));
  for (const count of [most, most + 1]) rows.push(await ramRow(board, "aot", count, ringBytes));
  return { head: RAM_HEAD, rows };
}

async function ramRow(board, engine, connections, ringBytes, dhcp = false) {
  const name = `${board} on ${engine}, ${connections} connections of 2 x ${ringBytes} bytes${dhcp ? ", DHCP and DNS" : ""}`;
  console.log(`bench: RAM of ${name}`);
  const missing = lacking(toolsFor(board, engine).filter((tool) => tool !== "wasm3"));
  return missing
    ? { name, missing }
    : { name, values: await ramValues(board, engine, { connections, ringBytes, dhcp }) };
}

/** Of the services one by one. */
async function serviceRam() {
  const missing = lacking(["riscv-gcc", "picolibc"]);
  return missing ? { missing } : { head: SERVICE_PARTS, rows: await serviceRows() };
}

/** Releases of what made the figures. */
function versions() {
  const programs = [
    "gcc",
    "riscv64-unknown-elf-gcc",
    "xtensa-lx106-elf-gcc",
    "valgrind",
    "qemu-system-riscv32",
  ];
  const rows = [...programs, "rustc"].map((name) => {
    const { ok, output } = run(name, ["--version"]);
    return { name, values: [ok ? output.split("\n")[0] : "not there"] };
  });
  return { head: ["release"], rows };
}

/** All rows of a target by `measure`, or the one that says what is missing for them. */
function rowsOf(target, measure) {
  const missing = lacking(TARGETS[target].tools);
  return missing ? [{ name: target, missing }] : measure(target);
}

function rowOf(name, tools, measure) {
  console.log(`bench: ${name}`);
  const missing = lacking(tools);
  return missing ? { name, missing } : { name, values: measure() };
}

/** Which of these tools are missing, in words; empty when none are. */
function lacking(tools) {
  const absent = tools.filter((tool) => !hasTool(tool));
  const packages = absent.flatMap((tool) => TOOLS[tool].packages.map((group) => group[0]));
  return absent.length === 0 ? "" : `no ${absent.join(", no ")} (Debian: ${packages.join(", ")})`;
}

/** Compares with the budget; returns the exit code. */
async function check() {
  const budget = JSON.parse(given.budget ?? readFileSync(BUDGET, "utf8"));
  const limits = Object.entries(budget.instructions).flatMap(([name, works]) => {
    const [engine, target] = name.split(/,? /);
    const rows = name.includes(",") ? countsWithNative(engine, target) : [countsOf(engine, target)];
    const { values = [] } = rows.find((row) => row.name === name) ?? {};
    return Object.entries(works).map(([work, limit]) => [
      `${name} ${work}`,
      limit,
      values[WORKS.indexOf(work)],
    ]);
  });
  const sizes = await exactSizes(Object.keys(budget.bytes ?? {}));
  for (const [name, limit] of Object.entries(budget.bytes ?? {})) limits.push([name, limit, sizes.get(name)]);
  let isOver = false;
  for (const [name, limit, found] of limits) {
    // Nothing counted is not little.
    const over = !(found > 0 && found <= limit * TOLERANCE);
    isOver ||= over;
    console.log(`${over ? "OVER" : "ok  "}  ${name}: ${found} of ${limit}`);
  }
  return isOver ? 1 : 0;
}

/** All of the tables in which these names are, by name: "flash, aot rv32imc -Os, core.c". */
async function exactSizes(names) {
  const found = new Map();
  for (const [table, make] of Object.entries(EXACT_TABLES)) {
    if (!names.some((name) => name.startsWith(`${table}, `))) continue;
    const { head, rows } = await make();
    for (const { name, values = [] } of rows)
      for (const [index, value] of values.entries()) found.set(`${table}, ${name}, ${head[index]}`, value);
  }
  return found;
}
