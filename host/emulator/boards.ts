// The boards by name.

import type { ChipClock, SpiChip } from "../chips/chip.js";
import { Enc28j60 } from "../chips/enc28j60.js";
import { chipClock } from "../chips/model.js";
import { W5500 } from "../chips/w5500.js";
import { realClock } from "../clock.js";
import type { BoardOptions, EmulatedBoard } from "./emulator.js";

/** Boards that firmware is built for: see scripts/firmware.mjs. */
export const BOARD_NAMES = [
  "qemu-xtensa",
  "qemu-riscv",
  "rp2040-w5500",
  "rp2040-enc28j60",
  "linux-w5500",
  "linux-enc28j60",
] as const;

export type BoardName = (typeof BOARD_NAMES)[number];

/** Whether there is a board of this name. */
export function isBoardName(name: string): name is BoardName {
  return (BOARD_NAMES as readonly string[]).includes(name);
}

/** What a board draws its random numbers from in virtual time. */
const VIRTUAL_SEED = 1;

/**
 * Boots the image on the board's emulator. `prepare` is given the chip, where it is a model, before the board starts. Throws
 * Advice when that is not possible, with what to do.
 */
export async function startBoard(
  name: BoardName,
  options: BoardOptions,
  prepare: (chip: SpiChip) => void = () => {},
): Promise<EmulatedBoard> {
  const prepared = (chip: SpiChip) => {
    if (options.cable === false) chip.setCable(false);
    prepare(chip);
    return chip;
  };
  // Only here: each needs what the others do not.
  switch (name) {
    case "qemu-riscv":
    case "qemu-xtensa":
      return await (await import("./qemu.js")).runQemu(name, options);
    case "rp2040-w5500":
    case "rp2040-enc28j60": {
      const { runRp2040 } = await import("./rp2040.js");
      const chip = (clock: ChipClock) => prepared(newChip(name, clock));
      // Virtual time is there for runs that repeat.
      return await runRp2040({ ...options, chip, ...(options.time === "virtual" && { seed: VIRTUAL_SEED }) });
    }
    default: {
      const { runLinuxBoard } = await import("./linux.js");
      return runLinuxBoard({ ...options, chip: prepared(newChip(name, chipClock(realClock))) });
    }
  }
}

/** The chip that the board's name ends with. */
export function newChip(name: BoardName, clock: ChipClock): SpiChip {
  return name.endsWith("enc28j60") ? new Enc28j60({ clock }) : new W5500({ clock });
}
