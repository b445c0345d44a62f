// Repeats a recording on fresh cores, call by call, and compares all that comes out of them with what is written.

import { crc32 } from "node:zlib";
import { ABI_VERSION, type CoreExports, EXPORT_ARITY } from "../abi.js";
import type { Engine, EngineFactory } from "../engines/engine.js";
import { BlockType } from "../pcapng/format.js";
import { type Block, type PacketBlock, PcapngError, PcapngReader, type Source } from "../pcapng/reader.js";
import {
  type CallRecord,
  type CoreRecord,
  readCall,
  readCore,
  readEnd,
  readRecording,
  readState,
  readWrote,
} from "./blocks.js";
import { compareFrames, compareOctets, describeCall } from "./describe.js";
import { EndReason, FORMAT_VERSION, isRecordType, RecordType } from "./format.js";
import { CoreMemory, consumedBy, givenRanges, Runs, valueAfter } from "./memory.js";
import { type Broken, SealChain } from "./seal.js";

/** Linear memory of all cores of a recording, in bytes at most. */
const MEMORY_MAX = 2 ** 30;

/** Open sockets that are kept in mind for the end, at most. */
const HANDLES_MAX = 65_536;

/** A compiled core. */
export interface Module {
  readonly octets: Uint8Array;
  /** Of the octets, in hex. */
  readonly sha256: string;
}

/** A core that replays. */
export interface PlayedCore {
  readonly record: CoreRecord;
  readonly engine: Engine;
  readonly memory: CoreMemory;
  /** Handles that were given out and not given back. */
  readonly handles: Set<number>;
}

/** Where a replay is different from its recording for the first time. */
export interface Difference {
  /** Number of the call. */
  readonly call: number;
  readonly timeNs: bigint;
  /** Name of the core. */
  readonly core: string;
  /** What it is about, what was recorded, and what came, a line each. */
  readonly lines: readonly string[];
}

export interface Listener {
  /** After a call that came out as recorded. */
  onCall?(call: CallRecord, core: PlayedCore, frame: Uint8Array | undefined): void;
  onDamage?(damage: string): void;
}

/** How a replay ended. */
export type Ending =
  | { readonly kind: "end"; readonly reason: number }
  | { readonly kind: "until" | "different" }
  /** The file breaks off here, in octets. */
  | { readonly kind: "cut"; readonly offset: number }
  | { readonly kind: "unreadable"; readonly what: string };

interface Core extends PlayedCore {
  readonly runs: Runs;
}

type Export = (...args: number[]) => number;

export class Player {
  /** Calls that were repeated. */
  calls = 0;
  /** Checksums of states that were compared. */
  states = 0;
  frames = 0;
  damages = 0;
  difference: Difference | undefined;
  /** Undefined as long as there is more. */
  ending: Ending | undefined;
  readonly cores = new Map<number, Core>();
  readonly #reader: PcapngReader;
  readonly #chain = new SealChain();
  #begun = false;
  #memoryBytes = 0;
  #timeNs = 0n;
  /** The packet that the next call takes or gives. */
  #packet: PacketBlock | undefined;

  /**
   * `source`: the recording. `modules`: each core is repeated on the one that it ran on. `until`: the last call, by its number.
   * Without `anyModule` a core that ran on none of them is not replayed; with it, it is on the first one.
   */
  constructor(
    readonly source: Source,
    readonly modules: readonly Module[],
    readonly factory: EngineFactory,
    readonly options: { readonly until?: number; readonly anyModule?: boolean } & Listener = {},
  ) {
    this.#reader = new PcapngReader(source);
  }

  /** How far in the file it is, 0 to 1. */
  get progress(): number {
    return this.source.size === 0 ? 1 : this.#reader.offset / this.source.size;
  }

  /** Goes on for `blocks` blocks at most; false when it has ended. */
  run(blocks: number): boolean {
    try {
      for (let count = 0; count < blocks && !this.ending; count++) this.#step();
    } catch (error) {
      if (!(error instanceof PcapngError)) throw error;
      this.ending = { kind: "unreadable", what: error.message };
    }
    return this.ending === undefined;
  }

