// Recordings for tests: in memory, and replayed from memory.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { CoreConfig } from "../../host/core.js";
import { createCore } from "../../host/core.js";
import { createV8Engine } from "../../host/engines/v8.js";
import { Host } from "../../host/host.js";
import { type FrameFilter, Wire } from "../../host/link/wire.js";
import { Net } from "../../host/net.js";
import { sourceOf } from "../../host/pcapng/reader.js";
import { Player } from "../../host/record/player.js";
import { Recorder, type RecorderOptions } from "../../host/record/recorder.js";
import { VirtualClock } from "../../host/sim/clock.js";

export const wasm = readFileSync(new URL("../../build/core.wasm", import.meta.url));

/** A recorder that keeps its file in memory. */
export function recordHere(options: RecorderOptions = {}) {
  const parts: Buffer[] = [];
  const recorder = new Recorder((bytes) => void parts.push(Buffer.from(bytes)), options);
  return { recorder, file: () => Buffer.concat(parts) };
}

/** Two recorded hosts on a wire, on a virtual clock. */
export function recordedPair(config: Partial<CoreConfig> = {}, filter?: FrameFilter) {
  const clock = new VirtualClock();
  const { recorder, file } = recordHere({ clock });
  const wire = new Wire();
  wire.filter = filter;
  const boot = (name: string, number: number) => {
    const engine = recorder.engine(createV8Engine, { name });
    const seed = new Uint8Array(32).fill(number);
    const address = { mac: `02:00:00:00:00:0${number}`, address: `10.0.0.${number}` };
    const all = { connections: 4, listeners: 2, seed, ...address, ...config };
    return new Net(new Host(createCore(wasm, all, { engine, now: clock.now() }), wire.port(), clock));
  };
  return { clock, recorder, file, left: boot("left", 1), right: boot("right", 2) };
}

/** What a replay from memory came to. */
export function replayHere(file: Uint8Array, options: { module?: Uint8Array; until?: number } = {}) {
  const octets = options.module ?? wasm;
  const damages: string[] = [];
  const player = new Player(
    sourceOf(file),
    { octets, sha256: createHash("sha256").update(octets).digest("hex") },
    createV8Engine,
    {
      onDamage: (damage) => damages.push(damage),
      anyModule: options.module !== undefined,
      ...(options.until !== undefined && { until: options.until }),
    },
  );
  // More turns than any file here has blocks.
  for (let turn = 0; turn < 1_000_000 && player.run(1000); turn++);
  const { calls, states, frames, difference, ending } = player;
  return { calls, states, frames, difference, ending, damages };
}
