// No file of the core goes without unit tests.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { coreFiles, unitModule } from "./build.js";

const HERE = new URL("./", import.meta.url);
const { files } = await unitModule();

function testFile(file: string): URL {
  return new URL(`${file}.test.ts`, HERE);
}

test("every file of assembly/ has a unit test file", () => {
  expect(coreFiles()).toContain("tcp/input");
  expect(coreFiles().filter((file) => !existsSync(testFile(file)))).toEqual([]);
});

test("every unit test file of a layer is for a file of assembly/", () => {
  const names = readdirSync(HERE, { recursive: true, encoding: "utf8" });
  const tested = names.filter((name) => name.includes("/") && name.endsWith(".test.ts"));
  expect(tested.length).toBeGreaterThan(20);
  expect(tested.filter((name) => !coreFiles().includes(name.slice(0, -".test.ts".length)))).toEqual([]);
});

describe("every exported function is named in the test of its file", () => {
  test.each(Object.keys(files))("%s", (file) => {
    // What fails to compile needs no test.
    const names = Object.keys(files[file]?.functions ?? {}).filter((name) => name !== "checkLayout");
    const text = readFileSync(testFile(file), "utf8");
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  });
});
