// docs/rfc9293.md names every requirement of RFC 9293, and only tests that exist.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadScripts } from "./script/script.js";
import { cellName, TABLE } from "./table/all.js";
import type { StateKey } from "./table/situations.js";
import type { StateTable } from "./table/table.js";

/** Numbers of appendix B of RFC 9293: MUST and MUST NOT, SHOULD and SHOULD NOT. */
const MUSTS = 69;
const SHOULDS = 31;

interface Row {
  readonly id: string;
  readonly requirement: string;
  readonly section: string;
  readonly answer: string;
  readonly tests: readonly string[];
}

const HERE = new URL("./", import.meta.url);
const rows = readRows(readFileSync(new URL("../docs/rfc9293.md", HERE), "utf8"));
const names = await testNames();

test("every MUST and SHOULD is there once", () => {
  const wanted = [...numbered("MUST", MUSTS), ...numbered("SHLD", SHOULDS), "REC-1"];
  expect(rows.map(({ id }) => id).sort()).toEqual(wanted.sort());
});

test("names of tests are unambiguous", () => {
  expect(names.size).toBeGreaterThan(500);
  expect(names).toContain("ESTABLISHED x FIN -> CLOSE_WAIT, ACK +1");
});

describe("each row says what it is, what we do, and how that is shown", () => {
  test.each(rows)("$id", ({ requirement, section, answer, tests }) => {
    expect(requirement).not.toBe("");
    expect(section).toMatch(/^3\.\d+(\.\d+)*$/);
    expect(answer).toMatch(/^(yes($|[:;] .+)|no: .{10,}|not applicable: .{10,})/);
    if (answer.startsWith("yes")) expect(tests).not.toEqual([]);
    expect(tests.filter((name) => !names.has(name))).toEqual([]);
  });
});

test("a row without a reason, or with a test that does not exist, is found", () => {
  const [row] = readRows("| MUST-1 | r | 3.1 | no | `no such test` |\n");
  expect(row?.answer).toBe("no");
  expect(row?.tests).toEqual(["no such test"]);
  expect(names.has("no such test")).toBe(false);
});

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`);
}

function readRows(text: string): Row[] {
  return text
    .split("\n")
    .filter((line) => /^\| (MUST|SHLD|REC)-/.test(line))
    .map((line) => {
      const [, id = "", requirement = "", section = "", answer = "", tests = ""] = line
        .split("|")
        .map((column) => column.trim());
      return {
        id,
        requirement,
        section,
        answer,
        tests: [...tests.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
      };
    });
}

/** Names of packet scripts, cells of the table, and tests whose name is a literal. */
async function testNames(): Promise<Set<string>> {
  const scripts = [...(await loadScripts()).values()].flat();
  const goals = scripts.map(({ goal }) => goal);
  const cells = (Object.entries(TABLE) as [StateKey, StateTable][]).flatMap(([key, { segments, calls }]) =>
    [...segments, ...calls].map((cell) => cellName(key, cell)),
  );
  return new Set([...goals, ...cells, ...literalNames()]);
}

function literalNames(): string[] {
  return readdirSync(HERE, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts"))
    .map((path) => readFileSync(new URL(path, HERE), "utf8"))
    .flatMap((text) => [...text.matchAll(/\btest\(\s*"([^"\n]+)"/g)].map(([, name = ""]) => name));
}
