// Faults in any order and at any time, from a seed; and a bus on which nothing is to be relied on. A driver must not
// write where it may not, must not take long, and must go on when the faults end. FERRULE_DRIVERS_SEEDS: how many seeds.

import { beforeAll, describe, expect, test } from "vitest";
import type { Enc28j60 } from "../../host/chips/enc28j60.js";
import { NotModelled } from "../../host/chips/model.js";
import type { W5500 } from "../../host/chips/w5500.js";
import { Prng } from "../../host/sim/prng.js";
import { buildDrivers } from "../../scripts/drivers.mjs";
import { frameTo, GROUP, OTHER, OWN } from "../chips/support.js";
import { missingTools } from "../report/tools.js";
import { CHIPS, type ChipName, Rig } from "./rig.js";

const reason = missingTools("gcc");

beforeAll(() => {
  if (!reason) expect(buildDrivers()).toBe("");
});

const SEEDS = Number(process.env.FERRULE_DRIVERS_SEEDS ?? 100);
const NOISE_SEEDS = 2 * SEEDS;

/** How long things go wrong, in milliseconds, and how long a driver may take then until all frames arrive: a chip is looked
 * for each 250 ms, and its PHY takes 1.5 s with the line's timing. */
const FAULTY_MS = 600;
const RECOVERY_MS = { instant: 1500, wire: 4500 } as const;

const LONGEST = 1514;

const USUAL = [0x00, 0x01, 0x04, 0x06, 0x10, 0x42, 0x80, 0xff, ...OWN];

const LENGTHS = [0, 3, 17, 60, 62, 500, 1514, 1600, 16384, 65535];

type Fault = (rig: Rig, prng: Prng) => void;

const pick = <T>(prng: Prng, list: readonly T[]): T => list[prng.below(list.length)] as T;

const ANY_CHIP: readonly Fault[] = [
  (rig, prng) => rig.chip.bogusLength(pick(prng, LENGTHS)),
  (rig, prng) => rig.chip.loseInterrupts(1 + prng.below(3)),
  (rig, prng) => rig.chip.overrun(1 + prng.below(3)),
  (rig) => rig.chip.brownOut(),
  (rig, prng) => rig.chip.setPower(prng.chance(0.5)),
  (rig, prng) => rig.chip.setCable(prng.chance(0.5)),
  (rig, prng) => {
    rig.chip.stuck = pick(prng, ["zeros", "ones", undefined]);
  },
  (rig, prng) => {
    const share = pick(prng, [0, 0.001, 0.05, 1]);
    rig.failing = () => prng.chance(share);
  },
  (rig, prng) => {
    rig.isDeaf = prng.chance(0.3);
  },
  (rig, prng) => {
    const share = pick(prng, [0, 0.001, 0.02, 1]);
    rig.noise = (octet) => (prng.chance(share) ? prng.next() & 0xff : octet);
  },
  (rig, prng) => rig.setGroups(prng.chance(0.5) ? [GROUP] : []),
  (rig) => rig.setMac(OWN),
  (rig, prng) => rig.clock.advance(prng.below(300)),
];

const OF_CHIP: Readonly<Record<ChipName, readonly Fault[]>> = {
  w5500: [
    (rig, prng) => (rig.chip as W5500).loseSendok(1 + prng.below(2)),
    (rig) => (rig.chip as W5500).timeOut(),
    (rig, prng) => {
      (rig.chip as W5500).version = pick(prng, [0, 4, 255]);
    },
  ],
  enc28j60: [
    (rig, prng) => (rig.chip as Enc28j60).bogusNextPointer(prng.below(65536)),
    (rig, prng) => (rig.chip as Enc28j60).corruptStatus(prng.below(65536)),
    (rig, prng) => (rig.chip as Enc28j60).collideLate(1 + prng.below(40)),
    (rig, prng) => (rig.chip as Enc28j60).stallTransmitter(1 + prng.below(4)),
    (rig, prng) => {
      (rig.chip as Enc28j60).revision = pick(prng, [0, 6, 255]);
    },
  ],
};

/** What ends by itself, in the model, only with traffic: it is used up. */
function end(rig: Rig): void {
  const { chip } = rig;
  rig.failing = () => false;
  rig.noise = undefined;
  rig.isDeaf = false;
  chip.stuck = undefined;
  chip.setPower(true);
  chip.setCable(true);
  chip.loseInterrupts(0);
  if ("version" in chip) chip.version = 4;
  else chip.revision = 6;
}

