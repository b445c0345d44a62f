// The option of commands that choose what executes the core.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Advice } from "../advice.js";
import type { EngineFactory } from "../engines/engine.js";
import { ENGINE_NAMES, type EngineName, engineNamed, isEngineName } from "../engines/engines.js";
import { UsageError } from "./command.js";

export const ENGINE_OPTION = { engine: { type: "string", default: "v8" } } as const;

export const ENGINE_HELP = engineHelp("the device's core");

/** The help of the option, where it is for `what`. */
export function engineHelp(what: string): string {
  return `  --engine NAME          what executes ${what}: v8, the default; wasm3, the device's interpreter;
                         aot, the core translated to C. Both are built when needed (gcc)`;
}

/** How long a build may take, in milliseconds: with it comes the download of wasm3's sources. */
const BUILD_MS = 10 * 60_000;

/**
 * The engine of this name, built when it is not there or stale. Throws UsageError for a name that is none, and Advice
 * when it cannot be built, with what to install.
 */
export async function chosenEngine(name: string): Promise<EngineFactory> {
  if (!isEngineName(name))
    throw new UsageError(`--engine ${name} is not known: give ${ENGINE_NAMES.join(", ")}`);
  if (name !== "v8") build(name);
  return await engineNamed(name);
}

function build(name: Exclude<EngineName, "v8">): void {
  const script = fileURLToPath(new URL("../../../scripts/engines.mjs", import.meta.url));
  // Without the project's sources around it there is nothing to build from: what is there is used.
  if (!existsSync(script)) return;
  const { status, stderr, error } = spawnSync(process.execPath, [script, name], {
    stdio: ["ignore", "inherit", "pipe"],
    encoding: "utf8",
    timeout: BUILD_MS,
  });
  if (status === 0) return;
  throw new Advice(`--engine ${name} could not be built.\n${(error?.message ?? stderr).trim()}`);
}
