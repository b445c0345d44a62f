// Plays every packet script on V8.

import { describe, expect, test } from "vitest";
import { createV8Engine } from "../../host/engines/v8.js";
import { builtModule, loadScripts, playScript } from "./script.js";

const files = await loadScripts();
const wasm = builtModule();

describe.each([...files])("%s", (_file, scripts) => {
  test.each(scripts.map((script) => ({ goal: script.goal, script })))("$goal", ({ script }) => {
    playScript(script, wasm, createV8Engine);
  });
});

test("every goal is said once", () => {
  const goals = [...files.values()].flat().map(({ goal }) => goal);
  expect(new Set(goals).size).toBe(goals.length);
});
