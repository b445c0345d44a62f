// The core's UDP sockets and name queries, as far as the demos need them.

import { type Endpoint, EndpointLayout, Family, SocketKind, Status } from "../abi.js";
import { formatIpv4, parseIpv4 } from "../address.js";
import { type Address, type Core, CoreError } from "../core.js";
import { readRecord, writeRecord } from "../records.js";

/** Begins to look up the addresses of a name; returns the query's handle. */
export function openQuery(core: Core, name: string): number {
  const { exports } = core.engine;
  const handle = ok("open", exports.open(SocketKind.QUERY));
  putRun(core, handle, Buffer.from(name, "latin1"));
  ok("sendCommit", exports.sendCommit(handle, name.length));
  return handle;
}

/** The first address that a query has found; undefined when there is none yet. Throws CoreError when there will be none. */
export function queryAddress(core: Core, handle: number): string | undefined {
  const length = core.engine.exports.receivePeek(handle);
  if (length === Status.WOULD_BLOCK) return undefined;
  ok("receivePeek", length);
  const { runPointer } = core.header();
  return formatIpv4(core.engine.memory.subarray(runPointer, runPointer + 4));
}

/** Connects a stream to the host whose name a query asks for, once it knows. */
export function connectByName(core: Core, handle: number, query: number, port: number): void {
  const address = new Uint8Array(16);
  new DataView(address.buffer).setUint32(0, query, true);
  const endpoint = putEndpoint(core, { family: Family.NAME, port, address });
  ok("connect", core.engine.exports.connect(handle, endpoint));
}

/** Opens a datagram socket on a port; returns its handle. */
export function openDatagram(core: Core, local: Address): number {
  const handle = core.open(SocketKind.DATAGRAM);
  core.bind(handle, local);
  return handle;
}

/** The next datagram that came, or undefined. */
export function receiveFrom(core: Core, handle: number): { data: Uint8Array; from: Address } | undefined {
  const { exports, memory } = core.engine;
  const { exchange } = core.header();
  const length = exports.receiveFrom(handle, exchange);
  if (length < 0) return undefined;
  const { address, port } = readRecord<Endpoint>(memory, exchange, EndpointLayout);
  const { runPointer } = core.header();
  const data = memory.slice(runPointer, runPointer + length);
  ok("receiveConsume", exports.receiveConsume(handle, length));
  return { data, from: { address: formatIpv4(address), port } };
}

/** Sends a datagram. Throws CoreError when the queue has no room for it. */
export function sendTo(core: Core, handle: number, to: Address, data: Uint8Array): void {
  const run = putRun(core, handle, data);
  const address = new Uint8Array(16);
  address.set(parseIpv4(to.address));
  const endpoint = putEndpoint(core, { family: Family.IPV4, port: to.port, address });
  ok("sendTo", core.engine.exports.sendTo(handle, endpoint, run, data.length));
}

/** Puts octets where the socket wants them; returns where that is. */
function putRun(core: Core, handle: number, data: Uint8Array): number {
  const room = ok("sendReserve", core.engine.exports.sendReserve(handle));
  if (room < data.length) throw new RangeError(`no room for ${data.length} octets`);
  const { runPointer } = core.header();
  core.engine.memory.set(data, runPointer);
  return runPointer;
}

function putEndpoint(core: Core, endpoint: Pick<Endpoint, "family" | "port" | "address">): number {
  const { exchange } = core.header();
  writeRecord<Endpoint>(core.engine.memory, exchange, EndpointLayout, endpoint);
  return exchange;
}

function ok(call: string, status: number): number {
  if (status < 0) throw new CoreError(call, status);
  return status;
}
