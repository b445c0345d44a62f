// DHCP messages in UDP, written for the tests from RFC 2131, RFC 2132 and RFC 768 alone: the oracle of what the client sends,
// and what servers, honest and other, say to it.

import { decode, encode, internetChecksum } from "../../host/packet/index.js";

/** Option 53, by name. */
export const TYPES = {
  DISCOVER: 1,
  OFFER: 2,
  REQUEST: 3,
  DECLINE: 4,
  ACK: 5,
  NAK: 6,
  RELEASE: 7,
} as const;
export type TypeName = keyof typeof TYPES;

export type DhcpOption = readonly [code: number, value: Uint8Array | readonly number[]];

/** A message to build: right, but for what is forged. */
export interface DhcpSpec {
  readonly op?: number;
  readonly htype?: number;
  readonly hlen?: number;
  readonly hops?: number;
  readonly xid: number;
  readonly flags?: number;
  readonly ciaddr?: string;
  readonly yiaddr?: string;
  readonly chaddr: string;
  readonly cookie?: number;
  readonly options: readonly DhcpOption[];
  /** Options in the file and sname fields. */
  readonly file?: readonly DhcpOption[];
  readonly sname?: readonly DhcpOption[];
  /** Default: options end with an end option, in every field. */
  readonly end?: boolean;
}

/** What the client said. */
export interface DhcpMessage {
  readonly type: TypeName;
  readonly xid: number;
  readonly secs: number;
  readonly broadcast: boolean;
  readonly ciaddr: string;
  readonly chaddr: string;
  readonly options: ReadonlyMap<number, Uint8Array>;
  readonly bytes: number;
  readonly source: string;
  readonly destination: string;
  readonly toMac: string;
}

export const quad = (text: string): number[] => text.split(".").map(Number);
export const dotted = (octets: Uint8Array, at = 0): string => octets.subarray(at, at + 4).join(".");
export const u32 = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
export const u16 = (value: number): number[] => [value >> 8, value & 0xff];
export const text = (value: string): number[] => Array.from(value, (letter) => letter.charCodeAt(0));
const macOf = (value: string): number[] => value.split(":").map((digits) => Number.parseInt(digits, 16));
const colons = (octets: Uint8Array): string =>
  Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join(":");

/** The message as octets of a UDP payload. */
export function encodeDhcp(spec: DhcpSpec): Uint8Array {
  const field = (options: readonly DhcpOption[] | undefined, bytes: number): number[] => {
    const octets = options ? listed(options, spec.end ?? true) : [];
    if (octets.length > bytes) throw new RangeError("options do not fit the field");
    return [...octets, ...new Array<number>(bytes - octets.length).fill(0)];
  };
  return Uint8Array.from([
    ...[spec.op ?? 2, spec.htype ?? 1, spec.hlen ?? 6, spec.hops ?? 0],
    ...u32(spec.xid),
    ...[0, 0, ...u16(spec.flags ?? 0)],
    ...quad(spec.ciaddr ?? "0.0.0.0"),
    ...quad(spec.yiaddr ?? "0.0.0.0"),
    ...[0, 0, 0, 0, 0, 0, 0, 0],
    ...macOf(spec.chaddr),
    ...new Array<number>(10).fill(0),
    ...field(spec.sname, 64),
    ...field(spec.file, 128),
    ...u32(spec.cookie ?? 0x63825363),
    ...listed(spec.options, spec.end ?? true),
  ]);
}

function listed(options: readonly DhcpOption[], end: boolean): number[] {
  const octets = options.flatMap(([code, value]) => (code ? [code, value.length, ...value] : [0]));
  return end ? [...octets, 255] : octets;
}

/** Where a datagram comes from and goes to. */
export interface UdpPath {
  readonly fromMac: string;
  readonly toMac: string;
  readonly from: string;
  readonly to: string;
  readonly fromPort?: number;
  readonly toPort?: number;
}

