// A switched network in virtual time: every ordered pair of ports has a path that loses, delays, reorders, repeats,
// damages and holds up frames, by a seed. A frame that arrives is a copy, and the sender never waits.

import type { VirtualClock } from "./clock.js";
import type { Prng } from "./prng.js";

/** What a path does to frames. Probabilities are 0 to 1, per frame. */
export interface PathOptions {
  /** Time on the way, in milliseconds. */
  delayMs: number;
  /** Up to so much more time, evenly spread. */
  jitterMs: number;
  /** A frame vanishes. */
  loss: number;
  /** A burst begins in which most frames vanish. */
  burst: number;
  /** Frames that a burst lasts. */
  burstFrames: number;
  /** A frame takes so much longer (`reorderMs`) that later ones overtake it. */
  reorder: number;
  reorderMs: number;
  /** A frame arrives twice, the second time up to so much later. */
  duplicate: number;
  duplicateMs: number;
  /** Up to 15 neighbouring bits of a frame are flipped, or its end is cut off. */
  corrupt: number;
  /** Rate in octets per millisecond; 0 for no limit. */
  rate: number;
  /** Octets that may wait for their turn at that rate; more are dropped. */
  queueBytes: number;
}

/** A path that only takes its time. */
export const CLEAN_PATH: PathOptions = {
  delayMs: 1,
  jitterMs: 0,
  loss: 0,
  burst: 0,
  burstFrames: 0,
  reorder: 0,
  reorderMs: 0,
  duplicate: 0,
  duplicateMs: 0,
  corrupt: 0,
  rate: 0,
  queueBytes: 0,
};

/** A time in which a host hears nobody and is heard by nobody, in milliseconds from the start. */
export interface Blackout {
  readonly host: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Whether the host is told, as by a cable that was pulled. */
  readonly isNoticed: boolean;
}

/** What happened to frames, all paths together. */
export interface NetworkStatistics {
  sent: number;
  delivered: number;
  lost: number;
  burstLost: number;
  queueLost: number;
  blackoutLost: number;
  reordered: number;
  duplicated: number;
  corrupted: number;
}

/** Why a frame did not go its way unharmed; undefined when it did. */
export type Mishap = "lost" | "lost in a burst" | "queue full" | "blackout" | "no such host";

/** What the network tells of itself, for traces. */
export interface NetworkListener {
  onDropped(from: number, to: number, frame: Uint8Array, why: Mishap): void;
}

/** Changes a frame on its way; for tests of the checker. */
export type Tamper = (frame: Uint8Array, from: number, to: number) => Uint8Array;

const ETHERNET_HEADER_BYTES = 14;
/** In a burst, a frame vanishes with this probability. */
const BURST_LOSS = 0.8;

interface Path {
  readonly options: PathOptions;
  /** Frames that the current burst still lasts. */
  burstLeft: number;
  /** When the last frame has left at the path's rate. */
  busyUntil: number;
}

export class Network {
  readonly statistics: NetworkStatistics = {
    sent: 0,
    delivered: 0,
    lost: 0,
    burstLost: 0,
    queueLost: 0,
    blackoutLost: 0,
    reordered: 0,
    duplicated: 0,
    corrupted: 0,
  };
  tamper: Tamper | undefined;
  #healed = false;
  readonly #receivers: ((frame: Uint8Array, from: number) => void)[] = [];
  readonly #ports = new Map<string, number>();
  readonly #paths: Path[][];

  /** `paths[from][to]`: one per ordered pair of ports. */
  constructor(
    readonly clock: VirtualClock,
    readonly prng: Prng,
    paths: readonly (readonly PathOptions[])[],
    readonly blackouts: readonly Blackout[],
    readonly listener: NetworkListener,
  ) {
    this.#paths = paths.map((row) => row.map((options) => ({ options, burstLeft: 0, busyUntil: 0 })));
  }

  /** Connects a host: frames to `mac` and to all go to `receive`. Its number is that of the call, from 0. */
  attach(mac: Uint8Array, receive: (frame: Uint8Array, from: number) => void): void {
    this.#ports.set(hexOf(mac), this.#receivers.length);
    this.#receivers.push(receive);
  }

  /** From now on frames only take their time. */
  heal(): void {
    this.#healed = true;
  }

