// A seeded trace of the standard build: besides what every trace has, datagrams, groups, fragments, names and leases, with
// servers that answer rightly, wrongly or not at all.

import {
  type Config,
  ConfigLayout,
  DhcpState,
  type Endpoint,
  EndpointLayout,
  Family,
  type Lease,
  LeaseLayout,
  Option,
  SocketKind,
  STATE_BASE,
  StateHeaderLayout,
  Status,
} from "../../host/abi.js";
import { parseIpv4 } from "../../host/address.js";
import { CoreError } from "../../host/core.js";
import { internetChecksum } from "../../host/packet/checksum.js";
import {
  concat,
  decode,
  encode,
  encodeUdp,
  get16,
  IcmpType,
  put16,
  type UdpSpec,
} from "../../host/packet/index.js";
import { readRecord, writeRecord } from "../../host/records.js";
import { a, cname, decodeQuery, encodeMessage, type MessageSpec, soa } from "../dns/codec.js";
import { DhcpServer } from "../services/dhcp_server.js";
import { DEVICE, mutated, PEER } from "./hostile.js";
import type { Contender } from "./rigs.js";
import { Trace } from "./trace.js";

const DNS_PORT = 53;
const DHCP_PORT = 67;
const PORTS = [68, 4000, 4001] as const;
const NAMES = ["www.example.com", "a.example", "alias.example", `${"x".repeat(63)}.example`] as const;
const GROUP = "239.1.2.3";
const BROADCAST = "255.255.255.255";

export class ServicesTrace extends Trace {
  /** What went well: datagrams read, names found, and looks at a lease. */
  readonly done = { datagrams: 0, names: 0, leases: 0 };
  readonly #datagrams: number[] = [];
  readonly #queries: number[] = [];
  readonly #clients: number[] = [];
  readonly #dhcp: DhcpServer;
  /** Whether it began without an address: only then there is a DHCP client, or most would have none in the end. */
  readonly #isLeased: boolean;
  readonly #resolvers = new Map<number, Uint8Array>();
  readonly #resolver: number;

