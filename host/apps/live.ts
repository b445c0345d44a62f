// Live streams: server-sent events about the very connection that carries them, several times a second. A visitor may
// ask for load on it, so that there is something to see: comment lines, which readers of such streams ignore.
//
// Nothing is buffered beyond what the connection's own stream asks for, and no stream lasts for ever. A live stream
// gives way when a handshake waits for a connection record.

import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Timer } from "../clock.js";
import type { Net, Socket } from "../net.js";
import { describe, type Info, type Module, type Usage } from "./info.js";
import type { Ending, Load, Sample } from "./page/sample.js";

/** How often streams are looked at, in milliseconds. */
const STEP_MS = 50;

/** Time between two samples of a stream, in milliseconds. */
const SAMPLE_MS = 200;

/** How long a stream may last, and how long it may be under load without being asked again, in milliseconds. */
const MAX_STREAM_MS = 600_000;
const MAX_LOAD_MS = 60_000;

/** Largest load in bytes per second, "full" apart. */
export const MAX_LOAD = 1_000_000_000;

/** Load that was held up is caught up with for that much time, in milliseconds, not more. */
const BURST_MS = 2 * STEP_MS;

/** How long a visitor may take to close a stream that was ended before it is reset, in milliseconds. */
const END_GRACE_MS = 1000;

/** When visitors should come back, in milliseconds. */
const SOON_MS = 1000;
const LATER_MS = 5000;

/** Load comes in lines of LINE_BYTES, at most LINES of them at a time. */
const LINE_BYTES = 1024;
const LINES = 16;
const FILLER = Buffer.from(`:${".".repeat(LINE_BYTES - 2)}\n`.repeat(LINES));

interface LiveStream {
  readonly id: string;
  readonly socket: Socket;
  readonly response: ServerResponse;
  readonly since: number;
  load: Load;
  loadSince: number;
  /** Bytes of load that may be written now. */
  allowance: number;
  filledAt: number;
  sampleAt: number;
  /** Set when it was ended and its connection is still there. */
  endTimer: Timer | undefined;
}

export class LiveStreams {
  readonly #net: Net;
  readonly #module: () => Module & { requests: number };
  /** Oldest first. */
  readonly #streams = new Map<string, LiveStream>();
  #stepTimer: Timer | undefined;
  /** When the last one went, in milliseconds of the clock. */
  #leftAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  /** Streams over the connections of `net`; `module` is what the device says of itself. */
  constructor(net: Net, module: () => Module & { requests: number }) {
    this.#net = net;
    this.#module = module;
  }

