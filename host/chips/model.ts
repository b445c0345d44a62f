// What the chip models share: power and reset, the SPI pins, the interrupt pin, the cable, the line's time, and the
// faults that can happen to any of them.

import type { Clock } from "../clock.js";
import type { Link } from "../link/link.js";
import { type ChipClock, type ChipOptions, type SpiChip, UndefinedAccess } from "./chip.js";

/** An access that the datasheet defines and the model does not have: neither the driver's fault nor answered. */
export class NotModelled extends Error {
  override name = "NotModelled";
}

/** What became of a frame that arrived at the receiver. */
export type Acceptance = "taken" | "no room" | "refused";

/** Preamble, start delimiter and frame check sequence: 802.3 section 3.1.1. */
const FRAME_EXTRA_OCTETS = 8 + 4;
/** Gap between frames: 802.3 section 4.4.2, 96 bit times. */
const GAP_OCTETS = 12;
/** Shortest frame without its check sequence: 802.3 section 4.4.2. */
export const MIN_FRAME_OCTETS = 60;

const NS_PER_MS = 1e6;

/** A host's clock as a chip wants it. */
export function chipClock(clock: Clock): ChipClock {
  return {
    nowNs: () => Math.round(clock.now() * NS_PER_MS),
    afterNs: (ns, run) => clock.after(ns / NS_PER_MS, run),
  };
}

export abstract class ChipModel implements SpiChip {
  readonly statistics = { received: 0, sent: 0, overruns: 0, filtered: 0, spiOctets: 0, transactions: 0 };
  onInterrupt: () => void = () => {};
  /**
   * Hears of accesses that the datasheet does not define. Throws UndefinedAccess; when replaced by what returns, the
   * access has no effect.
   */
  onUndefined: (what: string) => void = (what) => {
    throw new UndefinedAccess(what);
  };
  /**
   * A frame without room waits on the cable, as with a switch that obeys pause frames; false: it is lost. True with
   * "instant" timing, where a burst takes no time at all; with "wire" timing nothing waits.
   */
  holdsBack: boolean;
  /** What MISO reads when nobody drives it: the chip has no power, is in reset, or does not run yet. */
  floatingOctet = 0xff;
  /** Fault: MISO is stuck at this level. The chip still hears. */
  get stuck(): "zeros" | "ones" | undefined {
    return this.#stuck;
  }
  set stuck(level: "zeros" | "ones" | undefined) {
    this.#stuck = level;
    if (level) this.disturb();
  }

  protected readonly clock: ChipClock;
  protected readonly wire: boolean;
  #stuck: "zeros" | "ones" | undefined;
  #powered = true;
  #inReset = false;
  #resetSinceNs = 0;
  /** When the oscillator and the PLL run, after power or reset. */
  #runsFromNs = 0;
  #selected = false;
  /** Selected, and the chip followed from the first octet. */
  #listening = false;
  /** Something happened that the driver cannot know of yet: it may do what is undefined in the chip's new state. */
  #disturbed = false;
  #pending = false;
  #interruptsToLose = 0;
  #interruptLost = false;
  #interrupt = false;
  #link: Link | undefined;
  #plugged = true;
  #linkUp = false;
  #linkTimer: { cancel(): void } | undefined;
  /** A frame that waits for room. */
  #held: Uint8Array | undefined;
  #receiving = false;
  #pumping = false;
  #overrunsToCome = 0;
  #transmission: { frame: () => Uint8Array | undefined; done: () => void } | undefined;
  #transmissionTimer: { cancel(): void } | undefined;
  /** When the gap after the last frame sent is over. */
  #lineFreeNs = 0;

  protected constructor(options: ChipOptions) {
    this.clock = options.clock;
    this.wire = options.timing === "wire";
    this.holdsBack = !this.wire;
  }

  get interrupt(): boolean {
    return this.#interrupt;
  }

  /** Whether the PHY has a link with its partner. */
  get linkUp(): boolean {
    return this.#linkUp;
  }

