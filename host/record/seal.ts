// The chain of checksums through a recording: tells which blocks hold a changed octet.

import { crc32 } from "node:zlib";
import type { Block } from "../pcapng/reader.js";
import { isRecordType } from "./format.js";

/** Octets of a block behind the checksum: the length at its end. */
const TRAILER_BYTES = 4;
const CRC_BYTES = 4;

/** Blocks that come one after another, and among which one was changed. */
export interface Broken {
  readonly first: Block;
  readonly last: Block;
}

export class SealChain {
  /** CRC-32 so far; a second one when the last checksum was wrong, and may itself be what was changed. */
  #sums: number[] = [0];
  /** The first block since the last checksum. */
  #first: Block | undefined;

  /** Takes the next block; tells of damage at the first checksum behind it. Octets of `first` may not be valid then. */
  take(block: Block): Broken | undefined {
    this.#first ??= block;
    if (!isRecordType(block.type) || block.length < 16) {
      this.#sums = this.#sums.map((sum) => crc32(block.octets, sum));
      return undefined;
    }
    const at = block.length - TRAILER_BYTES - CRC_BYTES;
    const before = block.octets.subarray(0, at);
    const stored = new DataView(block.octets.buffer, block.octets.byteOffset + at).getUint32(0, true);
    const sums = this.#sums.map((sum) => crc32(before, sum));
    const first = this.#first;
    this.#first = undefined;
    const isWhole = sums.includes(stored);
    const behind = block.octets.subarray(at + CRC_BYTES);
    // The seed of what follows is the checksum itself; what it should be may differ from what the file says.
    this.#sums = [...new Set([stored, ...(isWhole ? [] : sums)])].map((sum) => crc32(behind, sum));
    return isWhole ? undefined : { first, last: block };
  }

  /** The first block behind the last checksum, if there is one. */
  get open(): Block | undefined {
    return this.#first;
  }
}
