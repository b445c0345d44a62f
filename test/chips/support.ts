// A chip with a cable of which the far end is in the test's hands, in virtual time.

import type { ChipClock, SpiChip } from "../../host/chips/chip.js";
import { chipClock } from "../../host/chips/model.js";
import type { Link } from "../../host/link/link.js";
import { VirtualClock } from "../../host/sim/clock.js";

/** The far end of the cable. */
export class FarEnd implements Link {
  onReady: () => void = () => {};
  hasRoom = true;
  /** What the chip sent. */
  readonly taken: Uint8Array[] = [];
  readonly #waiting: Uint8Array[] = [];

  send(frame: Uint8Array): void {
    this.taken.push(frame.slice());
  }

  receive(): Uint8Array | undefined {
    return this.#waiting.shift();
  }

  /** Sends frames to the chip. */
  give(...frames: readonly Uint8Array[]): void {
    this.#waiting.push(...frames);
    this.onReady();
  }

  /** Frames that the chip has not taken. */
  get waiting(): number {
    return this.#waiting.length;
  }
}

export interface Bench<Chip extends SpiChip> {
  readonly clock: VirtualClock;
  readonly chip: Chip;
  readonly far: FarEnd;
  /** The levels of the interrupt pin, in the order it took them. */
  readonly interrupts: boolean[];
  /** Microseconds since the bench was made. */
  us(): number;
}

/** A chip that a cable connects with the test. */
export function bench<Chip extends SpiChip>(make: (clock: ChipClock) => Chip): Bench<Chip> {
  // From 0, where the clock's numbers are exact enough to compare.
  const clock = new VirtualClock(0);
  const chip = make(chipClock(clock));
  const far = new FarEnd();
  const interrupts: boolean[] = [];
  chip.onInterrupt = () => interrupts.push(chip.interrupt);
  chip.attach(far);
  return { clock, chip, far, interrupts, us: () => clock.now() * 1000 };
}

/** One transaction; returns what the chip answered to each octet. */
export function exchange(chip: SpiChip, octets: readonly number[]): number[] {
  chip.select(true);
  try {
    return octets.map((octet) => chip.transfer(octet));
  } finally {
    chip.select(false);
  }
}

export const OWN = [0x02, 0x00, 0x00, 0x00, 0x00, 0x05] as const;
export const OTHER = [0x02, 0x00, 0x00, 0x00, 0x00, 0x09] as const;
export const ALL = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] as const;
export const GROUP = [0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb] as const;

/** A frame to an address: `length` octets without check sequence, each different from its neighbours. */
export function frameTo(destination: readonly number[], length = 60, type = 0x0800, seed = 1): Uint8Array {
  const frame = Uint8Array.from({ length }, (_, i) => (i * 7 + seed * 31) & 0xff);
  frame.set(destination);
  frame.set(OTHER, 6);
  frame.set([type >> 8, type & 0xff], 12);
  return frame;
}
