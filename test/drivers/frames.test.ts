// The drivers with sound chips: set-up, frames of all lengths, filters, the link, and what a frame costs on SPI.

import { beforeAll, describe, expect, test } from "vitest";
import { Prng } from "../../host/sim/prng.js";
import { buildDrivers } from "../../scripts/drivers.mjs";
import { ALL, frameTo, GROUP, OTHER, OWN } from "../chips/support.js";
import { missingTools } from "../report/tools.js";
import { CHIPS, type ChipName, Rig, type RigOptions } from "./rig.js";

const reason = missingTools("gcc");

beforeAll(() => {
  if (!reason) expect(buildDrivers()).toBe("");
});

const SHORTEST = 14;
const PADDED = 60;
const LONGEST = 1514;

/** What the line makes of a frame. */
function onTheLine(frame: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.max(PADDED, frame.length));
  padded.set(frame);
  return padded;
}

function randomFrame(prng: Prng, length: number, destination: readonly number[]): Uint8Array {
  const frame = prng.bytes(length);
  frame.set(destination);
  // A type that is no length, and asks nothing of the chip.
  frame.set([0x08, 0x00], 12);
  return frame;
}

/** Each length from 14 to 1514 once, in any order. */
function framesOfAllLengths(prng: Prng, destination: readonly number[]): Uint8Array[] {
  const lengths = Array.from({ length: LONGEST - SHORTEST + 1 }, (_, i) => SHORTEST + i);
  const order = lengths.map((length) => ({ length, key: prng.next() })).sort((a, b) => a.key - b.key);
  return order.map(({ length }) => randomFrame(prng, length, destination));
}

/** Frames to the device, and from it, in bursts of up to five. */
function exchange(rig: Rig, prng: Prng, inward: readonly Uint8Array[], outward: readonly Uint8Array[]): void {
  let given = 0;
  let sent = 0;
  while (given < inward.length || sent < outward.length) {
    const burst = 1 + prng.below(5);
    for (let n = 0; n < burst && given < inward.length; n++) rig.far.give(inward[given++] as Uint8Array);
    for (let n = prng.below(5); n >= 0 && sent < outward.length; n--)
      rig.toSend.push(outward[sent++] as Uint8Array);
    const isDone = () => rig.got.length === given && rig.far.taken.length === sent;
    if (!rig.runUntil(isDone, 2000))
      throw new Error(`${rig.got.length} of ${given} came in, ${rig.far.taken.length} of ${sent} went out`);
  }
}

const WIRINGS: readonly (readonly [string, RigOptions])[] = [
  ["with interrupts", {}],
  ["polled", { interrupt: false, reset: false }],
  ["with interrupts, at the line's rate", { timing: "wire" }],
  ["polled, at the line's rate", { timing: "wire", interrupt: false, reset: false }],
];

