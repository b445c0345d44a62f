// What a resolver of the demos answers: RFC 1035 section 4.1, and RFC 6891 for who asks with EDNS0.

import { ipOctets } from "../packet/index.js";
import { concat, get16, put16, put32 } from "../packet/octets.js";

const HEADER_BYTES = 12;
/** A response, with recursion desired and available, and without an error. */
const FLAGS = 0x8180;
const TYPE_A = 1;
const CLASS_IN = 1;
const TYPE_OPT = 41;
/** Longest answer by UDP that we take, as we say with EDNS0. */
const UDP_BYTES = 1232;

/** The answer to a query for one name: its address, to be kept for `ttl` seconds. */
export function answerQuery(query: Uint8Array, address: string, ttl: number): Uint8Array {
  const question = query.subarray(HEADER_BYTES, endOfName(query, HEADER_BYTES) + 4);
  const hasOpt = get16(query, 10) > 0;
  const header = new Uint8Array(HEADER_BYTES);
  for (const [index, value] of [get16(query, 0), FLAGS, 1, 1, 0, hasOpt ? 1 : 0].entries())
    put16(header, 2 * index, value);
  return concat(header, question, addressRecord(address, ttl), hasOpt ? optRecord() : new Uint8Array(0));
}

/** An A record of the name in the question, which a pointer stands for. */
function addressRecord(address: string, ttl: number): Uint8Array {
  const record = new Uint8Array(12);
  put16(record, 0, 0xc000 + HEADER_BYTES);
  put16(record, 2, TYPE_A);
  put16(record, 4, CLASS_IN);
  put32(record, 6, ttl);
  put16(record, 10, 4);
  return concat(record, ipOctets(address));
}

function optRecord(): Uint8Array {
  const record = new Uint8Array(11);
  put16(record, 1, TYPE_OPT);
  put16(record, 3, UDP_BYTES);
  return record;
}

/** Where a name without pointers ends. */
function endOfName(message: Uint8Array, at: number): number {
  while (at < message.length && message[at] !== 0) at += 1 + (message[at] as number);
  return at + 1;
}
