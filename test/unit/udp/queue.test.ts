import { beforeEach, describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { UnitCore } from "../core.js";

const SIZE = 256;
/** Where the test's queue, its ring, and what goes in are: far behind the state. */
const [Q, RING, DATA] = [59000, 61000, 60000];

let core: UnitCore;
let queue: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) =>
  unit.functions("udp/queue", "isEmpty", "makeRoom", "roomAtTail", "dataAt", "add", "first", "take");

beforeEach(() => {
  core = new UnitCore({ datagramSockets: 1, datagramQueueBytes: SIZE });
  queue = functionsOf(core);
});

const fields = () => [0, 4].map((at) => core.view.getUint32(Q + at, true));

/** Adds `bytes` octets `fill`; false: there is no room. */
function add(bytes: number, fill = 1): boolean {
  if (queue.makeRoom(Q, RING, bytes) < bytes) return false;
  core.memory.fill(fill, DATA, DATA + bytes);
  queue.add(Q, RING, 0x0200000a, 0x1234, DATA, bytes);
  return true;
}

/** Octets of data of the first entry. */
function first(): Uint8Array {
  const at = queue.first(Q, RING);
  const bytes = core.view.getUint16(at, true);
  return core.memory.slice(at + 8, at + 8 + bytes);
}

describe("room", () => {
  test("an empty queue takes one datagram of all of it", () => {
    expect([queue.isEmpty(Q), queue.makeRoom(Q, RING, SIZE)]).toEqual([true, SIZE - 8]);
    expect([add(SIZE - 7), add(SIZE - 8)]).toEqual([false, true]);
    expect([queue.isEmpty(Q), queue.roomAtTail(Q)]).toEqual([false, -8]);
    expect(add(0)).toBe(false);
    queue.take(Q, RING);
    expect([queue.isEmpty(Q), queue.roomAtTail(Q), queue.makeRoom(Q, RING, 1)]).toEqual([true, -8, SIZE - 8]);
  });

  test("an entry takes 8 octets and its data in words", () => {
    const tails = [0, 1, 4, 5, 8].map((bytes) => add(bytes) && fields()[1]);
    expect(tails).toEqual([8, 20, 32, 48, 64]);
  });

  test("entries move to the beginning when the end has no room, and not before", () => {
    for (const fill of [1, 2, 3, 4]) expect(add(52, fill)).toBe(true);
    queue.take(Q, RING);
    // 16 octets are left at the end.
    expect([queue.makeRoom(Q, RING, 8), fields()]).toEqual([8, [60, 240]]);
    expect([queue.makeRoom(Q, RING, 9), fields()]).toEqual([68, [0, 180]]);
    expect(add(68, 5)).toBe(true);
    for (const fill of [2, 3, 4]) {
      expect(first()).toEqual(new Uint8Array(52).fill(fill));
      queue.take(Q, RING);
    }
    expect(first()).toEqual(new Uint8Array(68).fill(5));
    queue.take(Q, RING);
    expect(queue.isEmpty(Q)).toBe(true);
  });

  test("where data goes stays good while others are taken", () => {
    add(100, 1);
    add(90, 2);
    const at = queue.dataAt(Q, RING);
    for (let count = 0; count < 2; count++) queue.take(Q, RING);
    expect(queue.dataAt(Q, RING)).toBe(at);
    core.memory.fill(3, at, at + 40);
    queue.add(Q, RING, 1, 2, at, 40);
    expect(first()).toEqual(new Uint8Array(40).fill(3));
  });

  test("random use, against an array: all that was added comes out, in order and whole", () => {
    const prng = new Prng(7);
    const model: { fill: number; bytes: number }[] = [];
    let refused = 0;
    for (let round = 0; round < 20000; round++) {
      if (prng.chance(0.55)) {
        const entry = { fill: round & 0xff, bytes: prng.below(prng.chance(0.2) ? 250 : 40) };
        const used = model.reduce((sum, { bytes }) => sum + 8 + Math.ceil(bytes / 4) * 4, 0);
        const fits = used + 8 + Math.ceil(entry.bytes / 4) * 4 <= SIZE;
        expect(add(entry.bytes, entry.fill), `${round}`).toBe(fits);
        if (fits) model.push(entry);
        else refused++;
      } else if (model.length > 0) {
        const { fill, bytes } = model.shift() as { fill: number; bytes: number };
        expect(first(), `${round}`).toEqual(new Uint8Array(bytes).fill(fill));
        queue.take(Q, RING);
      }
      expect(queue.isEmpty(Q)).toBe(model.length === 0);
    }
    expect(refused).toBeGreaterThan(100);
    // Nothing was written behind the ring.
    expect(core.memory.subarray(RING + SIZE, RING + SIZE + 64).every((octet) => octet === 0)).toBe(true);
  });
});

test("add: the length, the other side, the data", () => {
  core.memory.set([1, 2, 3, 4, 5], DATA);
  queue.add(Q, RING, 0x0200000a, 0xffff1234, DATA, 5);
  expect([...core.memory.subarray(RING, RING + 14)]).toEqual([
    5, 0, 0x34, 0x12, 10, 0, 0, 2, 1, 2, 3, 4, 5, 0,
  ]);
  const bytes = core.constant("udp/queue", "ENTRY_BYTES");
  expect([bytes, core.sizeOf("udp/queue", "Entry")]).toEqual([8, 8]);
});
