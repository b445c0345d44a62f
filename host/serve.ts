// The main job: a device (the core with its HTTP and echo servers) on a wire in memory, and a gateway on the same wire
// through which this machine reaches it.

import { createHash } from "node:crypto";
import { Counter } from "./abi.js";
import { createEchoServer } from "./apps/echo.js";
import { createHttpService, type HttpService } from "./apps/http_server.js";
import type { Module } from "./apps/info.js";
import { realClock as clock } from "./clock.js";
import { type Core, type CoreConfig, createCore } from "./core.js";
import { Host } from "./host.js";
import { Gateway } from "./link/gateway.js";
import { Wire } from "./link/wire.js";
import { Net, type Server } from "./net.js";

const DEVICE = { mac: "02:46:52:00:00:02", address: "10.0.0.2" };
const GATEWAY = { mac: "02:46:52:00:00:01", address: "10.0.0.1" };

const HTTP_PORT = 80;
const ECHO_PORT = 7;

/** Bytes of each ring, device and gateway: half of the largest window that TCP has without scaling. */
const RING_BYTES = 32768;

/** Connections that may wait at each of the device's servers, and handshakes in its SYN cache, for a record or not. */
const BACKLOG = 128;

/** Records that the gateway has beyond the device's: so that it is the device's limits that are felt. */
const SPARE_RECORDS = BACKLOG;

/** Connections that the device may be given, at most: they take 64 KB each, twice. */
export const MAX_CONNECTIONS = 1024;

/** How long a stop waits for clients to finish, and then for the last segments, in milliseconds. */
const GRACE_MS = 2000;
const SETTLE_MS = 2000;

/** How often a stop looks whether it is done, in milliseconds. */
const STOP_STEP_MS = 10;

/** Counters of normal traffic, and of what went wrong with whole connections. Each of the others is one of drops. */
const NOT_DROPS: ReadonlySet<keyof typeof Counter> = new Set([
  "FRAMES_IN",
  "FRAMES_OUT",
  "ARP_IGNORED",
  "ARP_REQUESTS",
  "ARP_REPLIES",
  "ARP_FAILED",
  "ARP_EVICTED",
  "ICMP_IGNORED",
  "ICMP_ECHO",
  "TCP_NO_CONNECTION",
  "TCP_SEGMENTS_IN",
  "TCP_SEGMENTS_OUT",
  "TCP_RETRANSMITS",
  "TCP_TIMEOUTS",
  "TCP_PROBES",
  "TCP_OUT_OF_ORDER",
  "TCP_RST_CHALLENGED",
  "TCP_SYN_CHALLENGED",
  "TCP_RESETS_IN",
  "TCP_RESETS_OUT",
  "TCP_ACTIVE_OPENS",
  "TCP_PASSIVE_OPENS",
  "TCP_GIVEN_UP",
  "TCP_TIME_WAIT_EVICTED",
  "TCP_TIME_WAIT_RST",
  "TCP_DATA_AFTER_CLOSE",
  "TCP_UNACCEPTED",
  "TCP_FIN_WAIT_2_EXPIRED",
  "TCP_NO_RECORD",
  "TCP_SYN_EXPIRED",
  "TCP_FAST_RETRANSMITS",
  "TCP_KEEPALIVES",
  "TCP_USER_TIMEOUTS",
  "ICMP_UNREACHABLE",
  "ICMP_ERRORS",
  "ARP_ANNOUNCEMENTS",
  "COUNT",
]);

const DROPS = (Object.keys(Counter) as (keyof typeof Counter)[]).filter((name) => !NOT_DROPS.has(name));

export interface ServeOptions {
  /** The compiled core. */
  wasm: Uint8Array;
  version: string;
  /** Loopback address to listen on. */
  address: string;
  /** 0 lets the machine choose. */
  port: number;
  echoPort: number;
  /** The device's connection records, 1 to MAX_CONNECTIONS. */
  connections: number;
  /** 32 octets that nobody can guess. */
  seed: Uint8Array;
}

/** What a run came to. */
export interface Totals {
  clients: number;
  turnedAway: number;
  requests: number;
  /** Of data, to and from the device. */
  bytesToDevice: number;
  bytesFromDevice: number;
  /** Both cores together. */
  retransmits: number;
  drops: number;
  /** Connection records that are still in use, both cores together: 0, or something leaks. */
  recordsLeft: number;
}

