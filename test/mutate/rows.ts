// Rows of docs/rfc9293.md whose branch is broken on purpose: one of the row's own tests has to notice. And lines of the services,
// each with the packet script that has to.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileChanged } from "./build.js";
import { Runner } from "./pool.js";

/** How long all tests of a row may take on the unchanged core, at most, in milliseconds. */
const ROW_MS = 3000;

/** How a row's branch is broken. */
export interface BrokenRow {
  /** Its id in docs/rfc9293.md. */
  readonly row: string;
  readonly file: string;
  /** Stands in the file once. */
  readonly original: string;
  readonly changed: string;
}

/** Reads test/mutate/rows.json. Throws when an original does not stand in its file exactly once. */
export function readRows(root: string): readonly BrokenRow[] {
  return readFresh<BrokenRow>(root, "rows.json");
}

/** How a line of a service is broken. */
export interface BrokenService {
  readonly file: string;
  readonly original: string;
  readonly changed: string;
  /** The goal of the packet script that has to notice. */
  readonly test: string;
}

/** Reads test/mutate/services.json. Throws as readRows. */
export function readServices(root: string): readonly BrokenService[] {
  return readFresh<BrokenService>(root, "services.json");
}

/** Names of the tests that each row of docs/rfc9293.md names, by its id. */
export function readTests(root: string): Map<string, readonly string[]> {
  const lines = readFileSync(join(root, "docs/rfc9293.md"), "utf8").split("\n");
  return new Map(
    lines
      .filter((line) => /^\| (MUST|SHLD)-/.test(line))
      .map((line) => {
        const columns = line.split("|").map((column) => column.trim());
        return [
          columns[1] ?? "",
          [...(columns[5] ?? "").matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
        ];
      }),
  );
}

/** Breaks each row and runs its own tests; says what came of it. Returns how many rows nobody noticed. */
export async function breakRows(root: string, rows: readonly BrokenRow[]): Promise<number> {
  const tests = readTests(root);
  let unnoticed = 0;
  for (const row of rows) if (!(await isNoticed(root, row.row, row, tests.get(row.row) ?? []))) unnoticed++;
  return unnoticed;
}

/**
 * Breaks each line and runs its script; says what came of it. Returns how many nobody noticed. Throws when the scripts fail
 * where nothing is broken: else it would not be the changes that they notice.
 */
export async function breakServices(root: string, services: readonly BrokenService[]): Promise<number> {
  const [first] = services;
  const tests = services.map(({ test }) => test);
  if (first && (await isNoticed(root, "whole", { ...first, changed: first.original }, tests, "standard")))
    throw new Error("a script fails on the unchanged core");
  let unnoticed = 0;
  for (const service of services)
    if (!(await isNoticed(root, "broken", service, [service.test], "standard"))) unnoticed++;
  return unnoticed;
}

async function isNoticed(
  root: string,
  name: string,
  broken: { file: string; original: string; changed: string },
  wanted: readonly string[],
  build?: "standard",
): Promise<boolean> {
  const runner = new Runner(compileChanged(root, broken, build), false, build);
  await runner.start();
  const isWanted = (check: string) => wanted.some((test) => check.endsWith(`: ${test}`));
  const checks = runner.names.flatMap((check, index) => (isWanted(check) ? [index] : []));
  const results = await runner.run({ mutant: 0, checks, all: true }, ROW_MS);
  await runner.stop();
  const failed = results?.find(({ failure }) => failure !== undefined);
  const noticed = !results || failed !== undefined;
  const by = failed ? runner.names[failed.check] : results ? `none of ${checks.length}` : "a test that hangs";
  if (name === "whole" && failed) console.log(failed.failure);
  console.log(`${name.padEnd(8)} ${noticed ? "red  " : "GREEN"} ${broken.file}: ${by}`);
  return noticed;
}

function readFresh<T extends { readonly file: string; readonly original: string }>(
  root: string,
  name: string,
): readonly T[] {
  const all: readonly T[] = JSON.parse(readFileSync(join(root, "test/mutate", name), "utf8"));
  for (const { file, original } of all) {
    const times = readFileSync(join(root, file), "utf8").split(original).length - 1;
    if (times !== 1) throw new Error(`${name} is stale: "${original}" stands ${times} times in ${file}`);
  }
  return all;
}
