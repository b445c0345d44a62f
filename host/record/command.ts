// `ferrule replay`: repeats a recording and says where it differs for the first time.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { EngineFactory } from "../engines/engine.js";
import { ENGINE_NAMES, type EngineName, isEngineName } from "../engines/engines.js";
import { openSourceFile, type SourceFile } from "../pcapng/file.js";
import { arrowOf, describeCall, formatTime, frameOf } from "./describe.js";
import { EndReason } from "./format.js";
import { type Listener, Player } from "./player.js";
import { describeCores } from "./state.js";

const EXIT_SAME = 0;
const EXIT_DIFFERENT = 1;
const EXIT_USAGE = 2;

/** How often a line tells how far it is, in milliseconds. */
const PROGRESS_MS = 2_000;

/** Blocks between two looks at the clock. */
const BLOCKS_PER_TURN = 2_000;

/** Damages that are told one by one. */
const DAMAGES_SHOWN = 20;

export const REPLAY_HELP = `Usage: ferrule replay FILE [options]

replay repeats a recording (serve --record FILE, sim --record FILE, or a failed test's) call by
call on fresh cores, compares all that comes out of them bit for bit, and names the first
difference: the call, its time, what was recorded, and what came.

Options:
  --until N        stop after call N
  --dump           print every call and every frame, and at the end what the cores look like
  --module FILE    the compiled core to replay on, default those of this installation: core.wasm
                   or standard.wasm, whichever a core ran on
  --engine NAME    what executes the cores: v8, the default; wasm3; aot
  --help           this text

Examples:
  ferrule replay run.pcapng
  ferrule replay run.pcapng --dump --until 5000 | less
  ferrule replay run.pcapng --module old/core.wasm

Exit codes: 0 no difference; 1 a difference, a damaged file, or one that cannot be replayed;
2 the command line cannot be understood.
`;

export interface ReplayInputs {
  /** The installation's modules. Called when no other one is named; what it throws is told, and the exit code is 1. */
  readonly modules: () => readonly Uint8Array[];
  /** The engine of a name. What it rejects with is told, and the exit code is 1. */
  readonly engine: (name: EngineName) => Promise<EngineFactory>;
  /** Takes lines of the result; default standard output. */
  readonly out?: (line: string) => void;
  /** Takes errors and progress; default standard error. */
  readonly err?: (line: string) => void;
}

interface Options {
  readonly file: string;
  readonly until: number | undefined;
  readonly dump: boolean;
  readonly module: string | undefined;
  readonly engine: EngineName;
}

interface Output {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

/** Runs the command with the arguments after its name; resolves to its exit code (see REPLAY_HELP). Never rejects. */
export async function replay(args: readonly string[], inputs: ReplayInputs): Promise<number> {
  const output: Output = { out: inputs.out ?? console.log, err: inputs.err ?? console.error };
  // A pager that is left early closes the pipe: that is no error, and ends the dump.
  let isGone = false;
  const onError = () => {
    isGone = true;
  };
  process.stdout.on("error", onError);
  try {
    return await run(args, inputs, output, () => isGone);
  } finally {
    process.stdout.removeListener("error", onError);
  }
}

async function run(
  args: readonly string[],
  inputs: ReplayInputs,
  output: Output,
  isGone: () => boolean,
): Promise<number> {
  const options = parse(args);
  if (options === "help") {
    output.out(REPLAY_HELP.trimEnd());
    return EXIT_SAME;
  }
  if (typeof options === "string") {
    output.err(`ferrule: ${options}\n\n${REPLAY_HELP.trimEnd()}`);
    return EXIT_USAGE;
  }
  let source: SourceFile | undefined;
  try {
    const modules = options.module === undefined ? inputs.modules() : [readModule(options.module)];
    source = openSourceFile(options.file);
    return await play(source, modules, await inputs.engine(options.engine), options, output, isGone);
  } catch (error) {
    output.err(`ferrule: ${(error as Error).message}`);
    return EXIT_DIFFERENT;
  } finally {
    source?.close();
  }
}

function parse(args: readonly string[]): Options | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        until: { type: "string" },
        dump: { type: "boolean", default: false },
        module: { type: "string" },
        engine: { type: "string", default: "v8" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) return "help";
    const [file, ...more] = positionals;
    if (file === undefined) return "no recording: name a file";
    if (more.length > 0) return `one recording at a time: "${more[0]}" is too many`;
    if (!isEngineName(values.engine))
      return `--engine ${values.engine} is not known: give ${ENGINE_NAMES.join(", ")}`;
    const until = values.until === undefined ? undefined : Number(values.until);
    if (until !== undefined && (!/^\d{1,15}$/.test(values.until ?? "") || until === 0))
      return `--until ${values.until} is not possible: give the number of a call, from 1`;
    return { file, until, dump: values.dump, module: values.module, engine: values.engine };
  } catch (error) {
    return (error as Error).message;
  }
}

