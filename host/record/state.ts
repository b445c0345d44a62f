// What the cores of a replay look like at its end, in words.

import {
  Counter,
  Option,
  type StateHeader,
  StateHeaderLayout,
  Status,
  TcpInfoLayout,
  TcpState,
} from "../abi.js";
import { readRecord } from "../records.js";
import type { PlayedCore } from "./player.js";

/** Fields of the header that tell something of a run. */
const HEADER_FIELDS = ["stateBytes", "connectionsUsed", "listenersUsed", "timeWaitUsed", "synUsed"] as const;

/** Sockets that are told of, at most. */
const SOCKETS_SHOWN = 100;

/** Cores that were initialised: head of the state, counters that moved, and the connections. Asks the cores. */
export function describeCores(cores: Iterable<PlayedCore>): string[] {
  return [...cores].filter(({ memory }) => memory.isInitialised).flatMap(describeCore);
}

function describeCore(core: PlayedCore): string[] {
  const { memory, record } = core;
  const header: StateHeader = readRecord(memory.octets, memory.base, StateHeaderLayout);
  const fields = HEADER_FIELDS.map((name) => `${name} ${header[name]}`).join(", ");
  const handles = [...core.handles];
  const hidden = handles.length - SOCKETS_SHOWN;
  return [
    `core "${record.name}": ${fields}`,
    ...countersOf(memory.range(header.counters, Counter.COUNT * 4)).map((line) => `  ${line}`),
    ...handles.slice(0, SOCKETS_SHOWN).map((handle) => `  ${describeSocket(core, handle)}`),
    ...(hidden > 0 ? [`  and ${hidden} more sockets`] : []),
  ];
}

function countersOf(octets: Uint8Array): string[] {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  return Object.entries(Counter)
    .filter(([name, index]) => name !== "COUNT" && index * 4 + 4 <= octets.length)
    .map(([name, index]) => [name, view.getUint32(index * 4, true)] as const)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => `${name} ${value}`);
}

function describeSocket({ engine, memory }: PlayedCore, handle: number): string {
  const { exchange } = memory;
  const ask = (option: number, length: number) => engine.exports.getopt(handle, option, exchange, length);
  if (exchange === 0) return `socket ${handle}`;
  if (ask(Option.TCP_INFO, TcpInfoLayout.size) === TcpInfoLayout.size) {
    const info = readRecord(memory.octets, exchange, TcpInfoLayout);
    const fields = Object.entries(info).filter(([name]) => name !== "state");
    return `socket ${handle}: ${stateName(info.state)}, ${fields.map(([name, value]) => `${name} ${value}`).join(", ")}`;
  }
  return ask(Option.TCP_STATE, 1) === Status.OK + 1
    ? `socket ${handle}: ${stateName(memory.octets[exchange] as number)}`
    : `socket ${handle}`;
}

function stateName(state: number): string {
  return Object.entries(TcpState).find(([, value]) => value === state)?.[0] ?? `state ${state}`;
}
