// Packet scripts: one behaviour each, written like a trace.
//
//   script("RFC 9293 3.5: a passive open completes the three-way handshake", (t) => {
//     const listener = t.listen(80);
//     t.peer.send({ flags: "S", seq: 0, mss: 1460 });
//     t.expect({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
//     t.peer.send({ flags: "A", seq: 1, ack: 1 });
//     listener.accept().expectState("ESTABLISHED");
//   });
//
// Scripts live in files `*.script.ts` of this folder; `loadScripts` finds them, and a test runs them on an engine.

import { readdirSync, readFileSync } from "node:fs";
import type { EngineFactory } from "../../host/engines/engine.js";
import { Stage, type StageOptions } from "./stage.js";

export interface Script {
  /** What is shown, with its source: the name of the test. */
  readonly goal: string;
  readonly options: StageOptions;
  readonly play: (t: Stage) => void;
}

const registered: Script[] = [];

/** Adds a script; `options` come between its goal and its body when it needs any. */
export function script(goal: string, ...rest: [Script["play"]] | [StageOptions, Script["play"]]): void {
  const [options, play] = rest.length === 1 ? [{}, rest[0]] : rest;
  registered.push({ goal, options, play });
}

/** All scripts of this folder, by the name of their file. */
export async function loadScripts(): Promise<Map<string, readonly Script[]>> {
  const folder = new URL(".", import.meta.url);
  const files = new Map<string, readonly Script[]>();
  for (const file of readdirSync(folder).sort()) {
    // `npm run mutate` runs them as JavaScript.
    if (!/\.script\.[jt]s$/.test(file)) continue;
    registered.length = 0;
    await import(/* @vite-ignore */ `./${file}`);
    files.set(file.replace(/\.script\.[jt]s$/, ""), [...registered]);
  }
  return files;
}

/** Plays a script on an engine; one that is about another build than the core, with that build in the place of `wasm`. Throws ScriptError, with the trace, when it does not go as written. */
export function playScript({ options, play }: Script, wasm: Uint8Array, engine: EngineFactory): void {
  const stage = new Stage(options.build ? builtModule(options.build) : wasm, engine, options);
  play(stage);
  stage.finish();
}

/** The module under test. */
export function builtModule(build: "core" | "standard" = "core"): Uint8Array {
  return readFileSync(new URL(`../../build/${build}.wasm`, import.meta.url));
}
