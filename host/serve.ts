// The main job: a device (the core with its HTTP and echo servers), and how this machine reaches it: through a gateway on
// a wire in memory, or through a TAP interface of the kernel.

import { createHash } from "node:crypto";
import { Counter } from "./abi.js";
import { netmaskOf } from "./address.js";
import { type Clock, realClock } from "./clock.js";
import type { Core, CoreConfig } from "./core.js";
import { DROP_NAMES } from "./counters.js";
import { BACKLOG, bootCore, Device, ECHO_PORT, HTTP_PORT } from "./device.js";
import type { EngineFactory } from "./engines/engine.js";
import { Host } from "./host.js";
import { Gateway } from "./link/gateway.js";
import type { Link } from "./link/link.js";
import type { TapLink } from "./link/tap.js";
import type { TapOptions } from "./link/tap_setup.js";
import { Wire } from "./link/wire.js";
import { Net, type Server } from "./net.js";
import { type PassageSource, ServerPassages } from "./passages.js";

const DEVICE_ADDRESS = "10.0.0.2";
export const GATEWAY_MAC = "02:46:52:00:00:01";
const GATEWAY = { mac: GATEWAY_MAC, address: "10.0.0.1" };

/** Records that the gateway has beyond the device's: so that it is the device's limits that are felt. */
const SPARE_RECORDS = BACKLOG;

/** How long a stop waits for clients to finish, and then for the last segments, in milliseconds. */
export const GRACE_MS = 2000;
const SETTLE_MS = 2000;

/** Frames and deadlines of a core that are gone through when it has stopped, at most: a thousand for each record. */
const LAST_STEPS = 1_000_000;

/** How often a stop looks whether it is done, in milliseconds. */
const STOP_STEP_MS = 10;

/** What every device has, whatever its link. */
export interface DeviceServiceOptions {
  /** The compiled core. */
  wasm: Uint8Array;
  version: string;
  /** The device's connection records, 1 to MAX_CONNECTIONS. */
  connections: number;
  /** Bytes of each of a connection's rings, a multiple of 4; default RING_BYTES. */
  ringBytes?: number;
  /** Connections on which nothing moves for so long are reset, in milliseconds; default DEFAULT_IDLE_MS. */
  idleMs?: number;
  /** 32 octets that nobody can guess. */
  seed: Uint8Array;
  /** Puts something between a host and its link: a capture, a bad network. */
  wrapLink?: (link: Link, name: HostName, core: Core) => Link;
  /** The engine of each host; default V8. */
  engineFor?: (name: HostName) => EngineFactory;
}

/** The hosts of a service. */
export type HostName = "device" | "gateway";

export interface ServeOptions extends DeviceServiceOptions {
  /** Loopback address to listen on. */
  address: string;
  /** 0 lets the machine choose. */
  port: number;
  echoPort: number;
}

export interface ServeTapOptions extends DeviceServiceOptions {
  tap: TapOptions;
}

/** What a run came to. */
export interface Totals {
  clients: number;
  turnedAway: number;
  requests: number;
  /** Of data, to and from the device. */
  bytesToDevice: number;
  bytesFromDevice: number;
  /** All cores together. */
  retransmits: number;
  drops: number;
  /** The drop counters that have moved. */
  dropsByName: Record<string, number>;
  /** Connection records that did not come back, all cores together: 0, or something leaks. */
  recordsLeft: number;
}

/** A device behind a gateway: reachable on loopback ports, without privileges. */
export class Service {
  readonly wire = new Wire();
  readonly gatewayHost: Host;
  readonly gateway: Gateway;
  readonly #clock: Clock = realClock;
  readonly #device: Device;
  readonly #traffic: Traffic;

  /** Boots the device and its gateway; nothing is reachable before `start`. */
  constructor(options: ServeOptions) {
    const clock = this.#clock;
    this.#device = bootDevice(this.wire.port(), clock, DEVICE_ADDRESS, options);
    this.gatewayHost = bootGateway(this.wire.port(), clock, options);
    this.gateway = new Gateway(new Net(this.gatewayHost), DEVICE_ADDRESS);
    this.#traffic = new Traffic(this.gateway);
  }

  get device(): Host {
    return this.#device.host;
  }

  get http() {
    return this.#device.http;
  }

  get echo(): Server {
    return this.#device.echo;
  }

  get passages(): PassageSource {
    return this.gateway;
  }

