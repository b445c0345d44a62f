// Segments as scripts write them: relative sequence numbers, options by name, data by length.
//
// Data that a script gives as a length is the stream's own pattern at that place, so that every octet that crosses
// the wire or reaches an application is checked although no script spells it out.

import {
  hex16,
  type SackBlock,
  type Tcp,
  TcpFlag,
  type TcpOption,
  type TcpSpec,
  tcpFlagNames,
  tcpFlags,
  tcpOption,
} from "../../host/packet/index.js";

/** Where the relative sequence numbers of both directions begin. */
export interface Bases {
  /** Of the sequence number and of urgent data. */
  readonly seq: number;
  /** Of the acknowledgment number and of SACK blocks. */
  readonly ack: number;
}

interface Data {
  /** This many octets of the stream's pattern. */
  readonly len?: number;
  /** Exactly these octets. */
  readonly data?: string | Uint8Array;
}

/** A segment for the peer to send. */
export interface SegmentSpec extends Data {
  /** Letters as `tcpFlags` reads them: F S R P A U E C N. */
  readonly flags: string;
  readonly seq: number;
  /** Needed with flag A. */
  readonly ack?: number;
  /** The window field as it stands in the header; default 65535. */
  readonly window?: number;
  readonly urgent?: number;
  readonly mss?: number;
  readonly windowScale?: number;
  readonly sackPermitted?: true;
  /** "none": without the option, where the peer would add it by itself. */
  readonly timestamps?: { readonly value: number; readonly echo: number } | "none";
  /** Pairs of left and right edge. */
  readonly sack?: readonly (readonly [number, number])[];
  /** More options, behind those that are named, or raw octets instead of them. */
  readonly options?: readonly TcpOption[] | Uint8Array;
  /** Fields of the header to set as they are, for segments that are wrong. */
  readonly forge?: Partial<TcpSpec>;
}

/** A segment that a script expects of the device. Options and window are compared only when they are named. */
export interface SegmentExpectation extends Data {
  /** Exactly these flags. */
  readonly flags: string;
  readonly seq: number;
  /** Needed with flag A. */
  readonly ack?: number;
  /** The window field, or the least and the greatest that it may be. */
  readonly window?: number | readonly [least: number, greatest: number];
  readonly urgent?: number;
  readonly mss?: number | "none";
  readonly windowScale?: number | "none";
  readonly sackPermitted?: boolean;
  readonly timestamps?: { readonly value?: number; readonly echo?: number } | "none";
  readonly sack?: readonly (readonly [number, number])[] | "none";
}

/** Octets `at` to `at + length` of the pattern, by relative sequence number: 1 is the first octet of a stream. */
export function pattern(at: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => patternOctet(at + index));
}

