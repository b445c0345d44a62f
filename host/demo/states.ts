// The TCP state of a core with regard to one connection, from the core's own records: a handshake in the SYN cache and a
// connection in TIME-WAIT have no socket that could be asked.

import { ConfigLayout, STATE_BASE, StateHeaderLayout, TcpState } from "../abi.js";
import { parseIpv4 } from "../address.js";
import type { Address, Core } from "../core.js";
import { constant, type Layout, RecordReader } from "../sim/layout.js";

const STATE_AT = STATE_BASE + StateHeaderLayout.size + ConfigLayout.size;

const STATE_FIELDS = [
  "listenerTable",
  "connectionTable",
  "connectionStride",
  "synTable",
  "timeWaitTable",
] as const;
const SOCKET_FIELDS = ["remoteAddress", "ports", "kind", "state"] as const;
const COMPACT_FIELDS = ["remoteAddress", "ports", "kind"] as const;

/** A connection as one of its ends sees it. */
export interface Tuple {
  readonly localPort: number;
  readonly remote: Address;
}

/** Which connection a record is of: the remote address and both ports, as they stand in a segment that arrives; or any. */
interface Key {
  readonly remoteAddress?: number;
  readonly ports?: number;
}

export class StateReader {
  readonly #view: DataView;
  readonly #state: RecordReader<(typeof STATE_FIELDS)[number]>;
  readonly #socket: RecordReader<(typeof SOCKET_FIELDS)[number]>;
  readonly #compact: RecordReader<(typeof COMPACT_FIELDS)[number]>;
  readonly #free: number;
  readonly #listenerBytes: number;

  constructor(
    readonly core: Core,
    layout: Layout,
  ) {
    const { memory } = core.engine;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.length);
    this.#state = new RecordReader(this.#view, layout, "State", STATE_FIELDS);
    this.#socket = new RecordReader(this.#view, layout, "Socket", SOCKET_FIELDS);
    this.#compact = new RecordReader(this.#view, layout, "Compact", COMPACT_FIELDS);
    this.#free = constant(layout, "Kind.FREE");
    this.#listenerBytes = constant(layout, "LISTENER_BYTES");
  }

  /** The state of one connection: LISTEN when a listener would take its SYN, CLOSED when there is nothing. */
  of({ localPort, remote }: Tuple): string {
    const octets = new Uint8Array(8);
    octets.set(parseIpv4(remote.address));
    const view = new DataView(octets.buffer);
    view.setUint16(4, remote.port);
    view.setUint16(6, localPort);
    return this.#find({ remoteAddress: view.getUint32(0, true), ports: view.getUint32(4, true) });
  }

  /** The state of the first connection with a host, or with any; LISTEN or CLOSED when there is none. */
  ofHost(address: string | undefined): string {
    if (address === undefined) return this.#find({});
    return this.#find({ remoteAddress: new DataView(parseIpv4(address).buffer).getUint32(0, true) });
  }

  #find(key: Key): string {
    for (const at of this.#table("connectionTable", this.core.config.connections)) {
      const state = this.#socket.read(at, "state");
      if (state !== TcpState.CLOSED && this.#is(at, key)) return stateLabel(state);
    }
    for (const at of this.#table("timeWaitTable", this.core.config.timeWaitEntries))
      if (this.#is(at, key)) return "TIME-WAIT";
    for (const at of this.#table("synTable", this.core.config.synEntries))
      if (this.#is(at, key)) return "SYN-RECEIVED";
    return this.#listens(key) ? "LISTEN" : "CLOSED";
  }

  /** Whether the record, of whatever kind, is in use, and that connection's. */
  #is(at: number, { remoteAddress, ports }: Key): boolean {
    if (this.#compact.read(at, "kind") === this.#free) return false;
    if (remoteAddress !== undefined && this.#compact.read(at, "remoteAddress") !== remoteAddress)
      return false;
    return ports === undefined || this.#compact.read(at, "ports") === ports;
  }

  #listens({ ports }: Key): boolean {
    // The local port stands in the upper half: see Key.
    return this.#table("listenerTable", this.core.config.listeners).some(
      (at) =>
        this.#socket.read(at, "state") === TcpState.LISTEN &&
        (ports === undefined || this.#socket.read(at, "ports") >>> 16 === ports >>> 16),
    );
  }

  #table(name: "connectionTable" | "listenerTable" | "synTable" | "timeWaitTable", count: number): number[] {
    const first = this.#state.read(STATE_AT, name);
    const stride = {
      connectionTable: () => this.#state.read(STATE_AT, "connectionStride"),
      listenerTable: () => this.#listenerBytes,
      synTable: () => this.#compact.bytes,
      timeWaitTable: () => this.#compact.bytes,
    }[name]();
    return Array.from({ length: count }, (_, index) => first + index * stride);
  }
}

/** "SYN-SENT" of a TcpState, as RFC 9293 writes it. */
export function stateLabel(state: number): string {
  const [name] = Object.entries(TcpState).find(([, value]) => value === state) ?? [];
  return (name ?? `state ${state}`).replaceAll("_", "-");
}

/** The address that an ARP packet or an IPv4 datagram comes from, or is for. */
export function otherHost(frame: Uint8Array, isSender: boolean): string {
  const isArp = frame[13] === 6;
  const at = isSender ? (isArp ? 38 : 30) : isArp ? 28 : 26;
  return frame.subarray(at, at + 4).join(".");
}

/** The connection that a frame is of, as its sender or its receiver sees it; undefined for what is no TCP segment. */
export function tupleOf(frame: Uint8Array, isSender: boolean): Tuple | undefined {
  if (frame.length < 54 || frame[12] !== 8 || frame[13] !== 0 || frame[14] !== 0x45 || frame[23] !== 6)
    return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset);
  const [source, destination]: [Address, Address] = [
    { address: frame.subarray(26, 30).join("."), port: view.getUint16(34) },
    { address: frame.subarray(30, 34).join("."), port: view.getUint16(36) },
  ];
  return isSender
    ? { localPort: source.port, remote: destination }
    : { localPort: destination.port, remote: source };
}
