// The recorder: stands between a host and its cores, and writes every call with all that crosses the boundary. Neither
// side notices. See format.ts for what is in the file.

import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { ABI_VERSION, ConfigLayout, type CoreExports, EXPORT_ARITY, Status } from "../abi.js";
import { formatIpv4 } from "../address.js";
import type { Clock } from "../clock.js";
import type { Engine, EngineFactory } from "../engines/engine.js";
import { originOf } from "../link/capture.js";
import { Direction } from "../pcapng/format.js";
import { PcapngWriter, type Sink } from "../pcapng/writer.js";
import { readRecord } from "../records.js";
import {
  CallFlag,
  EndReason,
  EXPORTS,
  FORMAT_VERSION,
  NAME_MAX,
  NOW_ARGUMENT,
  PIECE_BYTES,
  RecordType,
} from "./format.js";
import { CoreMemory, consumedBy, givenRanges, Runs, valueAfter } from "./memory.js";

/** Calls between two checksums of the state, at least. */
const CHECK_CALLS = 256;

/** Bytes of state for each such call: a checksum of 100 bytes takes far less time than a call. */
const CHECK_BYTES_PER_CALL = 100;

const CORES_MAX = 65_535;

const WARNING =
  "A recording of Ferrule cores. It holds their seeds, from which initial sequence numbers and ports can be computed, " +
  "and all payload: do not publish that of a device in use.";

export interface RecorderOptions {
  /** Gives the stamps; without it they are the time that the cores are told, which is right for virtual time. */
  readonly clock?: Clock;
  /** Ends the recording once the file has so many bytes. */
  readonly limitBytes?: number;
  /** Hears once why the sink failed. The cores go on. */
  readonly onError?: (error: Error) => void;
}

/** Why a recorder records no more. */
export type Ending = "closed" | "limit" | "error";

export class Recorder {
  readonly writer: PcapngWriter;
  /** Calls so far. */
  calls = 0;
  /** Undefined as long as it records. */
  ending: Ending | undefined;
  readonly clock: Clock | undefined;
  readonly #limitBytes: number;
  readonly #cores: RecordedCore[] = [];

  constructor(sink: Sink, options: RecorderOptions = {}) {
    this.clock = options.clock;
    this.#limitBytes = options.limitBytes ?? Number.POSITIVE_INFINITY;
    this.writer = new PcapngWriter(sink, {
      application: "Ferrule",
      comment: WARNING,
      sealed: true,
      originNs: this.clock ? originOf(this.clock) : 0n,
      onError: (error) => {
        this.ending ??= "error";
        options.onError?.(error);
      },
    });
    this.writer.begin(RecordType.RECORDING, 4);
    this.writer.put16(FORMAT_VERSION);
    this.writer.put16(ABI_VERSION);
    this.writer.endSealed();
  }

  /** Makes the engines that `factory` makes, recorded. `name`: of the core, in the file. */
  engine(factory: EngineFactory, { name }: { readonly name: string }): EngineFactory {
    return (wasm, memoryBytes) => this.wrap(factory(wasm, memoryBytes), { name, wasm });
  }

