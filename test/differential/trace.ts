// A seeded trace: a device on several engines at once, a peer that is a core of its own on V8, and everything that may
// happen between them: data, closes, timers, frames that are lost, repeated, damaged or forged, calls that make sense and
// calls that do not. Every call of the device is compared (rigs.ts); what the first engine answers drives what follows.

import {
  ABI_VERSION,
  CONFIG_DEFAULTS,
  type Config,
  ConfigFlag,
  ConfigLayout,
  type CoreExports,
  DEADLINE_NEVER,
  type Endpoint,
  EndpointLayout,
  EXPORT_ARITY,
  Family,
  Option,
  SocketKind,
  STATE_BASE,
  Status,
} from "../../host/abi.js";
import { parseIpv4, parseMac } from "../../host/address.js";
import { type Core, CoreError, createCore } from "../../host/core.js";
import { writeRecord } from "../../host/records.js";
import { Prng } from "../../host/sim/prng.js";
import { DEVICE, hostileFrame, mutated, PEER } from "./hostile.js";
import { type Contender, Rigs } from "./rigs.js";

/** Whole pages: V8 has no finer limit. Enough for the largest configuration that is drawn. */
const MEMORY_BYTES = 3 * 65536;

const PORTS = [7, 80, 81] as const;

/** Things that happen in a trace. */
const STEPS = 200;
/** Frames and rounds at one time; more is a loop. */
const ROUNDS = 200;
/** Frames that wait on the way, each direction. */
const WIRE = 64;

const TIMES_MS = [0, 1, 10, 40, 200, 1000, 3000, 60_000, 2 ** 24] as const;

/** What a trace came to. */
export interface Told {
  readonly calls: number;
  readonly traps: number;
  readonly framesIn: number;
  readonly framesOut: number;
  readonly counters: ReadonlyMap<string, number>;
  readonly engines: readonly string[];
}

/** Runs the trace of a seed. Throws Difference, with the seed in front, when the engines do not agree. */
export function runTrace(
  seed: number,
  contenders: readonly Contender[],
  wasm: Uint8Array,
  counters: readonly Parameters<Rigs["counter"]>[0][],
): Told {
  return runIt(new Trace(seed, contenders, wasm), seed, counters);
}

/** Runs a trace. Throws as runTrace. */
export function runIt(trace: Trace, seed: number, counters: readonly Parameters<Rigs["counter"]>[0][]): Told {
  try {
    return trace.run(counters);
  } catch (error) {
    (error as Error).message = `trace ${seed}, step ${trace.step}: ${(error as Error).message}`;
    throw error;
  }
}

export class Trace {
  step = 0;
  protected readonly prng: Prng;
  /** Every fourth trace sends and receives in one call. */
  readonly #inOne: boolean;
  protected readonly device: Rigs;
  protected readonly peer: Core;
  protected readonly exchange: number;
  readonly #handles: number[] = [];
  protected readonly peerHandles: number[] = [];
  readonly #toDevice: Uint8Array[] = [];
  readonly #toPeer: Uint8Array[] = [];
  protected now: number;
  #framesIn = 0;
  #framesOut = 0;
  /** The last frame of each direction, to be forged from. */
  #lastIn = new Uint8Array(60);
  #lastOut = new Uint8Array(60);

  constructor(seed: number, contenders: readonly Contender[], wasm: Uint8Array) {
    this.prng = new Prng(seed);
    this.#inOne = seed % 4 === 1;
    this.now = this.prng.chance(0.3) ? 2 ** 32 - this.prng.below(5000) : this.prng.below(100_000);
    this.device = new Rigs(contenders, MEMORY_BYTES);
    this.#boot();
    this.exchange = this.device.header("exchange");
    const { mac, address } = PEER;
    this.peer = createCore(
      wasm,
      { mac, address, connections: 6, listeners: 4, seed: this.prng.bytes(32) },
      { now: this.now >>> 0 },
    );
    for (const port of PORTS) this.peerListens(port);
  }

