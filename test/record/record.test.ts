// Recordings: what is recorded replays bit for bit, and what is different is named.

import { describe, expect, test } from "vitest";
import { Option, SocketKind, StateHeaderLayout } from "../../host/abi.js";
import { createHttpService } from "../../host/apps/http_server.js";
import { type Core, createCore } from "../../host/core.js";
import type { Engine, EngineFactory } from "../../host/engines/engine.js";
import { createV8Engine } from "../../host/engines/v8.js";
import type { FrameFilter } from "../../host/link/wire.js";
import { decode } from "../../host/packet/index.js";
import { BlockType } from "../../host/pcapng/format.js";
import { type Block, PcapngReader, sourceOf } from "../../host/pcapng/reader.js";
import { RecordType } from "../../host/record/format.js";
import { Recorder } from "../../host/record/recorder.js";
import { Prng } from "../../host/sim/prng.js";
import { runSeed } from "../../host/sim/world.js";
import { simSetting } from "../sim/setting.js";
import {
  configOf,
  mutatedModule,
  recordedPair,
  recordHere,
  replayHere,
  reusedEngines,
  wasm,
} from "./support.js";

const SAME = { difference: undefined, damages: [], ending: { kind: "end", reason: 0 } };

/** The right host serves HTTP; the left one asks for `bytes` octets. */
async function download(bytes: number, filter?: FrameFilter) {
  const { clock, recorder, file, left, right } = recordedPair(filter);
  const { server } = createHttpService(right, { version: "0.0.0", moduleBytes: 1 });
  server.listen({ port: 80 });
  const socket = left.connect({ host: "10.0.0.2", port: 80 });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.write(`GET /bytes/${bytes} HTTP/1.1\r\nHost: device\r\nConnection: close\r\n\r\n`);
  expect(await clock.settleUntil(() => socket.destroyed, 600_000)).toBe(true);
  expect(Buffer.concat(chunks).length).toBeGreaterThan(bytes);
  await clock.settle(100);
  recorder.close();
  return { file: file(), calls: recorder.calls };
}

describe("a recording replays without a difference", () => {
  test("of two hosts and a download by HTTP", async () => {
    const { file, calls } = await download(200_000);
    const result = replayHere(file);
    expect(result).toMatchObject({ ...SAME, calls });
    expect(result.states).toBeGreaterThan(10);
  });

  test.each(["receivePeek", "receive"] as const)("of %s between sendReserve and sendCommit", (name) => {
    const { recorder, file } = recordHere();
    const engine = recorder.engine(createV8Engine, { name: "device" });
    const core = createCore(wasm, configOf(1), { engine });
    const peer = createCore(wasm, configOf(2));
    const pump = () => {
      for (let moved = true; moved; ) {
        moved = false;
        for (const [from, to] of [
          [core, peer],
          [peer, core],
        ] as const)
          for (let frame = from.output(0); frame; frame = from.output(0)) {
            to.input(frame.slice(), 0);
            for (let reply = to.output(0); reply; reply = to.output(0)) from.input(reply.slice(), 0);
            moved = true;
          }
      }
    };
    const listener = core.open(SocketKind.LISTENER);
    core.bind(listener, { address: "0.0.0.0", port: 80 });
    core.listen(listener, 2);
    const client = peer.open(SocketKind.STREAM);
    peer.connect(client, { address: "10.0.0.1", port: 80 });
    pump();
    const server = core.accept(listener) as number;
    peer.write(client, new Uint8Array(10).fill(7));
    pump();
    const { exports, memory } = core.engine;
    expect(exports.sendReserve(server)).toBeGreaterThan(100);
    const at = core.header().runPointer;
    memory.fill(0x41, at, at + 100);
    expect(name === "receive" ? exports.receive(server, 10) : exports.receivePeek(server)).toBe(10);
    expect(exports.sendCommit(server, 100)).toBe(0);
    pump();
    recorder.close();
    expect(replayHere(file())).toMatchObject(SAME);
  });

  test("of a link that loses frames", async () => {
    let frames = 0;
    const { file, calls } = await download(50_000, () => ++frames % 9 !== 0);
    expect(replayHere(file)).toMatchObject({ ...SAME, calls });
  });

  test("of the simulator: reboots, damaged frames, memory that the host fills", async () => {
    const setting = await simSetting();
    let reboots = 0;
    let corrupted = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const parts: Buffer[] = [];
      const record = (bytes: Uint8Array) => void parts.push(Buffer.from(bytes));
      const { failure, statistics, frames } = runSeed(seed, { ...setting, record });
      expect(failure).toBeUndefined();
      reboots += statistics.get("reboots");
      corrupted += statistics.get("frames corrupted");
      const result = replayHere(Buffer.concat(parts));
      expect(result, `seed ${seed}`).toMatchObject(SAME);
      expect(result.frames).toBeGreaterThanOrEqual(frames);
    }
    expect({ reboots, corrupted }).toEqual({ reboots: expect.any(Number), corrupted: expect.any(Number) });
    expect(Math.min(reboots, corrupted)).toBeGreaterThan(0);
  });

  test("a run is the same with and without a recording", async () => {
    const setting = await simSetting();
    const traceOf = (recorded: boolean) => {
      const result = runSeed(11, recorded ? { ...setting, record: () => {} } : setting);
      return { trace: result.trace.text(), frames: result.frames };
    };
    expect(traceOf(true)).toEqual(traceOf(false));
  });
});

