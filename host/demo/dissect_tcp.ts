// The info column of TCP segments as Wireshark writes it: numbers relative to the connection's first ones, windows scaled, and
// before all that what the sequence numbers say about loss (its "TCP analysis").

import type { Tcp, TcpOption, TcpPacket } from "../packet/index.js";
import { TcpFlag, tcpFlagNames } from "../packet/index.js";

/** How soon after the last of two or more duplicate ACKs a retransmission counts as a fast one, in nanoseconds. */
const FAST_NS = 20_000_000;

/** How long after newer data a segment may come and be called out of order, when there is no round trip to go by. */
const OUT_OF_ORDER_NS = 3_000_000;

const NO_ANALYSIS = TcpFlag.SYN | TcpFlag.FIN | TcpFlag.RST;

/** What was seen of one direction of a connection. Sequence numbers are absolute; undefined before the first. */
interface Flow {
  base: number | undefined;
  /** The first number after all that was sent. */
  next: number | undefined;
  nextNs: number;
  /** The first number after what was sent without a hole. */
  contiguous: number | undefined;
  ack: number | undefined;
  ackNs: number;
  window: number | undefined;
  scale: number | undefined;
  /** Frame that first had the present ACK number, and how many repeated it. */
  ackFrame: number;
  duplicates: number;
  wasKeepAlive: boolean;
  wasProbe: boolean;
}

interface Stream {
  /** Numbers streams in the order they came. */
  readonly id: number;
  readonly flows: Map<string, Flow>;
  synNs: number | undefined;
  /** Round trip of the handshake, in nanoseconds. */
  roundTripNs: number | undefined;
}

/** A segment in words. */
export interface TcpText {
  /** "[TCP Retransmission] " and the like, or nothing. */
  readonly marks: string;
  /** All of the info column. */
  readonly text: string;
}

/** What one segment is looked at with. */
interface Look {
  readonly tcp: Tcp;
  readonly bytes: number;
  readonly number: number;
  readonly ns: number;
  readonly forth: Flow;
  readonly back: Flow;
  readonly stream: Stream;
}

export class TcpStreams {
  readonly #streams = new Map<string, Stream>();
  #count = 0;

  /** The next segment of the capture: frame `number`, at `ns`. `stream` names its direction, for those who follow streams. */
  next({ ipv4, tcp }: TcpPacket, number: number, ns: number): { tcp: TcpText; stream: string } {
    const from = `${ipv4.source}:${tcp.sourcePort}`;
    const to = `${ipv4.destination}:${tcp.destinationPort}`;
    const key = from < to ? `${from} ${to}` : `${to} ${from}`;
    const { stream, isReused } = this.#streamOf(key, from, tcp);
    const [forth, back] = [flowOf(stream, from), flowOf(stream, to)];
    const look: Look = { tcp, bytes: tcp.payload.length, number, ns, forth, back, stream };
    setBases(look);
    setScales(look);
    // Each goes before what is there.
    const marks = [...(isReused ? ["[TCP Port numbers reused] "] : []), ...analyse(look)].reverse().join("");
    const text = `${marks}${tcp.sourcePort} → ${tcp.destinationPort} ${describe(look)}`;
    return { tcp: { marks, text }, stream: `${stream.id} ${from}` };
  }

  /** A SYN with another number begins another connection. */
  #streamOf(key: string, from: string, tcp: Tcp): { stream: Stream; isReused: boolean } {
    const known = this.#streams.get(key);
    const base = known?.flows.get(from)?.base;
    const isNew = (tcp.flags & (TcpFlag.SYN | TcpFlag.ACK)) === TcpFlag.SYN && base !== undefined;
    const isReused = isNew && base !== tcp.seq;
    if (known && !isReused) return { stream: known, isReused };
    const stream = { id: this.#count++, flows: new Map(), synNs: undefined, roundTripNs: undefined };
    this.#streams.set(key, stream);
    return { stream, isReused };
  }
}

function flowOf({ flows }: Stream, from: string): Flow {
  const known = flows.get(from);
  if (known) return known;
  const flow: Flow = {
    base: undefined,
    next: undefined,
    nextNs: 0,
    contiguous: undefined,
    ack: undefined,
    ackNs: 0,
    window: undefined,
    scale: undefined,
    ackFrame: 0,
    duplicates: 0,
    wasKeepAlive: false,
    wasProbe: false,
  };
  flows.set(from, flow);
  return flow;
}

