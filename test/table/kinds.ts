// Kinds of segments, relative to where a connection stands.

import type { SegmentSpec } from "../script/segment.js";
import type { Situation } from "./situations.js";

type Build = (s: Situation) => SegmentSpec;

/** Octets of data in a segment that carries some. */
export const DATA_BYTES = 100;

/** Every kind of segment. `s.ack` is an ACK field that changes nothing, or completes a handshake. */
export const KINDS = {
  // SYN. Where no SYN of the peer came yet, each is its first.
  "SYN inside": (s) => ({ flags: "S", seq: s.heard ? s.rcvNxt + 100 : 0, mss: 1460 }),
  "SYN outside": (s) => ({ flags: "S", seq: s.heard ? s.rcvNxt - 1000 : 0, mss: 1460 }),
  "SYN repeated": () => ({ flags: "S", seq: 0, mss: 1460 }),
  "SYN+ACK": (s) => ({ flags: "SA", seq: s.heard ? s.rcvNxt + 100 : 0, ack: s.sndNxt, mss: 1460 }),
  "SYN+FIN": (s) => ({ flags: "SF", seq: s.heard ? s.rcvNxt + 100 : 0 }),

  "RST at RCV.NXT": (s) => ({ flags: "R", seq: s.rcvNxt }),
  "RST inside": (s) => ({ flags: "R", seq: s.rcvNxt + 1 }),
  "RST outside left": (s) => ({ flags: "R", seq: s.rcvNxt - 1 }),
  "RST outside right": (s) => ({ flags: "R", seq: s.rcvNxt + s.rcvWnd }),
  "RST+ACK at RCV.NXT": (s) => ({ flags: "RA", seq: s.rcvNxt, ack: s.sndNxt }),
  "RST+ACK inside": (s) => ({ flags: "RA", seq: s.rcvNxt + s.rcvWnd - 1, ack: s.sndNxt }),
  "RST+ACK beyond SND.NXT": (s) => ({ flags: "RA", seq: s.rcvNxt + 1, ack: s.sndNxt + 1000 }),

  "ACK ancient": (s) => ({ flags: "A", seq: s.rcvNxt, ack: s.sndUna - s.sndWndMax - 1 }),
  "ACK old": (s) => ({ flags: "A", seq: s.rcvNxt, ack: s.sndUna - 500 }),
  "ACK duplicate": (s) => ({ flags: "A", seq: s.rcvNxt, ack: s.sndUna }),
  "ACK of a part": (s) => ({ flags: "A", seq: s.rcvNxt, ack: s.sndUna + ((s.sndNxt - s.sndUna) >> 1) }),
  "ACK current": (s) => ({ flags: "A", seq: s.rcvNxt, ack: s.sndNxt }),
  "ACK just beyond SND.NXT": (s) => ({ flags: "A", seq: s.rcvNxt, ack: s.sndNxt + 1 }),
  "ACK beyond SND.NXT": (s) => ({ flags: "A", seq: s.rcvNxt, ack: s.sndNxt + 1000 }),
  "no flags": (s) => ({ flags: "", seq: s.rcvNxt }),
  "all flags": (s) => ({ flags: "FSRPAU", seq: s.rcvNxt, ack: s.sndNxt }),

  "empty at the last octet": (s) => ({ flags: "A", seq: s.rcvNxt + s.rcvWnd - 1, ack: s.ack }),
  "empty at the right edge": (s) => ({ flags: "A", seq: s.rcvNxt + s.rcvWnd, ack: s.ack }),
  "empty beyond the right edge": (s) => ({ flags: "A", seq: s.rcvNxt + s.rcvWnd + 1, ack: s.ack }),
  "empty outside left": (s) => ({ flags: "A", seq: s.rcvNxt - 1, ack: s.ack }),

  FIN: (s) => ({ flags: "FA", seq: s.rcvNxt, ack: s.ack }),
  "FIN acknowledging all": (s) => ({ flags: "FA", seq: s.rcvNxt, ack: s.sndNxt }),
  "FIN with data": (s) => ({ flags: "FPA", seq: s.rcvNxt, ack: s.ack, len: DATA_BYTES }),
  "FIN out of order": (s) => ({ flags: "FA", seq: s.rcvNxt + 100, ack: s.ack }),
  "FIN repeated": (s) => ({ flags: "FA", seq: s.rcvNxt - 1, ack: s.ack }),
  "FIN at the right edge": (s) => ({ flags: "FA", seq: s.rcvNxt + s.rcvWnd, ack: s.ack }),
  "FIN without ACK": (s) => ({ flags: "F", seq: s.rcvNxt }),

  "data inside": (s) => ({ flags: "PA", seq: s.rcvNxt, ack: s.ack, len: DATA_BYTES }),
  "data overlapping left": (s) => ({ flags: "PA", seq: s.rcvNxt - 50, ack: s.ack, len: DATA_BYTES }),
  "data overlapping the right edge": (s) => ({
    flags: "PA",
    seq: s.rcvNxt + s.rcvWnd - 50,
    ack: s.ack,
    len: DATA_BYTES,
  }),
  "data outside left": (s) => ({ flags: "PA", seq: s.rcvNxt - DATA_BYTES, ack: s.ack, len: DATA_BYTES }),
  "data outside right": (s) => ({ flags: "PA", seq: s.rcvNxt + s.rcvWnd, ack: s.ack, len: DATA_BYTES }),
  "data out of order": (s) => ({ flags: "PA", seq: s.rcvNxt + 200, ack: s.ack, len: DATA_BYTES }),
  "data acknowledging what was not sent": (s) => ({
    flags: "PA",
    seq: s.rcvNxt,
    ack: s.sndNxt + 1000,
    len: DATA_BYTES,
  }),
  "data without ACK": (s) => ({ flags: "P", seq: s.rcvNxt, len: DATA_BYTES }),
  URG: (s) => ({ flags: "PAU", seq: s.rcvNxt, ack: s.ack, len: DATA_BYTES, urgent: 50 }),
} as const satisfies Record<string, Build>;

export type Kind = keyof typeof KINDS;
