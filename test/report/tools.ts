// What this machine has for the tests, as scripts/setup.mjs found it.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

interface Tools {
  /** Tool -> why it is missing, and how to get it. */
  readonly missing: Readonly<Record<string, string>>;
  /** Sources of wasm3; null when they could not be had. */
  readonly wasm3: { readonly directory: string; readonly version: string } | null;
}

export const tools: Tools = JSON.parse(readFileSync(`${root}build/tools.json`, "utf8"));

/** Why a test that needs these tools must be skipped; undefined when all are there. For vitest's `skip`. */
export function missingTools(...names: readonly string[]): string | undefined {
  const reasons = names.flatMap((name) => tools.missing[name] ?? []);
  return reasons.length > 0 ? reasons.join("; ") : undefined;
}
