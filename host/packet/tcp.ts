// TCP segments, RFC 9293 section 3.1, and their options.

import { internetChecksum } from "./checksum.js";
import { IpProtocol, pseudoHeader } from "./ipv4.js";
import { concat, get16, get32, hex16, put16, put32 } from "./octets.js";

export const TCP_MIN_HEADER_BYTES = 20;

/** Control bits; AE is the bit above CWR (RFC 9768, before that NS of RFC 3540). */
export const TcpFlag = {
  FIN: 1,
  SYN: 2,
  RST: 4,
  PSH: 8,
  ACK: 16,
  URG: 32,
  ECE: 64,
  CWR: 128,
  AE: 256,
} as const;

/** One option; `unknown` is any other kind, and a known kind whose length is not the one that its RFC gives. */
export type TcpOption =
  | { readonly kind: "end" }
  | { readonly kind: "nop" }
  | { readonly kind: "mss"; readonly mss: number }
  | { readonly kind: "windowScale"; readonly shift: number }
  | { readonly kind: "sackPermitted" }
  | { readonly kind: "sack"; readonly blocks: readonly SackBlock[] }
  | { readonly kind: "timestamps"; readonly value: number; readonly echo: number }
  | { readonly kind: "unknown"; readonly code: number; readonly data: Uint8Array };

/** Received data from `left` up to but without `right`. */
export interface SackBlock {
  readonly left: number;
  readonly right: number;
}

/** A decoded segment. */
export interface Tcp {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly seq: number;
  readonly ack: number;
  /** Header length in bytes, as the data offset claims. */
  readonly headerBytes: number;
  /** The three bits between data offset and flags. */
  readonly reserved: number;
  /** TcpFlag bits. */
  readonly flags: number;
  /** The window field, unscaled. */
  readonly window: number;
  readonly checksum: number;
  readonly checksumValid: boolean;
  readonly urgent: number;
  readonly options: readonly TcpOption[];
  readonly payload: Uint8Array;
}

/** What to build. All that is not named is zero or valid; data offset, checksum and options can be forged. */
export interface TcpSpec {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly seq?: number;
  readonly ack?: number;
  /** TcpFlag bits, or their letters as `tcpFlags` reads them. */
  readonly flags?: number | string;
  readonly window?: number;
  readonly urgent?: number;
  /** Options, or their raw octets; the list is padded with zeros (end of options) to a multiple of 4. */
  readonly options?: readonly TcpOption[] | Uint8Array;
  readonly payload?: Uint8Array;
  /** Data offset field in 32-bit words, 0 to 15. */
  readonly dataOffset?: number;
  readonly reserved?: number;
  readonly checksum?: number;
}

/** The addresses of a segment, for its pseudo-header. */
export interface TcpAddresses {
  readonly source: string;
  readonly destination: string;
}

/** Decodes a segment; appends to `problems` what is wrong with it. */
export function decodeTcp(data: Uint8Array, addresses: TcpAddresses, problems: string[]): Tcp | undefined {
  if (data.length < TCP_MIN_HEADER_BYTES) {
    problems.push(`TCP segment of ${data.length} bytes`);
    return undefined;
  }
  const offsetAndFlags = get16(data, 12);
  const headerBytes = (offsetAndFlags >> 12) * 4;
  if (headerBytes < TCP_MIN_HEADER_BYTES || headerBytes > data.length)
    problems.push(`TCP header length ${headerBytes} of ${data.length} bytes`);
  const headerEnd = Math.min(Math.max(headerBytes, TCP_MIN_HEADER_BYTES), data.length);
  const checksumValid = tcpChecksum(data, addresses) === 0;
  if (!checksumValid) {
    const zeroed = data.slice();
    put16(zeroed, 16, 0);
    const right = hex16(tcpChecksum(zeroed, addresses));
    problems.push(`TCP checksum ${hex16(get16(data, 16))}, should be ${right}`);
  }
  const reserved = (offsetAndFlags >> 9) & 7;
  if (reserved !== 0) problems.push(`TCP reserved bits ${reserved}`);
  return {
    sourcePort: get16(data, 0),
    destinationPort: get16(data, 2),
    seq: get32(data, 4),
    ack: get32(data, 8),
    headerBytes,
    reserved,
    flags: offsetAndFlags & 0x1ff,
    window: get16(data, 14),
    checksum: get16(data, 16),
    checksumValid,
    urgent: get16(data, 18),
    options: decodeTcpOptions(data.subarray(TCP_MIN_HEADER_BYTES, headerEnd), problems),
    payload: data.subarray(headerEnd),
  };
}

