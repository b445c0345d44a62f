// A core to look inside: its own files' functions, constants and records, by their names in assembly/. See build.ts.

import {
  ABI_VERSION,
  CONFIG_DEFAULTS,
  type Config,
  ConfigLayout,
  Counter,
  STATE_BASE,
  type StateHeader,
  StateHeaderLayout,
  type TcpInfo,
} from "../../host/abi.js";
import { parseIpv4, parseMac } from "../../host/address.js";
import { encode, type FrameSpec, type TcpSpec } from "../../host/packet/index.js";
import { readRecord, writeRecord } from "../../host/records.js";
import { ENGINE, ENGINE_PROOF, missingEngine } from "../report/engine.js";
import { exportName, type FileExports, unitModule } from "./build.js";
import { type Argument, type UnitEngine, unitEngine } from "./engine.js";

const { wasm, files } = await unitModule();
const createEngine = await projectEngine();

/** Constants of the core, addresses and sizes among them, by the names of their exports. */
const constants = new Map<string, number>();

/** A function of the core. Results are numbers as their type says, u64 a bigint, bool a boolean. */
type Call = (...args: Argument[]) => number;

type Fields<Name extends string> = Record<Name, number>;

export type State = Fields<
  | "now"
  | "hostNow"
  | "nextTimer"
  | "randomBlocks"
  | "broadcast"
  | "arpTable"
  | "listenerTable"
  | "connectionTable"
  | "synTable"
  | "timeWaitTable"
  | "hashTable"
  | "sendRings"
  | "receiveRings"
  | "ringsBytes"
  | "connectionStride"
  | "hashMask"
  | "lastHit"
  | "freeConnection"
  | "readyHead"
  | "readyTail"
  | "eventHead"
  | "eventTail"
  | "replyKind"
  | "timersArmed"
  | "scanDue"
  | "receiveScale"
  | "replyDebt"
  | "defenceDebt"
  | "arpFailed"
  | "arpNext"
>;

export type Services = Fields<
  | "packet"
  | "datagramTable"
  | "queryTable"
  | "dhcpClient"
  | "cacheTable"
  | "fragmentTable"
  | "datagramQueues"
  | "groupMac0"
  | "groupMac1"
  | "probed"
  | "conflict"
  | "dnsServer0"
  | "dnsServer1"
>;

export type SocketField =
  | "remoteAddress"
  | "ports"
  | "chain"
  | "kind"
  | "lists"
  | "state"
  | "events"
  | "handle"
  | "eventNext"
  | "readyNext"
  | "listener";

export type Tcb = Fields<
  | SocketField
  | Exclude<keyof TcpInfo, "sendQueued" | "receiveQueued" | "sendMss" | "receiveMss" | "rtt8" | "sendScale">
  | "bits"
  | "queueNext"
  | "sndMss"
  | "rcvMss"
  | "sendBytes"
  | "receiveBytes"
  | "srtt8"
  | "rcvFin"
  | "rttSeq"
  | "timedAt"
  | "retransmitAt"
  | "delayedAckAt"
  | "sendHead"
  | "receiveHead"
  | "unacked"
  | "sndScale"
  | "tsRecent"
  | "heardAt"
  | "keepaliveMs"
  | "userTimeoutMs"
  | "challengeDebt"
  | "rcvUp"
  | "sndUp"
>;

export type Datagram = Fields<
  | SocketField
  | "error"
  | "ttl"
  | "tos"
  | "broadcast"
  | "wants"
  | "sendHead"
  | "sendTail"
  | "receiveHead"
  | "receiveTail"
  | "rings"
>;

export type Listener = Fields<SocketField | "backlog" | "pending" | "acceptHead">;

export type Compact = Fields<
  | "remoteAddress"
  | "ports"
  | "chain"
  | "kind"
  | "flags"
  | "window"
  | "sndNxt"
  | "rcvNxt"
  | "deadline"
  | "tsRecent"
>;

/** The header of what goes out (tcp/emit.ts). */
type OutField = "outSeq" | "outAck" | "outFlags" | "outWnd" | "outOptions" | "outTsEcho";

export type Segment = Fields<
  | "remoteAddress"
  | "ports"
  | "seq"
  | "ack"
  | "wnd"
  | "dataBytes"
  | "data"
  | "flags"
  | "mss"
  | "end"
  | "options"
  | "scale"
  | "tsValue"
  | "tsEcho"
  | "urgent"
  | OutField
  | "duplicateOf"
  | "duplicateStart"
  | "duplicateEnd"
>;

export const DEVICE = { mac: "02:00:00:00:00:01", address: "10.0.0.1" } as const;
export const PEER = { mac: "02:00:00:00:00:02", address: "10.0.0.2" } as const;

