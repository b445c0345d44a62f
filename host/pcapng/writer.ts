// Writes pcapng: sections, interfaces and packets by the draft, and blocks of the caller's own. Little-endian, stamps in
// nanoseconds. Octets go to a sink in batches of whole blocks.

import { crc32 } from "node:zlib";
import {
  BLOCK_MAX,
  BlockType,
  BYTE_ORDER_MAGIC,
  CommonOption,
  Direction,
  FRAMING_BYTES,
  InterfaceOption,
  LINK_TYPE_ETHERNET,
  PacketOption,
  padded,
  SectionOption,
} from "./format.js";

/** Takes octets to keep; they are valid during the call only. What it throws ends the writing. */
export type Sink = (bytes: Uint8Array) => void;

/** Octets that wait for the sink, at most, besides a block that is longer by itself. */
const BATCH_BYTES = 65_536;

/** Longest text of an option, in octets: its length has 16 bits. */
const TEXT_MAX = 65_535;

const NANOSECONDS = 9;
const NS_PER_MS = 1_000_000;
const WORD = 2 ** 32;

export interface WriterOptions {
  /** Program that writes: "Ferrule 0.1.0". */
  readonly application?: string;
  readonly hardware?: string;
  readonly os?: string;
  readonly comment?: string;
  /** Unix time of the clock's 0, in nanoseconds; default 0, for clocks that are not real. */
  readonly originNs?: bigint;
  /** Hears once why the sink failed; nothing is written from then on. Default: nobody. */
  readonly onError?: (error: Error) => void;
  /** Keeps a CRC-32 of all that is written, for `endSealed`. */
  readonly sealed?: boolean;
}

export interface InterfaceSpec {
  readonly name: string;
  readonly description?: string;
  readonly hardware?: string;
  readonly os?: string;
  /** 4 octets of address and 4 of netmask. */
  readonly ipv4?: Uint8Array;
  readonly mac?: Uint8Array;
  /** Longest part of a packet that is kept, in octets; 0 for no limit. */
  readonly snapLength?: number;
}

export interface PacketSpec {
  /** What addInterface returned. */
  readonly interface: number;
  /** Milliseconds of the clock whose 0 is `originNs`, with fractions. */
  readonly timeMs: number;
  readonly frame: Uint8Array;
  /** Length on the wire, in octets, when `frame` is cut; default its length. */
  readonly originalLength?: number;
  readonly direction?: Direction;
  readonly comment?: string | undefined;
}

export class PcapngWriter {
  /** Octets written so far, those included that wait. */
  bytes = 0;
  /** Where the next field of a block goes: see `begin`. */
  at = 0;
  /** The octets that wait, as the fields of a block are written. Changes with `begin`. */
  view: DataView;
  buffer: Buffer;
  readonly #sink: Sink;
  readonly #onError: (error: Error) => void;
  readonly #originHigh: number;
  readonly #originLow: number;
  readonly #snapLengths: number[] = [];
  #isOpen = true;
  #blockAt = 0;
  readonly #sealed: boolean;
  /** CRC-32 of the file without its own fields, up to `#checkedTo` in the buffer. */
  #crc = 0;
  #checkedTo = 0;

  /** Begins a section. */
  constructor(sink: Sink, options: WriterOptions = {}) {
    this.#sink = sink;
    this.#onError = options.onError ?? (() => {});
    this.#sealed = options.sealed ?? false;
    const origin = BigInt.asUintN(64, options.originNs ?? 0n);
    this.#originHigh = Number(origin >> 32n);
    this.#originLow = Number(origin & 0xffffffffn);
    this.buffer = Buffer.alloc(BATCH_BYTES);
    this.view = viewOf(this.buffer);
    this.#section(options);
  }

  /** False after `close`, and after the sink failed. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Declares an Ethernet interface; returns its number, from 0. */
  addInterface(spec: InterfaceSpec): number {
    const texts = [spec.name, spec.description, spec.hardware, spec.os];
    this.begin(BlockType.INTERFACE, 128 + textRoom(texts));
    this.put16(LINK_TYPE_ETHERNET);
    this.put16(0);
    this.put32(spec.snapLength ?? 0);
    this.#textOption(InterfaceOption.NAME, spec.name);
    this.#textOption(InterfaceOption.DESCRIPTION, spec.description);
    if (spec.ipv4) this.#option(InterfaceOption.IPV4, spec.ipv4);
    if (spec.mac) this.#option(InterfaceOption.MAC, spec.mac);
    this.#option(InterfaceOption.RESOLUTION, Uint8Array.of(NANOSECONDS));
    this.#textOption(InterfaceOption.HARDWARE, spec.hardware);
    this.#textOption(InterfaceOption.OS, spec.os);
    this.#endOptions();
    this.end();
    return this.#snapLengths.push(spec.snapLength || Number.POSITIVE_INFINITY) - 1;
  }

