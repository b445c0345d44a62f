// Where the demos' stories are played: cores on a wire in memory, in virtual time. Everything follows from the seed, so that
// a story is the same every time. What goes over the wire is kept, with the states of both ends.

import { createHash } from "node:crypto";
import { Event, SocketKind } from "../abi.js";
import type { Timer } from "../clock.js";
import { type Core, type CoreConfig, CoreError, createCore } from "../core.js";
import { DropWatch } from "../counters.js";
import type { EngineFactory } from "../engines/engine.js";
import { formatMac } from "../packet/ethernet.js";
import { VirtualClock } from "../sim/clock.js";
import type { Layout } from "../sim/layout.js";
import { otherHost, StateReader, tupleOf } from "./states.js";

/** How long a frame is on its way, in milliseconds: half of the round trip. */
const DELAY_MS = 5;

/** What an octet takes at 100 Mbit/s, and what goes with each frame (preamble, check sequence, gap). */
const NS_PER_OCTET = 80;
const FRAMING_OCTETS = 24;

/** Rounds of output and events at one moment; more is a loop. */
const ROUNDS_AT_ONCE = 10_000;

export interface Setting {
  /** The compiled core, and where fields stand in its records. */
  readonly wasm: Uint8Array;
  readonly layout: Layout;
  readonly engine: EngineFactory;
  /** 32 octets. */
  readonly seed: Uint8Array;
}

/** What the wire does to a frame. */
export type Fate = "lost" | "damaged";

/** A frame that went over the wire, as it is in the capture. */
export interface Passage {
  /** When it left, in milliseconds of the stage's clock, in whole nanoseconds. */
  readonly atMs: number;
  readonly frame: Uint8Array;
  readonly from: Named;
  /** The host that it is for; undefined for all. */
  readonly to: Named | undefined;
  /** By the name of the host: of the sender once it had sent, of others once the frame had come. */
  readonly states: Map<string, string>;
  fate: Fate | undefined;
  /** Drop counters that it moved where it came. */
  readonly drops: string[];
}

/** What is told between two frames. */
export interface Note {
  readonly atMs: number;
  readonly text: string;
}

export interface Named {
  readonly name: string;
}

/** Who sends and takes frames: a core, or somebody who forges. */
export interface Player extends Named {
  readonly mac: string;
  receive(passage: Passage): void;
}

export class Stage {
  readonly clock = new VirtualClock(0);
  /** In the order of time. */
  readonly passages: Passage[] = [];
  readonly notes: Note[] = [];
  /** What befalls a frame that `from` sends; default nothing. */
  fateOf: (frame: Uint8Array, from: Player) => Fate | undefined = () => undefined;
  readonly #players: Player[] = [];
  /** Until when each player's frames keep the wire busy, in nanoseconds. */
  readonly #busyNs = new Map<Player, number>();

  constructor(readonly setting: Setting) {}

  /** Adds a host with a core. Its number, from 1, is in its addresses: 10.0.0.1, 02:46:52:00:00:01. */
  host(name: string, number: number, config: Partial<CoreConfig> = {}): Host {
    return this.join(new Host(this, name, number, config));
  }

  join<T extends Player>(player: T): T {
    this.#players.push(player);
    return player;
  }

  /** Tells something that no frame shows. */
  note(text: string): void {
    this.notes.push({ atMs: this.clock.now(), text });
  }

  /** Lets time pass. */
  pass(ms: number): void {
    this.clock.advance(ms);
  }

