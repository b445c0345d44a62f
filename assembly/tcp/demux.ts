// Finds the record that a segment is for, by the peer's address and both ports. Connections, SYN and TIME-WAIT entries
// stand in one table of chains; the record that was found last is tried first.

import { config, state } from "../config";
import { Keyed, unlink } from "../net/socket";

/** The record for a segment from `remoteAddress` with `ports` as in its header, or null. */
export function find(remoteAddress: u32, ports: u32): Keyed | null {
  if (state.lastHit) {
    const last = changetype<Keyed>(state.lastHit);
    if (isFor(last, remoteAddress, ports)) return last;
  }
  let at = load<u32>(chainOf(remoteAddress, ports));
  while (at) {
    const keyed = changetype<Keyed>(at);
    if (isFor(keyed, remoteAddress, ports)) {
      state.lastHit = at;
      return keyed;
    }
    at = keyed.chain;
  }
  return null;
}

function isFor(keyed: Keyed, remoteAddress: u32, ports: u32): bool {
  return !((keyed.ports ^ ports) | (keyed.remoteAddress ^ remoteAddress));
}

/** Puts a record into the table. Its key is not there yet. */
export function add(keyed: Keyed): void {
  const chain = chainOf(keyed.remoteAddress, keyed.ports);
  keyed.chain = load<u32>(chain);
  store<u32>(chain, changetype<u32>(keyed));
}

/** Takes a record out of the table. */
export function remove(keyed: Keyed): void {
  const self = changetype<u32>(keyed);
  if (state.lastHit == self) state.lastHit = 0;
  unlink(chainOf(keyed.remoteAddress, keyed.ports), self, offsetof<Keyed>("chain"));
}

/** Address of the pointer to the first record of a chain. Who does not know the seed cannot choose it. */
function chainOf(remoteAddress: u32, ports: u32): usize {
  return (
    state.hashTable + (((mix(remoteAddress, ports, config.seed4, config.seed5) >> 16) & state.hashMask) << 2)
  );
}

/** Multiplicative hash, keyed by two words of the seed. Not for what an attacker could learn much from. */
export function mix(remoteAddress: u32, ports: u32, seedA: u32, seedB: u32): u32 {
  return remoteAddress * (seedA | 1) + ports * (seedB | 1);
}
