// What must hold of a core's memory between any two calls, and once it has nothing left to send. It reads the core's own
// records, by a layout that the compiler gave, and shares no code with the core.

import { type Config, ConfigLayout, TcpState } from "../abi.js";
import type { Core } from "../core.js";
import type { Engine } from "../engines/engine.js";
import { readRecord } from "../records.js";
import { check, SimFailure, seqDistance } from "./failure.js";
import { constant, type Layout, RecordReader } from "./layout.js";
import type { Statistics } from "./statistics.js";

const STATE_FIELDS = [
  "now",
  "connectionTable",
  "connectionStride",
  "listenerTable",
  "synTable",
  "timeWaitTable",
  "hashTable",
  "hashMask",
  "freeConnection",
] as const;
const CONNECTION_FIELDS = [
  "remoteAddress",
  "ports",
  "chain",
  "kind",
  "state",
  "listener",
  "bits",
  "queueNext",
  "sndUna",
  "sndNxt",
  "sndMax",
  "sndMss",
  "sndWnd",
  "rcvNxt",
  "rcvAdv",
  "sendBytes",
  "receiveBytes",
  "congestionWindow",
  "ranges",
  "retransmitAt",
  "delayedAckAt",
  "keepaliveMs",
] as const;
const COMPACT_FIELDS = ["remoteAddress", "ports", "chain", "kind", "deadline"] as const;
const LISTENER_FIELDS = ["kind", "pending"] as const;

/** Filled into memory that is not the core's; it must stand. */
const CANARY = 0xa5;
/** So much of it behind the state region is looked at after every call, a page of it at the end. */
const CANARY_BYTES = 1024;
const CANARIES = Buffer.alloc(CANARY_BYTES, CANARY);
const PAGE_BYTES = 65_536;
const RANGE_BYTES = 8;

const {
  CLOSED,
  SYN_SENT,
  SYN_RECEIVED,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  CLOSE_WAIT,
  CLOSING,
  LAST_ACK,
  TIME_WAIT,
} = TcpState;

/** RFC 9293 figure 5, and CLOSED after every state: by RST, time-out or ABORT. A record begins in CLOSED. */
const SUCCESSORS: Readonly<Record<number, readonly number[]>> = {
  [CLOSED]: [SYN_SENT, SYN_RECEIVED],
  [SYN_SENT]: [CLOSED, SYN_RECEIVED, ESTABLISHED],
  [SYN_RECEIVED]: [CLOSED, ESTABLISHED, FIN_WAIT_1],
  [ESTABLISHED]: [CLOSED, FIN_WAIT_1, CLOSE_WAIT],
  [FIN_WAIT_1]: [CLOSED, FIN_WAIT_2, CLOSING, TIME_WAIT],
  [FIN_WAIT_2]: [CLOSED, TIME_WAIT],
  [CLOSE_WAIT]: [CLOSED, LAST_ACK],
  [CLOSING]: [CLOSED, TIME_WAIT],
  [LAST_ACK]: [CLOSED],
  [TIME_WAIT]: [CLOSED],
};

/** One segment may carry a connection through so many transitions: the handshake's ACK, data and FIN. */
const TRANSITIONS_AT_ONCE = 2;

interface Seen {
  remoteAddress: number;
  ports: number;
  state: number;
  rcvAdv: number;
}

export class Checker {
  readonly #view: DataView;
  readonly #memory: Uint8Array;
  readonly #state: RecordReader<(typeof STATE_FIELDS)[number]>;
  readonly #connection: RecordReader<(typeof CONNECTION_FIELDS)[number]>;
  readonly #compact: RecordReader<(typeof COMPACT_FIELDS)[number]>;
  readonly #listener: RecordReader<(typeof LISTENER_FIELDS)[number]>;
  readonly #kinds: { free: number; listener: number; queued: number; timeWait: number };
  readonly #bits: { retransmit: number; ack: number; arpWait: number };
  readonly #stateAt: number;
  /** Memory below the state region as the module has it: constant data, and a scratch record. */
  readonly #low: Uint8Array;
  readonly #scratch: readonly [from: number, to: number];
  #config: Config = {} as Config;
  #configBytes = new Uint8Array(0);
  #configAt = 0;
  #end = 0;
  #seen: (Seen | undefined)[] = [];