/** Fields of the configuration that a test names; addresses as text. */
export type UnitConfig = Partial<Omit<Config, "address" | "netmask" | "gateway" | "mac">> & {
  readonly address?: string;
  readonly netmask?: string;
  readonly gateway?: string;
};

export class UnitCore {
  readonly #engine: UnitEngine;
  #view: DataView;

  /** A core that is laid out for `config` at `now`; with null, one whose memory is all zero. */
  constructor(config: UnitConfig | null = {}, now = 0) {
    this.#engine = createEngine();
    this.#view = viewOf(this.#engine.memory);
    if (config) this.init(config, now);
  }

  /** What executes it: "v8 12.4", "wasm3 0.5.0", "wasm2c 1.0.39". */
  get engineName(): string {
    return this.#engine.name;
  }

  /** All of linear memory, as it is now: a view goes stale when the memory grows. */
  get memory(): Uint8Array {
    return this.#engine.memory;
  }

  get view(): DataView {
    return this.#view;
  }

  /** Boots the core anew in memory that reaches far enough. */
  init(config: UnitConfig, now = 0): void {
    const { init, bytesNeeded } = this.functions("abi", "init", "bytesNeeded");
    const at = this.writeConfig(config);
    const bytes = bytesNeeded(at);
    const missing = Math.ceil((bytes - this.memory.length) / 65536);
    if (missing > 0) this.#grow(missing);
    const status = init(at, this.memory.length, now);
    if (status !== 0) throw new Error(`init: status ${status}`);
  }

  /** Puts a Config where `init` and `bytesNeeded` may read it, and returns its address. */
  writeConfig({ address, netmask, gateway, ...rest }: UnitConfig): number {
    writeRecord<Config>(this.memory, STATE_BASE, ConfigLayout, {
      ...CONFIG_DEFAULTS,
      version: ABI_VERSION,
      bytes: ConfigLayout.size,
      connections: 4,
      seed: Uint8Array.from({ length: 32 }, (_, index) => index * 11 + 3),
      mac: parseMac(DEVICE.mac),
      address: parseIpv4(address ?? DEVICE.address),
      netmask: parseIpv4(netmask ?? "255.255.255.0"),
      gateway: parseIpv4(gateway ?? "10.0.0.254"),
      ...rest,
    });
    return STATE_BASE;
  }

