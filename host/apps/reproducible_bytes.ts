// Bytes that everybody can make again: the numbers of xorshift32 (shifts 13, 17, 5; started from 1), 32 bits each,
// little-endian. N bytes are the first N of that sequence.

import { createHash, type Hash } from "node:crypto";
import { Readable } from "node:stream";
import { setImmediate as yieldToOthers } from "node:timers/promises";

/** Bytes made at a time. A multiple of 4. */
const BLOCK_BYTES = 65536;

/** Bytes between two marks. A multiple of BLOCK_BYTES. */
const MARK_BYTES = 1024 * 1024;

/** The generator and the digest after so many MARK_BYTES as its index says. */
interface Mark {
  readonly state: number;
  readonly hash: Hash;
}

/** From here on digests are computed: what a visitor may ask for costs MARK_BYTES, once all marks are there. */
const marks: Mark[] = [{ state: 1, hash: createHash("sha256") }];

/** Set while the next mark is made, for all that wait for it. */
let nextMark: Promise<void> | undefined;

/** The first `length` bytes, made as they are read. */
export function reproducibleBytes(length: number): Readable {
  const sequence = new Sequence(1);
  let left = length;
  return new Readable({
    highWaterMark: BLOCK_BYTES,
    read() {
      const block = left > 0 ? sequence.next(Math.min(left, BLOCK_BYTES)) : null;
      left -= BLOCK_BYTES;
      this.push(block);
    },
  });
}

/**
 * The SHA-256 of the first `length` bytes in hex. Others have their turn while it is computed. Undefined, soon, once
 * `isWanted` says no: visitors who ask for much and leave must not keep the machine, or the process, at work.
 */
export async function sha256OfBytes(length: number, isWanted: () => boolean): Promise<string | undefined> {
  const index = Math.floor(length / MARK_BYTES);
  while (marks.length <= index && isWanted()) {
    nextMark ??= addMark();
    await nextMark;
  }
  const mark = marks[index];
  if (!mark || !isWanted()) return undefined;
  return (await hashOn(mark, length % MARK_BYTES)).hash.digest("hex");
}

async function addMark(): Promise<void> {
  marks.push(await hashOn(marks[marks.length - 1] as Mark, MARK_BYTES));
  nextMark = undefined;
}

/** `length` bytes further than `mark`. */
async function hashOn(mark: Mark, length: number): Promise<Mark> {
  const hash = mark.hash.copy();
  const sequence = new Sequence(mark.state);
  for (let left = length; left > 0; left -= BLOCK_BYTES) {
    hash.update(sequence.next(Math.min(left, BLOCK_BYTES)));
    await yieldToOthers();
  }
  return { state: sequence.state, hash };
}

class Sequence {
  /** `state`: of the generator; 1 at the beginning. */
  constructor(public state: number) {}

  /** The next bytes; all but the last ones come in multiples of 4. A new array each time: a stream keeps what was pushed. */
  next(length: number): Uint8Array {
    const words = new Uint32Array(Math.ceil(length / 4));
    let { state } = this;
    for (let index = 0; index < words.length; index++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[index] = state;
    }
    this.state = state;
    return new Uint8Array(words.buffer, 0, length);
  }
}
