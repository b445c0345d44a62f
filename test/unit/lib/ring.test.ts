import { describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { UnitCore } from "../core.js";

const core = new UnitCore(null);
const { copyIn, copyOut, advance } = core.functions("lib/ring", "copyIn", "copyOut", "advance");

const RING = 4096;
const OUTSIDE = 8192;
/** Small enough to try every position with every length. */
const BYTES = 24;
const GUARD = 0xee;

function octetsAt(address: number, length: number): number[] {
  return Array.from(core.memory.subarray(address, address + length));
}

describe("copyIn", () => {
  test("puts every length to every position, and nothing beside", () => {
    const prng = new Prng(1);
    for (let position = 0; position < BYTES; position++) {
      for (let length = 0; length <= BYTES; length++) {
        core.memory.fill(GUARD, RING - 8, RING + BYTES + 8);
        const data = prng.bytes(length);
        core.memory.set(data, OUTSIDE);
        copyIn(RING, BYTES, position, OUTSIDE, length);
        const wanted = new Array(BYTES).fill(GUARD);
        data.forEach((octet, index) => {
          wanted[(position + index) % BYTES] = octet;
        });
        expect(octetsAt(RING, BYTES), `${length} at ${position}`).toEqual(wanted);
        expect(octetsAt(RING - 8, 8)).toEqual(new Array(8).fill(GUARD));
        expect(octetsAt(RING + BYTES, 8)).toEqual(new Array(8).fill(GUARD));
      }
    }
  });
});

describe("copyOut", () => {
  test("takes every length from every position, and writes nothing beside", () => {
    const ring = new Prng(2).bytes(BYTES);
    core.memory.set(ring, RING);
    for (let position = 0; position < BYTES; position++) {
      for (let length = 0; length <= BYTES; length++) {
        core.memory.fill(GUARD, OUTSIDE, OUTSIDE + BYTES + 8);
        copyOut(RING, BYTES, position, OUTSIDE, length);
        const wanted = Array.from({ length }, (_, index) => ring[(position + index) % BYTES]);
        const rest = new Array(BYTES + 8 - length).fill(GUARD);
        expect(octetsAt(OUTSIDE, BYTES + 8), `${length} at ${position}`).toEqual([...wanted, ...rest]);
      }
    }
    expect(octetsAt(RING, BYTES)).toEqual(Array.from(ring));
  });
});

describe("advance", () => {
  test("is addition modulo the ring's size for every position and distance", () => {
    for (let position = 0; position < BYTES; position++)
      for (let distance = 0; distance <= BYTES; distance++)
        expect(advance(position, distance, BYTES)).toBe((position + distance) % BYTES);
  });

  test("does not overflow in the largest ring, 2^30 octets", () => {
    const bytes = 2 ** 30;
    expect(advance(bytes - 1, bytes, bytes)).toBe(bytes - 1);
    expect(advance(bytes - 1, 1, bytes)).toBe(0);
  });
});

test("a stream through the ring comes out as it went in", () => {
  const prng = new Prng(3);
  let head = 0;
  let held: number[] = [];
  for (let round = 0; round < 2000; round++) {
    const more = prng.bytes(prng.below(BYTES - held.length + 1));
    core.memory.set(more, OUTSIDE);
    copyIn(RING, BYTES, advance(head, held.length, BYTES), OUTSIDE, more.length);
    held.push(...more);
    const taken = prng.below(held.length + 1);
    copyOut(RING, BYTES, head, OUTSIDE, taken);
    expect(octetsAt(OUTSIDE, taken)).toEqual(held.slice(0, taken));
    held = held.slice(taken);
    head = advance(head, taken, BYTES);
  }
});