/** One recorded core, and the recording. */
function recordedCore(
  use: (core: Core, engine: Engine) => void,
  factory: EngineFactory = createV8Engine,
): Buffer {
  const { recorder, file } = recordHere();
  const core = createCore(wasm, configOf(1), { engine: recorder.engine(factory, { name: "device" }) });
  use(core, core.engine);
  recorder.close();
  return file();
}

/** The core connects to a host that answers nothing but ARP. */
function connectOnce(core: Core): void {
  core.poll(5000);
  const handle = core.open(SocketKind.STREAM);
  core.connect(handle, { address: "10.0.0.2", port: 80 });
  for (let now = 5000; now < 7000; now += 100) {
    for (let frame = core.output(now); frame; frame = core.output(now)) {
      const packet = decode(frame.slice());
      if (packet.kind === "arp") core.input(arpReply, now);
    }
    core.nextEvent();
  }
  core.getOption(handle, Option.TCP_STATE);
  core.setOption(handle, Option.NO_DELAY, 1);
  core.tcpInfo(handle);
  core.abort(handle);
}

const arpReply = Uint8Array.from(
  Buffer.from("020000000001020000000002080600010800060400020200000000020a0000020200000000010a000001", "hex"),
);

function blocksOf(file: Uint8Array): Block[] {
  const reader = new PcapngReader(sourceOf(file));
  const blocks: Block[] = [];
  for (let block = reader.next(); block; block = reader.next())
    blocks.push({ ...block, octets: block.octets.slice(), body: block.body.slice() });
  return blocks;
}

