// What models of Ethernet chips on SPI have in common: the pins, the wire, time, and what can be made to go wrong.

import type { Link } from "../link/link.js";

/** Time as a chip is given it. */
export interface ChipClock {
  /** Nanoseconds since some fixed moment. */
  nowNs(): number;
  /** Calls `run` once, `ns` nanoseconds (0 or more) from now. */
  afterNs(ns: number, run: () => void): { cancel(): void };
}

/** An access that the datasheet does not define. It is the driver's fault, and a test's failure. */
export class UndefinedAccess extends Error {
  override name = "UndefinedAccess";
}

export interface ChipOptions {
  readonly clock: ChipClock;
  /**
   * "wire": what takes time in the chip takes it here, sending at the line's rate, resets, PHY accesses, the link coming
   * up. "instant": all is done at once, except where a driver could not tell. Default "instant".
   */
  readonly timing?: "wire" | "instant";
}

export interface SpiChip {
  /** The chip-select pin: `active` is its low level. */
  select(active: boolean): void;
  /** One octet each way; returns what the chip drives while it shifts in `octet`. Not selected: 0xff. */
  transfer(octet: number): number;
  /** The reset pin: `active` is its low level. */
  reset(active: boolean): void;
  /** Whether the interrupt pin is at its active, low level. */
  readonly interrupt: boolean;
  /** Called when `interrupt` has changed. */
  onInterrupt: () => void;
  /** Connects the far end of the cable: the chip sends to it, and takes what arrives as long as it has room. */
  attach(link: Link): void;
  /** Plugs the cable in (as at the start) or out. */
  setCable(plugged: boolean): void;
  /** Switches the power; off: it drives nothing, and forgets all. */
  setPower(on: boolean): void;
  /** Counts of what the chip did, for tests. */
  readonly statistics: Readonly<ChipStatistics>;
}

export interface ChipStatistics {
  /** Frames from the cable into the buffer, and from the buffer to the cable. */
  received: number;
  sent: number;
  /** Frames from the cable that had no room, or that a filter refused. */
  overruns: number;
  filtered: number;
  /** Octets on SPI while selected. */
  spiOctets: number;
  /** SPI transactions. */
  transactions: number;
}
