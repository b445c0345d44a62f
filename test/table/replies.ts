// What the device answers, in words, and the check of it.

import { TcpFlag } from "../../host/packet/index.js";
import type { SegmentSpec } from "../script/segment.js";
import type { Situation } from "./situations.js";

/**
 * `ACK` is <SEQ=SND.NXT><ACK=RCV.NXT>, `+n` how far RCV.NXT moved. Answers come at once but those with `soon`, which
 * a delayed-ACK timer may hold back (RFC 9293 section 3.8.6.3: below half a second).
 */
const REPLY =
  /^(none|none or ACK|ACK(?: soon)?(?: \+\d+)?|ACK or SYN,ACK|SYN|SYN,ACK|FIN|data|RST|RST,ACK|RST at SND\.NXT|none or RST at SND\.NXT)$/;

export type Reply = string & { readonly reply: unique symbol };

/** Whether a table may name this reply. */
export function isReply(text: string): text is Reply {
  return REPLY.test(text);
}

/** Longest that an ACK may be held back, in milliseconds. */
const SOON_MS = 500;

/** Checks the device's answer to `segment` (null for a call of the user), and that nothing follows it. */
export function checkReply(s: Situation, reply: Reply, segment: SegmentSpec | null): void {
  const { t, peer } = s;
  const ends = t.timeMs + SOON_MS;
  const acked = /\+(\d+)/.exec(reply);
  const ack = { flags: "A", seq: s.sndNxt, ack: s.rcvNxt + Number(acked?.[1] ?? 0) };
  const kind = reply.replace(/ \+\d+/, "");
  if (kind === "ACK") peer.expect(ack);
  else if (kind === "ACK soon") peer.expectBetween(t.timeMs, ends, ack);
  else if (kind === "none or ACK") {
    t.waitBetween(t.timeMs, ends);
    if (t.frames > 0) peer.expect(ack);
  } else if (kind === "ACK or SYN,ACK") expectAckOfSyn(s);
  else if (kind === "SYN,ACK") peer.expect({ flags: "SA", seq: 0, ack: segment ? synAcked(s, segment) : 1 });
  else if (kind === "RST") expectReset(s, segment, "R");
  else if (kind === "RST,ACK") expectReset(s, segment, "RA");
  else if (kind === "none or RST at SND.NXT") {
    if (t.frames > 0) expectOfCall(s, kind);
  } else if (kind !== "none") expectOfCall(s, kind);
  t.at(ends);
  t.expectNothing();
}

/** What a call of the user sends. */
function expectOfCall({ peer, sndNxt, rcvNxt, t }: Situation, kind: string): void {
  if (kind === "SYN") peer.expect({ flags: "S", seq: 0 });
  else if (kind === "FIN") peer.expect({ flags: "FA", seq: sndNxt, ack: rcvNxt });
  else if (kind === "data") peer.expect({ flags: "PA", seq: sndNxt, ack: rcvNxt, len: 1460 });
  else {
    // <SEQ=SND.NXT><CTL=RST>; RFC 9293 leaves open whether it acknowledges something, too.
    const { tcp } = t.next("tcp");
    const seq = (tcp.seq - (peer.deviceIsn ?? 0)) >>> 0;
    if ((tcp.flags & ~TcpFlag.ACK) !== TcpFlag.RST || seq !== sndNxt >>> 0)
      t.fail(`no reset at SND.NXT: flags ${tcp.flags}, seq ${seq}`);
  }
}

/** RFC 9293 section 3.10.7.1: a reset that its receiver accepts. */
function expectReset({ peer }: Situation, segment: SegmentSpec | null, flags: string): void {
  if (!segment) throw new TypeError("a reset answers a segment");
  if (flags === "R") {
    peer.expect({ flags, seq: segment.ack ?? 0 });
    return;
  }
  const ends = [..."SF"].filter((flag) => segment.flags.includes(flag)).length;
  const base = peer.deviceIsn ?? 0;
  peer.expect({ flags, seq: -base, ack: segment.seq + (segment.len ?? 0) + ends });
}

/** In SYN-RECEIVED the SYN-ACK itself acknowledges; it may come again in place of an ACK. */
function expectAckOfSyn({ peer, sndNxt, rcvNxt, t }: Situation): void {
  t.waitBetween(t.timeMs, t.timeMs + SOON_MS);
  const packet = t.next("tcp");
  const wrong = [
    { flags: "A", seq: sndNxt, ack: rcvNxt },
    { flags: "SA", seq: 0, ack: rcvNxt },
  ].map((wanted) => peer.differences(packet, wanted));
  if (wrong.every((differences) => differences.length > 0))
    t.fail(`neither an ACK nor the SYN-ACK: ${wrong.flat().join("; ")}`);
}

/** RCV.NXT after a SYN: its own number, unless it repeats one that was heard. */
function synAcked(s: Situation, segment: SegmentSpec): number {
  return segment.flags.includes("S") && (!s.heard || s.state === "TIME_WAIT") ? segment.seq + 1 : s.rcvNxt;
}
