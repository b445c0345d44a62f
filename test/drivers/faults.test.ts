// What goes wrong in chips and on the bus, one at a time, under traffic: how soon frames flow again, how many are lost,
// and that it is counted.

import { beforeAll, describe, expect, test } from "vitest";
import type { Enc28j60 } from "../../host/chips/enc28j60.js";
import type { W5500 } from "../../host/chips/w5500.js";
import { Prng } from "../../host/sim/prng.js";
import { buildDrivers } from "../../scripts/drivers.mjs";
import { missingTools } from "../report/tools.js";
import { CHIPS, type ChipName, Rig, type RigOptions, type Statistics } from "./rig.js";
import { Traffic } from "./traffic.js";

const reason = missingTools("gcc");

beforeAll(() => {
  if (!reason) expect(buildDrivers()).toBe("");
});

/** How long all goes well before the fault and after it, in milliseconds; the fault comes between two guard looks. */
const SOUND_MS = 237;
/** Until the last frame that was sent must have arrived. */
const LAST_MS = 20;

interface Fault {
  readonly name: string;
  /** Default: both. */
  readonly chip?: ChipName;
  readonly inject: (rig: Rig, traffic: Traffic) => void;
  /** What ends it, and after how many milliseconds; by default it is over at once. */
  readonly lastsMs?: number;
  readonly end?: (rig: Rig) => void;
  /** Frames arrive again within so many milliseconds after its end. */
  readonly withinMs: number;
  /** Most frames that are lost, to the device and from it, beside those sent while it lasts. */
  readonly losses: readonly [inward: number, outward: number];
  /** What is counted; undefined: nothing is lost, and nobody has to know. */
  readonly counts: keyof Statistics | undefined;
  /** Is there when the driver polls, too. */
  readonly polled?: boolean;
}

const w5500 = (rig: Rig) => rig.chip as W5500;
const enc28j60 = (rig: Rig) => rig.chip as Enc28j60;

/** With a bus that fails, a driver cannot know in what state the chip is. */
function failing(rig: Rig, failing: () => boolean, isDeaf: boolean): void {
  rig.chip.onUndefined = () => {};
  rig.failing = failing;
  rig.isDeaf = isDeaf;
}

function failingOnce(rig: Rig, after: number): void {
  let left = after;
  failing(rig, () => left-- === 0, false);
}

function sound(rig: Rig): void {
  rig.failing = () => false;
  rig.isDeaf = false;
  rig.noise = undefined;
  rig.chip.stuck = undefined;
}

const RECEIVING: readonly Fault[] = [
  ...[0, 3, 17, 1600, 65535].map(
    (length): Fault => ({
      name: `a received length of ${length}`,
      inject: (rig) => rig.chip.bogusLength(length),
      withinMs: 10,
      losses: [2, 0],
      counts: "nonsense",
    }),
  ),
  ...[1, 0x1a00, 0xffff].map(
    (pointer): Fault => ({
      name: `a next packet pointer of ${pointer}`,
      chip: "enc28j60",
      inject: (rig) => enc28j60(rig).bogusNextPointer(pointer),
      withinMs: 10,
      losses: [2, 0],
      counts: "nonsense",
    }),
  ),
  {
    name: "a packet that was not received well",
    chip: "enc28j60",
    inject: (rig) => enc28j60(rig).corruptStatus(0),
    withinMs: 10,
    losses: [1, 0],
    counts: "receiveErrors",
  },
  {
    name: "an interrupt does not come",
    inject: (rig) => rig.chip.loseInterrupts(1),
    withinMs: 120,
    losses: [0, 0],
    counts: "missedInterrupts",
    polled: false,
  },
  {
    name: "the receive buffer is full",
    inject(rig, traffic) {
      rig.chip.holdsBack = false;
      traffic.flood(30);
    },
    withinMs: 10,
    losses: [30, 0],
    counts: "receiveOverruns",
  },
];

