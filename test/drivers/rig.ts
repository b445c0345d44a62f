// A driver, compiled to a library, on a model of its chip, in virtual time: what a device's loop does with a network
// device, and what may go wrong between the driver and the chip. Each call is checked for what spi.h and netdev.h promise.

import { join } from "node:path";
import koffi from "koffi";
import type { ChipClock, SpiChip } from "../../host/chips/chip.js";
import { Enc28j60 } from "../../host/chips/enc28j60.js";
import { type ChipModel, chipClock } from "../../host/chips/model.js";
import { W5500 } from "../../host/chips/w5500.js";
import { addressOf } from "../../host/engines/library.js";
import { VirtualClock } from "../../host/sim/clock.js";
import { DRIVERS_LIBRARY } from "../../scripts/drivers.mjs";
import { FarEnd, OWN } from "../chips/support.js";
import { root } from "../report/tools.js";

export type ChipName = "w5500" | "enc28j60";
export const CHIPS: readonly ChipName[] = ["w5500", "enc28j60"];

const KIND = { w5500: 0, enc28j60: 1 } as const;

/** `struct ferrule_netdev_statistics` of netdev.h. */
const STATISTICS = [
  "received",
  "sent",
  "receiveErrors",
  "receiveOverruns",
  "sendLosses",
  "nonsense",
  "restarts",
  "missedInterrupts",
] as const;
export type Statistics = Record<(typeof STATISTICS)[number], number>;

/** FERRULE_NETDEV_HEADROOM and FERRULE_NETDEV_TAIL. */
const HEADROOM = 14;
const TAIL = 4;
/** Octets around those that nobody may write. */
const MARGIN = 66;
const MARK = 0xc9;
/** Room for the longest frame without a VLAN tag. */
export const ROOM = 1514;

/** `struct port` of library.c. */
const COMMAND_AT = 16;
const DATA_AT = 32;
const PORT_OCTETS = DATA_AT + 4096;
const Word = { NOW_MS: 0, INTERRUPT: 1, MISPLACED: 2 } as const;

/** Frames that a device's loop takes and gives in one turn: FRAMES_PER_POLL of boards/runtime/ferrule.c. */
const FRAMES_PER_POLL = 16;
/** What the processor takes for a turn, in milliseconds. */
const TURN_MS = 0.02;

export interface RigOptions {
  readonly timing?: "wire" | "instant";
  /** Whether the interrupt line and the reset line are wired. Default: both. */
  readonly interrupt?: boolean;
  readonly reset?: boolean;
  /** Hertz of SPI with "wire" timing. */
  readonly spiHz?: number;
}

type Transact = (isWrite: number, commandOctets: number, octets: number) => number;

const library = () => {
  const loaded = koffi.load(join(root, DRIVERS_LIBRARY));
  const word = "uint32_t";
  const address = "uintptr_t";
  return {
    start: loaded.func("drivers_start", "void", [
      word,
      address,
      TRANSACT_POINTER,
      RESET_POINTER,
      word,
      word,
      address,
    ]),
    receive: loaded.func("drivers_receive", word, [address, word]),
    hasRoom: loaded.func("drivers_has_room", word, []),
    send: loaded.func("drivers_send", "void", [address, word]),
    link: loaded.func("drivers_link", word, []),
    dueMs: loaded.func("drivers_due_ms", word, []),
    setMac: loaded.func("drivers_set_mac", "void", [address]),
    setGroups: loaded.func("drivers_set_groups", word, [address, word]),
    statistic: loaded.func("drivers_statistic", word, [word]),
    callTransactions: loaded.func("drivers_call_transactions", word, []),
  };
};

const TRANSACT_POINTER = koffi.pointer(
  koffi.proto("drivers_transact", "uint32_t", ["uint32_t", "uint32_t", "uint32_t"]),
);
const RESET_POINTER = koffi.pointer(koffi.proto("drivers_reset", "void", ["uint32_t"]));

let loaded: ReturnType<typeof library> | undefined;
/** The functions that C calls: registered once, they lead to the present rig. */
let callbacks: { readonly transact: bigint; readonly reset: bigint } | undefined;
let present: Rig | undefined;

export function newChip(name: ChipName, clock: ChipClock, timing: "wire" | "instant"): W5500 | Enc28j60 {
  return name === "w5500" ? new W5500({ clock, timing }) : new Enc28j60({ clock, timing });
}