  /** `from` sends a frame, as soon as its last one has left. */
  send(frame: Uint8Array, from: Player, state?: (frame: Uint8Array) => string): void {
    const fate = this.fateOf(frame, from);
    const sent = frame.slice();
    // One bit, of the last octet.
    if (fate === "damaged") sent[sent.length - 1] = (sent[sent.length - 1] as number) ^ 1;
    const nowNs = Math.round(this.clock.now() * 1e6);
    const startNs = Math.max(nowNs, this.#busyNs.get(from) ?? 0);
    const endNs = startNs + (sent.length + FRAMING_OCTETS) * NS_PER_OCTET;
    this.#busyNs.set(from, endNs);
    const mac = formatMac(sent.subarray(0, 6));
    const passage: Passage = {
      atMs: startNs / 1e6,
      frame: sent,
      from,
      to: this.#players.find((player) => player.mac === mac),
      states: new Map(),
      fate,
      drops: [],
    };
    if (state) passage.states.set(from.name, state(sent));
    // Another host's frame may leave while this one waits for the wire.
    let at = this.passages.length;
    while (at > 0 && (this.passages[at - 1] as Passage).atMs > passage.atMs) at--;
    this.passages.splice(at, 0, passage);
    if (fate === "lost") return;
    this.clock.after((endNs - nowNs) / 1e6 + DELAY_MS, () => {
      for (const player of this.#players)
        if (player !== from && (passage.to ?? player) === player) player.receive(passage);
    });
  }

  /** 32 octets for `name`, from the seed. */
  seedOf(name: string): Uint8Array {
    return createHash("sha256").update(this.setting.seed).update(name).digest();
  }
}

/** A core, and the loop that carries its frames, events and time. */
export class Host implements Player {
  readonly mac: string;
  readonly address: string;
  core: Core;
  /** Connections that were accepted, in their order. */
  readonly accepted: End[] = [];
  #states: StateReader;
  #boots = 0;
  readonly #listeners: number[] = [];
  readonly #ends = new Map<number, End>();
  /** Who hears of the events of sockets that are no connections. */
  readonly #others = new Map<number, (core: Core) => void>();
  /** The last state of each connection that frames were of. */
  readonly #last = new Map<string, string>();
  #timer: Timer | undefined;

  constructor(
    readonly stage: Stage,
    readonly name: string,
    number: number,
    readonly config: Partial<CoreConfig>,
  ) {
    this.address = `10.0.0.${number}`;
    this.mac = formatMac(Uint8Array.of(2, 0x46, 0x52, 0, 0, number));
    [this.core, this.#states] = this.#boot();
  }

  /** Starts anew, and knows nothing of what was. */
  reboot(): void {
    this.#timer?.cancel();
    this.#ends.clear();
    this.#others.clear();
    this.#listeners.length = 0;
    [this.core, this.#states] = this.#boot();
  }

  listen(port: number, backlog = 8): void {
    this.act((core) => {
      const handle = core.open(SocketKind.LISTENER);
      core.bind(handle, { address: this.address, port });
      core.listen(handle, backlog);
      this.#listeners.push(handle);
    });
  }

  /** Opens a connection, from an ephemeral port unless `localPort` says another. */
  connect({ address }: { readonly address: string }, port: number, localPort = 0): End {
    return this.open((core) => {
      const handle = core.open(SocketKind.STREAM);
      if (localPort) core.bind(handle, { address: this.address, port: localPort });
      core.connect(handle, { address, port });
      return handle;
    });
  }

  /** A connection that `run` opens, whose handle it returns. */
  open(run: (core: Core) => number): End {
    return this.act((core) => this.#adopt(run(core)));
  }

  /** Lets `run` act on the events of another socket. */
  onEvents(handle: number, run: (core: Core) => void): void {
    this.#others.set(handle, run);
  }

  /** The connection that was accepted last. Throws when there is none. */
  get lastAccepted(): End {
    const end = this.accepted.at(-1);
    if (!end) throw new Error(`${this.name} has accepted nothing`);
    return end;
  }

  /** Calls the core, and lets it send what that leads to. */
  act<T>(run: (core: Core) => T): T {
    this.core.poll(this.#now);
    const result = run(this.core);
    this.#settle();
    return result;
  }

  receive(passage: Passage): void {
    const drops = new DropWatch(this.core);
    this.core.input(passage.frame, this.#now);
    passage.drops.push(...drops.moved());
    // At once, so that the connection is there to be asked.
    for (const listener of this.#listeners)
      for (let handle = this.core.accept(listener); handle !== undefined; handle = this.core.accept(listener))
        this.accepted.push(this.#adopt(handle));
    passage.states.set(this.name, this.stateAfter(passage.frame, false));
    this.#settle();
  }

  /** The state of the connection that a frame is of; for one that is not TCP, of the first with the host that it is with. */
  stateAfter(frame: Uint8Array, isSender: boolean): string {
    const tuple = tupleOf(frame, isSender);
    if (!tuple) return this.#states.ofHost(otherHost(frame, isSender));
    const key = `${tuple.localPort} ${tuple.remote.address}:${tuple.remote.port}`;
    const last = this.#last.get(key);
    let state = this.#states.of(tuple);
    // What was a connection has ended, whether somebody listens or not; a handshake goes back to LISTEN.
    if (state === "LISTEN" && last !== undefined && last !== "LISTEN" && last !== "SYN-RECEIVED")
      state = "CLOSED";
    this.#last.set(key, state);
    return state;
  }

  /** The state of any connection. */
  state(): string {
    return this.#states.ofHost(undefined);
  }

  forget(end: End): void {
    this.#ends.delete(end.handle);
  }

  get #now(): number {
    return Math.floor(this.stage.clock.now());
  }

  #boot(): [Core, StateReader] {
    const { wasm, engine, layout } = this.stage.setting;
    const config = {
      mac: this.mac,
      address: this.address,
      connections: 4,
      sendRingBytes: 32_768,
      receiveRingBytes: 32_768,
      ...this.config,
      seed: this.stage.seedOf(`${this.name} ${++this.#boots}`),
    };
    const core = createCore(wasm, config, { engine, now: this.#now });
    return [core, new StateReader(core, layout)];
  }

  #adopt(handle: number): End {
    const end = new End(this, handle);
    this.#ends.set(handle, end);
    return end;
  }

  /** Sends all that is due and hands out events, until nothing is left to do at this time. */
  #settle(): void {
    for (let round = 0; ; round++) {
      if (round === ROUNDS_AT_ONCE) throw new Error(`${this.name}: no end of frames and events`);
      this.#drain();
      const event = this.core.nextEvent();
      if (!event) break;
      this.#ends.get(event.handle)?.onEvents(event.events);
      this.#others.get(event.handle)?.(this.core);
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    const deadline = this.core.deadline(this.#now);
    if (!Number.isFinite(deadline)) return;
    this.#timer = this.stage.clock.after(this.#now + deadline - this.stage.clock.now(), () => this.#settle());
  }

  #drain(): void {
    for (let frame = this.core.output(this.#now); frame; frame = this.core.output(this.#now))
      this.stage.send(frame, this, (sent) => this.stateAfter(sent, true));
  }
}

/** One end of a connection. It reads what comes as it comes. */
export class End {
  received = "";
  /** Whether the other end has sent its FIN, and all before it was read. */
  hasEnded = false;
  /** The Status that the connection ended with; 0 for none. */
  error = 0;

  constructor(
    readonly host: Host,
    readonly handle: number,
  ) {}

  /** Sends text. Throws when the ring has no room for it. */
  write(text: string): void {
    const data = Buffer.from(text, "latin1");
    const written = this.host.act((core) => core.write(this.handle, data));
    if (written < data.length) throw new Error(`${this.host.name}: no room for ${data.length} octets`);
  }

  /** Has sent all that it will. */
  shutdown(): void {
    this.host.act((core) => core.shutdown(this.handle));
  }

  close(): void {
    this.host.forget(this);
    this.host.act((core) => core.close(this.handle));
  }

  abort(): void {
    this.host.forget(this);
    this.host.act((core) => core.abort(this.handle));
  }

  onEvents(events: number): void {
    const { core } = this.host;
    if (events & Event.FAILED) this.error = core.error(this.handle);
    if (!(events & Event.READABLE)) return;
    try {
      for (let data = core.read(this.handle); data; data = core.read(this.handle)) {
        this.hasEnded = data.length === 0;
        if (this.hasEnded) break;
        this.received += Buffer.from(data).toString("latin1");
      }
    } catch (error) {
      // That of a connection that failed; it was told of.
      if (!(error instanceof CoreError)) throw error;
    }
  }
}

/** Somebody without a core, who sends frames that are made up. */
export class Forger implements Player {
  constructor(
    readonly stage: Stage,
    readonly name: string,
    readonly mac: string,
  ) {}

  send(frame: Uint8Array): void {
    this.stage.send(frame, this);
  }

  receive(): void {}
}
