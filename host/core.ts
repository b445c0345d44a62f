// A typed handle on one instance of the core. It carries frames, calls, time and bytes, and checks every pointer
// that comes out of the core against linear memory. No protocol decision is made here.

import {
  ABI_VERSION,
  Build,
  CONFIG_DEFAULTS,
  type Config,
  ConfigLayout,
  Counter,
  DEADLINE_NEVER,
  type Endpoint,
  EndpointLayout,
  EXCHANGE_BYTES,
  Family,
  type InterfaceAddress,
  InterfaceAddressLayout,
  type Lease,
  LeaseLayout,
  Option,
  SocketKind,
  STATE_MAGIC,
  STATUS_TEXT,
  type StateHeader,
  StateHeaderLayout,
  Status,
  type TcpInfo,
  TcpInfoLayout,
} from "./abi.js";
import { formatIpv4, parseIpv4, parseMac } from "./address.js";
import { completeChecksum } from "./checksum.js";
import type { Engine, EngineFactory } from "./engines/engine.js";
import { createV8Engine } from "./engines/v8.js";
import { readRecord, writeRecord } from "./records.js";

type AddressField = "mac" | "address" | "netmask" | "gateway" | "dnsServer0" | "dnsServer1";

/**
 * What a device is made of. Fields that are missing take CONFIG_DEFAULTS (see `Config`). A core build has none of
 * `datagramSockets`, `dnsServers`, `queries`, `cacheEntries` and `fragment...`: that needs the standard build.
 */
export interface CoreConfig extends Partial<Omit<Config, "version" | "bytes" | "seed" | AddressField>> {
  /** Hardware address, "02:00:00:00:00:01". */
  mac: string;
  /** IPv4 address, "10.0.0.1"; missing for none. */
  address?: string;
  /** IPv4 netmask; default "255.255.255.0". */
  netmask?: string;
  /** IPv4 address of the default router; missing for none. */
  gateway?: string;
  /** IPv4 addresses of DNS servers, at most two. */
  dnsServers?: readonly string[];
  /** Connection records. */
  connections: number;
  /** 32 octets of randomness; a fixed seed makes a run repeatable. */
  seed: Uint8Array;
}

/** An IPv4 address and a port. */
export interface Address {
  address: string;
  port: number;
}

/** What `tcpInfo` tells: the core's record, and the same in the units that a reader expects. */
export interface ConnectionInfo extends TcpInfo {
  /** Smoothed round-trip time in milliseconds; 0 before the first sample. */
  rttMs: number;
  /** Round-trip time variation in milliseconds. */
  rttVarMs: number;
  /** RCV.WND: the window that we announced last, in bytes. */
  rcvWnd: number;
}

/** What a DHCP client is told. */
export interface DhcpOptions {
  /** At most 64 octets. */
  hostName?: string | undefined;
  linkLocal?: boolean | undefined;
}

/** A datagram that arrived, and where it came from. */
export interface Datagram extends Address {
  data: Uint8Array;
}

/** A configuration with its defaults filled in. */
export type ConfigRecord = Omit<Config, "vlan" | "reserved" | "reserved2">;

/** A call that the core refused: `status` says why, `hint` what to do about it. */
export class CoreError extends Error {
  override readonly name = "CoreError";
  constructor(
    readonly call: string,
    readonly status: number,
    hint = "",
  ) {
    super(`${call}: ${statusName(status)}: ${STATUS_TEXT[status] ?? "unknown status"}${hint && `: ${hint}`}`);
  }
}

const NEEDS_STANDARD = "the core build has no UDP, DNS, DHCP and reassembly: boot build/standard.wasm";

/** Fields of the configuration that must be 0 in a core build. */
const SERVICES = [
  "datagramSockets",
  "datagramQueueBytes",
  "queries",
  "cacheEntries",
  "fragmentBuffers",
  "fragmentBytes",
] as const;

const STATUS_NAMES = new Map<number, string>(Object.entries(Status).map(([name, value]) => [value, name]));

