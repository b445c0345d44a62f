// What the device tells of itself and of one of its connections.

import { Build, TcpState } from "../abi.js";
import { type ConnectionInfo, type Core, statusName } from "../core.js";
import type { Socket } from "../net.js";

/** What runs. */
export interface Module {
  /** Of the project. */
  version: string;
  /** Size of the Wasm module in bytes. */
  moduleBytes: number;
}

export interface Endpoints {
  local: string;
  peer: string;
}

export interface Usage {
  used: number;
  of: number;
}

/** A connection as the stack sees it. */
export interface Connection extends Endpoints, Omit<ConnectionInfo, "state" | "error"> {
  /** Name of the TcpState. */
  state: string;
  /** Name of the Status. */
  error: string;
  /** Bytes sent and not yet acknowledged. */
  inFlight: number;
  /** Bytes written for which the send ring had no room yet. */
  hostQueued: number;
  /** Sizes of its rings in bytes. */
  sendRingBytes: number;
  receiveRingBytes: number;
}

export interface Info {
  version: string;
  engine: string;
  build: string;
  moduleBytes: number;
  stateBytes: number;
  requests: number;
  /** null when the connection has ended in the meantime. */
  connection: Connection | null;
  usage: { connections: Usage; listeners: Usage; synEntries: Usage; timeWaitEntries: Usage };
  /** By name, as in the ABI's Counter. */
  counters: Record<string, number>;
}

/** Describes the device and the connection that `socket` is. */
export function describe(core: Core, socket: Socket, module: Module & { requests: number }): Info {
  const { config } = core;
  const header = core.header();
  return {
    version: module.version,
    engine: core.engine.name,
    build: nameOf(Build, header.build).toLowerCase(),
    moduleBytes: module.moduleBytes,
    stateBytes: header.stateBytes,
    requests: module.requests,
    connection: describeConnection(core, socket),
    usage: {
      connections: { used: header.connectionsUsed, of: config.connections },
      listeners: { used: header.listenersUsed, of: config.listeners },
      synEntries: { used: header.synUsed, of: config.synEntries },
      timeWaitEntries: { used: header.timeWaitUsed, of: config.timeWaitEntries },
    },
    counters: core.counters(),
  };
}

function describeConnection(core: Core, socket: Socket): Info["connection"] {
  const tcp = socket.tcpInfo();
  if (!tcp) return null;
  return {
    local: `${socket.localAddress}:${socket.localPort}`,
    peer: `${socket.remoteAddress}:${socket.remotePort}`,
    ...tcp,
    state: nameOf(TcpState, tcp.state),
    error: statusName(tcp.error),
    // Sequence numbers wrap.
    inFlight: (tcp.sndMax - tcp.sndUna) >>> 0,
    hostQueued: socket.writableLength,
    sendRingBytes: core.config.sendRingBytes,
    receiveRingBytes: core.config.receiveRingBytes,
  };
}

/** The name of `value` among constants. */
function nameOf(constants: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(constants).find(([, each]) => each === value)?.[0] ?? String(value);
}
