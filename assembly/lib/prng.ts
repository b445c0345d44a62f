// Randomness: a keyed hash of the boot seed. SipHash-2-4 (Aumasson and Bernstein 2012) of 12-octet messages; its
// 64-bit operations cost an interpreter no more than 32-bit ones.

import { config, state } from "../config";

/** Keyed hash of three words, for what must look random and be the same again (RFC 6528). Key: half of the seed. */
export function keyedHash(a: u32, b: u32, c: u32): u64 {
  return sipHash(word(config.seed0, config.seed1), word(config.seed2, config.seed3), word(a, b), c);
}

/** The next 32 random bits: hashes of a counter. No connection has the ports and the address 0 that stand beside it. */
export function random(): u32 {
  return <u32>keyedHash(state.randomBlocks++, 0, 0);
}

function word(low: u32, high: u32): u64 {
  return ((<u64>high) << 32) | low;
}

function sipHash(key0: u64, key1: u64, first: u64, second: u64): u64 {
  const last: u64 = (12 << 56) | second;
  let v0 = key0 ^ 0x736f6d6570736575;
  let v1 = key1 ^ 0x646f72616e646f6d;
  let v2 = key0 ^ 0x6c7967656e657261;
  let v3 = key1 ^ 0x7465646279746573 ^ first;
  // Two rounds for each of the two message words and four to finish, in one loop: code is RAM.
  for (let round = 0; round < 8; round++) {
    if (round == 2) {
      v0 ^= first;
      v3 ^= last;
    } else if (round == 4) {
      v0 ^= last;
      v2 ^= 0xff;
    }
    v0 += v1;
    v2 += v3;
    v1 = rotl(v1, 13) ^ v0;
    v3 = rotl(v3, 16) ^ v2;
    v0 = rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = rotl(v1, 17) ^ v2;
    v3 = rotl(v3, 21) ^ v0;
    v2 = rotl(v2, 32);
  }
  return v0 ^ v1 ^ v2 ^ v3;
}
