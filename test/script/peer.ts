// The other end of a connection, played by the script: its host on the wire, and one pair of ports.

import {
  type Ipv4Spec,
  type LinkSpec,
  type Tcp,
  TcpFlag,
  type TcpPacket,
  tcpOption,
} from "../../host/packet/index.js";
import type { SegmentExpectation, SegmentSpec } from "./segment.js";
import { differences, toTcpSpec } from "./segment.js";
import type { Stage } from "./stage.js";

/** A host on the device's wire. */
export interface Host {
  readonly mac: string;
  readonly address: string;
}

/** Layers below a segment, for what is not valid there. */
export interface Below {
  readonly link?: Partial<LinkSpec>;
  readonly ipv4?: Partial<Ipv4Spec>;
}

/** Largest segment that the device may send before it knows the peer's MSS, RFC 9293 section 3.7.1. */
const DEFAULT_MSS = 536;
const MIN_HEADER_BYTES = 20;

/** Greatest shift of a window, RFC 7323 section 2.3: a greater one counts as this. */
const MAX_SHIFT = 14;

export class Peer {
  /** The device's port; learnt from its first segment when it is not set. */
  devicePort: number | undefined;
  /** The device's initial sequence number; learnt from its SYN. Until then its numbers are absolute. */
  deviceIsn: number | undefined;
  /** The peer's timestamp clock at the script's time 0, in ms; once set, its segments carry timestamps (RFC 7323). */
  timestampBase: number | undefined;
  /** TSval of the device's last segment that had one. */
  deviceTsval = 0;

  // What the device may do, as far as segments have shown: edges are absolute, and follow the stream.
  #mss = DEFAULT_MSS;
  #shiftOffered: number | undefined;
  #deviceShift: number | undefined;
  #sentEdge: number | undefined;
  #finEdge: number | undefined;
  #windowEdge: number | undefined;
  #deviceWindowEdge: number | undefined;
  #timestampsOffered = false;
  #timestampsAgreed = false;
  #deviceTimestampBase: number | undefined;

  constructor(
    private readonly stage: Stage,
    /** Its host: another one when it has moved. */
    public host: Host,
    /** The peer's port. */
    public port: number,
    /** The peer's initial sequence number. */
    readonly isn: number,
  ) {}

  /** Sends a segment to the device. Numbers count from each side's SYN. */
  send(spec: SegmentSpec, below: Below = {}): void {
    const { config } = this.stage;
    if (this.devicePort === undefined) throw new TypeError("no port of the device to send to");
    const timestamps = spec.timestamps ?? this.#timestampsFor(spec.flags);
    const tcp = {
      sourcePort: this.port,
      destinationPort: this.devicePort,
      ...toTcpSpec(
        { ...spec, ...(timestamps && { timestamps }) },
        { seq: this.isn, ack: this.deviceIsn ?? 0 },
      ),
    };
    this.stage.send({
      link: { source: this.host.mac, destination: config.mac, ...below.link },
      ipv4: { source: this.host.address, destination: config.address, dontFragment: true, ...below.ipv4 },
      tcp,
    });
  }

  /** The next frame of the device is this segment, now. */
  expect(wanted: SegmentExpectation): void {
    this.stage.expectFor(this, wanted);
  }

  /** What the peer's timestamp clock shows now. */
  get tsval(): number {
    return ((this.timestampBase ?? 0) + this.stage.timeMs) >>> 0;
  }

  /** Says what the device may send at most, where it could not learn that from a valid MSS option. */
  noteMss(mss: number): void {
    this.#mss = mss;
  }

  /** As `expect`, some time from `from` to `to`. */
  expectBetween(from: number, to: number, wanted: SegmentExpectation): void {
    this.stage.waitBetween(from, to);
    this.expect(wanted);
  }

  /** How a segment of the device differs from what a script expects. */
  differences(packet: TcpPacket, wanted: SegmentExpectation): string[] {
    return differences(packet.tcp, wanted, { seq: this.deviceIsn ?? 0, ack: this.isn });
  }

  /** Whether a segment of the device belongs to this peer. */
  owns({ ipv4, tcp }: TcpPacket): boolean {
    const { devicePort, host, port } = this;
    const known = devicePort === undefined || devicePort === tcp.sourcePort;
    return known && ipv4.destination === host.address && tcp.destinationPort === port;
  }

  /** Notes a correct segment that the peer sent: it bounds what the device may send and acknowledge. */
  noteSent({ tcp }: TcpPacket): void {
    if (tcp.flags & TcpFlag.RST) return;
    if (tcp.flags & TcpFlag.SYN && tcp.seq === this.isn) {
      this.#mss = tcpOption(tcp, "mss")?.mss ?? DEFAULT_MSS;
      const shift = tcpOption(tcp, "windowScale")?.shift;
      this.#shiftOffered = shift === undefined ? undefined : Math.min(shift, MAX_SHIFT);
      this.#timestampsOffered = tcpOption(tcp, "timestamps") !== undefined;
    }
    const ends = (tcp.flags & TcpFlag.SYN ? 1 : 0) + (tcp.flags & TcpFlag.FIN ? 1 : 0);
    this.#sentEdge = later(this.#sentEdge, tcp.seq + tcp.payload.length + ends);
    if (tcp.flags & TcpFlag.FIN) this.#finEdge = this.#sentEdge;
    if (!(tcp.flags & TcpFlag.ACK)) return;
    const shift = tcp.flags & TcpFlag.SYN ? 0 : this.#windowShift(this.#shiftOffered);
    this.#windowEdge = later(this.#windowEdge, tcp.ack + tcp.window * 2 ** shift);
  }