  select(active: boolean): void {
    if (active === this.#selected) return;
    this.#selected = active;
    if (active) {
      this.statistics.transactions++;
      this.#listening = this.running;
      if (this.#listening) this.begin();
    } else if (this.#listening) {
      this.#listening = false;
      this.end();
    }
  }

  transfer(octet: number): number {
    if (!this.#selected) return 0xff;
    this.statistics.spiOctets++;
    const out = this.#listening ? this.shift(octet & 0xff) & 0xff : this.floatingOctet;
    if (this.#stuck) return this.#stuck === "zeros" ? 0 : 0xff;
    return out;
  }

  reset(active: boolean): void {
    if (active === this.#inReset) return;
    this.#inReset = active;
    if (!this.#powered) return;
    if (active) {
      this.#resetSinceNs = this.clock.nowNs();
      this.#forget();
      return;
    }
    if (this.wire && this.clock.nowNs() - this.#resetSinceNs < this.minResetNs())
      this.undefinedAccess(`the reset pin must be low for ${this.minResetNs()} ns at least`);
    this.settle();
    this.#start();
  }

  attach(link: Link): void {
    if (this.#link) this.#link.onReady = () => {};
    this.#link = link;
    link.onReady = () => {
      this.#deliver();
      this.pump();
    };
    this.pump();
  }

  setCable(plugged: boolean): void {
    if (plugged === this.#plugged) return;
    this.#plugged = plugged;
    this.#held = undefined;
    this.negotiate();
    this.pump();
  }

  setPower(on: boolean): void {
    if (on === this.#powered) return;
    this.#powered = on;
    this.disturb();
    if (on) {
      if (!this.#inReset) this.#start();
    } else this.#forget();
  }

  /** Fault: the supply sags. All state is lost, as after power on, although no pin was touched. */
  brownOut(): void {
    this.disturb();
    this.#forget();
    if (this.#powered && !this.#inReset) this.#start();
  }

  /** Fault: of the next `count` times that the interrupt pin should become active, it does not: until all that is
   * pending was cleared and something is pending anew. */
  loseInterrupts(count = 1): void {
    this.#interruptsToLose = count;
  }

  /** Fault: the next `count` frames find no room in the receive buffer. */
  overrun(count = 1): void {
    this.#overrunsToCome += count;
  }

  /** Nanoseconds from power, or the end of reset, until the chip runs. */
  protected abstract startNs(): number;
  /** Nanoseconds that the reset pin must be active. */
  protected abstract minResetNs(): number;
  /** Sets everything to its state after power on. */
  protected abstract clear(): void;
  /** A transaction begins, an octet is exchanged, it ends. */
  protected abstract begin(): void;
  protected abstract shift(octet: number): number;
  protected abstract end(): void;
  /** A frame, without check sequence, arrived at the receiver. */
  protected abstract accept(frame: Uint8Array): Acceptance;
  /** A frame found no room, and is lost. */
  protected abstract overflowed(): void;
  /** Bits per second of the line. */
  protected abstract lineRate(): number;
  /** Nanoseconds until the PHY finds its partner; undefined: it does not look for one. */
  protected abstract negotiationNs(): number | undefined;
  protected abstract linkChanged(): void;

  /** Whether the chip has power, is not in reset, and its clock runs. */
  protected get running(): boolean {
    return this.#powered && !this.#inReset && this.clock.nowNs() >= this.#runsFromNs;
  }

  /** The access has no meaning, whatever happened to the chip. When this returns, the caller ignores it. */
  protected undefinedAccess(what: string): void {
    this.onUndefined(what);
  }

  /**
   * As above for accesses that are undefined in the present state only: says nothing where the state is so by a fault
   * that the driver cannot have noticed.
   */
  protected undefinedNow(what: string): void {
    if (!this.#disturbed) this.onUndefined(what);
  }

  /** Throws NotModelled, unless the driver may have been led here by a fault. Then the caller does nothing. */
  protected notModelled(what: string): void {
    if (!this.#disturbed) throw new NotModelled(`${this.constructor.name}: ${what}`);
  }

  /** From now until `settle` the state is so by a fault. */
  protected disturb(): void {
    this.#disturbed = true;
  }

  /** The driver has reset the chip, and must know again what it does. */
  protected settle(): void {
    this.#disturbed = this.#stuck !== undefined;
  }

  /** The interrupt pin follows: active while something is pending. */
  protected setPending(pending: boolean): void {
    if (pending && !this.#pending && this.#interruptsToLose > 0) {
      this.#interruptsToLose--;
      this.#interruptLost = true;
    }
    if (!pending) this.#interruptLost = false;
    this.#pending = pending;
    const active = pending && !this.#interruptLost;
    if (active === this.#interrupt) return;
    this.#interrupt = active;
    this.onInterrupt();
  }

  /** Takes frames from the cable while there is room for them. To be called when room was made. */
  protected pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (!this.#receiving && this.#takeHeld()) {
        const frame = this.#link?.receive();
        if (!frame) return;
        if (this.wire) this.#receiveSlowly(padded(frame));
        else this.#arrive(padded(frame));
      }
    } finally {
      this.#pumping = false;
    }
  }

  /** Looks for the partner anew: the cable, the power or the PHY's mode changed. */
  protected negotiate(): void {
    this.#linkTimer?.cancel();
    this.#linkTimer = undefined;
    this.#setLink(false);
    const ns = this.#powered && !this.#inReset && this.#plugged ? this.negotiationNs() : undefined;
    if (ns === undefined) return;
    if (this.wire) this.#linkTimer = this.clock.afterNs(ns, () => this.#setLink(true));
    else this.#setLink(true);
  }

  /** Whether a frame is on its way in. */
  protected get receiving(): boolean {
    return this.#receiving;
  }

  /** A frame came in by a loop within the chip. */
  protected loopBack(frame: Uint8Array): void {
    this.#arrive(frame);
  }

  /** Whether a frame is on its way out. */
  protected get transmitting(): boolean {
    return this.#transmission !== undefined;
  }

  /**
   * Sends `octets` octets, which `frame` gives when they have left, then calls `done`. With no link they leave and are
   * lost; so is what `frame` gives as undefined, because no receiver would take it.
   */
  protected transmit(octets: number, frame: () => Uint8Array | undefined, done: () => void): void {
    this.#transmission = { frame, done };
    if (!this.wire) {
      this.#deliver();
      return;
    }
    const waitNs = Math.max(0, this.#lineFreeNs - this.clock.nowNs());
    this.#transmissionTimer = this.clock.afterNs(waitNs + this.#lineNs(octets), () => {
      this.#transmissionTimer = undefined;
      this.#lineFreeNs = this.clock.nowNs() + this.#gapNs();
      this.#deliver();
    });
  }

  /** The frame on its way out is lost, `done` is not called. */
  protected abortTransmission(): void {
    this.#transmissionTimer?.cancel();
    this.#transmissionTimer = undefined;
    this.#transmission = undefined;
  }

  #start(): void {
    this.#runsFromNs = this.clock.nowNs() + (this.wire ? this.startNs() : 0);
    this.clear();
    this.negotiate();
    this.pump();
  }

  #forget(): void {
    this.abortTransmission();
    this.#held = undefined;
    this.#listening = false;
    this.clear();
    this.negotiate();
    this.setPending(false);
  }

  #setLink(up: boolean): void {
    if (up === this.#linkUp) return;
    this.#linkUp = up;
    this.linkChanged();
  }

  /** False: a frame waits still. */
  #takeHeld(): boolean {
    const frame = this.#held;
    if (!frame) return true;
    this.#held = undefined;
    this.#arrive(frame);
    return this.#held === undefined;
  }

  #receiveSlowly(frame: Uint8Array): void {
    this.#receiving = true;
    this.clock.afterNs(this.#lineNs(frame.length), () => {
      this.#arrive(frame);
      this.clock.afterNs(this.#gapNs(), () => {
        this.#receiving = false;
        this.pump();
      });
    });
  }

  #arrive(frame: Uint8Array): void {
    if (!this.#linkUp || !this.running) return;
    const isForced = this.#overrunsToCome > 0;
    if (isForced) this.#overrunsToCome--;
    const fate = isForced ? "no room" : this.accept(frame);
    if (fate === "taken") this.statistics.received++;
    else if (fate === "refused") this.statistics.filtered++;
    else if (this.holdsBack && !isForced) this.#held = frame;
    else {
      this.statistics.overruns++;
      this.overflowed();
    }
  }

  /** Gives the frame to the cable, when its time on the line is over and the far end has room. */
  #deliver(): void {
    if (!this.#transmission || this.#transmissionTimer) return;
    const { frame, done } = this.#transmission;
    const link = this.#linkUp ? this.#link : undefined;
    if (link && !link.hasRoom) return;
    this.#transmission = undefined;
    const octets = frame();
    if (link && octets) this.statistics.sent++;
    done();
    if (octets) link?.send(octets);
  }

  #lineNs(octets: number): number {
    return ((Math.max(octets, MIN_FRAME_OCTETS) + FRAME_EXTRA_OCTETS) * 8 * 1e9) / this.lineRate();
  }

  #gapNs(): number {
    return (GAP_OCTETS * 8 * 1e9) / this.lineRate();
  }
}

/** A copy of a frame as it is on the line: never shorter than the shortest. */
function padded(frame: Uint8Array): Uint8Array {
  const copy = new Uint8Array(Math.max(frame.length, MIN_FRAME_OCTETS));
  copy.set(frame);
  return copy;
}
