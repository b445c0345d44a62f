import { describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { UnitCore } from "../core.js";

const core = new UnitCore(null);
const { checksum, fold } = core.functions("lib/checksum", "checksum", "fold");

/** A place that nothing uses, 4-aligned. */
const AT = 4096;

/**
 * RFC 1071 with unbounded numbers: the sum of the big-endian words, modulo 0xffff, where a sum of any non-zero words
 * is never 0; with the octets of the result in memory order, as the core keeps sums.
 */
function oracle(octets: Uint8Array, seed = 0): number {
  let sum = BigInt(swap(seed));
  for (let index = 0; index < octets.length; index++)
    sum += BigInt(octets[index] as number) << (index % 2 === 0 ? 8n : 0n);
  return sum === 0n ? 0 : swap(Number(((sum - 1n) % 0xffffn) + 1n));
}

function swap(value: number): number {
  return ((value & 0xff) << 8) | (value >> 8);
}

function sumOf(octets: Uint8Array, seed = 0): number {
  // What stands behind must not matter.
  core.memory.fill(0xa5, AT, AT + octets.length + 64);
  core.memory.set(octets, AT);
  return checksum(AT, octets.length, BigInt(seed));
}

describe("checksum", () => {
  test("RFC 1071 section 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2", () => {
    expect(swap(sumOf(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)))).toBe(0xddf2);
  });

  test("a well-known IPv4 header sums to ffff with its checksum b861", () => {
    const header = Buffer.from("450000730000400040 11b861c0a80001c0a800c7".replace(" ", ""), "hex");
    expect(sumOf(header)).toBe(0xffff);
    header[10] = header[11] = 0;
    expect(swap(sumOf(header)) ^ 0xffff).toBe(0xb861);
  });

  test("every length from 0 to 1500, random octets", () => {
    const prng = new Prng(2);
    for (let length = 0; length <= 1500; length++) {
      const octets = prng.bytes(length);
      expect(sumOf(octets), `length ${length}`).toBe(oracle(octets));
    }
  });

  test.each([0xff, 0x00, 0x01, 0x80, 0xfe])(
    "every length from 0 to 1500, all %i: carries, and zero",
    (octet) => {
      for (let length = 0; length <= 1500; length++) {
        const octets = new Uint8Array(length).fill(octet);
        expect(sumOf(octets), `length ${length}`).toBe(oracle(octets));
      }
    },
  );

  test("an odd end counts as the high octet of a word", () => {
    expect(swap(sumOf(Uint8Array.of(0x12)))).toBe(0x1200);
    expect(swap(sumOf(Uint8Array.of(0x12, 0x34, 0x56)))).toBe(0x1234 + 0x5600);
  });

  test("goes on from a seed", () => {
    const prng = new Prng(3);
    for (let round = 0; round < 2000; round++) {
      const seed = round < 4 ? [0, 1, 0xfffe, 0xffff][round] : prng.below(0x10000);
      const octets = prng.bytes(prng.below(200));
      expect(sumOf(octets, seed)).toBe(oracle(octets, seed));
    }
  });

  test("goes on from a sum that is not folded, up to 48 bits", () => {
    const prng = new Prng(6);
    for (let round = 0; round < 2000; round++) {
      const high = round === 0 ? 0xffff : prng.below(0x10000);
      const low = round === 0 ? 0xffff_ffff : prng.next();
      const octets = prng.bytes(prng.below(1501));
      core.memory.set(octets, AT);
      const whole = (BigInt(high) << 32n) + BigInt(low) + BigInt(oracle(octets));
      const wanted = whole === 0n ? 0 : Number(((whole - 1n) % 0xffffn) + 1n);
      expect(checksum(AT, octets.length, (BigInt(high) << 32n) | BigInt(low))).toBe(wanted);
    }
  });

  test("the parts of a packet sum to the whole when all but the last are even", () => {
    const octets = new Prng(4).bytes(1000);
    const first = sumOf(octets.subarray(0, 300));
    expect(sumOf(octets.subarray(300), first)).toBe(oracle(octets));
  });
});

describe("fold", () => {
  test.each([
    [0n, 0],
    [1n, 1],
    [0xffffn, 0xffff],
    [0x10000n, 1],
    [0x1fffen, 0xffff],
    [0x1ffffn, 1],
    [0xffffffffn, 0xffff],
    [0x100000000n, 1],
    [0xffffffffffffn, 0xffff],
    [0xffff00000000n, 0xffff],
    [0xfffffffffffen, 0xfffe],
    [0xffffffff0001n, 1],
    [0xfffe0001ffffn, 0xffff],
  ])("%i", (sum, folded) => {
    expect(fold(sum)).toBe(folded);
  });

  test("random sums of 48 bits keep their value modulo ffff", () => {
    const prng = new Prng(5);
    for (let round = 0; round < 10000; round++) {
      const sum = (BigInt(prng.below(0x10000)) << 32n) | BigInt(prng.next());
      expect(fold(sum)).toBe(Number(((sum - 1n) % 0xffffn) + 1n));
    }
  });
});
