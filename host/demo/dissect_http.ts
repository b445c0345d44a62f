// The info column of HTTP/1.1 messages as Wireshark writes it: a message is told of where its last octet is.

import type { Tcp } from "../packet/index.js";

/** What was seen of one direction of a connection. */
interface Direction {
  /** Octets of the message that is not whole yet. */
  text: string;
  /** Sequence number of the octet that comes next. */
  next: number;
}

export class HttpStreams {
  readonly #directions = new Map<string, Direction>();

  /**
   * The next segment with data of the direction `name`. "part" when the message goes on after it, undefined when it is
   * none, or when its data was seen already.
   */
  next(name: string, { seq, payload }: Tcp): string | undefined {
    const direction = this.#directions.get(name) ?? { text: "", next: seq };
    this.#directions.set(name, direction);
    if (direction.next !== seq) return undefined;
    direction.next = (seq + payload.length) >>> 0;
    direction.text += Buffer.from(payload).toString("latin1");
    const head = /^(.*?)\r\n(?:.*?\r\n)??\r\n/s.exec(direction.text);
    if (!head) return "part";
    const [all, first = ""] = head;
    const length = Number(/^content-length: *(\d+)/im.exec(all)?.[1] ?? 0);
    if (direction.text.length < all.length + length) return "part";
    direction.text = direction.text.slice(all.length + length);
    const type = /^content-type: *([^\s;]+)/im.exec(all)?.[1];
    return `${first} ${type === undefined ? "" : ` (${type})`}`;
  }
}