/** Builds a segment. */
export function encodeTcp(spec: TcpSpec, addresses: TcpAddresses): Uint8Array {
  const options = spec.options instanceof Uint8Array ? spec.options : encodeTcpOptions(spec.options ?? []);
  const header = new Uint8Array(TCP_MIN_HEADER_BYTES + Math.ceil(options.length / 4) * 4);
  if (header.length > 60 && spec.dataOffset === undefined)
    throw new RangeError(`${options.length} bytes of TCP options: 40 is the most`);
  put16(header, 0, spec.sourcePort);
  put16(header, 2, spec.destinationPort);
  put32(header, 4, spec.seq ?? 0);
  put32(header, 8, spec.ack ?? 0);
  const flags = typeof spec.flags === "string" ? tcpFlags(spec.flags) : (spec.flags ?? 0);
  put16(header, 12, ((spec.dataOffset ?? header.length / 4) << 12) | ((spec.reserved ?? 0) << 9) | flags);
  put16(header, 14, spec.window ?? 0);
  put16(header, 18, spec.urgent ?? 0);
  header.set(options, TCP_MIN_HEADER_BYTES);
  const segment = concat(header, spec.payload ?? new Uint8Array(0));
  put16(segment, 16, spec.checksum ?? tcpChecksum(segment, addresses));
  return segment;
}

/** The checksum of a segment: 0 over one that contains its own correct checksum. */
export function tcpChecksum(segment: Uint8Array, { source, destination }: TcpAddresses): number {
  return internetChecksum(pseudoHeader(source, destination, IpProtocol.TCP, segment.length), segment);
}

/** The first option of a kind, or undefined. */
export function tcpOption<K extends TcpOption["kind"]>(
  tcp: Tcp,
  kind: K,
): Extract<TcpOption, { kind: K }> | undefined {
  return tcp.options.find((option): option is Extract<TcpOption, { kind: K }> => option.kind === kind);
}

const FLAG_LETTERS: readonly (readonly [string, number, string])[] = [
  ["F", TcpFlag.FIN, "FIN"],
  ["S", TcpFlag.SYN, "SYN"],
  ["R", TcpFlag.RST, "RST"],
  ["P", TcpFlag.PSH, "PSH"],
  ["A", TcpFlag.ACK, "ACK"],
  ["U", TcpFlag.URG, "URG"],
  ["E", TcpFlag.ECE, "ECE"],
  ["C", TcpFlag.CWR, "CWR"],
  ["N", TcpFlag.AE, "AE"],
];

/** The TcpFlag bits of letters: F S R P A U, E for ECE, C for CWR, N for AE; "SA" is SYN and ACK. */
export function tcpFlags(letters: string): number {
  let flags = 0;
  for (const letter of letters) {
    const entry = FLAG_LETTERS.find(([name]) => name === letter);
    if (!entry) throw new TypeError(`"${letter}" in "${letters}" is no TCP flag`);
    flags |= entry[1];
  }
  return flags;
}

/** "SYN, ACK" of TcpFlag bits. */
export function tcpFlagNames(flags: number): string {
  return FLAG_LETTERS.filter(([, bit]) => flags & bit)
    .map(([, , name]) => name)
    .join(", ");
}

