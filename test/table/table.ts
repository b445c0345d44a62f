// The table test: every state x every kind of segment and every call of the user, one file per state.
//
// A row is a line of text with columns, so that a state reads like a page of RFC 9293. What stands in it comes from
// the RFCs; the last column says from which section of RFC 9293, or which other RFC changes it. Where Ferrule does
// something else on purpose the column says "deviates", from what, and why.
//
//   segment | next state | reply | counters | events | section
//   call    | next state | result | sent    | events | section

import { Counter, Event, TcpState } from "../../host/abi.js";
import type { EventName, StateName } from "../script/socket.js";
import type { CounterName } from "../script/stage.js";
import { CALLS, type CallName } from "./calls.js";
import { KINDS, type Kind } from "./kinds.js";
import { isReply, type Reply } from "./replies.js";

/** What a segment does in a state. */
export interface SegmentCell {
  readonly kind: Kind;
  readonly next: StateName;
  readonly reply: Reply;
  /** Counters that move, by one. */
  readonly counters: readonly CounterName[];
  /** Counters that the RFCs leave open: they may move. */
  readonly optionalCounters: readonly CounterName[];
  readonly events: readonly EventName[];
  readonly section: string;
}

/** What a call does in a state. */
export interface CallCell {
  readonly call: CallName;
  readonly next: StateName;
  /** "OK", the Statuses with which it may be refused, or what it returns: see calls.ts. */
  readonly results: readonly string[];
  readonly sent: Reply;
  readonly events: readonly EventName[];
  readonly section: string;
}

/** All cells of one state. */
export interface StateTable {
  readonly segments: readonly SegmentCell[];
  readonly calls: readonly CallCell[];
}

/** Reads a state's rows. Throws TypeError for a row that names something that does not exist. */
export function stateTable(rows: { readonly segments: string; readonly calls: string }): StateTable {
  return { segments: lines(rows.segments).map(segmentCell), calls: lines(rows.calls).map(callCell) };
}

/** What is missing of a state, or there twice; empty when the state is whole. */
export function incomplete({ segments, calls }: StateTable): string[] {
  const times = (name: string, cells: readonly string[]) => {
    const count = cells.filter((cell) => cell === name).length;
    return count === 1 ? [] : [`${name} is there ${count} times`];
  };
  const kinds = segments.map(({ kind }) => kind);
  const called = calls.map(({ call }) => call);
  return [
    ...Object.keys(KINDS).flatMap((kind) => times(kind, kinds)),
    ...CALLS.flatMap((call) => times(call, called)),
  ];
}

function lines(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const columns = line.split("|").map((column) => column.trim());
      if (columns.length !== 6) throw new TypeError(`not six columns: ${line}`);
      if (columns[5] === "") throw new TypeError(`no section: ${line}`);
      return columns;
    });
}

function segmentCell([kind = "", next = "", reply = "", counters = "", events = "", section = ""]: string[]) {
  const names = words(counters);
  return {
    kind: known<Kind>(kind, KINDS, "kind of segment"),
    next: known<StateName>(next, TcpState, "state"),
    reply: replyOf(reply),
    counters: names.filter((name) => !name.endsWith("?")).map(counterOf),
    optionalCounters: names.filter((name) => name.endsWith("?")).map((name) => counterOf(name.slice(0, -1))),
    events: words(events).map((name) => known<EventName>(name, Event, "event")),
    section,
  };
}

function callCell([call = "", next = "", results = "", sent = "", events = "", section = ""]: string[]) {
  if (!(CALLS as readonly string[]).includes(call)) throw new TypeError(`no such call: ${call}`);
  return {
    call: call as CallName,
    next: known<StateName>(next, TcpState, "state"),
    results: results.split(" or "),
    sent: replyOf(sent),
    events: words(events).map((name) => known<EventName>(name, Event, "event")),
    section,
  };
}

function words(text: string): string[] {
  return text === "" ? [] : text.split(" ");
}

function counterOf(name: string): CounterName {
  return known<CounterName>(name, Counter, "counter");
}

function replyOf(text: string): Reply {
  if (!isReply(text)) throw new TypeError(`no such reply: ${text}`);
  return text;
}

function known<T extends string>(name: string, among: object, what: string): T {
  if (!(name in among)) throw new TypeError(`no such ${what}: "${name}"`);
  return name as T;
}