/** One at a time: making another ends the one before. */
export class Rig {
  readonly clock = new VirtualClock();
  readonly chip: W5500 | Enc28j60;
  readonly far = new FarEnd();
  /** Frames that the driver gave, with the lengths it said. */
  readonly got: Uint8Array[] = [];
  /** Frames that the device wants to send. */
  readonly toSend: Uint8Array[] = [];
  /** Fault: transactions of which the bus says that they failed; those that write have reached the chip, or not. */
  failing: () => boolean = () => false;
  /** Fault: what the driver reads in place of what the chip drove. */
  noise: ((octet: number) => number) | undefined;
  /** Nothing of the chip is heard or said. */
  isDeaf = false;
  /** Errors of the model that count as silence. */
  tolerates: (error: unknown) => boolean = () => false;
  transactions = 0;
  octets = 0;
  /** Most transactions of one call so far. */
  mostTransactions = 0;
  linkChanges = 0;
  turns = 0;
  readonly #c: ReturnType<typeof library>;
  readonly #words: Uint32Array;
  readonly #command: Uint8Array;
  readonly #data: Uint8Array;
  readonly #frame: Uint8Array;
  readonly #frameAt: number;
  readonly #sent = new Uint8Array(2048);
  readonly #port = new Uint8Array(new ArrayBuffer(PORT_OCTETS));
  readonly #octetMs: number;
  readonly #limit: number;
  #isLinked = false;
  /** The interrupt line became active since the program slept last. */
  #isWoken = false;
  #problem: unknown;

  constructor(name: ChipName, options: RigOptions = {}) {
    const { timing = "instant", interrupt = true, reset = true, spiHz = 20e6 } = options;
    loaded ??= library();
    callbacks ??= {
      transact: koffi.register(
        ((isWrite, command, octets) => (present as Rig).transact(isWrite !== 0, command, octets)) as Transact,
        TRANSACT_POINTER,
      ),
      reset: koffi.register((active: number) => (present as Rig).reset(active !== 0), RESET_POINTER),
    };
    present = this;
    this.#c = loaded;
    this.#octetMs = timing === "wire" ? 8000 / spiHz : 0;
    this.chip = newChip(name, chipClock(this.clock), timing);
    this.chip.attach(this.far);
    this.chip.onInterrupt = () => this.#followInterrupt();
    this.#words = new Uint32Array(this.#port.buffer, 0, COMMAND_AT / 4);
    this.#command = this.#port.subarray(COMMAND_AT, DATA_AT);
    this.#data = this.#port.subarray(DATA_AT);
    // A frame is at 2 modulo 4.
    const memory = new Uint8Array(MARGIN + HEADROOM + 2048 + MARGIN + 4);
    const offset = (2 - ((addressOf(memory) + MARGIN + HEADROOM) % 4) + 4) % 4;
    this.#frame = memory.subarray(offset);
    this.#frameAt = addressOf(memory) + offset + MARGIN + HEADROOM;
    this.#tick();
    this.#c.start(
      KIND[name],
      addressOf(this.#port),
      callbacks.transact,
      callbacks.reset,
      Number(interrupt),
      Number(reset),
      addressOf(Uint8Array.from(OWN)),
    );
    this.#limit = this.#c.callTransactions();
  }

