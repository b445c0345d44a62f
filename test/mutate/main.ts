// The command: options in, table and survivors out. scripts/mutate.mjs starts it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./build.js";
import type { Mutant } from "./points.js";
import { breakRows, breakServices, readRows, readServices } from "./rows.js";
import { type Knowledge, learn, type Outcome, play } from "./run.js";

/** Below this share of caught mutants the run fails, in percent. */
const LEAST_SHARE = 85;

const HELP = `npm run mutate -- [options]
  --file TEXT        mutants of files whose path contains TEXT
  --sample N         N of them, chosen by --seed (default 1)
  --list             show them, and run nothing
  --mutant ID        one of them, with the failure that catches it
  --without-failing  leave checks out that fail on the unchanged core, instead of giving up
  --rows N           break N rows of docs/rfc9293.md, chosen by --seed: one of the row's own tests must notice
  --services N       break N lines of UDP, DNS and DHCP, chosen by --seed: each one's packet script must notice
  --prove            run the unchanged core in place of the first mutants before: nothing may be caught`;

/** How many that is. */
const PROOFS = 5;

/** A change that makes no difference to anybody. */
interface Equivalent {
  readonly file: string;
  readonly function: string;
  readonly original: string;
  readonly changed: string;
  readonly reason: string;
}

/** Runs the command; returns its exit status. */
export async function main(root: string, args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      file: { type: "string" },
      sample: { type: "string" },
      seed: { type: "string", default: "1" },
      list: { type: "boolean" },
      mutant: { type: "string" },
      "without-failing": { type: "boolean" },
      prove: { type: "boolean" },
      rows: { type: "string" },
      services: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return say(HELP, 0);
  if (values.services) return services(root, Number(values.services), Number(values.seed));
  if (values.rows) return rows(root, Number(values.rows), Number(values.seed));
  const { mutants, selecting, covering } = build(root);
  const equivalents = readEquivalents(root);
  const stale = equivalents.filter((entry) => !mutants.some((mutant) => isSame(mutant, entry)));
  if (stale.length > 0) return say(`stale in equivalent.json:\n${stale.map(describe).join("\n")}`, 1);
  let chosen = mutants.filter((mutant) => !equivalents.some((entry) => isSame(mutant, entry)));
  if (values.file) chosen = chosen.filter(({ file }) => file.includes(values.file as string));
  if (values.mutant) chosen = mutants.filter(({ id }) => id === Number(values.mutant));
  if (values.sample) chosen = sample(chosen, Number(values.sample), Number(values.seed));
  if (values.list) return say(chosen.map(describe).join("\n"), 0);
  if (chosen.length === 0) return say("no mutant is chosen", 1);
  const knowledge = await learn(selecting, covering);
  if (knowledge.failing.length > 0) {
    console.log(`${knowledge.failing.length} checks fail on the unchanged core:`);
    for (const failure of knowledge.failing) console.log(`  ${failure}`);
    if (!values["without-failing"]) return 1;
  }
  if (values.prove && !(await prove(selecting, chosen, knowledge))) return 1;
  const outcomes = await play(selecting, chosen, knowledge);
  if (values.mutant) console.log(outcomes[0]?.failure ?? "no check notices it");
  return report(outcomes, knowledge);
}

async function rows(root: string, count: number, seed: number): Promise<number> {
  const chosen = pick(readRows(root), count, seed);
  const unnoticed = await breakRows(root, chosen);
  return say(
    `${chosen.length} rows broken, ${chosen.length - unnoticed} noticed by their own tests`,
    unnoticed && 1,
  );
}

async function services(root: string, count: number, seed: number): Promise<number> {
  const chosen = pick(readServices(root), count, seed);
  const unnoticed = await breakServices(root, chosen);
  return say(
    `${chosen.length} lines broken, ${chosen.length - unnoticed} noticed by their own scripts`,
    unnoticed && 1,
  );
}

/** Nothing may be caught where nothing is changed: else it is not the changes that the checks notice. */
async function prove(
  selecting: Uint8Array,
  mutants: readonly Mutant[],
  knowledge: Knowledge,
): Promise<boolean> {
  const outcomes = await play(selecting, mutants.slice(0, PROOFS), knowledge, 0);
  const caught = outcomes.filter(({ caughtBy }) => caughtBy !== undefined);
  console.log(`unchanged core in place of ${outcomes.length} mutants: ${caught.length} caught`);
  for (const { failure } of caught) console.log(failure);
  return caught.length === 0;
}

function report(outcomes: readonly Outcome[], knowledge: Knowledge): number {
  const files = [...new Set(outcomes.map(({ mutant }) => mutant.file))];
  const line = (name: string, of: readonly Outcome[]) => {
    const caught = of.filter(({ caughtBy }) => caughtBy !== undefined).length;
    return `${name.padEnd(32)} ${String(of.length).padStart(5)} ${String(caught).padStart(5)} ${share(of.length, caught)}`;
  };
  const survivors = outcomes.filter(({ caughtBy }) => caughtBy === undefined);
  for (const { mutant } of survivors) {
    const reached = knowledge.reaching.has(mutant.id) ? "" : "  (no check reaches it)";
    console.log(`survives ${describe(mutant)}${reached}`);
  }
  console.log(`${"\nfile".padEnd(33)} mutants caught`);
  for (const file of files)
    console.log(
      line(
        file,
        outcomes.filter(({ mutant }) => mutant.file === file),
      ),
    );
  const caught = outcomes.length - survivors.length;
  console.log(`${outcomes.length} mutants, ${caught} caught, ${share(outcomes.length, caught)}`);
  return (100 * caught) / outcomes.length < LEAST_SHARE ? 1 : 0;
}

function share(all: number, caught: number): string {
  return `${((100 * caught) / all).toFixed(1)} %`;
}

function describe(mutant: Mutant | Equivalent): string {
  const place =
    "line" in mutant ? `#${mutant.id} ${mutant.file}:${mutant.line}` : `${mutant.file}, ${mutant.function}`;
  return `${place}: ${mutant.original} -> ${mutant.changed}`;
}

function isSame(a: Mutant, b: Equivalent): boolean {
  return (
    a.file === b.file && a.function === b.function && a.original === b.original && a.changed === b.changed
  );
}

function readEquivalents(root: string): readonly Equivalent[] {
  return JSON.parse(readFileSync(join(root, "test/mutate/equivalent.json"), "utf8"));
}

/** `count` mutants, in their order, that depend on the seed alone. */
function sample(mutants: readonly Mutant[], count: number, seed: number): Mutant[] {
  return pick(mutants, count, seed).sort((a, b) => a.id - b.id);
}

/** `count` of them that depend on the seed alone. */
function pick<T>(all: readonly T[], count: number, seed: number): T[] {
  let state = (seed * 2654435761) >>> 0 || 1;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  const keyed = all.map((one) => ({ one, key: random() }));
  const chosen = keyed.sort((a, b) => a.key - b.key).slice(0, count);
  return chosen.map(({ one }) => one);
}

function say(text: string, status: number): number {
  console.log(text);
  return status;
}
