// A link between two hosts that loses, delays, reorders, repeats and damages frames, by a seed.

import type { Clock, Timer } from "../clock.js";
import { FrameQueue } from "../link/frame_queue.js";
import type { Link } from "../link/link.js";
import { Prng } from "./prng.js";

/** What happens to frames; each direction and each frame on its own. Probabilities are 0 to 1, default 0. */
export interface LossyOptions {
  seed: number;
  /** Time on the way, in milliseconds. */
  delayMs: number;
  /** Up to so much more time, in milliseconds, evenly spread: alone it reorders frames that are sent close together. */
  jitterMs?: number;
  /** Probability that a frame vanishes. */
  loss?: number;
  /** Probability that a frame takes three times as long, so that later ones overtake it. */
  reorder?: number;
  /** Probability that a frame arrives twice. */
  duplicate?: number;
  /** Probability that one bit of the frame is flipped. */
  corrupt?: number;
}

/** What happened so far, both directions together. */
export interface LossyStatistics {
  sent: number;
  delivered: number;
  lost: number;
  reordered: number;
  duplicated: number;
  corrupted: number;
}

type Chances = Required<Omit<LossyOptions, "seed">>;

/** Frames that wait at an end, at most. */
const CAPACITY = 4096;

/** Frames on the way, both directions together, at most: whoever sends faster than the delay allows loses the rest. */
export const IN_FLIGHT_MAX = 16_384;

const ETHERNET_HEADER_BYTES = 14;
const ETHERTYPE_IPV4 = 0x0800;

export class LossyLink {
  readonly statistics: LossyStatistics = {
    sent: 0,
    delivered: 0,
    lost: 0,
    reordered: 0,
    duplicated: 0,
    corrupted: 0,
  };
  readonly ends: readonly [Link, Link];
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #inFlight = new Set<Timer>();

  /**
   * `options`: what happens to frames that the first end sends; `backOptions`: to those of the second one, by default the
   * same. Both draw from one generator, with the seed of `options`.
   */
  constructor(clock: Clock, options: LossyOptions, backOptions: Omit<LossyOptions, "seed"> = options) {
    this.#clock = clock;
    this.#prng = new Prng(options.seed);
    const none = { jitterMs: 0, loss: 0, reorder: 0, duplicate: 0, corrupt: 0 };
    const left = new LossyEnd((frame) => this.#carry(frame, { ...none, ...options }, right));
    const right = new LossyEnd((frame) => this.#carry(frame, { ...none, ...backOptions }, left));
    this.ends = [left, right];
  }

  #carry(frame: Uint8Array, options: Chances, to: LossyEnd): void {
    this.statistics.sent++;
    if (this.#prng.chance(options.loss)) {
      this.statistics.lost++;
      return;
    }
    this.#deliver(this.#perhapsDamaged(frame, options), options, to);
    if (!this.#prng.chance(options.duplicate)) return;
    this.statistics.duplicated++;
    this.#deliver(frame.slice(), options, to);
  }

  #deliver(frame: Uint8Array, options: Chances, to: LossyEnd): void {
    let ms = options.delayMs + this.#prng.fraction() * options.jitterMs;
    if (this.#prng.chance(options.reorder)) {
      this.statistics.reordered++;
      ms *= 3;
    }
    if (this.#inFlight.size >= IN_FLIGHT_MAX) {
      this.statistics.lost++;
      return;
    }
    const timer = this.#clock.after(ms, () => {
      this.#inFlight.delete(timer);
      if (to.deliver(frame)) this.statistics.delivered++;
      else this.statistics.lost++;
    });
    this.#inFlight.add(timer);
  }

  /** Loses what is on the way: so that no timer of it keeps a process. */
  drop(): void {
    this.statistics.lost += this.#inFlight.size;
    for (const timer of this.#inFlight) timer.cancel();
    this.#inFlight.clear();
  }

  /**
   * A copy of the frame, perhaps with one bit flipped. Only what a checksum above Ethernet covers is damaged: damage
   * elsewhere is caught by Ethernet's frame check sequence, so that a core never sees it.
   */
  #perhapsDamaged(frame: Uint8Array, { corrupt }: Chances): Uint8Array {
    const copy = frame.slice();
    const isIpv4 = ((copy[12] as number) << 8) + (copy[13] as number) === ETHERTYPE_IPV4;
    if (!isIpv4 || !this.#prng.chance(corrupt)) return copy;
    const ipBytes = ((copy[16] as number) << 8) + (copy[17] as number);
    const at = ETHERNET_HEADER_BYTES + this.#prng.below(ipBytes);
    copy[at] = (copy[at] as number) ^ (1 << this.#prng.below(8));
    this.statistics.corrupted++;
    return copy;
  }
}

class LossyEnd implements Link {
  /** What is in flight is bounded, and a lossy link may lose the rest. */
  readonly hasRoom = true;
  onReady: () => void = () => {};
  readonly #queue = new FrameQueue(CAPACITY);

  constructor(readonly send: (frame: Uint8Array) => void) {}

  receive(): Uint8Array | undefined {
    return this.#queue.take();
  }

  deliver(frame: Uint8Array): boolean {
    const taken = this.#queue.push(frame);
    if (taken) this.onReady();
    return taken;
  }
}
