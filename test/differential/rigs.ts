// The same core on several engines at once: every call is made on all of them, and all that it leaves behind must be the
// same, bit for bit. The first engine is the one that the others are compared with.

import { type CoreExports, Counter, STATE_BASE, StateHeaderLayout } from "../../host/abi.js";
import type { Engine, EngineFactory } from "../../host/engines/engine.js";

/** An engine and the module that it executes. */
export interface Contender {
  readonly label: string;
  readonly factory: EngineFactory;
  readonly wasm: Uint8Array;
}

/** Octets that a host puts into memory before a call. */
export interface Given {
  readonly address: number;
  readonly octets: Uint8Array;
}

/** What a call came to: its result, or the kind of its trap. */
export type Outcome = number | string;

/** Two engines do not agree; the message says where for the first time. */
export class Difference extends Error {
  override readonly name = "Difference";
}

/** Octets of both sides that a message shows. */
const SHOWN = 8;

interface Rig extends Contender {
  readonly engine: Engine;
}

export class Rigs {
  calls = 0;
  traps = 0;
  readonly #rigs: readonly Rig[];
  readonly #lead: Rig;

  /** Every engine gets `memoryBytes` bytes, whole pages: V8 has no finer limit. */
  constructor(contenders: readonly Contender[], memoryBytes: number) {
    this.#rigs = contenders.map((one) => ({ ...one, engine: one.factory(one.wasm, memoryBytes) }));
    this.#lead = this.#rigs[0] as Rig;
    for (const { label, engine } of this.#rigs)
      if (engine.memory.length !== memoryBytes)
        throw new Error(`${label} has ${engine.memory.length} bytes of memory, not ${memoryBytes}`);
  }

  /** Names of the engines that execute. */
  get names(): readonly string[] {
    return this.#rigs.map(({ engine }) => engine.name);
  }

  /** Linear memory of the first engine; after a call it is that of all. */
  get memory(): Uint8Array {
    return this.#lead.engine.memory;
  }

  /** A 32-bit word of the head of the state. */
  header(field: keyof typeof StateHeaderLayout.fields): number {
    return word(this.memory, STATE_BASE + StateHeaderLayout.fields[field].offset);
  }

  /** A counter by name; 0 before `init`. */
  counter(name: Exclude<keyof typeof Counter, "COUNT">): number {
    return word(this.memory, this.header("counters") + 4 * Counter[name]);
  }

  /** Makes a call on all engines, and compares results, traps and memory. Throws Difference. */
  call(name: keyof CoreExports, args: readonly number[], ...given: readonly Given[]): Outcome {
    this.calls++;
    const outcomes = this.#rigs.map(({ engine }) => {
      for (const { address, octets } of given) engine.memory.set(octets, address);
      return outcomeOf(engine, name, args);
    });
    const [wanted, ...others] = outcomes as [Outcome, ...Outcome[]];
    for (const [index, outcome] of others.entries())
      if (outcome !== wanted)
        this.#differ(name, args, index + 1, `${this.#lead.label} says ${wanted}`, `says ${outcome}`);
    if (typeof wanted === "string") this.traps++;
    this.#compareMemory(name, args);
    return wanted;
  }

  /** From address 0 to the end of the state: constant data, scratch, frame slots, counters and rings are in it. */
  #compareMemory(name: keyof CoreExports, args: readonly number[]): void {
    const end = Math.min(STATE_BASE + this.header("stateBytes"), this.memory.length);
    const wanted = this.memory.subarray(0, end);
    for (const [index, { engine }] of this.#rigs.entries()) {
      const came = engine.memory.subarray(0, end);
      if (index === 0 || Buffer.compare(wanted, came) === 0) continue;
      const at = wanted.findIndex((octet, at) => octet !== came[at]);
      const show = (memory: Uint8Array) => Buffer.from(memory.subarray(at, at + SHOWN)).toString("hex");
      this.#differ(
        name,
        args,
        index,
        `${this.#lead.label} has ${show(wanted)} at ${this.#place(at)}`,
        `has ${show(came)}`,
      );
    }
  }

  #differ(name: string, args: readonly number[], index: number, wanted: string, came: string): never {
    const { label } = this.#rigs[index] as Rig;
    throw new Difference(`call ${this.calls}, ${name}(${args.join(", ")}): ${wanted}, ${label} ${came}`);
  }

  /** What lies at an address, in words. */
  #place(at: number): string {
    const offset = at - STATE_BASE;
    const head = Object.entries(StateHeaderLayout.fields).find(
      ([, field]) => offset >= field.offset && offset < field.offset + 4,
    );
    if (offset < 0) return `${at}, below the state`;
    if (offset < StateHeaderLayout.size && head) return `StateHeader.${head[0]}`;
    const index = Math.floor((at - this.header("counters")) / 4);
    const counter = Object.entries(Counter).find(([name, value]) => value === index && name !== "COUNT");
    if (counter) return `counter ${counter[0]}`;
    const slots = ["inputSlot", "outputSlot"] as const;
    const slot = slots.find(
      (name) => at >= this.header(name) && at < this.header(name) + this.header("slotBytes"),
    );
    return slot ? `octet ${at - this.header(slot)} of the ${slot}` : `state + ${offset}`;
  }
}

function outcomeOf({ exports }: Engine, name: keyof CoreExports, args: readonly number[]): Outcome {
  try {
    return (exports[name] as (...args: readonly number[]) => number)(...args);
  } catch (error) {
    const { name: kind, message } = error as Error;
    if (kind !== "RuntimeError") throw error;
    return `trap: ${trapKind(message)}`;
  }
}

/** Engines call the same trap by different names. */
function trapKind(message: string): string {
  if (/out of bounds/.test(message)) return "out of bounds";
  if (/unreachable/.test(message)) return "unreachable";
  if (/divi/.test(message)) return "division by zero";
  return message;
}

function word(memory: Uint8Array, at: number): number {
  return new DataView(memory.buffer, memory.byteOffset + at, 4).getUint32(0, true);
}