  /** Writes a packet. Throws RangeError for an interface that was not declared. */
  packet(packet: PacketSpec): void {
    const { frame, comment, direction = Direction.UNKNOWN } = packet;
    const snapLength = this.#snapLengths[packet.interface];
    if (snapLength === undefined) throw new RangeError(`there is no interface ${packet.interface}`);
    const kept = frame.length <= snapLength ? frame : frame.subarray(0, snapLength);
    this.begin(BlockType.PACKET, 64 + padded(kept.length) + textRoom([comment]));
    this.put32(packet.interface);
    this.putStamp(packet.timeMs);
    this.put32(kept.length);
    this.put32(Math.max(frame.length, packet.originalLength ?? 0));
    this.putBytes(kept);
    if (comment !== undefined) this.#textOption(CommonOption.COMMENT, comment);
    if (direction !== Direction.UNKNOWN) {
      this.put16(PacketOption.FLAGS);
      this.put16(4);
      this.put32(direction);
    }
    if (comment !== undefined || direction !== Direction.UNKNOWN) this.#endOptions();
    this.end();
  }

  /** Hands all that waits to the sink. */
  flush(): void {
    const { at } = this;
    this.at = 0;
    if (at === 0) return;
    if (this.#sealed) this.#crc = crc32(this.buffer.subarray(this.#checkedTo, at), this.#crc);
    this.#checkedTo = 0;
    if (!this.#isOpen) return;
    try {
      this.#sink(this.buffer.subarray(0, at));
    } catch (error) {
      this.#isOpen = false;
      this.#onError(error as Error);
    }
  }

  /** Flushes, and writes nothing from then on. */
  close(): void {
    this.flush();
    this.#isOpen = false;
  }

  // Blocks of the caller's own: begin, fields, end. Nothing else may be written in between.

  /** Begins a block whose body will have at most `most` octets. */
  begin(type: number, most: number): void {
    const room = most + FRAMING_BYTES + 8;
    if (room > BLOCK_MAX) throw new RangeError(`a block of ${most} octets is too long: write it in parts`);
    if (this.at + room > this.buffer.length) this.#makeRoom(room);
    this.#blockAt = this.at;
    this.view.setUint32(this.at, type, true);
    this.at += 8;
  }

  put8(value: number): void {
    this.view.setUint8(this.at, value);
    this.at += 1;
  }

  put16(value: number): void {
    this.view.setUint16(this.at, value, true);
    this.at += 2;
  }

  put32(value: number): void {
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  /** A stamp of 64 bits in nanoseconds, the upper half first as in packets. */
  putStamp(timeMs: number): void {
    const ns = Math.round(timeMs * NS_PER_MS);
    const low = this.#originLow + (ns % WORD);
    const carry = low >= WORD ? 1 : 0;
    this.put32(this.#originHigh + Math.floor(ns / WORD) + carry);
    this.put32(low);
  }

  /** Octets, padded with zeros to a multiple of 4. */
  putBytes(bytes: Uint8Array): void {
    this.buffer.set(bytes, this.at);
    this.buffer.fill(0, this.at + bytes.length, this.at + padded(bytes.length));
    this.at += padded(bytes.length);
  }

  /** Ends the block; its body is as long as what was put. */
  end(): void {
    this.#finish(this.at - this.#blockAt + 4);
  }

  /**
   * As `end`, after a last field: the CRC-32 of all octets of the file since the last such field, seeded with that.
   * So each depends on all of the file before it.
   */
  endSealed(): void {
    const length = this.at - this.#blockAt + 8;
    this.view.setUint32(this.#blockAt + 4, length, true);
    this.#crc = crc32(this.buffer.subarray(this.#checkedTo, this.at), this.#crc);
    this.put32(this.#crc);
    this.#checkedTo = this.at;
    this.#finish(length);
  }

  #finish(length: number): void {
    this.view.setUint32(this.#blockAt + 4, length, true);
    this.put32(length);
    this.bytes += length;
  }

  #makeRoom(room: number): void {
    this.flush();
    if (room <= this.buffer.length) return;
    this.buffer = Buffer.alloc(room);
    this.view = viewOf(this.buffer);
  }

  #section({ application, hardware, os, comment }: WriterOptions): void {
    this.begin(BlockType.SECTION, 64 + textRoom([application, hardware, os, comment]));
    this.put32(BYTE_ORDER_MAGIC);
    this.put16(1);
    this.put16(0);
    // The section's length is not known.
    this.put32(0xffffffff);
    this.put32(0xffffffff);
    this.#textOption(CommonOption.COMMENT, comment);
    this.#textOption(SectionOption.HARDWARE, hardware);
    this.#textOption(SectionOption.OS, os);
    this.#textOption(SectionOption.APPLICATION, application);
    if (application ?? hardware ?? os ?? comment) this.#endOptions();
    this.end();
  }

  #textOption(code: number, text: string | undefined): void {
    if (text !== undefined && text !== "") this.#option(code, encodeText(text));
  }

  #option(code: number, value: Uint8Array): void {
    this.put16(code);
    this.put16(value.length);
    this.putBytes(value);
  }

  #endOptions(): void {
    this.put32(0);
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}

/** UTF-8, cut at the end of a character when it is too long. */
function encodeText(text: string): Uint8Array {
  const target = new Uint8Array(Math.min(TEXT_MAX, text.length * 3));
  const { written } = new TextEncoder().encodeInto(text, target);
  return target.subarray(0, written);
}

/** Room for these texts as options, in octets. */
function textRoom(texts: readonly (string | undefined)[]): number {
  return texts.reduce((room, text) => room + (text ? padded(Math.min(TEXT_MAX, text.length * 3)) + 8 : 0), 0);
}
