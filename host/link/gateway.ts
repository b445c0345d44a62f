// How this machine reaches a device without privileges: a second instance of the core, on the device's wire, is the
// client side. Each TCP connection that the machine makes to an exposed port becomes a connection of that core, and
// what flows between the two goes over the wire in frames. Half-closes, resets and back-pressure are carried over in
// both directions.

import { EventEmitter } from "node:events";
import { type AddressInfo, createServer, type Socket as LocalSocket, type Server } from "node:net";
import type { Duplex } from "node:stream";
import type { Net, Socket } from "../net.js";
import type { Passage, PassageEvents, PassageSource } from "../passages.js";

/** Clients that wait for a connection record of the gateway's core, at most, unless it is told otherwise. */
const MAX_WAITING = 512;

/** How long a client waits for a record before it is reset, in milliseconds. */
const MAX_WAIT_MS = 60_000;

/** How often waiting clients are looked at, in milliseconds: a record that becomes free raises no event. */
const WAIT_STEP_MS = 20;

/** How long a client may take for the last bytes of a connection that has ended, in milliseconds. */
const FLUSH_MS = 30_000;

/** Where the machine listens, and to which port of the device that leads. */
export interface Exposure {
  service: string;
  /** A loopback address of this machine. */
  address: string;
  /** 0 lets the machine choose. */
  port: number;
  devicePort: number;
}

/** A client and its connection to the device. */
interface Joined {
  readonly client: LocalSocket;
  readonly device: Socket;
  readonly passage: Passage;
}

interface Waiting {
  readonly client: LocalSocket;
  readonly exposure: Exposure;
  readonly since: number;
}

/** Emits "open" and "close", each with a Passage. */
export class Gateway extends EventEmitter<PassageEvents> implements PassageSource {
  /** Clients that came, those that were turned away included. */
  clients = 0;
  /** Clients that were reset because too many waited, or they waited too long. */
  turnedAway = 0;
  readonly #net: Net;
  readonly #device: string;
  readonly #maxWaiting: number;
  readonly #servers: Server[] = [];
  /** Clients' sockets that are not closed. */
  readonly #clients = new Set<LocalSocket>();
  readonly #joined = new Set<Joined>();
  #passages = 0;
  #waiting: Waiting[] = [];
  #stepping = false;

  /**
   * `net`: over the gateway's own core. `device`: the device's IPv4 address. `maxWaiting`: clients that wait for a
   * record, at most; further ones are reset.
   */
  constructor(net: Net, device: string, maxWaiting = MAX_WAITING) {
    super();
    this.#maxWaiting = maxWaiting;
    this.#net = net;
    this.#device = device;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#joined.size;
  }

  /** Clients that wait for a record. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Starts to listen; resolves to the port, rejects with Node's error (EADDRINUSE and so on). */
  expose(exposure: Exposure): Promise<number> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) =>
      this.#arrive(client, exposure),
    );
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(exposure.port, exposure.address, () => {
        server.removeListener("error", reject);
        this.#servers.push(server);
        resolve((server.address() as AddressInfo).port);
      });
    });
  }

  /** Stops to listen and resets the clients that still wait. Connections that are open go on. */
  stopListening(): void {
    for (const server of this.#servers.splice(0)) server.close();
    for (const { client } of this.#waiting.splice(0)) resetLocal(client);
  }

  /** Resets all connections. */
  resetAll(): void {
    for (const { device } of this.#joined) device.resetAndDestroy();
  }

  /** Drops the clients that are left, those included that have not taken their last bytes yet. */
  dropAll(): void {
    for (const client of this.#clients) client.destroy();
  }

  #arrive(client: LocalSocket, exposure: Exposure): void {
    this.clients++;
    this.#clients.add(client);
    client.once("close", () => this.#clients.delete(client));
    // What goes wrong shows in "close", which always follows.
    client.on("error", () => {});
    this.#waiting.push({ client, exposure, since: this.#net.host.clock.now() });
    this.#admit();
    if (this.#waiting.length > this.#maxWaiting) this.#turnAway(this.#waiting.pop() as Waiting);
  }

  /** Opens connections for those that wait, in the order they came, as long as there are records. */
  #admit(): void {
    const { clock } = this.#net.host;
    this.#waiting = this.#waiting.filter(({ client }) => !client.destroyed);
    while (this.#waiting.length > 0 && this.#hasFreeRecord()) {
      const { client, exposure } = this.#waiting.shift() as Waiting;
      this.#join(client, exposure);
    }
    while (this.#waiting[0] && clock.now() - this.#waiting[0].since > MAX_WAIT_MS)
      this.#turnAway(this.#waiting.shift() as Waiting);
    if (this.#waiting.length === 0 || this.#stepping) return;
    this.#stepping = true;
    clock.after(WAIT_STEP_MS, () => {
      this.#stepping = false;
      this.#admit();
    });
  }

  #hasFreeRecord(): boolean {
    const { core } = this.#net.host;
    return core.header().connectionsUsed < core.config.connections;
  }

  #turnAway({ client }: Waiting): void {
    this.turnedAway++;
    resetLocal(client);
  }

  #join(client: LocalSocket, { service, devicePort }: Exposure): void {
    const passage: Passage = {
      number: ++this.#passages,
      service,
      client: `${client.remoteAddress}:${client.remotePort}`,
      since: this.#net.host.clock.now(),
      toDevice: 0,
      fromDevice: 0,
      failure: undefined,
    };
    // What the client sends waits until the connection is there.
    const device = this.#net.connect({ host: this.#device, port: devicePort, allowHalfOpen: true }, () => {
      client.pipe(device);
      device.pipe(client);
    });
    device.setNoDelay(true);
    const joined: Joined = { client, device, passage };
    client.on("error", (error) => noteFailure(passage, error));
    client.once("close", () => {
      if (!hasEnded(client)) device.resetAndDestroy();
    });
    device.on("error", (error) => noteFailure(passage, error));
    device.once("close", () => this.#end(joined));
    this.#joined.add(joined);
    this.emit("open", passage);
  }

  #end(joined: Joined): void {
    const { client, device, passage } = joined;
    if (!hasEnded(device)) {
      this.#resetAfterFlush(client);
      passage.failure ??= "ECONNRESET";
    }
    this.#joined.delete(joined);
    passage.toDevice = device.bytesWritten;
    passage.fromDevice = device.bytesRead;
    this.emit("close", passage);
    this.#admit();
  }

  /**
   * Resets the client. When the device ended its direction in order before it failed, the client still gets all of
   * that direction first, within a bounded time.
   */
  #resetAfterFlush(client: LocalSocket): void {
    if (client.destroyed) return;
    if (!client.writableEnded || client.writableFinished) {
      resetLocal(client);
      return;
    }
    const timer = this.#net.host.clock.after(FLUSH_MS, () => client.destroy());
    client.once("finish", () => resetLocal(client));
    client.once("close", () => timer.cancel());
  }
}

/** Of several errors the first one counts. */
function noteFailure(passage: Passage, error: NodeJS.ErrnoException): void {
  passage.failure ??= error.code ?? error.message;
}

/** Whether both directions of a stream ended in order. */
function hasEnded(stream: Duplex): boolean {
  return stream.readableEnded && stream.writableFinished;
}

function resetLocal(client: LocalSocket): void {
  if (!client.destroyed) client.resetAndDestroy();
}