describe("everything that crosses the boundary is recorded", () => {
  test("calls that are refused, arguments out of range, an input of no octets, a frame too long", () => {
    const file = recordedCore((core, { exports }) => {
      expect(exports.open(9)).toBeLessThan(0);
      expect(exports.connect(1, 0xffff_fff0)).toBeLessThan(0);
      expect(exports.getopt(7, 7, -1, 0x7fff_ffff)).toBeLessThan(0);
      expect(exports.sendTo(1, 2, 3, 0x7fff_ffff)).toBeLessThan(0);
      expect(exports.sendCommit(3, 1)).toBeLessThan(0);
      expect(exports.receiveConsume(3, 1)).toBeLessThan(0);
      exports.input(0, 0, 5);
      core.input(new Uint8Array(3000).fill(7), 6);
      expect(exports.init(8, 1, 0)).toBeLessThan(0);
      exports.input(60, 0, 7);
    });
    expect(replayHere(file)).toMatchObject(SAME);
  });

  test("memory that is put back", () => {
    const file = recordedCore((core) => {
      const before = core.snapshot();
      connectOnce(core);
      core.restore(before);
      connectOnce(core);
    });
    expect(blocksOf(file).some(({ type }) => type === RecordType.WROTE)).toBe(true);
    expect(replayHere(file)).toMatchObject(SAME);
  });

  test("send, which is filled after the call and before the next output, and receive", () => {
    const { file, text } = inOne((core, at, piece) => core.engine.memory.set(piece, at));
    expect(text).toBe(LONG_TEXT);
    const result = replayHere(file);
    expect(result).toMatchObject(SAME);
    expect(result.states).toBeGreaterThan(2);
    // The octets themselves are in the file, and a change of what comes out is found.
    const sent = blocksOf(file).filter(({ type }) => type === RecordType.WROTE);
    expect(sent.length).toBeGreaterThan(LONG_TEXT.length / 256);
    const other: EngineFactory = (module, bytes) => {
      const engine = createV8Engine(module, bytes);
      const receive = (handle: number, most: number) => {
        const length = engine.exports.receive(handle, most);
        if (length > 0) engine.memory[runPointerOf(engine)] = 0x7f;
        return length;
      };
      return { ...engine, exports: { ...engine.exports, receive } };
    };
    const [call, recorded] = replayHere(file, { factory: other }).difference?.lines ?? [];
    expect(call).toMatch(/^receive\(\d+, 70\) = \d+/);
    expect(recorded).toMatch(/^recorded: octets with CRC-32 0x/);
  });

  test("a trap, and the file is whole up to it although nobody closes it", () => {
    const { recorder, file } = recordHere();
    const engine = recorder.engine(trapping, { name: "device" });
    const core = createCore(wasm, configOf(1), { engine });
    core.poll(1);
    expect(() => core.poll(TRAP_AT)).toThrow("unreachable");
    expect(replayHere(file(), { factory: trapping })).toMatchObject({
      calls: recorder.calls,
      difference: undefined,
      damages: [],
      ending: { kind: "cut" },
    });
    expect(replayHere(file()).difference?.lines).toEqual([
      "poll(4711) = trap",
      "recorded: a trap",
      "came:     0",
    ]);
    const calm = recordedCore((core) => core.poll(TRAP_AT));
    expect(replayHere(calm, { factory: trapping }).difference?.lines).toEqual([
      "poll(4711) = 0",
      "recorded: 0",
      "came:     a trap: unreachable",
    ]);
  });

  test("until the limit, and until the sink fails; the core goes on", () => {
    const frames = (core: Core) => {
      const all: string[] = [];
      const handle = core.open(SocketKind.STREAM);
      core.connect(handle, { address: "10.0.0.2", port: 80 });
      for (let now = 0; now < 20_000; now += 10)
        for (let frame = core.output(now); frame; frame = core.output(now))
          all.push(Buffer.from(frame).toString("hex"));
      return all;
    };
    const wanted = frames(createCore(wasm, configOf(1)));
    const limited = recordHere({ limitBytes: 20_000 });
    const engine = limited.recorder.engine(createV8Engine, { name: "device" });
    expect(frames(createCore(wasm, configOf(1), { engine }))).toEqual(wanted);
    expect([limited.recorder.ending, limited.file().length < 21_000]).toEqual(["limit", true]);
    expect(replayHere(limited.file())).toMatchObject({ ...SAME, ending: { kind: "end", reason: 1 } });

    const messages: string[] = [];
    const full = () => {
      throw new Error("the disk is full");
    };
    const broken = new Recorder(full, { onError: ({ message }) => messages.push(message) });
    const failing = broken.engine(createV8Engine, { name: "device" });
    expect(frames(createCore(wasm, configOf(1), { engine: failing }))).toEqual(wanted);
    expect([broken.ending, messages]).toEqual(["error", ["the disk is full"]]);
    broken.close();
    expect(messages.length).toBe(1);
  });
});

/** The time at which `trapping` traps. */
const TRAP_AT = 4711;

/** An engine that traps in one call of `poll`. */
function trapping(module: Uint8Array, memoryBytes: number): Engine {
  const engine = createV8Engine(module, memoryBytes);
  const poll = (now: number) => {
    if (now === TRAP_AT) throw new Error("unreachable");
    return engine.exports.poll(now);
  };
  return { ...engine, exports: { ...engine.exports, poll } };
}

