// Recordings for tests: in memory, and replayed from memory.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type CoreConfig, createCore } from "../../host/core.js";
import { Dgram, type RemoteInfo } from "../../host/dgram.js";
import type { Engine, EngineFactory } from "../../host/engines/engine.js";
import { createV8Engine } from "../../host/engines/v8.js";
import { Host } from "../../host/host.js";
import { type FrameFilter, Wire } from "../../host/link/wire.js";
import { Net } from "../../host/net.js";
import { sourceOf } from "../../host/pcapng/reader.js";
import { Player } from "../../host/record/player.js";
import { Recorder, type RecorderOptions } from "../../host/record/recorder.js";
import { VirtualClock } from "../../host/sim/clock.js";

export const wasm = readFileSync(new URL("../../build/core.wasm", import.meta.url));

/** The build with UDP, DNS and DHCP. */
export const standardWasm = readFileSync(new URL("../../build/standard.wasm", import.meta.url));

/** Turns of 1,000 blocks that a replay may take: far more than any recording here has. */
const TURNS_MAX = 1_000;

/** A recorder that keeps its file in memory. */
export function recordHere(options: RecorderOptions = {}) {
  const parts: Buffer[] = [];
  const recorder = new Recorder((bytes) => void parts.push(Buffer.from(bytes)), options);
  return { recorder, file: () => Buffer.concat(parts) };
}

/** The configuration of core `number`, 1 or above, of a pair. */
export function configOf(number: number): CoreConfig {
  const address = `10.0.0.${number}`;
  const seed = new Uint8Array(32).fill(number);
  return { connections: 4, listeners: 2, seed, mac: `02:00:00:00:00:0${number}`, address };
}

/** Two recorded hosts on a wire, on a virtual clock. */
export function recordedPair(filter?: FrameFilter) {
  const clock = new VirtualClock();
  const { recorder, file } = recordHere({ clock });
  const wire = new Wire();
  wire.filter = filter;
  const boot = (name: string, number: number) => {
    const engine = recorder.engine(createV8Engine, { name });
    const core = createCore(wasm, configOf(number), { engine, now: clock.now() });
    return new Net(new Host(core, wire.port(), clock));
  };
  return { clock, recorder, file, left: boot("left", 1), right: boot("right", 2) };
}

/** A recording of two hosts of the build with services, which exchange datagrams, and of one without. */
export async function recordedServices(): Promise<Buffer> {
  const clock = new VirtualClock();
  const { recorder, file } = recordHere({ clock });
  const wire = new Wire();
  const boot = (name: string, number: number, module: Uint8Array, config: Partial<CoreConfig> = {}) => {
    const engine = recorder.engine(createV8Engine, { name });
    const core = createCore(module, { ...configOf(number), ...config }, { engine, now: clock.now() });
    return new Host(core, wire.port(), clock);
  };
  const sockets = { datagramSockets: 2, datagramQueueBytes: 4096 };
  const [left, right] = ([1, 2] as const).map((number) =>
    boot(`standard ${number}`, number, standardWasm, sockets),
  ) as [Host, Host];
  const third = new Net(boot("core", 3, wasm));
  const server = new Dgram(right).createSocket("udp4");
  server.on("message", (message: Buffer, from: RemoteInfo) => server.send(message, from.port, from.address));
  server.bind(4000);
  const answers: string[] = [];
  const client = new Dgram(left).createSocket("udp4", (message: Buffer) => answers.push(String(message)));
  client.send("what is said comes back", 4000, "10.0.0.2");
  // A reset comes of it.
  third.connect({ host: "10.0.0.2", port: 7 }).on("error", ({ message }) => answers.push(message));
  if (!(await clock.settleUntil(() => answers.length === 2, 10_000))) throw new Error(`only ${answers}`);
  recorder.close();
  return file();
}

export interface ReplayOptions {
  readonly module?: Uint8Array;
  readonly until?: number;
  readonly factory?: EngineFactory;
}

/** What a replay from memory came to. */
export function replayHere(
  file: Uint8Array,
  { module, until, factory = createV8Engine }: ReplayOptions = {},
) {
  const octets = module ?? wasm;
  const damages: string[] = [];
  const sha256 = createHash("sha256").update(octets).digest("hex");
  const player = new Player(sourceOf(file), [{ octets, sha256 }], factory, {
    onDamage: (damage) => damages.push(damage),
    anyModule: module !== undefined,
    ...(until !== undefined && { until }),
  });
  let turns = 0;
  while (player.run(1_000)) if (++turns > TURNS_MAX) throw new Error("the replay has no end");
  const { calls, states, frames, difference, ending } = player;
  return { calls, states, frames, difference, ending, damages };
}

/** The module with a millisecond of its clock moving initial sequence numbers by 251 in place of 250. */
export function mutatedModule(): Uint8Array {
  const mutated = Buffer.from(wasm);
  // i32.const 250, i32.mul
  const at = mutated.indexOf(Buffer.from("41fa016c", "hex"));
  if (at < 0 || mutated.indexOf(Buffer.from("41fa016c", "hex"), at + 1) >= 0)
    throw new Error("the constant 250 of the initial sequence numbers is no longer there once");
  mutated[at + 1] = 0xfb;
  return mutated;
}

/** Engines for many replays in a row: made once, memory put back to its beginning by `reset`. */
export function reusedEngines(): { factory: EngineFactory; reset: () => void } {
  const made: { engine: Engine; image: Uint8Array }[] = [];
  let used = 0;
  return {
    factory(module, memoryBytes) {
      const one = made[used] ?? make(module);
      if (memoryBytes > one.engine.memory.length)
        throw new RangeError(`${memoryBytes} bytes are too many for this test`);
      made[used++] = one;
      one.engine.memory.set(one.image);
      return one.engine;
    },
    reset() {
      used = 0;
    },
  };
}

function make(module: Uint8Array): { engine: Engine; image: Uint8Array } {
  const engine = createV8Engine(module, 0);
  return { engine, image: engine.memory.slice() };
}
