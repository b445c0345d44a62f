// Which checks a mutant has to survive, in which order, and what came of it.

import type { Mutant } from "./points.js";
import { Runner } from "./pool.js";

/** Threads at a time. */
const THREADS = 2;
/** Checks that caught a mutant last, and are tried first on the next. */
const KILLERS = 20;
/** While it is learnt what checks take, one may take this long, in milliseconds. */
const PATIENCE_MS = 3000;

/** What is known of the checks on the unchanged core. */
export interface Knowledge {
  readonly names: readonly string[];
  /** Milliseconds that each check takes. */
  readonly ms: readonly number[];
  /** Checks that reach a mutant, by its number. */
  readonly reaching: ReadonlyMap<number, readonly number[]>;
  /** Name and reason of each check that fails. */
  readonly failing: readonly string[];
}

export interface Outcome {
  readonly mutant: Mutant;
  /** The check that noticed it; undefined when none did. */
  readonly caughtBy?: string;
  readonly failure?: string;
}

/** Runs every check on the unchanged core, once to see that it passes, and once to see what it reaches. */
export async function learn(selecting: Uint8Array, covering: Uint8Array): Promise<Knowledge> {
  const [plain, covers] = [new Runner(selecting, false), new Runner(covering, true)];
  await Promise.all([plain.start(), covers.start()]);
  const checks = plain.names.map((_, index) => index);
  const order = { mutant: 0, checks, all: true };
  const [passed, reached] = await Promise.all([
    plain.run(order, PATIENCE_MS),
    covers.run(order, PATIENCE_MS),
  ]);
  await Promise.all([plain.stop(), covers.stop()]);
  if (!passed || !reached) throw new Error("a check does not come to an end on the unchanged core");
  const reaching = new Map<number, number[]>();
  const failing: string[] = [];
  for (const { check, failure } of passed)
    if (failure !== undefined) failing.push(`${plain.names[check]}: ${failure.split("\n")[0]}`);
  for (const { check, reached: ids } of reached)
    if (passed[check]?.failure === undefined)
      for (const id of ids) {
        const list = reaching.get(id);
        if (list) list.push(check);
        else reaching.set(id, [check]);
      }
  return { names: plain.names, ms: passed.map(({ ms }) => ms), reaching, failing };
}

/** Says how far it is, once for so many mutants. */
const REPORT_EVERY = 200;

/** Runs the checks on each mutant; or, with `selector`, all of them on that one: 0 is the unchanged core. */
export async function play(
  selecting: Uint8Array,
  mutants: readonly Mutant[],
  knowledge: Knowledge,
  selector?: number,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const killers: number[] = [];
  let next = 0;
  const thread = async () => {
    const runner = new Runner(selecting, false);
    while (next < mutants.length) {
      const index = next++;
      const mutant = mutants[index] as Mutant;
      outcomes[index] = await playOne(runner, mutant, knowledge, killers, selector ?? mutant.id);
      if (next % REPORT_EVERY === 0) console.error(`${next} of ${mutants.length}`);
    }
    await runner.stop();
  };
  await Promise.all(Array.from({ length: THREADS }, thread));
  return outcomes;
}

async function playOne(
  runner: Runner,
  mutant: Mutant,
  knowledge: Knowledge,
  killers: number[],
  selector: number,
): Promise<Outcome> {
  const checks = inOrder(knowledge.reaching.get(mutant.id) ?? [], knowledge.ms, killers);
  if (checks.length === 0) return { mutant };
  const slowestMs = Math.max(...checks.map((check) => knowledge.ms[check] ?? 0));
  const results = await runner.run({ mutant: selector, checks }, slowestMs);
  if (!results) return { mutant, caughtBy: "a check did not end", failure: "a check did not end" };
  const last = results.at(-1);
  if (!last || last.failure === undefined) return { mutant };
  const { check, failure } = last;
  const place = killers.indexOf(check);
  if (place >= 0) killers.splice(place, 1);
  killers.unshift(check);
  killers.length = Math.min(killers.length, KILLERS);
  const caughtBy = knowledge.names[check] ?? "";
  return { mutant, caughtBy, failure: `${caughtBy}\n${failure}` };
}

/** Those that caught the neighbours first, then the quick ones. */
function inOrder(checks: readonly number[], ms: readonly number[], killers: readonly number[]): number[] {
  const rank = (check: number) => {
    const place = killers.indexOf(check);
    return place < 0 ? KILLERS + (ms[check] ?? 0) : place;
  };
  return [...checks].sort((a, b) => rank(a) - rank(b));
}
