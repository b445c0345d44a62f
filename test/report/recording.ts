// Records the cores that a test boots, so that a test that fails leaves a recording. Kept in memory up to a limit; what
// passes leaves nothing. Without a test, as in a mutation run, nothing is recorded.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { EngineFactory } from "../../host/engines/engine.js";
import { createV8Engine } from "../../host/engines/v8.js";
import { Recorder } from "../../host/record/recorder.js";

/** Bytes kept of one test, at most. */
export const LIMIT_BYTES = 32 * 1024 * 1024;

interface Recording {
  recorder: Recorder;
  readonly parts: Buffer[];
}

let isTesting = false;
let standardEngine: EngineFactory = createV8Engine;
let recording: Recording | undefined;

/** Engines for a test's cores, recorded while a test runs. `name`: the core's in the recording. */
export function recorded(name = "core", factory: EngineFactory = standardEngine): EngineFactory {
  return (wasm, memoryBytes) => {
    if (!isTesting) return factory(wasm, memoryBytes);
    recording ??= begin();
    return recording.recorder.engine(factory, { name })(wasm, memoryBytes);
  };
}

/** What `recorded` makes when it is not told: setup.ts sets it, a mutation run does not. Before that, V8. */
export function setStandardEngine(factory: EngineFactory): void {
  standardEngine = factory;
}

/** A test begins: its cores are recorded from here on. */
export function beginTest(): void {
  isTesting = true;
  recording = undefined;
}

/**
 * The test has ended: writes its recording to `path`, or drops it when there is none. Returns what to say of the file;
 * undefined when there is none.
 */
export function endTest(path: string | undefined): string | undefined {
  const ended = recording;
  isTesting = false;
  recording = undefined;
  if (!ended) return undefined;
  // Cores that are still in use are no longer recorded either.
  ended.recorder.close();
  if (path === undefined) return undefined;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.concat(ended.parts), { mode: 0o600 });
  const what = ended.recorder.ending === "limit" ? `its first ${LIMIT_BYTES >> 20} MB are` : "it is";
  return `${what} recorded: node build/host/cli.js replay ${path} --dump`;
}

function begin(): Recording {
  const parts: Buffer[] = [];
  const recorder = new Recorder((bytes) => void parts.push(Buffer.from(bytes)), { limitBytes: LIMIT_BYTES });
  return { recorder, parts };
}
