// The device's neighbour on the wire: a small TCP client of the tests' own. It crafts and checks frames with the
// independent codec, and shares nothing with the core.

import { expect } from "vitest";
import {
  ArpOperation,
  decode,
  describe,
  encode,
  IcmpType,
  type Packet,
  type TcpPacket,
} from "../../host/packet/index.js";
import type { Program } from "./program.js";

export const DEVICE = { mac: "02:00:00:00:00:01", ip: "10.0.0.1", echoPort: 7 } as const;
const PEER = { mac: "02:00:00:00:00:02", ip: "10.0.0.2" } as const;

export class Peer {
  /** All frames of the run, one a line; for a failing test. */
  readonly trace: string[] = [];
  readonly #program: Program;
  #now: number;
  #deadlineMs = -1;

  constructor(program: Program) {
    this.#program = program;
    this.#now = Number(program.hello.bootMs);
  }

  /** Milliseconds until the device wants to act; -1 for never. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** Asks who has the device's address; returns what comes back. */
  arp(): Promise<Packet[]> {
    const request = {
      operation: ArpOperation.REQUEST,
      senderMac: PEER.mac,
      senderIp: PEER.ip,
      targetIp: DEVICE.ip,
    };
    return this.send(encode({ link: { source: PEER.mac }, arp: request }));
  }

  /** Pings the device; returns what comes back. */
  ping(identifier: number, sequence: number, payload: Uint8Array): Promise<Packet[]> {
    const icmp = { type: IcmpType.ECHO_REQUEST, identifier, sequence, payload };
    return this.send(encode({ ...this.ip(), icmp }));
  }

  /** Gives the device a frame, and returns what it sends then, every frame found to be correct. */
  async send(frame: Uint8Array): Promise<Packet[]> {
    this.trace.push(`> ${describe(frame)}`);
    return this.#received(await this.#program.frame(frame));
  }

  /** Lets time pass, and returns what the device sends then. */
  async advance(ms: number): Promise<Packet[]> {
    this.trace.push(`  ${ms} ms pass`);
    this.#now = (this.#now + ms) >>> 0;
    return this.#received(await this.#program.time(this.#now));
  }

  /** The link and IP layers of a frame to the device. */
  ip() {
    return {
      link: { source: PEER.mac, destination: DEVICE.mac },
      ipv4: { source: PEER.ip, destination: DEVICE.ip },
    };
  }

  #received({ frames, deadlineMs }: { frames: readonly Uint8Array[]; deadlineMs: number }): Packet[] {
    this.#deadlineMs = deadlineMs;
    return frames.map((frame) => {
      const packet = decode(frame);
      this.trace.push(`< ${describe(packet)}`);
      expect(packet.problems, describe(packet)).toEqual([]);
      return packet;
    });
  }
}

/** One connection of the peer to the device's echo port. It keeps every byte that it gets, and acknowledges it. */
export class PeerConnection {
  readonly received: number[] = [];
  /** Whether the device's FIN has come. */
  finished = false;
  readonly #peer: Peer;
  readonly #port: number;
  #sndNxt: number;
  #sndUna: number;
  #sndWnd = 0;
  #rcvNxt = 0;
  #mss = 536;

  constructor(peer: Peer, port: number) {
    this.#peer = peer;
    this.#port = port;
    // So that sequence numbers wrap on the way.
    this.#sndNxt = 0xffffff00;
    this.#sndUna = this.#sndNxt;
  }

