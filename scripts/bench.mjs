// `npm run bench`: what the device's work takes, in executed instructions, memory and flash, beside other stacks. Writes
// bench/RESULTS.md. What cannot be measured here stands in it as not measured; with CI=true that is a failure.
//
//     node scripts/bench.mjs [--part NAME]... [--check [--budget JSON]]
//
// --part runs these parts alone, and prints the report. --check compares the exact figures, those of rv32imc, with
// bench/budget.json (or the JSON given). Both write nothing.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildFerrule, ENGINES, mustRun, TARGETS } from "./bench/build.mjs";
import { countInCallgrind, countsIn, linesFromQemu } from "./bench/count.mjs";
import { PEERS } from "./bench/peers.mjs";
import { reportOf } from "./bench/report.mjs";
import { hasTool, inCi, root, TOOLS } from "./support.mjs";

/** Growth over the budget that is let pass. */
const TOLERANCE = 1.02;
const BUDGET = join(root, "bench/budget.json");
const RESULTS = join(root, "bench/RESULTS.md");

const PARTS = { instructions, peers, versions };

/** Name of an engine and a target -> a row of the table. */
const counted = new Map();

const { values: given } = parseArgs({
  options: {
    check: { type: "boolean", default: false },
    budget: { type: "string" },
    part: { type: "string", multiple: true, default: Object.keys(PARTS) },
  },
});
const isPartial = process.argv.includes("--part");
try {
  process.exitCode = given.check ? check() : report();
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}

/** Writes the results; returns the exit code. */
function report() {
  const parts = {};
  for (const name of given.part) {
    if (!(name in PARTS)) throw new Error(`there is no part ${name}, but ${Object.keys(PARTS).join(", ")}`);
    parts[name] = PARTS[name]();
  }
  const { text, missing } = reportOf(parts);
  console.log(text);
  if (isPartial) return 0;
  writeFileSync(RESULTS, text);
  return inCi && missing.length > 0 ? 1 : 0;
}

/** Of both engines on all targets. */
function instructions() {
  return ENGINES.flatMap((engine) => Object.keys(TARGETS).map((target) => countsOf(engine, target)));
}

/** Those of this machine again, and the other stacks. */
function peers() {
  const ours = ENGINES.map((engine) => {
    const { name, ...counts } = countsOf(engine, "x86-64");
    return { name: `Ferrule, ${engine}`, ...counts };
  });
  const theirs = Object.entries(PEERS).map(([name, { tools, build }]) =>
    unlessMissing(name, [...tools, "valgrind"], () => countInCallgrind(build())),
  );
  return [...ours, ...theirs];
}

/** Counts once. */
function countsOf(engine, target) {
  const name = `${engine} ${target}`;
  if (!counted.has(name))
    counted.set(
      name,
      unlessMissing(name, TARGETS[target].tools, () => {
        const program = buildFerrule(engine, target);
        return target === "x86-64" ? countInCallgrind(program) : countsIn(linesFromQemu(target, program));
      }),
    );
  return counted.get(name);
}

function unlessMissing(name, tools, count) {
  console.log(`bench: ${name}`);
  const lacking = tools.filter((tool) => !hasTool(tool));
  if (lacking.length === 0) return { name, counts: count() };
  const packages = lacking.map((tool) => TOOLS[tool].packages.map((group) => group.at(-1)).join(", "));
  return { name, missing: `no ${lacking.join(", no ")} (Debian packages ${packages.join(", ")})` };
}

/** Releases of what made the figures. */
function versions() {
  const programs = ["gcc", "riscv64-unknown-elf-gcc", "valgrind", "qemu-system-riscv32", "rustc"];
  return programs.map((program) => {
    const lines = (() => {
      try {
        return mustRun(program, ["--version"]);
      } catch {
        return "not there";
      }
    })();
    return `${program}: ${lines.split("\n")[0]}`;
  });
}

/** Compares with the budget; returns the exit code. */
function check() {
  const budget = JSON.parse(given.budget ?? readFileSync(BUDGET, "utf8"));
  let isOver = false;
  for (const [name, works] of Object.entries(budget.instructions)) {
    const { counts = {} } = countsOf(...name.split(" "));
    for (const [work, limit] of Object.entries(works)) {
      const found = counts[work];
      // Nothing counted is not little.
      const over = !(found > 0 && found <= limit * TOLERANCE);
      isOver ||= over;
      console.log(`${over ? "OVER" : "ok  "}  ${name} ${work}: ${found} of ${limit}`);
    }
  }
  return isOver ? 1 : 0;
}
