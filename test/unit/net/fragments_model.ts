// Reassembly as plainly as it can be said: octet by octet, and nothing is clever. What the core is compared with.

import type { Prng } from "../../../host/sim/prng.js";

const TIMEOUT_MS = 15000;

/** One fragment that arrives. */
export interface Piece {
  /** Source, destination, protocol and identification. */
  readonly key: string;
  readonly protocol: number;
  /** The IPv4 header that it came with. */
  readonly headerBytes: number;
  readonly offset: number;
  readonly octets: Uint8Array;
  readonly more: boolean;
  readonly dontFragment: boolean;
}

interface Datagram {
  readonly piece: Piece;
  readonly born: number;
  readonly octets: Map<number, number>;
  /** Ends of fragments behind which more follows; the end of the last one. */
  readonly ends: Set<number>;
  length?: number;
  zero?: Piece;
  spoilt?: true;
}

/** What a datagram was made of: fragment zero, and the payload. */
export interface Whole {
  readonly zero: Piece;
  readonly payload: Uint8Array;
}

export class Model {
  readonly counters: Record<string, number> = {};
  readonly #slots: (Datagram | undefined)[];

  constructor(
    buffers: number,
    readonly bytes: number,
  ) {
    this.#slots = Array.from({ length: buffers }, () => undefined);
  }

  take(piece: Piece, now: number): Whole | undefined {
    const end = piece.offset + piece.octets.length;
    if (isBad(piece)) return this.#count("FRAGMENT_BAD");
    if (20 + end > this.bytes || (piece.more && 20 + end + 1 > this.bytes)) return this.#count("IP_FRAGMENT");
    const datagram = this.#find(piece) ?? this.#begin(piece, now);
    if (datagram.spoilt || disagrees(datagram, piece.more, end)) return this.#spoil(datagram);
    const before = Array.from(piece.octets, (_, index) => datagram.octets.get(piece.offset + index));
    if (before.some((octet) => octet !== undefined)) {
      const same = before.every((octet, index) => octet === piece.octets[index]);
      return same ? this.#count("FRAGMENT_DUPLICATE") : this.#spoil(datagram);
    }
    for (const [index, octet] of piece.octets.entries()) datagram.octets.set(piece.offset + index, octet);
    if (piece.offset === 0) datagram.zero = piece;
    datagram.ends.add(end);
    if (!piece.more) datagram.length = end;
    return this.#finish(datagram);
  }

  /** Keys of those that are given up now and whose sender is told. */
  expire(now: number): string[] {
    const told: string[] = [];
    for (const [slot, datagram] of this.#slots.entries()) {
      if (!datagram || now - datagram.born < TIMEOUT_MS) continue;
      this.#slots[slot] = undefined;
      if (datagram.spoilt) continue;
      this.#count("FRAGMENT_EXPIRED");
      const { zero } = datagram;
      if (!zero || (zero.protocol === 1 && zero.octets[0] !== 8)) continue;
      told.push(zero.key);
      this.#count("ICMP_UNREACHABLE");
    }
    return told;
  }

  #find({ key }: Piece): Datagram | undefined {
    return this.#slots.find((datagram) => datagram?.piece.key === key);
  }

  #begin(piece: Piece, now: number): Datagram {
    const datagram: Datagram = { piece, born: now, octets: new Map(), ends: new Set() };
    let slot = this.#slots.indexOf(undefined);
    if (slot < 0) slot = this.#slots.findIndex((other) => other?.spoilt);
    if (slot < 0) {
      const births = this.#slots.map((other) => other?.born ?? 0);
      slot = births.indexOf(Math.min(...births));
      this.#count("FRAGMENT_EVICTED");
    }
    this.#slots[slot] = datagram;
    return datagram;
  }

  #finish(datagram: Datagram): Whole | undefined {
    const { zero, length, octets } = datagram;
    if (!zero || length === undefined || octets.size < length) return undefined;
    this.#slots[this.#slots.indexOf(datagram)] = undefined;
    if (zero.headerBytes + length > this.bytes) return this.#count("IP_FRAGMENT");
    this.#count("FRAGMENTS_REASSEMBLED");
    return { zero, payload: Uint8Array.from({ length }, (_, at) => octets.get(at) as number) };
  }

  #spoil(datagram: Datagram): undefined {
    datagram.spoilt = true;
    this.#count("FRAGMENT_OVERLAP");
  }

  #count(name: string): undefined {
    this.counters[name] = (this.counters[name] ?? 0) + 1;
  }
}

function isBad({ octets, more, dontFragment, protocol, offset }: Piece): boolean {
  if (octets.length === 0 || dontFragment || (more && octets.length % 8 !== 0)) return true;
  if (protocol !== 6) return false;
  if (offset > 0) return offset < 20;
  const words = (octets[12] ?? 0) >> 4;
  return words < 5 || words * 4 > octets.length;
}

/** Whether two fragments cannot both be true about where the datagram ends. */
function disagrees({ length, ends }: Datagram, more: boolean, end: number): boolean {
  if (length !== undefined) return more ? end >= length : end !== length;
  return !more && [...ends].some((other) => other >= end);
}

/** Pieces of a random datagram: cut anywhere, some lost, some twice, some forged. */
export function randomPieces(prng: Prng, key: string, protocol: number, bytes: number): Piece[] {
  const octets = prng.bytes(prng.chance(0.05) ? bytes - 20 + prng.below(50) : 9 + prng.below(bytes - 28));
  if (protocol === 6) octets[12] = (5 + prng.below(4)) << 4;
  if (protocol === 1) octets.set([prng.chance(0.5) ? 8 : 3, 0]);
  const most = 1 + prng.below(Math.min(185, 1 + (octets.length >> 4)));
  const pieces: Piece[] = [];
  const clean = prng.chance(0.5);
  for (let offset = 0; offset < octets.length; ) {
    const length = Math.min((1 + prng.below(most)) * 8, octets.length - offset, 1432);
    const whole = length % 8 === 0 || offset + length === octets.length ? length : length - (length % 8);
    const piece: Piece = {
      ...{ key, protocol, offset, dontFragment: false },
      headerBytes: 20 + (prng.chance(0.2) ? prng.below(11) * 4 : 0),
      octets: octets.slice(offset, offset + whole),
      more: offset + whole < octets.length,
    };
    if (clean || !prng.chance(0.03)) pieces.push(piece);
    if (prng.chance(0.1)) pieces.push(piece);
    if (!clean && prng.chance(0.08)) pieces.push(forge(prng, piece, octets));
    offset += whole;
  }
  // What is whole is no fragment.
  return pieces.filter(({ offset, more }) => offset > 0 || more);
}

function forge(prng: Prng, piece: Piece, whole: Uint8Array): Piece {
  const offset = prng.below(1 + (whole.length >> 3)) * 8;
  switch (prng.below(8)) {
    case 0:
      return { ...piece, dontFragment: true };
    case 1:
      return { ...piece, octets: piece.octets.slice(0, prng.below(piece.octets.length)) };
    case 2:
      return { ...piece, more: !piece.more };
    case 3:
      return { ...piece, offset: prng.below(8192) * 8 };
    case 4:
      return { ...piece, octets: piece.octets.map((octet, at) => (at === 5 ? octet ^ 1 : octet)) };
    case 5:
      return { ...piece, octets: new Uint8Array(0) };
    default: {
      // The true octets, cut elsewhere.
      const octets = whole.slice(offset, offset + (1 + prng.below(30)) * 8);
      return { ...piece, offset, octets, more: offset + octets.length < whole.length };
    }
  }
}
