// Where a story is played with others: a device in real time, on a link that leads to them. What goes over the link is kept,
// with the device's state, and the server's where that is this machine.

import { networkInterfaces } from "node:os";
import type { Clock } from "../clock.js";
import type { Address, Core } from "../core.js";
import { DropWatch } from "../counters.js";
import type { Engine, EngineFactory } from "../engines/engine.js";
import type { Link } from "../link/link.js";
import type { Layout } from "../sim/layout.js";
import { KernelStates } from "./kernel_states.js";
import type { Note, Passage } from "./stage.js";
import { otherHost, StateReader, tupleOf } from "./states.js";

export const DEVICE = { name: "device" };
export const SERVER = { name: "server" };
/** Whoever sends to the device: the server among others. */
const NETWORK = { name: "network" };

/** Frames that are kept, at most: a table of more is of no use. */
const PASSAGES_MAX = 10_000;

/** Counters of frames that are for others. */
const NOT_OURS = ["LINK_NOT_OURS", "LINK_UNKNOWN_TYPE", "IP_NOT_OURS"];

export class TapStage {
  /** In the order of time. */
  readonly passages: Passage[] = [];
  readonly notes: Note[] = [];
  readonly #kernel = new KernelStates();
  #core: { readonly core: Core; readonly states: StateReader; readonly drops: DropWatch } | undefined;
  /** The frame that the core takes next. */
  #coming: { readonly atMs: number; readonly frame: Uint8Array } | undefined;
  /** Where the device's connection with the server begins, once there is one. */
  #near: Address | undefined;

  /** `port`: the server's. */
  constructor(
    readonly clock: Clock,
    readonly port: number,
  ) {}

  /** Whether more frames have come than are kept. */
  get isFull(): boolean {
    return this.passages.length >= PASSAGES_MAX;
  }

  /** Makes the engines that `factory` makes; the stage hears of each frame that one has taken. */
  engine(factory: EngineFactory): EngineFactory {
    return (wasm, memoryBytes) => {
      const engine = factory(wasm, memoryBytes);
      const input: Engine["exports"]["input"] = (...args) => {
        const result = engine.exports.input(...args);
        this.#taken();
        return result;
      };
      return { ...engine, exports: { ...engine.exports, input } };
    };
  }

  /** Watches what goes over the link of `core`, which one of `engine`'s runs. */
  watch(link: Link, core: Core, layout: Layout): Link {
    this.#core = { core, states: new StateReader(core, layout), drops: new DropWatch(core) };
    return new WatchedLink(link, this);
  }

  /** Tells something that no frame shows, at `atMs` or now. */
  note(text: string, atMs = this.clock.now()): void {
    this.notes.push({ atMs, text });
  }

  async pass(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.clock.after(ms, resolve));
  }

  sent(frame: Uint8Array, atMs: number): void {
    this.#keep(frame, atMs, true, []);
  }

  coming(frame: Uint8Array): void {
    // The link may use the octets again once it is called.
    this.#coming = { atMs: this.clock.now(), frame: frame.slice() };
    this.#core?.drops.mark();
  }

  /** Whether a frame was for somebody else, or of a kind that the device does not know: the kernel talks to all. */
  isForeign({ drops }: Passage): boolean {
    return drops.some((name) => NOT_OURS.includes(name));
  }

  /** Leaves the server's states where a frame is one of `server`'s, if that is this machine, and nowhere else. */
  settleServer(server: string | undefined): void {
    const isHere = Object.values(networkInterfaces()).some((all) =>
      all?.some(({ address }) => address === server),
    );
    for (const { frame, from, states } of this.passages)
      if (!isHere || otherHost(frame, from === DEVICE) !== server) states.delete(SERVER.name);
  }

  #taken(): void {
    const coming = this.#coming;
    this.#coming = undefined;
    if (coming) this.#keep(coming.frame, coming.atMs, false, this.#core?.drops.moved() ?? []);
  }

  #keep(frame: Uint8Array, atMs: number, isSender: boolean, drops: string[]): void {
    if (!this.#core || this.isFull) return;
    const tuple = tupleOf(frame, isSender);
    if (isSender && tuple?.remote.port === this.port)
      this.#near = { address: frame.subarray(26, 30).join("."), port: tuple.localPort };
    const { states } = this.#core;
    const [from, to] = isSender ? [DEVICE, NETWORK] : [NETWORK, DEVICE];
    this.passages.push({
      ...{ atMs, frame: frame.slice(), from, to, fate: undefined, drops },
      states: new Map([
        [DEVICE.name, tuple ? states.of(tuple) : states.ofHost(undefined)],
        [SERVER.name, this.#kernel.of(this.port, this.#near)],
      ]),
    });
  }
}

class WatchedLink implements Link {
  constructor(
    readonly link: Link,
    readonly stage: TapStage,
  ) {}

  get hasRoom(): boolean {
    return this.link.hasRoom;
  }

  get onReady(): () => void {
    return this.link.onReady;
  }

  set onReady(run: () => void) {
    this.link.onReady = run;
  }

  send(frame: Uint8Array): void {
    const atMs = this.stage.clock.now();
    this.link.send(frame);
    // The kernel has taken it by now.
    this.stage.sent(frame, atMs);
  }

  receive(): Uint8Array | undefined {
    const frame = this.link.receive();
    if (frame) this.stage.coming(frame);
    return frame;
  }
}