  /** `engine`: one whose core has never run. */
  constructor(
    readonly engine: Engine,
    layout: Layout,
    readonly host: number,
    readonly statistics: Statistics,
  ) {
    this.#memory = engine.memory;
    this.#view = new DataView(engine.memory.buffer, engine.memory.byteOffset, engine.memory.length);
    this.#state = new RecordReader(this.#view, layout, "State", STATE_FIELDS);
    this.#connection = new RecordReader(this.#view, layout, "Tcb", CONNECTION_FIELDS);
    this.#compact = new RecordReader(this.#view, layout, "Compact", COMPACT_FIELDS);
    this.#listener = new RecordReader(this.#view, layout, "Listener", LISTENER_FIELDS);
    this.#kinds = {
      free: constant(layout, "Kind.FREE"),
      listener: constant(layout, "Kind.LISTENER"),
      queued: constant(layout, "Kind.QUEUED"),
      timeWait: constant(layout, "Kind.TIME_WAIT"),
    };
    this.#bits = {
      retransmit: constant(layout, "Bit.TIMES_RETRANSMIT"),
      ack: constant(layout, "Bit.TIMES_ACK"),
      arpWait: constant(layout, "Bit.ARP_WAIT"),
    };
    this.#configAt = constant(layout, "COUNTERS") - this.#state.bytes - ConfigLayout.size;
    this.#stateAt = constant(layout, "COUNTERS") - this.#state.bytes;
    const segment = constant(layout, "SEGMENT");
    this.#scratch = [segment, segment + constant(layout, "SEGMENT_BYTES")];
    this.#low = this.#memory.slice(0, engine.exports.base());
  }

  /** Before `init`: all memory but the module's constant data is overwritten. */
  beforeBoot(): void {
    if (this.#end) this.checkAllMemory();
    this.#memory.fill(CANARY);
    this.engine.wrote?.(0, this.#memory.length);
    this.#memory.set(this.#low);
    this.engine.wrote?.(0, this.#low.length);
    this.#seen = [];
  }

  afterBoot(core: Core, memoryBytes: number, boots: number): void {
    this.#end = memoryBytes;
    // The probe of `bytesNeeded` and `init` put nothing behind the state.
    this.#config = readRecord<Config>(this.#memory, this.#configAt, ConfigLayout);
    this.#configBytes = this.#memory.slice(this.#configAt, this.#configAt + ConfigLayout.size);
    check(
      this.#config.connections === core.config.connections,
      () => `host ${this.host}: boot ${boots}: no configuration where it should be`,
    );
    this.#seen = new Array(this.#config.connections).fill(undefined);
  }

  /** After every call: transitions, and that memory outside was left alone. */
  afterCall(): void {
    this.#checkTransitions();
    this.#checkLowMemory();
    check(
      Buffer.compare(
        this.#configBytes,
        this.#memory.subarray(this.#configAt, this.#configAt + ConfigLayout.size),
      ) === 0,
      () => `${this.#name()}: the configuration was written to`,
    );
    check(
      CANARIES.compare(this.#memory, this.#end, this.#end + CANARY_BYTES) === 0,
      () => `${this.#name()}: wrote behind the state region, at ${this.#end} or later`,
    );
  }

  /** A page of memory behind the state region. */
  checkAllMemory(): void {
    const end = Math.min(this.#end + PAGE_BYTES, this.#memory.length);
    const at = this.#memory.subarray(this.#end, end).findIndex((octet) => octet !== CANARY);
    check(at < 0, () => `${this.#name()}: wrote behind the state region, at ${this.#end + at}`);
  }

  /** Once `output` has given 0 and `deadline` has said `deadline`: everything else. */
  afterSettle(core: Core, deadline: number): void {
    let used = 0;
    const inTable = this.#walkHashTable();
    let queued = 0;
    let pending = 0;
    for (let index = 0; index < this.#config.connections; index++) {
      const at = this.#connectionAt(index);
      const kind = this.#connection.read(at, "kind");
      if (kind === this.#kinds.free) continue;
      used++;
      if (kind === this.#kinds.queued) queued++;
      const state = this.#connection.read(at, "state");
      check(
        inTable.has(at) === (state !== CLOSED),
        () => `${this.#record(at)} is ${inTable.has(at) ? "" : "not "}in the hash table`,
      );
      if (state !== CLOSED) this.#checkConnection(at, state, deadline);
    }
    for (let index = 0; index < this.#config.listeners; index++) {
      const at = this.#state.read(this.#stateAt, "listenerTable") + index * 48;
      if (this.#listener.read(at, "kind") === this.#kinds.listener)
        pending += this.#listener.read(at, "pending");
    }
    check(queued === pending, () => `${this.#name()}: ${queued} connections wait, listeners say ${pending}`);
    this.#checkCounts(core, used, inTable, deadline);
  }

  /** The place of the TIME-WAIT entry that a frame with a SYN is for, or undefined. */
  timeWaitOf(frame: Uint8Array): number | undefined {
    const isSyn = frame.length >= 54 && frame[23] === 6 && ((frame[47] as number) & 0x12) === 2;
    if (!isSyn || frame[12] !== 8 || frame[14] !== 0x45) return undefined;
    const view = new DataView(frame.buffer, frame.byteOffset);
    const [remote, ports] = [view.getUint32(26, true), view.getUint32(34, true)];
    return this.#compactEntries("timeWaitTable", this.#config.timeWaitEntries).find(
      (at) => this.#compact.read(at, "remoteAddress") === remote && this.#compact.read(at, "ports") === ports,
    );
  }

  /** After the frame: whether it put an end to that entry. */
  noteReuse(at: number): void {
    if (this.#compact.read(at, "kind") === this.#kinds.free) this.statistics.add("TIME-WAIT reused");
  }

  /** The connection records in use, in words. */
  describe(): string[] {
    const found: string[] = [];
    for (let index = 0; index < this.#config.connections; index++) {
      const at = this.#connectionAt(index);
      if (this.#connection.read(at, "kind") !== this.#kinds.free) found.push(this.#record(at));
    }
    return found;
  }

  #name(): string {
    return `host ${this.host}`;
  }

  #record(at: number): string {
    const read = (name: (typeof CONNECTION_FIELDS)[number]) => this.#connection.read(at, name);
    const base = read("sndUna");
    const numbers =
      `SND.UNA ${base}, SND.NXT +${seqDistance(read("sndNxt"), base)}, SND.MAX +${seqDistance(read("sndMax"), base)}, ` +
      `SND.WND ${read("sndWnd")}, RCV.NXT ${read("rcvNxt")}, RCV.ADV +${seqDistance(read("rcvAdv"), read("rcvNxt"))}, ` +
      `${read("sendBytes")} to send, ${read("receiveBytes")} to read, ${read("ranges")} ranges, ` +
      `cwnd ${read("congestionWindow")}, bits 0x${read("bits").toString(16)}, kind ${read("kind")}`;
    const number = (at - this.#state.read(this.#stateAt, "connectionTable")) / this.#stride();
    return `${this.#name()}: connection ${number} in ${stateName(read("state"))} (${numbers})`;
  }

  #stride(): number {
    return this.#state.read(this.#stateAt, "connectionStride");
  }

  #connectionAt(index: number): number {
    return this.#state.read(this.#stateAt, "connectionTable") + index * this.#stride();
  }

  #checkTransitions(): void {
    for (let index = 0; index < this.#config.connections; index++) {
      const at = this.#connectionAt(index);
      const kind = this.#connection.read(at, "kind");
      if (kind === this.#kinds.free) {
        this.#seen[index] = undefined;
        continue;
      }
      const now: Seen = {
        remoteAddress: this.#connection.read(at, "remoteAddress"),
        ports: this.#connection.read(at, "ports"),
        state: this.#connection.read(at, "state"),
        rcvAdv: this.#connection.read(at, "rcvAdv"),
      };
      const before = this.#seen[index];
      this.#seen[index] = now;
      const isSame = before?.remoteAddress === now.remoteAddress && before.ports === now.ports;
      // The record of a socket that does not connect yet has no peer.
      if (!before || (!isSame && before.state !== CLOSED)) this.#checkBirth(at, now.state);
      else if (before.state !== now.state) this.#checkTransition(at, before.state, now.state);
      else if (now.state >= ESTABLISHED && seqDistance(now.rcvAdv, before.rcvAdv) < 0)
        throw new SimFailure(`${this.#record(at)}: the window's right edge went back from ${before.rcvAdv}`);
    }
  }

  /** A record that is new: of an active open, or of a handshake that is finished (maybe with data and FIN). */
  #checkBirth(at: number, state: number): void {
    const lawful = [CLOSED, SYN_SENT, SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT] as readonly number[];
    check(lawful.includes(state), () => `${this.#record(at)}: a connection begins so`);
    if (state !== CLOSED) this.statistics.add(`state ${stateName(state)}`);
  }

  #checkTransition(at: number, before: number, after: number): void {
    this.statistics.add(`state ${stateName(after)}`);
    let reached = new Set([before]);
    for (let hop = 0; hop < TRANSITIONS_AT_ONCE; hop++) {
      reached = new Set([...reached].flatMap((state) => SUCCESSORS[state] ?? []));
      if (reached.has(after)) return;
      // What has ended does not begin again.
      reached.delete(CLOSED);
    }
    throw new SimFailure(`${this.#record(at)}: came from ${stateName(before)}`);
  }

  #checkLowMemory(): void {
    const [from, to] = this.#scratch;
    const whole =
      Buffer.compare(this.#memory.subarray(0, from), this.#low.subarray(0, from)) === 0 &&
      Buffer.compare(this.#memory.subarray(to, this.#low.length), this.#low.subarray(to)) === 0;
    check(whole, () => `${this.#name()}: wrote to constant data`);
  }

  #checkConnection(at: number, state: number, deadline: number): void {
    const read = (name: (typeof CONNECTION_FIELDS)[number]) => this.#connection.read(at, name);
    const fails = (what: string) => {
      throw new SimFailure(`${this.#record(at)}: ${what}`);
    };
    const sndUna = read("sndUna");
    const [nxt, max] = [seqDistance(read("sndNxt"), sndUna), seqDistance(read("sndMax"), sndUna)];
    if (nxt < 0 || nxt > max) fails("not SND.UNA <= SND.NXT <= SND.MAX");
    const [sendBytes, receiveBytes] = [read("sendBytes"), read("receiveBytes")];
    if (sendBytes > this.#config.sendRingBytes) fails("more to send than the ring holds");
    if (receiveBytes > this.#config.receiveRingBytes) fails("more to read than the ring holds");
    // SYN and FIN take a sequence number each.
    if (max > sendBytes + 1) fails("more sent than there is");
    if (state >= ESTABLISHED) this.#checkSynchronised(at, state, receiveBytes, fails);
    this.#checkTimers(at, state, { max, sendBytes, deadline }, fails);
  }

  #checkSynchronised(at: number, state: number, receiveBytes: number, fails: (what: string) => void): void {
    const read = (name: (typeof CONNECTION_FIELDS)[number]) => this.#connection.read(at, name);
    const window = seqDistance(read("rcvAdv"), read("rcvNxt"));
    const afterFin = state === CLOSE_WAIT || state === LAST_ACK || state === CLOSING;
    if (window < (afterFin ? -1 : 0)) fails("RCV.NXT is beyond the window's right edge");
    if (window + receiveBytes > this.#config.receiveRingBytes)
      fails("the window is larger than the room for it");
    if (read("congestionWindow") < read("sndMss")) fails("cwnd is less than one segment");
    const ranges = read("ranges");
    if (ranges > this.#config.reassemblyRanges) fails("more ranges than configured");
    const found: [number, number][] = [];
    const first = at + this.#stride() - RANGE_BYTES * this.#config.reassemblyRanges;
    for (let range = 0; range < ranges; range++) {
      const place = first + range * RANGE_BYTES;
      const [from, to] = [0, 4].map((offset) =>
        seqDistance(this.#view.getUint32(place + offset, true), read("rcvNxt")),
      ) as [number, number];
      if (from <= 0 || from >= to || to > window) fails(`range ${range} is +${from} to +${to}`);
      if (found.some(([start, end]) => from <= end && start <= to)) fails(`range ${range} touches another`);
      found.push([from, to]);
    }
  }

  #checkTimers(
    at: number,
    state: number,
    { max, sendBytes, deadline }: { max: number; sendBytes: number; deadline: number },
    fails: (what: string) => void,
  ): void {
    const read = (name: (typeof CONNECTION_FIELDS)[number]) => this.#connection.read(at, name);
    const bits = read("bits");
    const armed = (bits & this.#bits.retransmit) !== 0;
    const waitsForArp = (bits & this.#bits.arpWait) !== 0;
    // A FIN that has not left yet, or is not acknowledged.
    const owesFin = state === FIN_WAIT_1 || state === CLOSING || state === LAST_ACK;
    const wanted = max > 0 || sendBytes > 0 || owesFin;
    if (wanted && !armed && !waitsForArp) fails("something is outstanding, and no timer runs");
    const otherUse = state === FIN_WAIT_2 || read("keepaliveMs") > 0 || waitsForArp;
    if (armed && !wanted && !otherUse) fails("a timer runs, and nothing is outstanding");
    const now = this.#state.read(this.#stateAt, "now");
    if (armed && seqDistance(read("retransmitAt"), now) < deadline)
      fails(
        `the retransmission timer is due in ${seqDistance(read("retransmitAt"), now)} ms, deadline says ${deadline}`,
      );
    if (bits & this.#bits.ack && seqDistance(read("delayedAckAt"), now) < deadline)
      fails(
        `the delayed ACK is due in ${seqDistance(read("delayedAckAt"), now)} ms, deadline says ${deadline}`,
      );
  }

  /** All records in the hash table; each is in use and stands there once. */
  #walkHashTable(): Set<number> {
    const found = new Set<number>();
    const table = this.#state.read(this.#stateAt, "hashTable");
    const chains = this.#state.read(this.#stateAt, "hashMask") + 1;
    for (let chain = 0; chain < chains; chain++) {
      let at = this.#view.getUint32(table + chain * 4, true);
      while (at !== 0) {
        check(!found.has(at), () => `${this.#name()}: a record stands in the hash table twice`);
        found.add(at);
        check(
          this.#connection.read(at, "kind") !== this.#kinds.free,
          () => `${this.#name()}: a free record at ${at} is in the hash table`,
        );
        at = this.#connection.read(at, "chain");
      }
    }
    return found;
  }

  #compactEntries(table: "synTable" | "timeWaitTable", count: number): number[] {
    const entries: number[] = [];
    const first = this.#state.read(this.#stateAt, table);
    for (let index = 0; index < count; index++) {
      const at = first + index * this.#compact.bytes;
      if (this.#compact.read(at, "kind") !== this.#kinds.free) entries.push(at);
    }
    return entries;
  }

  #checkCounts(core: Core, used: number, inTable: Set<number>, deadline: number): void {
    const header = core.header();
    const syn = this.#compactEntries("synTable", this.#config.synEntries);
    const timeWait = this.#compactEntries("timeWaitTable", this.#config.timeWaitEntries);
    const pairs = [
      ["connections", header.connectionsUsed, used],
      ["SYN entries", header.synUsed, syn.length],
      ["TIME-WAIT entries", header.timeWaitUsed, timeWait.length],
    ] as const;
    for (const [name, says, are] of pairs)
      check(says === are, () => `${this.#name()}: ${says} ${name} in use, ${are} found`);
    const now = this.#state.read(this.#stateAt, "now");
    for (const at of [...syn, ...timeWait]) {
      check(inTable.has(at), () => `${this.#name()}: the entry at ${at} is not in the hash table`);
      const due = seqDistance(this.#compact.read(at, "deadline"), now);
      // A SYN-ACK that is due may wait for ARP, which has its own time.
      const waits = due <= 0 && this.#compact.read(at, "kind") !== this.#kinds.timeWait;
      check(
        due >= deadline || waits,
        () => `${this.#name()}: the entry at ${at} is due in ${due} ms, deadline says ${deadline}`,
      );
    }
    let free = 0;
    for (let at = this.#state.read(this.#stateAt, "freeConnection"); at !== 0; free++) {
      const isFree = this.#connection.read(at, "kind") === this.#kinds.free;
      check(isFree && free < this.#config.connections, () => `${this.#name()}: the free list is broken`);
      at = this.#connection.read(at, "queueNext");
    }
    check(
      free + used === this.#config.connections,
      () => `${this.#name()}: ${used} connections in use and ${free} free of ${this.#config.connections}`,
    );
  }
}

/** "ESTABLISHED" of a TcpState. */
export function stateName(state: number): string {
  return Object.entries(TcpState).find(([, value]) => value === state)?.[0] ?? `state ${state}`;
}
