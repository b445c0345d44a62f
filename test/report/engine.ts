// The engine that a test's cores run on: one for each of vitest's projects (vitest.config.ts), so that the same tests run
// on all of them under the same names.

import type { EngineFactory } from "../../host/engines/engine.js";
import { type EngineName, engineNamed, isEngineName } from "../../host/engines/engines.js";
import { missingTools } from "./tools.js";

/** The project's engine. */
export const ENGINE: EngineName = named(process.env.FERRULE_TEST_ENGINE ?? "v8");

/** What the project's engine says of itself. */
export const ENGINE_PROOF: RegExp = { v8: /^v8 \d/, wasm3: /^wasm3 \d/, aot: /^wasm2c \d/ }[ENGINE];

/** Why the project's engine cannot run here; undefined when it can. */
export const missingEngine: string | undefined = {
  v8: undefined,
  wasm3: missingTools("gcc", "wasm3"),
  aot: missingTools("gcc"),
}[ENGINE];

const factory: EngineFactory | undefined = missingEngine ? undefined : await engineNamed(ENGINE);

/** Makes an instance on the project's engine, and makes sure that it is that engine that executes. */
export const testEngine: EngineFactory = (wasm, memoryBytes) => {
  if (!factory) throw new Error(missingEngine);
  const engine = factory(wasm, memoryBytes);
  if (!ENGINE_PROOF.test(engine.name)) throw new Error(`${engine.name} executes, where ${ENGINE} should`);
  return engine;
};

function named(name: string): EngineName {
  if (isEngineName(name)) return name;
  throw new Error(`FERRULE_TEST_ENGINE=${name} is no engine`);
}