function readModule(path: string): Uint8Array {
  const octets = readFileSync(path);
  if (!octets.subarray(0, 4).equals(Buffer.from("\0asm")))
    throw new Error(`--module ${path} is not a Wasm module`);
  return octets;
}

function sha256Of(octets: Uint8Array): string {
  return createHash("sha256").update(octets).digest("hex");
}

async function play(
  source: SourceFile,
  files: readonly Uint8Array[],
  engine: EngineFactory,
  options: Options,
  { out, err }: Output,
  isGone: () => boolean,
): Promise<number> {
  let damages = 0;
  const listener: Listener = {
    onDamage(damage) {
      if (++damages <= DAMAGES_SHOWN) out(`damaged: ${damage}`);
    },
    ...(options.dump && { onCall: dumpTo(out) }),
  };
  const modules = files.map((octets) => ({ octets, sha256: sha256Of(octets) }));
  const player = new Player(source, modules, engine, {
    ...listener,
    ...(options.until !== undefined && { until: options.until }),
    anyModule: options.module !== undefined,
  });
  let spoken = performance.now();
  while (player.run(BLOCKS_PER_TURN)) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (isGone()) return EXIT_DIFFERENT;
    if (performance.now() - spoken < PROGRESS_MS) continue;
    spoken = performance.now();
    err(`replay: ${(player.progress * 100).toFixed(0)} % of ${options.file}, ${count(player.calls, "call")}`);
  }
  if (options.dump) for (const line of describeCores(player.cores.values())) out(line);
  return report(player, options, out);
}

/** Prints a call, and its frame below it. */
function dumpTo(out: (line: string) => void): NonNullable<Listener["onCall"]> {
  return (call, { record }, frame) => {
    out(
      `${String(call.number).padStart(8)}  ${formatTime(call.timeNs)}  ${record.name}  ${describeCall(call)}`,
    );
    if (frame) out(`          ${arrowOf(call)} ${frameOf(frame)}`);
  };
}

function report(player: Player, { file, module }: Options, out: (line: string) => void): number {
  const { difference, ending, damages } = player;
  const isKnown = (sha256: string) => player.modules.some((known) => known.sha256 === sha256);
  if ([...player.cores.values()].some(({ record }) => !isKnown(record.sha256)))
    out(`replay: ${module} is not the module that was recorded`);
  if (damages > DAMAGES_SHOWN) out(`damaged: at ${count(damages - DAMAGES_SHOWN, "place")} more`);
  if (difference) {
    const { call, timeNs, core, lines } = difference;
    out(`different: call ${call}, ${formatTime(timeNs)}, core "${core}"`);
    for (const line of lines) out(`  ${line}`);
  }
  if (ending?.kind === "unreadable") out(`unreadable: ${ending.what}`);
  if (ending?.kind === "cut")
    out(
      `replay: the file breaks off at offset ${ending.offset}, as when its process was killed: as far as it goes,`,
    );
  if (ending?.kind === "end" && ending.reason === EndReason.LIMIT)
    out("replay: the recording was ended by its limit, before the cores ended:");
  const cores = new Set([...player.cores.values()].map(({ record }) => record.name));
  const isSame =
    !difference && damages === 0 && ending?.kind !== "unreadable" && player.calls + cores.size > 0;
  const amount = `${count(player.calls, "call")} of ${[...cores].join(", ") || "no core"}, ${count(player.frames, "frame")}, ${count(player.states, "checksum")} of the state`;
  out(`replay: ${file}: ${amount}: ${isSame ? "no difference" : verdictOf(player)}`);
  return isSame ? EXIT_SAME : EXIT_DIFFERENT;
}

function verdictOf({ difference, damages, ending }: Player): string {
  const found = [
    ...(damages > 0 ? [`damaged at ${count(damages, "place")}`] : []),
    ...(difference ? [`different at call ${difference.call}`] : []),
    ...(ending?.kind === "unreadable" ? ["could not be read on"] : []),
  ];
  if (found.length === 0) return "there is nothing in it";
  return difference ? found.join(", ") : `${found.join(", ")}; what was repeated came out the same`;
}

/** "1 call", "12,345 calls". */
function count(number: number, noun: string): string {
  return `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;
}
