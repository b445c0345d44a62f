// Bytes that everybody can make again: the numbers of xorshift32 (shifts 13, 17, 5; started from 1), 32 bits each,
// little-endian. N bytes are the first N of that sequence.

import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { setImmediate as yieldToOthers } from "node:timers/promises";

/** Bytes made at a time. A multiple of 4. */
const BLOCK_BYTES = 65536;

/** Digests remembered, the most recent ones. */
const MAX_DIGESTS = 64;

const digests = new Map<number, Promise<string>>();

/** The first `length` bytes, made as they are read. */
export function reproducibleBytes(length: number): Readable {
  const blocks = generateBlocks(length);
  return new Readable({
    highWaterMark: BLOCK_BYTES,
    read() {
      const { value, done } = blocks.next();
      this.push(done ? null : value);
    },
  });
}

/** The SHA-256 of the first `length` bytes in hex. Others have their turn while it is computed. */
export function sha256OfBytes(length: number): Promise<string> {
  const digest = digests.get(length) ?? computeSha256(length);
  // Moved to the end: the first is the one that was not asked for the longest.
  digests.delete(length);
  digests.set(length, digest);
  const [oldest] = digests.keys();
  if (digests.size > MAX_DIGESTS && oldest !== undefined) digests.delete(oldest);
  return digest;
}

async function computeSha256(length: number): Promise<string> {
  const hash = createHash("sha256");
  for (const block of generateBlocks(length)) {
    hash.update(block);
    await yieldToOthers();
  }
  return hash.digest("hex");
}

/** Each block is a new one: a stream keeps what was pushed. */
function* generateBlocks(length: number): Generator<Uint8Array, void> {
  let state = 1;
  for (let left = length; left > 0; left -= BLOCK_BYTES) {
    const words = new Uint32Array(BLOCK_BYTES / 4);
    for (let index = 0; index < words.length; index++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[index] = state;
    }
    yield new Uint8Array(words.buffer, 0, Math.min(left, BLOCK_BYTES));
  }
}
