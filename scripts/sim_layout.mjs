// Where fields stand in the core's own records, for the simulator's checker: classes and constants of the files that
// define them, measured by the compiler itself. `node scripts/sim_layout.mjs FILE` writes `{ records, constants }` (see
// host/sim/layout.ts) as JSON; the build does it.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { root } from "./support.mjs";

/** Classes come before those that extend them. */
const FILES = ["net/socket", "tcp/tcb", "config"];
const ENTRY = "test/sim/entry.ts";

writeFileSync(process.argv[2], JSON.stringify(await measure()));

async function measure() {
  const known = {};
  const files = FILES.map((file) => describeFile(file, known));
  const exported = await run(entrySource(files));
  const records = {};
  const constants = {};
  for (const { classes, names } of files) {
    for (const [name, fields] of Object.entries(classes)) {
      const offsets = Object.entries(fields).map(([field, type]) => [
        field,
        { offset: exported[`${name}_${field}`](), type },
      ]);
      records[name] = { bytes: exported[`${name}_bytes`](), fields: Object.fromEntries(offsets) };
    }
    for (const name of names) constants[name] = exported[name.replaceAll(".", "_")]();
  }
  return { records, constants };
}

function entrySource(files) {
  const lines = [];
  for (const { file, classes, names } of files) {
    const space = file.replaceAll("/", "_");
    lines.push(`import * as ${space} from "../../assembly/${file}";`);
    for (const name of names)
      lines.push(`export function ${name.replaceAll(".", "_")}(): u32 { return <u32>${space}.${name}; }`);
    for (const [name, fields] of Object.entries(classes)) {
      lines.push(`export function ${name}_bytes(): u32 { return offsetof<${space}.${name}>(); }`);
      for (const field of Object.keys(fields))
        lines.push(
          `export function ${name}_${field}(): u32 { return offsetof<${space}.${name}>("${field}"); }`,
        );
    }
  }
  return lines.join("\n");
}

async function run(entry) {
  const { default: asc } = await import("assemblyscript/asc");
  const config = JSON.parse(readFileSync(join(root, "asconfig.json"), "utf8"));
  let wasm;
  const { error, stderr } = await asc.main([ENTRY, "--config", "asconfig.json", "--outFile", "layout.wasm"], {
    readFile(path) {
      if (path === ENTRY) return entry;
      if (path.endsWith("asconfig.json")) return JSON.stringify({ ...config, entries: [] });
      return existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : null;
    },
    writeFile(_path, contents) {
      if (typeof contents !== "string") wasm = contents;
    },
    listFiles: () => [],
  });
  if (error || !wasm) throw new Error(`asc: ${error?.message}\n${stderr}`);
  const { instance } = await WebAssembly.instantiate(wasm, {});
  return instance.exports;
}

/**
 * The exported classes of a file, inherited fields included, and the names of its exported numeric constants. `known`: all
 * classes so far.
 */
function describeFile(file, known) {
  const text = readFileSync(join(root, `assembly/${file}.ts`), "utf8");
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const classes = {};
  const names = [];
  const visit = (statement, prefix) => {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    if (!modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return;
    if (ts.isVariableStatement(statement)) {
      for (const { name, type } of statement.declarationList.declarations)
        if (/^(u8|u16|u32|i32|usize)$/.test(type?.getText() ?? "")) names.push(prefix + name.getText());
    } else if (ts.isModuleDeclaration(statement)) {
      for (const inner of statement.body.statements) visit(inner, `${statement.name.text}.`);
    } else if (ts.isClassDeclaration(statement)) {
      const parent = statement.heritageClauses?.[0]?.types[0]?.expression.getText() ?? "";
      const own = statement.members.filter(ts.isPropertyDeclaration);
      const fields = own.map((member) => [member.name.getText(), member.type?.getText() ?? ""]);
      known[statement.name.text] = { ...known[parent], ...Object.fromEntries(fields) };
      classes[statement.name.text] = known[statement.name.text];
    }
  };
  for (const statement of source.statements) visit(statement, "");
  return { file, classes, names };
}