  /** The three-way handshake, RFC 9293 section 3.5. */
  async open(): Promise<void> {
    const answer = await this.transmit("S", { options: [{ kind: "mss", mss: 1460 }] });
    this.#sndNxt = add(this.#sndNxt, 1);
    const [synAck] = this.#segments(answer);
    expect(synAck?.tcp).toMatchObject({ flags: SYN | ACK, ack: this.#sndNxt });
    const tcp = (synAck as TcpPacket).tcp;
    for (const option of tcp.options) if (option.kind === "mss") this.#mss = option.mss;
    this.#sndUna = this.#sndNxt;
    this.#sndWnd = tcp.window;
    this.#rcvNxt = add(tcp.seq, 1);
    await this.take(await this.transmit("A"));
  }

  /** Sends all of `data` as the device's window allows, and waits until all is acknowledged. */
  async write(data: Uint8Array): Promise<void> {
    let at = 0;
    for (let rounds = 0; at < data.length || this.#sndUna !== this.#sndNxt; rounds++) {
      expect(rounds, "rounds of a write that must get on").toBeLessThan(1000);
      const room = this.#sndWnd - distance(this.#sndUna, this.#sndNxt);
      const length = Math.min(this.#mss, room, data.length - at);
      if (length > 0) {
        const payload = data.subarray(at, at + length);
        at += length;
        await this.take(await this.#transmitData(payload));
      } else await this.wait();
    }
  }

  /** Sends one segment of data and returns what the device sends, without acknowledging it. */
  async writeUnacknowledged(data: Uint8Array): Promise<TcpPacket[]> {
    return this.#segments(await this.#transmitData(data));
  }

  /** Sends the FIN. */
  async close(): Promise<void> {
    const answer = this.transmit("FA");
    this.#sndNxt = add(this.#sndNxt, 1);
    await this.take(await answer);
  }

  /** Lets the time pass until the device acts. */
  async wait(): Promise<void> {
    expect(this.#peer.deadlineMs, "a device that has something to do").toBeGreaterThanOrEqual(0);
    await this.take(await this.#peer.advance(Math.max(1, this.#peer.deadlineMs)));
  }

  /** Waits until `count` bytes have come. */
  async read(count: number): Promise<void> {
    for (let rounds = 0; this.received.length < count; rounds++) {
      expect(rounds, "rounds of a read that must get on").toBeLessThan(1000);
      await this.wait();
    }
  }

  /** Whether everything that was sent, the FIN included, is acknowledged. */
  get allAcknowledged(): boolean {
    return this.#sndUna === this.#sndNxt;
  }

  /** Takes what the device sent and acknowledges data, until it has no more to say. */
  async take(packets: Packet[]): Promise<void> {
    let next = packets;
    for (let rounds = 0; next.length > 0; rounds++) {
      expect(rounds, "rounds of an exchange that must end").toBeLessThan(1000);
      const before = this.#rcvNxt;
      for (const segment of this.#segments(next)) this.#takeSegment(segment);
      if (this.#rcvNxt === before) return;
      next = await this.transmit("A");
    }
  }

  /** Sends one segment as it stands, and returns what the device sends. */
  transmit(flags: string, more: object = {}): Promise<Packet[]> {
    const ports = { sourcePort: this.#port, destinationPort: DEVICE.echoPort };
    const tcp = { ...ports, seq: this.#sndNxt, ack: this.#rcvNxt, flags, window: 65535, ...more };
    return this.#peer.send(encode({ ...this.#peer.ip(), tcp }));
  }

  #transmitData(payload: Uint8Array): Promise<Packet[]> {
    const answer = this.transmit("PA", { payload });
    this.#sndNxt = add(this.#sndNxt, payload.length);
    return answer;
  }

  /** The segments among packets; nothing else, and nobody else's, may be there. */
  #segments(packets: Packet[]): TcpPacket[] {
    return packets.map((packet) => {
      if (packet.kind !== "tcp" || packet.tcp.destinationPort !== this.#port)
        throw new Error(`unexpected: ${describe(packet)}`);
      return packet;
    });
  }

  #takeSegment({ tcp }: TcpPacket): void {
    expect(tcp.flags & RST, "a reset").toBe(0);
    expect(distance(this.#sndUna, tcp.ack), "acknowledgment of what was sent").toBeLessThanOrEqual(
      distance(this.#sndUna, this.#sndNxt),
    );
    this.#sndUna = tcp.ack;
    this.#sndWnd = tcp.window;
    // No frame is lost on this wire: what is not next was sent again, and is acknowledged no second time.
    if (tcp.seq !== this.#rcvNxt) return;
    this.received.push(...tcp.payload);
    this.finished ||= (tcp.flags & FIN) !== 0;
    this.#rcvNxt = add(this.#rcvNxt, tcp.payload.length + (tcp.flags & FIN ? 1 : 0));
  }
}

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

function add(seq: number, bytes: number): number {
  return (seq + bytes) >>> 0;
}

function distance(from: number, to: number): number {
  return (to - from) >>> 0;
}