export class Service {
  readonly wire = new Wire();
  readonly device: Host;
  readonly gatewayHost: Host;
  readonly gateway: Gateway;
  readonly http: HttpService;
  readonly echo: Server;
  #bytesToDevice = 0;
  #bytesFromDevice = 0;

  /** Boots the device and its gateway; nothing is reachable before `start`. */
  constructor(options: ServeOptions) {
    const { wasm, connections, seed, version } = options;
    this.device = this.#boot(wasm, { ...DEVICE, connections, listeners: 2, seed });
    this.gatewayHost = this.#boot(wasm, {
      ...GATEWAY,
      connections: connections + SPARE_RECORDS,
      // The device and its gateway must not draw the same numbers.
      seed: createHash("sha256").update(seed).update("gateway").digest(),
    });
    this.gateway = new Gateway(new Net(this.gatewayHost), DEVICE.address);
    this.gateway.on("close", ({ toDevice, fromDevice }) => {
      this.#bytesToDevice += toDevice;
      this.#bytesFromDevice += fromDevice;
    });
    const net = new Net(this.device);
    const module: Module = { version, moduleBytes: wasm.length };
    this.http = createHttpService(net, module);
    this.echo = createEchoServer(net);
  }

  /** Starts to listen; resolves to the ports. Rejects with Node's error, and leaves nothing listening then. */
  async start({ address, port, echoPort }: ServeOptions): Promise<{ port: number; echoPort: number }> {
    this.http.server.listen({ port: HTTP_PORT, backlog: BACKLOG });
    this.echo.listen({ port: ECHO_PORT, backlog: BACKLOG });
    try {
      return {
        port: await this.gateway.expose({ service: "http", address, port, devicePort: HTTP_PORT }),
        echoPort: await this.gateway.expose({
          service: "echo",
          address,
          port: echoPort,
          devicePort: ECHO_PORT,
        }),
      };
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops to listen, lets clients finish for a bounded time, then resets those that are left; tells the totals. */
  async stop(): Promise<Totals> {
    this.gateway.stopListening();
    this.http.live.stop();
    this.http.http.close();
    this.http.http.closeIdleConnections();
    await this.#until(() => this.gateway.open === 0, GRACE_MS);
    this.gateway.resetAll();
    this.http.server.close();
    this.echo.close();
    await this.#until(() => this.gateway.open === 0 && this.#recordsLeft() === 0, SETTLE_MS);
    this.gateway.dropAll();
    const totals = this.#totals();
    this.device.close();
    this.gatewayHost.close();
    return totals;
  }

  #boot(wasm: Uint8Array, config: CoreConfig): Host {
    const limits = {
      sendRingBytes: RING_BYTES,
      receiveRingBytes: RING_BYTES,
      timeWaitEntries: 2 * BACKLOG,
      reassemblyRanges: 8,
      synEntries: BACKLOG,
    };
    const core = createCore(wasm, { ...limits, ...config }, { now: clock.now() });
    return new Host(core, this.wire.port(), clock);
  }

  /** Waits for `done()`, for at most `ms` milliseconds. */
  async #until(done: () => boolean, ms: number): Promise<void> {
    const limit = clock.now() + ms;
    while (!done() && clock.now() < limit)
      await new Promise<void>((resolve) => clock.after(STOP_STEP_MS, resolve));
  }

  get #cores(): readonly Core[] {
    return [this.device.core, this.gatewayHost.core];
  }

  #recordsLeft(): number {
    return sum(this.#cores, (core) => core.header().connectionsUsed);
  }

  #totals(): Totals {
    return {
      clients: this.gateway.clients,
      turnedAway: this.gateway.turnedAway,
      requests: this.http.requests,
      bytesToDevice: this.#bytesToDevice,
      bytesFromDevice: this.#bytesFromDevice,
      retransmits: sum(this.#cores, (core) => core.counter(Counter.TCP_RETRANSMITS)),
      drops: sum(this.#cores, (core) => sum(DROPS, (name) => core.counter(Counter[name]))),
      recordsLeft: this.#recordsLeft(),
    };
  }
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