/** The octets that a script means: those it gives, or the pattern. */
export function octetsOf(data: number | string | Uint8Array, at: number): Uint8Array {
  if (typeof data === "number") return pattern(at, data);
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

/** What the codec builds of a script's segment, ports aside. */
export function toTcpSpec(spec: SegmentSpec, bases: Bases): Omit<TcpSpec, "sourcePort" | "destinationPort"> {
  requireAck(spec);
  const { flags, seq, ack = 0, window = 65535, urgent = 0 } = spec;
  return {
    flags,
    seq: (seq + bases.seq) >>> 0,
    ack: flags.includes("A") ? (ack + bases.ack) >>> 0 : 0,
    window,
    urgent,
    options: spec.options instanceof Uint8Array ? spec.options : toOptions(spec, bases.ack),
    payload: payloadOf(spec),
    ...spec.forge,
  };
}

/** How a segment differs from what a script expects, in words; empty when it does not. */
export function differences(tcp: Tcp, wanted: SegmentExpectation, bases: Bases): string[] {
  requireAck(wanted);
  const found: string[] = [];
  const compare = (name: string, is: unknown, should: unknown) => {
    if (is !== should) found.push(`${name} is ${is}, should be ${should}`);
  };
  compare("flags", tcpFlagNames(tcp.flags), tcpFlagNames(tcpFlags(wanted.flags)));
  compare("seq", relative(tcp.seq, bases.seq), wanted.seq >>> 0);
  if (tcp.flags & TcpFlag.ACK && wanted.ack !== undefined)
    compare("ack", relative(tcp.ack, bases.ack), wanted.ack >>> 0);
  if (!(tcp.flags & TcpFlag.ACK)) compare("the acknowledgment field without ACK", tcp.ack, 0);
  compare("urgent pointer", tcp.urgent, wanted.urgent ?? 0);
  found.push(...windowDifference(tcp.window, wanted.window));
  found.push(...payloadDifference(tcp.payload, payloadOf(wanted)));
  found.push(...optionDifferences(tcp, wanted, bases.ack));
  return found;
}

function requireAck({ flags, ack }: { readonly flags: string; readonly ack?: number }): void {
  if (flags.includes("A") !== (ack !== undefined))
    throw new TypeError(`flags "${flags}" ${ack === undefined ? "need an ack" : "carry no ack"}`);
}

function relative(value: number, base: number): number {
  return (value - base) >>> 0;
}

function patternOctet(place: number): number {
  // Neighbours differ, and so do places that lie a power of two apart.
  return ((place % 251) ^ (Math.floor(place / 251) * 7)) & 255;
}

function payloadOf({
  flags,
  seq,
  len,
  data,
}: Data & { readonly flags: string; readonly seq: number }): Uint8Array {
  if (len !== undefined && data !== undefined) throw new TypeError("either len or data");
  return octetsOf(data ?? len ?? 0, seq + (flags.includes("S") ? 1 : 0));
}

function toOptions(spec: SegmentSpec, ackBase: number): TcpOption[] {
  const options: TcpOption[] = [];
  if (spec.mss !== undefined) options.push({ kind: "mss", mss: spec.mss });
  if (spec.sackPermitted) options.push({ kind: "sackPermitted" });
  if (spec.timestamps && spec.timestamps !== "none") options.push({ kind: "timestamps", ...spec.timestamps });
  if (spec.windowScale !== undefined) options.push({ kind: "windowScale", shift: spec.windowScale });
  if (spec.sack) options.push({ kind: "sack", blocks: toBlocks(spec.sack, ackBase) });
  if (spec.options && !(spec.options instanceof Uint8Array)) options.push(...spec.options);
  return options;
}

function toBlocks(edges: readonly (readonly [number, number])[], base: number): SackBlock[] {
  return edges.map(([left, right]) => ({ left: (left + base) >>> 0, right: (right + base) >>> 0 }));
}

function windowDifference(window: number, wanted: SegmentExpectation["window"]): string[] {
  if (wanted === undefined) return [];
  const [least, greatest] = typeof wanted === "number" ? [wanted, wanted] : wanted;
  if (window >= least && window <= greatest) return [];
  const range = least === greatest ? `${least}` : `${least} to ${greatest}`;
  return [`window is ${window}, should be ${range}`];
}

function payloadDifference(payload: Uint8Array, wanted: Uint8Array): string[] {
  if (payload.length !== wanted.length)
    return [`${payload.length} bytes of data, should be ${wanted.length}`];
  const place = payload.findIndex((octet, index) => octet !== wanted[index]);
  if (place < 0) return [];
  const [is, should] = [payload, wanted].map((octets) => hex16(octets[place] as number));
  return [`data differ at byte ${place}: ${is}, should be ${should}`];
}

function optionDifferences(tcp: Tcp, wanted: SegmentExpectation, ackBase: number): string[] {
  const found: string[] = [];
  const compare = (name: string, is: unknown, should: unknown) => {
    if (should !== undefined && is !== should) found.push(`${name} is ${is}, should be ${should}`);
  };
  compare("MSS", tcpOption(tcp, "mss")?.mss ?? "none", wanted.mss);
  compare("window scale", tcpOption(tcp, "windowScale")?.shift ?? "none", wanted.windowScale);
  compare("SACK permitted", tcpOption(tcp, "sackPermitted") !== undefined, wanted.sackPermitted);
  const blocks = tcpOption(tcp, "sack")?.blocks.map(
    ({ left, right }) => `${relative(left, ackBase)}-${relative(right, ackBase)}`,
  );
  const wantedBlocks =
    wanted.sack === "none" ? "none" : wanted.sack?.map((edges) => edges.join("-")).join(" ");
  compare("SACK", blocks?.join(" ") ?? "none", wantedBlocks);
  const timestamps = tcpOption(tcp, "timestamps");
  if (wanted.timestamps === "none") compare("timestamps", timestamps ? "there" : "none", "none");
  else if (wanted.timestamps) {
    compare("TSval", timestamps?.value ?? "none", wanted.timestamps.value);
    compare("TSecr", timestamps?.echo ?? "none", wanted.timestamps.echo);
    if (!timestamps) compare("timestamps", "none", "there");
  }
  return found;
}
