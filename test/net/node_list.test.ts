// docs/node-net-tests.md says of each of Node's own tests of net which of ours ask the same, or why none does.

import { readdirSync, readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const ROOT = new URL("../../", import.meta.url);

interface Row {
  readonly name: string;
  readonly asks: string;
  readonly answer: string;
  readonly tests: readonly string[];
}

const rows = readRows(readFileSync(new URL("docs/node-net-tests.md", ROOT), "utf8"));
const names = new Set(
  ["test/host/net.test.ts", ...testFiles("test/net/")].flatMap((path) =>
    testNames(readFileSync(new URL(path, ROOT), "utf8")),
  ),
);

test("each of Node's tests is there once, in order", () => {
  const listed = rows.map(({ name }) => name);
  expect(listed).toEqual([...new Set(listed)].sort());
  expect(listed.length).toBeGreaterThan(100);
  expect(names).toContain("connect > emits connect, then ready");
});

describe("each row says what is asked, and which tests of ours ask it or why none does", () => {
  test.each(rows)("$name", ({ asks, answer, tests }) => {
    expect(asks).not.toBe("");
    if (tests.length === 0) expect(answer).toMatch(/^not applicable: .{10,}/);
    else expect(answer).toMatch(/^(`|differs: .{10,}`)/);
    expect(tests.filter((name) => !names.has(name))).toEqual([]);
  });
});

test("a row without a reason, or with a test that does not exist, is found", () => {
  const [row] = readRows("| `test-net-x` | asks | `no > such test` |\n");
  expect(row?.tests).toEqual(["no > such test"]);
  expect(names.has("no > such test")).toBe(false);
  expect(testNames(`describe("a", () => { same("b", {}, f); test.each([1])("c %s", f); })`)).toEqual([
    "a > b",
    "a > c %s",
  ]);
});

function testFiles(folder: string): string[] {
  return readdirSync(new URL(folder, ROOT))
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => folder + name);
}

function readRows(text: string): Row[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("| `test-net-"))
    .map((line) => {
      const [, name = "", asks = "", answer = ""] = line.split("|").map((column) => column.trim());
      return {
        name: name.replaceAll("`", ""),
        asks,
        answer,
        tests: [...answer.matchAll(/`([^`]+ > [^`]+)`/g)].map(([, test = ""]) => test),
      };
    });
}

/** Names of tests, each behind those of the groups it is in. */
function testNames(text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node, groups: readonly string[]): void => {
    const [called, name] = ts.isCallExpression(node) ? [calledName(node), firstText(node)] : [];
    if (name !== undefined && (called === "test" || called === "same"))
      found.push([...groups, name].join(" > "));
    const inner = name !== undefined && called === "describe" ? [...groups, name] : groups;
    ts.forEachChild(node, (child) => visit(child, inner));
  };
  visit(ts.createSourceFile("a.ts", text, ts.ScriptTarget.ES2022, true), []);
  return found;
}

/** "test" for `test(...)` and `test.each(...)(...)`. */
function calledName({ expression }: ts.CallExpression): string {
  return /^\w+/.exec(expression.getText())?.[0] ?? "";
}

function firstText({ arguments: [first] }: ts.CallExpression): string | undefined {
  return first && ts.isStringLiteralLike(first) ? first.text : undefined;
}
