// A device that looks names up, and name servers on its network whose answers a test scripts. Time is virtual, every frame of
// the device is decoded by the independent codec and must be correct, and nothing else moves.

import { readFileSync } from "node:fs";
import { Counter, Event, Option, SocketKind, Status } from "../../host/abi.js";
import { type Core, type CoreConfig, createCore, statusName } from "../../host/core.js";
import {
  ArpOperation,
  concat,
  decode,
  encode,
  formatIp,
  get16,
  internetChecksum,
  type Packet,
  pseudoHeader,
  put16,
  type TcpSpec,
} from "../../host/packet/index.js";
import { recorded } from "../report/recording.js";
import { decodeQuery, encodeMessage, type MessageSpec, type Query } from "./codec.js";

export const DEVICE_MAC = "02:00:00:00:00:01";
export const DEVICE = "10.0.0.1";
/** The servers that the device is told of. */
export const FIRST = "10.0.0.53";
export const SECOND = "10.0.0.54";

const UDP = 17;
const DNS_PORT = 53;

/** A query as it came: over which transport, and from which port. */
export interface Asked extends Query {
  readonly timeMs: number;
  readonly server: string;
  readonly port: number;
  readonly transport: "udp" | "tcp";
}

/** What an answer may differ in from what the query asks for. */
export interface Reply extends Partial<MessageSpec> {
  /** Default: 10 ms. */
  readonly delayMs?: number;
  /** Where the answer comes from and goes to, when it is forged. */
  readonly from?: string;
  readonly fromPort?: number;
  readonly toPort?: number;
  /** The octets of the message, in place of all that is said here. */
  readonly octets?: Uint8Array;
  /** By TCP: what stands in the two octets of length; and whether the server ends the connection behind the answer. */
  readonly promised?: number;
  readonly closes?: boolean;
}

/** What a server makes of a query: none, one or many answers. */
export type Script = (query: Asked) => Reply | readonly Reply[] | undefined;

/** A server: how it answers, whether it knows TCP ("refuses": with a reset), and whether it answers ARP. */
export interface Server {
  readonly script: Script;
  readonly tcp?: "answers" | "refuses" | "silent";
  readonly arp?: boolean;
}

interface Due {
  readonly atMs: number;
  readonly frame: Uint8Array;
}

/** The server's end of a TCP connection: no losses, and so no retransmissions. */
interface Stream {
  snd: number;
  rcv: number;
  received: Uint8Array;
  waiting: Uint8Array;
  closes: boolean;
  una: number;
  window: number;
  mss: number;
}

export class World {
  readonly core: Core;
  readonly asked: Asked[] = [];
  /** Every frame of the device, decoded. */
  readonly sent: Packet[] = [];
  /** Events that the host was told of, by handle. */
  readonly events = new Map<number, number>();
  readonly servers = new Map<string, Server>();
  /** Stations that answer ARP and TCP SYNs: "accepts", "refuses", "silent". */
  readonly hosts = new Map<string, "accepts" | "refuses" | "silent">();
  readonly #clock: number;
  readonly #due: Due[] = [];
  readonly #streams = new Map<string, Stream>();
  timeMs = 0;

  constructor(config: Partial<CoreConfig> = {}, clock = 0) {
    this.#clock = clock;
    this.core = createCore(
      readFileSync(new URL("../../build/standard.wasm", import.meta.url)),
      {
        mac: DEVICE_MAC,
        ...{ address: DEVICE, gateway: "10.0.0.254", dnsServers: [FIRST, SECOND] },
        ...{ connections: 2, listeners: 0, queries: 2, cacheEntries: 2 },
        seed: Uint8Array.from({ length: 32 }, (_, index) => index * 5 + 7),
        ...config,
      },
      { engine: recorded("device"), now: clock },
    );
  }

