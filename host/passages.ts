// Connections of a device as a visitor's log shows them: each with a number, from when it came to when it was gone.

import { EventEmitter } from "node:events";
import type { Clock } from "./clock.js";
import type { Server, Socket } from "./net.js";

/** A client's connection, as "open" and "close" tell of it. */
export interface Passage {
  /** Counts from 1. */
  readonly number: number;
  /** Name of the service. */
  readonly service: string;
  /** The client, "127.0.0.1:50000". */
  readonly client: string;
  /** When it came, in milliseconds of the host's clock. */
  readonly since: number;
  /** Bytes to and from the device; final at "close". */
  toDevice: number;
  fromDevice: number;
  /** Why it ended before its time, a Node error code; undefined when both directions ended in order. */
  failure: string | undefined;
}

/** Whoever tells of connections that come and go. */
export interface PassageSource extends EventEmitter<PassageEvents> {
  /** Connections that are open. */
  readonly open: number;
}

export interface PassageEvents {
  open: [Passage];
  close: [Passage];
}

/** The passages of a device's own servers. */
export class ServerPassages extends EventEmitter<PassageEvents> implements PassageSource {
  /** Connections that came. */
  count = 0;
  open = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    super();
    this.#clock = clock;
  }

  /** Tells of the connections of `server` from now on. */
  add(service: string, server: Server): void {
    server.on("connection", (socket: Socket) => this.#follow(service, socket));
  }

  #follow(service: string, socket: Socket): void {
    const passage: Passage = {
      number: ++this.count,
      service,
      client: `${socket.remoteAddress}:${socket.remotePort}`,
      since: this.#clock.now(),
      toDevice: 0,
      fromDevice: 0,
      failure: undefined,
    };
    this.open++;
    socket.on("error", (error: NodeJS.ErrnoException) => {
      passage.failure ??= error.code ?? error.message;
    });
    socket.once("close", () => {
      passage.toDevice = socket.bytesRead;
      passage.fromDevice = socket.bytesWritten;
      this.open--;
      this.emit("close", passage);
    });
    this.emit("open", passage);
  }
}