const SENDING: readonly Fault[] = [
  {
    name: "SENDOK does not come",
    chip: "w5500",
    inject: (rig) => w5500(rig).loseSendok(),
    withinMs: 250,
    losses: [2, 2],
    counts: "sendLosses",
  },
  {
    name: "SENDOK does not come, ten times",
    chip: "w5500",
    inject: (rig) => w5500(rig).loseSendok(10),
    withinMs: 1500,
    losses: [20, 20],
    counts: "sendLosses",
  },
  {
    name: "a frame is not sent in time",
    chip: "w5500",
    inject: (rig) => w5500(rig).timeOut(),
    withinMs: 250,
    losses: [2, 2],
    counts: "sendLosses",
  },
  {
    name: "the transmitter stalls",
    chip: "enc28j60",
    inject: (rig) => enc28j60(rig).stallTransmitter(),
    withinMs: 250,
    losses: [0, 1],
    counts: "sendLosses",
  },
  {
    name: "a frame collides, fifteen times",
    chip: "enc28j60",
    inject: (rig) => enc28j60(rig).collideLate(15),
    withinMs: 50,
    losses: [0, 0],
    counts: undefined,
  },
  {
    name: "a frame collides, forty times",
    chip: "enc28j60",
    inject: (rig) => enc28j60(rig).collideLate(40),
    withinMs: 250,
    losses: [0, 3],
    counts: "sendLosses",
  },
  {
    name: "the cable is out",
    inject: (rig) => rig.chip.setCable(false),
    lastsMs: 500,
    end: (rig) => rig.chip.setCable(true),
    withinMs: 220,
    losses: [1, 44],
    counts: "sendLosses",
  },
];

const CHIP: readonly Fault[] = [
  {
    name: "the supply sags",
    inject: (rig) => rig.chip.brownOut(),
    withinMs: 150,
    losses: [28, 28],
    counts: "restarts",
  },
  {
    name: "the supply is away",
    inject: (rig) => rig.chip.setPower(false),
    lastsMs: 700,
    end: (rig) => rig.chip.setPower(true),
    withinMs: 400,
    losses: [80, 80],
    counts: "restarts",
  },
];

const BUS: readonly Fault[] = [
  ...(["zeros", "ones"] as const).flatMap((level) =>
    [30, 700].map(
      (lastsMs): Fault => ({
        name: `SPI is stuck at ${level} for ${lastsMs} ms`,
        inject(rig) {
          rig.chip.stuck = level;
        },
        lastsMs,
        end: sound,
        withinMs: 400,
        losses: [80, 80],
        // For so short a time nobody may have looked.
        counts: lastsMs > 100 ? "restarts" : undefined,
      }),
    ),
  ),
  ...Array.from(
    { length: 12 },
    (_, after): Fault => ({
      name: `one transaction fails, after ${after} others`,
      inject: (rig) => failingOnce(rig, after),
      withinMs: 320,
      losses: [4, 4],
      counts: "nonsense",
    }),
  ),
  ...[true, false].map(
    (isDeaf): Fault => ({
      name: `all transactions fail, and ${isDeaf ? "do not reach the chip" : "reach the chip"}`,
      inject: (rig) => failing(rig, () => true, isDeaf),
      lastsMs: 700,
      end: sound,
      withinMs: 400,
      losses: [80, 80],
      counts: "restarts",
    }),
  ),
  {
    name: "what is read is noise",
    inject(rig) {
      const prng = new Prng(11);
      rig.chip.onUndefined = () => {};
      rig.noise = () => prng.next() & 0xff;
    },
    lastsMs: 700,
    end: sound,
    withinMs: 400,
    losses: [80, 80],
    counts: "restarts",
  },
];

const WIRINGS: readonly (readonly [string, RigOptions])[] = [
  ["with interrupts", {}],
  ["polled", { interrupt: false, reset: false }],
];

