// Writes every frame of a link into a pcapng file, on its way. The host and the link don't notice.
//
// Whether a received frame was dropped is known once the core has taken it, which is before the link is called again:
// so such a frame is held until then, and gets the names of the drop counters that moved meanwhile as a comment.

import type { Clock } from "../clock.js";
import { type Counting, DropWatch } from "../counters.js";
import { openSinkFile } from "../pcapng/file.js";
import { Direction } from "../pcapng/format.js";
import { PcapngWriter, type Sink, type WriterOptions } from "../pcapng/writer.js";
import type { Link } from "./link.js";

export interface CaptureOptions {
  readonly writer: PcapngWriter;
  /** Name of the interface in the file. */
  readonly name: string;
  readonly description?: string;
  /** The host's: the one that `writer` was made for. */
  readonly clock: Clock;
  /** The core that takes the link's frames; without it there are no comments. */
  readonly core?: Counting;
}

/** A link that writes down what goes through it. */
export interface CapturedLink extends Link {
  /** Writes the frame whose verdict is still open. Call it before the writer is flushed or closed. */
  flush(): void;
}

/** A file that captures go to. */
export interface CaptureFile {
  /** As captureLink, into this file. */
  capture(link: Link, options: Omit<CaptureOptions, "writer" | "clock">): CapturedLink;
  /** Writes what waits, and closes the file. */
  close(): void;
}

/** Wraps a link: what it receives and sends is written, with its time and direction. */
export function captureLink(link: Link, options: CaptureOptions): CapturedLink {
  return new Capture(link, options);
}

/** A writer whose stamps are those of `clock`: Unix time when it is real. */
export function captureWriter(sink: Sink, clock: Clock, options: WriterOptions = {}): PcapngWriter {
  return new PcapngWriter(sink, { application: "Ferrule", originNs: originOf(clock), ...options });
}

/**
 * Opens a file that is flushed once a second. Throws when it cannot be written to; when that happens later, `onError`
 * hears of it once, the capture ends, and the links go on.
 */
export function openCapture(path: string, clock: Clock, onError: (error: Error) => void): CaptureFile {
  const file = openSinkFile(path);
  const writer = captureWriter(file.sink, clock, { onError });
  const links: CapturedLink[] = [];
  const flush = () => {
    for (const link of links) link.flush();
    writer.flush();
  };
  file.keepFlushed(() => writer.flush());
  return {
    capture(link, options) {
      const captured = captureLink(link, { ...options, writer, clock });
      links.push(captured);
      return captured;
    },
    close() {
      flush();
      writer.close();
      file.close();
    },
  };
}

/** Unix time of a clock's 0 in nanoseconds; 0 for a virtual clock. */
export function originOf({ epochMs = 0 }: Clock): bigint {
  return BigInt(Math.round(epochMs * 1000)) * 1000n;
}

class Capture implements CapturedLink {
  readonly #interface: number;
  readonly #drops: DropWatch | undefined;
  /** The frame whose verdict is open, and when it came. */
  #held: Uint8Array | undefined;
  #heldMs = 0;

  constructor(
    readonly link: Link,
    readonly options: CaptureOptions,
  ) {
    const { writer, name, description, core } = options;
    this.#interface = writer.addInterface({ name, ...(description === undefined ? {} : { description }) });
    this.#drops = core && new DropWatch(core);
  }

  get hasRoom(): boolean {
    return this.link.hasRoom;
  }

  get onReady(): () => void {
    return this.link.onReady;
  }

  set onReady(run: () => void) {
    this.link.onReady = run;
  }

  send(frame: Uint8Array): void {
    this.flush();
    this.#write(frame, this.options.clock.now(), Direction.OUTBOUND);
    this.link.send(frame);
  }

  receive(): Uint8Array | undefined {
    this.flush();
    const frame = this.link.receive();
    if (!frame || !this.options.writer.isOpen) return frame;
    const now = this.options.clock.now();
    if (!this.#drops) {
      this.#write(frame, now, Direction.INBOUND);
      return frame;
    }
    // The link may use the octets again once it is called.
    this.#held = frame.slice();
    this.#heldMs = now;
    this.#drops.mark();
    return frame;
  }

  flush(): void {
    const frame = this.#held;
    if (!frame) return;
    this.#held = undefined;
    const drops = this.#drops?.moved() ?? [];
    const comment = drops.length > 0 ? `dropped: ${drops.join(", ")}` : undefined;
    this.#write(frame, this.#heldMs, Direction.INBOUND, comment);
  }

  #write(frame: Uint8Array, timeMs: number, direction: Direction, comment?: string): void {
    const { writer } = this.options;
    if (writer.isOpen) writer.packet({ interface: this.#interface, timeMs, frame, direction, comment });
  }
}
