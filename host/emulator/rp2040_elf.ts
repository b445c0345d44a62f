// Symbols of a firmware's ELF file (32 bits, little-endian): System V ABI, chapter 4.

import { readFileSync } from "node:fs";
import { Advice } from "../advice.js";

const SECTION_SYMBOLS = 2;
const SYMBOL_BYTES = 16;
const FUNCTION = 2;

interface Function {
  readonly name: string;
  readonly start: number;
  readonly bytes: number;
}

export class ElfSymbols {
  readonly #values = new Map<string, number>();
  readonly #functions: Function[] = [];

  /** Throws Advice when there is no such file, or it is none. */
  constructor(path: string) {
    const file = read(path);
    const isElf = file.length > 52 && file.readUInt32BE(0) === 0x7f454c46 && file.readUInt16BE(4) === 0x0101;
    if (!isElf) throw new Advice(`${path} is no ELF file of 32 bits, little-endian`);
    const sections = file.readUInt32LE(32);
    const sectionBytes = file.readUInt16LE(46);
    for (let index = 0; index < file.readUInt16LE(48); index++) {
      const at = sections + index * sectionBytes;
      if (file.readUInt32LE(at + 4) !== SECTION_SYMBOLS) continue;
      const names = file.readUInt32LE(sections + file.readUInt32LE(at + 24) * sectionBytes + 16);
      this.#readSymbols(file, file.readUInt32LE(at + 16), file.readUInt32LE(at + 20), names);
    }
  }

  /** The address of a symbol. Throws RangeError when there is none of this name. */
  address(name: string): number {
    const value = this.#values.get(name);
    if (value === undefined) throw new RangeError(`the firmware has no symbol ${name}`);
    return value;
  }

  /** The function that `address` lies in, as "name+0x12"; empty when nobody knows. */
  describe(address: number): string {
    const found = this.#functions.find(({ start, bytes }) => address >= start && address < start + bytes);
    return found ? `${found.name}+0x${(address - found.start).toString(16)}` : "";
  }

  #readSymbols(file: Buffer, start: number, bytes: number, names: number): void {
    for (let at = start; at < start + bytes; at += SYMBOL_BYTES) {
      const nameAt = names + file.readUInt32LE(at);
      const name = file.toString("latin1", nameAt, file.indexOf(0, nameAt));
      const value = file.readUInt32LE(at + 4);
      this.#values.set(name, value);
      if ((file.readUInt8(at + 12) & 15) !== FUNCTION) continue;
      // Thumb: the lowest bit is not the address's.
      this.#functions.push({ name, start: (value & ~1) >>> 0, bytes: file.readUInt32LE(at + 8) });
    }
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Advice(`${path} cannot be read (${(error as Error).message}): build the firmware`);
  }
}
