// Types of faults.mjs for the tests.

export interface FaultResult {
  readonly fault: string;
  /** All that was under way came to its end, whole; and the fault did happen. */
  readonly ok: boolean;
  /** Milliseconds of the board's time from the fault until the transfer had ended, or the link was up. */
  readonly ms: number;
  readonly failure?: string;
}

export function faultNames(board: string): string[];
export function runFaults(
  board: string,
  engine: "wasm3" | "aot",
  options?: { sanitize?: boolean },
): Promise<FaultResult[]>;
