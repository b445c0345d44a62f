// A link between two hosts that loses, delays, reorders, repeats and damages frames, by a seed.

import type { Clock } from "../clock.js";
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

/** Frames that wait at an end, at most. */
const CAPACITY = 4096;

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
  readonly #options: Required<LossyOptions>;

  constructor(clock: Clock, options: LossyOptions) {
    this.#clock = clock;
    this.#prng = new Prng(options.seed);
    this.#options = { jitterMs: 0, loss: 0, reorder: 0, duplicate: 0, corrupt: 0, ...options };
    const left = new LossyEnd((frame) => this.#carry(frame, right));
    const right = new LossyEnd((frame) => this.#carry(frame, left));
    this.ends = [left, right];
  }

  #carry(frame: Uint8Array, to: LossyEnd): void {
    this.statistics.sent++;
    if (this.#prng.chance(this.#options.loss)) {
      this.statistics.lost++;
      return;
    }
    this.#deliver(this.#perhapsDamaged(frame), to);
    if (!this.#prng.chance(this.#options.duplicate)) return;
    this.statistics.duplicated++;
    this.#deliver(frame.slice(), to);
  }

  #deliver(frame: Uint8Array, to: LossyEnd): void {
    let ms = this.#options.delayMs + this.#prng.fraction() * this.#options.jitterMs;
    if (this.#prng.chance(this.#options.reorder)) {
      this.statistics.reordered++;
      ms *= 3;
    }
    this.#clock.after(ms, () => {
      if (to.deliver(frame)) this.statistics.delivered++;
      else this.statistics.lost++;
    });
  }

  /**
   * A copy of the frame, perhaps with one bit flipped. Only what a checksum above Ethernet covers is damaged: damage
   * elsewhere is caught by Ethernet's frame check sequence, so that a core never sees it.
   */
  #perhapsDamaged(frame: Uint8Array): Uint8Array {
    const copy = frame.slice();
    const isIpv4 = ((copy[12] as number) << 8) + (copy[13] as number) === ETHERTYPE_IPV4;
    if (!isIpv4 || !this.#prng.chance(this.#options.corrupt)) return copy;
    const ipBytes = ((copy[16] as number) << 8) + (copy[17] as number);
    const at = ETHERNET_HEADER_BYTES + this.#prng.below(ipBytes);
    copy[at] = (copy[at] as number) ^ (1 << this.#prng.below(8));
    this.statistics.corrupted++;
    return copy;
  }
}

class LossyEnd implements Link {
  /** What is in flight is bounded by the senders' windows, and a lossy link may lose the rest. */
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
