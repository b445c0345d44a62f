// The emulated RP2040 and its port, without the stack: how it boots, ends, fails, sleeps, tells time and moves data.

import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { Advice } from "../../host/advice.js";
import { type Rp2040Board, type Rp2040Options, runRp2040 } from "../../host/emulator/rp2040.js";
import { BOOT2_BYTES, boot2Checksum, boot2Problem } from "../../host/emulator/rp2040_boot2.js";
import { Wire } from "../../host/link/wire.js";
import { missingTools } from "../report/tools.js";
import { buildRp2040Program, PatternChip } from "./rp2040_support.js";

/** Of a channel: RP2040 datasheet, section 2.5.7. */
const DMA_WRITE_ADDR = 4;

type Board = Rp2040Board<PatternChip>;

let board: Board | undefined;
let text = "";

/** Boots an image whose chip is a PatternChip. */
async function boot(image: string, options: Partial<Rp2040Options<PatternChip>> = {}): Promise<Board> {
  text = "";
  const started = await runRp2040({
    image,
    network: { kind: "link", link: new Wire().port() },
    time: "virtual",
    chip: () => new PatternChip(),
    onConsole: (piece) => {
      text += piece;
    },
    ...options,
  });
  board = started;
  return started;
}

/** Runs a program to its end; returns how that was. */
async function outcome(program: string, ...defines: readonly string[]) {
  const { clock, ended, ...rest } = await boot(await buildRp2040Program(program, ...defines));
  void rest;
  await clock.settleUntil(() => board?.exit !== undefined, 2000);
  expect(board?.exit, `${program} did not end`).toBeDefined();
  return await ended;
}

afterEach(async () => {
  await board?.stop();
  board = undefined;
});

