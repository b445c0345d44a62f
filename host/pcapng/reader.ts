// Reads pcapng from a source of bounded memory: block by block, both byte orders. Every length is checked against what
// there is before it is used, and nothing is allocated by a length that a file merely claims.

import {
  BLOCK_MAX,
  BlockType,
  BYTE_ORDER_MAGIC,
  CommonOption,
  Direction,
  FRAMING_BYTES,
  InterfaceOption,
  PacketOption,
  padded,
} from "./format.js";

/** Where octets come from: `read` fills `into` from `position` on and returns how many there were, 0 at the end. */
export interface Source {
  /** In octets. */
  readonly size: number;
  read(into: Uint8Array, position: number): number;
}

/** A file that cannot be read on, and where. */
export class PcapngError extends Error {
  override readonly name = "PcapngError";
  /** `offset`: octets from the file's beginning. */
  constructor(
    readonly offset: number,
    what: string,
  ) {
    super(`at offset ${offset}: ${what}`);
  }
}

export interface Block {
  /** Counts from 1. */
  readonly number: number;
  /** Octets from the file's beginning. */
  readonly offset: number;
  readonly type: number;
  /** Octets in all. */
  readonly length: number;
  /** The whole block; valid until the next one is read. */
  readonly octets: Uint8Array;
  readonly body: Uint8Array;
  readonly littleEndian: boolean;
  /** What is wrong with its length, when its end could be found nevertheless. */
  readonly damage: string | undefined;
}

export interface InterfaceBlock {
  readonly linkType: number;
  readonly snapLength: number;
  readonly name: string;
  readonly description: string;
  readonly comments: readonly string[];
  /** Stamps in one second. */
  readonly unitsPerSecond: bigint;
  /** To be added to stamps, in seconds. */
  readonly offsetSeconds: bigint;
}

export interface PacketBlock {
  readonly interface: number;
  /** Unix time, or that of a virtual clock. */
  readonly timeNs: bigint;
  /** Valid as long as the block. */
  readonly frame: Uint8Array;
  readonly originalLength: number;
  readonly direction: Direction;
  readonly comments: readonly string[];
}

/** Octets read at once. */
const WINDOW_BYTES = 262_144;

/** How far the end of a block whose length is damaged is looked for, in octets. */
const SEARCH_BYTES = 1024 * 1024;

/** Options of a block, at most. */
const OPTIONS_MAX = 1000;

/** Interfaces of a section, at most. */
const INTERFACES_MAX = 65_536;

const NS_PER_SECOND = 1_000_000_000n;

