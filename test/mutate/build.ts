// The module with all mutants in it: build/mutate/mutants.wasm, and coverage.wasm, which tells which ones are reached.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { instrument, type Mutant, nullableFunctions } from "./points.js";

/** What of the core is mutated. */
const MUTATED = "assembly/tcp/";
/** Compiling takes seconds; a minute is a hang, or a machine that is no use. */
const COMPILE_MS = 240_000;

/** The selector: four octets that the core never uses, below its scratch records (assembly/config.ts). */
export const SELECTOR_ADDRESS = 4;

const SELECTING = `@inline export function mutant(id: u32): bool { return load<u32>(${SELECTOR_ADDRESS}) == id; }\n`;
const COVERING = `@external("mutate", "reached") declare function reached(id: u32): void;
export function mutant(id: u32): bool { reached(id); return false; }\n`;

const EMPTY = new Uint8Array(0);

export interface Build {
  readonly mutants: readonly Mutant[];
  readonly selecting: Uint8Array;
  readonly covering: Uint8Array;
}

/** Writes and compiles what has changed since the last time. `root`: the project's folder. Throws asc's message. */
export function build(root: string): Build {
  const folder = join(root, "build/mutate");
  mkdirSync(folder, { recursive: true });
  const files = readdirSync(join(root, "assembly"), { recursive: true, encoding: "utf8" })
    .map((file) => `assembly/${file}`)
    .filter((file) => file.endsWith(".ts"))
    .sort();
  const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), "utf8")]));
  const { mutants, changed } = change(texts);
  const config = readFileSync(join(root, "asconfig.json"), "utf8");
  const key = hash([config, SELECTING, COVERING, ...files, ...texts.values(), ...changed.values()]);
  const outputs = ["mutants.wasm", "coverage.wasm"].map((name) => join(folder, name));
  const keyFile = join(folder, "key");
  const isFresh = outputs.every(existsSync) && existsSync(keyFile) && readFileSync(keyFile, "utf8") === key;
  if (!isFresh) {
    rmSync(keyFile, { force: true });
    rmSync(join(folder, "assembly"), { recursive: true, force: true });
    cpSync(join(root, "assembly"), join(folder, "assembly"), { recursive: true });
    for (const [file, text] of changed) writeFileSync(join(folder, file), text);
    writeFileSync(join(folder, "asconfig.json"), quickConfig(config));
    compile(root, folder, SELECTING, "mutants.wasm");
    compile(root, folder, COVERING, "coverage.wasm");
    writeFileSync(keyFile, key);
  }
  const [selecting = EMPTY, covering = EMPTY] = outputs.map((file) => new Uint8Array(readFileSync(file)));
  return { mutants, selecting, covering };
}

/** The module with one change of one file, of the build that is named, or of the core. Throws asc's message. */
export function compileChanged(
  root: string,
  { file, original, changed }: { file: string; original: string; changed: string },
  build?: "standard",
): Uint8Array {
  const folder = join(root, "build/mutate/row");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(root, "assembly"), join(folder, "assembly"), { recursive: true });
  // A function as replacement: a text would be read for patterns like $&.
  const text = readFileSync(join(root, file), "utf8").replace(original, () => changed);
  writeFileSync(join(folder, file), text);
  writeFileSync(
    join(folder, "asconfig.json"),
    quickConfig(readFileSync(join(root, "asconfig.json"), "utf8")),
  );
  asc(root, folder, "row.wasm", build === "standard" ? ["--use", "FERRULE_BUILD=1"] : []);
  return new Uint8Array(readFileSync(join(folder, "row.wasm")));
}

function change(texts: ReadonlyMap<string, string>): { mutants: Mutant[]; changed: Map<string, string> } {
  const nullable = new Set([...texts].flatMap(([file, text]) => nullableFunctions(file, text)));
  const mutants: Mutant[] = [];
  const changed = new Map<string, string>();
  for (const [file, text] of texts) {
    if (!file.startsWith(MUTATED)) continue;
    const result = instrument(file, text, mutants.length + 1, nullable);
    mutants.push(...result.mutants);
    changed.set(file, result.text);
  }
  return { mutants, changed };
}

/** The project's options, but for what makes the module small and the compiler slow. */
function quickConfig(config: string): string {
  const { entries, options } = JSON.parse(config);
  return JSON.stringify({
    entries,
    options: { ...options, converge: false, optimizeLevel: 1, shrinkLevel: 0 },
  });
}

function compile(root: string, folder: string, selector: string, name: string): void {
  writeFileSync(join(folder, "assembly/mutant.ts"), selector);
  asc(root, folder, name);
}

function asc(root: string, folder: string, name: string, more: readonly string[] = []): void {
  const command = join(root, "node_modules/assemblyscript/bin/asc.js");
  const args = [command, "--config", "asconfig.json", "--outFile", name, ...more];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: "utf8",
    timeout: COMPILE_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`asc: ${name}:\n${stdout}${stderr}`);
}

function hash(texts: readonly string[]): string {
  const sum = createHash("sha256");
  for (const text of texts) sum.update(text).update("\0");
  return sum.digest("hex");
}
