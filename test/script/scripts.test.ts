// Plays every packet script, on each engine.

import { describe, expect, test } from "vitest";
import { testEngine } from "../report/engine.js";
import { builtModule, loadScripts, playScript } from "./script.js";
import { ScriptError } from "./trace.js";

const files = await loadScripts();
const wasm = builtModule();

describe.each([...files])("%s", (_file, scripts) => {
  for (const script of scripts) test(script.goal, () => playScript(script, wasm, testEngine));
});

test("every goal is said once", () => {
  const goals = [...files.values()].flat().map(({ goal }) => goal);
  expect(new Set(goals).size).toBe(goals.length);
});

test("how many there are, by RFC and section", () => {
  const goals = [...files.values()].flat().map(({ goal }) => goal);
  const counts = new Map<string, number>();
  for (const goal of goals) {
    // "RFC 5961 3.2: ...", "RFC 9293 MUST-14, SHLD-5: ...", or a goal of ours.
    const [, rfc, place = ""] = /^RFC (\d+) (\d+(?:\.\d+)?|MUST|SHLD)?/.exec(goal) ?? [];
    const key = rfc ? `RFC ${rfc} ${/^(MUST|SHLD)$/.test(place) ? "by number" : place}`.trim() : "no RFC";
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const lines = [...counts].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
  console.log(
    [
      `${goals.length} packet scripts`,
      ...lines.map(([key, count]) => `${String(count).padStart(5)}  ${key}`),
    ].join("\n"),
  );
  expect(goals.length).toBeGreaterThanOrEqual(120);
});

test("a script that goes wrong fails with its trace", () => {
  const play = () => playScript({ goal: "", options: {}, play: (t) => t.fail("wrong") }, wasm, testEngine);
  expect(play).toThrow(ScriptError);
});
