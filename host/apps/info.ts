// What the device tells of itself and of one of its connections.

import { Build, type TcpInfo, TcpState } from "../abi.js";
import { type Core, statusName } from "../core.js";
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

export interface Info {
  version: string;
  engine: string;
  build: string;
  moduleBytes: number;
  stateBytes: number;
  requests: number;
  /** null when the connection has ended in the meantime. */
  connection: (Endpoints & Omit<TcpInfo, "state" | "error"> & { state: string; error: string }) | null;
  usage: { connections: Usage; listeners: Usage; synEntries: Usage; timeWaitEntries: Usage };
  /** By name, as in the ABI's Counter. */
  counters: Record<string, number>;
}

/** Describes the device and the connection that `socket` is. */
export function describe(core: Core, socket: Socket, module: Module & { requests: number }): Info {
  const header = core.header();
  return {
    version: module.version,
    engine: core.engine.name,
    build: nameOf(Build, header.build).toLowerCase(),
    moduleBytes: module.moduleBytes,
    stateBytes: header.stateBytes,
    requests: module.requests,
    connection: describeConnection(socket),
    usage: {
      connections: { used: header.connectionsUsed, of: header.connections },
      listeners: { used: header.listenersUsed, of: header.listeners },
      synEntries: { used: header.synUsed, of: header.synEntries },
      timeWaitEntries: { used: header.timeWaitUsed, of: header.timeWaitEntries },
    },
    counters: core.counters(),
  };
}

function describeConnection(socket: Socket): Info["connection"] {
  const tcp = socket.tcpInfo();
  if (!tcp) return null;
  return {
    local: `${socket.localAddress}:${socket.localPort}`,
    peer: `${socket.remoteAddress}:${socket.remotePort}`,
    ...tcp,
    state: nameOf(TcpState, tcp.state),
    error: statusName(tcp.error),
  };
}

/** The name of `value` among constants. */
function nameOf(constants: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(constants).find(([, each]) => each === value)?.[0] ?? String(value);
}
