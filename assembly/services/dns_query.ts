// The record of a query: one name whose addresses are looked up. The application holds a handle to it.
//
//   Query, which ends as an entry of the cache begins | ADDRESSES_MAX of ADDRESS_BYTES | name as on the wire, NAME_PLACE_BYTES
//
// The text of the name is written behind the octet that becomes the length of its first label.

import { config, QUERY_BYTES, services } from "../config";
import { Kind, Socket } from "../net/socket";
import { NAME_PLACE_BYTES } from "../wire/dns";

/** What a query does. */
export namespace Phase {
  /** It has no name yet. */
  export const IDLE: u8 = 0;
  /** A question is to be sent. */
  export const ASKS: u8 = 1;
  /** It was sent. */
  export const WAITS: u8 = 2;
  /** It goes by TCP. */
  export const STREAM: u8 = 3;
  /** It is over: there are addresses, or `error` says why not. */
  export const DONE: u8 = 4;
}

/** A query. In `remoteAddress` and `ports`: the server, its port and ours. */
@unmanaged
export class Query extends Socket {
  /** When this try ends. */
  deadline: u32;
  /** How long the answer may be kept, in seconds; 0 and below: not at all. */
  ttl: i32;
  /** The connection (Tcb) to the server when the question went by TCP, or 0. */
  stream: u32;
  /** Handle of the socket that is to be connected to what is found, or 0; and the port there, in host order. */
  client: i32;
  clientPort: u16;
  /** The question's id, as on the wire. */
  id: u16;
  /** A Status. */
  error: i16;
  /** A Phase. */
  phase: u8;
  tries: u8;
  /** Aliases followed. */
  aliases: u16;
  /** Octets that a question has less because the server does not know EDNS0: OPT_BYTES, or 0. */
  plain: u8;
  /** Addresses that the client has tried. */
  taken: u8;
  unused: u32;
  /** The cache's key of the name that the application gave. */
  key: u64;
  /** As in the cache. */
  expiry: u64;
  /** Addresses found; they follow. */
  addresses: u32;
}

/** Addresses that are kept of an answer. */
export const ADDRESSES_MAX: u32 = 4;
/** Octets of one: room for IPv6. */
export const ADDRESS_BYTES: u32 = 16;

// @inline
/** The query of number `index`. */
export function queryAt(index: u32): Query {
  return changetype<Query>(services.queryTable + index * QUERY_BYTES);
}

/** Handles' number of the first query, less one. */
export function queriesBegin(): u32 {
  return <u32>config.listeners + config.connections + config.datagramSockets;
}

/** The query of a handle; null for one that is stale, was never given out, or is another socket's. */
export function queryOf(handle: i32): Query | null {
  const index: u32 = (handle & 0xffff) - 1 - queriesBegin();
  const q = queryAt(index);
  return index < config.queries && <u32>(q.handle == handle) & <u32>(q.kind == Kind.QUERY) ? q : null;
}

// @inline
/** Where its addresses are. */
export function addressesOf(q: Query): usize {
  return changetype<usize>(q) + offsetof<Query>();
}

// @inline
/** Where its name is. */
export function nameOf(q: Query): usize {
  return changetype<usize>(q) + offsetof<Query>() + ADDRESSES_MAX * ADDRESS_BYTES;
}

/** Adds the address of `bytes` octets at `from`; what is too much is left out. */
export function addAddress(q: Query, from: usize, bytes: u32): void {
  const count = q.addresses;
  if (count >= ADDRESSES_MAX) return;
  memory.copy(addressesOf(q) + count * ADDRESS_BYTES, from, bytes);
  q.addresses = count + 1;
}

/** Fails to compile when a record does not fit the place that config.ts gives it. */
export function checkLayout(): void {
  if (offsetof<Query>() + ADDRESSES_MAX * ADDRESS_BYTES + NAME_PLACE_BYTES != QUERY_BYTES)
    ERROR("Query does not fit");
}