  /** Functions of a file of the core. */
  functions<Name extends string>(file: string, ...names: Name[]): Record<Name, Call> {
    const calls = names.map((name) => [name, this.#function(file, name)]);
    return Object.fromEntries(calls) as Record<Name, Call>;
  }

  /** A constant of a file of the core: "NAME" or "Namespace.NAME". */
  constant(file: string, name: string): number {
    if (exportsOf(file).constants[name] === undefined) throw new Error(`assembly/${file}.ts has no ${name}`);
    return this.#read(file, name);
  }

  /** The record of class `name` at `address`. Fields are read and written in memory; an i16 is signed, all others are not. */
  record<T extends object>(file: string, name: string, address: number): T {
    const fields = exportsOf(file).classes[name];
    if (!fields) throw new Error(`assembly/${file}.ts has no class ${name}`);
    const place = (field: string | symbol): [at: number, type: string] => {
      const type = fields[String(field)];
      if (!type) throw new Error(`${name} has no field ${String(field)}`);
      return [address + this.#read(file, `${name}.field.${String(field)}`), type];
    };
    return new Proxy({} as T, {
      get: (_target, field) => {
        const [at, type] = place(field);
        if (type === "i16") return this.view.getInt16(at, true);
        if (type.endsWith("8")) return this.view.getUint8(at);
        return type.endsWith("16") ? this.view.getUint16(at, true) : this.view.getUint32(at, true);
      },
      set: (_target, field, value: number) => {
        const [at, type] = place(field);
        if (type.endsWith("8")) this.view.setUint8(at, value);
        else if (type.endsWith("16")) this.view.setUint16(at, value, true);
        else this.view.setUint32(at, value, true);
        return true;
      },
    });
  }

  /** Bytes of the class `name`. */
  sizeOf(file: string, name: string): number {
    return this.#read(file, `${name}.bytes`);
  }

  get state(): State {
    return this.record("config", "State", this.constant("config", "state"));
  }

  get services(): Services {
    return this.record("config", "Services", this.constant("config", "services"));
  }

  datagram(address: number): Datagram {
    return this.record("udp/datagram", "Datagram", address);
  }

  get segment(): Segment {
    return this.record("tcp/segment", "Segment", this.constant("tcp/segment", "segment"));
  }

  tcb(address: number): Tcb {
    return this.record("tcp/tcb", "Tcb", address);
  }

  listener(address: number): Listener {
    return this.record("tcp/tcb", "Listener", address);
  }

  /** A SYN-cache or TIME-WAIT entry. */
  compact(address: number): Compact {
    return this.record("tcp/tcb", "Compact", address);
  }

  /** A Kind of record, "DETACHED". */
  kind(name: string): number {
    return this.constant("net/socket", `Kind.${name}`);
  }

  /** A Bit of a connection, "FIN_QUEUED". */
  bit(name: string): number {
    return this.constant("tcp/tcb", `Bit.${name}`);
  }

  /** An Agreed option bit, "TIMESTAMPS". */
  agreed(name: string): number {
    return this.constant("tcp/tcb", `Agreed.${name}`);
  }

  get header(): StateHeader {
    return readRecord(this.memory, STATE_BASE, StateHeaderLayout);
  }

  counter(counter: number): number {
    return this.view.getUint32(this.header.counters + counter * 4, true);
  }

  /** Counters that are not zero, by name. */
  counters(): Record<string, number> {
    const names = Object.keys(Counter).filter((name) => name !== "COUNT") as (keyof typeof Counter)[];
    const values = names.map((name): [string, number] => [name, this.counter(Counter[name])]);
    return Object.fromEntries(values.filter(([, value]) => value !== 0));
  }

  /** Puts a frame into the input slot and returns its length. */
  putFrame(frame: Uint8Array): number {
    this.memory.set(frame, this.header.inputSlot);
    return frame.length;
  }

  /** Puts a segment from PEER into the input slot; ports 40000 to 80 unless it says otherwise. Returns its length. */
  putSegment(tcp: Partial<TcpSpec>, source: string = PEER.address): number {
    return this.putFrame(segmentFrame(tcp, source));
  }

  /** `length` octets of the frame in the output slot. */
  outputFrame(length: number): Uint8Array {
    const at = this.header.outputSlot;
    return this.memory.slice(at, at + length);
  }

  #grow(pages: number): void {
    this.#engine.grow(pages);
    this.#view = viewOf(this.#engine.memory);
  }

  #function(file: string, name: string): Call {
    const type = exportsOf(file).functions[name];
    const call = this.#engine.function(exportName(file, name));
    if (type === undefined || !call) throw new Error(`assembly/${file}.ts has no function ${name}`);
    return ((...args: Argument[]) => {
      const result = call(...args);
      if (typeof result === "bigint") return BigInt.asUintN(64, result);
      if (type === "bool") return result !== 0;
      return type === "i32" || type === "void" ? result : (result as number) >>> 0;
    }) as Call;
  }

  #read(file: string, name: string): number {
    const full = exportName(file, name);
    let value = constants.get(full);
    if (value === undefined) {
      value = Number(this.#engine.function(full)?.()) >>> 0;
      constants.set(full, value);
    }
    return value;
  }
}

/** The project's engine, and made sure of. */
async function projectEngine(): Promise<() => UnitEngine> {
  // Files make cores outside of their tests, too, which are skipped when the engine is missing.
  if (missingEngine) return await unitEngine(wasm, "v8");
  const create = await unitEngine(wasm, ENGINE);
  const { name } = create();
  if (!ENGINE_PROOF.test(name)) throw new Error(`${name} executes, where ${ENGINE} should`);
  return create;
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** A frame with a segment from PEER's MAC to the device. */
export function segmentFrame(tcp: Partial<TcpSpec>, source: string = PEER.address): Uint8Array {
  return encode({
    link: { source: PEER.mac, destination: DEVICE.mac },
    ipv4: { source, destination: DEVICE.address },
    tcp: { sourcePort: 40000, destinationPort: 80, ...tcp },
  });
}

/** A frame from PEER's MAC to the device. */
export function frameOf(spec: FrameSpec extends infer S ? Omit<S & object, "link"> : never): Uint8Array {
  return encode({ link: { source: PEER.mac, destination: DEVICE.mac }, ...spec } as FrameSpec);
}

/** An address as the core holds it: the first octet lowest. */
export function address(text: string): number {
  return new DataView(parseIpv4(text).buffer).getUint32(0, true);
}

/** Ports as in the header of a segment that arrives: the peer's low, ours high, each as on the wire. */
export function ports(remote: number, local: number): number {
  const wire = (port: number) => ((port & 0xff) << 8) | (port >> 8);
  return ((wire(local) << 16) | wire(remote)) >>> 0;
}

function exportsOf(file: string): FileExports {
  const found = files[file];
  if (!found) throw new Error(`there is no assembly/${file}.ts`);
  return found;
}