  /** Streams whose connections are not closed, and how many there may be: half of the records, but one at least. */
  get usage(): Usage {
    const of = Math.max(1, Math.floor(this.#net.host.core.config.connections / 2));
    return { used: this.#streams.size, of };
  }

  /** Why no stream can begin now, for the visitor; undefined when one can. */
  get refusal(): string | undefined {
    if (this.#stopped) return "The device is stopping.\n";
    const { used, of } = this.usage;
    return used < of ? undefined : `All live streams of this device are taken (${of}).\n`;
  }

  /** Answers `request` with a stream under `load`. There must be no `refusal`. */
  begin(request: IncomingMessage, response: ServerResponse, load: Load): void {
    const now = this.#net.host.clock.now();
    // Only Ferrule's sockets are ever given to this server.
    const socket = request.socket as unknown as Socket;
    const id = randomBytes(8).toString("hex");
    const stream: LiveStream = {
      ...{ id, socket, response, load, since: now, loadSince: now, allowance: 0, filledAt: now },
      ...{ sampleAt: now, endTimer: undefined },
    };
    this.#streams.set(id, stream);
    socket.once("close", () => this.#forget(stream));
    response.on("drain", () => this.#serve(stream));
    response.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      // The record goes back with the stream.
      Connection: "close",
    });
    response.write(`retry: ${SOON_MS}\n\n`);
    this.#serve(stream);
    this.#armStep();
  }

  /** Changes the load of the stream `id`; false when there is no such stream (any more). */
  setLoad(id: string, load: Load): boolean {
    const stream = this.#streams.get(id);
    if (!stream || stream.endTimer) return false;
    const now = this.#net.host.clock.now();
    Object.assign(stream, { load, loadSince: now, allowance: 0, filledAt: now, sampleAt: now });
    this.#serve(stream);
    return true;
  }

  /** Ends all streams, and lets none begin any more. */
  stop(): void {
    this.#stopped = true;
    for (const stream of this.#streams.values())
      this.#end(stream, { reason: "the device is stopping", retryMs: SOON_MS });
  }

  #forget(stream: LiveStream): void {
    stream.endTimer?.cancel();
    this.#streams.delete(stream.id);
    this.#leftAt = this.#net.host.clock.now();
    if (this.#streams.size > 0) return;
    this.#stepTimer?.cancel();
    this.#stepTimer = undefined;
  }

  #armStep(): void {
    this.#stepTimer ??= this.#net.host.clock.after(STEP_MS, () => {
      this.#stepTimer = undefined;
      this.#giveWay();
      for (const stream of this.#streams.values()) this.#serve(stream);
      if (this.#streams.size > 0) this.#armStep();
    });
  }

  /**
   * Ends the oldest stream when somebody waits for a record. It stays the oldest until its connection is closed: the
   * next one is not ended before this one's record is back.
   */
  #giveWay(): void {
    const { core, clock } = this.#net.host;
    // A record is back once the core has sent what ends its connection.
    if (clock.now() - this.#leftAt < STEP_MS) return;
    const { connectionsUsed, synUsed } = core.header();
    if (connectionsUsed < core.config.connections || synUsed === 0) return;
    const [oldest] = this.#streams.values();
    if (oldest) this.#end(oldest, { reason: "somebody else needs the connection", retryMs: LATER_MS });
  }

  /** Writes what is due and has room. */
  #serve(stream: LiveStream): void {
    const { response } = stream;
    if (stream.endTimer || response.destroyed || response.writableNeedDrain) return;
    const now = this.#net.host.clock.now();
    if (now - stream.since >= MAX_STREAM_MS) {
      this.#end(stream, { reason: "a stream ends after ten minutes", retryMs: 0 });
      return;
    }
    if (now - stream.loadSince >= MAX_LOAD_MS) stream.load = 0;
    // Steps come a little early or late.
    if (now >= stream.sampleAt - STEP_MS / 2) {
      stream.sampleAt = now + SAMPLE_MS;
      writeEvent(response, this.#sample(stream, now));
    }
    fill(stream, now);
  }

  #sample(stream: LiveStream, now: number): Sample & Partial<Info> {
    const { connection, usage, counters, requests } = describe(
      this.#net.host.core,
      stream.socket,
      this.#module(),
    );
    return {
      id: stream.id,
      at: now,
      load: stream.load,
      connection,
      usage,
      requests,
      streams: this.usage,
      counters: Object.fromEntries(Object.entries(counters).filter(([, value]) => value > 0)),
    };
  }

  #end(stream: LiveStream, ending: Ending): void {
    if (stream.endTimer) return;
    // A visitor who reads nothing, or does not close, must not keep the record.
    stream.endTimer = this.#net.host.clock.after(END_GRACE_MS, () => stream.socket.resetAndDestroy());
    writeEvent(stream.response, ending, "end");
    stream.response.end();
  }
}

/** The load that a visitor asks for, "full" or bytes per second from 0 to MAX_LOAD; undefined for anything else. */
export function parseLoad(text: string | null): Load | undefined {
  if (text === "full") return "full";
  const load = /^\d{1,10}$/.test(text ?? "") ? Number(text) : Number.NaN;
  return load <= MAX_LOAD ? load : undefined;
}

function writeEvent(response: ServerResponse, data: Sample | Ending, name?: string): void {
  response.write(`${name ? `event: ${name}\n` : ""}data: ${JSON.stringify(data)}\n\n`);
}

/** Writes load as long as there is room: what the connection does not take now is not written. */
function fill(stream: LiveStream, now: number): void {
  const { response, load } = stream;
  if (load === 0) return;
  const rate = load === "full" ? MAX_LOAD : load;
  // A line at least, or the smallest loads would never come to one.
  const most = Math.max((rate * BURST_MS) / 1000, LINE_BYTES);
  stream.allowance = Math.min(stream.allowance + (rate * (now - stream.filledAt)) / 1000, most);
  if (load === "full") stream.allowance = most;
  stream.filledAt = now;
  while (stream.allowance >= LINE_BYTES && !response.writableNeedDrain && !response.destroyed) {
    const bytes = Math.min(FILLER.length, Math.floor(stream.allowance / LINE_BYTES) * LINE_BYTES);
    stream.allowance -= bytes;
    response.write(FILLER.subarray(0, bytes));
  }
}
