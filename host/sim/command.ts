// `ferrule sim`: runs seeds until one fails.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openSinkFile, type SinkFile } from "../pcapng/file.js";
import type { Sink } from "../pcapng/writer.js";
import type { Layout } from "./layout.js";
import { draw, type Scenario } from "./scenario.js";
import { createSetting } from "./setting.js";
import { Statistics } from "./statistics.js";
import { type Interference, type RunResult, runSeed, type Setting } from "./world.js";

/** How often a line tells how far it is, in milliseconds. */
const PROGRESS_MS = 2_000;
const SEED_MAX = 2 ** 31;

export const SIM_HELP = `Usage: ferrule sim [options]

Runs two to four cores on a bad network in virtual time, everything from one seed, and checks every
frame and every record on the way.

  --seeds N      how many seeds, default 200
  --seed S       the first of them, default 1
  --verbose      every frame and event, as it happens
  --statistics   what the runs exercised, at the end
  --keep-going   after a failure too; all failing seeds are listed at the end
  --replay FILE  the scenario of a file that a failure left, in place of seeds
  --record FILE  all that happened in the one seed, for Wireshark and ferrule replay

Examples:
  ferrule sim --seeds 2000 --seed 1000
  ferrule sim --seeds 1 --seed 1042 --verbose
`;

/** What the command works on: the module, where records lie in it, and where failing seeds are written. */
export interface SimInputs {
  readonly wasm: Uint8Array;
  readonly layout: Layout;
  readonly seedFolder: string;
  /** Where recordings of failing seeds are written. */
  readonly recordingFolder: string;
}

/** Runs the command with the arguments after its name; returns its exit code: 0, 1 for a failure, 2 for misuse. */
export function simulate(args: readonly string[], inputs: SimInputs): number {
  const options = parse(args);
  if (typeof options === "string") {
    console.error(options);
    return 2;
  }
  if (options.record === undefined) return runSeeds(options, inputs, undefined);
  const file = open(options.record);
  if (!file) return 1;
  let isWhole = true;
  const sink: Sink = (bytes) => {
    try {
      file.sink(bytes);
    } catch (error) {
      isWhole = false;
      console.error(`sim: ${(error as Error).message}`);
      throw error;
    }
  };
  const code = runSeeds(options, inputs, sink);
  file.close();
  return isWhole ? code : 1;
}

function open(path: string): SinkFile | undefined {
  try {
    return openSinkFile(path);
  } catch (error) {
    console.error(`sim: ${(error as Error).message}`);
    return undefined;
  }
}

function runSeeds(options: Options, inputs: SimInputs, record: Sink | undefined): number {
  const setting: Setting = { ...createSetting(inputs.wasm, inputs.layout), ...(record && { record }) };
  const statistics = new Statistics();
  const begun = Date.now();
  let spoken = begun;
  let frames = 0;
  const failed: number[] = [];
  const onLine = options.verbose ? (line: string) => console.log(line) : undefined;
  const kept = options.replay === undefined ? undefined : readKept(options.replay);
  const interference = kept ? { scenario: () => kept.scenario } : {};
  const first = kept?.seed ?? options.seed;
  const count = kept ? 1 : options.seeds;
  let seed = first;
  for (; seed < first + count; seed++) {
    const result = runSeed(seed, setting, interference, onLine);
    statistics.merge(result.statistics);
    frames += result.frames;
    if (result.failure) {
      failed.push(seed);
      report(result, inputs.seedFolder, options);
      if (!options.keepGoing) {
        if (!record) console.log(`sim: ${recordAgain(seed, setting, interference, inputs.recordingFolder)}`);
        return 1;
      }
    }
    if (Date.now() - spoken < PROGRESS_MS) continue;
    spoken = Date.now();
    console.log(`sim: ${seed - first + 1} of ${count} seeds, ${frames} frames`);
  }
  if (options.statistics) console.log(statistics.table());
  const seconds = (Date.now() - begun) / 1000;
  console.log(
    `sim: ${count} seeds from ${first}, ${frames} frames, ${seconds.toFixed(1)} s: ` +
      (failed.length === 0 ? "no failure" : `${failed.length} failed: ${failed.join(" ")}`),
  );
  return failed.length === 0 ? 0 : 1;
}

interface Options {
  readonly seeds: number;
  readonly seed: number;
  readonly verbose: boolean;
  readonly statistics: boolean;
  readonly keepGoing: boolean;
  readonly replay: string | undefined;
  readonly record: string | undefined;
}

/** What a failure leaves: the whole scenario, so that it outlives changes in how scenarios are drawn. */
export interface KeptSeed {
  readonly seed: number;
  /** What broke. */
  readonly what: string;
  readonly scenario: Scenario;
}

/** Reads a file that a failure left. */
export function readKept(path: string | URL): KeptSeed {
  return JSON.parse(readFileSync(path, "utf8")) as KeptSeed;
}

function parse(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seeds: { type: "string", default: "200" },
        seed: { type: "string", default: "1" },
        verbose: { type: "boolean", default: false },
        statistics: { type: "boolean", default: false },
        "keep-going": { type: "boolean", default: false },
        replay: { type: "string" },
        record: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    const [seeds, seed] = [Number(values.seeds), Number(values.seed)];
    if (values.help || !isCount(seeds) || !isCount(seed)) return SIM_HELP;
    if (values.record !== undefined && values.replay === undefined && seeds !== 1)
      return `--record takes one seed: say --seeds 1\n\n${SIM_HELP}`;
    return {
      seeds,
      seed,
      verbose: values.verbose,
      statistics: values.statistics,
      keepGoing: values["keep-going"],
      replay: values.replay,
      record: values.record,
    };
  } catch (error) {
    return `${(error as Error).message}\n\n${SIM_HELP}`;
  }
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value < SEED_MAX;
}

function report(result: RunResult, folder: string, { verbose, keepGoing, replay }: Options): void {
  const { seed, failure } = result;
  if (!failure) return;
  const { what, step, atMs } = failure;
  if (keepGoing) {
    console.log(`sim: seed ${seed}, step ${step}: ${what}`);
    return;
  }
  if (!verbose) console.log(`${result.trace.text()}\n`);
  console.log(`sim: seed ${seed} failed at step ${step}, ${(atMs / 1000).toFixed(3)} s: ${what}`);
  if (replay !== undefined) return;
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${seed}.json`);
  const kept: KeptSeed = { seed, what: what.split("\n")[0] ?? "", scenario: draw(seed) };
  writeFileSync(path, `${JSON.stringify(kept, null, 2)}\n`);
  console.log(`sim: kept as ${path}; again with: npm run sim -- --seed ${seed} --seeds 1 --verbose`);
}

/** Runs a seed that failed once more, which is the same again, and keeps a recording of it; tells where. */
export function recordAgain(
  seed: number,
  setting: Setting,
  interference: Interference,
  folder: string,
): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `sim-${seed}.pcapng`);
  const file = openSinkFile(path);
  try {
    runSeed(seed, { ...setting, record: file.sink }, interference);
  } finally {
    file.close();
  }
  return `recorded as ${path}; see it with: node build/host/cli.js replay ${path} --dump`;
}