describe("what is different is named", () => {
  test("another module is refused, and on request repeated up to the first difference", () => {
    const file = recordedCore(connectOnce);
    const other = mutatedModule();
    expect(replayHere(file, { module: wasm })).toMatchObject(SAME);
    const { difference, calls } = replayHere(file, { module: other });
    const lines = difference?.lines.join("\n") ?? "";
    // The SYN is the second frame; its sequence number is at octet 38.
    expect(difference?.core).toBe("device");
    expect(difference?.call).toBe(calls);
    expect(lines).toMatch(/^output\(\d+\) = \d+/);
    expect(lines).toMatch(/the frame differs from octet (38|39|40|41) on/);
    expect(lines).toMatch(/recorded: 10\.0\.0\.1:\d+ > 10\.0\.0\.2:80 \[SYN\] Seq=\d+/);
    expect(lines).toMatch(/came: {5}10\.0\.0\.1:\d+ > 10\.0\.0\.2:80 \[SYN\] Seq=\d+/);
  });

  test("a module other than the recorded one, unasked", () => {
    const file = recordedCore(connectOnce);
    const made = blocksOf(file).find(({ type }) => type === RecordType.CORE) as Block;
    const at = made.offset + 8 + 20;
    const foreign = Buffer.from(file);
    foreign[at] = (foreign[at] as number) ^ 1;
    const { ending, damages } = replayHere(foreign);
    expect(damages.length).toBe(1);
    expect(ending).toMatchObject({ kind: "unreadable", what: expect.stringContaining("--module") });
  });

  test("a difference in what is read, in events, in options and in the state", () => {
    for (const [name, place, expected] of [
      ["getopt", (_engine: Engine, at: number) => at, "the option differs"],
      ["nextEvent", ({ exports }: Engine) => exports.base() + EVENT_MASK, "events 0x"],
    ] as const) {
      const factory: EngineFactory = (module, bytes) => {
        const engine = createV8Engine(module, bytes);
        const changed = (...args: number[]) => {
          const result = (engine.exports[name] as (...args: number[]) => number)(...args);
          if (result > 0) engine.memory[place(engine, args[2] ?? 0)] = 0x55;
          return result;
        };
        return { ...engine, exports: { ...engine.exports, [name]: changed } };
      };
      const { difference } = replayHere(recordedCore(connectAndFail, factory));
      expect(difference?.lines.join("\n"), name).toContain(expected);
      expect(difference?.lines[0]).toMatch(new RegExp(`^${name}`));
    }
    const leaking = recordedCore((core) => {
      connectOnce(core);
      // Written behind the recorder's back.
      core.engine.memory[core.header().stateBytes] = 1;
    });
    expect(replayHere(leaking).difference?.lines[0]).toBe("the state after it");
  });
});

const EVENT_MASK = StateHeaderLayout.fields.eventMask.offset;

/** As connectOnce, but nobody answers ARP either: the connection fails, which raises events. */
function connectAndFail(core: Core): void {
  const handle = core.open(SocketKind.STREAM);
  core.connect(handle, { address: "10.0.0.2", port: 80 });
  for (let now = 0; now < 600_000; now += 500) while (core.output(now));
  expect(core.nextEvent()?.handle).toBe(handle);
  core.tcpInfo(handle);
}

const LONG_TEXT = "What is said goes around the ring some times. ".repeat(40);

/** Where the run is that the last call found. */
function runPointerOf({ memory, exports }: Engine): number {
  const at = exports.base() + StateHeaderLayout.fields.runPointer.offset;
  return new DataView(memory.buffer, memory.byteOffset).getUint32(at, true);
}

