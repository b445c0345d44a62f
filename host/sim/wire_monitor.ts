// What must hold of frames as they leave a host, judged by the independent codec alone: they are well formed, fit the
// MTU, and their numbers agree with what both sides have said on the wire before.

import { decode, type Packet, type Tcp, TcpFlag, tcpOption } from "../packet/index.js";
import { check, seqDistance } from "./failure.js";
import type { Statistics } from "./statistics.js";

/** One direction of a connection, since its last SYN. */
interface Flow {
  readonly isn: number;
  /** The sequence number after the last octet sent. */
  end: number;
  /** The same of the connection before this one. */
  readonly earlierEnd: number | undefined;
  /** A side has rebooted since it had these addresses and ports before: nothing is known of how numbers compare. */
  readonly isAfterReboot: boolean;
  isForgotten: boolean;
  /** Right edge of the largest window announced. */
  edge: number | undefined;
  readonly mss: number;
  /** Shift of its windows, and whether its SYN had the options. */
  readonly shift: number | undefined;
  readonly sack: boolean;
  readonly timestamps: boolean;
  tsval: number | undefined;
}

/** What RFC 9293 section 3.7.1 says of a peer whose SYN has no MSS option. */
const DEFAULT_MSS = 536;
const ETHERNET_HEADER_BYTES = 14;

/** Where the numbers of flows begin, for traces: by "address:port>address:port". */
export type Bases = ReadonlyMap<string, { readonly isn: number }>;

export class WireMonitor {
  readonly #flows = new Map<string, Flow>();

  constructor(readonly statistics: Statistics) {}

  get bases(): Bases {
    return this.#flows;
  }

  /** Checks a frame that a host with these addresses and this MTU sends. */
  onFrame(frame: Uint8Array, from: { mac: string; address: string; mtu: number }): Packet {
    const packet = decode(frame);
    check(packet.problems.length === 0, () => `the frame is malformed: ${packet.problems.join("; ")}`);
    const bytes = frame.length - ETHERNET_HEADER_BYTES;
    check(bytes <= from.mtu, () => `the frame carries ${bytes} bytes, the MTU is ${from.mtu}`);
    check(
      packet.kind !== "short" && packet.ethernet.source === from.mac,
      () => `the frame has another's MAC for its source`,
    );
    if (packet.kind === "arp")
      check(packet.arp.senderMac === from.mac, () => "the ARP packet has another's MAC for its sender");
    else if (packet.kind !== "ethernet")
      check(packet.ipv4.source === from.address, () => "the packet has another's address for its source");
    check(
      packet.kind === "arp" || packet.kind === "tcp" || packet.kind === "icmp",
      () => `a frame of kind ${packet.kind}`,
    );
    if (packet.kind === "tcp") this.#onSegment(packet.tcp, packet.ipv4.source, packet.ipv4.destination);
    return packet;
  }

  /** The host with this address has forgotten its connections. */
  onReboot(address: string): void {
    for (const [key, flow] of this.#flows) if (key.includes(`${address}:`)) flow.isForgotten = true;
  }

  #onSegment(tcp: Tcp, source: string, destination: string): void {
    const forth = `${source}:${tcp.sourcePort}`;
    const back = `${destination}:${tcp.destinationPort}`;
    const key = `${forth}>${back}`;
    const { flags } = tcp;
    this.#count(flags, tcp);
    // A reset may answer anything, with numbers of the segment that it answers.
    if (flags & TcpFlag.RST) return;
    if (flags & TcpFlag.SYN) this.#onSyn(key, tcp);
    const flow = this.#flows.get(key);
    const reverse = this.#flows.get(`${back}>${forth}`);
    // SYN-RECEIVED may answer before its SYN-ACK, which waits for ARP, has left.
    check(
      flow !== undefined || tcp.payload.length === 0,
      () => "data of a connection whose SYN was never sent",
    );
    if (!flow) return;
    check((flags & (TcpFlag.SYN | TcpFlag.ACK)) !== 0, () => "a segment without ACK");
    const end = tcp.seq + tcp.payload.length + (flags & TcpFlag.FIN ? 1 : 0) + (flags & TcpFlag.SYN ? 1 : 0);
    if (seqDistance(end, flow.end) > 0) flow.end = end >>> 0;
    if (!(flags & TcpFlag.ACK) || !reverse || reverse.isAfterReboot) return;
    // A SYN that is not taken, by TIME-WAIT or by a peer that missed a reboot, is answered with the last one's numbers.
    const { earlierEnd } = reverse;
    const isEarlier = earlierEnd !== undefined && seqDistance(tcp.ack, earlierEnd) <= 0;
    check(
      seqDistance(tcp.ack, reverse.end) <= 0 || isEarlier,
      () => `ACK ${tcp.ack} is ${seqDistance(tcp.ack, reverse.end)} beyond all that the peer sent`,
    );
    if (!(flags & TcpFlag.SYN)) this.#checkAgreed(tcp, flow, reverse);
    this.#checkWindow(tcp, flow, reverse, end);
  }

