// Builds the module that the unit tests run: the core's own files, compiled as asconfig.json says for the standard build, which
// has all of them, with an entry that
// exports every exported function, constant and record layout of each file, and the ABI, without which the device's
// engines run nothing. The entry is written here, from the sources, and so knows all of them.

import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type ts from "typescript";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const OUTPUT = new URL("../../build/unit/", import.meta.url);
const ENTRY = "test/unit/entry.ts";
const ENTRY_CONSTANTS = "test/unit/entry_constants.ts";

/** How long to wait for another process that builds: a minute. One that was ended leaves its lock behind. */
const WAIT_MS = 100;
const WAITS_MAX = 600;

/** What one file of the core exports. */
export interface FileExports {
  /** Functions: the type of their result. */
  readonly functions: Record<string, string>;
  /** Constants, "NAME" or "Namespace.NAME": the class that lies there, or "" for a number. */
  readonly constants: Record<string, string>;
  /** Classes: the type of each field, inherited ones included. */
  readonly classes: Record<string, Record<string, string>>;
}

export interface UnitModule {
  readonly wasm: Uint8Array;
  /** By path below assembly/, without ".ts". */
  readonly files: Record<string, FileExports>;
}

/** The files of the core, as paths below assembly/ without ".ts". */
export function coreFiles(): string[] {
  return readdirSync(join(ROOT, "assembly"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => name.replaceAll("\\", "/").slice(0, -3))
    .sort();
}

/** The name under which the entry exports `name` of a file. */
export function exportName(file: string, name: string): string {
  return `${file}_${name}`.replaceAll(/[/.]/g, "_");
}

/** The module of the sources as they stand; built once, by whichever test asks first. */
export async function unitModule(): Promise<UnitModule> {
  const inputs = [
    ...coreFiles().map((file) => `assembly/${file}.ts`),
    "asconfig.json",
    "scripts/inline.mjs",
    "package-lock.json",
  ];
  const path = await builtOnce("module", ".json", [...inputs, "test/unit/build.ts"], build);
  const { wasm, files } = JSON.parse(readFileSync(path, "utf8"));
  return { wasm: Buffer.from(wasm, "base64"), files };
}

/**
 * The path of what `make` made of these very inputs: files and folders as paths in the project, or octets. Made once, by
 * whichever test asks first; the others wait. `make` is given the path to write to.
 */
export async function builtOnce(
  kind: string,
  extension: string,
  inputs: readonly (string | Uint8Array)[],
  make: (path: string) => Promise<void>,
): Promise<string> {
  const name = `${kind}-${hashOf(inputs)}`;
  const result = new URL(`${name}${extension}`, OUTPUT);
  const lock = new URL(`${name}.lock`, OUTPUT);
  mkdirSync(OUTPUT, { recursive: true });
  // Test files run side by side: the first one builds, the others wait for it, but not for ever.
  for (let waits = 0; !existsSync(result); waits++) {
    if (waits < WAITS_MAX && !take(lock)) await setTimeout(WAIT_MS);
    else if (!existsSync(result)) await buildLocked(name, lock, result, make);
  }
  return fileURLToPath(result);
}

/** Of names and contents. */
function hashOf(inputs: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const input of inputs)
    if (typeof input !== "string") hash.update(input);
    else
      for (const file of filesIn(input)) hash.update(`${file}\0`).update(readFileSync(resolve(ROOT, file)));
  return hash.digest("hex").slice(0, 32);
}

function filesIn(path: string): string[] {
  if (!statSync(resolve(ROOT, path)).isDirectory()) return [path];
  const names = readdirSync(resolve(ROOT, path)).sort();
  return names.flatMap((name) => filesIn(join(path, name)));
}

/** Makes the folder `lock`; false when somebody else did. */
function take(lock: URL): boolean {
  return mkdirSync(lock, { recursive: true }) !== undefined;
}

async function buildLocked(
  name: string,
  lock: URL,
  result: URL,
  make: (path: string) => Promise<void>,
): Promise<void> {
  const kind = name.slice(0, name.indexOf("-") + 1);
  for (const old of readdirSync(OUTPUT))
    if (old.startsWith(kind) && !old.startsWith(name))
      rmSync(new URL(old, OUTPUT), { recursive: true, force: true });
  // What another one reads is whole.
  const part = `${fileURLToPath(result)}.${process.pid}`;
  try {
    await make(part);
  } catch (error) {
    // Nobody needs to wait for it.
    rmSync(lock, { recursive: true, force: true });
    throw error;
  }
  renameSync(part, result);
}

async function build(path: string): Promise<void> {
  const files = await describeFiles();
  const wasm = Buffer.from(await compile(entrySources(files))).toString("base64");
  writeFileSync(path, JSON.stringify({ wasm, files }));
}

/** What is used of asc's JavaScript API. */
interface Compiler {
  main(
    args: readonly string[],
    io: {
      readFile(path: string): string | null;
      writeFile(path: string, contents: Uint8Array | string): void;
      listFiles(): string[];
      transforms: unknown[];
    },
  ): Promise<{ error: Error | null; stderr: { toString(): string } }>;
}