/** "[SYN, ACK] Seq=0 Ack=1 Win=65535 Len=0 MSS=1460"; numbers are shown from the bases on. */
export function describeTcp(tcp: Tcp, seqBase = 0, ackBase = 0): string {
  let text = `[${tcpFlagNames(tcp.flags)}] Seq=${(tcp.seq - seqBase) >>> 0}`;
  if (tcp.flags & TcpFlag.ACK) text += ` Ack=${(tcp.ack - ackBase) >>> 0}`;
  text += ` Win=${tcp.window} Len=${tcp.payload.length}`;
  if (tcp.flags & TcpFlag.URG) text += ` Urg=${tcp.urgent}`;
  for (const option of tcp.options) text += describeOption(option, ackBase);
  return text;
}

/** Decodes a list of options; stops at one whose length lies, and says so in `problems`. */
export function decodeTcpOptions(data: Uint8Array, problems: string[]): TcpOption[] {
  const options: TcpOption[] = [];
  let at = 0;
  while (at < data.length) {
    const code = data[at] as number;
    if (code <= 1) {
      options.push({ kind: code === 0 ? "end" : "nop" });
      if (code === 0) break;
      at++;
      continue;
    }
    const length = data[at + 1] ?? 0;
    if (length < 2 || at + length > data.length) {
      problems.push(`TCP option ${code} of length ${length} with ${data.length - at} bytes left`);
      break;
    }
    options.push(decodeOption(code, data.subarray(at + 2, at + length), problems));
    at += length;
  }
  return options;
}

/** The octets of a list of options, without padding. */
export function encodeTcpOptions(options: readonly TcpOption[]): Uint8Array {
  return concat(...options.map(encodeOption));
}

function decodeOption(code: number, data: Uint8Array, problems: string[]): TcpOption {
  if (code === 2 && data.length === 2) return { kind: "mss", mss: get16(data, 0) };
  if (code === 3 && data.length === 1) return { kind: "windowScale", shift: data[0] as number };
  if (code === 4 && data.length === 0) return { kind: "sackPermitted" };
  if (code === 5 && data.length >= 8 && data.length % 8 === 0) {
    const blocks: SackBlock[] = [];
    for (let at = 0; at < data.length; at += 8)
      blocks.push({ left: get32(data, at), right: get32(data, at + 4) });
    return { kind: "sack", blocks };
  }
  if (code === 8 && data.length === 8)
    return { kind: "timestamps", value: get32(data, 0), echo: get32(data, 4) };
  if ([2, 3, 4, 5, 8].includes(code)) problems.push(`TCP option ${code} of length ${data.length + 2}`);
  return { kind: "unknown", code, data: data.slice() };
}

function encodeOption(option: TcpOption): Uint8Array {
  switch (option.kind) {
    case "end":
      return Uint8Array.of(0);
    case "nop":
      return Uint8Array.of(1);
    case "mss":
      return Uint8Array.of(2, 4, option.mss >> 8, option.mss);
    case "windowScale":
      return Uint8Array.of(3, 3, option.shift);
    case "sackPermitted":
      return Uint8Array.of(4, 2);
    case "sack": {
      const data = new Uint8Array(2 + option.blocks.length * 8);
      data[0] = 5;
      data[1] = data.length;
      for (const [index, { left, right }] of option.blocks.entries()) {
        put32(data, 2 + index * 8, left);
        put32(data, 6 + index * 8, right);
      }
      return data;
    }
    case "timestamps": {
      const data = new Uint8Array(10);
      data.set([8, 10]);
      put32(data, 2, option.value);
      put32(data, 6, option.echo);
      return data;
    }
    case "unknown":
      return concat(Uint8Array.of(option.code, option.data.length + 2), option.data);
  }
}

function describeOption(option: TcpOption, ackBase: number): string {
  switch (option.kind) {
    case "end":
    case "nop":
      return "";
    case "mss":
      return ` MSS=${option.mss}`;
    case "windowScale":
      return ` WS=${2 ** option.shift}`;
    case "sackPermitted":
      return " SACK_PERM";
    case "sack":
      return option.blocks
        .map(({ left, right }) => ` SLE=${(left - ackBase) >>> 0} SRE=${(right - ackBase) >>> 0}`)
        .join("");
    case "timestamps":
      return ` TSval=${option.value} TSecr=${option.echo}`;
    case "unknown":
      return ` option ${option.code}`;
  }
}