describe.skipIf(reason).each(CHIPS)("%s", (chip) => {
  test.each(WIRINGS)("is set up, %s", (_name, options) => {
    const rig = new Rig(chip, options);
    const start = rig.now();
    rig.up();
    // Of the W5500's PHY: 1.5 s until it has negotiated.
    expect(rig.now() - start).toBeLessThan(options.timing !== "wire" ? 30 : chip === "w5500" ? 1650 : 350);
    expect(rig.statistics).toMatchObject({ restarts: 0, nonsense: 0, sendLosses: 0 });
  });

  test.each(WIRINGS)("frames of all lengths, both ways, %s", (_name, options) => {
    const rig = new Rig(chip, options).up();
    const prng = new Prng(20);
    const inward = framesOfAllLengths(prng, OWN);
    const outward = framesOfAllLengths(prng, OTHER);
    exchange(rig, prng, inward, outward);
    // Arrays of octets compare quickly as text.
    expect(rig.got.map(textOf)).toEqual(inward.map(onTheLine).map(textOf));
    expect(rig.far.taken.map(textOf)).toEqual(outward.map(onTheLine).map(textOf));
    rig.run(200);
    expect(rig.statistics).toEqual({
      received: inward.length,
      sent: outward.length,
      receiveErrors: 0,
      receiveOverruns: 0,
      sendLosses: 0,
      nonsense: 0,
      restarts: 0,
      missedInterrupts: 0,
    });
  });

  test("a short frame is padded with zeros, not with what was there", () => {
    const rig = new Rig(chip).up();
    rig.toSend.push(new Uint8Array(LONGEST).fill(0xff), frameTo(OTHER, SHORTEST));
    rig.run(20);
    expect(rig.far.taken[1]).toEqual(onTheLine(frameTo(OTHER, SHORTEST)));
  });

  test("of a frame longer than the room there is what fits", () => {
    const rig = new Rig(chip).up();
    for (let room = 16; room < 200; room++) {
      const frames = [frameTo(OWN, 150), frameTo(OWN, LONGEST), frameTo(OWN, PADDED)];
      rig.far.give(...frames);
      for (const frame of frames)
        expect(rig.receive(room)).toEqual({ length: frame.length, octets: frame.slice(0, room) });
      expect(rig.receive(room)).toBeUndefined();
    }
    expect(rig.statistics.nonsense).toBe(0);
  });

  test("the chip drops what is for others", () => {
    const rig = new Rig(chip).up();
    const OTHER_GROUP = [0x01, 0x00, 0x5e, 0x00, 0x00, 0x01];
    const passes = (destination: readonly number[]) => {
      rig.got.length = 0;
      rig.far.give(frameTo(destination));
      rig.run(150);
      return rig.got.length === 1;
    };
    const all = () => [OWN, OTHER, ALL, GROUP, OTHER_GROUP].map(passes);
    expect(all()).toEqual([true, false, true, false, false]);
    expect(rig.setGroups([GROUP])).toBe(true);
    // A W5500 takes all groups, or none, and opens its socket anew for that.
    rig.run(10);
    expect(all()).toEqual([true, false, true, true, chip === "w5500"]);
    rig.setMac(OTHER);
    expect(all()).toEqual([false, true, true, true, chip === "w5500"]);
    rig.chip.brownOut();
    rig.run(300);
    expect(all()).toEqual([false, true, true, true, chip === "w5500"]);
    expect(rig.setGroups([])).toBe(true);
    rig.run(10);
    expect(all()).toEqual([false, true, true, false, false]);
    expect(rig.statistics).toMatchObject({ restarts: 1, nonsense: 0 });
  });

  test("the groups that an ENC28J60's hash table has, whatever they are", () => {
    if (chip !== "enc28j60") return;
    const prng = new Prng(5);
    const rig = new Rig(chip).up();
    const group = () => [0x01, 0x00, 0x5e, ...prng.bytes(3)];
    for (let round = 0; round < 30; round++) {
      const groups = Array.from({ length: 4 }, group);
      rig.setGroups(groups);
      rig.got.length = 0;
      const strangers = Array.from({ length: 20 }, group);
      rig.far.give(...groups.map((to) => frameTo(to)));
      rig.run(20);
      expect(rig.got).toEqual(groups.map((to) => frameTo(to)));
      rig.got.length = 0;
      rig.far.give(...strangers.map((to) => frameTo(to)));
      rig.run(20);
      // 4 of 64 bits are set: few come through.
      expect(rig.got.length).toBeLessThan(10);
    }
  });

  test("no link at boot, then one, then none: what is sent without is lost", () => {
    const rig = new Rig(chip);
    rig.chip.setCable(false);
    rig.run(500);
    expect(rig.isLinked).toBe(false);
    rig.toSend.push(frameTo(OTHER), frameTo(OTHER));
    rig.run(10);
    expect(rig.toSend).toEqual([]);
    rig.chip.setCable(true);
    rig.run(250);
    expect(rig.isLinked).toBe(true);
    rig.toSend.push(frameTo(OTHER));
    rig.far.give(frameTo(OWN));
    rig.run(10);
    expect([rig.got.length, rig.far.taken.length]).toEqual([1, 1]);
    rig.chip.setCable(false);
    rig.run(250);
    expect(rig.isLinked).toBe(false);
    rig.toSend.push(frameTo(OTHER));
    rig.run(10);
    rig.chip.setCable(true);
    rig.run(250);
    rig.toSend.push(frameTo(OTHER));
    // The end of the last one is seen by the guard.
    rig.run(150);
    expect(rig.far.taken.length).toBe(2);
    expect(rig.linkChanges).toBe(3);
    expect(rig.statistics).toMatchObject({ sendLosses: 3, sent: 2, restarts: 0, nonsense: 0 });
  });

  test("an idle device sleeps: with interrupts it looks ten times in a second", () => {
    const idle = (options: RigOptions) => {
      const rig = new Rig(chip, options).up();
      const before = { turns: rig.turns, transactions: rig.transactions };
      rig.run(10_000);
      return { turns: rig.turns - before.turns, transactions: rig.transactions - before.transactions };
    };
    const wired = idle({});
    const polled = idle({ interrupt: false });
    expect(wired.turns).toBeLessThan(110);
    expect(polled.turns).toBeGreaterThan(9_000);
    expect(wired.transactions).toBeLessThan(polled.transactions / 3);
  });
});

