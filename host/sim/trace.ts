// The last events of a run, kept as they are and put into words only when somebody reads them.

import { decode, describe, type TcpPacket } from "../packet/index.js";
import type { VirtualClock } from "./clock.js";
import type { Mishap } from "./network.js";
import type { Bases } from "./wire_monitor.js";

/** Events kept: more than the 40 frames that a report shows. */
const KEPT = 60;

type Line = () => string;

export class Trace {
  readonly #lines: Line[] = [];

  /** `onLine` gets every event at once. */
  constructor(
    readonly clock: VirtualClock,
    readonly bases: Bases,
    readonly onLine?: (line: string) => void,
  ) {}

  leaves(from: number, frame: Uint8Array): void {
    this.#add(`host ${from} sends`, () => this.#describe(frame));
  }

  arrives(from: number, to: number, frame: Uint8Array): void {
    this.#add(`host ${to} gets from ${from}`, () => this.#describe(frame));
  }

  dropped(from: number, to: number, frame: Uint8Array, why: Mishap): void {
    this.#add(`${from} to ${to}: ${why}`, () => this.#describe(frame));
  }

  note(what: () => string): void {
    this.#add("--", what);
  }

  /** The last events, a line each. */
  text(): string {
    return this.#lines.map((line) => line()).join("\n");
  }

  #add(what: string, details: () => string): void {
    const now = this.clock.now();
    const line = () => `${(now / 1000).toFixed(4).padStart(10)}  ${what.padEnd(18)} ${details()}`;
    if (this.onLine) this.onLine(line());
    this.#lines.push(line);
    if (this.#lines.length > KEPT) this.#lines.shift();
  }

  #describe(frame: Uint8Array): string {
    return describe(decode(frame), (packet) => this.#basesOf(packet));
  }

  #basesOf({ ipv4, tcp }: TcpPacket): { seq: number; ack: number } {
    const forth = `${ipv4.source}:${tcp.sourcePort}`;
    const back = `${ipv4.destination}:${tcp.destinationPort}`;
    return {
      seq: this.bases.get(`${forth}>${back}`)?.isn ?? 0,
      ack: this.bases.get(`${back}>${forth}`)?.isn ?? 0,
    };
  }
}