/** LONG_TEXT from one core to another by the exports `send` and `receive`; `fill` puts a piece where `send` said. */
function inOne(fill: (core: Core, at: number, piece: Uint8Array) => void) {
  const { recorder, file, left, right, client, server, carry } = connectedPair();
  const [sender, receiver] = [left.engine.exports, right.engine.exports];
  let rest: Uint8Array = Buffer.from(LONG_TEXT);
  let text = "";
  // A piece at least goes each round.
  for (let round = 0; round < LONG_TEXT.length && text.length < LONG_TEXT.length; round++) {
    for (let most = 100; most > 0 && rest.length > 0; most -= 40) {
      const length = sender.send(client, Math.min(most, rest.length));
      if (length < 0) break;
      const at = runPointerOf(left.engine);
      // Other calls may come before the octets do.
      sender.nextEvent();
      fill(left, at, rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    carry();
    for (let length = 1; length > 0; ) {
      length = receiver.receive(server, 70);
      const at = runPointerOf(right.engine);
      if (length > 0) text += Buffer.from(right.engine.memory.subarray(at, at + length)).toString();
    }
  }
  recorder.close();
  return { file: file(), text };
}

/** Two cores with small rings, and a connection between them; `carry` moves frames until there are no more. */
function connectedPair() {
  const { recorder, file } = recordHere();
  const [left, right] = [1, 2].map((number) => {
    const config = { ...configOf(number), connections: 1, sendRingBytes: 256, receiveRingBytes: 256 };
    return createCore(wasm, config, { engine: recorder.engine(createV8Engine, { name: `core ${number}` }) });
  }) as [Core, Core];
  // No number that could be taken for the length of a block.
  let now = 100_000;
  const carry = () => {
    // A connection, its data and its end need far fewer frames.
    for (const end = now + 20; now < end; now++)
      for (const [from, to] of [
        [left, right],
        [right, left],
      ] as const) {
        const frame = from.output(now)?.slice();
        if (frame) to.input(frame, now);
      }
  };
  const listener = right.open(SocketKind.LISTENER);
  right.bind(listener, { address: "0.0.0.0", port: 7 });
  right.listen(listener, 1);
  const client = left.open(SocketKind.STREAM);
  left.connect(client, { address: "10.0.0.2", port: 7 });
  carry();
  return { recorder, file, left, right, client, server: right.accept(listener) as number, carry };
}

/** A connection, a few octets, memory that the host writes, and the connection's end. */
function conversation(): Buffer {
  const { recorder, file, left, right, client, server, carry } = connectedPair();
  expect(left.write(client, Buffer.from("said once"))).toBe(9);
  left.engine.memory.copyWithin(left.engine.memory.length - 8, 0, 8);
  left.engine.wrote?.(left.engine.memory.length - 8, 8);
  carry();
  expect(Buffer.from(right.read(server) ?? []).toString()).toBe("said once");
  right.nextEvent();
  left.tcpInfo(client);
  left.close(client);
  carry();
  recorder.close();
  return file();
}

describe("a file that was changed", () => {
  const file = conversation();
  const { factory, reset } = reusedEngines();

  test("in any one octet: it is damaged or different, and the place is named", () => {
    let placed = 0;
    for (let at = 0; at < file.length; at++) {
      // One bit, or all of them.
      const change = at % 2 ? 0xff : 1 << ((at >> 1) % 8);
      const changed = Buffer.from(file);
      changed[at] = (changed[at] as number) ^ change;
      reset();
      const { ending, damages, difference } = replayHere(changed, { factory });
      const isFound = damages.length > 0 || difference !== undefined || ending?.kind === "unreadable";
      expect(isFound, `octet ${at} ^ ${change}`).toBe(true);
      const [, from = -1, to = -1] = /, octets (\d+) to (\d+),/.exec(damages.join("\n"))?.map(Number) ?? [];
      if (from <= at && at <= to) placed++;
    }
    // The others are in what makes the file unreadable, or in the length of a block, which is named by its offset.
    expect(placed / file.length).toBeGreaterThan(0.75);
  });

  test("cut off anywhere: it is replayed as far as it goes", () => {
    // Steps of 3 come by all places in a word.
    for (let length = 0; length < file.length; length += 3) {
      reset();
      const { ending, damages, difference } = replayHere(file.subarray(0, length), { factory });
      expect([ending?.kind, damages, difference], `${length}`).toEqual(["cut", [], undefined]);
    }
  });

  test("a block that is missing, or there twice, and octets behind the end", () => {
    const blocks = blocksOf(file);
    const isFound = (changed: Uint8Array) => {
      reset();
      const { damages, difference, ending } = replayHere(changed, { factory });
      return damages.length > 0 || difference !== undefined || ending?.kind === "unreadable";
    };
    for (const { offset, length, type, number } of blocks) {
      const [before, block, behind] = [0, offset, offset + length, file.length].map((from, index, all) =>
        file.subarray(from, all[index + 1]),
      ) as [Buffer, Buffer, Buffer, Buffer];
      // Without its end it is a file that breaks off.
      if (type !== RecordType.END)
        expect(isFound(Buffer.concat([before, behind])), `without ${number}`).toBe(true);
      if (type !== BlockType.SECTION)
        expect(isFound(Buffer.concat([before, block, block, behind])), `twice ${number}`).toBe(true);
    }
    expect(isFound(Buffer.concat([file, file.subarray(0, 100)]))).toBe(true);
    expect(isFound(Buffer.concat([file, Buffer.from([1])]))).toBe(true);
  });

  test("3,000 files with random damage: each comes to an end", () => {
    const prng = new Prng(4);
    const endings = new Set<string>();
    for (let round = 0; round < 3000; round++) {
      const bad = Buffer.from(file);
      for (let count = prng.below(6); count >= 0; count--)
        bad[prng.below(bad.length)] = prng.chance(0.3) ? 0xff : prng.below(256);
      reset();
      const { ending } = replayHere(bad, { factory });
      endings.add(ending?.kind ?? "none");
    }
    expect([...endings].sort()).toEqual(expect.arrayContaining(["different", "unreadable"]));
    expect(endings.has("none")).toBe(false);
  });
});

test("until a call", () => {
  const file = recordedCore(connectOnce);
  expect(replayHere(file, { until: 10 })).toMatchObject({ calls: 10, ending: { kind: "until" } });
});