  #step(): void {
    if (this.options.until !== undefined && this.calls >= this.options.until) {
      this.ending = { kind: "until" };
      return;
    }
    const block = this.#reader.next();
    if (!block) {
      this.ending = { kind: "cut", offset: this.#reader.cutAt ?? this.source.size };
      return;
    }
    if (block.damage) {
      const octets = `octets ${block.offset} to ${block.offset + block.length - 1}`;
      this.#damaged(`block ${block.number} at offset ${block.offset}, ${octets}: ${block.damage}`);
    }
    const broken = this.#chain.take(block);
    if (broken) this.#damaged(this.#describeBroken(broken));
    if (broken && block.type === RecordType.WROTE)
      throw new PcapngError(
        block.offset,
        "what the host wrote into memory is damaged: no core can go on with that",
      );
    if (!this.#begun && block.type !== BlockType.SECTION) this.#begin(block);
    else if (block.type === BlockType.PACKET) this.#takePacket(block);
    else if (isRecordType(block.type)) this.#play(block);
    else if (block.type !== BlockType.SECTION && block.type !== BlockType.INTERFACE)
      this.#damaged(
        `block ${block.number} at offset ${block.offset} is of type ${hex(block.type)}, which is none of a recording`,
      );
  }

  #begin(block: Block): void {
    if (block.type !== RecordType.RECORDING)
      throw new PcapngError(
        block.offset,
        "this is a capture and no recording: only what --record wrote can be replayed",
      );
    const { version, abiVersion } = readRecording(block);
    if (version !== FORMAT_VERSION)
      throw new PcapngError(
        block.offset,
        `a recording of format ${version}; this program knows format ${FORMAT_VERSION}`,
      );
    if (abiVersion !== ABI_VERSION)
      throw new PcapngError(
        block.offset,
        `recorded with ABI version ${abiVersion}; this program speaks ${ABI_VERSION}`,
      );
    this.#begun = true;
  }

  #play(block: Block): void {
    if (block.type === RecordType.CALL) this.#call(block);
    else if (block.type === RecordType.CORE) this.#addCore(block);
    else if (block.type === RecordType.WROTE) this.#write(block);
    else if (block.type === RecordType.STATE) this.#compareState(block);
    else if (block.type === RecordType.END) this.#end(block);
    else throw new PcapngError(block.offset, "a recording begins in the middle of another");
  }

  #addCore(block: Block): void {
    const record = readCore(block);
    const module = this.#moduleOf(block, record);
    if (record.core !== this.cores.size)
      throw new PcapngError(block.offset, `core ${record.core} where core ${this.cores.size} should be`);
    this.#memoryBytes += record.memoryBytes;
    if (this.#memoryBytes > MEMORY_MAX)
      throw new PcapngError(
        block.offset,
        `the cores need ${this.#memoryBytes} bytes of memory, which is too much`,
      );
    const engine = this.#makeEngine(block, module, record.memoryBytes);
    const version = engine.exports.abiVersion();
    if (version !== ABI_VERSION)
      throw new PcapngError(
        block.offset,
        `the module speaks ABI version ${version}, this program ${ABI_VERSION}`,
      );
    const memory = new CoreMemory(engine.memory, engine.exports.base());
    this.cores.set(record.core, { record, engine, memory, handles: new Set(), runs: new Runs() });
  }

  /** The module that a core ran on. Throws PcapngError when it is not there. */
  #moduleOf({ offset }: Block, { name, moduleBytes, sha256 }: CoreRecord): Module {
    const [first] = this.modules;
    const module = this.modules.find((one) => one.sha256 === sha256) ?? (this.options.anyModule && first);
    if (module) return module;
    const ours = this.modules.map((one) => `${one.octets.length} bytes, ${one.sha256}`).join("; ");
    throw new PcapngError(
      offset,
      `core "${name}" is of another module, of ${moduleBytes} bytes with SHA-256 ${sha256} ` +
        `(known: ${ours}): name a file with --module`,
    );
  }

  #makeEngine(block: Block, { octets }: Module, memoryBytes: number): Engine {
    try {
      return this.factory(octets, memoryBytes);
    } catch (error) {
      throw new PcapngError(block.offset, `a core could not be made: ${(error as Error).message}`);
    }
  }

  #takePacket(block: Block): void {
    const packet = this.#reader.packet(block);
    if (this.#packet)
      this.#damaged(`block ${block.number} at offset ${block.offset}: two packets and no call between`);
    // The octets are valid until the next block only.
    this.#packet = { ...packet, frame: packet.frame.slice() };
  }

  #call(block: Block): void {
    const call = readCall(block);
    const core = this.#coreAt(block, call.core);
    // The number in the file has 32 bits.
    if (call.number !== (this.calls + 1) >>> 0)
      this.#damaged(
        `block ${block.number} at offset ${block.offset} is call ${call.number}; it should be ${this.calls + 1}`,
      );
    this.calls++;
    this.#timeNs = call.timeNs;
    const packet = call.hasFrame ? this.#packet : undefined;
    if (this.#packet && !packet)
      this.#damaged(
        `block ${block.number} at offset ${block.offset}: call ${call.number} has no packet, but one is there`,
      );
    this.#packet = undefined;
    if (call.hasFrame) this.frames++;
    if (call.hasFrame && !packet)
      this.#damaged(
        `block ${block.number} at offset ${block.offset}: call ${call.number} without its packet`,
      );
    this.#give(block, core, call);
    if (packet && call.name === "input") {
      const slot = core.memory.slot("inputSlot", packet.frame.length);
      slot.set(packet.frame.subarray(0, slot.length));
    }
    const lines = this.#repeat(core, call, packet?.frame);
    if (lines.length > 0) this.#different(call.number, core, [describeCall(call), ...lines]);
    else this.options.onCall?.(call, core, packet?.frame);
  }

  /** Puts into memory what the host had put there for this call, and nowhere else. */
  #give(block: Block, core: Core, { name, args, given }: CallRecord): void {
    const [a = 0, b = 0, c = 0, d = 0] = args;
    const ranges = givenRanges(core.runs, name, a, b, c, d);
    for (const { address, octets } of given) {
      if (!ranges.some(([from, length]) => from >>> 0 === address && octets.length <= length >>> 0))
        throw new PcapngError(block.offset, `${name} with ${octets.length} octets at address ${address}`);
      this.#put(block, core, address, octets);
    }
  }

  /** Makes the call; returns what is different, in lines. */
  #repeat(core: Core, call: CallRecord, frame: Uint8Array | undefined): string[] {
    const consumed = consumedBy(core.memory, core.runs, call.name, call.args[0] ?? 0, call.args[1] ?? 0);
    const run = core.engine.exports[call.name] as Export;
    let result: number;
    try {
      result = run(...call.args.slice(0, EXPORT_ARITY[call.name]));
    } catch (error) {
      if (call.trapped) return [];
      return [`recorded: ${call.result}`, `came:     a trap: ${(error as Error).message}`];
    }
    noteHandles(core, call, result);
    if (call.trapped) return ["recorded: a trap", `came:     ${result}`];
    const frames = call.name === "output" ? compareFrames(frame, outputOf(core, call, result)) : [];
    if (result !== call.result) return [`recorded: ${call.result}`, `came:     ${result}`, ...frames];
    if (frames.length > 0) return frames;
    const value = valueAfter(core.memory, core.runs, call.name, call.args[0] ?? 0, result, consumed);
    if (value !== call.value) {
      const what = VALUE_NAMES[call.name] ?? "value";
      return [`recorded: ${what} ${hex(call.value)}`, `came:     ${what} ${hex(value)}`];
    }
    if (!call.taken) return [];
    return compareOctets("the option", call.taken, core.memory.range(call.args[2] ?? 0, result));
  }

  #write(block: Block): void {
    const { core: number, address, length, octets, fill } = readWrote(block);
    const core = this.#coreAt(block, number);
    if (octets) this.#put(block, core, address, octets);
    else if (address + length > core.engine.memory.length) throw outside(block, address, length);
    else core.engine.memory.fill(fill, address, address + length);
  }

  #put(block: Block, core: Core, address: number, octets: Uint8Array): void {
    if (address + octets.length > core.engine.memory.length) throw outside(block, address, octets.length);
    core.engine.memory.set(octets, address);
  }

  #compareState(block: Block): void {
    const { core: number, call, bytes, crc } = readState(block);
    const core = this.#coreAt(block, number);
    const { state } = core.memory;
    this.states++;
    const [recorded, came] = [
      `${bytes} bytes, CRC-32 ${hex(crc)}`,
      `${state.length} bytes, CRC-32 ${hex(crc32(state))}`,
    ];
    if (recorded === came) return;
    this.#different(call, core, ["the state after it", `recorded: ${recorded}`, `came:     ${came}`]);
  }

  #end(block: Block): void {
    const { calls, reason } = readEnd(block);
    if (calls !== this.calls >>> 0)
      this.#damaged(`the recording has ${calls} calls by its end block, and ${this.calls} were found`);
    this.ending = { kind: "end", reason };
    const more = this.#reader.next();
    if (more) this.#damaged(`block ${more.number} at offset ${more.offset} stands behind the end`);
    else if (this.#reader.cutAt !== undefined)
      this.#damaged(`octets behind the end, from offset ${this.#reader.cutAt} on`);
    if (reason > EndReason.LIMIT) this.#damaged(`it ended for reason ${reason}, which there is not`);
  }

  #coreAt(block: Block, number: number): Core {
    const core = this.cores.get(number);
    if (!core) throw new PcapngError(block.offset, `a block of core ${number}, which there is not`);
    return core;
  }

  #different(call: number, core: Core, lines: readonly string[]): void {
    this.difference = { call, timeNs: this.#timeNs, core: core.record.name, lines };
    this.ending = { kind: "different" };
  }

  #damaged(what: string): void {
    this.damages++;
    this.options.onDamage?.(what);
  }

  #describeBroken({ first, last }: Broken): string {
    const where = ({ number, offset, type }: Block) =>
      `block ${number} (${kindOf(type)}) at offset ${offset}`;
    const range = first === last ? where(last) : `${where(first)} to ${where(last)}`;
    const octets = `octets ${first.offset} to ${last.offset + last.length - 1}`;
    return `${range}, ${octets}, after call ${this.calls}: the checksum says that something in it was changed`;
  }
}