async function compile(entries: Record<string, string>): Promise<Uint8Array> {
  // Not by its name as a literal: asc's types would bring their own globals into this program.
  const compiler: string = "assemblyscript/asc";
  const { default: asc } = (await import(compiler)) as { default: Compiler };
  const config = JSON.parse(readText("asconfig.json"));
  const { default: inline } = await import(join(ROOT, "scripts/inline.mjs"));
  let wasm: Uint8Array | undefined;
  const args = [ENTRY, "--config", "asconfig.json", "--use", "FERRULE_BUILD=1", "--outFile", "unit.wasm"];
  const { error, stderr } = await asc.main(args, {
    readFile(path: string) {
      const entry = entries[path];
      if (entry !== undefined) return entry;
      if (path.endsWith("asconfig.json")) return JSON.stringify({ ...config, entries: [] });
      const file = resolve(ROOT, path);
      return existsSync(file) ? readFileSync(file, "utf8") : null;
    },
    writeFile(_path: string, contents: Uint8Array | string) {
      if (typeof contents !== "string") wasm = contents;
    },
    listFiles: () => [],
    transforms: [inline],
  });
  if (error || !wasm) throw new Error(`asc: ${error?.message}\n${stderr}`);
  return wasm;
}

/** By path. Functions come first, under the ABI's names: of a function with many, wasm3 knows the first three. */
function entrySources(files: Record<string, FileExports>): Record<string, string> {
  const functions: string[] = [];
  const constants: string[] = [];
  for (const [file, { functions: calls, constants: values, classes }] of Object.entries(files)) {
    const from = `"../../assembly/${file}"`;
    const space = `in_${exportName(file, "")}`;
    const getter = (name: string, value: string) =>
      constants.push(`export function ${exportName(file, name)}(): u32 { return ${value}; }`);
    constants.push(`import * as ${space} from ${from};`);
    for (const name of Object.keys(calls)) {
      if (file === "abi") functions.push(`export { ${name} } from ${from};`);
      functions.push(`export { ${name} as ${exportName(file, name)} } from ${from};`);
    }
    for (const [name, type] of Object.entries(values))
      getter(name, type ? `<u32>changetype<usize>(${space}.${name})` : `<u32>${space}.${name}`);
    for (const [name, fields] of Object.entries(classes)) {
      getter(`${name}.bytes`, `offsetof<${space}.${name}>()`);
      for (const field of Object.keys(fields))
        getter(`${name}.field.${field}`, `offsetof<${space}.${name}>("${field}")`);
    }
  }
  functions.push('export * from "./entry_constants";');
  return { [ENTRY]: functions.join("\n"), [ENTRY_CONSTANTS]: constants.join("\n") };
}

async function describeFiles(): Promise<Record<string, FileExports>> {
  const { default: typescript } = await import("typescript");
  // Its constants and records are in host/abi.ts.
  const files = coreFiles().filter((file) => file !== "abi_constants");
  const described = Object.fromEntries(files.map((file) => [file, describeFile(typescript, file)]));
  addInherited(described);
  return Object.fromEntries(Object.entries(described).map(([file, { parents: _, ...rest }]) => [file, rest]));
}

/** Gives each class the fields of those it extends, in whichever file they are: names of classes are unique. */
function addInherited(files: Record<string, DescribedFile>): void {
  const all = Object.assign({}, ...Object.values(files).map(({ classes }) => ({ ...classes })));
  const parents: Record<string, string> = Object.assign(
    {},
    ...Object.values(files).map((file) => file.parents),
  );
  const fieldsOf = (name: string): Record<string, string> =>
    name ? { ...fieldsOf(parents[name] ?? ""), ...all[name] } : {};
  for (const { classes } of Object.values(files))
    for (const name of Object.keys(classes)) classes[name] = fieldsOf(name);
}

interface DescribedFile extends FileExports {
  /** Of each class that extends another: that one's name. */
  readonly parents: Record<string, string>;
}

function describeFile(typescript: typeof ts, file: string): DescribedFile {
  const text = readText(`assembly/${file}.ts`);
  const source = typescript.createSourceFile(file, text, typescript.ScriptTarget.ES2022, true);
  const result: DescribedFile = { functions: {}, constants: {}, classes: {}, parents: {} };
  const visit = (statement: ts.Statement, prefix: string): void => {
    const modifiers = typescript.canHaveModifiers(statement) ? typescript.getModifiers(statement) : undefined;
    if (!modifiers?.some(({ kind }) => kind === typescript.SyntaxKind.ExportKeyword)) return;
    if (typescript.isFunctionDeclaration(statement) && statement.name)
      result.functions[statement.name.text] = statement.type?.getText() ?? "void";
    else if (typescript.isVariableStatement(statement)) {
      for (const { name, initializer } of statement.declarationList.declarations)
        result.constants[prefix + name.getText()] =
          /^changetype<(\w+)>/.exec(initializer?.getText() ?? "")?.[1] ?? "";
    } else if (typescript.isModuleDeclaration(statement)) {
      if (statement.body && typescript.isModuleBlock(statement.body))
        for (const inner of statement.body.statements) visit(inner, `${statement.name.text}.`);
    } else if (typescript.isClassDeclaration(statement) && statement.name) {
      const parent = statement.heritageClauses?.[0]?.types[0]?.expression.getText() ?? "";
      const fields: Record<string, string> = {};
      if (parent) result.parents[statement.name.text] = parent.slice(parent.lastIndexOf(".") + 1);
      for (const member of statement.members)
        if (typescript.isPropertyDeclaration(member))
          fields[member.name.getText()] = member.type?.getText() ?? "";
      result.classes[statement.name.text] = fields;
    }
  };
  for (const statement of source.statements) visit(statement, "");
  return result;
}

function readText(path: string): string {
  return readFileSync(resolve(ROOT, path), "utf8");
}
