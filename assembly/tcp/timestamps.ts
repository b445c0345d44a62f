// Timestamps, RFC 7323: what we send, what we echo, and protection against wrapped sequence numbers (PAWS).

import { Counter } from "../abi_constants";
import { config, state } from "../config";
import { drop } from "../lib/counters";
import { RST } from "../wire/tcp";
import { mix } from "./demux";
import { segment } from "./segment";
import * as seq from "./seq";
import { Agreed } from "./tcb";

/** TS.Recent of a connection that was idle for this long is no measure any more: 24 days, section 5.5. */
const OUTDATED_MS: u32 = 24 * 24 * 3600 * 1000;

/**
 * TSval for the peer and ports in the Segment record: milliseconds, with an offset that is secret and the same for every
 * incarnation of a connection, which RFC 6191 relies on.
 */
export function clock(): u32 {
  return state.now + mix(segment.remoteAddress, segment.ports, config.seed6, config.seed7);
}

/**
 * Section 5.3, R1, for a connection that agreed on `options` and whose TS.Recent, from a segment `ageMs` ago, is
 * `recent`. False: the segment is dropped and counted. Resets are not looked at (section 5.2).
 */
export function check(options: u32, recent: u32, ageMs: u32): bool {
  if (!(options & Agreed.TIMESTAMPS) || segment.flags & RST) return true;
  if (!(segment.options & Agreed.TIMESTAMPS)) return drop(Counter.TCP_NO_TIMESTAMP);
  if (!(<u32>seq.lessThan(segment.tsValue, recent) & <u32>(ageMs < OUTDATED_MS))) return true;
  return drop(Counter.TCP_PAWS);
}
