// Finds the record that a segment is for, by the peer's address and both ports. Connections, SYN entries and TIME-WAIT
// entries stand in one table of chains; the record that was found last is tried first.

import { state } from "../config";
import { Keyed } from "./tcb";

/** The record for a segment from `remoteAddress` with `ports` as in its header, or null. */
export function find(remoteAddress: u32, ports: u32): Keyed | null {
  if (state.lastHit) {
    const last = changetype<Keyed>(state.lastHit);
    if (last.ports == ports && last.remoteAddress == remoteAddress) return last;
  }
  let at = load<u32>(chainOf(remoteAddress, ports));
  while (at) {
    const keyed = changetype<Keyed>(at);
    if (keyed.ports == ports && keyed.remoteAddress == remoteAddress) {
      state.lastHit = at;
      return keyed;
    }
    at = keyed.chain;
  }
  return null;
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
  let link = chainOf(keyed.remoteAddress, keyed.ports);
  while (load<u32>(link) != self) link = load<u32>(link) + offsetof<Keyed>("chain");
  store<u32>(link, keyed.chain);
}

/** Address of the pointer to the first record of a chain. Ports differ most between connections: mix them well. */
function chainOf(remoteAddress: u32, ports: u32): usize {
  const mixed = (remoteAddress ^ ports) * 0x9e3779b1;
  return state.hashTable + (((mixed >> 16) & state.hashMask) << 2);
}