const VALUE_NAMES: Readonly<Partial<Record<keyof CoreExports, string>>> = {
  sendReserve: "run at",
  receivePeek: "run at",
  receiveConsume: "octets with CRC-32",
  send: "run at",
  receive: "octets with CRC-32",
  nextEvent: "events",
};

/** The frame that came out of `output`, as far as one was recorded or came. */
function outputOf(core: Core, call: CallRecord, result: number): Uint8Array | undefined {
  return result > 0 && (call.hasFrame || call.result <= 0)
    ? core.memory.slot("outputSlot", result)
    : undefined;
}

function noteHandles(core: Core, { name, args, result: recorded }: CallRecord, result: number): void {
  const [handle = 0] = args;
  if (name === "close" || name === "abort") {
    core.handles.delete(handle);
    core.runs.forget(handle);
  } else if (name === "init") {
    core.handles.clear();
    core.runs.clear();
  } else if ((name === "open" || name === "accept") && result > 0 && recorded === result)
    if (core.handles.size < HANDLES_MAX) core.handles.add(result);
}

const KINDS: Readonly<Record<number, string>> = {
  [BlockType.SECTION]: "head of the file",
  [BlockType.INTERFACE]: "interface",
  [BlockType.PACKET]: "frame",
  [RecordType.RECORDING]: "head of the recording",
  [RecordType.CORE]: "new core",
  [RecordType.CALL]: "call",
  [RecordType.WROTE]: "memory that was written",
  [RecordType.STATE]: "checksum of a state",
  [RecordType.END]: "end",
};

function kindOf(type: number): string {
  return KINDS[type] ?? `type ${hex(type)}`;
}

function outside(block: Block, address: number, length: number): PcapngError {
  return new PcapngError(
    block.offset,
    `${length} octets at address ${address}, which is outside the core's memory`,
  );
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