describe.skipIf(missingTools("arm-gcc", "picolibc-arm"))("an RP2040", () => {
  test("has a second stage of the boot that the boot ROM executes", async () => {
    const image = await buildRp2040Program("ends");
    const boot2 = readFileSync(image).subarray(0, BOOT2_BYTES);
    expect(boot2Problem(boot2)).toBe("");
    const { mcu } = await boot(image);
    // It runs where the boot ROM copies it to, and ends with the program's vectors.
    expect(mcu.core.PC).toBe(0x20041f00);
    expect(Buffer.from(mcu.sram.subarray(0x41f00)).equals(boot2)).toBe(true);
    expect(await board?.runUntil(() => mcu.core.VTOR === 0x10000100, 1)).toBe(true);
  });

  test("does not boot what the boot ROM would not", async () => {
    const good = await buildRp2040Program("ends");
    const octets = readFileSync(good);
    octets[20] = (octets[20] ?? 0) ^ 1;
    const bad = good.replace(".bin", ".damaged.bin");
    writeFileSync(bad, octets);
    const { ended } = await boot(bad);
    expect(await ended).toMatchObject({
      status: null,
      reason: expect.stringMatching(/second stage.*checksum/),
    });
    expect(board?.instructions()).toBe(0);
  });

  test("checks the second stage as the datasheet says", () => {
    // CRC-32/MPEG-2 of "123456789", as catalogues of CRCs have it.
    expect(boot2Checksum(Buffer.from("123456789"))).toBe(0x0376e6e7);
    expect(boot2Problem(new Uint8Array(10))).toContain("no second stage");
  });

  test("ends with the program's status", async () => {
    expect(await outcome("ends")).toEqual({ status: 42, reason: "the firmware ended" });
  });

  test.each([
    ["reads_unaligned", /^fault at 0x1000\w{4} \(\w+\+0x\w+\): unaligned read of a word at 0x20010001$/],
    ["executes_nothing", /^fault at 0x1000\w{4} \(\w+\+0x\w+\): undefined instruction$/],
    ["goes_nowhere", /^fault at 0x30000000: read at 0x30000000, where nothing is$/],
    ["writes_flash", /^fault at 0x1000\w{4} \(\w+\+0x\w+\): write at 0x10000200, where nothing is$/],
    ["touches_what_is_in_reset", /access to 0x50000010, whose subsystem is held in reset$/],
    ["stops_the_tick", /the timer's tick is not a microsecond: WATCHDOG_TICK$/],
    ["takes_miso_away", /the chip is selected, and pin 16 is not SPI0's$/],
  ])("%s: a hard fault, which the firmware tells of", async (program, reason) => {
    expect(await outcome(program)).toEqual({ status: null, reason: expect.stringMatching(reason) });
    const [, pc] = /fault at (0x\w+)/.exec(board?.exit?.reason ?? "") ?? [];
    expect(text).toMatch(new RegExp(`^fault at ${pc}, called from 0x1000\\w{4}\n$`));
  });

  test("ends at once when even the fault cannot be told of", async () => {
    const { status, reason } = await outcome("takes_the_console_away");
    expect(status).toBeNull();
    expect(reason).toMatch(
      /^fault at 0x1000\w{4} \(board_print\+0x\w+\): UART0 is not set up: 115200 baud on pin 0$/,
    );
    expect(text).toBe("");
  });

  test("ends when its stack overflows, and no data is lost before", async () => {
    const { reason } = await outcome("overflows");
    // The stack is at the bottom of RAM, so that not even the fault can be told of.
    expect(reason).toMatch(/^fault at 0x1000\w{4} \(dive\+0x\w+\): write at 0x1ffff\w{3}, where nothing is$/);
    expect(text).toBe("");
    // But for a frame that was not written to any more.
    expect(board?.stackBytes()).toBeGreaterThan((board?.ram().stack ?? 0) - 4096);
  });

  test("ends at any other breakpoint", async () => {
    expect(await outcome("stops")).toEqual({
      status: null,
      reason: expect.stringMatching(/^breakpoint 3 at 0x1000/),
    });
  });

  test("runs at 125 MHz, and its timer counts microseconds", async () => {
    const { clock, mcu } = await boot(await buildRp2040Program("sleeps"));
    await board?.runUntil(() => text.includes("slept"), 1000);
    expect(mcu.clkSys).toBe(125e6);
    expect(mcu.uart[0]?.baudRate).toBeGreaterThan(115200 * 0.99);
    expect(mcu.uart[0]?.baudRate).toBeLessThan(115200 * 1.01);
    const from = { lines: text.split("slept").length, ms: clock.now(), awakeNs: board?.awakeNs() ?? 0 };
    await clock.settle(1000);
    const slept = text.split("slept").length - from.lines;
    expect(slept).toBeGreaterThanOrEqual(19);
    expect(slept).toBeLessThanOrEqual(20);
    for (const [, us] of text.matchAll(/slept (\d+)/g)) {
      expect(Number(us)).toBeGreaterThanOrEqual(50_000);
      expect(Number(us)).toBeLessThan(50_010);
    }
    // Each millisecond of which nothing is to be done is slept through.
    expect(((board?.awakeNs() ?? 0) - from.awakeNs) / 1e9).toBeLessThan(0.01);
  });

  test("misses no interrupt, whenever it comes", async () => {
    const { clock, chip } = await boot(await buildRp2040Program("sleeps"), { onConsole: hear });
    const offsets = 600;
    const slept: number[] = [];
    function hear(line: string): void {
      const [, us] = /^slept (\d+)/.exec(line) ?? [];
      chip.setInterrupt(false);
      if (us) slept.push(Number(us));
      // The chip interrupts a cycle later each time: before the program looks, while it does, and when it sleeps.
      else clock.afterNs(slept.length * 8, () => chip.setInterrupt(true));
    }
    expect(await board?.runUntil(() => slept.length >= offsets, 1000)).toBe(true);
    // An interrupt that was missed would have cost 50 ms.
    expect(Math.max(...slept)).toBeLessThan(1000);
    // And later ones came while it slept.
    expect(slept[offsets - 1]).toBeGreaterThan(slept[0] ?? Number.NaN);
  });

  test("has random numbers of its own in each boot, or those of a seed", async () => {
    const image = await buildRp2040Program("tells_random");
    const runs: string[] = [];
    for (const seed of [undefined, undefined, 7, 7, 8]) {
      const { clock } = await boot(image, seed === undefined ? {} : { seed });
      await clock.settleUntil(() => board?.exit !== undefined, 1000);
      expect(board?.exit).toEqual({ status: 0, reason: "the firmware ended" });
      runs.push(text);
    }
    expect(runs[2]).toBe(runs[3]);
    expect(new Set(runs).size).toBe(4);
    for (const run of runs) expectRandom(Buffer.from(run.replaceAll("\n", ""), "hex"));
  });

  test.each([() => 0, () => 1])("ends when its ring oscillator stands still: %s", async (randomBit) => {
    const { clock } = await boot(await buildRp2040Program("tells_random"), { randomBit });
    await clock.settleUntil(() => board?.exit !== undefined, 1000);
    expect(text).toBe("the ring oscillator stands still: no random numbers\n");
    expect(board?.exit?.status).toBe(70);
  });

  test.each([
    ["by DMA", []],
    ["by the processor", ["BOARD_SPI_POLLED"]],
  ])("moves data over SPI %s", async (way, defines) => {
    expect(await outcome("moves_data", ...defines)).toEqual({ status: 0, reason: "the firmware ended" });
    const written = [0, 1, 2, 8, 9, 15, 16, 17, 60, 1513, 1514].flatMap((bytes) =>
      Array.from({ length: 4 }, () => [
        [0x11, 0x22, 0x33, ...Array.from({ length: bytes }, () => 0)],
        [0x11, 0x22, 0x33, ...Array.from({ length: bytes }, (_, at) => ((at + 3) * 7) & 0xff)],
      ]).flat(),
    );
    expect(board?.chip.told).toEqual(written);
    const channels = board?.mcu.dma.channels.filter((channel) => channel.readUint32(DMA_WRITE_ADDR) !== 0);
    expect(channels).toHaveLength(way === "by DMA" ? 2 : 0);
  });

  test.each([[[]], [["BOARD_SPI_POLLED"]]])("gives a bus up that does not answer %j", async (defines) => {
    const { clock, mcu } = await boot(await buildRp2040Program("waits_for_ever", ...defines));
    const [spi] = mcu.spi;
    if (spi) spi.onTransmit = () => {};
    await clock.settleUntil(() => board?.exit !== undefined, 100);
    expect(board?.exit).toEqual({ status: 11, reason: "the firmware ended" });
  });

  test("says what it cannot do, and what to do instead", async () => {
    const image = await buildRp2040Program("ends");
    const slirp = { network: { kind: "slirp", forwards: [] } } as const;
    await expect(boot(image, slirp)).rejects.toThrow(/"link"/);
    await expect(boot(image, { network: { kind: "tap", name: "tap0" } })).rejects.toThrow(Advice);
    await expect(boot(`${image}.no`)).rejects.toThrow(/build the firmware/);
    await expect(boot(image, { elf: image })).rejects.toThrow(/no ELF file/);
    const { clock } = await boot(image);
    await expect(boot(image, { clock, time: "real" })).rejects.toThrow(/virtual/);
  });

  test("keeps to the wall's time when it is told to", async () => {
    const image = await buildRp2040Program("sleeps");
    const before = performance.now();
    const { clock } = await boot(image, { time: "real" });
    while (text.split("slept").length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    // It is never ahead; how far behind it is, is this machine's business.
    const ms = clock.now();
    expect(performance.now() - before).toBeGreaterThanOrEqual(ms);
    expect(await board?.stop()).toEqual({ status: null, reason: "stopped" });
  });
});

/** Bits that are as often 1 as 0, and octets of many values. */
function expectRandom(octets: Uint8Array): void {
  expect(octets).toHaveLength(512);
  const ones = octets.reduce((sum, octet) => sum + octet.toString(2).replaceAll("0", "").length, 0);
  // Of 4096 fair bits: eight standard deviations. Of 512 fair octets, 221 differ on average.
  expect(Math.abs(ones - 2048)).toBeLessThan(256);
  expect(new Set(octets).size).toBeGreaterThan(180);
}
