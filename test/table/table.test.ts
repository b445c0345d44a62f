// Every state x every kind of segment and every call: plays the table, twice.

import { describe, expect, test } from "vitest";
import { testEngine } from "../report/engine.js";
import { builtModule } from "../script/script.js";
import { cellName, TABLE } from "./all.js";
import { CALLS } from "./calls.js";
import { KINDS } from "./kinds.js";
import { type Bench, playCall, playSegment } from "./play.js";
import { bring, type Numbers, SITUATIONS, type StateKey } from "./situations.js";
import { incomplete, type StateTable, stateTable } from "./table.js";

/** Octets between RCV.NXT, or SND.NXT, and the end of sequence space in the run that is about it. */
const BEFORE_WRAP = 50;
/** A millisecond of the device's clock moves its initial sequence numbers this far: RFC 9293 section 3.4.1. */
const ISN_PER_MS = 250;

const bench: Bench = { wasm: builtModule(), engine: testEngine };
const states = Object.entries(TABLE) as [StateKey, StateTable][];

describe("the table is whole", () => {
  test.each(states)("%s has every kind of segment and every call", (_key, table) => {
    expect(incomplete(table)).toEqual([]);
  });

  test("a cell that is missing, or there twice, is found", () => {
    const { segments, calls } = TABLE.ESTABLISHED;
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
  for (const cell of segments) test(cellName(key, cell), () => playSegment(key, cell, bench, numbers()));
  for (const cell of calls) test(cellName(key, cell), () => playCall(key, cell, bench, numbers()));
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