  constructor(seed: number, contenders: readonly Contender[], wasm: Uint8Array) {
    super(seed, contenders, wasm);
    this.#dhcp = new DhcpServer({
      address: PEER.address,
      mac: PEER.mac,
      pool: [DEVICE.address, "10.0.0.101"],
      leaseSeconds: this.pick([1, 2, 60, 3600, 2 ** 32 - 1]),
    });
    const at = STATE_BASE + StateHeaderLayout.size;
    const { address } = readRecord<Config>(this.device.memory, at, ConfigLayout);
    this.#isLeased = address.every((octet) => octet === 0);
    this.peerListens(DNS_PORT);
    this.#resolver = this.peerHandles.pop() as number;
  }

  protected override config(): Partial<Config> {
    const isLeased = this.prng.chance(0.4);
    return {
      ...(isLeased && { address: new Uint8Array(4), netmask: new Uint8Array(4), gateway: new Uint8Array(4) }),
      dnsServer0: parseIpv4(PEER.address),
      ...(this.prng.chance(0.3) && { dnsServer1: parseIpv4("10.0.0.77") }),
      datagramSockets: 1 + this.prng.below(3),
      datagramQueueBytes: 4 * (64 + this.prng.below(700)),
      queries: 1 + this.prng.below(2),
      cacheEntries: this.prng.below(3),
      fragmentBuffers: 1 + this.prng.below(2),
      fragmentBytes: 576 + this.prng.below(3000),
    };
  }

  protected override actions(): readonly (() => void)[] {
    const own = [
      () => this.#datagramActs(),
      () => this.#datagramActs(),
      () => this.#datagramComes(),
      () => this.#datagramComes(),
      () => this.#queryActs(),
      () => this.#queryActs(),
      () => this.#dhcpActs(),
      () => this.#errorComes(),
      () => this.#groupsAreAskedFor(),
    ];
    return [...super.actions(), ...own];
  }

  /** The servers' answers; datagrams to other ports, and what is damaged, are for the peer. */
  protected override answers(frame: Uint8Array): readonly Uint8Array[] | undefined {
    const packet = decode(frame);
    if (packet.kind !== "udp" || packet.problems.length > 0) return undefined;
    const { sourcePort, destinationPort, payload } = packet.udp;
    const isAnswered = destinationPort === DNS_PORT || destinationPort === DHCP_PORT || sourcePort === 4000;
    if (!isAnswered || this.prng.chance(0.1)) return isAnswered ? [] : undefined;
    const answers = () => {
      if (destinationPort === DNS_PORT && sourcePort > 4001)
        return [
          this.#datagram(this.#answerTo(payload, true), {
            sourcePort: DNS_PORT,
            destinationPort: sourcePort,
          }),
        ];
      if (destinationPort === DHCP_PORT && sourcePort === 68) return this.#leases(frame);
      return [this.#datagram(payload, { sourcePort: destinationPort, destinationPort: sourcePort })];
    };
    const frames = answers();
    return this.prng.chance(0.15) ? [...frames.map((one) => mutated(this.prng, one)), ...frames] : frames;
  }

  /** What the resolver hears by TCP, it answers. */
  protected override peerTurn(): void {
    try {
      const accepted = this.peer.accept(this.#resolver);
      if (accepted !== undefined) this.#resolvers.set(accepted, new Uint8Array(0));
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
    }
    for (const [handle, before] of this.#resolvers) this.#resolverReads(handle, before);
  }

  #resolverReads(handle: number, before: Uint8Array): void {
    try {
      const octets = this.peer.read(handle, 4000);
      if (octets === undefined) return;
      const all = concat(before, octets);
      this.#resolvers.set(handle, all);
      if (octets.length === 0) this.#resolverEnds(handle);
      if (all.length < 2 || all.length < 2 + get16(all, 0)) return;
      const answer = this.#answerTo(all.subarray(2, 2 + get16(all, 0)), false);
      const length = new Uint8Array(2);
      put16(length, 0, answer.length);
      this.peer.write(handle, concat(length, answer));
      this.#resolvers.set(handle, all.slice(2 + get16(all, 0)));
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
      this.#resolverEnds(handle);
    }
  }

  #resolverEnds(handle: number): void {
    this.#resolvers.delete(handle);
    this.peer.close(handle);
  }

  #leases(frame: Uint8Array): readonly Uint8Array[] {
    return this.#dhcp.receive(frame, this.now);
  }

  /** An answer to a query, most often a right one. */
  #answerTo(octets: Uint8Array, byUdp: boolean): Uint8Array {
    const query = queryOf(octets);
    if (!query) return octets;
    const { id, name } = query;
    const asked = { id, questions: [{ name }] };
    const ttl = this.pick([0, 5, 3600]);
    const right: MessageSpec = { ...asked, answers: [a(name, "192.0.2.1", ttl), a(name, "192.0.2.2", ttl)] };
    const all: readonly MessageSpec[] = [
      right,
      right,
      { ...asked, answers: [cname(name, "target.example", ttl), a("target.example", PEER.address, ttl)] },
      { ...asked, rcode: 3, authorities: [soa("example", 60)] },
      { ...asked, rcode: this.pick([1, 2, 5]) },
      { ...right, id: id ^ 1 },
      { ...right, questions: [{ name: "other.example" }] },
      { ...right, counts: [1, 9] },
      ...(byUdp ? [{ ...asked, truncated: true }] : []),
    ];
    return encodeMessage(this.pick(all));
  }

  #datagram(
    payload: Uint8Array,
    udp: Omit<UdpSpec, "payload">,
    destination: string = DEVICE.address,
  ): Uint8Array {
    const link = {
      source: PEER.mac,
      destination: destination === BROADCAST ? "ff:ff:ff:ff:ff:ff" : DEVICE.mac,
    };
    return encode({ link, ipv4: { source: PEER.address, destination }, udp: { ...udp, payload } });
  }

  /** From the peer: to a port that is bound or not, to all, to a group, in fragments, with a wrong length or checksum. */
  #datagramComes(): void {
    const payload = this.prng.bytes(this.pick([0, 1, 100, 400, 1472]));
    const udp: UdpSpec = {
      sourcePort: this.pick([0, 7, DNS_PORT, DHCP_PORT, 5000]),
      destinationPort: this.pick([...PORTS, 0, 9999, 4000]),
      ...this.pick([{}, {}, {}, { checksum: 0 }, { checksum: 1 }, { totalBytes: this.prng.below(1600) }]),
    };
    const way = this.prng.below(6);
    if (way === 0) this.input(this.#datagram(payload, udp, BROADCAST));
    else if (way === 1) this.#groupDatagram(payload, udp);
    else if (way === 2) this.#fragments(udp);
    else this.input(this.#datagram(payload, udp));
    if (this.prng.chance(0.5)) for (const handle of [...this.#datagrams]) this.#receives(handle);
  }

  #groupDatagram(payload: Uint8Array, udp: UdpSpec): void {
    const link = { source: PEER.mac, destination: "01:00:5e:01:02:03" };
    const ipv4 = { source: PEER.address, destination: GROUP };
    this.input(encode({ link, ipv4, udp: { ...udp, payload } }));
  }

  #fragments(udp: UdpSpec): void {
    const addresses = { source: PEER.address, destination: DEVICE.address };
    const whole = encodeUdp({ ...udp, payload: this.prng.bytes(this.prng.below(3000)) }, addresses);
    const size = 8 * (1 + this.prng.below(150));
    const identification = this.prng.below(3);
    const offsets = Array.from(
      { length: Math.min(10, Math.ceil(whole.length / size)) },
      (_, index) => index * size,
    );
    if (this.prng.chance(0.5)) offsets.reverse();
    for (const from of offsets) {
      if (this.prng.chance(0.05)) continue;
      const to = from + size + this.pick([0, 0, 0, 0, 8]);
      const ipv4 = { ...addresses, protocol: 17, identification, fragmentOffset: from };
      const link = { source: PEER.mac, destination: DEVICE.mac };
      const fragment = { ...ipv4, moreFragments: to < whole.length };
      const frame = encode({ link, ipv4: fragment, payload: whole.subarray(from, to) });
      this.input(frame);
      if (this.prng.chance(0.1)) this.input(frame);
    }
  }

  /** About what the device sent last, a datagram or not. */
  #errorComes(): void {
    const payload = this.lastOut.subarray(14, 14 + this.pick([20, 28, 48]));
    const icmp = { type: IcmpType.UNREACHABLE, code: this.prng.below(5), payload };
    const ipv4 = { source: PEER.address, destination: DEVICE.address };
    this.input(encode({ link: { source: PEER.mac, destination: DEVICE.mac }, ipv4, icmp }));
  }

  /** A switch asks who is in which group; or another host says what it is in. */
  #groupsAreAskedFor(): void {
    const payload = new Uint8Array(8);
    payload.set([this.pick([0x11, 0x11, 0x16, 0x17, 0x22]), this.prng.below(100)]);
    if (this.prng.chance(0.4)) payload.set(parseIpv4(this.pick([GROUP, "224.0.0.1"])), 4);
    new DataView(payload.buffer).setUint16(2, internetChecksum(payload));
    const ipv4 = { source: PEER.address, destination: "224.0.0.1", protocol: 2, ttl: 1 };
    const link = { source: PEER.mac, destination: "01:00:5e:00:00:01" };
    const sent = this.prng.chance(0.2) ? payload.subarray(0, this.prng.below(8)) : payload;
    this.input(encode({ link, ipv4, payload: sent }));
  }

  #datagramActs(): void {
    const handle = this.#datagrams.length > 0 ? this.pick(this.#datagrams) : 0;
    const act = this.prng.below(10);
    if (handle === 0 || act === 0) this.#opensDatagram();
    else if (act === 1) this.endpoint("bind", handle, "0.0.0.0", this.pick([...PORTS, 0]));
    else if (act === 2 && this.prng.chance(0.4))
      this.endpoint("connect", handle, this.#destination(), this.pick([7, 5000]));
    else if (act <= 5) this.#sends(handle);
    else if (act <= 7) this.#receives(handle);
    else if (act === 8) this.#sets(handle);
    else this.#ends(handle, this.#datagrams);
  }

  #opensDatagram(): void {
    const handle = this.#opens(SocketKind.DATAGRAM, this.#datagrams);
    if (handle > 0 && this.prng.chance(0.7)) this.endpoint("bind", handle, "0.0.0.0", this.pick(PORTS));
  }

  #destination(): string {
    return this.pick([PEER.address, PEER.address, PEER.address, "10.0.0.77", GROUP, BROADCAST, "10.0.0.255"]);
  }

  #opens(kind: number, handles: number[]): number {
    const handle = this.call("open", kind);
    if (handle > 0) handles.push(handle);
    return handle;
  }

  #ends(handle: number, handles: number[]): void {
    handles.splice(handles.indexOf(handle), 1);
    this.call(this.pick(["close", "abort"] as const), handle);
  }

  #sends(handle: number): void {
    const room = this.call("sendReserve", handle);
    if (room < 0) return;
    const length = this.pick([0, Math.min(1, room), room, this.prng.below(room + 1), room + 1]);
    const octets = this.prng.bytes(Math.min(length, room));
    const run = { address: this.device.header("runPointer"), octets };
    if (this.prng.chance(0.3)) {
      this.device.call("sendCommit", [handle, length], run);
      return;
    }
    const peer = { family: Family.IPV4, port: this.pick([7, 5000]), address: parseIpv4(this.#destination()) };
    this.device.call("sendTo", [handle, this.exchange, run.address, length], run, this.#record(peer));
  }

  #receives(handle: number): void {
    const length = this.call("receiveFrom", handle, this.exchange);
    // A call that meant nothing may have closed it.
    if (length === Status.BAD_HANDLE) this.#datagrams.splice(this.#datagrams.indexOf(handle), 1);
    if (length < 0) return;
    this.done.datagrams++;
    this.call("receiveConsume", handle, length);
  }

  #sets(handle: number): void {
    const group = { family: Family.IPV4, port: 0, address: parseIpv4(this.pick([GROUP, "224.0.0.1"])) };
    const isGroup = this.prng.chance(0.5);
    const option = this.pick(
      isGroup
        ? [Option.MULTICAST_JOIN, Option.MULTICAST_JOIN, Option.MULTICAST_LEAVE]
        : [Option.BROADCAST, Option.BROADCAST, Option.TTL],
    );
    const word = Uint8Array.of(this.pick([0, 1, 1, 9]), 0, 0, 0);
    const given = isGroup ? this.#record(group) : { address: this.exchange, octets: word };
    this.device.call("setopt", [handle, option, this.exchange, given.octets.length], given);
  }

  #record(endpoint: Pick<Endpoint, "family" | "port" | "address">): { address: number; octets: Uint8Array } {
    const octets = new Uint8Array(EndpointLayout.size);
    writeRecord<Endpoint>(octets, 0, EndpointLayout, endpoint);
    return { address: this.exchange, octets };
  }

  #queryActs(): void {
    const handle = this.#queries.length > 0 ? this.pick(this.#queries) : 0;
    const act = this.prng.below(5);
    if (handle === 0 || act === 0) this.#asks();
    else if (act === 1) this.#connectsByName(handle);
    else if (act <= 3) {
      if (this.call("receivePeek", handle) > 0) this.done.names++;
    } else this.#ends(handle, this.#queries);
  }

  #asks(): void {
    const handle = this.#opens(SocketKind.QUERY, this.#queries);
    if (handle <= 0 || this.call("sendReserve", handle) < 0) return;
    const octets = this.prng.chance(0.1) ? this.prng.bytes(30) : Buffer.from(this.pick(NAMES));
    this.device.call("sendCommit", [handle, octets.length], {
      address: this.device.header("runPointer"),
      octets,
    });
  }

  #connectsByName(query: number): void {
    const handle = this.call("open", this.pick([SocketKind.STREAM, SocketKind.DATAGRAM]));
    if (handle <= 0) return;
    const address = new Uint8Array(16);
    new DataView(address.buffer).setUint32(0, query, true);
    const endpoint = this.#record({ family: Family.NAME, port: 80, address });
    this.device.call("connect", [handle, this.exchange], endpoint);
    if (this.prng.chance(0.5)) this.call("close", handle);
    else this.#datagrams.push(handle);
  }

  #dhcpActs(): void {
    if (!this.#isLeased) return;
    const handle = this.#clients[0] ?? 0;
    if (handle === 0) {
      const opened = this.#opens(SocketKind.DHCP_CLIENT, this.#clients);
      const isSet = opened > 0 && this.prng.chance(0.5);
      const octets = Uint8Array.of(1, 0, 0, 0);
      if (isSet)
        this.device.call("setopt", [opened, Option.LINK_LOCAL, this.exchange, 4], {
          address: this.exchange,
          octets,
        });
    } else if (this.prng.chance(0.8)) {
      const result = this.call("getopt", handle, Option.LEASE, this.exchange, LeaseLayout.size);
      if (result === Status.BAD_HANDLE) this.#clients.length = 0;
      else if (readRecord<Lease>(this.device.memory, this.exchange, LeaseLayout).state === DhcpState.BOUND)
        this.done.leases++;
    } else this.#ends(handle, this.#clients);
  }
}

/** The query, or undefined for what is none. */
function queryOf(octets: Uint8Array): { id: number; name: string } | undefined {
  try {
    return decodeQuery(octets);
  } catch {
    return undefined;
  }
}
