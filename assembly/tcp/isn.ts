// Numbers that nobody may guess: initial sequence numbers (RFC 6528) and ephemeral ports (RFC 6056).

import { config, state } from "../config";
import { keyedHash, random } from "../lib/prng";

/** The ephemeral range of RFC 6335 section 6: 49152 to 65535. */
const EPHEMERAL_FIRST: u32 = 49152;
/** Number of ephemeral ports minus one. */
export const EPHEMERAL_MASK: u32 = 16383;

/** ISN = M + F(addresses, ports, key); M counts 4-microsecond ticks. */
export function initialSequence(remoteAddress: u32, ports: u32): u32 {
  return <u32>keyedHash(remoteAddress, ports, config.address) + <u32>state.timeMs * 250;
}

/** A random place in the ephemeral range to begin the search for a free port. */
export function randomPort(): u32 {
  return random();
}

/** The ephemeral port of number `index`, taken around the range. */
export function ephemeralPort(index: u32): u32 {
  return EPHEMERAL_FIRST + (index & EPHEMERAL_MASK);
}
