// A device with a DHCP client on a scripted network, in virtual time: weeks pass in milliseconds.

import {
  type Config,
  ConfigLayout,
  Event,
  type Lease,
  LeaseLayout,
  Option,
  SocketKind,
  STATE_BASE,
  StateHeaderLayout,
} from "../../host/abi.js";
import { decode, formatIp } from "../../host/packet/index.js";
import { readRecord } from "../../host/records.js";
import { type UnitConfig, UnitCore } from "../unit/core.js";
import { type DhcpMessage, decodeDhcp } from "./dhcp_codec.js";
import type { NetworkHost } from "./dhcp_server.js";

/** Just before the millisecond clock wraps. */
const START_MS = 2 ** 32 - 10_000;
/** Frames that the device may send in one instant: more are a storm. */
const FRAMES_MAX = 50;
/** Frames and timers of one instant. */
const TURNS_MAX = 1000;

export interface Sent {
  readonly timeMs: number;
  readonly frame: Uint8Array;
}

export class Stage {
  readonly core: UnitCore;
  readonly sent: Sent[] = [];
  /** Names of events, each with the time of its coming. */
  readonly events: { readonly timeMs: number; readonly names: string }[] = [];
  hosts: NetworkHost[] = [];
  /** When each copy of a frame arrives, in milliseconds from now; none: it is lost. */
  delays: (frame: Uint8Array) => number[] = () => [1];
  /** Time since the start. */
  timeMs = 0;
  handle = 0;
  readonly #abi;
  #arriving: { readonly atMs: number; readonly frame: Uint8Array; readonly host?: NetworkHost }[] = [];

  constructor(config: UnitConfig = {}) {
    this.core = new UnitCore(
      { address: "0.0.0.0", netmask: "0.0.0.0", gateway: "0.0.0.0", ...config },
      START_MS,
    );
    this.#abi = this.core.functions(
      "abi",
      ...(["open", "close", "abort", "setopt", "getopt", "nextEvent", "input", "output"] as const),
      ...(["deadline", "linkChanged", "poll"] as const),
    );
  }

  get now(): number {
    return (START_MS + this.timeMs) % 2 ** 32;
  }

  get abi() {
    return this.#abi;
  }

  /** Opens the client. */
  open(): this {
    this.#abi.poll(this.now);
    this.handle = this.#abi.open(SocketKind.DHCP_CLIENT);
    return this;
  }

  /** Sets an option. */
  set(option: number, value: readonly number[]): number {
    const at = this.core.header.exchange;
    this.core.memory.set(value, at);
    return this.#abi.setopt(this.handle, option, at, value.length);
  }

  linkLocal(): this {
    this.set(Option.LINK_LOCAL, [1, 0, 0, 0]);
    return this;
  }

  get lease(): Lease {
    const at = this.core.header.exchange;
    const bytes = this.#abi.getopt(this.handle, Option.LEASE, at, LeaseLayout.size);
    if (bytes !== LeaseLayout.size) throw new Error(`getopt: ${bytes}`);
    return readRecord<Lease>(this.core.memory, at, LeaseLayout);
  }

  get domain(): string {
    const { domain, domainBytes } = this.lease;
    return String.fromCharCode(...domain.subarray(0, domainBytes));
  }

  /** The configuration as it is now: a lease changes addresses and MTU. */
  get config(): Config {
    return readRecord<Config>(this.core.memory, STATE_BASE + StateHeaderLayout.size, ConfigLayout);
  }

  /** The address in use. */
  get address(): string {
    return formatIp(this.config.address);
  }

  /** The DNS servers of the lease. */
  get dnsServers(): string[] {
    const services = this.core.record<Record<"dnsServer0" | "dnsServer1", number>>(
      "config",
      "Services",
      this.core.constant("config", "services"),
    );
    return [services.dnsServer0, services.dnsServer1].map((word) =>
      formatIp(Uint8Array.from([0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff))),
    );
  }

  /** DHCP messages sent so far. */
  get messages(): (DhcpMessage & { readonly timeMs: number })[] {
    return this.sent.flatMap(({ timeMs, frame }) => {
      const message = decodeDhcp(frame);
      return message ? [{ timeMs, ...message }] : [];
    });
  }

  /** ARP requests sent so far: "time sender > target". */
  get arps(): string[] {
    return this.sent.flatMap(({ timeMs, frame }) => {
      const packet = decode(frame);
      return packet.kind === "arp" ? [`${timeMs} ${packet.arp.senderIp} > ${packet.arp.targetIp}`] : [];
    });
  }

  /** Gives the device a frame now. */
  give(frame: Uint8Array): void {
    this.#abi.input(this.core.putFrame(frame), 0, this.now);
  }

  linkChanged(up: 0 | 1): void {
    this.#abi.linkChanged(0, up, this.now);
  }

  /** Lets `ms` milliseconds pass. */
  run(ms: number): this {
    const end = this.timeMs + ms;
    for (let turns = 0, since = -1; ; turns++) {
      if (since !== this.timeMs) [turns, since] = [0, this.timeMs];
      if (turns > TURNS_MAX) throw new Error(`nothing comes of the deadline at ${this.timeMs} ms`);
      this.#drain();
      const wait = this.#abi.deadline(this.now);
      const wake = wait < 0 ? Number.POSITIVE_INFINITY : this.timeMs + wait;
      const first = this.#arriving[0]?.atMs ?? Number.POSITIVE_INFINITY;
      const next = Math.min(wake, first);
      if (next > end) break;
      this.timeMs = next;
      if (first <= next) this.#deliver();
    }
    this.timeMs = end;
    this.#drain();
    return this;
  }

  #deliver(): void {
    const arrival = this.#arriving.shift();
    if (!arrival) return;
    if (!arrival.host) this.give(arrival.frame);
    else for (const answer of arrival.host.receive(arrival.frame, this.timeMs)) this.#carry(answer);
  }

  #drain(): void {
    for (let frames = 0; ; frames++) {
      const bytes = this.#abi.output(this.now);
      if (!bytes) break;
      if (frames > FRAMES_MAX) throw new Error(`a storm at ${this.timeMs} ms`);
      const frame = this.core.outputFrame(bytes);
      this.sent.push({ timeMs: this.timeMs, frame });
      for (const host of this.hosts) this.#carry(frame, host);
    }
    for (;;) {
      const handle = this.#abi.nextEvent();
      if (!handle) break;
      const mask = this.core.header.eventMask;
      const names = Object.entries(Event).flatMap(([name, bit]) => (mask & bit ? [name] : []));
      this.events.push({ timeMs: this.timeMs, names: names.join() });
    }
  }

  #carry(frame: Uint8Array, host?: NetworkHost): void {
    for (const delay of this.delays(frame)) {
      const atMs = this.timeMs + delay;
      let place = this.#arriving.length;
      while (place > 0 && (this.#arriving[place - 1]?.atMs ?? 0) > atMs) place--;
      this.#arriving.splice(place, 0, host ? { atMs, frame, host } : { atMs, frame });
    }
  }
}
