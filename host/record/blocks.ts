// The blocks of a recording as they are read; format.ts says what is in them.

import { type CoreExports, EXPORT_ARITY } from "../abi.js";
import { padded } from "../pcapng/format.js";
import { type Block, PcapngError } from "../pcapng/reader.js";
import { CallFlag, EXPORTS } from "./format.js";

export interface CoreRecord {
  readonly core: number;
  readonly name: string;
  /** Linear memory in bytes. */
  readonly memoryBytes: number;
  readonly moduleBytes: number;
  readonly abiVersion: number;
  /** SHA-256 of the module, in hex digits. */
  readonly sha256: string;
}

export interface GivenRange {
  readonly address: number;
  readonly octets: Uint8Array;
}

export interface CallRecord {
  readonly number: number;
  readonly core: number;
  readonly name: keyof CoreExports;
  readonly timeNs: bigint;
  readonly args: readonly number[];
  readonly given: readonly GivenRange[];
  readonly trapped: boolean;
  readonly hasFrame: boolean;
  readonly result: number;
  readonly value: number;
  /** What getopt wrote, or undefined. */
  readonly taken: Uint8Array | undefined;
}

export interface WroteRecord {
  readonly core: number;
  readonly address: number;
  readonly length: number;
  /** The octets, or the one that all of them are. */
  readonly octets: Uint8Array | undefined;
  readonly fill: number;
}

export interface StateRecord {
  readonly core: number;
  readonly call: number;
  readonly bytes: number;
  readonly crc: number;
}

/** Reads a RECORDING: its version of the format, and the host's of the ABI. Throws PcapngError when it is too short. */
export function readRecording(block: Block): { version: number; abiVersion: number } {
  const fields = new Fields(block);
  return { version: fields.u16(), abiVersion: fields.u16() };
}

/** Reads a CORE. Throws PcapngError when it is too short, as the functions below do. */
export function readCore(block: Block): CoreRecord {
  const fields = new Fields(block);
  const core = fields.u16();
  const nameBytes = fields.u16();
  const memoryBytes = fields.u32();
  const moduleBytes = fields.u32();
  const abiVersion = fields.u16();
  fields.u16();
  const sha256 = Buffer.from(fields.octets(32)).toString("hex");
  const name = Buffer.from(fields.octets(nameBytes)).toString();
  return { core, name, memoryBytes, moduleBytes, abiVersion, sha256 };
}

/** Reads a CALL. */
export function readCall(block: Block): CallRecord {
  const fields = new Fields(block);
  const number = fields.u32();
  const core = fields.u16();
  const index = fields.u8();
  const name = EXPORTS[index];
  if (name === undefined)
    throw new PcapngError(block.offset, `call ${number} is of export ${index}, which there is not`);
  const flags = fields.u8();
  const timeNs = (BigInt(fields.u32()) << 32n) | BigInt(fields.u32());
  const args: number[] = [];
  while (args.length < EXPORT_ARITY[name]) args.push(fields.i32());
  const given: GivenRange[] = [];
  for (let count = (flags >> CallFlag.GIVEN_SHIFT) & CallFlag.GIVEN_MASK; count > 0; count--) {
    const address = fields.u32();
    given.push({ address, octets: fields.octets(fields.u32()) });
  }
  const result = fields.i32();
  const value = fields.u32();
  const taken = flags & CallFlag.TAKEN ? fields.octets(fields.u32()) : undefined;
  const [trapped, hasFrame] = [(flags & CallFlag.TRAPPED) !== 0, (flags & CallFlag.FRAME) !== 0];
  return { number, core, name, timeNs, args, given, trapped, hasFrame, result, value, taken };
}

/** Reads a WROTE. */
export function readWrote(block: Block): WroteRecord {
  const fields = new Fields(block);
  const core = fields.u16();
  const isFill = fields.u8() !== 0;
  const fill = fields.u8();
  const address = fields.u32();
  const length = fields.u32();
  return { core, address, length, octets: isFill ? undefined : fields.octets(length), fill };
}

/** Reads a STATE. */
export function readState(block: Block): StateRecord {
  const fields = new Fields(block);
  const core = fields.u16();
  fields.u16();
  return { core, call: fields.u32(), bytes: fields.u32(), crc: fields.u32() };
}

/** Reads an END: how many calls there were, and why it ended. */
export function readEnd(block: Block): { calls: number; reason: number } {
  const fields = new Fields(block);
  return { calls: fields.u32(), reason: fields.u16() };
}

/** The fields of a block's body, one after another. The CRC-32 at its end is none of them. */
class Fields {
  readonly #view: DataView;
  readonly #end: number;
  #at = 0;

  constructor(readonly block: Block) {
    const { body } = block;
    this.#view = new DataView(body.buffer, body.byteOffset, body.length);
    this.#end = body.length - 4;
  }

  u8(): number {
    return this.#view.getUint8(this.#next(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#next(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#next(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#next(4), true);
  }

  octets(length: number): Uint8Array {
    const at = this.#next(padded(Math.min(length, this.block.length)));
    if (length > this.#end - at) throw this.#tooShort();
    return this.block.body.subarray(at, at + length);
  }

  #next(length: number): number {
    const at = this.#at;
    if (at + length > this.#end) throw this.#tooShort();
    this.#at += length;
    return at;
  }

  #tooShort(): PcapngError {
    return new PcapngError(
      this.block.offset,
      `a block of ${this.block.length} octets is too short for what it says`,
    );
  }
}
