import { beforeEach, describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { UnitCore } from "../core.js";

const SIZE = 256;
/** Where the test's queue and its ring are: far behind the state. */
const [Q, RING] = [60000, 61000];

let core: UnitCore;
let queue: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) =>
  unit.functions("udp/queue", "isEmpty", "place", "longest", "put", "take", "write");

beforeEach(() => {
  core = new UnitCore({ datagramSockets: 1, datagramQueueBytes: SIZE });
  queue = functionsOf(core);
});

const NONE = 0xffffffff;
const fields = () => [0, 4, 8].map((at) => core.view.getUint32(Q + at, true));

function add(bytes: number): number {
  const at = queue.place(Q, bytes);
  if (at !== NONE) queue.put(Q, at, bytes);
  return at;
}

describe("places", () => {
  test("an empty queue takes one datagram of all of it", () => {
    expect([queue.isEmpty(Q), queue.longest(Q)]).toEqual([true, SIZE - 8]);
    expect(queue.place(Q, SIZE - 7)).toBe(NONE);
    expect(add(SIZE - 8)).toBe(0);
    expect([queue.isEmpty(Q), queue.longest(Q)]).toEqual([false, -8]);
    expect(add(0)).toBe(NONE);
    queue.take(Q, SIZE - 8);
    expect([queue.isEmpty(Q), queue.longest(Q)]).toEqual([true, SIZE - 8]);
  });

  test("an entry takes 8 octets and its data in words", () => {
    expect([add(0), add(1), add(4), add(5), add(8)]).toEqual([0, 8, 20, 32, 48]);
  });

  test("what does not fit behind the last goes before the first, and leaves a gap", () => {
    for (let count = 0; count < 4; count++) expect(add(52)).toBe(count * 60);
    // 16 octets are left at the end.
    expect([add(9), queue.longest(Q)]).toEqual([NONE, 8]);
    queue.take(Q, 52);
    expect(queue.longest(Q)).toBe(48);
    // It never comes up to the head: that would be an empty queue.
    expect(add(52)).toBe(NONE);
    expect(add(48)).toBe(0);
    expect([add(0), queue.longest(Q)]).toEqual([NONE, -8]);
    expect(fields()).toEqual([60, 56, 240]);
    for (let count = 0; count < 3; count++) queue.take(Q, 52);
    // Past the gap.
    expect(fields().slice(0, 2)).toEqual([0, 56]);
    queue.take(Q, 48);
    expect(queue.isEmpty(Q)).toBe(true);
  });

  test("a place stays good while others are taken", () => {
    add(100);
    add(100);
    queue.take(Q, 100);
    const at = queue.place(Q, 90);
    expect(at).toBe(0);
    queue.take(Q, 100);
    queue.put(Q, at, 90);
    expect(fields().slice(0, 2)).toEqual([0, 100]);
    queue.take(Q, 90);
    expect(queue.isEmpty(Q)).toBe(true);
  });

  test("random use, against an array: every entry is in one run, and no two overlap", () => {
    const prng = new Prng(7);
    const model: { at: number; bytes: number }[] = [];
    let wraps = 0;
    for (let round = 0; round < 20000; round++) {
      if (prng.chance(0.55)) {
        const bytes = prng.below(prng.chance(0.2) ? 250 : 40);
        const longest = queue.longest(Q);
        const at = queue.place(Q, bytes);
        expect(at !== NONE).toBe(bytes <= longest);
        if (at === NONE) continue;
        const size = 8 + Math.ceil(bytes / 4) * 4;
        expect(at % 4 === 0 && at + size <= SIZE).toBe(true);
        for (const other of model)
          expect(at + size <= other.at || other.at + 8 + other.bytes <= at, `${round}`).toBe(true);
        if (at === 0 && model.length > 0) wraps++;
        queue.put(Q, at, bytes);
        model.push({ at, bytes });
      } else if (model.length > 0) {
        const { at, bytes } = model.shift() as { at: number; bytes: number };
        expect(fields()[0]).toBe(at);
        queue.take(Q, bytes);
      }
      expect(queue.isEmpty(Q)).toBe(model.length === 0);
    }
    expect(wraps).toBeGreaterThan(100);
  });
});

test("write: the other side, the length, the data", () => {
  core.memory.set([1, 2, 3, 4, 5], 59000);
  queue.write(RING, 0x0200000a, 0xffff1234, 59000, 5);
  expect([...core.memory.subarray(RING, RING + 14)]).toEqual([
    5, 0, 0x34, 0x12, 10, 0, 0, 2, 1, 2, 3, 4, 5, 0,
  ]);
  const constant = (name: string) => core.constant("udp/queue", name);
  expect([constant("ENTRY_BYTES"), core.sizeOf("udp/queue", "Entry"), constant("NONE")]).toEqual([
    8,
    8,
    NONE,
  ]);
});