function setBases({ tcp, forth, back, stream, ns }: Look): void {
  const isSyn = (tcp.flags & TcpFlag.SYN) !== 0;
  forth.base ??= isSyn ? tcp.seq : (tcp.seq - 1) >>> 0;
  if (tcp.flags & TcpFlag.ACK) back.base ??= (tcp.ack - 1) >>> 0;
  if (isSyn && !(tcp.flags & TcpFlag.ACK)) stream.synNs = ns;
  // The handshake's third segment ends the first round trip.
  const isThird = !isSyn && tcp.flags & TcpFlag.ACK && tcp.ack === ((back.base as number) + 1) >>> 0;
  if (isThird && stream.synNs !== undefined) stream.roundTripNs ??= ns - stream.synNs;
}

/** Windows are scaled when both SYNs said so. */
function setScales({ tcp, forth, back }: Look): void {
  if (!(tcp.flags & TcpFlag.SYN)) return;
  const option = optionOf(tcp, "windowScale");
  forth.scale = option?.shift;
  if (tcp.flags & TcpFlag.ACK && (forth.scale === undefined || back.scale === undefined))
    forth.scale = back.scale = undefined;
}

/** What Wireshark remarks on a segment, in the order it finds that; remembers the segment. */
function analyse(look: Look): string[] {
  const { tcp, forth } = look;
  const marks: string[] = [];
  const isProbe = look.bytes === 1 && tcp.seq === forth.next && look.back.window === 0;
  const isPlain = (tcp.flags & NO_ANALYSIS) === 0;
  let isKeepAlive = false;
  if (isProbe) marks.push("[TCP ZeroWindowProbe] ");
  else {
    const marked = retransmission(look);
    if (marked !== undefined) marks.push(marked);
    const isBeyond = forth.next !== undefined && isAfter(tcp.seq, forth.next);
    if (isBeyond && !(tcp.flags & TcpFlag.RST)) marks.push("[TCP Previous segment not captured] ");
  }
  if (acksUnseen(look)) marks.push("[TCP ACKed unseen segment] ");
  if (isPlain && !isProbe) {
    isKeepAlive = look.bytes <= 1 && forth.next !== undefined && tcp.seq === (forth.next - 1) >>> 0;
    marks.push(
      ...remarksOnWindow(look),
      ...(isKeepAlive ? ["[TCP Keep-Alive] "] : []),
      ...remarksOnAck(look),
    );
    if (tcp.window === 0)
      marks.push(ZERO_WINDOW, ...(repeats(look) && look.back.wasProbe ? [PROBE_ACK] : []));
  }
  remember(look, isProbe);
  forth.wasKeepAlive = isKeepAlive;
  forth.wasProbe = isProbe;
  return marks;
}

const ZERO_WINDOW = "[TCP ZeroWindow] ";
const PROBE_ACK = "[TCP ZeroWindowProbeAck] ";

/** Something sent again: why, as far as one can tell from outside. */
function retransmission({ tcp, bytes, ns, forth, back, stream }: Look): string | undefined {
  const takesNumbers = bytes > 0 || (tcp.flags & (TcpFlag.SYN | TcpFlag.FIN)) !== 0;
  if (!takesNumbers || forth.next === undefined || !isAfter(forth.next, tcp.seq)) return undefined;
  // What is one octet back is a probe's data, now with more.
  if (tcp.seq === (forth.next - 1) >>> 0 && bytes >= 1 && !(tcp.flags & NO_ANALYSIS)) return undefined;
  const end = endOf(tcp);
  const isAsked = back.ack === tcp.seq && back.duplicates >= 2;
  if (isAsked && ns - back.ackNs < FAST_NS) return "[TCP Fast Retransmission] ";
  const isLate = ns - forth.nextNs >= (stream.roundTripNs ?? OUT_OF_ORDER_NS);
  if (!isLate && forth.next !== end) return "[TCP Out-Of-Order] ";
  if (bytes > 0 && back.ack !== undefined && !isAfter(end, back.ack)) return "[TCP Spurious Retransmission] ";
  return "[TCP Retransmission] ";
}

