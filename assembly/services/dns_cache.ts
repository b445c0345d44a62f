// What was asked and is still true: answers as long as their records say, and that there is none (RFC 2308). A name is known
// by a keyed hash of 64 bits: who does not know the seed finds no other name with the same. When there is no room, what
// ends first gives way.

import { CACHE_BYTES, config, services } from "../config";
import { keyedHash } from "../lib/prng";
import { ADDRESS_BYTES, ADDRESSES_MAX, Query } from "./dns_query";

/** An entry, before its addresses. A Query ends like it. */
@unmanaged
export class CacheEntry {
  key: u64;
  /** When it ends, in milliseconds of the clock that does not wrap. */
  expiry: u64;
  /** Addresses; 0: the name has none. */
  addresses: u32;
}

const MS_PER_SECOND: u32 = 1000;

/** Key, end and addresses: the same in both records. */
const SHARED_BYTES: u32 = offsetof<CacheEntry>() + ADDRESSES_MAX * ADDRESS_BYTES;

/** The key of the name of `bytes` octets at `name`, in lower case, which zeros follow up to a multiple of 4. */
export function keyOf(name: usize, bytes: u32): u64 {
  const end = name + bytes;
  let key: u64 = 0;
  do {
    key = keyedHash(<u32>key, <u32>(key >> 32), load<u32>(name));
    name += 4;
  } while (name < end);
  return key;
}

/** Gives the query what is known of its key. False: nothing is. */
export function recall(q: Query): bool {
  const entry = find(q.key);
  if (<u32>(entry.key != q.key) | <u32>(entry.expiry <= services.uptimeMs)) return false;
  memory.copy(changetype<usize>(q) + offsetof<Query>("key"), changetype<usize>(entry), SHARED_BYTES);
  return true;
}

/** Keeps what the query has found, for `ttl` seconds. */
export function keep(q: Query): void {
  if (!(<u32>(q.ttl > 0) & <u32>(config.cacheEntries != 0))) return;
  q.expiry = services.uptimeMs + <u64>(<u32>q.ttl) * MS_PER_SECOND;
  memory.copy(changetype<usize>(find(q.key)), changetype<usize>(q) + offsetof<Query>("key"), SHARED_BYTES);
}

/**
 * The entry of `key`, or else the one that ends first: those that are free ended long ago. Without a cache it is what
 * stands behind: nothing there has a key, because nobody knows any.
 */
function find(key: u64): CacheEntry {
  let at = services.cacheTable;
  let first = changetype<CacheEntry>(at);
  for (let left = <u32>config.cacheEntries; left; left--) {
    const entry = changetype<CacheEntry>(at);
    if (entry.key == key) return entry;
    if (entry.expiry < first.expiry) first = entry;
    at += CACHE_BYTES;
  }
  return first;
}

/** Fails to compile when an entry does not fit the place that config.ts gives it, or a query does not go on as one. */
export function checkLayout(): void {
  if (SHARED_BYTES != CACHE_BYTES) ERROR("CacheEntry does not fit");
  const first = offsetof<Query>("key");
  if (offsetof<Query>("expiry") - first != offsetof<CacheEntry>("expiry")) ERROR("Query is no CacheEntry");
  if (offsetof<Query>("addresses") - first != offsetof<CacheEntry>("addresses"))
    ERROR("Query is no CacheEntry");
}