/** A datagram, from a server to a client unless it says otherwise, with its checksum. */
export function udpFrame(path: UdpPath, payload: Uint8Array): Uint8Array {
  const { from, to, fromPort = 67, toPort = 68 } = path;
  const length = 8 + payload.length;
  const udp = Uint8Array.from([...u16(fromPort), ...u16(toPort), ...u16(length), 0, 0, ...payload]);
  const pseudo = Uint8Array.from([...quad(from), ...quad(to), 0, 17, ...u16(length)]);
  const sum = internetChecksum(pseudo, udp) || 0xffff;
  udp.set(u16(sum), 6);
  return encode({
    link: { source: path.fromMac, destination: path.toMac },
    ipv4: { source: from, destination: to, protocol: 17 },
    payload: udp,
  });
}

/** A frame that the client sent, if it is a DHCP message. Throws when there is anything wrong with it. */
export function decodeDhcp(frame: Uint8Array): DhcpMessage | undefined {
  const packet = decode(frame);
  if (!("ipv4" in packet) || packet.ipv4.protocol !== 17) return undefined;
  if (packet.problems.length > 0) throw new Error(packet.problems.join("; "));
  const { source, destination, payload: udp } = packet.ipv4;
  const at16 = (octets: Uint8Array, at: number) => (octets[at] as number) * 256 + (octets[at + 1] as number);
  if (at16(udp, 0) !== 68 || at16(udp, 2) !== 67) return undefined;
  const length = at16(udp, 4);
  if (length !== udp.length) throw new Error(`UDP length ${length} of ${udp.length}`);
  const pseudo = Uint8Array.from([...quad(source), ...quad(destination), 0, 17, ...u16(length)]);
  if (internetChecksum(pseudo, udp) !== 0) throw new Error("UDP checksum");
  const dhcp = udp.subarray(8);
  const head = Array.from(dhcp.subarray(0, 4)).join();
  if (head !== "1,1,6,0") throw new Error(`BOOTP head ${head}`);
  if (dhcp.length < 300) throw new Error(`${dhcp.length} octets are fewer than BOOTP has`);
  if (colons(dhcp.subarray(236, 240)) !== "63:82:53:63") throw new Error("no magic cookie");
  for (const [name, from, to] of [["siaddr, giaddr, yiaddr", 16, 28] as const, ["names", 34, 236] as const])
    if (dhcp.subarray(from, to).some((octet) => octet !== 0)) throw new Error(`${name} are not zero`);
  const options = optionsOf(dhcp.subarray(240));
  const type = options.get(53)?.[0];
  const name = (Object.keys(TYPES) as TypeName[]).find((key) => TYPES[key] === type);
  if (!name) throw new Error(`type ${type}`);
  const flags = at16(dhcp, 10);
  if (flags & 0x7fff) throw new Error(`flags ${flags}`);
  return {
    type: name,
    xid: at16(dhcp, 4) * 65536 + at16(dhcp, 6),
    secs: at16(dhcp, 8),
    broadcast: flags !== 0,
    ciaddr: dotted(dhcp, 12),
    chaddr: colons(dhcp.subarray(28, 34)),
    options,
    bytes: dhcp.length,
    source,
    destination,
    toMac: packet.ethernet.destination,
  };
}

function optionsOf(octets: Uint8Array): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (let at = 0; at < octets.length; ) {
    const code = octets[at++] as number;
    if (code === 0) continue;
    if (code === 255) {
      if (octets.subarray(at).some((octet) => octet !== 0)) throw new Error("octets after the end option");
      return options;
    }
    const bytes = octets[at++] as number;
    if (at + bytes > octets.length) throw new Error(`option ${code} overruns`);
    if (options.has(code)) throw new Error(`option ${code} twice`);
    options.set(code, octets.slice(at, at + bytes));
    at += bytes;
  }
  throw new Error("no end option");
}
