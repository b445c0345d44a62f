// What was asked and is still true: answers as long as their records say, and that there is none (RFC 2308). A name is known
// by a keyed hash of 64 bits: who does not know the seed finds no other name with the same. When there is no room, what
// ends first gives way.

import { CACHE_BYTES, config, services } from "../config";
import { keyedHash } from "../lib/prng";
import { nameBytes } from "../wire/dns";
import { ADDRESS_BYTES, ADDRESSES_MAX, addressesOf, Query } from "./dns_query";

/** An entry, before its addresses. */
@unmanaged
export class CacheEntry {
  key: u64;
  /** When it ends, in milliseconds of the clock that does not wrap. */
  expiry: u64;
  /** Addresses; 0: the name has none. */
  addresses: u32;
}

const MS_PER_SECOND: u32 = 1000;

/** The key of the name at `name`, which is in lower case and 4-aligned. */
export function keyOf(name: usize): u64 {
  let key: u64 = 0;
  let left = nameBytes(name);
  for (;;) {
    let word = load<u32>(name);
    if (left < 4) word &= (1 << (left << 3)) - 1;
    key = keyedHash(<u32>key, <u32>(key >> 32), word);
    if (left <= 4) return key;
    left -= 4;
    name += 4;
  }
}

/** Gives the query what is known of its key. False: nothing is. */
export function recall(q: Query): bool {
  const entry = find(q.key);
  if (!entry || <u32>(entry.key != q.key) | <u32>(entry.expiry <= services.uptimeMs)) return false;
  q.addresses = <u8>entry.addresses;
  memory.copy(addressesOf(q), addressesAt(entry), ADDRESSES_MAX * ADDRESS_BYTES);
  return true;
}

/** Keeps what the query has found, for `ttl` seconds. */
export function keep(q: Query): void {
  const entry = find(q.key);
  if (!entry || !q.ttl) return;
  entry.key = q.key;
  entry.expiry = services.uptimeMs + <u64>q.ttl * MS_PER_SECOND;
  entry.addresses = q.addresses;
  memory.copy(addressesAt(entry), addressesOf(q), ADDRESSES_MAX * ADDRESS_BYTES);
}

/** The entry of `key`, or else the one that ends first: those that are free ended long ago. Null: there is no cache. */
function find(key: u64): CacheEntry | null {
  let first: CacheEntry | null = null;
  let at = services.cacheTable;
  for (let left = <u32>config.cacheEntries; left; left--) {
    const entry = changetype<CacheEntry>(at);
    if (entry.key == key) return entry;
    if (!first || entry.expiry < first.expiry) first = entry;
    at += CACHE_BYTES;
  }
  return first;
}

function addressesAt(entry: CacheEntry): usize {
  return changetype<usize>(entry) + offsetof<CacheEntry>();
}

/** Fails to compile when an entry does not fit the place that config.ts gives it. */
export function checkLayout(): void {
  if (offsetof<CacheEntry>() + ADDRESSES_MAX * ADDRESS_BYTES != CACHE_BYTES) ERROR("CacheEntry does not fit");
}
