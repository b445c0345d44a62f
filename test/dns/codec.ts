// DNS messages for tests, RFC 1035 section 4: written from the RFC, and nothing of it is shared with the core. `encodeMessage`
// lies where it is told to; `decodeMessage` is strict and throws.

import { concat, get16, get32, put16, put32 } from "../../host/packet/index.js";

export const Type = { A: 1, NS: 2, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, OPT: 41 } as const;
export const Rcode = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

/** A name as text, or the octets that are to stand in its place. */
export type Name = string | Uint8Array;

export interface Question {
  readonly name: Name;
  readonly type?: number;
  readonly class?: number;
}

export interface RecordSpec {
  readonly name: Name;
  readonly type: number;
  readonly class?: number;
  readonly ttl?: number;
  readonly data: Uint8Array;
  /** RDLENGTH, where it is not that of the data. */
  readonly dataBytes?: number;
}

export interface MessageSpec {
  readonly id: number;
  /** QR; default true: an answer. */
  readonly answer?: boolean;
  readonly opcode?: number;
  readonly truncated?: boolean;
  readonly rcode?: number;
  readonly questions?: readonly Question[];
  readonly answers?: readonly RecordSpec[];
  readonly authorities?: readonly RecordSpec[];
  readonly additionals?: readonly RecordSpec[];
  /** Counts of the header, where they are not those of the sections. */
  readonly counts?: readonly (number | undefined)[];
}

/** What a client sends. */
export interface Query {
  readonly id: number;
  readonly flags: number;
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** The OPT record's payload size, when there is one. */
  readonly udpBytes?: number;
}

/** A name without compression; a dot at the end makes no difference. */
export function encodeName(name: Name): Uint8Array {
  if (typeof name !== "string") return name;
  const labels = name.split(".").filter((label) => label !== "");
  return concat(
    ...labels.map((label) => concat(Uint8Array.of(label.length), octets(label))),
    new Uint8Array(1),
  );
}

/** Labels without an end, then a pointer to `at`. */
export function pointer(at: number, labels = ""): Uint8Array {
  const before = labels === "" ? new Uint8Array(0) : encodeName(labels).slice(0, -1);
  return concat(before, Uint8Array.of(0xc0 | (at >> 8), at & 0xff));
}

/** Where the question's name stands. */
export const QUESTION_AT = 12;

export function a(name: Name, address: string, ttl = 60): RecordSpec {
  return { name, type: Type.A, ttl, data: Uint8Array.from(address.split(".").map(Number)) };
}

export function cname(name: Name, target: Name, ttl = 60): RecordSpec {
  return { name, type: Type.CNAME, ttl, data: encodeName(target) };
}

export function soa(zone: Name, minimum: number, ttl = minimum): RecordSpec {
  const numbers = new Uint8Array(20);
  for (const [index, value] of [2026, 3600, 600, 86400, minimum].entries()) put32(numbers, index * 4, value);
  const data = concat(encodeName("ns.example"), encodeName("admin.example"), numbers);
  return { name: zone, type: Type.SOA, ttl, data };
}

export function encodeMessage(spec: MessageSpec): Uint8Array {
  const { answer = true, opcode = 0, truncated = false, rcode = 0 } = spec;
  const { questions = [], answers = [], authorities = [], additionals = [] } = spec;
  const header = new Uint8Array(12);
  put16(header, 0, spec.id);
  put16(header, 2, (answer ? 0x8080 : 0) | (opcode << 11) | (truncated ? 0x200 : 0) | 0x100 | rcode);
  for (const [index, section] of [questions, answers, authorities, additionals].entries())
    put16(header, 4 + index * 2, spec.counts?.[index] ?? section.length);
  return concat(
    header,
    ...questions.map(encodeQuestion),
    ...[...answers, ...authorities, ...additionals].map(encodeRecord),
  );
}

function encodeQuestion({ name, type = Type.A, class: of = 1 }: Question): Uint8Array {
  const fixed = new Uint8Array(4);
  put16(fixed, 0, type);
  put16(fixed, 2, of);
  return concat(encodeName(name), fixed);
}

/** Octets of a record. */
export function encodeRecord({
  name,
  type,
  class: of = 1,
  ttl = 60,
  data,
  dataBytes,
}: RecordSpec): Uint8Array {
  const fixed = new Uint8Array(10);
  put16(fixed, 0, type);
  put16(fixed, 2, of);
  put32(fixed, 4, ttl);
  put16(fixed, 8, dataBytes ?? data.length);
  return concat(encodeName(name), fixed, data);
}

/** Reads a query, of which every octet must be accounted for. */
export function decodeQuery(message: Uint8Array): Query {
  const count = (index: number) => get16(message, 4 + index * 2);
  if (count(0) !== 1 || count(1) + count(2) !== 0 || count(3) > 1)
    throw new Error(`a query with ${[0, 1, 2, 3].map(count).join(", ")} records`);
  const { name, end } = decodeName(message, QUESTION_AT);
  const base = {
    ...{ id: get16(message, 0), flags: get16(message, 2), name },
    ...{ type: get16(message, end), class: get16(message, end + 2) },
  };
  const rest = message.subarray(end + 4);
  if (count(3) === 0) {
    if (rest.length > 0) throw new Error(`${rest.length} octets behind the question`);
    return base;
  }
  // RFC 6891 section 6.1.2: root, type, payload size, extended RCODE and version, flags, no options.
  if (rest.length !== 11 || rest[0] !== 0 || get16(rest, 1) !== Type.OPT) throw new Error("no OPT record");
  if (get32(rest, 5) !== 0 || get16(rest, 9) !== 0) throw new Error("an OPT record with something in it");
  return { ...base, udpBytes: get16(rest, 3) };
}

function decodeName(message: Uint8Array, at: number): { name: string; end: number } {
  const labels: string[] = [];
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63 || at + length >= message.length) throw new Error("bad name");
    at += length + 1;
    if (length === 0) return { name: labels.join("."), end: at };
    labels.push(String.fromCharCode(...message.subarray(at - length, at)));
  }
}

function octets(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
