// The engines by name.

import type { EngineFactory } from "./engine.js";
import { createV8Engine } from "./v8.js";

/** V8; wasm3, the device's interpreter; and the core as C, ahead of time. */
export const ENGINE_NAMES = ["v8", "wasm3", "aot"] as const;

export type EngineName = (typeof ENGINE_NAMES)[number];

/** Whether there is an engine of this name. */
export function isEngineName(name: string): name is EngineName {
  return (ENGINE_NAMES as readonly string[]).includes(name);
}

/** The engine of this name. The device's engines need their library: see `openLibrary`. */
export async function engineNamed(name: EngineName): Promise<EngineFactory> {
  // Only here: they need koffi, and a library that a C compiler made.
  if (name === "wasm3") return (await import("./wasm3.js")).createWasm3Engine;
  if (name === "aot") return (await import("./aot.js")).createAotEngine;
  return createV8Engine;
}
