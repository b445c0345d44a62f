// The C header and the TypeScript types are what the generator makes of the core's constants and exports now.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const GENERATED = ["boards/include/ferrule_abi.h", "host/abi.ts"] as const;
const SOURCES = ["scripts/generate_abi.mjs", "assembly/abi_constants.ts", "assembly/abi.ts"] as const;

// Each run loads the TypeScript compiler, which takes long on a busy machine.
vi.setConfig({ testTimeout: 120000 });

function generate(root: string, ...options: string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, "scripts/generate_abi.mjs"), ...options],
    { encoding: "utf8", timeout: 60000 },
  );
  return { status, text: stdout + stderr };
}

test("the generated files are fresh", () => {
  expect(generate(ROOT, "--check")).toEqual({ status: 0, text: "generated files are fresh\n" });
});

describe("the check can fail, on a copy", () => {
  let copy: string;
  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), "ferrule-generated-"));
    for (const path of [...GENERATED, ...SOURCES]) cpSync(join(ROOT, path), join(copy, path));
    symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  });
  afterAll(() => rmSync(copy, { recursive: true }));

  /** Runs `during` while `path` of the copy has `change` made to it. */
  function changed(path: string, change: (text: string) => string, during: () => void): void {
    const before = readFileSync(join(copy, path), "utf8");
    const after = change(before);
    expect(after).not.toBe(before);
    writeFileSync(join(copy, path), after);
    try {
      during();
    } finally {
      writeFileSync(join(copy, path), before);
    }
  }

  test("the untouched copy passes", () => {
    expect(generate(copy, "--check").status).toBe(0);
  });

  test.each(GENERATED)("an edit of %s is found", (path) => {
    changed(
      path,
      (text) => `${text}\n`,
      () => {
        const { status, text } = generate(copy, "--check");
        expect(status).toBe(1);
        expect(text).toContain(`${path} is stale`);
      },
    );
  });

  test.each([
    ["a new value", "assembly/abi_constants.ts", "NO_MEMORY = -5", "NO_MEMORY = -6"],
    [
      "a new parameter",
      "assembly/abi.ts",
      "function output(now: u32)",
      "function output(now: u32, more: u32)",
    ],
    ["a new comment", "assembly/abi.ts", "/** ABI_VERSION of this module. */", "/** The version. */"],
  ])("%s makes both files stale", (_what, path, from, to) => {
    changed(
      path,
      (text) => text.replace(from, to),
      () => {
        const { status, text } = generate(copy, "--check");
        expect(status).toBe(1);
        for (const file of GENERATED) expect(text).toContain(`${file} is stale`);
      },
    );
  });

  test("a function that is not exported is no part of the interface", () => {
    changed(
      "assembly/abi.ts",
      (text) => `${text}\nfunction helper(a: u32): u32 {\n  return a;\n}\n`,
      () => expect(generate(copy, "--check").status).toBe(0),
    );
  });

  test("generating makes stale files fresh", () => {
    for (const path of GENERATED) writeFileSync(join(copy, path), "stale");
    expect(generate(copy).status).toBe(0);
    for (const path of GENERATED)
      expect(readFileSync(join(copy, path), "utf8")).toBe(readFileSync(join(ROOT, path), "utf8"));
  });

  test("a record that C and Wasm would lay out differently is refused", () => {
    changed(
      "assembly/abi_constants.ts",
      (text) => text.replace("  magic: u32;", "  magic: u16;"),
      () => {
        const { status, text } = generate(copy, "--check");
        expect(status).toBe(1);
        expect(text).toMatch(/StateHeader\.\w+ needs padding/);
      },
    );
  });
});
