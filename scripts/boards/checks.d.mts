// Types of checks.mjs for the tests.

/** A line of a board's checks; what else it says depends on the check. */
export interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly [more: string]: unknown;
}

export const TAP_DEFINES: readonly string[];
export function runChecks(
  board: string,
  engine: "wasm3" | "aot",
  trap: { readonly trapping: string; readonly trapPattern: string },
): Promise<Check[]>;
