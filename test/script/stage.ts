// Where a script plays: one device on a wire, a virtual clock, and everything that the device sends, in order.
//
// Every frame of the device is decoded by the independent codec and must be correct in each checksum and length. Time
// passes only when a script says so. A frame that no expectation asked for fails the script as soon as time passes,
// and at the script's end; so does a drop counter that moved and that the script does not name.

import { Counter, SocketKind } from "../../host/abi.js";
import {
  type Address,
  type Core,
  type CoreConfig,
  CoreError,
  createCore,
  statusName,
} from "../../host/core.js";
import type { EngineFactory } from "../../host/engines/engine.js";
import {
  ArpOperation,
  decode,
  describe,
  encode,
  type FrameSpec,
  type Packet,
  type TcpPacket,
} from "../../host/packet/index.js";
import { recorded } from "../report/recording.js";
import { type Host, Peer } from "./peer.js";
import type { SegmentExpectation, SegmentSpec } from "./segment.js";
import { DatagramSocket, Listener, Socket } from "./socket.js";
import { ScriptError, Trace } from "./trace.js";

export type CounterName = Exclude<keyof typeof Counter, "COUNT">;

/** What a script may set before the device boots. */
export interface StageOptions {
  /** The build that it is about, when that is not the core. */
  readonly build?: "standard";
  /** Fields of the configuration that differ from `DEVICE`. */
  readonly config?: Partial<CoreConfig>;
  /** The core's clock at the script's time 0, in milliseconds; default 0. */
  readonly clock?: number;
  /** The peer's initial sequence number; default 1,000,000. */
  readonly peerIsn?: number;
  /** Whether ARP requests for the peers are answered by themselves; default yes. */
  readonly answerArp?: boolean;
}

/** The device of all scripts; its rings let it announce the full MSS. */
export const DEVICE = {
  mac: "02:00:00:00:00:01",
  address: "10.0.0.1",
  netmask: "255.255.255.0",
  connections: 4,
  listeners: 2,
  sendRingBytes: 8192,
  receiveRingBytes: 8192,
  synRetries: 5,
  seed: Uint8Array.from({ length: 32 }, (_, index) => index * 7 + 1),
} satisfies CoreConfig;

/** The default peer's host. */
export const PEER_HOST: Host = { mac: "02:00:00:00:00:02", address: "10.0.0.2" };

/** How a connection is opened: the peer's MSS and window, and the time from our SYN to its acknowledgment. */
export interface Handshake {
  readonly mss?: number | "none";
  readonly window?: number;
  readonly rttMs?: number;
  readonly windowScale?: number;
  readonly sackPermitted?: true;
  /** The peer offers timestamps, and its timestamp clock shows this at the script's time 0. */
  readonly timestamps?: number;
}

/** Counters of ordinary events: they may move unnamed. */
const ORDINARY: ReadonlySet<CounterName> = new Set<CounterName>([
  "FRAMES_IN",
  "FRAMES_OUT",
  "ARP_REQUESTS",
  "ARP_REPLIES",
  "ICMP_ECHO",
  "TCP_SEGMENTS_IN",
  "TCP_SEGMENTS_OUT",
  "TCP_RETRANSMITS",
  "TCP_TIMEOUTS",
  "TCP_PROBES",
  "TCP_OUT_OF_ORDER",
  "TCP_RESETS_OUT",
  "TCP_ACTIVE_OPENS",
  "TCP_PASSIVE_OPENS",
]);

/** More wake-ups than any script needs: a deadline that never passes would otherwise hang the test. */
const WAKE_LIMIT = 100000;

interface Arrival {
  readonly timeMs: number;
  readonly packet: Packet;
}

export class Stage {
  readonly config: CoreConfig & { readonly address: string };
  readonly core: Core;
  readonly #trace = new Trace();
  readonly #hosts = new Map<string, Host>();
  readonly #peers: Peer[] = [];
  readonly #arrivals: Arrival[] = [];
  readonly #events = new Map<number, number>();
  readonly #marks = new Map<CounterName, number>();
  readonly #clock: number;
  readonly #answerArp: boolean;
  #peer: Peer;
  #timeMs = 0;
  #held = false;
  /** Octets in each fragment of what is sent; 0: it is sent whole. */
  #cut = 0;

