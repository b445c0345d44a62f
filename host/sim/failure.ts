// What a simulation says when something broke.

/** Something that must never happen did. The message says what; the world adds when and to whom. */
export class SimFailure extends Error {
  override readonly name = "SimFailure";
}

/** Throws SimFailure with `what()` unless `condition` holds. */
export function check(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new SimFailure(what());
}

/** `a` minus `b` as sequence numbers: the signed distance. */
export function seqDistance(a: number, b: number): number {
  return (a - b) | 0;
}