/** The name of a Status, "WOULD_BLOCK". */
export function statusName(status: number): string {
  return STATUS_NAMES.get(status) ?? `status ${status}`;
}

const COUNTER_NAMES = Object.keys(Counter).filter((name) => name !== "COUNT") as (keyof typeof Counter)[];

export interface CoreOptions {
  /** Default: V8. */
  engine?: EngineFactory;
  /** The clock's value at boot, in milliseconds; default 0. */
  now?: number;
  /** Linear memory that the core may use, in bytes; default what it needs. */
  memoryBytes?: number;
}

/** Bytes of linear memory that a core with this configuration needs. Throws CoreError for a bad configuration. */
export function bytesNeeded(
  wasm: Uint8Array,
  config: CoreConfig,
  engine: EngineFactory = createV8Engine,
): number {
  const probe = engine(wasm, 0);
  checkVersion(probe);
  const at = probe.exports.base();
  writeRecord(probe.memory, at, ConfigLayout, toRecord(config));
  return booted("bytesNeeded", probe.exports.bytesNeeded(at), config);
}

/** Boots a core. Throws CoreError when the configuration is bad or needs more memory than there is. */
export function createCore(wasm: Uint8Array, config: CoreConfig, options: CoreOptions = {}): Core {
  const factory = options.engine ?? createV8Engine;
  const memoryBytes = options.memoryBytes ?? bytesNeeded(wasm, config, factory);
  const engine = factory(wasm, memoryBytes);
  checkVersion(engine);
  const at = engine.exports.base();
  const record = toRecord(config);
  writeRecord(engine.memory, at, ConfigLayout, record);
  booted("init", engine.exports.init(at, memoryBytes, u32(options.now ?? 0)), config);
  return new Core(engine, record);
}

export class Core {
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  readonly #base: number;
  readonly #inputSlot: number;
  readonly #outputSlot: number;
  readonly #slotBytes: number;
  readonly #exchange: number;
  readonly #counters: number;
  readonly #build: number;

  /** Wraps an engine whose core has been initialised with `config`. */
  constructor(
    readonly engine: Engine,
    readonly config: Readonly<ConfigRecord>,
  ) {
    this.#memory = engine.memory;
    this.#view = new DataView(engine.memory.buffer, engine.memory.byteOffset, engine.memory.byteLength);
    this.#base = engine.exports.base();
    const header = this.header();
    if (header.magic !== STATE_MAGIC) throw new Error("the core is not initialised");
    this.#inputSlot = this.#checked(header.inputSlot, header.slotBytes);
    this.#outputSlot = this.#checked(header.outputSlot, header.slotBytes);
    this.#slotBytes = header.slotBytes;
    this.#exchange = this.#checked(header.exchange, ConfigLayout.size);
    this.#counters = this.#checked(header.counters, Counter.COUNT * 4);
    this.#build = header.build;
  }

  /** Whether the module is a standard build: one with UDP, DNS, DHCP and reassembly. */
  get isStandard(): boolean {
    return this.#build !== Build.CORE;
  }

  /** The netmask in use, four octets: the configuration's until `setAddress` or a DHCP lease brings another. */
  get netmask(): Uint8Array {
    // The core's own copy of the configuration follows the head of its state.
    const at = this.#base + StateHeaderLayout.size + ConfigLayout.fields.netmask.offset;
    return this.#memory.slice(this.#checked(at, 4), at + 4);
  }

