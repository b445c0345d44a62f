// The table of a story: the frames as tshark prints them, with the states of both ends beside them, and what happened between.

import { canTell, Dissector, formatColumns } from "./dissect.js";
import type { Named, Note, Passage } from "./stage.js";

/** The longest state is SYN-RECEIVED. */
const STATE_WIDTH = 13;

/** What was played: frames, and what happened between them, in the order of time. */
export interface Played {
  readonly passages: readonly Passage[];
  readonly notes: readonly Note[];
}

/** What is shown of it. */
export interface View {
  /** Whose states stand beside the frames, left and right. */
  readonly ends: readonly [Named, Named];
  /** Whether a frame is too much for the table; default none is. */
  isLeftOut?(passage: Passage): boolean;
}

/** A line of the table. */
export type Line = FrameLine | { readonly note: string };

export interface FrameLine {
  /** Of the frame in the capture, from 1. */
  readonly number: number;
  /** Of the left end and the right one. */
  readonly states: readonly [string, string];
  /** As tshark prints it. */
  readonly text: string;
}

/** The lines of a story that was played. Frames that there are no words for are left out. */
export function tableOf(played: Played, { ends, isLeftOut = () => false }: View): Line[] {
  const dissector = new Dissector();
  const lines: Line[] = [];
  const notes = [...played.notes];
  let leftOut: LeftOut[] = [];
  const flush = () => {
    if (leftOut.length > 0) lines.push({ note: tellLeftOut(leftOut) });
    leftOut = [];
  };
  for (const [index, passage] of played.passages.entries()) {
    while (notes[0] && notes[0].atMs <= passage.atMs) {
      flush();
      lines.push({ note: (notes.shift() as (typeof notes)[number]).text });
    }
    const atNs = Math.round(passage.atMs * 1e6);
    const text = canTell(passage.frame)
      ? formatColumns(dissector.next(passage.frame, atNs))
      : dissector.pass(atNs);
    if (text === undefined || isLeftOut(passage)) {
      leftOut.push({ number: index + 1, from: passage.from.name });
      continue;
    }
    flush();
    const [left, right] = ends.map((end) => stateOf(passage, end.name)) as [string, string];
    lines.push({ number: index + 1, states: [left, right], text });
  }
  flush();
  return [...lines, ...notes.map(({ text }) => ({ note: text }))];
}

/** The table, with its head. */
export function formatTable(lines: readonly Line[], { ends: [left, right] }: View): string {
  const head = `${pad(left.name)}${pad(right.name)}${"No.".padStart(5)} ${"Time".padEnd(11)} ${"Source".padStart(12)}   ${"Destination".padEnd(12)} Protocol, length, info`;
  const rows = lines.map((line) =>
    "note" in line ? `-- ${line.note}` : `${line.states.map(pad).join("")}${line.text}`,
  );
  return [head, ...rows].join("\n");
}

function pad(state: string): string {
  return state.padEnd(STATE_WIDTH);
}

/** The state of an end once it had sent or taken the frame, or what became of the frame; nothing for one not concerned. */
function stateOf({ states, from, to, fate, drops }: Passage, name: string): string {
  if (from.name === name) return states.get(name) ?? "";
  if (fate === "lost") return to?.name === name ? "(lost)" : "";
  if (fate === "damaged" && to?.name === name && drops.length > 0) return "(dropped)";
  return states.get(name) ?? "";
}

interface LeftOut {
  readonly number: number;
  readonly from: string;
}

/** "left out: 12 to 295 (142 of the attacker, 142 of the server)" */
function tellLeftOut(frames: readonly LeftOut[]): string {
  const names = [...new Set(frames.map(({ from }) => from))].sort();
  const counts = names.map((name) => `${frames.filter(({ from }) => from === name).length} of the ${name}`);
  const [first, last] = [frames[0]?.number, frames.at(-1)?.number];
  return `left out: ${first === last ? first : `${first} to ${last}`} (${counts.join(", ")})`;
}