  /** Notes a segment of the device; returns what it may never do, in words. */
  noteReceived({ tcp, ethernet }: TcpPacket): string[] {
    this.devicePort ??= tcp.sourcePort;
    const wrong: string[] = [];
    if (ethernet.destination !== this.host.mac) wrong.push(`sent to ${ethernet.destination}`);
    if (tcp.flags & TcpFlag.RST) return wrong;
    if (tcp.flags & TcpFlag.SYN) {
      if (this.deviceIsn !== tcp.seq) this.#forget();
      this.deviceIsn = tcp.seq;
      this.#deviceShift = tcpOption(tcp, "windowScale")?.shift;
    }
    wrong.push(...this.#noteTimestamps(tcp));
    // Options count, RFC 9293 section 3.7.1.
    const size = tcp.payload.length && tcp.payload.length + tcp.headerBytes - MIN_HEADER_BYTES;
    if (size > this.#mss) wrong.push(`${size} bytes of data above the MSS of ${this.#mss}`);
    const end = tcp.seq + tcp.payload.length;
    // One octet beyond the window is a probe, RFC 9293 section 3.8.6.1.
    if (this.#windowEdge !== undefined && tcp.payload.length > 0 && isLater(end - 1, this.#windowEdge))
      wrong.push(`data ${(end - this.#windowEdge) >>> 0} bytes beyond the window`);
    if (tcp.flags & TcpFlag.ACK)
      wrong.push(...this.#noteWindow(tcp.ack, tcp.window, (tcp.flags & TcpFlag.SYN) !== 0));
    return wrong;
  }

  #timestampsFor(flags: string): SegmentSpec["timestamps"] {
    if (this.timestampBase === undefined || flags.includes("R")) return undefined;
    return { value: this.tsval, echo: flags.includes("A") ? this.deviceTsval : 0 };
  }

  /** RFC 7323 section 3.2: once agreed, every segment but a reset has them; and one clock makes them all. */
  #noteTimestamps(tcp: Tcp): string[] {
    const option = tcpOption(tcp, "timestamps");
    const syn = (tcp.flags & TcpFlag.SYN) !== 0;
    if (syn && tcp.flags & TcpFlag.ACK) this.#timestampsAgreed = option !== undefined;
    else if (!syn && this.#deviceTimestampBase !== undefined && this.#timestampsOffered)
      this.#timestampsAgreed = true;
    const wrong: string[] = [];
    if (!syn && (option !== undefined) !== this.#timestampsAgreed)
      wrong.push(option ? "timestamps that were not agreed on" : "no timestamps, which were agreed on");
    if (!option) return wrong;
    const base = (option.value - this.stage.timeMs) >>> 0;
    this.#deviceTimestampBase ??= base;
    if (base !== this.#deviceTimestampBase)
      wrong.push(`TSval is ${(base - this.#deviceTimestampBase) | 0} ms ahead of the timestamp clock`);
    if (syn && !(tcp.flags & TcpFlag.ACK) && option.echo !== 0) wrong.push(`TSecr ${option.echo} in a SYN`);
    this.deviceTsval = option.value;
    return wrong;
  }

  #noteWindow(ack: number, window: number, syn: boolean): string[] {
    const wrong: string[] = [];
    if (this.#sentEdge !== undefined && isLater(ack, this.#sentEdge))
      wrong.push(`acknowledges ${(ack - this.#sentEdge) >>> 0} bytes that were not sent`);
    const edge = ack + window * 2 ** (syn ? 0 : this.#windowShift(this.#deviceShift));
    // Behind the peer's FIN there is nothing more that a window could be for.
    const ended = this.#finEdge !== undefined && !isLater(this.#finEdge, ack);
    // A scaled window is rounded down: RFC 7323 section 2.4.
    const rounding = syn ? 0 : 2 ** this.#windowShift(this.#deviceShift) - 1;
    if (!ended && this.#deviceWindowEdge !== undefined && isLater(this.#deviceWindowEdge, edge + rounding))
      wrong.push(`the window shrinks by ${(this.#deviceWindowEdge - edge) >>> 0} bytes`);
    this.#deviceWindowEdge = later(this.#deviceWindowEdge, edge);
    return wrong;
  }

  /** Windows are scaled only when both sides offered it, RFC 7323 section 2.2. */
  #windowShift(shift: number | undefined): number {
    return this.#shiftOffered === undefined || this.#deviceShift === undefined ? 0 : (shift ?? 0);
  }

  /** A new connection on the same ports. */
  #forget(): void {
    this.#windowEdge = undefined;
    this.#deviceWindowEdge = undefined;
  }
}

/** Whether `a` comes after `b` in sequence space. */
function isLater(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

function later(a: number | undefined, b: number): number {
  return a !== undefined && isLater(a, b) ? a : b >>> 0;
}
