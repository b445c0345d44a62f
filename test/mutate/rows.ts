// Rows of docs/rfc9293.md whose branch is broken on purpose: one of the row's own tests has to notice.

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
  const rows: readonly BrokenRow[] = JSON.parse(readFileSync(join(root, "test/mutate/rows.json"), "utf8"));
  for (const { row, file, original } of rows) {
    const times = readFileSync(join(root, file), "utf8").split(original).length - 1;
    if (times !== 1)
      throw new Error(`rows.json is stale: ${row}'s original stands ${times} times in ${file}`);
  }
  return rows;
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
  for (const row of rows) {
    const runner = new Runner(compileChanged(root, row), false);
    await runner.start();
    const wanted = tests.get(row.row) ?? [];
    const isWanted = (name: string) => wanted.some((test) => name.endsWith(`: ${test}`));
    const checks = runner.names.flatMap((name, index) => (isWanted(name) ? [index] : []));
    const results = await runner.run({ mutant: 0, checks, all: true }, ROW_MS);
    await runner.stop();
    const failed = results?.find(({ failure }) => failure !== undefined);
    const noticed = !results || failed !== undefined;
    if (!noticed) unnoticed++;
    const by = failed
      ? runner.names[failed.check]
      : results
        ? `none of ${checks.length}`
        : "a test that hangs";
    console.log(`${row.row.padEnd(8)} ${noticed ? "red  " : "GREEN"} ${row.file}: ${by}`);
  }
  return unnoticed;
}
