// Numbers that nobody may guess: initial sequence numbers (RFC 6528).

import { config, state } from "../config";
import { keyedHash } from "../lib/prng";

/** ISN = M + F(addresses, ports, key); M counts 4-microsecond ticks. */
export function initialSequence(remoteAddress: u32, ports: u32): u32 {
  return <u32>keyedHash(remoteAddress, ports, config.address) + state.now * 250;
}