  #onSyn(key: string, tcp: Tcp): void {
    const earlier = this.#flows.get(key);
    if (earlier?.isn === tcp.seq) return;
    this.#flows.set(key, {
      isn: tcp.seq,
      end: (tcp.seq + 1) >>> 0,
      earlierEnd: earlier?.end,
      isAfterReboot: earlier !== undefined && (earlier.isForgotten || earlier.isAfterReboot),
      isForgotten: false,
      edge: undefined,
      mss: tcpOption(tcp, "mss")?.mss ?? DEFAULT_MSS,
      shift: tcpOption(tcp, "windowScale")?.shift,
      sack: tcpOption(tcp, "sackPermitted") !== undefined,
      timestamps: tcpOption(tcp, "timestamps") !== undefined,
      tsval: undefined,
    });
  }

  /** Options are on a segment as both SYNs had them. */
  #checkAgreed(tcp: Tcp, flow: Flow, reverse: Flow): void {
    const stamp = tcpOption(tcp, "timestamps");
    const agreed = flow.timestamps && reverse.timestamps;
    check((stamp !== undefined) === agreed, () => `timestamps are ${agreed ? "missing" : "not agreed on"}`);
    if (stamp) {
      const last = flow.tsval ?? stamp.value;
      check(seqDistance(stamp.value, last) >= 0, () => `TSval went back from ${last} to ${stamp.value}`);
      flow.tsval = stamp.value;
    }
    const optionBytes = tcp.headerBytes - 20;
    check(
      tcp.payload.length + optionBytes <= reverse.mss,
      () => `${tcp.payload.length} octets and ${optionBytes} of options, the peer's MSS is ${reverse.mss}`,
    );
    this.#checkSack(tcp, flow, reverse);
  }

  #checkSack(tcp: Tcp, flow: Flow, reverse: Flow): void {
    const blocks = tcpOption(tcp, "sack")?.blocks ?? [];
    check(blocks.length === 0 || (flow.sack && reverse.sack), () => "SACK was not agreed on");
    for (const [index, { left, right }] of blocks.entries()) {
      check(
        seqDistance(left, right) < 0 && seqDistance(right, reverse.end) <= 0,
        () => `SACK block ${index} is +${seqDistance(left, tcp.ack)} to +${seqDistance(right, tcp.ack)}`,
      );
      const isOld = seqDistance(left, tcp.ack) < 0;
      // RFC 2883: the first block may tell of a duplicate, below the ACK, or inside the second block.
      check(index === 0 || !isOld, () => `SACK block ${index} is below the ACK`);
      const second = blocks[1];
      const inside =
        second && seqDistance(left, second.left) >= 0 && seqDistance(right, second.right) <= 0 && index === 0;
      this.statistics.add(isOld || inside ? "D-SACK blocks sent" : "SACK blocks sent");
    }
  }

  #checkWindow(tcp: Tcp, flow: Flow, reverse: Flow, end: number): void {
    const scaled = flow.shift !== undefined && reverse.shift !== undefined && !(tcp.flags & TcpFlag.SYN);
    const edge = (tcp.ack + tcp.window * (scaled ? 2 ** (flow.shift ?? 0) : 1)) >>> 0;
    if (flow.edge === undefined || seqDistance(edge, flow.edge) > 0) flow.edge = edge;
    if (tcp.window === 0) this.statistics.add("zero windows announced");
    const fin = tcp.flags & TcpFlag.FIN ? 1 : 0;
    // An ACK alone stands where the connection is, which the peer may have forgotten meanwhile.
    const isEmpty = tcp.payload.length + fin === 0;
    if (reverse.edge === undefined || tcp.flags & TcpFlag.SYN || isEmpty) return;
    // A probe of one octet is beyond a shut window, and a FIN may follow it.
    check(
      seqDistance(end, reverse.edge) <= 1 + fin,
      () => `the segment ends ${seqDistance(end, reverse.edge as number)} beyond any window of the peer`,
    );
  }

  #count(flags: number, tcp: Tcp): void {
    this.statistics.add("segments");
    if (flags & TcpFlag.RST) this.statistics.add("segments with RST");
    if (flags & TcpFlag.URG) this.statistics.add("segments with URG");
    if (flags & TcpFlag.FIN && tcp.payload.length > 0) this.statistics.add("segments with data and FIN");
  }
}