/** Frames of any length both ways, most of them short: that is quicker. */
function traffic(rig: Rig, prng: Prng): void {
  const most = prng.chance(0.2) ? LONGEST : 200;
  if (rig.far.waiting < 20) rig.far.give(frameTo(OWN, 60 + prng.below(most - 59)));
  if (rig.toSend.length < 20) rig.toSend.push(frameTo(OTHER, 14 + prng.below(most - 13)));
  rig.got.length = 0;
  rig.far.taken.length = 0;
}

/** Ten frames each way, all of which arrive, and nothing else. */
function expectFlow(rig: Rig): void {
  const lengths = Array.from({ length: 10 }, (_, n) => 60 + n * 161);
  rig.got.length = 0;
  rig.far.taken.length = 0;
  for (const length of lengths) {
    rig.far.give(frameTo(OWN, length));
    rig.toSend.push(frameTo(OTHER, length));
    rig.run(20);
  }
  expect(rig.got).toEqual(lengths.map((length) => frameTo(OWN, length)));
  expect(rig.far.taken).toEqual(lengths.map((length) => frameTo(OTHER, length)));
}

/** A bus that is not to be relied on makes a driver do what the datasheet does not define. */
function tolerant(rig: Rig): Rig {
  rig.chip.onUndefined = () => {};
  rig.tolerates = (error) => error instanceof NotModelled;
  return rig;
}

describe.skipIf(reason).each(CHIPS)("%s", (chip) => {
  test(`goes on after any faults: ${SEEDS} seeds`, { timeout: SEEDS * 1000 }, () => {
    const faults = [...ANY_CHIP, ...OF_CHIP[chip]];
    for (let seed = 0; seed < SEEDS; seed++) {
      const prng = new Prng(seed);
      const timing = prng.chance(0.2) ? "wire" : "instant";
      const rig = tolerant(new Rig(chip, { timing, interrupt: prng.chance(0.6), reset: prng.chance(0.5) }));
      try {
        if (prng.chance(0.7)) rig.up();
        const until = rig.now() + FAULTY_MS;
        while (rig.now() < until) {
          if (prng.chance(0.3)) pick(prng, faults)(rig, prng);
          traffic(rig, prng);
          rig.run(1 + prng.below(10));
        }
        end(rig);
        rig.toSend.length = 0;
        // What the model still has to do wrong, it does now.
        for (const over = rig.now() + RECOVERY_MS[timing]; rig.now() < over; rig.run(40)) traffic(rig, prng);
        const isQuiet = () => rig.far.waiting === 0 && rig.toSend.length === 0;
        expect(rig.runUntil(isQuiet, 500)).toBe(true);
        rig.run(150);
        expectFlow(rig);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });

  test(`noise on the bus, now and then or for ever: ${NOISE_SEEDS} seeds`, { timeout: SEEDS * 1000 }, () => {
    let nonsense = 0;
    let restarts = 0;
    for (let seed = 0; seed < NOISE_SEEDS; seed++) {
      const prng = new Prng(seed);
      const rig = tolerant(new Rig(chip, { interrupt: prng.chance(0.5), reset: prng.chance(0.5) }));
      const isAlways = prng.chance(0.3);
      const share = prng.fraction();
      // Octets that registers have, more often than others.
      const octet = () => (prng.chance(share) ? pick(prng, USUAL) : prng.next() & 0xff);
      const failures = prng.chance(0.5) ? 0 : 0.02;
      rig.failing = () => prng.chance(failures);
      try {
        for (let n = 0; n < 20; n++) {
          const isNoisy = isAlways || prng.chance(0.5);
          rig.isDeaf = isNoisy && prng.chance(0.3);
          rig.noise = isNoisy ? octet : undefined;
          if (isNoisy) rig.interruptLevel(prng.chance(0.5));
          traffic(rig, prng);
          rig.run(1 + prng.below(isNoisy ? 4 : 40));
        }
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
      nonsense += rig.statistics.nonsense;
      restarts += rig.statistics.restarts;
    }
    // It came to where drivers read frames, and on from there.
    expect(nonsense).toBeGreaterThan(NOISE_SEEDS / 10);
    expect(restarts).toBeGreaterThan(0);
  });
});
