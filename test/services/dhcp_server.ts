// Hosts of a scripted network: a DHCP server as RFC 2131 section 4.3 has it, and who sits on an address.

import { ArpOperation, decode, encode } from "../../host/packet/index.js";
import {
  type DhcpMessage,
  type DhcpOption,
  type DhcpSpec,
  decodeDhcp,
  dotted,
  encodeDhcp,
  quad,
  TYPES,
  u32,
  udpFrame,
} from "./dhcp_codec.js";

/** Takes a frame, at a time in milliseconds, and answers with frames. */
export interface NetworkHost {
  receive(frame: Uint8Array, timeMs: number): Uint8Array[];
}

const BROADCAST = "ff:ff:ff:ff:ff:ff";

/** Answers ARP requests and probes for `address`. */
export class Squatter implements NetworkHost {
  constructor(
    readonly address: string,
    readonly mac: string,
  ) {}

  receive(frame: Uint8Array, _timeMs: number): Uint8Array[] {
    const packet = decode(frame);
    if (packet.kind !== "arp" || packet.arp.targetIp !== this.address) return [];
    if (packet.arp.operation !== ArpOperation.REQUEST || packet.arp.senderIp === this.address) return [];
    return [
      encode({
        link: { source: this.mac, destination: packet.ethernet.source },
        arp: {
          operation: ArpOperation.REPLY,
          senderMac: this.mac,
          senderIp: this.address,
          targetMac: packet.arp.senderMac,
          targetIp: packet.arp.senderIp,
        },
      }),
    ];
  }
}

export interface ServerOptions {
  readonly address?: string;
  readonly mac?: string;
  /** The addresses it gives out, in order. */
  readonly pool?: readonly string[];
  readonly leaseSeconds?: number;
  /** Options beside type, server and lease. */
  readonly options?: readonly DhcpOption[];
}

interface Lease {
  readonly chaddr: string;
  readonly untilMs: number;
}

/** A server that keeps its leases, in the time that it is told. */
export class DhcpServer extends Squatter {
  readonly heard: DhcpMessage[] = [];
  readonly leases = new Map<string, Lease>();
  readonly declined = new Set<string>();
  /** When off, it answers ARP only. */
  on = true;
  leaseSeconds: number;
  options: readonly DhcpOption[];
  pool: readonly string[];

  constructor(options: ServerOptions = {}) {
    super(options.address ?? "10.0.0.2", options.mac ?? "02:00:00:00:00:02");
    this.pool = options.pool ?? ["10.0.0.100", "10.0.0.101", "10.0.0.102"];
    this.leaseSeconds = options.leaseSeconds ?? 3600;
    this.options = options.options ?? [
      [1, [255, 255, 255, 0]],
      [3, quad("10.0.0.254")],
    ];
  }

  override receive(frame: Uint8Array, timeMs: number): Uint8Array[] {
    const message = decodeDhcp(frame);
    if (!message) return super.receive(frame, timeMs);
    if (!this.on) return [];
    if (message.toMac !== BROADCAST && message.toMac !== this.mac) return [];
    this.heard.push(message);
    return this.#answer(message, timeMs);
  }

  /** A message of this server's to the client. */
  say(
    message: DhcpMessage,
    type: keyof typeof TYPES,
    yiaddr: string,
    forged: Partial<DhcpSpec> = {},
  ): Uint8Array {
    const grant: DhcpOption[] = type === "NAK" ? [] : [[51, u32(this.leaseSeconds)], ...this.options];
    const payload = encodeDhcp({
      xid: message.xid,
      chaddr: message.chaddr,
      yiaddr,
      ciaddr: message.ciaddr,
      options: [[53, [TYPES[type]]], [54, quad(this.address)], ...grant],
      ...forged,
    });
    const unicast = type !== "NAK" && !message.broadcast;
    return udpFrame(
      {
        fromMac: this.mac,
        toMac: unicast ? message.chaddr : BROADCAST,
        from: this.address,
        to: unicast ? yiaddr : "255.255.255.255",
      },
      payload,
    );
  }

  #answer(message: DhcpMessage, timeMs: number): Uint8Array[] {
    const { type, chaddr, options, ciaddr } = message;
    const named = options.get(54);
    const mine = !named || dotted(named) === this.address;
    if (type === "DISCOVER") {
      const free = this.#freeFor(chaddr, timeMs);
      return free ? [this.say(message, "OFFER", free)] : [];
    }
    if (!mine) return [];
    const requested = options.get(50);
    const address = requested ? dotted(requested) : ciaddr;
    if (type === "REQUEST") {
      if (!this.pool.includes(address)) return [this.say(message, "NAK", "0.0.0.0")];
      if (this.#freeFor(chaddr, timeMs, address) !== address) return [this.say(message, "NAK", "0.0.0.0")];
      this.leases.set(address, { chaddr, untilMs: timeMs + this.leaseSeconds * 1000 });
      return [this.say(message, "ACK", address)];
    }
    if (type === "DECLINE") this.declined.add(address);
    if (this.leases.get(address)?.chaddr === chaddr) this.leases.delete(address);
    return [];
  }

  /** `wish`, or else the client's own address, or else the first that is free. */
  #freeFor(chaddr: string, timeMs: number, wish?: string): string | undefined {
    const usable = this.pool.filter((address) => {
      const lease = this.leases.get(address);
      return !this.declined.has(address) && (!lease || lease.chaddr === chaddr || lease.untilMs < timeMs);
    });
    if (wish) return usable.find((address) => address === wish);
    return usable.find((address) => this.leases.get(address)?.chaddr === chaddr) ?? usable[0];
  }
}