function acksUnseen({ tcp, back }: Look): boolean {
  if (!(tcp.flags & TcpFlag.ACK) || back.contiguous === undefined || !isAfter(tcp.ack, back.contiguous))
    return false;
  // Once is enough.
  back.contiguous = back.next;
  return true;
}

function remarksOnWindow(look: Look): string[] {
  const { tcp, bytes, forth, back } = look;
  if (isRepeated(look) && tcp.window !== 0 && tcp.window !== forth.window) return ["[TCP Window Update] "];
  if (bytes === 0 || back.ack === undefined || back.window === undefined) return [];
  const edge = (back.ack + back.window * 2 ** (back.scale ?? 0)) >>> 0;
  return endOf(tcp) === edge ? ["[TCP Window Full] "] : [];
}

function remarksOnAck(look: Look): string[] {
  const { tcp, forth, back } = look;
  if (!repeats(look) || tcp.window === 0) return [];
  if (back.wasKeepAlive) return ["[TCP Keep-Alive ACK] "];
  forth.duplicates++;
  return [`[TCP Dup ACK ${forth.ackFrame}#${forth.duplicates}] `];
}

/** No data, and the numbers of the segment before. */
function isRepeated({ tcp, bytes, forth }: Look): boolean {
  return bytes === 0 && tcp.seq === forth.next && tcp.ack === forth.ack;
}

function repeats(look: Look): boolean {
  return isRepeated(look) && look.tcp.window === look.forth.window;
}

function remember({ tcp, number, ns, forth }: Look, isProbe: boolean): void {
  if (tcp.ack !== forth.ack) {
    forth.ackFrame = number;
    forth.duplicates = 0;
  }
  const end = endOf(tcp);
  if (!isProbe) {
    if (forth.next === undefined || isAfter(end, forth.next)) {
      forth.next = end;
      forth.nextNs = ns;
    }
    // Wireshark takes one hole that is filled for the last one.
    if (forth.contiguous === undefined || tcp.seq === forth.contiguous) forth.contiguous = forth.next;
  }
  forth.window = tcp.window;
  forth.ack = tcp.ack;
  forth.ackNs = ns;
}

function describe({ tcp, bytes, forth, back }: Look): string {
  const isSyn = (tcp.flags & TcpFlag.SYN) !== 0;
  const window = tcp.window * 2 ** (isSyn ? 0 : (forth.scale ?? 0));
  let text = `[${flagNames(tcp.flags)}] Seq=${relative(tcp.seq, forth.base)}`;
  if (tcp.flags & TcpFlag.ACK) text += ` Ack=${relative(tcp.ack, back.base)}`;
  text += ` Win=${window}`;
  if (tcp.flags & TcpFlag.URG) text += ` Urg=${tcp.urgent}`;
  return `${text} Len=${bytes}${tcp.options.map((option) => describeOption(option, back)).join("")}`;
}

function describeOption(option: TcpOption, back: Flow): string {
  switch (option.kind) {
    case "mss":
      return ` MSS=${option.mss}`;
    case "windowScale":
      return ` WS=${2 ** option.shift}`;
    case "sackPermitted":
      return " SACK_PERM";
    case "sack":
      return option.blocks
        .map(({ left, right }) => ` SLE=${relative(left, back.base)} SRE=${relative(right, back.base)}`)
        .join("");
    case "timestamps":
      return ` TSval=${option.value} TSecr=${option.echo}`;
    default:
      return "";
  }
}

function flagNames(flags: number): string {
  return flags === 0 ? "<None>" : tcpFlagNames(flags);
}

function optionOf<K extends TcpOption["kind"]>(
  { options }: Tcp,
  kind: K,
): Extract<TcpOption, { kind: K }> | undefined {
  return options.find((option): option is Extract<TcpOption, { kind: K }> => option.kind === kind);
}

/** The first number after a segment. */
function endOf({ seq, payload, flags }: Tcp): number {
  return (seq + payload.length + (flags & (TcpFlag.SYN | TcpFlag.FIN) ? 1 : 0)) >>> 0;
}

function isAfter(left: number, right: number): boolean {
  return ((left - right) | 0) > 0;
}

function relative(number: number, base: number | undefined): number {
  return (number - (base ?? 0)) >>> 0;
}
