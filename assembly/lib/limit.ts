// How often something may be sent that anybody can ask for. Each costs a debt of time, which passes by itself.

import { state } from "../config";

/**
 * Whether one more may be sent: one each `interval` milliseconds in the long run, and at once as many as `burst`
 * milliseconds are good for (both below 2^23). At `debt` stands when the debt so far is paid.
 */
export function allow(debt: usize, interval: u32, burst: u32): bool {
  let ahead = load<u32>(debt) - state.now;
  // What was paid in the past is a large number.
  if (ahead > (burst << 1) + interval) ahead = 0;
  if (ahead > burst) return false;
  store<u32>(debt, state.now + ahead + interval);
  return true;
}