  constructor(
    readonly wasm: Uint8Array,
    readonly engine: EngineFactory,
    readonly options: StageOptions = {},
  ) {
    this.config = { ...DEVICE, ...options.config };
    this.#clock = options.clock ?? 0;
    this.#answerArp = options.answerArp ?? true;
    this.core = createCore(wasm, this.config, { engine: recorded("device", engine), now: this.#now });
    this.#peer = this.newPeer({ isn: options.peerIsn ?? 1000000 });
  }

  /** The default peer: port 40000 until `connect` says otherwise. */
  get peer(): Peer {
    return this.#peer;
  }

  /** Milliseconds since the script began. */
  get timeMs(): number {
    return this.#timeMs;
  }

  /** Another end for connections: by default on the default peer's host. */
  newPeer({
    host = PEER_HOST,
    port = 40000,
    isn = 2000000,
    devicePort,
  }: {
    host?: Host;
    port?: number;
    isn?: number;
    devicePort?: number;
  } = {}): Peer {
    this.#hosts.set(host.address, host);
    const peer = new Peer(this, host, port, isn);
    peer.devicePort = devicePort;
    this.#peers.push(peer);
    return peer;
  }

  // Time.

  /** Lets time pass until `timeMs`. The device may send nothing before that moment. */
  at(timeMs: number): void {
    this.#passTo(timeMs);
    this.#drain();
  }

  /** Lets `ms` pass, in which the device may send nothing. */
  after(ms: number): void {
    this.at(this.#timeMs + ms);
  }

  /** Lets `ms` pass in which nobody asks the device for anything: its host slept, or its clock was set. */
  jump(ms: number): void {
    this.expectNothing();
    this.#timeMs += ms;
    this.#drain();
  }

  // Frames.

  /** Builds a frame and gives it to the device; the link goes from the default peer to the device unless it says. */
  send(spec: FrameSpec | (Omit<FrameSpec, "link"> & { readonly link?: undefined })): void {
    const link = { source: this.peer.host.mac, destination: this.config.mac };
    this.input(encode({ link, ...spec } as FrameSpec));
  }

  /** Gives a frame to the device as it stands. */
  input(frame: Uint8Array): void {
    const packet = decode(frame);
    this.#trace.add(this.#timeMs, "peer", describe(packet, this.#basesOf));
    // A lie among the options does not keep a segment from being taken.
    if (packet.kind === "tcp" && packet.problems.every((problem) => problem.startsWith("TCP option")))
      this.#peers.find((peer) => isFrom(peer, packet))?.noteSent(packet);
    for (const part of this.#cut ? fragmentsOf(frame, this.#cut) : [frame]) this.core.input(part, this.#now);
    this.#drain();
  }

  /** Runs `during` with what the peers send cut into fragments of so many octets, of which the last comes first. */
  cutting(octets: number, during: () => void): void {
    this.#cut = octets;
    during();
    this.#cut = 0;
  }

  /** A host answers the device's ARP question for its address: the default peer's unless it says. */
  arpReply({ mac, address }: Host = this.peer.host): void {
    this.send({
      link: { source: mac, destination: this.config.mac },
      arp: {
        operation: ArpOperation.REPLY,
        senderMac: mac,
        senderIp: address,
        targetMac: this.config.mac,
        targetIp: this.config.address,
      },
    });
  }

  /** Runs `during` without asking the device for frames in between, as a host whose driver has no room. */
  holdOutput(during: () => void): void {
    const held = this.#held;
    this.#held = true;
    during();
    this.#held = held;
    this.#drain();
  }

  /** The next frame of the device is this segment of the default peer's connection, now. */
  expect(wanted: SegmentExpectation): void {
    this.expectFor(this.peer, wanted);
  }

  /** As `expect`, at exactly `timeMs`: the device sends nothing before. */
  expectAt(timeMs: number, wanted: SegmentExpectation): void {
    this.#passTo(timeMs);
    this.#drain();
    this.expectFor(this.peer, wanted);
  }

  /** As `expect`, some time from `from` to `to`: the clock stands where the segment left. */
  expectBetween(from: number, to: number, wanted: SegmentExpectation): void {
    this.peer.expectBetween(from, to, wanted);
  }

  /** Lets time pass until the device sends something, some time from `from` to `to`. */
  waitBetween(from: number, to: number): void {
    this.#passTo(to, () => this.#arrivals.length > 0);
    this.#drain();
    if (this.#arrivals.length > 0 && this.#timeMs < from)
      this.fail(`a frame left at ${this.#timeMs} ms, should be from ${from} to ${to}`);
  }

  /** As `expect`, for another peer. */
  expectFor(peer: Peer, wanted: SegmentExpectation): void {
    const packet = this.next("tcp");
    if (!peer.owns(packet)) this.fail("the segment belongs to another connection");
    const wrong = peer.differences(packet, wanted);
    if (wrong.length > 0) this.fail(`the segment is not the expected one: ${wrong.join("; ")}`);
  }

  /** Lets time pass until `timeMs` and counts how often this segment comes meanwhile; nothing else may. */
  takeRepeats(timeMs: number, wanted: SegmentExpectation): number {
    for (let count = 0; ; count++) {
      this.#passTo(timeMs, () => this.#arrivals.length > 0);
      this.#drain();
      if (this.#arrivals.length === 0) return count;
      this.expect(wanted);
    }
  }

  /** ARP requests that the device has sent. */
  get arpRequests(): number {
    return this.core.counter(Counter.ARP_REQUESTS);
  }

  /** Frames of the device that nothing has taken yet. */
  get frames(): number {
    return this.#arrivals.length;
  }

  /** The next frame of the device, of this kind. */
  next<K extends Packet["kind"]>(kind: K): Extract<Packet, { kind: K }> {
    const arrival = this.#arrivals.shift();
    if (!arrival) return this.fail(`the device sent nothing, should be ${kind}`);
    const { packet } = arrival;
    if (packet.kind !== kind) return this.fail(`the frame is ${packet.kind}, should be ${kind}`);
    return packet as Extract<Packet, { kind: K }>;
  }

  /** The next frame of the device, of one of these kinds. */
  nextOf(...kinds: Packet["kind"][]): Packet {
    const [arrival] = this.#arrivals;
    const kind = kinds.find((one) => one === arrival?.packet.kind);
    return kind
      ? this.next(kind)
      : this.fail(`the frame is ${arrival?.packet.kind}, should be ${kinds.join(" or ")}`);
  }

  /** The device has sent nothing that was not expected. */
  expectNothing(): void {
    const [arrival] = this.#arrivals;
    if (arrival) this.fail(`the device sent ${describe(arrival.packet, this.#basesOf)}, should be nothing`);
  }

  // The device's application.

  /** Listens on a port, and makes it the default peer's other end. */
  listen(port: number, backlog = 4): Listener {
    const handle = this.call(`listen(${port})`, (core) => {
      const listener = core.open(SocketKind.LISTENER);
      core.bind(listener, { address: "0.0.0.0", port });
      core.listen(listener, backlog);
      return listener;
    });
    this.peer.devicePort ??= port;
    return new Listener(this, handle);
  }

  /** A datagram socket that is bound to a port, 0 for an ephemeral one. */
  datagram(port = 0): DatagramSocket {
    const handle = this.call(`datagram(${port})`, (core) => {
      const socket = core.open(SocketKind.DATAGRAM);
      core.bind(socket, { address: "0.0.0.0", port });
      return socket;
    });
    return new DatagramSocket(this, handle);
  }

  /** Starts to connect to a port of a peer, by default the default one. */
  connect(port: number, peer: Peer = this.peer): Socket {
    peer.port = port;
    return this.connectTo({ address: peer.host.address, port });
  }

  /** Starts to connect to any address. */
  connectTo(to: Address): Socket {
    const handle = this.call(`connect(${to.address}:${to.port})`, (core) => {
      const socket = core.open(SocketKind.STREAM);
      core.connect(socket, to);
      return socket;
    });
    return new Socket(this, handle);
  }

  /** A connection that the default peer opened to port 80, in `rttMs`; both streams stand at 1. */
  accepted(handshake: Handshake = {}): Socket {
    const { window = 65535, rttMs = 100 } = handshake;
    const listener = this.listen(80);
    this.peer.send({ flags: "S", seq: 0, window, ...this.#offer(handshake) });
    this.peer.expect({ flags: "SA", seq: 0, ack: 1 });
    this.after(rttMs);
    this.peer.send({ flags: "A", seq: 1, ack: 1, window });
    const socket = listener.accept();
    socket.expectState("ESTABLISHED");
    return socket;
  }

  /** A connection that the device opened to port 80 of the default peer, in `rttMs`; both streams stand at 1. */
  connected(handshake: Handshake = {}): Socket {
    const { window = 65535, rttMs = 100 } = handshake;
    const socket = this.connect(80);
    this.peer.expect({ flags: "S", seq: 0 });
    this.after(rttMs);
    this.peer.send({ flags: "SA", seq: 0, ack: 1, window, ...this.#offer(handshake) });
    this.peer.expect({ flags: "A", seq: 1, ack: 1 });
    socket.expectEvents("CONNECTED");
    return socket;
  }

  /** As `connected`, with a new default peer: for scripts that need many connections, one after another. */
  again({ isn = 1000000, ...handshake }: Handshake & { isn?: number } = {}): Socket {
    this.#peers.splice(this.#peers.indexOf(this.#peer), 1);
    this.#peer = this.newPeer({ isn });
    return this.connected(handshake);
  }

  /** Makes a call of the application, and takes the frames and events that follow. */
  call<T>(what: string, make: (core: Core) => T): T {
    this.#trace.add(this.#timeMs, "app", what);
    const result = make(this.core);
    this.#drain();
    return result;
  }

  /** The core refuses what `use` does, with this status. */
  expectRefused(use: () => void, status: string): void {
    try {
      use();
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
      if (statusName(error.status) !== status)
        this.fail(`${error.call} is refused with ${statusName(error.status)}, should be ${status}`);
      return;
    }
    this.fail(`a call went well, should be refused with ${status}`);
  }

  /** Events of a socket since they were taken last. */
  takeEvents(handle: number): number {
    const mask = this.#events.get(handle) ?? 0;
    this.#events.delete(handle);
    return mask;
  }

  // Counters and records.

  /** A counter, to be compared with where it stood when it was asked for last. */
  counter(name: CounterName): { increased(by?: number): void; unchanged(): void } {
    const compare = (wanted: number) => {
      const value = this.core.counter(Counter[name]);
      const by = value - (this.#marks.get(name) ?? 0);
      this.#marks.set(name, value);
      if (by !== wanted) this.fail(`counter ${name} moved by ${by}, should be by ${wanted}`);
    };
    return { increased: (by = 1) => compare(by), unchanged: () => compare(0) };
  }

  /** The link of the device went up or down. */
  linkChanged(up: boolean): void {
    this.call(`link ${up ? "up" : "down"}`, (core) => core.linkChanged(up, this.#now));
  }

  /** These counters moved, or did not: how often is not this script's matter. */
  countersMayMove(...names: CounterName[]): void {
    for (const name of names) this.#marks.set(name, this.core.counter(Counter[name]));
  }

  /** Records in use; those that are not named must be 0. */
  expectRecords(wanted: { connections?: number; timeWaitEntries?: number; synEntries?: number }): void {
    const { connectionsUsed, timeWaitUsed, synUsed } = this.core.header();
    const is = `${connectionsUsed} connections, ${timeWaitUsed} TIME-WAIT entries, ${synUsed} SYN entries`;
    const { connections = 0, timeWaitEntries = 0, synEntries = 0 } = wanted;
    const should = `${connections} connections, ${timeWaitEntries} TIME-WAIT entries, ${synEntries} SYN entries`;
    if (is !== should) this.fail(`in use are ${is}, should be ${should}`);
  }

  /** The script's end: nothing is left over, and no drop went unnamed. */
  finish(): void {
    this.expectNothing();
    for (const [name, value] of Object.entries(this.core.counters()) as [CounterName, number][]) {
      const by = value - (this.#marks.get(name) ?? 0);
      if (by !== 0 && !ORDINARY.has(name))
        this.fail(`counter ${name} moved by ${by}, which the script does not name`);
    }
  }

  /** Fails the script, with everything that happened. */
  fail(what: string): never {
    throw new ScriptError(what, this.#trace);
  }

  /** Options of the default peer's SYN. */
  #offer({ mss = 1460, windowScale, sackPermitted, timestamps }: Handshake): Partial<SegmentSpec> {
    this.peer.timestampBase = timestamps;
    return {
      ...(mss === "none" ? {} : { mss }),
      ...(windowScale === undefined ? {} : { windowScale }),
      ...(sackPermitted && { sackPermitted }),
    };
  }

  get #now(): number {
    return (this.#clock + this.#timeMs) % 2 ** 32;
  }

  /** Lets time pass to `timeMs`, stopping at every deadline of the device, or where `enough` says so. */
  #passTo(timeMs: number, enough = () => false): void {
    if (timeMs < this.#timeMs) throw new RangeError(`it is ${this.#timeMs} ms already`);
    for (let wakes = 0; this.#timeMs < timeMs; wakes++) {
      if (wakes > WAKE_LIMIT) this.fail("the device's deadlines do not let time pass");
      if (enough()) return;
      this.expectNothing();
      const wait = this.core.deadline(this.#now);
      if (wait === 0) this.fail("the device has a frame due now, but gives none");
      const quiet = this.#timeMs + wait > timeMs;
      this.#timeMs = Math.min(this.#timeMs + wait, timeMs);
      this.#drain();
      if (quiet && this.#arrivals.length > 0) this.fail("the device sends before its own deadline");
    }
  }

  /** Takes the frames and events that the device has now. */
  #drain(): void {
    if (this.#held) return;
    for (;;) {
      const frame = this.core.output(this.#now);
      if (!frame) break;
      this.#receive(decode(frame.slice()));
    }
    for (;;) {
      const event = this.core.nextEvent();
      if (!event) break;
      this.#events.set(event.handle, (this.#events.get(event.handle) ?? 0) | event.events);
    }
  }

  #receive(packet: Packet): void {
    // The device's port and initial number are learnt first, so that the trace shows relative numbers.
    const wrong = [...packet.problems];
    if (packet.kind === "tcp") wrong.push(...(this.#peerOf(packet)?.noteReceived(packet) ?? []));
    this.#trace.add(this.#timeMs, "device", describe(packet, this.#basesOf));
    if (packet.kind !== "short" && packet.ethernet.source !== this.config.mac)
      wrong.push(`sent from ${packet.ethernet.source}`);
    if ("ipv4" in packet && packet.ipv4.source !== this.config.address)
      wrong.push(`sent from ${packet.ipv4.source}`);
    if (wrong.length > 0) this.fail(`the device sent a wrong frame: ${wrong.join("; ")}`);
    if (!this.#answersArp(packet)) this.#arrivals.push({ timeMs: this.#timeMs, packet });
  }

  /** Answers an ARP request for a host of this stage; false when that is left to the script. */
  #answersArp(packet: Packet): boolean {
    if (!this.#answerArp || packet.kind !== "arp" || packet.arp.operation !== ArpOperation.REQUEST)
      return false;
    const host = this.#hosts.get(packet.arp.targetIp);
    if (!host) return false;
    const reply = encode({
      link: { source: host.mac, destination: packet.arp.senderMac },
      arp: {
        operation: ArpOperation.REPLY,
        senderMac: host.mac,
        senderIp: host.address,
        targetMac: packet.arp.senderMac,
        targetIp: packet.arp.senderIp,
      },
    });
    this.#trace.add(this.#timeMs, "peer", describe(reply));
    this.core.input(reply, this.#now);
    return true;
  }

  #peerOf(packet: TcpPacket): Peer | undefined {
    return this.#peers.find((peer) => peer.owns(packet));
  }

  /** Bases of relative numbers, for the trace. */
  readonly #basesOf = (packet: TcpPacket): { seq: number; ack: number } => {
    const sender = this.#peers.find((peer) => isFrom(peer, packet));
    if (sender) return { seq: sender.isn, ack: sender.deviceIsn ?? 0 };
    const receiver = this.#peerOf(packet);
    return { seq: receiver?.deviceIsn ?? 0, ack: receiver?.isn ?? 0 };
  };
}

function isFrom(peer: Peer, { ipv4, tcp }: TcpPacket): boolean {
  return (
    ipv4.source === peer.host.address &&
    tcp.sourcePort === peer.port &&
    tcp.destinationPort === peer.devicePort
  );
}

function fragmentsOf(frame: Uint8Array, octets: number): Uint8Array[] {
  const packet = decode(frame);
  if (!("ipv4" in packet)) return [frame];
  const { ethernet, ipv4 } = packet;
  const { source, destination, protocol, payload } = ipv4;
  const count = Math.ceil(payload.length / octets);
  const fragments = Array.from({ length: count }, (_, index) =>
    encode({
      link: { source: ethernet.source, destination: ethernet.destination },
      ipv4: {
        ...{ source, destination, protocol, identification: 1, fragmentOffset: index * octets },
        moreFragments: index + 1 < count,
      },
      payload: payload.slice(index * octets, (index + 1) * octets),
    }),
  );
  return fragments.reverse();
}