  run(counters: readonly Parameters<Rigs["counter"]>[0][]): Told {
    const actions = this.actions();
    for (this.step = 1; this.step <= STEPS; this.step++) {
      this.pick(actions)();
      this.#settle();
    }
    return {
      calls: this.device.calls,
      traps: this.device.traps,
      framesIn: this.#framesIn,
      framesOut: this.#framesOut,
      counters: new Map(counters.map((name) => [name, this.device.counter(name)])),
      engines: this.device.names,
    };
  }

  /** What may happen in a step; one that stands twice happens twice as often. */
  protected actions(): readonly (() => void)[] {
    return [
      () => this.#passTime(),
      () => this.#passTime(),
      () => this.#deviceActs(),
      () => this.#deviceActs(),
      () => this.#deviceActs(),
      () => this.#peerActs(),
      () => this.#peerActs(),
      () => this.#hostileFrame(),
      () => this.#hostileFrame(),
      () => this.#hostileCall(),
    ];
  }

  /** Fields of the device's configuration, besides those that every trace draws. */
  protected config(): Partial<Config> {
    return {};
  }

  /** What hosts beside the peer answer to a frame of the device; undefined: it is for the peer. */
  protected answers(_frame: Uint8Array): readonly Uint8Array[] | undefined {
    return undefined;
  }

  /** What the peer does by itself. */
  protected peerTurn(): void {}

  /** A frame of the device's that was sent last. */
  protected get lastOut(): Uint8Array {
    return this.#lastOut;
  }

  protected pick<T>(from: readonly T[]): T {
    return from[this.prng.below(from.length)] as T;
  }

