// SipHash-2-4 after the paper's pseudo-code ("SipHash: a fast short-input PRF", Aumasson and Bernstein 2012), section
// 2, with bigints and any length: the oracle of the core's.

const MASK = 0xffffffffffffffffn;

/** The tag of `message` under the key of 16 octets. */
export function sipHash24(key: Uint8Array, message: Uint8Array): bigint {
  const [k0, k1] = [word(key, 0), word(key, 8)];
  const v: [bigint, bigint, bigint, bigint] = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ];
  // b octets make (b + 1) / 8 words, rounded up; the last one ends with b mod 256.
  const padded = new Uint8Array(Math.ceil((message.length + 1) / 8) * 8);
  padded.set(message);
  padded[padded.length - 1] = message.length % 256;
  for (let at = 0; at < padded.length; at += 8) {
    const m = word(padded, at);
    v[3] ^= m;
    sipRound(v);
    sipRound(v);
    v[0] ^= m;
  }
  v[2] ^= 0xffn;
  for (let round = 0; round < 4; round++) sipRound(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/** Figure 2.1 of the paper. */
function sipRound(v: [bigint, bigint, bigint, bigint]): void {
  v[0] = (v[0] + v[1]) & MASK;
  v[1] = rotl(v[1], 13n) ^ v[0];
  v[0] = rotl(v[0], 32n);
  v[2] = (v[2] + v[3]) & MASK;
  v[3] = rotl(v[3], 16n) ^ v[2];
  v[0] = (v[0] + v[3]) & MASK;
  v[3] = rotl(v[3], 21n) ^ v[0];
  v[2] = (v[2] + v[1]) & MASK;
  v[1] = rotl(v[1], 17n) ^ v[2];
  v[2] = rotl(v[2], 32n);
}

function rotl(x: bigint, bits: bigint): bigint {
  return ((x << bits) | (x >> (64n - bits))) & MASK;
}

function word(octets: Uint8Array, at: number): bigint {
  return new DataView(octets.buffer, octets.byteOffset + at, 8).getBigUint64(0, true);
}
