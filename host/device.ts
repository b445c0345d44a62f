// The device that the `ferrule` command runs: a core with an HTTP and an echo server, on whatever link there is.

import { Status } from "./abi.js";
import { Advice } from "./advice.js";
import { createEchoServer } from "./apps/echo.js";
import { createHttpService, type HttpService } from "./apps/http_server.js";
import type { Clock } from "./clock.js";
import { type Core, type CoreConfig, type CoreError, createCore } from "./core.js";
import type { EngineFactory } from "./engines/engine.js";
import { Host } from "./host.js";
import type { Link } from "./link/link.js";
import { Net, type Server, type Socket } from "./net.js";

export const HTTP_PORT = 80;
export const ECHO_PORT = 7;

/** The device's hardware address: locally administered, and "FR" in it. */
export const DEVICE_MAC = "02:46:52:00:00:02";

/** Connections that may wait at each of the device's servers, and handshakes in its SYN cache, for a record or not. */
export const BACKLOG = 128;

/** Bytes of each ring, unless a caller says otherwise: half of the largest window that TCP has without scaling. */
export const RING_BYTES = 32768;

/** Connections that the device may be given, at most: with the default rings they take 64 KB each. */
export const MAX_CONNECTIONS = 1024;

/** How long nothing may move on a connection before the device resets it, in milliseconds. */
export const DEFAULT_IDLE_MS = 120_000;

/** What runs, and where it is. */
export interface DeviceOptions {
  /** The compiled core. */
  wasm: Uint8Array;
  version: string;
  /** IPv4 address, "10.0.0.2". */
  address: string;
  /** Default 255.255.255.0. */
  netmask?: string;
  /** IPv4 address of the default router; missing for none. */
  gateway?: string;
  /** Connection records, 1 to MAX_CONNECTIONS. */
  connections: number;
  /** Bytes of each ring, a multiple of 4; default RING_BYTES. */
  ringBytes?: number;
  /** Connections on which nothing moves for so long are reset, in milliseconds; default DEFAULT_IDLE_MS. */
  idleMs?: number;
  /** 32 octets that nobody can guess. */
  seed: Uint8Array;
  /** Default: V8. */
  engine?: EngineFactory;
  /** Puts something between the host and its link; default nothing. */
  wrapLink?: (link: Link, core: Core) => Link;
}

/** A core with the sizes that the `ferrule` command gives its hosts. Throws Advice when they need too much memory. */
export function bootCore(
  wasm: Uint8Array,
  clock: Clock,
  config: CoreConfig,
  { ringBytes = RING_BYTES, engine }: Pick<DeviceOptions, "ringBytes" | "engine">,
): Core {
  const sizes = {
    sendRingBytes: ringBytes,
    receiveRingBytes: ringBytes,
    timeWaitEntries: 2 * BACKLOG,
    reassemblyRanges: 8,
    synEntries: BACKLOG,
  };
  try {
    return createCore(wasm, { ...sizes, ...config }, { now: clock.now(), ...(engine && { engine }) });
  } catch (error) {
    const isTooMuch = error instanceof RangeError || (error as CoreError).status === Status.NO_MEMORY;
    if (!isTooMuch) throw error;
    throw new Advice(
      `${config.connections} connections with rings of ${ringBytes} bytes need more memory than there is: ` +
        "give smaller rings with --ring, or fewer connections with --connections",
    );
  }
}

export class Device {
  readonly host: Host;
  readonly http: HttpService;
  readonly echo: Server;
  readonly #open = new Set<Socket>();

  /** Boots the device on `link`; it does not listen before `listen`. */
  constructor(link: Link, clock: Clock, options: DeviceOptions) {
    const { wasm, version, address, netmask, gateway, connections, seed } = options;
    const config: CoreConfig = {
      mac: DEVICE_MAC,
      address,
      ...(netmask && { netmask }),
      ...(gateway && { gateway }),
      connections,
      listeners: 2,
      seed,
    };
    const core = bootCore(wasm, clock, config, options);
    this.host = new Host(core, options.wrapLink?.(link, core) ?? link, clock);
    const net = new Net(this.host);
    this.http = createHttpService(net, { version, moduleBytes: wasm.length });
    this.echo = createEchoServer(net);
    for (const server of [this.http.server, this.echo])
      server.on("connection", (socket: Socket) => {
        this.#open.add(socket);
        socket.once("close", () => this.#open.delete(socket));
      });
    this.#resetIdle(options.idleMs ?? DEFAULT_IDLE_MS);
  }

  get core(): Core {
    return this.host.core;
  }

  /** Connection records in use. */
  get recordsUsed(): number {
    return this.core.header().connectionsUsed;
  }

  listen(): void {
    this.http.server.listen({ port: HTTP_PORT, backlog: BACKLOG });
    this.echo.listen({ port: ECHO_PORT, backlog: BACKLOG });
  }

  /** Answers no new request on a connection; those that are idle end, and live streams. */
  stopAnswering(): void {
    this.http.live.stop();
    this.http.http.close();
    this.http.http.closeIdleConnections();
  }

  /** Stops to listen. Connections that are open go on. */
  stopListening(): void {
    this.http.server.close();
    this.echo.close();
  }

  /** Resets all connections. */
  resetAll(): void {
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  /** A peer that has vanished, or that never asks for what it was promised, must not keep a record for long. */
  #resetIdle(ms: number): void {
    this.http.http.timeout = ms;
    this.http.http.on("timeout", (socket) => socket.resetAndDestroy());
    this.echo.on("connection", (socket: Socket) => socket.setTimeout(ms, () => socket.resetAndDestroy()));
  }
}