  get statistics(): Statistics {
    const values = STATISTICS.map((name, index) => [name, this.#c.statistic(index)]);
    return Object.fromEntries(values) as Statistics;
  }

  get isLinked(): boolean {
    return this.#isLinked;
  }

  /** Milliseconds of virtual time. */
  now(): number {
    return this.clock.now();
  }

  /** The next frame that the driver gives, or undefined; what is longer than `room` is cut. */
  receive(room = ROOM): { readonly length: number; readonly octets: Uint8Array } | undefined {
    const frame = this.#frame;
    frame.fill(MARK);
    const length = this.#call(() => this.#c.receive(this.#frameAt, room));
    const start = MARGIN + HEADROOM;
    this.#expectMarks(frame.subarray(0, MARGIN), "before the headroom");
    this.#expectMarks(frame.subarray(start + room + TAIL), "behind the tail");
    if (length === 0) return undefined;
    if (length < 14 || length > 1518) throw new Error(`receive gave a length of ${length}`);
    return { length, octets: frame.slice(start, start + Math.min(length, room)) };
  }

  hasRoom(): boolean {
    return this.#call(() => this.#c.hasRoom()) !== 0;
  }

  send(frame: Uint8Array): void {
    this.#sent.set(frame);
    this.#call(() => this.#c.send(addressOf(this.#sent), frame.length));
  }

  link(): boolean {
    return this.#call(() => this.#c.link()) !== 0;
  }

  dueMs(): number {
    return this.#call(() => this.#c.dueMs());
  }

  setMac(mac: readonly number[]): void {
    this.#call(() => this.#c.setMac(addressOf(Uint8Array.from(mac))));
  }

  setGroups(groups: readonly (readonly number[])[]): boolean {
    const octets = Uint8Array.from(groups.length > 0 ? groups.flat() : [0]);
    return this.#call(() => this.#c.setGroups(addressOf(octets), groups.length)) !== 0;
  }

  /** A turn of the device's loop: ferrule_poll. */
  turn(): void {
    this.turns++;
    const isLinked = this.link();
    if (isLinked !== this.#isLinked) this.linkChanges++;
    this.#isLinked = isLinked;
    for (let taken = 0; taken < FRAMES_PER_POLL; taken++) {
      const frame = this.receive();
      if (!frame) break;
      this.got.push(frame.octets);
    }
    for (let given = 0; given < FRAMES_PER_POLL && this.toSend.length > 0; given++) {
      if (!this.hasRoom()) break;
      this.send(this.toSend.shift() as Uint8Array);
    }
  }

  /** Lets the device run until `done()`, for at most `ms` milliseconds; returns whether it was done. */
  runUntil(done: () => boolean, ms: number): boolean {
    const end = this.now() + ms;
    while (this.now() < end) {
      this.turn();
      if (done()) return true;
      this.#sleep(Math.min(this.#sleepMs(), end - this.now()));
    }
    return done();
  }

  run(ms: number): void {
    this.runUntil(() => false, ms);
  }

  /** Until the link is up, 3 s at most. */
  up(): this {
    if (!this.runUntil(() => this.#isLinked, 3000)) throw new Error("the link did not come up");
    return this;
  }

  /** The driver's transaction. False: it failed. */
  transact(isWrite: boolean, commandOctets: number, octets: number): number {
    this.transactions++;
    this.octets += commandOctets + octets;
    try {
      const isFailing = this.failing();
      if (!this.isDeaf) this.#exchange(isWrite, commandOctets, octets);
      if (this.noise && !isWrite) this.#disturb(octets);
      return isFailing ? 0 : 1;
    } catch (error) {
      // It must not go through C.
      if (!this.tolerates(error)) this.#problem ??= error;
      this.chip.select(false);
      return 0;
    }
  }

  /** Fault: the level of the interrupt line, whatever the chip does, until that changes it. */
  interruptLevel(isActive: boolean): void {
    if (isActive) this.#isWoken = true;
    this.#words[Word.INTERRUPT] = Number(isActive);
  }

  reset(active: boolean): void {
    try {
      if (!this.isDeaf) this.chip.reset(active);
      this.#followInterrupt();
    } catch (error) {
      this.#problem ??= error;
    }
  }

  #exchange(isWrite: boolean, commandOctets: number, octets: number): void {
    const { chip } = this;
    const data = this.#data;
    chip.select(true);
    for (let i = 0; i < commandOctets; i++) this.#passed(chip.transfer(this.#command[i] as number));
    for (let i = 0; i < octets; i++) {
      const answer = this.#passed(chip.transfer(isWrite ? (data[i] as number) : 0));
      if (!isWrite) data[i] = answer;
    }
    // What DMA writes beyond.
    if (!isWrite) data.fill(0xee, octets, octets + 4);
    chip.select(false);
    this.#passed(0);
  }

  #disturb(octets: number): void {
    const noise = this.noise as (octet: number) => number;
    for (let i = 0; i < octets; i++) this.#data[i] = noise(this.#data[i] as number);
  }

  /** An octet's time on the bus has passed. */
  #passed(octet: number): number {
    if (this.#octetMs > 0) {
      this.clock.advance(this.#octetMs);
      this.#tick();
    }
    return octet;
  }

  #tick(): void {
    this.#words[Word.NOW_MS] = Math.floor(this.clock.now()) % 2 ** 32;
  }

  #followInterrupt(): void {
    this.interruptLevel((this.chip as SpiChip).interrupt);
  }

  #sleepMs(): number {
    const due = this.dueMs();
    // What waits for room is tried again after a millisecond: NO_ROOM_MS of boards/runtime/ferrule.c.
    return Math.max(TURN_MS, this.toSend.length > 0 ? Math.min(1, due) : due);
  }

  /** Until the interrupt line becomes active, for at most `ms` milliseconds. */
  #sleep(ms: number): void {
    this.clock.runUntil(() => this.#isWoken, ms);
    if (this.#isWoken) this.clock.advance(TURN_MS);
    this.#isWoken = false;
    this.#tick();
  }

  #call<T>(call: () => T): T {
    if (present !== this) throw new Error("another rig was made meanwhile");
    const before = this.transactions;
    const result = call();
    const made = this.transactions - before;
    this.mostTransactions = Math.max(this.mostTransactions, made);
    const problem = this.#problem;
    this.#problem = undefined;
    if (problem) throw problem;
    if (made > this.#limit) throw new Error(`a call made ${made} transactions, ${this.#limit} are allowed`);
    if ((this.#words[Word.MISPLACED] as number) > 0) throw new Error("data did not lie as spi.h says");
    return result;
  }

  #expectMarks(octets: Uint8Array, where: string): void {
    const at = octets.findIndex((octet) => octet !== MARK);
    if (at >= 0) throw new Error(`an octet ${where} was written: ${octets.subarray(at, at + 8)}`);
  }
}

export type { ChipModel };