  /** Starts to listen; resolves to the ports. Rejects with Node's error, and leaves nothing listening then. */
  async start({ address, port, echoPort }: ServeOptions): Promise<{ port: number; echoPort: number }> {
    this.#device.listen();
    const expose = (service: string, port: number, devicePort: number) =>
      this.gateway.expose({ service, address, port, devicePort });
    try {
      return {
        port: await expose("http", port, HTTP_PORT),
        echoPort: await expose("echo", echoPort, ECHO_PORT),
      };
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops to listen, lets clients finish for a bounded time, then resets those that are left; tells the totals. */
  async stop(): Promise<Totals> {
    const clock = this.#clock;
    const hosts = [this.device, this.gatewayHost];
    this.gateway.stopListening();
    this.#device.stopAnswering();
    await until(() => this.gateway.open === 0, GRACE_MS, clock);
    this.gateway.resetAll();
    this.#device.stopListening();
    await until(() => this.gateway.open === 0 && sum(hosts, recordsUsed) === 0, SETTLE_MS, clock);
    this.gateway.dropAll();
    for (const host of hosts) host.close();
    const totals: Totals = {
      clients: this.gateway.clients,
      turnedAway: this.gateway.turnedAway,
      requests: this.http.requests,
      ...this.#traffic.bytes,
      ...counted([this.device.core, this.gatewayHost.core]),
      recordsLeft: 0,
    };
    return { ...totals, recordsLeft: sum(hosts, recordsKept) };
  }
}

/** A device behind a TAP interface: the kernel is its peer. */
export class TapService {
  readonly passages: ServerPassages;
  /** Resolves when the interface has gone away under the device, to the name of the errno. */
  readonly lost: Promise<string>;
  readonly #clock: Clock = realClock;
  readonly #device: Device;
  readonly #tap: TapLink;
  readonly #traffic: Traffic;

  private constructor(tap: TapLink, options: ServeTapOptions) {
    const { deviceAddress, hostAddress, prefixLength } = options.tap;
    this.#tap = tap;
    this.lost = new Promise((resolve) => {
      tap.onLost = resolve;
    });
    const network = { netmask: netmaskOf(prefixLength), gateway: hostAddress };
    this.#device = bootDevice(tap, this.#clock, deviceAddress, { ...options, ...network });
    this.passages = new ServerPassages(this.#clock);
    this.passages.add("http", this.#device.http.server);
    this.passages.add("echo", this.#device.echo);
    this.#traffic = new Traffic(this.passages);
  }

  /** Sets up the interface, boots the device and lets it listen. Rejects with Advice. */
  static async start(options: ServeTapOptions): Promise<TapService> {
    // Only here: what a TAP device needs is not there on every machine.
    const { openTap } = await import("./link/tap_setup.js");
    const tap = await openTap(options.tap);
    try {
      const service = new TapService(tap, options);
      service.#device.listen();
      return service;
    } catch (error) {
      await tap.close();
      throw error;
    }
  }

  get device(): Host {
    return this.#device.host;
  }

  /** Lets clients finish for a bounded time, then resets those that are left; tells the totals. */
  async stop(): Promise<Totals> {
    const clock = this.#clock;
    this.#device.stopAnswering();
    this.#device.stopListening();
    await until(() => this.passages.open === 0, GRACE_MS, clock);
    this.#device.resetAll();
    await until(() => this.#device.recordsUsed === 0, SETTLE_MS, clock);
    this.device.close();
    const totals: Totals = {
      clients: this.passages.count,
      turnedAway: 0,
      requests: this.#device.http.requests,
      ...this.#traffic.bytes,
      ...counted([this.#device.core]),
      recordsLeft: 0,
    };
    await this.#tap.close();
    return { ...totals, recordsLeft: recordsKept(this.device) };
  }
}

/** Adds up what connections carried. */
class Traffic {
  readonly bytes = { bytesToDevice: 0, bytesFromDevice: 0 };

  constructor(source: PassageSource) {
    source.on("close", ({ toDevice, fromDevice }) => {
      this.bytes.bytesToDevice += toDevice;
      this.bytes.bytesFromDevice += fromDevice;
    });
  }
}

function bootDevice(
  link: Link,
  clock: Clock,
  address: string,
  { wrapLink, engineFor, ...options }: DeviceServiceOptions & { netmask?: string; gateway?: string },
): Device {
  return new Device(link, clock, {
    ...options,
    address,
    ...(wrapLink && { wrapLink: (link: Link, core: Core) => wrapLink(link, "device", core) }),
    ...(engineFor && { engine: engineFor("device") }),
  });
}

/**
 * The gateway's host, with room for more connections than the device has. `address`: its IPv4 address; `services`: what its
 * core has beside TCP.
 */
export function bootGateway(
  link: Link,
  clock: Clock,
  options: Pick<
    DeviceServiceOptions,
    "wasm" | "connections" | "seed" | "ringBytes" | "wrapLink" | "engineFor"
  >,
  address: string = GATEWAY.address,
  services: Partial<CoreConfig> = {},
): Host {
  const { wasm, connections, seed, wrapLink, engineFor } = options;
  const config: CoreConfig = {
    ...GATEWAY,
    ...services,
    address,
    connections: connections + SPARE_RECORDS,
    // The device and its gateway must not draw the same numbers.
    seed: createHash("sha256").update(seed).update("gateway").digest(),
  };
  const core = bootCore(wasm, clock, config, {
    ...options,
    ...(engineFor && { engine: engineFor("gateway") }),
  });
  return new Host(core, wrapLink?.(link, "gateway", core) ?? link, clock);
}

/** Waits for `done()`, for at most `ms` milliseconds. */
export async function until(done: () => boolean, ms: number, clock: Clock): Promise<void> {
  const limit = clock.now() + ms;
  while (!done() && clock.now() < limit)
    await new Promise<void>((resolve) => clock.after(STOP_STEP_MS, resolve));
}

function recordsUsed(host: Host): number {
  return host.core.header().connectionsUsed;
}

/**
 * Records of a stopped host that its core keeps although all its timers have run. A peer that has vanished, or that does
 * not read, holds a record for minutes, which a stop cannot wait for: the core is told that they have passed.
 */
function recordsKept({ core, clock }: Host): number {
  let now = clock.now();
  for (let step = 0; step < LAST_STEPS && core.header().connectionsUsed > 0; step++) {
    if (core.output(now)) continue;
    const wait = core.deadline(now);
    if (wait === Number.POSITIVE_INFINITY) break;
    now += wait;
  }
  return core.header().connectionsUsed;
}

function counted(cores: readonly Core[]): Pick<Totals, "retransmits" | "drops" | "dropsByName"> {
  const total = (name: keyof typeof Counter) => sum(cores, (core) => core.counter(Counter[name]));
  const moved = DROP_NAMES.filter((name) => total(name) > 0);
  return {
    retransmits: total("TCP_RETRANSMITS"),
    drops: sum(moved, total),
    dropsByName: Object.fromEntries(moved.map((name) => [name, total(name)])),
  };
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