/** Octets in memory as a source. */
export function sourceOf(octets: Uint8Array): Source {
  return {
    size: octets.length,
    read(into, position) {
      const part = octets.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
  };
}

export class PcapngReader {
  /** Interfaces of the section so far. */
  readonly interfaces: InterfaceBlock[] = [];
  /** Where the file breaks off in the middle of a block; undefined as long as it does not. */
  cutAt: number | undefined;
  readonly #source: Source;
  readonly #blockMax: number;
  #at = 0;
  #blocks = 0;
  #littleEndian: boolean | undefined;
  #window = new Uint8Array(WINDOW_BYTES);
  #windowAt = 0;
  #windowBytes = 0;

  /** `blockMax`: longest block in octets; a longer one is an error. */
  constructor(source: Source, blockMax = BLOCK_MAX) {
    this.#source = source;
    this.#blockMax = blockMax;
  }

  /** Where the next block begins, in octets. */
  get offset(): number {
    return this.#at;
  }

  /**
   * The next block; undefined at the end, and where the file breaks off (`cutAt`). A block of an interface is in
   * `interfaces` when it is returned. Throws PcapngError when the file cannot be read on.
   */
  next(): Block | undefined {
    const offset = this.#at;
    if (offset === this.#source.size || this.cutAt !== undefined) return undefined;
    const head = this.#octets(offset, FRAMING_BYTES);
    if (!head) return this.#cut(offset);
    this.#readOrder(head, offset);
    const littleEndian = this.#littleEndian as boolean;
    const found = this.#extent(offset);
    if (!found) return this.#cut(offset);
    const octets = this.#octets(offset, found.length) as Uint8Array;
    this.#at = offset + found.length;
    const block: Block = {
      number: ++this.#blocks,
      offset,
      type: viewOf(octets).getUint32(0, littleEndian),
      length: found.length,
      octets,
      body: octets.subarray(8, found.length - 4),
      littleEndian,
      damage: found.damage,
    };
    if (block.type === BlockType.SECTION) this.#beginSection(block);
    else if (block.type === BlockType.INTERFACE) this.#addInterface(block);
    return block;
  }

  /** What a packet block says. Throws PcapngError when its lengths or its interface are impossible. */
  packet(block: Block): PacketBlock {
    const { body, littleEndian, offset } = block;
    if (body.length < 20) throw new PcapngError(offset, `a packet block of ${block.length} octets`);
    const view = viewOf(body);
    const number = view.getUint32(0, littleEndian);
    const from = this.interfaces[number];
    if (!from) throw new PcapngError(offset, `a packet of interface ${number}, which is not declared`);
    const length = view.getUint32(12, littleEndian);
    if (length > body.length - 20)
      throw new PcapngError(offset, `a packet of ${length} octets in a block of ${block.length}`);
    const options = optionsOf(block, 20 + padded(length));
    const flags = options.find(({ code, value }) => code === PacketOption.FLAGS && value.length === 4);
    const stamp = (BigInt(view.getUint32(4, littleEndian)) << 32n) | BigInt(view.getUint32(8, littleEndian));
    return {
      interface: number,
      timeNs: (stamp * NS_PER_SECOND) / from.unitsPerSecond + from.offsetSeconds * NS_PER_SECOND,
      frame: body.subarray(20, 20 + length),
      originalLength: view.getUint32(16, littleEndian),
      direction: directionOf(flags && viewOf(flags.value).getUint32(0, littleEndian)),
      comments: commentsOf(options),
    };
  }

  #cut(offset: number): undefined {
    this.cutAt = offset;
    return undefined;
  }

  /** Learns the byte order of a section that begins at `offset`. */
  #readOrder(head: Uint8Array, offset: number): void {
    const view = viewOf(head);
    if (view.getUint32(0, true) !== BlockType.SECTION) {
      if (this.#littleEndian === undefined)
        throw new PcapngError(offset, "this is not a pcapng file: it begins with no Section Header Block");
      return;
    }
    const orders = [true, false].filter((order) => view.getUint32(8, order) === BYTE_ORDER_MAGIC);
    if (orders[0] === undefined)
      throw new PcapngError(offset, "a Section Header Block without its byte-order magic");
    this.#littleEndian = orders[0];
  }

  /** The length of the block at `offset`; undefined when the file breaks off in it. */
  #extent(offset: number): { length: number; damage?: string } | undefined {
    const length = this.#word(offset + 4) as number;
    const isWhole = this.#isPossible(length, offset);
    const end = isWhole ? this.#word(offset + length - 4) : undefined;
    if (end === length) return { length };
    if (isWhole && this.#isBlockOrEnd(offset + length))
      return { length, damage: `its length is ${length} at its beginning and ${end} at its end` };
    const found = this.#findEnd(offset);
    if (found)
      return { length: found, damage: `its length is ${length} at its beginning, and should be ${found}` };
    const mayBeCut = length % 4 === 0 && length >= FRAMING_BYTES && length <= this.#blockMax;
    if (mayBeCut && offset + length > this.#source.size) return undefined;
    throw new PcapngError(offset, `a block cannot have a length of ${length} octets here`);
  }

  #isPossible(length: number, offset: number): boolean {
    const most = Math.min(this.#blockMax, this.#source.size - offset);
    return length % 4 === 0 && length >= FRAMING_BYTES && length <= most;
  }

  /** Whether a whole block stands at `offset`, or the file ends. */
  #isBlockOrEnd(offset: number): boolean {
    if (offset === this.#source.size) return true;
    const length = this.#word(offset + 4);
    return (
      length !== undefined && this.#isPossible(length, offset) && this.#word(offset + length - 4) === length
    );
  }

  /** The length that the end of the block at `offset` tells, where what follows fits it. */
  #findEnd(offset: number): number | undefined {
    const last = Math.min(this.#source.size - offset, SEARCH_BYTES, this.#blockMax);
    // No block is empty.
    for (let length = FRAMING_BYTES + 4; length <= last; length += 4)
      if (this.#word(offset + length - 4) === length && this.#isBlockOrEnd(offset + length)) return length;
    return undefined;
  }

  #beginSection({ body, littleEndian, offset }: Block): void {
    const major = body.length >= 16 ? viewOf(body).getUint16(4, littleEndian) : 0;
    if (major !== 1) throw new PcapngError(offset, `pcapng of version ${major} is not known here`);
    this.interfaces.length = 0;
  }

  #addInterface(block: Block): void {
    const { body, littleEndian, offset } = block;
    if (body.length < 8) throw new PcapngError(offset, `an interface block of ${block.length} octets`);
    if (this.interfaces.length >= INTERFACES_MAX)
      throw new PcapngError(offset, `more than ${INTERFACES_MAX} interfaces`);
    const view = viewOf(body);
    const options = optionsOf(block, 8);
    const optionAt = (code: number) => options.find((option) => option.code === code)?.value;
    const shift = optionAt(InterfaceOption.OFFSET);
    this.interfaces.push({
      linkType: view.getUint16(0, littleEndian),
      snapLength: view.getUint32(4, littleEndian),
      name: textOf(optionAt(InterfaceOption.NAME)),
      description: textOf(optionAt(InterfaceOption.DESCRIPTION)),
      comments: commentsOf(options),
      unitsPerSecond: resolutionOf(optionAt(InterfaceOption.RESOLUTION)?.[0]),
      offsetSeconds: shift?.length === 8 ? viewOf(shift).getBigInt64(0, littleEndian) : 0n,
    });
  }

  #word(offset: number): number | undefined {
    const octets = this.#octets(offset, 4);
    return octets && viewOf(octets).getUint32(0, this.#littleEndian);
  }

  /** `length` octets from `offset` on; undefined when there are fewer. Earlier ones are not valid any more. */
  #octets(offset: number, length: number): Uint8Array | undefined {
    if (offset + length > this.#source.size) return undefined;
    if (offset < this.#windowAt || offset + length > this.#windowAt + this.#windowBytes) {
      // `length` is at most what the source has: it was compared with its size.
      if (length > this.#window.length) this.#window = new Uint8Array(length);
      this.#fill(offset);
      if (length > this.#windowBytes) throw new PcapngError(offset, "the file became shorter meanwhile");
    }
    const at = offset - this.#windowAt;
    return this.#window.subarray(at, at + length);
  }

  #fill(offset: number): void {
    this.#windowAt = offset;
    this.#windowBytes = 0;
    while (this.#windowBytes < this.#window.length) {
      const got = this.#source.read(this.#window.subarray(this.#windowBytes), offset + this.#windowBytes);
      if (got <= 0) break;
      this.#windowBytes += got;
    }
  }
}

interface OptionValue {
  readonly code: number;
  readonly value: Uint8Array;
}

function optionsOf({ body, littleEndian, offset }: Block, from: number): OptionValue[] {
  const view = viewOf(body);
  const options: OptionValue[] = [];
  for (let at = from; at + 4 <= body.length; ) {
    const code = view.getUint16(at, littleEndian);
    const length = view.getUint16(at + 2, littleEndian);
    if (code === CommonOption.END) break;
    if (options.length >= OPTIONS_MAX)
      throw new PcapngError(offset, `a block with more than ${OPTIONS_MAX} options`);
    if (length > body.length - at - 4)
      throw new PcapngError(offset, `option ${code} of ${length} octets is longer than its block`);
    options.push({ code, value: body.subarray(at + 4, at + 4 + length) });
    at += 4 + padded(length);
  }
  return options;
}

function commentsOf(options: readonly OptionValue[]): string[] {
  return options.filter(({ code }) => code === CommonOption.COMMENT).map(({ value }) => textOf(value));
}

function textOf(value: Uint8Array | undefined): string {
  // A zero ends a string.
  return new TextDecoder().decode(value).split("\0", 1)[0] as string;
}

function directionOf(flags = 0): Direction {
  const direction = flags & 3;
  return direction === Direction.INBOUND || direction === Direction.OUTBOUND ? direction : Direction.UNKNOWN;
}

/** Stamps in a second: a power of 10, or of 2 with the top bit set; microseconds when nothing is said. */
function resolutionOf(octet = 6): bigint {
  return octet & 0x80 ? 2n ** BigInt(octet & 0x7f) : 10n ** BigInt(octet);
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.length);
}