  /**
   * Records an engine that has been made of the module `wasm`, and whose memory is as the module made it. Otherwise
   * `wrote` must be called for all of it before the first call.
   */
  wrap(engine: Engine, { name, wasm }: { readonly name: string; readonly wasm: Uint8Array }): Engine {
    if (this.ending || this.#cores.length >= CORES_MAX) return engine;
    const core = new RecordedCore(this, engine, this.#cores.length, name, wasm);
    this.#cores.push(core);
    return core.wrapped;
  }

  /** Hands all that waits to the sink. */
  flush(): void {
    this.writer.flush();
  }

  /** Writes the checksums of all states, and ends the recording. The cores go on. */
  close(): void {
    this.#end("closed", EndReason.CLOSED);
  }

  /** After a call: whether there is room for another. */
  checkLimit(): void {
    if (this.writer.bytes >= this.#limitBytes) this.#end("limit", EndReason.LIMIT);
  }

  #end(ending: Ending, reason: number): void {
    if (this.ending) return;
    for (const core of this.#cores) core.writeState();
    this.ending = ending;
    this.writer.begin(RecordType.END, 8);
    this.writer.put32(this.calls);
    this.writer.put16(reason);
    this.writer.put16(0);
    this.writer.endSealed();
    this.writer.close();
  }
}

type Export = (a: number, b: number, c: number, d: number) => number;

/** An export as it is called. */
interface RecordedExport {
  readonly index: number;
  readonly name: keyof CoreExports;
  readonly run: Export;
  readonly arity: number;
  /** Which argument is the time; -1 for none. */
  readonly now: number;
}

/** What the host put into memory for a call. */
interface Given {
  readonly address: number;
  readonly octets: Uint8Array;
}

const NOTHING: readonly Given[] = [];

/** A run of the send ring that `send` gave away: the host fills it before the next call of `output`. */
interface Promised {
  readonly address: number;
  readonly length: number;
  /** CRC-32 of what is in the file of it; undefined for nothing. */
  written: number | undefined;
}

class RecordedCore {
  readonly wrapped: Engine;
  readonly #memory: CoreMemory;
  readonly #runs = new Runs();
  #promised: Promised[] = [];
  #interface: number | undefined;
  #isInitialised = false;
  /** When a call tells no time, it is that of the call before. */
  #toldMs = 0;
  #callsToCheck = CHECK_CALLS;

  constructor(
    readonly recorder: Recorder,
    readonly engine: Engine,
    readonly number: number,
    readonly name: string,
    wasm: Uint8Array,
  ) {
    this.#memory = new CoreMemory(engine.memory, engine.exports.base());
    this.#writeCore(wasm);
    const exports = { ...engine.exports };
    for (const [index, name] of EXPORTS.entries()) {
      const run = engine.exports[name] as Export;
      const call = { index, name, run, arity: EXPORT_ARITY[name], now: NOW_ARGUMENT[name] ?? -1 };
      const recorded: Export = (a, b, c, d) =>
        recorder.ending ? run(a, b, c, d) : this.#call(call, a, b, c, d);
      (exports as Record<string, unknown>)[name] = recorded;
    }
    this.wrapped = {
      name: engine.name,
      memory: engine.memory,
      exports,
      wrote: (address, length) => {
        this.#wrote(address, length);
        engine.wrote?.(address, length);
      },
    };
  }

  /** The checksum of the state after the last call, and after what the host has written since. */
  writeState(): void {
    this.#writePromised();
    const { writer, calls } = this.recorder;
    const { state } = this.#memory;
    this.#callsToCheck = Math.max(CHECK_CALLS, Math.ceil(state.length / CHECK_BYTES_PER_CALL));
    if (!this.#isInitialised) return;
    writer.begin(RecordType.STATE, 16);
    writer.put16(this.number);
    writer.put16(0);
    writer.put32(calls);
    writer.put32(state.length);
    writer.put32(crc32(state));
    writer.endSealed();
  }

  #call(call: RecordedExport, a: number, b: number, c: number, d: number): number {
    const { name } = call;
    if (call.now >= 0) this.#toldMs = (call.now === 0 ? a : call.now === 1 ? b : c) >>> 0;
    const timeMs = this.recorder.clock?.now() ?? this.#toldMs;
    this.#writePromised();
    if (name === "output") this.#promised = [];
    let given = NOTHING;
    let flags = 0;
    if (name === "input") flags = this.#frame("inputSlot", a, timeMs);
    else if (name !== "output") given = this.#given(name, a, b, c, d);
    const consumed = consumedBy(this.#memory, this.#runs, name, a, b);
    let result = 0;
    let trap: unknown;
    try {
      result = call.run(a, b, c, d);
    } catch (error) {
      trap = error;
      flags |= CallFlag.TRAPPED;
    }
    if (name === "output" && result > 0) flags |= this.#frame("outputSlot", result, timeMs);
    const value = trap === undefined ? valueAfter(this.#memory, this.#runs, name, a, result, consumed) : 0;
    if (name === "send" && result > 0)
      this.#promised.push({ address: value, length: result, written: undefined });
    const taken = name === "getopt" && result > 0 ? this.#memory.range(c, result) : undefined;
    flags |= (given.length << CallFlag.GIVEN_SHIFT) | (taken ? CallFlag.TAKEN : 0);
    const { writer } = this.recorder;
    writer.begin(RecordType.CALL, 64 + roomOf(given) + (taken?.length ?? 0));
    writer.put32(++this.recorder.calls);
    writer.put16(this.number);
    writer.put8(call.index);
    writer.put8(flags);
    writer.putStamp(timeMs);
    if (call.arity > 0) writer.put32(a);
    if (call.arity > 1) writer.put32(b);
    if (call.arity > 2) writer.put32(c);
    if (call.arity > 3) writer.put32(d);
    for (const { address, octets } of given) {
      writer.put32(address);
      writer.put32(octets.length);
      writer.putBytes(octets);
    }
    writer.put32(result);
    writer.put32(value);
    if (taken) {
      writer.put32(taken.length);
      writer.putBytes(taken);
    }
    writer.endSealed();
    this.#afterCall(name, a, result, trap);
    return result;
  }

  #afterCall(name: keyof CoreExports, handle: number, result: number, trap: unknown): void {
    if (name === "close" || name === "abort") this.#runs.forget(handle);
    else if (name === "init") {
      this.#isInitialised = result === Status.OK && this.#memory.isInitialised;
      this.#runs.clear();
      this.#promised = [];
      this.#callsToCheck = 0;
    }
    if (trap !== undefined) {
      // Whoever looks for the reason wants all that led to it, whatever becomes of this process.
      this.recorder.flush();
      throw trap;
    }
    if (--this.#callsToCheck <= 0) this.writeState();
    this.recorder.checkLimit();
  }

  /** Writes the frame in a slot; returns the call's flag for it. */
  #frame(slot: "inputSlot" | "outputSlot", length: number, timeMs: number): number {
    if (!this.#isInitialised || this.#interface === undefined) return 0;
    this.recorder.writer.packet({
      interface: this.#interface,
      timeMs,
      frame: this.#memory.slot(slot, length),
      originalLength: length >>> 0,
      direction: slot === "inputSlot" ? Direction.INBOUND : Direction.OUTBOUND,
    });
    return CallFlag.FRAME;
  }

  /** What the host has put into memory for this call. */
  #given(name: keyof CoreExports, a: number, b: number, c: number, d: number): readonly Given[] {
    if (name === "init") this.#declareInterface(a);
    const ranges = givenRanges(this.#runs, name, a, b, c, d);
    if (ranges.length === 0) return NOTHING;
    const given: Given[] = [];
    for (const [address, length] of ranges) {
      const octets = this.#memory.range(address, length);
      if (octets.length > PIECE_BYTES) this.#wrote(address >>> 0, octets.length);
      // What the call may overwrite is kept before it.
      else if (octets.length > 0) given.push({ address: address >>> 0, octets: octets.slice() });
    }
    return given;
  }

  /** Writes what the host has put by now where `send` said. */
  #writePromised(): void {
    for (const run of this.#promised) {
      const crc = crc32(this.#memory.range(run.address, run.length));
      if (crc === run.written) continue;
      run.written = crc;
      this.#writePieces(run.address, run.length);
    }
  }

  #wrote(address: number, length: number): void {
    if (this.recorder.ending) return;
    this.#writePieces(address, length);
    this.#isInitialised = this.#memory.isInitialised;
    this.recorder.checkLimit();
  }

  #writePieces(address: number, length: number): void {
    const all = this.#memory.range(address, length);
    for (let at = 0; at < all.length; at += PIECE_BYTES)
      this.#writePiece((address >>> 0) + at, all.subarray(at, at + PIECE_BYTES));
  }

  #writePiece(address: number, octets: Uint8Array): void {
    const { writer } = this.recorder;
    // Octets that are all equal stay the same when they are moved by one.
    const isFill = Buffer.compare(octets.subarray(1), octets.subarray(0, -1)) === 0;
    writer.begin(RecordType.WROTE, 12 + (isFill ? 0 : octets.length));
    writer.put16(this.number);
    writer.put8(isFill ? 1 : 0);
    writer.put8(isFill ? (octets[0] as number) : 0);
    writer.put32(address);
    writer.put32(octets.length);
    if (!isFill) writer.putBytes(octets);
    writer.endSealed();
  }

  #writeCore(wasm: Uint8Array): void {
    const { writer } = this.recorder;
    const name = Buffer.from(this.name).subarray(0, NAME_MAX);
    writer.begin(RecordType.CORE, 48 + name.length);
    writer.put16(this.number);
    writer.put16(name.length);
    writer.put32(this.engine.memory.length);
    writer.put32(wasm.length);
    writer.put16(this.engine.exports.abiVersion());
    writer.put16(0);
    writer.putBytes(sha256(wasm));
    writer.putBytes(name);
    writer.endSealed();
  }

  /** The interface of this core in the file, with the addresses of the configuration at `record`. */
  #declareInterface(record: number): void {
    if (this.#interface !== undefined) return;
    const octets = this.#memory.range(record, ConfigLayout.size);
    const known = octets.length === ConfigLayout.size;
    const { mac, address, netmask } = known ? readRecord(octets, 0, ConfigLayout) : NO_CONFIG;
    this.#interface = this.recorder.writer.addInterface({
      name: this.name,
      description: `Ferrule core ${this.number}, ${formatIpv4(address)}`,
      mac,
      ipv4: Buffer.concat([address, netmask]),
    });
  }
}

const NO_CONFIG = { mac: new Uint8Array(6), address: new Uint8Array(4), netmask: new Uint8Array(4) };

function roomOf(given: readonly Given[]): number {
  return given.reduce((room, { octets }) => room + octets.length + 12, 0);
}

const HASHES = new WeakMap<Uint8Array, Buffer>();

/** SHA-256 of a module; tests boot thousands of cores of the same. */
function sha256(wasm: Uint8Array): Buffer {
  const known = HASHES.get(wasm);
  if (known) return known;
  const hash = createHash("sha256").update(wasm).digest();
  HASHES.set(wasm, hash);
  return hash;
}
