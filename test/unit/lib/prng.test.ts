import { describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { UnitCore } from "../core.js";
import { sipHash24 } from "../siphash.js";

/** `length` octets 0, 1, 2 ... */
function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index);
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function booted(seed: Uint8Array) {
  return new UnitCore({ seed }).functions("lib/prng", "keyedHash", "random");
}

describe("the oracle", () => {
  test("the paper's vector: key 00..0f, message 00..0e", () => {
    expect(sipHash24(counting(16), counting(15))).toBe(0xa129ca6149be45e5n);
  });

  test("the first of the reference implementation's vectors: the empty message", () => {
    expect(sipHash24(counting(16), counting(0))).toBe(0x726fdb47dd0e0e31n);
  });
});

describe("keyedHash", () => {
  test("is SipHash-2-4 of 12 octets: message 00..0b under key 00..0f", () => {
    const { keyedHash } = booted(counting(32));
    expect(keyedHash(0x03020100, 0x07060504, 0x0b0a0908)).toBe(sipHash24(counting(16), counting(12)));
  });

  test("random keys and messages", () => {
    const prng = new Prng(1);
    for (let round = 0; round < 20; round++) {
      const seed = prng.bytes(32);
      const { keyedHash } = booted(seed);
      for (let message = 0; message < 50; message++) {
        const [a, b, c] = [prng.next(), prng.next(), prng.next()];
        expect(keyedHash(a, b, c)).toBe(sipHash24(seed.subarray(0, 16), words(a, b, c)));
      }
    }
  });

  test("all zeros and all ones", () => {
    for (const octet of [0, 0xff]) {
      const seed = new Uint8Array(32).fill(octet);
      for (const value of [0, 0xffffffff])
        expect(booted(seed).keyedHash(value, value, value)).toBe(
          sipHash24(seed.subarray(0, 16), words(value, value, value)),
        );
    }
  });
});

describe("random", () => {
  const series = (seed: Uint8Array, length: number) => {
    const { random } = booted(seed);
    return Array.from({ length }, () => random());
  };

  test("does not repeat itself", () => {
    // Of 2,000 random numbers of 32 bits two are equal once in 2,000 seeds; with this seed none are.
    expect(new Set(series(counting(32), 2000)).size).toBe(2000);
  });

  test("is the same again for the same seed, another for another", () => {
    const other = counting(32);
    other[7] = 8;
    expect(series(counting(32), 10)).toEqual(series(counting(32), 10));
    expect(series(other, 10)).not.toEqual(series(counting(32), 10));
  });

  test("uses every octet of the key", () => {
    const plain = series(counting(32), 1)[0];
    for (let index = 0; index < 16; index++) {
      const seed = counting(32);
      seed[index] = (seed[index] as number) ^ 0x80;
      expect(series(seed, 1)[0], `octet ${index}`).not.toBe(plain);
    }
  });

  test("bits are even: each is set in about half of 4,000 numbers", () => {
    const numbers = series(counting(32), 4000);
    for (let bit = 0; bit < 32; bit++) {
      const ones = numbers.filter((number) => (number >>> bit) & 1).length;
      // Five standard deviations.
      expect(Math.abs(ones - 2000), `bit ${bit}`).toBeLessThan(5 * Math.sqrt(1000));
    }
  });

  test("does not disturb the keyed hash", () => {
    const { random, keyedHash } = booted(counting(32));
    const before = keyedHash(1, 2, 3);
    random();
    expect(keyedHash(1, 2, 3)).toBe(before);
  });
});
