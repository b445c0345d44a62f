// The gateway's DHCP server: RFC 2131 section 4.3 as far as one client on a wire needs it.

import { formatIpv4, parseIpv4 } from "../address.js";
import { ETHERNET_HEADER_BYTES, EtherType } from "../packet/ethernet.js";
import {
  BROADCAST_MAC,
  concat,
  decode,
  encode,
  get16,
  get32,
  IPV4_MIN_HEADER_BYTES,
  IpProtocol,
  put32,
  UDP_HEADER_BYTES,
} from "../packet/index.js";
import type { Link } from "./link.js";

const SERVER_PORT = 67;
const CLIENT_PORT = 68;

/** What clients get. */
export interface GatewayLease {
  readonly address: string;
  readonly netmask: string;
  /** The server, which is the router and the DNS server, too; and its hardware address. */
  readonly router: string;
  readonly mac: string;
  readonly leaseSeconds: number;
}

/** Octets before the options, and places of fields: RFC 2131 figure 1. */
const HEAD_BYTES = 236;
const XID = 4;
const CIADDR = 12;
const YIADDR = 16;
const CHADDR = 28;
const HARDWARE_BYTES = 16;
/** Of an IPv4 header. */
const PROTOCOL = 9;
const MAGIC = 0x63825363;

const BOOTREQUEST = 1;
const BOOTREPLY = 2;

const MessageType = { DISCOVER: 1, OFFER: 2, REQUEST: 3, ACK: 5, NAK: 6 } as const;

/** RFC 2132. */
const OptionCode = {
  PAD: 0,
  NETMASK: 1,
  ROUTER: 3,
  DNS: 6,
  REQUESTED_ADDRESS: 50,
  LEASE_TIME: 51,
  TYPE: 53,
  SERVER: 54,
  END: 255,
} as const;

/**
 * The gateway's link with a DHCP server in front of it: leases one address to the client on the wire. The gateway's host sees
 * nothing of that, which takes no frames from nobody's address.
 */
export function leaseOn(link: Link, lease: GatewayLease): Link {
  return new Leasing(link, lease);
}

class Leasing implements Link {
  readonly #link: Link;
  readonly #lease: GatewayLease;

  constructor(link: Link, lease: GatewayLease) {
    this.#link = link;
    this.#lease = lease;
  }

  get hasRoom(): boolean {
    return this.#link.hasRoom;
  }

  get onReady(): () => void {
    return this.#link.onReady;
  }

  set onReady(listener: () => void) {
    this.#link.onReady = listener;
  }

  send(frame: Uint8Array): void {
    this.#link.send(frame);
  }

  receive(): Uint8Array | undefined {
    let frame = this.#link.receive();
    while (frame && isForServer(frame)) {
      const packet = decode(frame);
      const answer = packet.kind === "udp" ? answerTo(packet.udp.payload, this.#lease) : undefined;
      if (answer) this.#link.send(this.#framed(answer));
      frame = this.#link.receive();
    }
    return frame;
  }

  /** By broadcast, which every client must take: RFC 2131 section 4.1. */
  #framed(payload: Uint8Array): Uint8Array {
    return encode({
      link: { source: this.#lease.mac, destination: BROADCAST_MAC },
      ipv4: { source: this.#lease.router, destination: "255.255.255.255" },
      udp: { sourcePort: SERVER_PORT, destinationPort: CLIENT_PORT, payload },
    });
  }
}

/** Whether a frame looks like a message for a DHCP server. */
function isForServer(frame: Uint8Array): boolean {
  const ip = ETHERNET_HEADER_BYTES;
  if (frame.length < ip + IPV4_MIN_HEADER_BYTES + UDP_HEADER_BYTES) return false;
  if (get16(frame, ip - 2) !== EtherType.IPV4 || frame[ip + PROTOCOL] !== IpProtocol.UDP) return false;
  const udp = ip + 4 * ((frame[ip] as number) & 15);
  return udp + 4 <= frame.length && get16(frame, udp + 2) === SERVER_PORT;
}

/** What the server says to a client's message; undefined for nothing. */
export function answerTo(request: Uint8Array, lease: GatewayLease): Uint8Array | undefined {
  if (request.length < HEAD_BYTES + 4 || request[0] !== BOOTREQUEST) return undefined;
  if (get32(request, HEAD_BYTES) !== MAGIC) return undefined;
  const options = optionsOf(request.subarray(HEAD_BYTES + 4));
  const server = options.get(OptionCode.SERVER);
  if (server && textOf(server) !== lease.router) return undefined;
  switch (options.get(OptionCode.TYPE)?.[0]) {
    case MessageType.DISCOVER:
      return message(request, MessageType.OFFER, lease);
    case MessageType.REQUEST: {
      const wanted = textOf(
        options.get(OptionCode.REQUESTED_ADDRESS) ?? request.subarray(CIADDR, CIADDR + 4),
      );
      return message(request, wanted === lease.address ? MessageType.ACK : MessageType.NAK, lease);
    }
    default:
      return undefined;
  }
}

function message(request: Uint8Array, type: number, lease: GatewayLease): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES + 4);
  head.set([BOOTREPLY, 1, 6]);
  head.set(request.subarray(XID, XID + 4), XID);
  head.set(request.subarray(CHADDR, CHADDR + HARDWARE_BYTES), CHADDR);
  put32(head, HEAD_BYTES, MAGIC);
  const said = [option(OptionCode.TYPE, [type]), option(OptionCode.SERVER, parseIpv4(lease.router))];
  if (type !== MessageType.NAK) {
    const seconds = new Uint8Array(4);
    put32(seconds, 0, lease.leaseSeconds);
    head.set(parseIpv4(lease.address), YIADDR);
    said.push(
      option(OptionCode.LEASE_TIME, seconds),
      option(OptionCode.NETMASK, parseIpv4(lease.netmask)),
      option(OptionCode.ROUTER, parseIpv4(lease.router)),
      option(OptionCode.DNS, parseIpv4(lease.router)),
    );
  }
  return concat(head, ...said, Uint8Array.of(OptionCode.END));
}

function option(code: number, value: ArrayLike<number>): Uint8Array {
  return Uint8Array.from([code, value.length, ...Array.from(value)]);
}

/** The options that are whole, by code. */
function optionsOf(octets: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let at = 0; at < octets.length && octets[at] !== OptionCode.END; ) {
    const code = octets[at++] as number;
    if (code === OptionCode.PAD) continue;
    const length = octets[at++] ?? 0;
    const value = octets.subarray(at, at + length);
    if (value.length === length && !found.has(code)) found.set(code, value);
    at += length;
  }
  return found;
}

function textOf(octets: Uint8Array): string {
  return octets.length === 4 ? formatIpv4(octets) : "";
}
