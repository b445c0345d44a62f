import { describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { UnitCore } from "../core.js";

const core = new UnitCore(null);
const { swap16, swap32, load32 } = core.functions("lib/bytes", "swap16", "swap32", "load32");

/** The number that these octets are in the network's order. */
function bigEndian(octets: Uint8Array): number {
  return octets.reduce((number, octet) => number * 256 + octet, 0);
}

/** The number that a little-endian machine loads from these octets. */
function littleEndian(octets: Uint8Array): number {
  return bigEndian(octets.slice().reverse());
}

describe("swap16", () => {
  test("gives the host's order for every value, and the wire's back", () => {
    for (let value = 0; value < 0x10000; value++) {
      const octets = Uint8Array.of(value >> 8, value & 0xff);
      if (swap16(littleEndian(octets)) !== value || swap16(value) !== littleEndian(octets))
        expect.fail(`${value}`);
    }
  });

  test("does not let what is above 16 bits through", () => {
    expect(swap16(0xabcd1234)).toBe(0x3412);
    expect(swap16(0xffff0000)).toBe(0);
  });
});

describe("swap32", () => {
  test.each([
    [0x01020304, 0x04030201],
    [0, 0],
    [0xffffffff, 0xffffffff],
    [0x000000ff, 0xff000000],
    [0x0000ff00, 0x00ff0000],
    [0x80000000, 0x00000080],
  ])("%i", (value, swapped) => {
    expect(swap32(value)).toBe(swapped);
  });

  test("gives the host's order for random values", () => {
    const prng = new Prng(1);
    for (let round = 0; round < 10000; round++) {
      const octets = prng.bytes(4);
      expect(swap32(littleEndian(octets))).toBe(bigEndian(octets));
    }
  });
});

test.each([0, 1, 2, 3])("load32 reads the wire's order, %i behind an aligned address", (offset) => {
  const prng = new Prng(2 + offset);
  for (let round = 0; round < 1000; round++) {
    const octets = round === 0 ? Uint8Array.of(255, 254, 253, 252) : prng.bytes(4);
    core.memory.set(octets, 60000 + offset);
    expect(load32(60000 + offset)).toBe(bigEndian(octets));
  }
});