describe.skipIf(reason).each(CHIPS)("%s", (chip) => {
  describe.each(WIRINGS)("%s", (_name, options) => {
    const isPolled = options.interrupt === false;
    const faults = [...RECEIVING, ...SENDING, ...CHIP, ...BUS].filter(
      (fault) => (fault.chip ?? chip) === chip && ((fault.polled ?? true) ? true : !isPolled),
    );

    test.each(faults)("$name", (fault) => {
      const rig = new Rig(chip, options).up();
      const traffic = new Traffic(rig, 3).run(SOUND_MS);
      const before = rig.statistics;
      const start = rig.now();
      fault.inject(rig, traffic);
      traffic.run(fault.lastsMs ?? 0);
      fault.end?.(rig);
      const end = rig.now();
      traffic
        .run(fault.withinMs + SOUND_MS)
        .stop()
        .run(LAST_MS);
      const lost = [traffic.inward, traffic.outward].map((flow) => ({
        lost: Traffic.lost(flow, 0, start) + Traffic.lost(flow, end),
        late: Traffic.lost(flow, end + fault.withinMs),
      }));
      const [inward, outward] = fault.losses;
      expect(lost.map(({ late }) => late)).toEqual([0, 0]);
      expect(lost[0]?.lost).toBeLessThanOrEqual(inward);
      expect(lost[1]?.lost).toBeLessThanOrEqual(outward);
      if (fault.counts) expect(rig.statistics[fault.counts]).toBeGreaterThan(before[fault.counts]);
    });
  });

  test("no chip at boot, for 2 s; then one", () => {
    const rig = new Rig(chip);
    rig.chip.setPower(false);
    const before = rig.transactions;
    const traffic = new Traffic(rig, 4).run(2000);
    expect(rig.isLinked).toBe(false);
    expect(rig.statistics.sendLosses).toBeGreaterThan(390);
    // It looks each 250 ms, and each look is short.
    expect(rig.transactions - before).toBeLessThan(50);
    rig.chip.setPower(true);
    const end = rig.now();
    traffic.run(600).stop().run(LAST_MS);
    expect([traffic.inward, traffic.outward].map((flow) => Traffic.lost(flow, end + 400))).toEqual([0, 0]);
    expect(rig.statistics).toMatchObject({ restarts: 0, nonsense: 0 });
    expect(rig.linkChanges).toBe(1);
  });

  test("a bus that says always the same: a call stays within its bound", () => {
    for (let octet = 0; octet < 256; octet++) {
      const rig = new Rig(chip).up();
      rig.chip.onUndefined = () => {};
      rig.noise = () => octet;
      rig.interruptLevel(true);
      // Throws when a call makes more transactions than it may.
      rig.run(3);
      expect(rig.mostTransactions).toBeGreaterThan(0);
    }
  });

  test.each([0x00, 0xff])("the chip's version is %i at boot, for 2 s", (version) => {
    const rig = new Rig(chip);
    const sound = chip === "w5500" ? w5500(rig).version : enc28j60(rig).revision;
    const set = (value: number) => {
      if (chip === "w5500") w5500(rig).version = value;
      else enc28j60(rig).revision = value;
    };
    set(version);
    rig.run(2000);
    expect(rig.isLinked).toBe(false);
    set(sound);
    rig.run(400);
    expect(rig.isLinked).toBe(true);
    expect(rig.statistics.restarts).toBe(0);
  });

  test("the link is down at boot, for 2 s, at the line's rate; then it comes up", () => {
    const rig = new Rig(chip, { timing: "wire" });
    rig.chip.setCable(false);
    const traffic = new Traffic(rig, 5).run(2000);
    expect(rig.isLinked).toBe(false);
    rig.chip.setCable(true);
    const end = rig.now();
    traffic.run(2200).stop().run(LAST_MS);
    expect([traffic.inward, traffic.outward].map((flow) => Traffic.lost(flow, end + 1900))).toEqual([0, 0]);
    expect(rig.statistics).toMatchObject({ restarts: 0, nonsense: 0 });
  });
});
