// Numbered frames both ways, while things go wrong: what arrived, what did not, and when it went on.

import { Prng } from "../../host/sim/prng.js";
import { OTHER, OWN } from "../chips/support.js";
import type { Rig } from "./rig.js";

const NUMBER_AT = 14;
const PERIOD_MS = 5;
const SHORTEST = 60;
const LONGEST = 1514;

/** Of one direction. */
export interface Flow {
  readonly sentAt: Map<number, number>;
  readonly arrivedAt: Map<number, number>;
}

/** Gives a frame each way every 5 ms until it is stopped. */
export class Traffic {
  readonly inward: Flow = { sentAt: new Map(), arrivedAt: new Map() };
  readonly outward: Flow = { sentAt: new Map(), arrivedAt: new Map() };
  readonly #rig: Rig;
  readonly #prng: Prng;
  #number = 0;
  #isOver = false;

  constructor(rig: Rig, seed: number) {
    this.#rig = rig;
    this.#prng = new Prng(seed);
    this.#next();
  }

  /** Lets the device run for `ms` milliseconds, and sees what arrived. */
  run(ms: number): this {
    const { rig, end } = { rig: this.#rig, end: this.#rig.now() + ms };
    // In steps, so that the time of arrival is known.
    while (rig.now() < end) {
      rig.run(Math.min(1, end - rig.now()));
      this.#collect();
    }
    return this;
  }

  stop(): this {
    this.#isOver = true;
    return this;
  }

  /** Gives `count` long frames to the chip at once. */
  flood(count: number): void {
    for (let n = 0; n < count; n++) this.#giveIn(this.#number++, LONGEST);
  }

  /** Frames sent from `from` to `until` that did not arrive. */
  static lost({ sentAt, arrivedAt }: Flow, from = 0, until = Number.POSITIVE_INFINITY): number {
    return [...sentAt].filter(([number, at]) => at >= from && at < until && !arrivedAt.has(number)).length;
  }

  #next(): void {
    if (this.#isOver) return;
    const rig = this.#rig;
    const number = this.#number++;
    const length = SHORTEST + this.#prng.below(LONGEST - SHORTEST + 1);
    this.#giveIn(number, length);
    this.outward.sentAt.set(number, rig.now());
    rig.toSend.push(numbered(number, OTHER, length));
    rig.clock.after(PERIOD_MS, () => this.#next());
  }

  #giveIn(number: number, length: number): void {
    this.inward.sentAt.set(number, this.#rig.now());
    this.#rig.far.give(numbered(number, OWN, length));
  }

  #collect(): void {
    const { got, far } = this.#rig;
    for (const frame of got.splice(0)) this.#note(this.inward, frame, OWN);
    for (const frame of far.taken.splice(0)) this.#note(this.outward, frame, OTHER);
  }

  #note({ sentAt, arrivedAt }: Flow, frame: Uint8Array, destination: readonly number[]): void {
    const number = new DataView(frame.buffer, frame.byteOffset).getUint32(NUMBER_AT);
    if (!sentAt.has(number) || Buffer.compare(frame, numbered(number, destination, frame.length)) !== 0)
      throw new Error(`a frame arrived that nobody sent: ${frame.length} octets, ${frame.subarray(0, 24)}`);
    if (arrivedAt.has(number)) throw new Error(`frame ${number} arrived twice`);
    arrivedAt.set(number, this.#rig.now());
  }
}

function numbered(number: number, destination: readonly number[], length: number): Uint8Array {
  const frame = new Uint8Array(length).fill(number);
  frame.set(destination);
  frame.set([0x08, 0x00], 12);
  new DataView(frame.buffer).setUint32(NUMBER_AT, number);
  frame[length - 1] = length & 0xff;
  return frame;
}