  #boot(): void {
    const ring = () => 4 * (64 + this.prng.below(1500));
    const record = new Uint8Array(ConfigLayout.size);
    writeRecord(record, 0, ConfigLayout, {
      ...CONFIG_DEFAULTS,
      version: ABI_VERSION,
      bytes: ConfigLayout.size,
      flags: this.prng.chance(0.3) ? ConfigFlag.NO_TIMESTAMPS : 0,
      mac: parseMac(DEVICE.mac),
      address: parseIpv4(DEVICE.address),
      netmask: parseIpv4("255.255.255.0"),
      gateway: parseIpv4(PEER.address),
      connections: 1 + this.prng.below(4),
      listeners: 1 + this.prng.below(3),
      sendRingBytes: ring(),
      receiveRingBytes: ring(),
      synEntries: 1 + this.prng.below(4),
      timeWaitEntries: 1 + this.prng.below(4),
      reassemblyRanges: 1 + this.prng.below(4),
      arpEntries: 1 + this.prng.below(4),
      seed: this.prng.bytes(32),
      ...this.config(),
    });
    this.device.call("bytesNeeded", [STATE_BASE], { address: STATE_BASE, octets: record });
    const status = this.device.call("init", [STATE_BASE, MEMORY_BYTES, this.now >>> 0], {
      address: STATE_BASE,
      octets: record,
    });
    if (status !== Status.OK) throw new Error(`init says ${status}`);
  }

  protected call(name: keyof CoreExports, ...args: readonly number[]): number {
    const outcome = this.device.call(name, args);
    return typeof outcome === "number" ? outcome : Number.MIN_SAFE_INTEGER;
  }

  #passTime(): void {
    const deadline = this.call("deadline", this.now >>> 0);
    const isDue = deadline !== DEADLINE_NEVER && this.prng.chance(0.5);
    this.now += isDue ? deadline : this.pick(TIMES_MS);
    this.call("poll", this.now >>> 0);
    this.peer.poll(this.now >>> 0);
  }

  /** Sends and receives until both are quiet; frames meet the network's fate. */
  #settle(): void {
    const perfect = this.prng.chance(0.6);
    for (let round = 0; round < ROUNDS; round++) {
      this.#drain();
      const toDevice = this.#toDevice.splice(0);
      const toPeer = this.#toPeer.splice(0);
      if (toDevice.length + toPeer.length === 0) return;
      for (const frame of toDevice) this.#fate(frame, perfect, (frame) => this.input(frame));
      for (const frame of toPeer) this.#fate(frame, perfect, (frame) => this.#toNetwork(frame));
      this.peerTurn();
    }
  }

  #toNetwork(frame: Uint8Array): void {
    const answers = this.answers(frame);
    if (!answers) this.peer.input(frame, this.now >>> 0);
    else this.#toDevice.push(...answers.slice(0, Math.max(0, WIRE - this.#toDevice.length)));
  }

  #drain(): void {
    for (let count = 0; count < ROUNDS; count++) {
      const length = this.call("output", this.now >>> 0);
      if (length <= 0) break;
      this.#framesOut++;
      const at = this.device.header("outputSlot");
      this.#lastOut = this.device.memory.slice(at, at + length);
      if (this.#toPeer.length < WIRE) this.#toPeer.push(this.#lastOut);
    }
    for (let frame = this.peer.output(this.now >>> 0), count = 0; frame && count < ROUNDS; count++) {
      if (this.#toDevice.length < WIRE) this.#toDevice.push(frame.slice());
      frame = this.peer.output(this.now >>> 0);
    }
    for (let count = 0; count < ROUNDS && this.call("nextEvent") > 0; count++);
    for (let count = 0; count < ROUNDS && this.peer.nextEvent(); count++);
  }

  #fate(frame: Uint8Array, perfect: boolean, deliver: (frame: Uint8Array) => void): void {
    if (!perfect && this.prng.chance(0.1)) return;
    deliver(perfect || !this.prng.chance(0.1) ? frame : mutated(this.prng, frame));
    if (!perfect && this.prng.chance(0.1)) deliver(frame);
  }

  protected input(frame: Uint8Array, flags = 0): void {
    this.#framesIn++;
    this.#lastIn = frame.slice();
    const octets = frame.subarray(0, this.device.header("slotBytes"));
    this.device.call("input", [frame.length, flags, this.now >>> 0], {
      address: this.device.header("inputSlot"),
      octets,
    });
  }

  #hostileFrame(): void {
    const frame = hostileFrame(this.prng, { toDevice: this.#lastIn, fromDevice: this.#lastOut });
    const flags = this.prng.chance(0.05) ? this.prng.below(4) : 0;
    // A flood, now and then: more than is answered at once.
    for (let times = this.step % 50 === 0 ? 60 : 1; times > 0; times--) this.input(frame, flags);
  }

  /** A call as an application makes it, on a socket that it has. */
  #deviceActs(): void {
    const handle = this.#handles.length > 0 ? this.pick(this.#handles) : 0;
    const act = this.prng.below(12);
    if (handle === 0 || act === 0) this.#deviceOpens();
    else if (act <= 2) this.#accept(handle);
    else if (act <= 5) this.#write(handle);
    else if (act <= 8) this.#read(handle);
    else if (act === 9) this.#option(handle);
    else if (act === 10) this.call(this.pick(["shutdown", "close", "abort"] as const), handle);
    else this.call("linkChanged", 0, this.prng.below(2), this.now >>> 0);
  }

  #deviceOpens(): void {
    const isListener = this.prng.chance(0.5);
    const handle = this.call("open", isListener ? SocketKind.LISTENER : SocketKind.STREAM);
    if (handle <= 0) return;
    this.#handles.push(handle);
    const port = this.pick(PORTS);
    if (isListener) {
      this.endpoint("bind", handle, "0.0.0.0", port);
      this.call("listen", handle, 1 + this.prng.below(3));
    } else this.endpoint("connect", handle, this.prng.chance(0.9) ? PEER.address : "10.0.0.77", port);
  }

  protected endpoint(name: "bind" | "connect", handle: number, address: string, port: number): void {
    const octets = new Uint8Array(EndpointLayout.size);
    writeRecord<Endpoint>(octets, 0, EndpointLayout, {
      family: Family.IPV4,
      port,
      address: parseIpv4(address),
    } as Endpoint);
    this.device.call(name, [handle, this.exchange], { address: this.exchange, octets });
  }

  #accept(listener: number): void {
    const handle = this.call("accept", listener);
    if (handle > 0) this.#handles.push(handle);
  }

  #write(handle: number): void {
    if (this.#inOne) {
      this.#send(handle);
      return;
    }
    const room = this.call("sendReserve", handle);
    if (room <= 0) return;
    const length = 1 + this.prng.below(room);
    const octets = this.prng.bytes(length);
    this.device.call("sendCommit", [handle, length], {
      address: this.device.header("runPointer"),
      octets,
    });
  }

  /** Some pieces. What is sent is put in place after the call, before whichever is next. */
  #send(handle: number): void {
    for (let pieces = this.pick([1, 2, 6]); pieces > 0; pieces--) {
      const length = this.call("send", handle, this.pick([0, 300, 5000, 2 ** 32 - 1]));
      if (length <= 0) return;
      this.device.call("deadline", [this.now >>> 0], {
        address: this.device.header("runPointer"),
        octets: this.prng.bytes(length),
      });
    }
  }

  #read(handle: number): void {
    if (this.#inOne) {
      this.call("receive", handle, this.pick([0, 700, 5000, 2 ** 32 - 1]));
      return;
    }
    const there = this.call("receivePeek", handle);
    if (there > 0) this.call("receiveConsume", handle, 1 + this.prng.below(there));
  }

  #option(handle: number): void {
    const option = this.pick(Object.values(Option));
    const octets = new Uint8Array(4);
    new DataView(octets.buffer).setUint32(0, this.pick([0, 1, 50, 5000, 2 ** 24, 2 ** 32 - 1]), true);
    const length = this.pick([1, 4, 24, 96]);
    const name = this.pick(["getopt", "setopt"] as const);
    const given = { address: this.exchange, octets };
    this.device.call(name, [handle, option, this.exchange, length], given);
  }

  /** Any export but those that boot, with numbers that mean nothing. */
  #hostileCall(): void {
    const names = (Object.keys(EXPORT_ARITY) as (keyof CoreExports)[]).filter((name) => name !== "init");
    const name = this.pick(names);
    const numbers = [0, 1, 4, 65535, MEMORY_BYTES, MEMORY_BYTES - 1, 2 ** 31, 2 ** 32 - 4, ...this.#handles];
    const args = Array.from({ length: EXPORT_ARITY[name] }, () =>
      this.prng.chance(0.2) ? this.prng.next() : this.pick(numbers),
    );
    // Time is the host's: a step back or far ahead would end every connection.
    if (["input", "output", "poll", "deadline", "linkChanged", "adopt", "setAddress"].includes(name))
      args[args.length - 1] = this.now >>> 0;
    this.call(name, ...args);
  }

  protected peerListens(port: number): void {
    const handle = this.peer.open(SocketKind.LISTENER);
    this.peer.bind(handle, { address: "0.0.0.0", port });
    this.peer.listen(handle, 4);
    this.peerHandles.push(handle);
  }

  #peerActs(): void {
    try {
      this.#peerCalls();
    } catch (error) {
      // It may ask for what is not there any more.
      if (!(error instanceof CoreError)) throw error;
    }
  }

  #peerCalls(): void {
    const handle = this.pick(this.peerHandles);
    const act = this.prng.below(8);
    if (act <= 1) {
      const opened = this.peer.open(SocketKind.STREAM);
      this.peerHandles.push(opened);
      this.peer.connect(opened, { address: DEVICE.address, port: this.pick(PORTS) });
    } else if (act === 2) {
      const accepted = this.peer.accept(handle);
      if (accepted !== undefined) this.peerHandles.push(accepted);
    } else if (act <= 4) this.peer.write(handle, this.prng.bytes(1 + this.prng.below(4000)));
    else if (act <= 6) this.peer.read(handle, 1 + this.prng.below(4000));
    else if (this.prng.chance(0.5)) this.peer.shutdown(handle);
    else this.peer.close(handle);
  }
}
