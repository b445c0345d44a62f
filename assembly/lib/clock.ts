// Time. The host's clock is 32 bits of milliseconds and may wrap, stand still, or be set; the core's goes forward only.

import { state } from "../config";

/** A step back of up to this is a clock that was corrected, and no time passes; anything else is a step forward. */
const BACKWARDS_MS: u32 = 65536;

/** Longest step that timers see at once: deadlines are compared by signed differences. */
const STEP_MS: u32 = 1 << 30;

/** Moves the core's clock on to the host's `now`. */
export function advanceClock(now: u32): void {
  const step = now - state.hostNow;
  state.hostNow = now;
  if (step > 0 - BACKWARDS_MS) return;
  state.timeMs += step;
  state.now += min(step, STEP_MS);
}

/** Whether `deadline` has come. */
export function isDue(deadline: u32): bool {
  return <i32>(state.now - deadline) >= 0;
}

/** Milliseconds until `deadline`, 0 when it has come. */
export function untilDue(deadline: u32): u32 {
  return isDue(deadline) ? 0 : deadline - state.now;
}

/** Makes sure that timers run at `deadline`, or before. */
export function wakeAt(deadline: u32): void {
  if (state.timersArmed && <i32>(state.nextTimer - deadline) <= 0) return;
  state.nextTimer = deadline;
  state.timersArmed = 1;
}
