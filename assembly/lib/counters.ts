// Named counters: every drop has its own. It is the statistic, and in a test the proof that the branch was reached.

import { Counter } from "../abi_constants";
import { COUNTERS } from "../config";

/** Adds one to a counter. */
export function count(counter: Counter): void {
  const at = COUNTERS + ((<usize>counter) << 2);
  store<u32>(at, load<u32>(at) + 1);
}

// @inline
/** The same where every frame passes: calls cost an interpreter more than their code takes. */
export function tally(counter: Counter): void {
  const at = COUNTERS + ((<usize>counter) << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** Counts something that is dropped: nothing more happens to it. */
export function drop(counter: Counter): bool {
  count(counter);
  return false;
}