  get now(): number {
    return (this.#clock + this.timeMs) >>> 0;
  }

  /** A server, and one way to answer. */
  serve(address: string, script: Script, rest: Omit<Server, "script"> = {}): void {
    this.servers.set(address, { script, ...rest });
  }

  /** Opens a query and starts the look-up. Returns its handle. */
  ask(name: string): number {
    const handle = this.core.open(SocketKind.QUERY);
    const status = this.commit(handle, name);
    if (status !== Status.OK) throw new Error(`${name}: ${statusName(status)}`);
    return handle;
  }

  /** The second half of that: the Status of `sendCommit`. */
  commit(handle: number, name: string | Uint8Array): number {
    const { exports, memory } = this.core.engine;
    const text = typeof name === "string" ? Uint8Array.from(name, (letter) => letter.charCodeAt(0)) : name;
    const room = exports.sendReserve(handle);
    if (room < 0) return room;
    memory.set(text.subarray(0, room), this.core.header().runPointer);
    return exports.sendCommit(handle, text.length);
  }

  /** The addresses of a query, or why there are none. */
  answer(handle: number): string[] | string {
    const { exports, memory } = this.core.engine;
    const bytes = exports.receivePeek(handle);
    if (bytes < 0) return statusName(bytes);
    const at = this.core.header().runPointer;
    return Array.from({ length: bytes / 16 }, (_, index) => {
      const record = memory.slice(at + index * 16, at + index * 16 + 16);
      if (record.subarray(4).some((octet) => octet !== 0))
        throw new Error("an address of more than 4 octets");
      return formatIp(record.subarray(0, 4));
    });
  }

  /** Asks and answers: what comes of a name in at most `limitMs`. */
  resolve(name: string, limitMs = 150_000): string[] | string {
    const handle = this.ask(name);
    this.until(() => this.answer(handle) !== "WOULD_BLOCK", limitMs);
    const answer = this.answer(handle);
    this.core.close(handle);
    this.events.delete(handle);
    return answer;
  }

  /** Lets time pass until `done`, at most `limitMs`. Returns the milliseconds that it took. */
  until(done: () => boolean, limitMs = 150_000): number {
    const start = this.timeMs;
    this.run();
    while (!done() && this.timeMs - start < limitMs) {
      const next = Math.min(
        this.core.deadline(this.now),
        ...this.#due.map(({ atMs }) => Math.max(0, atMs - this.timeMs)),
      );
      if (!Number.isFinite(next)) break;
      this.timeMs += Math.min(Math.max(next, 1), start + limitMs - this.timeMs);
      this.run();
    }
    return this.timeMs - start;
  }

  pass(ms: number): void {
    const end = this.timeMs + ms;
    this.until(() => this.timeMs >= end, ms);
    this.timeMs = end;
    this.run();
  }

  /** Everything that is due at this time. */
  run(): void {
    for (let rounds = 0; rounds < 10_000; rounds++) {
      for (let frame = this.core.output(this.now); frame; frame = this.core.output(this.now))
        this.#take(frame.slice());
      this.#noteEvents();
      const index = this.#due.findIndex(({ atMs }) => atMs <= this.timeMs);
      if (index < 0) return;
      const [due] = this.#due.splice(index, 1);
      this.core.input((due as Due).frame, this.now);
    }
    throw new Error("the device and its servers talk for ever");
  }

  /** Takes what happened on `handle` since the last time. */
  takeEvents(handle: number): string[] {
    const mask = this.events.get(handle) ?? 0;
    this.events.delete(handle);
    return Object.entries(Event).flatMap(([name, bit]) => (mask & bit ? [name] : []));
  }

  error(handle: number): string {
    return statusName(this.core.getOption(handle, Option.ERROR) | 0);
  }

  counter(name: keyof typeof Counter): number {
    return this.core.counter(Counter[name]);
  }

  /** A UDP message to the device, in `delayMs`. */
  sendUdp(from: string, fromPort: number, toPort: number, data: Uint8Array, delayMs = 0): void {
    const udp = new Uint8Array(8);
    put16(udp, 0, fromPort);
    put16(udp, 2, toPort);
    put16(udp, 4, 8 + data.length);
    const payload = concat(udp, data);
    const sum = internetChecksum(pseudoHeader(from, DEVICE, UDP, payload.length), payload);
    put16(payload, 6, sum === 0 ? 0xffff : sum);
    this.#send({ ipv4: { source: from, destination: DEVICE, protocol: UDP }, payload }, from, delayMs);
  }

  #send(spec: object, from: string, delayMs: number): void {
    const frame = encode({ link: { source: macOf(from), destination: DEVICE_MAC }, ...spec } as never);
    this.#due.push({ atMs: this.timeMs + delayMs, frame });
    this.#due.sort((a, b) => a.atMs - b.atMs);
  }

