// Two hosts on a wire in memory, for tests: on a virtual clock unless they bring another.

import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Clock } from "../../host/clock.js";
import { type CoreConfig, createCore } from "../../host/core.js";
import { Host } from "../../host/host.js";
import type { Link } from "../../host/link/link.js";
import { Wire } from "../../host/link/wire.js";
import { Net } from "../../host/net.js";
import { VirtualClock } from "../../host/sim/clock.js";
import { recorded } from "../report/recording.js";

export const wasm = readFileSync(new URL("../../build/core.wasm", import.meta.url));

/** The build with UDP, DNS and DHCP. */
export const standardWasm = readFileSync(new URL("../../build/standard.wasm", import.meta.url));

export const LEFT = { mac: "02:00:00:00:00:01", address: "10.0.0.1" };
export const RIGHT = { mac: "02:00:00:00:00:02", address: "10.0.0.2" };

/** A host with a core of its own on `link`. */
export function createHost(
  link: Link,
  clock: Clock,
  config: Partial<CoreConfig> & { mac: string },
  module: Uint8Array = wasm,
): Host {
  const core = createCore(
    module,
    { connections: 4, listeners: 2, seed: new Uint8Array(32).fill(config.mac.charCodeAt(16)), ...config },
    { now: clock.now(), engine: recorded(config.address ?? config.mac) },
  );
  return new Host(core, link, clock);
}

/** Two hosts that reach each other, `config` for both, `rightConfig` for the right one besides. */
export function createPair(config: Partial<CoreConfig> = {}, rightConfig: Partial<CoreConfig> = {}) {
  const clock = new VirtualClock();
  const wire = new Wire();
  const left = new Net(createHost(wire.port(), clock, { ...LEFT, ...config }));
  const right = new Net(createHost(wire.port(), clock, { ...RIGHT, ...config, ...rightConfig }));
  return { clock, wire, left, right };
}

/** As `createPair`, of standard builds with datagram sockets: hosts, for whatever runs on them. */
export function createStandardPair(
  config: Partial<CoreConfig> = {},
  leftConfig: Partial<CoreConfig> = {},
  rightConfig: Partial<CoreConfig> = {},
) {
  const clock = new VirtualClock();
  const wire = new Wire();
  const sockets = { datagramSockets: 8, datagramQueueBytes: 8192 };
  const host = (more: Partial<CoreConfig> & { mac: string }) =>
    createHost(wire.port(), clock, { ...sockets, ...config, ...more }, standardWasm);
  return { clock, wire, left: host({ ...LEFT, ...leftConfig }), right: host({ ...RIGHT, ...rightConfig }) };
}

/** Asserts that no socket and no record of the host is in use. TIME-WAIT entries may be. */
export function expectNothingLeft(host: Host): void {
  const { connectionsUsed, listenersUsed } = host.core.header();
  expect({ connectionsUsed, listenersUsed, watched: host.watched }).toEqual({
    connectionsUsed: 0,
    listenersUsed: 0,
    watched: 0,
  });
}
