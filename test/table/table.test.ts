// Every state x every kind of segment and every call: plays the table, twice.

import { describe, expect, test } from "vitest";
import { createV8Engine } from "../../host/engines/v8.js";
import { builtModule } from "../script/script.js";
import { CALLS } from "./calls.js";
import { KINDS } from "./kinds.js";
import { type Bench, playCall, playSegment } from "./play.js";
import { bring, type Numbers, SITUATIONS, type StateKey } from "./situations.js";
import { CLOSE_WAIT } from "./states/close_wait.js";
import { CLOSED } from "./states/closed.js";
import { CLOSING } from "./states/closing.js";
import { ESTABLISHED } from "./states/established.js";
import { FIN_WAIT_1 } from "./states/fin_wait_1.js";
import { FIN_WAIT_2 } from "./states/fin_wait_2.js";
import { LAST_ACK } from "./states/last_ack.js";
import { LISTEN } from "./states/listen.js";
import { SYN_RECEIVED_PASSIVE } from "./states/syn_received_passive.js";
import { SYN_RECEIVED_SIMULTANEOUS } from "./states/syn_received_simultaneous.js";
import { SYN_SENT } from "./states/syn_sent.js";
import { TIME_WAIT } from "./states/time_wait.js";
import { incomplete, type StateTable, stateTable } from "./table.js";

/** The table, in the order of RFC 9293 section 3.3.2. */
const TABLE: Record<StateKey, StateTable> = {
  CLOSED,
  LISTEN,
  SYN_SENT,
  "SYN_RECEIVED passive": SYN_RECEIVED_PASSIVE,
  "SYN_RECEIVED simultaneous": SYN_RECEIVED_SIMULTANEOUS,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  CLOSE_WAIT,
  CLOSING,
  LAST_ACK,
  TIME_WAIT,
};

/** Octets between RCV.NXT, or SND.NXT, and the end of sequence space in the run that is about it. */
const BEFORE_WRAP = 50;
/** A millisecond of the device's clock moves its initial sequence numbers this far: RFC 9293 section 3.4.1. */
const ISN_PER_MS = 250;

const bench: Bench = { wasm: builtModule(), engine: createV8Engine };
const states = Object.entries(TABLE) as [StateKey, StateTable][];

describe("the table is whole", () => {
  test.each(states)("%s has every kind of segment and every call", (_key, table) => {
    expect(incomplete(table)).toEqual([]);
  });

  test("a cell that is missing, or there twice, is found", () => {
    const { segments, calls } = ESTABLISHED;
    const [first, ...others] = segments;
    expect(incomplete({ segments: others, calls })).toEqual([`${first?.kind} is there 0 times`]);
    expect(incomplete({ segments: [...segments, ...segments.slice(0, 1)], calls })).toHaveLength(1);
    expect(incomplete({ segments, calls: calls.slice(1) })).toHaveLength(1);
    expect(() => stateTable({ segments: "SYN | ESTABLISHED | none | | | 3.10", calls: "" })).toThrow(
      TypeError,
    );
  });

  test("its size", () => {
    const cells = states.flatMap(([, { segments, calls }]) => [...segments, ...calls]).length;
    const kinds = Object.keys(KINDS).length;
    console.log(
      `table: ${states.length} states x (${kinds} kinds of segments + ${CALLS.length} calls) = ${cells} cells, twice`,
    );
    expect(states.map(([key]) => key).sort()).toEqual(Object.keys(SITUATIONS).sort());
    expect(cells).toBe(states.length * (kinds + CALLS.length));
  });
});

describe("numbers well inside sequence space", () => {
  for (const [key, table] of states) describe(key, () => cells(key, table, inside));
});

describe("numbers at the end of sequence space", () => {
  for (const [key, table] of states) {
    describe(key, () => {
      cells(key, table, () => atWrap(key));
      if (key !== "CLOSED" && key !== "LISTEN")
        test("both directions are close to the end", () => {
          const s = bring(key, bench.wasm, bench.engine, atWrap(key));
          const distance = (place: number) => Math.abs(place | 0);
          // The device's numbers follow a clock of milliseconds.
          expect(distance((s.peer.deviceIsn ?? 0) + s.sndNxt)).toBeLessThan(ISN_PER_MS);
          expect(distance(s.peer.isn + s.rcvNxt)).toBeLessThan(BEFORE_WRAP + 3);
        });
    });
  }
});

function cells(key: StateKey, { segments, calls }: StateTable, numbers: () => Numbers): void {
  for (const cell of segments)
    test(`${key} x ${cell.kind} -> ${result(key, cell.next, cell.reply)}`, () =>
      playSegment(key, cell, bench, numbers()));
  for (const cell of calls)
    test(`${key} x ${cell.call} -> ${result(key, cell.next, `${cell.results.join(" or ")}, ${cell.sent}`)}`, () =>
      playCall(key, cell, bench, numbers()));
}

function result(key: StateKey, next: string, reply: string): string {
  return key.startsWith(next) ? reply : `${next}, ${reply}`;
}

function inside(): Numbers {
  return { peerIsn: 1000000, clock: 0 };
}

const wraps = new Map<StateKey, Numbers>();

/** Numbers with which RCV.NXT and SND.NXT are just below the end of sequence space when the state is reached. */
function atWrap(key: StateKey): Numbers {
  const known = wraps.get(key);
  if (known) return known;
  const probe = bring(key, bench.wasm, bench.engine, inside());
  const sndNxt = (probe.peer.deviceIsn ?? 0) + probe.sndNxt;
  const numbers = {
    peerIsn: 2 ** 32 - BEFORE_WRAP - Math.max(probe.rcvNxt, 1),
    clock: Math.floor(((-BEFORE_WRAP - sndNxt) >>> 0) / ISN_PER_MS) + 1,
  };
  wraps.set(key, numbers);
  return numbers;
}
