// Octets in a ring: a run may pass the end of the ring and go on at its beginning.

// @inline
/** Copies `length` octets from `source` into the ring at `position`, at most once around. */
export function copyIn(ring: usize, ringBytes: u32, position: u32, source: usize, length: u32): void {
  const run = min(length, ringBytes - position);
  memory.copy(ring + position, source, run);
  if (length > run) memory.copy(ring, source + run, length - run);
}

// @inline
/** Copies `length` octets out of the ring at `position` to `target`, at most once around. */
export function copyOut(ring: usize, ringBytes: u32, position: u32, target: usize, length: u32): void {
  const run = min(length, ringBytes - position);
  memory.copy(target, ring + position, run);
  if (length > run) memory.copy(target + run, ring, length - run);
}

// @inline
/** `position` moved on by `distance`, both below `ringBytes` or equal to it. */
export function advance(position: u32, distance: u32, ringBytes: u32): u32 {
  const next = position + distance;
  return next >= ringBytes ? next - ringBytes : next;
}