function textOf(octets: Uint8Array): string {
  return Buffer.from(octets).toString("hex");
}

describe.skipIf(reason)("cost of a frame on SPI", () => {
  interface Cost {
    readonly transactions: number;
    readonly overhead: number;
  }

  const ROUNDS = 100;

  /** Transactions of a round in the mean, and octets beside those of the frames. */
  function cost(rig: Rig, frameOctets: number, round: () => void): Cost {
    const before = { transactions: rig.transactions, octets: rig.octets };
    for (let n = 0; n < ROUNDS; n++) round();
    const transactions = (rig.transactions - before.transactions) / ROUNDS;
    return { transactions, overhead: (rig.octets - before.octets) / ROUNDS - frameOctets };
  }

  function receiving(chip: ChipName, length: number, burst: number): Cost {
    const rig = new Rig(chip).up();
    const frames = Array.from({ length: burst }, () => frameTo(OWN, length));
    const whole = cost(rig, burst * length, () => {
      rig.far.give(...frames);
      while (rig.receive());
    });
    expect(rig.statistics.received).toBe(ROUNDS * burst);
    return { transactions: whole.transactions / burst, overhead: whole.overhead / burst };
  }

  function sending(chip: ChipName, length: number): Cost {
    const rig = new Rig(chip).up();
    const result = cost(rig, length, () => {
      expect(rig.hasRoom()).toBe(true);
      rig.send(frameTo(OTHER, length));
    });
    expect(rig.far.taken.length).toBe(ROUNDS);
    return result;
  }

  /** A frame in, one out. */
  function echoing(chip: ChipName, length: number): Cost {
    const rig = new Rig(chip).up();
    const result = cost(rig, 2 * length, () => {
      rig.far.give(frameTo(OWN, length));
      while (rig.receive());
      expect(rig.hasRoom()).toBe(true);
      rig.send(frameTo(OTHER, length));
    });
    expect(rig.far.taken.length).toBe(ROUNDS);
    return result;
  }

  /** Most transactions for: one frame that came alone, long or short; one of a burst of four; one sent; one echoed. */
  const LIMITS: Readonly<Record<ChipName, readonly number[]>> = {
    w5500: [6, 5, 4, 5.1, 10.1],
    enc28j60: [9, 9, 5, 6.1, 16.1],
  };

  test.each(CHIPS)("%s", (chip) => {
    const rows: readonly (readonly [string, Cost])[] = [
      ["1514 octets received, alone", receiving(chip, 1514, 1)],
      ["60 octets received, alone", receiving(chip, 60, 1)],
      ["1514 octets received, of 4", receiving(chip, 1514, 4)],
      ["1514 octets sent", sending(chip, 1514)],
      ["60 octets echoed", echoing(chip, 60)],
    ];
    const lines = rows.map(
      ([name, { transactions, overhead }]) =>
        `${chip.padEnd(9)} ${name.padEnd(28)} ${transactions.toFixed(2).padStart(6)} transactions, ${overhead.toFixed(1)} octets more`,
    );
    console.log(lines.join("\n"));
    for (const [n, [name, { transactions }]] of rows.entries())
      expect(transactions, name).toBeLessThanOrEqual((LIMITS[chip] as readonly number[])[n] as number);
  });
});
