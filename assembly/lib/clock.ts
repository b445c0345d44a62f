// Time. The host's clock is 32 bits of milliseconds and may wrap, stand still, or be set; the core's goes forward only.

import { STANDARD, services, state } from "../config";

/** A step back of up to this is a clock that was corrected, and no time passes; anything else is a step forward. */
const BACKWARDS_MS: u32 = 65536;

/**
 * Longest step that timers see at once: deadlines, up to 2^24 away, are compared by signed differences. More than the 24
 * days after which a timestamp is out of date (tcp/timestamps.ts).
 */
const STEP_MS: u32 = 0x7e000000;

/** Moves the core's clock on to the host's `now`. */
export function advanceClock(now: u32): void {
  const step = now - state.hostNow;
  state.hostNow = now;
  if (step >= 0 - BACKWARDS_MS) return;
  state.now += min(step, STEP_MS);
  if (STANDARD) services.uptimeMs += step;
}

// @inline
/** Whether `deadline` has come. */
export function isDue(deadline: u32): bool {
  return <i32>(state.now - deadline) >= 0;
}

/** Whether `deadline` has come; when not, timers will run then, or before. */
export function isDueElseWake(deadline: u32): bool {
  if (isDue(deadline)) return true;
  wakeAt(deadline);
  return false;
}

/** The deadline `ms` milliseconds from now; timers will run then. */
export function after(ms: u32): u32 {
  const deadline = state.now + ms;
  wakeAt(deadline);
  return deadline;
}

// @inline
/** Makes sure that timers run at `deadline`, or before. */
export function wakeAt(deadline: u32): void {
  if (state.timersArmed & <u32>(<i32>(state.nextTimer - deadline) <= 0)) return;
  state.nextTimer = deadline;
  state.timersArmed = 1;
}
