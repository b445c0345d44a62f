// What recorder and replay read of a core's memory. Addresses that the core tells are checked before they are used.

import { crc32 } from "node:zlib";
import {
  ConfigLayout,
  type CoreExports,
  EndpointLayout,
  EXCHANGE_BYTES,
  InterfaceAddressLayout,
  STATE_MAGIC,
  StateHeaderLayout,
  Status,
} from "../abi.js";

type HeaderField = keyof typeof StateHeaderLayout.fields;

/** A view on one core's memory. It holds nothing of the core's: all is read when it is asked for. */
export class CoreMemory {
  readonly #view: DataView;

  /** `base`: where the state begins. */
  constructor(
    readonly octets: Uint8Array,
    readonly base: number,
  ) {
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  }

  /** Whether `init` has succeeded. */
  get isInitialised(): boolean {
    return this.#word("magic") === STATE_MAGIC;
  }

  /** Octets of `length` from `address` on, as far as there is memory. */
  range(address: number, length: number): Uint8Array {
    const from = Math.min(address >>> 0, this.octets.length);
    return this.octets.subarray(from, Math.min(from + (length >>> 0), this.octets.length));
  }

  /** The first `length` octets of a slot, at most as many as it holds. */
  slot(name: "inputSlot" | "outputSlot", length: number): Uint8Array {
    return this.range(this.#word(name), Math.min(length >>> 0, this.#word("slotBytes")));
  }

  /** After sendReserve, receivePeek, send and receive. */
  get runPointer(): number {
    return this.#word("runPointer");
  }

  /** After nextEvent. */
  get eventMask(): number {
    return this.#word("eventMask");
  }

  /** Address of the exchange area, or 0 when it lies outside memory. */
  get exchange(): number {
    const address = this.#word("exchange");
    return address + EXCHANGE_BYTES <= this.octets.length ? address : 0;
  }

  /** All of the state. */
  get state(): Uint8Array {
    return this.isInitialised ? this.range(this.base, this.#word("stateBytes")) : this.octets.subarray(0, 0);
  }

  #word(field: HeaderField): number {
    return this.#view.getUint32(this.base + StateHeaderLayout.fields[field].offset, true);
  }
}

interface Run {
  address: number;
  length: number;
}

/** Of which ring: what sendReserve found, or receivePeek. */
type Ring = "send" | "receive";

/** Where the runs are that sendReserve and receivePeek found last, by handle. */
export class Runs {
  readonly #runs = { send: new Map<number, Run>(), receive: new Map<number, Run>() };

  set(ring: Ring, handle: number, address: number, length: number): void {
    const run = this.#runs[ring].get(handle);
    if (!run) this.#runs[ring].set(handle, { address, length });
    else {
      run.address = address;
      run.length = length;
    }
  }

  get(ring: Ring, handle: number): Readonly<Run> | undefined {
    return this.#runs[ring].get(handle);
  }

  /** The run was used up; without a ring: the handle was given back. */
  forget(handle: number, ring?: Ring): void {
    if (ring !== "receive") this.#runs.send.delete(handle);
    if (ring !== "send") this.#runs.receive.delete(handle);
  }

  clear(): void {
    this.#runs.send.clear();
    this.#runs.receive.clear();
  }
}

type Range = readonly [address: number, length: number];

const NO_RANGES: readonly Range[] = [];

/** Where the host puts what it gives to a call, by the documentation of the exports. */
export function givenRanges(
  runs: Runs,
  name: keyof CoreExports,
  a: number,
  b: number,
  c: number,
  d: number,
): readonly Range[] {
  switch (name) {
    case "init":
    case "bytesNeeded":
      return [[a, ConfigLayout.size]];
    case "setAddress":
      return [[a, InterfaceAddressLayout.size]];
    case "bind":
    case "connect":
      return [[b, EndpointLayout.size]];
    case "setopt":
    case "getopt":
      return [[c, d]];
    case "sendTo":
      return [
        [b, EndpointLayout.size],
        [c, d],
      ];
    case "sendCommit": {
      const run = runs.get("send", a);
      return run ? [[run.address, Math.min(run.length, b >>> 0)]] : NO_RANGES;
    }
    default:
      return NO_RANGES;
  }
}

/** Before a receiveConsume: the CRC-32 of the octets that it takes. 0 for other calls. */
export function consumedBy(
  memory: CoreMemory,
  runs: Runs,
  name: keyof CoreExports,
  handle: number,
  length: number,
): number {
  if (name !== "receiveConsume") return 0;
  const run = runs.get("receive", handle);
  return run ? crc32(memory.range(run.address, Math.min(run.length, length >>> 0))) : 0;
}

/** `value` of a CALL, once the call has returned `result`. Keeps the run that it found. */
export function valueAfter(
  memory: CoreMemory,
  runs: Runs,
  name: keyof CoreExports,
  handle: number,
  result: number,
  consumed: number,
): number {
  if (name === "sendReserve" || name === "receivePeek") {
    if (result < 0) return 0;
    runs.set(name === "sendReserve" ? "send" : "receive", handle, memory.runPointer, result);
    return memory.runPointer;
  }
  if (name === "send" || name === "receive") {
    if (result <= 0) return 0;
    // What sendReserve or receivePeek found before is used up.
    runs.forget(handle, name);
    return name === "send" ? memory.runPointer : crc32(memory.range(memory.runPointer, result));
  }
  if (name === "nextEvent") return result > 0 ? memory.eventMask : 0;
  return result === Status.OK ? consumed : 0;
}
