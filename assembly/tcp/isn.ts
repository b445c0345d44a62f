// Numbers that nobody may guess: initial sequence numbers (RFC 6528) and ephemeral ports (RFC 6056).

import { config, state } from "../config";
import { keyedHash } from "../lib/prng";

/** The ephemeral range of RFC 6335 section 6: 49152 to 65535. */
export const EPHEMERAL_FIRST: u32 = 49152;
export const EPHEMERAL_PORTS: u32 = 16384;

/** ISN = M + F(addresses, ports, key); M counts 4-microsecond ticks. */
export function initialSequence(remoteAddress: u32, ports: u32): u32 {
  return <u32>keyedHash(remoteAddress, ports, config.address) + state.now * 250;
}