  #noteEvents(): void {
    for (let event = this.core.nextEvent(); event; event = this.core.nextEvent())
      this.events.set(event.handle, (this.events.get(event.handle) ?? 0) | event.events);
  }

  #take(frame: Uint8Array): void {
    const packet = decode(frame);
    if (packet.problems.length > 0) throw new Error(packet.problems.join("; "));
    this.sent.push(packet);
    if (packet.kind === "arp") this.#answerArp(packet);
    if (!("ipv4" in packet)) return;
    if (packet.kind === "tcp") this.#takeSegment(packet);
    const { source, destination, protocol, payload } = packet.ipv4;
    if (protocol !== UDP) return;
    if (internetChecksum(pseudoHeader(source, destination, UDP, payload.length), payload) !== 0)
      throw new Error("UDP checksum");
    if (get16(payload, 2) !== DNS_PORT || get16(payload, 4) !== payload.length) throw new Error("UDP header");
    this.#answer(destination, get16(payload, 0), "udp", payload.slice(8));
  }

  #answerArp(packet: Packet & { kind: "arp" }): void {
    const { operation, targetIp } = packet.arp;
    const known = this.servers.get(targetIp)?.arp ?? (this.servers.has(targetIp) || this.hosts.has(targetIp));
    if (operation !== ArpOperation.REQUEST || (!known && targetIp !== "10.0.0.254")) return;
    this.#send(
      {
        arp: {
          operation: ArpOperation.REPLY,
          ...{ senderMac: macOf(targetIp), senderIp: targetIp },
          ...{ targetMac: DEVICE_MAC, targetIp: DEVICE },
        },
      },
      targetIp,
      1,
    );
  }

  /** Gives the query to its server's script. Answers by TCP go into `stream`. */
  #answer(
    server: string,
    port: number,
    transport: "udp" | "tcp",
    message: Uint8Array,
    stream?: Stream,
  ): void {
    const query: Asked = { ...decodeQuery(message), timeMs: this.timeMs, server, port, transport };
    this.asked.push(query);
    const replies = this.servers.get(server)?.script(query) ?? [];
    for (const reply of "length" in replies ? replies : [replies]) {
      const octets =
        reply.octets ??
        encodeMessage({
          id: query.id,
          questions: [{ name: query.name }],
          ...reply,
        });
      if (!stream) {
        const { from = server, fromPort = DNS_PORT, toPort = port, delayMs = 10 } = reply;
        this.sendUdp(from, fromPort, toPort, octets, delayMs);
        continue;
      }
      const head = new Uint8Array(2);
      put16(head, 0, reply.promised ?? octets.length);
      stream.waiting = concat(stream.waiting, head, octets);
      stream.closes = reply.closes ?? false;
    }
  }

  #takeSegment({ ipv4, tcp }: Packet & { kind: "tcp" }): boolean {
    const server = ipv4.destination;
    const how = this.servers.get(server)?.tcp ?? this.hosts.get(server) ?? "silent";
    const key = `${server}:${tcp.sourcePort}`;
    const reply = (segment: Partial<TcpSpec>): boolean => {
      this.#send(
        {
          ipv4: { source: server, destination: DEVICE },
          tcp: {
            sourcePort: tcp.destinationPort,
            destinationPort: tcp.sourcePort,
            window: 60000,
            ...segment,
          },
        },
        server,
        5,
      );
      return true;
    };
    if (how === "silent") return false;
    const isSyn = (tcp.flags & 2) !== 0;
    if (isSyn && how === "refuses") return reply({ flags: "RA", seq: 0, ack: tcp.seq + 1 });
    if (isSyn) {
      const mss = tcp.options.find((option) => option.kind === "mss")?.mss ?? 536;
      const rcv = (tcp.seq + 1) >>> 0;
      const stream: Stream = {
        ...{ snd: 7001, una: 7001, rcv, mss, window: tcp.window, closes: false },
        ...{ received: new Uint8Array(0), waiting: new Uint8Array(0) },
      };
      this.#streams.set(key, stream);
      return reply({ flags: "SA", seq: 7000, ack: rcv, options: [{ kind: "mss", mss: 1460 }] });
    }
    const stream = this.#streams.get(key);
    if (!stream || tcp.flags & 4) return this.#streams.delete(key);
    stream.una = tcp.ack;
    stream.window = tcp.window;
    let owes = false;
    if (tcp.payload.length > 0 && tcp.seq === stream.rcv) {
      stream.rcv = (stream.rcv + tcp.payload.length) >>> 0;
      stream.received = concat(stream.received, tcp.payload);
      owes = true;
      const bytes = stream.received.length >= 2 ? get16(stream.received, 0) : Number.POSITIVE_INFINITY;
      if (stream.received.length >= bytes + 2) {
        const message = stream.received.slice(2, bytes + 2);
        stream.received = stream.received.slice(bytes + 2);
        this.#answer(server, tcp.sourcePort, "tcp", message, stream);
      }
    }
    if (tcp.flags & 1) {
      stream.rcv = (stream.rcv + 1) >>> 0;
      return reply({ flags: "FA", seq: stream.snd++, ack: stream.rcv });
    }
    this.#push(stream, reply, owes);
    return true;
  }

  /** What the window takes of what waits, as segments. */
  #push(stream: Stream, reply: (segment: Partial<TcpSpec>) => boolean, owes: boolean): void {
    for (;;) {
      const room = stream.window - ((stream.snd - stream.una) >>> 0);
      const length = Math.min(stream.waiting.length, stream.mss, room);
      if (length <= 0) break;
      const payload = stream.waiting.slice(0, length);
      stream.waiting = stream.waiting.slice(length);
      reply({ flags: "PA", seq: stream.snd, ack: stream.rcv, payload });
      stream.snd = (stream.snd + length) >>> 0;
      owes = false;
    }
    if (stream.closes && stream.waiting.length === 0) {
      stream.closes = false;
      owes = false;
      reply({ flags: "FA", seq: stream.snd, ack: stream.rcv });
      stream.snd = (stream.snd + 1) >>> 0;
    }
    if (owes) reply({ flags: "A", seq: stream.snd, ack: stream.rcv });
  }
}

function macOf(address: string): string {
  const last = Number(address.split(".")[3]);
  return `02:00:00:00:01:${last.toString(16).padStart(2, "0")}`;
}
