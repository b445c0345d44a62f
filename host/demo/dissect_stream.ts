// Messages in TCP streams as Wireshark writes them into the info column: a message is told of where its last octet is.

import type { Tcp } from "../packet/index.js";
import { concat, get16 } from "../packet/octets.js";
import { describeDns } from "./dissect_dns.js";

/** A segment's data: the message that it ends, or what it is a part of. */
export type StreamText =
  | { readonly kind: "message"; readonly info: string }
  /** `info`: what is known of the message by then; without it the segment speaks for itself. */
  | { readonly kind: "part"; readonly info?: string };

/** What was seen of one direction of a connection. */
interface Direction {
  /** Octets of the message that is not whole yet. */
  octets: Uint8Array;
  /** Sequence number of the octet that comes next. */
  next: number;
}

/** Finds what the octets are, of which all but the first `seen` are new: the message's length when it is whole. */
type Reader = (octets: Uint8Array, seen: number) => { readonly length?: number; readonly info?: string };

/** Messages of one protocol in all streams. */
export class MessageStreams {
  readonly #directions = new Map<string, Direction>();

  constructor(readonly reader: Reader) {}

  /** The next segment with data of the direction `name`; undefined when its data is not the next. */
  next(name: string, { seq, payload }: Tcp): StreamText | undefined {
    const direction = this.#directions.get(name) ?? { octets: new Uint8Array(0), next: seq };
    this.#directions.set(name, direction);
    if (direction.next !== seq) return undefined;
    direction.next = (seq + payload.length) >>> 0;
    const seen = direction.octets.length;
    direction.octets = concat(direction.octets, payload);
    const { length, info } = this.reader(direction.octets, seen);
    if (length === undefined) return { kind: "part", ...(info !== undefined && { info }) };
    direction.octets = direction.octets.slice(length);
    return { kind: "message", info: info ?? "" };
  }
}

/** Reads HTTP/1.1 messages whose length is told, or that have no body. */
export const readHttp: Reader = (octets, seen) => {
  const text = Buffer.from(octets).toString("latin1");
  const [first] = /^.*?(?=\r\n)/.exec(text) ?? [];
  const [head] = /^.*?\r\n(?:.*?\r\n)??\r\n/s.exec(text) ?? [];
  const length = (head ?? "").length + Number(/^content-length: *(\d+)/im.exec(head ?? "")?.[1] ?? 0);
  if (head === undefined || octets.length < length) {
    // Once the length is known, Wireshark looks again when all is there, and not before.
    const looks = head === undefined || head.length > seen;
    return looks && first !== undefined ? { info: `${first} ` } : {};
  }
  const type = /^content-type: *([^\s;]+)/im.exec(head)?.[1];
  return { length, info: `${first} ${type === undefined ? "" : ` (${type})`}` };
};

/** Reads DNS messages, which have their length before them: RFC 1035 section 4.2.2. */
export const readDns: Reader = (octets) => {
  const length = octets.length < 2 ? Number.POSITIVE_INFINITY : 2 + get16(octets, 0);
  return octets.length < length ? {} : { length, info: describeDns(octets.subarray(2, length)) };
};