  /** Takes a frame of host `from`; it may be used again afterwards. */
  send(frame: Uint8Array, from: number): void {
    this.statistics.sent++;
    if ((frame[0] as number) & 1) {
      for (let to = 0; to < this.#receivers.length; to++)
        if (to !== from) this.#carry(frame.slice(), from, to);
      return;
    }
    const to = this.#ports.get(hexOf(frame.subarray(0, 6)));
    if (to === undefined) this.#drop(frame, from, from, "no such host");
    else this.#carry(frame.slice(), from, to);
  }

  #carry(frame: Uint8Array, from: number, to: number): void {
    const path = (this.#paths[from] as Path[])[to] as Path;
    const { options } = path;
    if (this.#healed) {
      this.#deliver(frame, from, to, options.delayMs);
      return;
    }
    const mishap = this.#mishap(path, from, to);
    const queueMs = mishap ? 0 : this.#queue(path, frame.length);
    if (mishap || queueMs < 0) {
      this.#drop(frame, from, to, mishap ?? "queue full");
      return;
    }
    const copies = this.prng.chance(options.duplicate) ? 2 : 1;
    this.statistics.duplicated += copies - 1;
    for (let copy = 0; copy < copies; copy++) {
      let ms = queueMs + options.delayMs + this.prng.fraction() * options.jitterMs;
      if (copy > 0) ms += this.prng.fraction() * options.duplicateMs;
      if (this.prng.chance(options.reorder)) {
        this.statistics.reordered++;
        ms += this.prng.fraction() * options.reorderMs;
      }
      this.#deliver(this.#perhapsDamaged(frame, options.corrupt), from, to, ms);
    }
  }

  #deliver(frame: Uint8Array, from: number, to: number, ms: number): void {
    this.clock.after(ms, () => {
      if (!this.#healed && this.#isDark(to)) {
        this.#drop(frame, from, to, "blackout");
        return;
      }
      this.statistics.delivered++;
      this.#receivers[to]?.(this.tamper ? this.tamper(frame, from, to) : frame, from);
    });
  }

  #drop(frame: Uint8Array, from: number, to: number, why: Mishap): void {
    const { statistics } = this;
    if (why === "lost") statistics.lost++;
    else if (why === "lost in a burst") statistics.burstLost++;
    else if (why === "queue full") statistics.queueLost++;
    else if (why === "blackout") statistics.blackoutLost++;
    this.listener.onDropped(from, to, frame, why);
  }

  #mishap(path: Path, from: number, to: number): Mishap | undefined {
    if (this.#isDark(from) || this.#isDark(to)) return "blackout";
    if (this.#inBurst(path)) return "lost in a burst";
    return this.prng.chance(path.options.loss) ? "lost" : undefined;
  }

  #isDark(host: number): boolean {
    const now = this.clock.now();
    return this.blackouts.some((dark) => dark.host === host && now >= dark.fromMs && now < dark.toMs);
  }

  #inBurst(path: Path): boolean {
    if (path.burstLeft === 0 && this.prng.chance(path.options.burst))
      path.burstLeft = 1 + this.prng.below(path.options.burstFrames);
    if (path.burstLeft === 0) return false;
    path.burstLeft--;
    return this.prng.chance(BURST_LOSS);
  }

  /** How long the frame waits for its turn, in milliseconds; below 0 when the queue is full. */
  #queue(path: Path, bytes: number): number {
    const { rate, queueBytes } = path.options;
    if (rate === 0) return 0;
    const now = this.clock.now();
    const begins = Math.max(now, path.busyUntil);
    if ((begins - now) * rate + bytes > Math.max(queueBytes, bytes)) return -1;
    path.busyUntil = begins + bytes / rate;
    return path.busyUntil - now;
  }

  /**
   * A copy of the frame, perhaps damaged. Only what a checksum above Ethernet covers is: damage elsewhere is caught by
   * Ethernet's frame check sequence. Changes stay within 15 bits of one 16-bit word, which the Internet checksum always
   * detects; more could cancel each other out, and a core is not to be blamed for that.
   */
  #perhapsDamaged(frame: Uint8Array, probability: number): Uint8Array {
    const isIpv4 = frame[12] === 8 && frame[13] === 0;
    if (!isIpv4 || !this.prng.chance(probability)) return frame.slice();
    this.statistics.corrupted++;
    const ipBytes = ((frame[16] as number) << 8) + (frame[17] as number);
    if (this.prng.chance(0.1)) return frame.slice(0, ETHERNET_HEADER_BYTES + this.prng.below(ipBytes));
    const copy = frame.slice();
    const at = ETHERNET_HEADER_BYTES + this.prng.below(ipBytes >> 1) * 2;
    const mask = (1 << this.prng.below(15)) | (this.prng.chance(0.5) ? this.prng.below(0x7fff) : 0);
    copy[at] = (copy[at] as number) ^ (mask >> 8);
    copy[at + 1] = (copy[at + 1] as number) ^ (mask & 255);
    return copy;
  }
}

function hexOf(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, 6).toString("hex");
}
