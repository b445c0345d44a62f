// What the commands of `ferrule` share: how they end, how they read options, where the built files are.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { Advice } from "../advice.js";

export interface Command {
  /** What it does, in a line of at most 60 characters. */
  summary: string;
  help: string;
  /** Runs with the arguments after the command's name; resolves to the exit code. */
  run(args: readonly string[]): Promise<number>;
}

export const EXIT_OK = 0;
/** Something went wrong, or was found to be wrong. */
export const EXIT_FAILURE = 1;
/** The command line cannot be understood. */
export const EXIT_USAGE = 2;
/** What a shell reports of a process that SIGINT ended. */
export const EXIT_INTERRUPTED = 130;

/** A command line that cannot be understood; the message says what to do. */
export class UsageError extends Advice {}

/** Sizes of a ring that commands take, in bytes. */
export const RING_LEAST = 2048;
export const RING_MOST = 2 ** 24;

type OptionTable = NonNullable<ParseArgsConfig["options"]>;

/** Reads options and at most `positionals` other arguments. Throws UsageError, which ends with how to get help. */
export function readArguments<T extends OptionTable>(
  command: string,
  args: readonly string[],
  options: T,
  positionals = 0,
): ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>> {
  try {
    const read = parseArgs({ args: [...args], options, allowPositionals: true });
    const extra = read.positionals[positionals];
    if (extra !== undefined) throw new Error(`"${extra}" is one argument too many`);
    return read;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\nTry: ferrule help ${command}`);
  }
}

/** The whole number that `text` is. Throws UsageError when it is none from `least` to `most`. */
export function integer(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${name} ${text} is not possible: give a whole number from ${least} to ${most}`);
}

/** The size of a ring in bytes that `text` is. Throws UsageError. */
export function ringSize(text: string): number {
  const bytes = integer("ring", text, RING_LEAST, RING_MOST);
  if (bytes % 4 !== 0) throw new UsageError(`--ring ${bytes} is not a multiple of 4`);
  return bytes;
}

/** The seed of 64 hex digits, or a fresh one. Throws UsageError. */
export function seedFrom(text: string | undefined): Uint8Array {
  if (text === undefined) return randomBytes(32);
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  throw new UsageError("--seed needs 64 hex digits");
}

/** "10.0.0.2/24" as address and length of the prefix. Throws UsageError. */
export function networkAddress(name: string, text: string): { address: string; prefixLength: number } {
  const [address = "", length = "", ...rest] = text.split("/");
  if (!isIPv4(address) || !/^\d{1,2}$/.test(length) || rest.length > 0 || +length < 1 || +length > 30)
    throw new UsageError(
      `--${name} ${text} is not possible: give an IPv4 address and a prefix length from 1 to 30, as in 10.0.0.2/24`,
    );
  return { address, prefixLength: Number(length) };
}

/** The compiled core: the build of that name. Throws Advice when it was not built. */
export function readModule(build: "core" | "standard" = "core"): Uint8Array {
  try {
    return readFileSync(new URL(`../../${build}.wasm`, import.meta.url));
  } catch {
    throw new Advice(`build/${build}.wasm is missing: run npm run build`);
  }
}

/** The project's version. */
export function version(): string {
  return JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")).version;
}

/** Resolves at the first SIGINT or SIGTERM; the second ends the process at once. */
export function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = () => {
      if (++signals > 1) process.exit(EXIT_INTERRUPTED);
      resolve();
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}

/** "1 drop", "2 drops". */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