  /** The head of the state region. */
  header(): StateHeader {
    return readRecord(this.#memory, this.#checked(this.#base, StateHeaderLayout.size), StateHeaderLayout);
  }

  /** Takes one frame. `flags`: InputFlag bits. A frame longer than the slot goes in as its length alone, to be counted. */
  input(frame: Uint8Array, now: number, flags = 0): void {
    const fits = frame.length <= this.#slotBytes ? frame : frame.subarray(0, this.#slotBytes);
    this.#memory.set(fits, this.#inputSlot);
    const status = this.engine.exports.input(frame.length, flags, u32(now));
    // A frame that is too long is the sender's fault, not the caller's: the core has counted it.
    if (status < 0 && frame.length <= this.#slotBytes) throw new CoreError("input", status);
  }

  /** The next frame that is due, or undefined. The view is valid until the next call of this core. */
  output(now: number): Uint8Array | undefined {
    const length = ok("output", this.engine.exports.output(u32(now)));
    if (length === 0) return undefined;
    if (length > this.#slotBytes) throw new Error(`the core gave a frame of ${length} bytes`);
    const frame = this.#memory.subarray(this.#outputSlot, this.#outputSlot + length);
    const { checksumStart, checksumOffset } = StateHeaderLayout.fields;
    const start = this.#view.getUint16(this.#base + checksumStart.offset, true);
    if (start === 0) return frame;
    // Not in the slot: what lies there is the core's state.
    const whole = frame.slice();
    completeChecksum(whole, start, this.#view.getUint16(this.#base + checksumOffset.offset, true));
    return whole;
  }

  /** Runs the timers that are due. */
  poll(now: number): void {
    ok("poll", this.engine.exports.poll(u32(now)));
  }

  /** Milliseconds until `output` must be called; Infinity for never. */
  deadline(now: number): number {
    const ms = this.engine.exports.deadline(u32(now));
    return ms === DEADLINE_NEVER ? Number.POSITIVE_INFINITY : ok("deadline", ms);
  }

  linkChanged(up: boolean, now: number): void {
    ok("linkChanged", this.engine.exports.linkChanged(0, up ? 1 : 0, u32(now)));
  }

  /**
   * Our address, the length of the network's prefix in bits, and the router are others from now on; "0.0.0.0" for none. When the
   * address is another, all connections end (event FAILED); listeners stay. Throws CoreError for what cannot be.
   */
  setAddress(address: string, prefixBits: number, router: string, now: number): void {
    const [ours, theirs] = [new Uint8Array(16), new Uint8Array(16)];
    ours.set(parseIpv4(address));
    theirs.set(parseIpv4(router));
    const record = { family: Family.IPV4, prefixBits, interface: 0, address: ours, router: theirs };
    writeRecord<InterfaceAddress>(this.#memory, this.#exchange, InterfaceAddressLayout, record);
    ok("setAddress", this.engine.exports.setAddress(this.#exchange, u32(now)));
  }

  /** Opens a socket of a SocketKind; returns its handle. */
  open(kind: number): number {
    const handle = this.engine.exports.open(kind);
    if (handle === Status.NOT_SUPPORTED && kind >= SocketKind.DATAGRAM && !this.isStandard)
      throw new CoreError("open", handle, NEEDS_STANDARD);
    return ok("open", handle);
  }

  bind(handle: number, local: Address): void {
    ok("bind", this.engine.exports.bind(handle, this.#putEndpoint(local)));
  }

  listen(handle: number, backlog: number): void {
    ok("listen", this.engine.exports.listen(handle, backlog));
  }

  /** The next connection of a listener, or undefined. */
  accept(handle: number): number | undefined {
    const status = this.engine.exports.accept(handle);
    return status === Status.WOULD_BLOCK ? undefined : ok("accept", status);
  }

  connect(handle: number, peer: Address): void {
    ok("connect", this.engine.exports.connect(handle, this.#putEndpoint(peer)));
  }

  /** A datagram socket has no peer any more. */
  disconnect(handle: number): void {
    const none = { family: Family.NONE, port: 0, address: new Uint8Array(16) };
    writeRecord<Endpoint>(this.#memory, this.#exchange, EndpointLayout, none);
    ok("connect", this.engine.exports.connect(handle, this.#exchange));
  }

  /**
   * Opens a connection to `port` of what the query finds, once it has: the query's addresses are tried in turn. The query
   * must stay open until CONNECTED or FAILED.
   */
  connectName(handle: number, query: number, port: number): void {
    const address = new Uint8Array(16);
    new DataView(address.buffer).setUint32(0, query, true);
    const peer = { family: Family.NAME, port: checkedPort(port), address };
    writeRecord<Endpoint>(this.#memory, this.#exchange, EndpointLayout, peer);
    ok("connect", this.engine.exports.connect(handle, this.#exchange));
  }

  /** Starts to look up the addresses of `name` with a socket of kind QUERY; READABLE or FAILED follows. */
  resolve(query: number, name: string): void {
    const room = ok("sendReserve", this.engine.exports.sendReserve(query));
    const text = new TextEncoder().encode(name);
    if (text.length > room) throw new CoreError("sendCommit", Status.INVALID_ARGUMENT);
    this.#memory.set(text, this.#run(text.length));
    ok("sendCommit", this.engine.exports.sendCommit(query, text.length));
  }

  /** What a query found; undefined: nothing yet. Throws CoreError for a name without addresses. */
  addresses(query: number): string[] | undefined {
    const bytes = this.engine.exports.receivePeek(query);
    if (bytes === Status.WOULD_BLOCK) return undefined;
    const at = this.#run(ok("receivePeek", bytes));
    return Array.from({ length: bytes / 16 }, (_, index) =>
      formatIpv4(this.#memory.subarray(at + 16 * index, at + 16 * index + 4)),
    );
  }

  /**
   * Opens the DHCP client, of which there is one; it looks for a server at once, and READABLE tells of a lease. `hostName`:
   * what servers are told; `linkLocal`: takes a link-local address (RFC 3927) while no server answers.
   */
  openDhcp({ hostName, linkLocal = false }: DhcpOptions = {}): number {
    const handle = this.open(SocketKind.DHCP_CLIENT);
    try {
      if (hostName) this.setOptionBytes(handle, Option.HOST_NAME, new TextEncoder().encode(hostName));
      if (linkLocal) this.setOption(handle, Option.LINK_LOCAL, 1);
    } catch (error) {
      this.abort(handle);
      throw error;
    }
    return handle;
  }

  /** What a DHCP client knows. */
  lease(dhcp: number): Lease {
    ok("getopt", this.engine.exports.getopt(dhcp, Option.LEASE, this.#exchange, LeaseLayout.size));
    return readRecord(this.#memory, this.#exchange, LeaseLayout);
  }

  /**
   * Sends `data` as one datagram to `peer`, which a connected socket must not be told. False: there is no room now, and
   * WRITABLE follows. Throws CoreError when it cannot be sent.
   */
  sendTo(handle: number, data: Uint8Array, peer?: Address): boolean {
    const run = this.engine.exports.sendReserve(handle);
    if (run !== Status.WOULD_BLOCK) ok("sendReserve", run);
    // What is too long for this run goes without its octets: the core says whether it is too long for any.
    const fits = data.length <= run;
    const at = fits ? this.#run(run) : 0;
    if (fits) this.#memory.set(data, at);
    const status = this.engine.exports.sendTo(handle, peer ? this.#putEndpoint(peer) : 0, at, data.length);
    if (!fits && status === Status.WOULD_BLOCK) return false;
    ok("sendTo", status);
    return true;
  }

  /** The next datagram (a copy of it), or undefined: READABLE follows. */
  receiveFrom(handle: number): Datagram | undefined {
    const length = this.engine.exports.receiveFrom(handle, this.#exchange);
    if (length === Status.WOULD_BLOCK) return undefined;
    const at = this.#run(ok("receiveFrom", length));
    const source = this.#exchangedEndpoint();
    const data = this.#memory.slice(at, at + length);
    ok("receiveConsume", this.engine.exports.receiveConsume(handle, length));
    return { ...source, data };
  }

  /**
   * Writes as much of `data` as fits and returns how much that was, 0 when nothing fits (WRITABLE follows).
   * Throws CoreError when the connection cannot send.
   */
  write(handle: number, data: Uint8Array): number {
    let written = 0;
    while (written < data.length) {
      const run = this.engine.exports.sendReserve(handle);
      if (run === Status.WOULD_BLOCK) break;
      ok("sendReserve", run);
      const length = Math.min(run, data.length - written);
      this.#memory.set(data.subarray(written, written + length), this.#run(length));
      ok("sendCommit", this.engine.exports.sendCommit(handle, length));
      written += length;
    }
    return written;
  }

  /**
   * Reads at most `limit` bytes (a copy). undefined: nothing yet (READABLE follows); length 0: the peer's FIN.
   * Throws CoreError when the connection has failed.
   */
  read(handle: number, limit = 65536): Uint8Array | undefined {
    const run = this.engine.exports.receivePeek(handle);
    if (run === Status.WOULD_BLOCK) return undefined;
    const length = Math.min(ok("receivePeek", run), limit);
    if (length === 0) return new Uint8Array(0);
    const at = this.#run(length);
    const data = this.#memory.slice(at, at + length);
    ok("receiveConsume", this.engine.exports.receiveConsume(handle, length));
    return data;
  }

  shutdown(handle: number): void {
    ok("shutdown", this.engine.exports.shutdown(handle));
  }

  close(handle: number): void {
    ok("close", this.engine.exports.close(handle));
  }

  abort(handle: number): void {
    ok("abort", this.engine.exports.abort(handle));
  }

  /** The next socket with events and its Event bits, or undefined. */
  nextEvent(): { handle: number; events: number } | undefined {
    const handle = ok("nextEvent", this.engine.exports.nextEvent());
    return handle === 0 ? undefined : { handle, events: this.#headerField("eventMask") };
  }

  setOption(handle: number, option: number, value: number): void {
    this.#view.setUint32(this.#exchange, value, true);
    ok("setopt", this.engine.exports.setopt(handle, option, this.#exchange, 4));
  }

  /** Sets an option whose value is octets. */
  setOptionBytes(handle: number, option: number, value: Uint8Array): void {
    if (value.length > EXCHANGE_BYTES) throw new CoreError("setopt", Status.INVALID_ARGUMENT);
    this.#memory.set(value, this.#exchange);
    ok("setopt", this.engine.exports.setopt(handle, option, this.#exchange, value.length));
  }

  /** A datagram socket joins or leaves the multicast group `group`. */
  setMembership(handle: number, group: string, joins: boolean): void {
    const at = this.#putEndpoint({ address: group, port: 0 });
    const option = joins ? Option.MULTICAST_JOIN : Option.MULTICAST_LEAVE;
    ok("setopt", this.engine.exports.setopt(handle, option, at, EndpointLayout.size));
  }

  getOption(handle: number, option: number): number {
    this.#view.setUint32(this.#exchange, 0, true);
    ok("getopt", this.engine.exports.getopt(handle, option, this.#exchange, 4));
    return this.#view.getUint32(this.#exchange, true);
  }

  /** The Status that ended the socket's connection, or what an ICMP error said of it; OK else. */
  error(handle: number): number {
    return this.getOption(handle, Option.ERROR) | 0;
  }

  localAddress(handle: number): Address {
    return this.#getEndpoint(handle, Option.LOCAL_ENDPOINT);
  }

  peerAddress(handle: number): Address {
    return this.#getEndpoint(handle, Option.PEER_ENDPOINT);
  }

  /** The TcpState of a connection or listener. */
  tcpState(handle: number): number {
    return this.getOption(handle, Option.TCP_STATE);
  }

  tcpInfo(handle: number): ConnectionInfo {
    ok("getopt", this.engine.exports.getopt(handle, Option.TCP_INFO, this.#exchange, TcpInfoLayout.size));
    const info = readRecord(this.#memory, this.#exchange, TcpInfoLayout);
    return {
      ...info,
      rttMs: info.rtt8 / 8,
      rttVarMs: info.rttVar4 / 4,
      rcvWnd: (info.rcvAdv - info.rcvNxt) >>> 0,
    };
  }

  counter(counter: Counter): number {
    return this.#view.getUint32(this.#counters + counter * 4, true);
  }

  /** All counters by name. */
  counters(): Record<string, number> {
    return Object.fromEntries(COUNTER_NAMES.map((name) => [name, this.counter(Counter[name])]));
  }

  /** A copy of the whole state. With the module it is all there is, once `output` has nothing more to give. */
  snapshot(): Uint8Array {
    return this.#memory.slice(this.#base, this.#base + this.header().stateBytes);
  }

  /** Puts a snapshot of the same configuration back. */
  restore(snapshot: Uint8Array): void {
    if (snapshot.length !== this.header().stateBytes)
      throw new RangeError("snapshot of another configuration");
    this.#memory.set(snapshot, this.#base);
    this.engine.wrote?.(this.#base, snapshot.length);
  }

  /** Address of `length` bytes of the run that the last call found. */
  #run(length: number): number {
    return this.#checked(this.#headerField("runPointer"), length);
  }

  #headerField(name: "runPointer" | "eventMask"): number {
    return this.#view.getUint32(this.#base + StateHeaderLayout.fields[name].offset, true);
  }

  /** Nothing that the core says is used as an address before it was found to lie in linear memory. */
  #checked(address: number, length: number): number {
    if (address + length > this.#memory.length)
      throw new Error(`the core points outside memory: ${address}+${length}`);
    return address;
  }

  #putEndpoint({ address, port }: Address): number {
    writeRecord<Endpoint>(this.#memory, this.#exchange, EndpointLayout, {
      family: Family.IPV4,
      port: checkedPort(port),
      address: parseIpv4(address),
    });
    return this.#exchange;
  }

  #getEndpoint(handle: number, option: number): Address {
    ok("getopt", this.engine.exports.getopt(handle, option, this.#exchange, EndpointLayout.size));
    return this.#exchangedEndpoint();
  }

  #exchangedEndpoint(): Address {
    const { address, port } = readRecord(this.#memory, this.#exchange, EndpointLayout);
    return { address: formatIpv4(address), port };
  }
}

function ok(call: string, status: number): number {
  if (status < 0) throw new CoreError(call, status);
  return status;
}

/** As `ok`, for the calls that take a configuration: whoever asks a core build for services is told where they are. */
function booted(call: string, status: number, config: CoreConfig): number {
  const asks = SERVICES.some((name) => config[name]) || config.dnsServers?.length;
  if (status === Status.NOT_SUPPORTED && asks) throw new CoreError(call, status, NEEDS_STANDARD);
  return ok(call, status);
}

function checkedPort(port: number): number {
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new RangeError(`port ${port} is not 0 to 65535`);
  return port;
}

function u32(now: number): number {
  return Math.floor(now) >>> 0;
}

function checkVersion(engine: Engine): void {
  const version = engine.exports.abiVersion();
  if (version !== ABI_VERSION)
    throw new Error(
      `the module speaks ABI version ${version}, this host ${ABI_VERSION}: rebuild both (npm run build)`,
    );
}

function toRecord(config: CoreConfig): ConfigRecord {
  const { mac, address, netmask, gateway, dnsServers, seed, ...rest } = config;
  if (seed.length !== 32) throw new RangeError(`the seed has ${seed.length} octets, not 32`);
  return {
    flags: 0,
    ...CONFIG_DEFAULTS,
    ...rest,
    version: ABI_VERSION,
    bytes: ConfigLayout.size,
    mac: parseMac(mac),
    address: parseIpv4(address ?? "0.0.0.0"),
    netmask: parseIpv4(netmask ?? "255.255.255.0"),
    gateway: parseIpv4(gateway ?? "0.0.0.0"),
    dnsServer0: parseIpv4(dnsServers?.[0] ?? "0.0.0.0"),
    dnsServer1: parseIpv4(dnsServers?.[1] ?? "0.0.0.0"),
    seed,
  };
}
