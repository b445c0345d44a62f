// The virtual clock, the seeded generator and the links: what every simulation stands on.

import { describe, expect, test } from "vitest";
import { FrameQueue } from "../../host/link/frame_queue.js";
import { Wire } from "../../host/link/wire.js";
import { VirtualClock } from "../../host/sim/clock.js";
import { LossyLink } from "../../host/sim/lossy.js";
import { Prng } from "../../host/sim/prng.js";

describe("the virtual clock", () => {
  test("runs what is due in the order of time, and equals in the order they came", () => {
    const clock = new VirtualClock(1000);
    const log: string[] = [];
    const note = (name: string) => () => log.push(`${name} ${clock.now()}`);
    clock.after(2.5, note("c"));
    clock.after(1, note("a"));
    clock.soon(note("first"));
    clock.after(1, note("b"));
    clock.after(50, note("later"));
    clock.advance(10);
    expect(log).toEqual(["first 1000", "a 1001", "b 1001", "c 1002.5"]);
    expect(clock.now()).toBe(1010);
  });

  test("forgets what was cancelled", () => {
    const clock = new VirtualClock(0);
    let ran = 0;
    const timer = clock.after(5, () => ran++);
    clock.after(5, () => ran++);
    timer.cancel();
    timer.cancel();
    clock.advance(10);
    expect(ran).toBe(1);
  });

  test("says whether what it waited for came, and stops at the limit", () => {
    const clock = new VirtualClock(0);
    let done = false;
    clock.after(100, () => {
      done = true;
    });
    expect(clock.runUntil(() => done, 50)).toBe(false);
    expect(clock.runUntil(() => done, 60)).toBe(true);
    expect(clock.now()).toBe(100);
  });

  test("refuses to stand still for ever", () => {
    const clock = new VirtualClock(0);
    const again = () => clock.soon(again);
    again();
    expect(() => clock.advance(1)).toThrow("stands still");
  });
});

describe("the wire", () => {
  test("carries a frame to all other ports, copied", () => {
    const wire = new Wire();
    const [one, two, three] = [wire.port(), wire.port(), wire.port()];
    const frame = Uint8Array.of(1, 2, 3);
    one.send(frame);
    frame.fill(9);
    expect(two.receive()).toEqual(Uint8Array.of(1, 2, 3));
    expect(three.receive()).toEqual(Uint8Array.of(1, 2, 3));
    expect([one.receive(), two.receive()]).toEqual([undefined, undefined]);
  });

  test("drops what its filter refuses, and counts it", () => {
    const wire = new Wire();
    const [one, two] = [wire.port(), wire.port()];
    const seen: number[] = [];
    wire.filter = (frame, from) => {
      seen.push(from);
      return frame[0] !== 1;
    };
    one.send(Uint8Array.of(1));
    two.send(Uint8Array.of(2));
    expect([two.receive(), one.receive()]).toEqual([undefined, Uint8Array.of(2)]);
    expect([wire.dropped, seen]).toEqual([1, [0, 1]]);
  });

  test("holds senders up when a port is full, and tells them when it is not", () => {
    const wire = new Wire(2);
    const [one, two] = [wire.port(), wire.port()];
    let told = 0;
    one.onReady = () => told++;
    one.send(Uint8Array.of(1));
    expect(one.hasRoom).toBe(true);
    one.send(Uint8Array.of(2));
    expect([one.hasRoom, two.hasRoom, told]).toEqual([false, true, 0]);
    expect(two.receive()).toEqual(Uint8Array.of(1));
    expect([one.hasRoom, told]).toEqual([true, 1]);
  });

  test("keeps the order of frames around the end of a queue", () => {
    const queue = new FrameQueue(3);
    for (let value = 0; value < 10; value++) {
      expect(queue.push(Uint8Array.of(value))).toBe(true);
      expect(queue.push(Uint8Array.of(100 + value))).toBe(true);
      expect([queue.take()?.[0], queue.take()?.[0], queue.take()]).toEqual([value, 100 + value, undefined]);
    }
  });
});

describe("the lossy link", () => {
  const FRAMES = 2000;

  /** A frame that says it is IPv4, of 40 octets after the Ethernet header, with `index` in the first. */
  function frameNumber(index: number): Uint8Array {
    const frame = new Uint8Array(60);
    frame.set([index >> 8, index & 255]);
    frame[12] = 0x08;
    frame[17] = 40;
    return frame;
  }

  function run(seed: number) {
    const clock = new VirtualClock(0);
    const probabilities = { loss: 0.1, reorder: 0.05, duplicate: 0.1, corrupt: 0.1 };
    const link = new LossyLink(clock, { seed, delayMs: 5, jitterMs: 0, ...probabilities });
    const arrivals: { index: number; at: number; frame: Uint8Array }[] = [];
    const [left, right] = link.ends;
    right.onReady = () => {
      for (let frame = right.receive(); frame; frame = right.receive())
        arrivals.push({ index: ((frame[0] as number) << 8) + (frame[1] as number), at: clock.now(), frame });
    };
    for (let index = 0; index < FRAMES; index++) {
      clock.advance(1);
      left.send(frameNumber(index));
    }
    clock.advance(100);
    return { arrivals, statistics: link.statistics };
  }

  test("does what it says, as often as it says, and accounts for every frame", () => {
    const { arrivals, statistics } = run(1);
    expect(statistics.sent).toBe(FRAMES);
    expect(statistics.delivered).toBe(FRAMES - statistics.lost + statistics.duplicated);
    expect(arrivals.length).toBe(statistics.delivered);
    for (const [count, probability] of [
      [statistics.lost, 0.1],
      [statistics.duplicated, 0.1],
      [statistics.corrupted, 0.1],
      [statistics.reordered, 0.05],
    ] as const)
      expect(Math.abs(count / FRAMES - probability)).toBeLessThan(0.03);
    const overtaken = arrivals.filter(({ index }, at) => index < (arrivals[at - 1]?.index ?? 0));
    expect(overtaken.length).toBeGreaterThan(0);
    const damaged = arrivals.filter(({ frame, index }) => Buffer.compare(frame, frameNumber(index)) !== 0);
    expect(damaged.length).toBe(statistics.corrupted);
    // Ethernet's own octets and the padding stay whole.
    for (const { frame } of damaged) expect(frame[12]).toBe(0x08);
  });

  test("repeats itself with the same seed only", () => {
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
  });
});

describe("the generator", () => {
  test("spreads evenly and follows its seed", () => {
    const prng = new Prng(42);
    const counts = new Array(10).fill(0);
    for (let draw = 0; draw < 10_000; draw++) counts[prng.below(10)]++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
    expect(new Prng(5).bytes(8)).toEqual(new Prng(5).bytes(8));
    expect(new Prng(5).bytes(8)).not.toEqual(new Prng(6).bytes(8));
  });
});
