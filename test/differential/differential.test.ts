// The engines execute the same 1,000 seeded traces, and agree on every result, frame and octet of the state.

import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { Counter } from "../../host/abi.js";
import type { EngineFactory } from "../../host/engines/engine.js";
import { engineNamed } from "../../host/engines/engines.js";
import { createV8Engine } from "../../host/engines/v8.js";
import { mutatedModule } from "../record/support.js";
import { missingTools } from "../report/tools.js";
import { builtModule } from "../script/script.js";
import type { Contender } from "./rigs.js";
import { ServicesTrace } from "./services_trace.js";
import { runIt, runTrace } from "./trace.js";

const TRACES = 1000;
/** Of the build with services. */
const SERVICE_TRACES = 500;
const TRACES_PER_TEST = 100;

const wasm = builtModule();
const standard = builtModule("standard");
const changed = mutatedModule();
const reason = missingTools("gcc", "wasm3");
const COUNTERS = (Object.keys(Counter) as (keyof typeof Counter)[]).filter((name) => name !== "COUNT");

const totals = { traces: 0, calls: 0, traps: 0, framesIn: 0, framesOut: 0 };
const counters = new Map<string, number>();

beforeEach((context) => {
  if (reason) context.skip(reason);
});

async function contenders(module: Uint8Array = wasm): Promise<readonly Contender[]> {
  return [
    { label: "v8", factory: createV8Engine, wasm: module },
    { label: "wasm3", factory: await engineNamed("wasm3"), wasm: module },
    { label: "aot", factory: await engineNamed("aot"), wasm: module },
  ];
}

describe("three engines do the same", () => {
  for (let first = 1; first <= TRACES; first += TRACES_PER_TEST)
    test(`traces ${first} to ${first + TRACES_PER_TEST - 1}`, async () => {
      const engines = await contenders();
      for (let seed = first; seed < first + TRACES_PER_TEST; seed++) {
        const told = runTrace(seed, engines, wasm, COUNTERS);
        expect(told.engines).toEqual([
          expect.stringMatching(/^v8 \d/),
          expect.stringMatching(/^wasm3 \d/),
          expect.stringMatching(/^wasm2c \d/),
        ]);
        totals.traces++;
        for (const name of ["calls", "traps", "framesIn", "framesOut"] as const) totals[name] += told[name];
        for (const [name, count] of told.counters) counters.set(name, (counters.get(name) ?? 0) + count);
      }
    });
});

/** Counters that no trace moves: those take peers that misbehave in order, see test/script/ and test/sim/. */
const NOT_REACHED = ["TCP_RANGES_FULL", "TCP_TIME_WAIT_EVICTED"];

/** Those of services, which this build has none of, come last. */
const isServices = (name: keyof typeof Counter) => Counter[name] > Counter.ARP_ANNOUNCEMENTS;

// Traces in which nothing happens compare nothing.
test("the traces move every other counter", () => {
  expect(totals.traces, "all traces ran before this").toBe(TRACES);
  expect(
    COUNTERS.filter((name) => !counters.get(name) && !NOT_REACHED.includes(name) && !isServices(name)),
  ).toEqual([]);
});

describe("three engines do the same with UDP, DNS, DHCP and fragments", () => {
  const moved = new Map<string, number>();
  const done = { datagrams: 0, names: 0, leases: 0 };
  let calls = 0;
  let traces = 0;

  for (let first = 1; first <= SERVICE_TRACES; first += TRACES_PER_TEST)
    test(`traces ${first} to ${first + TRACES_PER_TEST - 1}`, async () => {
      const engines = await contenders(standard);
      for (let seed = first; seed < first + TRACES_PER_TEST; seed++) {
        const trace = new ServicesTrace(seed, engines, standard);
        const told = runIt(trace, seed, COUNTERS);
        traces++;
        for (const name of ["datagrams", "names", "leases"] as const) done[name] += trace.done[name];
        calls += told.calls;
        for (const [name, count] of told.counters) moved.set(name, (moved.get(name) ?? 0) + count);
      }
    });

  test("the traces move every counter of services", () => {
    expect(traces, "all traces ran before this").toBe(SERVICE_TRACES);
    expect(COUNTERS.filter((name) => isServices(name) && !moved.get(name))).toEqual([]);
    // And not by what goes wrong alone.
    for (const [what, count] of Object.entries(done)) expect(count, what).toBeGreaterThan(traces / 5);
    console.log(
      `${traces} traces of the standard build: ${calls} calls on each engine, ${JSON.stringify(done)}`,
    );
  });
});

describe("a difference is found, and named", () => {
  /** The first difference between two contenders. */
  function difference(one: Contender, other: Contender): string {
    for (let seed = 1; seed <= TRACES_PER_TEST; seed++)
      try {
        runTrace(seed, [one, other], wasm, COUNTERS);
      } catch (error) {
        return (error as Error).message;
      }
    return "";
  }

  const lead = (factory: EngineFactory): Contender => ({ label: "v8", factory, wasm });

  test("one constant of the module is another: on wasm3", async () => {
    const other = { label: "wasm3", factory: await engineNamed("wasm3"), wasm: changed };
    expect(difference(lead(createV8Engine), other)).toMatch(
      /^trace \d+, step \d+: call \d+, \w+\(.*\): v8 has [0-9a-f]{16} at (state \+ \d+|octet \d+ of the outputSlot), wasm3 has [0-9a-f]{16}$/,
    );
  });

  test("one constant of the module is another: ahead of time", async () => {
    // C is of the module as it was built: here it is V8 that has the other one.
    const one = { label: "v8", factory: createV8Engine, wasm: changed };
    const other = { label: "aot", factory: await engineNamed("aot"), wasm };
    expect(difference(one, other)).toMatch(/: v8 has [0-9a-f]{16} at .*, aot has [0-9a-f]{16}$/);
  });

  test("a result, a counter, a trap", async () => {
    const wrong = (
      name: "output" | "input" | "poll",
      change: (result: number, memory: Uint8Array) => number,
    ) =>
      difference(lead(createV8Engine), {
        label: "other",
        wasm,
        factory: (module, bytes) => {
          const engine = createV8Engine(module, bytes);
          const call = engine.exports[name] as (...args: number[]) => number;
          const exports = { ...engine.exports };
          (exports as Record<string, unknown>)[name] = (...args: number[]) =>
            change(call(...args), engine.memory);
          return { ...engine, exports };
        },
      });
    expect(wrong("output", (result) => result + 1)).toMatch(/output\(\d+\): v8 says 0, other says 1$/);
    const trap = () => {
      throw Object.assign(new Error("unreachable"), { name: "RuntimeError" });
    };
    expect(wrong("poll", trap)).toMatch(/poll\(\d+\): v8 says 0, other says trap: unreachable$/);
    const miscount = (result: number, memory: Uint8Array) => {
      const view = new DataView(memory.buffer);
      const at = view.getUint32(128 + 28, true) + 4 * Counter.FRAMES_IN;
      view.setUint32(at, view.getUint32(at, true) + 1, true);
      return result;
    };
    expect(wrong("input", miscount)).toMatch(/input\(.*\): v8 has \w+ at counter FRAMES_IN, other has \w+$/);
  });
});

afterAll(() => {
  if (totals.traces === 0) return;
  const { traces, calls, traps, framesIn, framesOut } = totals;
  console.log(
    `${traces} traces on three engines: ${calls} calls each (${traps} trapped), ${framesIn} frames in, ${framesOut} out`,
  );
});
