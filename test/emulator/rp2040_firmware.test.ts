// The whole firmware on the emulated RP2040, on both engines and with both chips, in virtual time. Its peer is the same core
// on this machine, under node:http: the Linux kernel's opinion is in test/boards.

import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { type IncomingMessage, type RequestOptions, request } from "node:http";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { sha256OfBytes } from "../../host/apps/reproducible_bytes.js";
import type { ChipOptions, SpiChip } from "../../host/chips/chip.js";
import { Enc28j60 } from "../../host/chips/enc28j60.js";
import { W5500 } from "../../host/chips/w5500.js";
import { type Rp2040Board, runRp2040 } from "../../host/emulator/rp2040.js";
import { BoardClock } from "../../host/emulator/rp2040_clock.js";
import { Wire } from "../../host/link/wire.js";
import { Net } from "../../host/net.js";
import { Prng } from "../../host/sim/prng.js";
import { buildFirmware, ENGINES, toolsFor } from "../../scripts/firmware.mjs";
import { createHost } from "../host/support.js";
import { formatTable } from "../report/table.js";
import { missingTools } from "../report/tools.js";

const CHIPS = {
  "rp2040-w5500": (options: ChipOptions): SpiChip => new W5500(options),
  "rp2040-enc28j60": (options: ChipOptions): SpiChip => new Enc28j60(options),
};

type BoardName = keyof typeof CHIPS;
type EngineName = (typeof ENGINES)[number];

const ADDRESS = "10.0.2.15";
const PEER = { mac: "02:00:00:00:00:02", address: "10.0.2.2" };

/** Time of the board that anything may take, in milliseconds. */
const PATIENCE_MS = 20_000;

const BYTES = 20_000;

/** The stack must be larger than what was used of it by this. */
const STACK_MARGIN = 1.25;

/** Most of an idle board's time that it may be awake. */
const AWAKE_SHARE = 0.01;

const rows: Record<string, string>[] = [];

afterAll(() => {
  console.log(`\n${formatTable(rows)}\n`);
});

interface World {
  readonly board: Rp2040Board<SpiChip>;
  readonly clock: BoardClock;
  readonly net: Net;
  readonly wire: Wire;
  readonly imageBytes: number;
  console: string;
  /** Frames in both directions, with their times. */
  readonly frames: string[];
}

let world: World;

/** Boots firmware, and puts a peer on its wire. */
async function boot(
  name: BoardName,
  engine: EngineName,
  defines: readonly string[] = [],
  seed = 1,
): Promise<World> {
  const { image, problem } = buildFirmware(name, engine, { defines });
  expect(problem).toBe("");
  const clock = new BoardClock();
  const wire = new Wire();
  const frames: string[] = [];
  wire.filter = (frame, from) => {
    frames.push(`${clock.nowNs()} ${from} ${Buffer.from(frame).toString("hex")}`);
    return true;
  };
  const board = await runRp2040({
    image,
    network: { kind: "link", link: wire.port() },
    time: "virtual",
    clock,
    seed,
    chip: (time) => CHIPS[name]({ clock: time, timing: "wire" }),
    onConsole: (text) => {
      world.console += text;
    },
  });
  const net = new Net(createHost(wire.port(), clock, { ...PEER, connections: 16 }));
  world = { board, clock, net, wire, console: "", frames, imageBytes: statSync(image).size };
  expect(await board.runUntil(() => world.console.includes("link up"), PATIENCE_MS)).toBe(true);
  return world;
}

interface Answer {
  status?: number;
  body: Buffer;
  error?: Error;
}

/** Sends a request to the board; the answer fills up as time passes. */
function ask(options: RequestOptions, body?: Buffer): Answer & { isWhole: boolean } {
  const answer = { body: Buffer.alloc(0), isWhole: false } as Answer & { isWhole: boolean };
  const fail = (error: Error) => {
    answer.error = error;
    answer.isWhole = true;
  };
  const createConnection = () => world.net.connect({ host: ADDRESS, port: 80 }) as never;
  const headers = { Host: ADDRESS, Connection: "close", ...(body && { "Content-Length": body.length }) };
  const sent = request({ createConnection, headers, ...options }, (response: IncomingMessage) => {
    if (response.statusCode !== undefined) answer.status = response.statusCode;
    response.on("error", fail);
    response.on("data", (data: Buffer) => {
      answer.body = Buffer.concat([answer.body, data]);
    });
    response.on("end", () => {
      answer.isWhole = true;
    });
  });
  sent.on("error", fail);
  sent.end(body);
  return answer;
}

/** As `ask`, and waits for the answer. */
async function fetchFrom(path: string, body?: Buffer): Promise<Answer> {
  const answer = ask({ path, method: body ? "POST" : "GET" }, body);
  expect(await world.board.runUntil(() => answer.isWhole, PATIENCE_MS), `${path} in time`).toBe(true);
  expect(answer.error).toBeUndefined();
  expect(answer.status).toBe(200);
  return answer;
}

const digest = (octets: Uint8Array) => createHash("sha256").update(octets).digest("hex");

async function expectBytes(count: number): Promise<void> {
  const { body } = await fetchFrom(`/bytes/${count}`);
  expect(body.length).toBe(count);
  expect(digest(body)).toBe(await sha256OfBytes(count, () => true));
}

/** What happened between two calls. */
function meter() {
  const { board, clock } = world;
  const from = {
    instructions: board.instructions(),
    awake: board.awakeNs(),
    ns: clock.nanos,
    wall: performance.now(),
  };
  return () => {
    const instructions = board.instructions() - from.instructions;
    const ns = clock.nanos - from.ns;
    const mips = instructions / (performance.now() - from.wall) / 1000;
    return { instructions, ms: ns / 1e6, share: (board.awakeNs() - from.awake) / ns, mips };
  };
}

afterEach(async () => {
  await world?.board.stop();
});

const skipped = (board: BoardName, engine: EngineName) =>
  missingTools(...toolsFor(board, engine)) !== undefined;

for (const name of Object.keys(CHIPS) as BoardName[])
  for (const engine of ENGINES)
    describe.skipIf(skipped(name, engine))(`${name} on ${engine}`, () => {
      test("serves, sleeps while there is nothing to do, and has stack to spare", async () => {
        const { board } = await boot(name, engine);
        const bootInstructions = board.instructions();
        const info = JSON.parse((await fetchFrom("/info")).body.toString());
        expect(info).toMatchObject({ board: name, engine: expect.stringMatching(/^wasm/), restarts: 0 });
        // The first one began with ARP.
        const one = meter();
        await fetchFrom("/info");
        const request = one();
        const many = meter();
        await expectBytes(BYTES);
        const transfer = many();
        const echoed = Buffer.from(Array.from({ length: 3000 }, (_, at) => at & 0xff));
        expect((await fetchFrom("/echo", echoed)).body.equals(echoed)).toBe(true);
        const idle = meter();
        await world.clock.settle(10_000);
        const { share } = idle();
        const ram = board.ram();
        rows.push({
          board: name,
          engine,
          "boot, instructions": String(bootInstructions),
          "GET /info": String(request.instructions),
          [`GET /bytes/${BYTES}`]: String(transfer.instructions),
          "ms of the board": transfer.ms.toFixed(1),
          MIPS: transfer.mips.toFixed(1),
          "awake when idle": `${(share * 100).toFixed(2)} %`,
          "stack used": String(board.stackBytes()),
          stack: String(ram.stack),
          data: String(ram.data),
          memory: String(info.memoryBytes),
          "RAM left": String(ram.program - info.memoryBytes),
          flash: String(world.imageBytes),
        });
        expect(share).toBeLessThan(AWAKE_SHARE);
        expect(board.stackBytes() * STACK_MARGIN).toBeLessThan(ram.stack);
        expect(board.exit).toBeUndefined();
      });
    });

describe.skipIf(skipped("rp2040-w5500", "aot"))("firmware on an RP2040", () => {
  test("does the same with SPI polled as by DMA", async () => {
    const octets: string[] = [];
    for (const defines of [[], ["BOARD_SPI_POLLED"]]) {
      const { board } = await boot("rp2040-w5500", "aot", defines);
      await expectBytes(BYTES);
      const [channel] = board.mcu.dma.channels;
      expect(channel?.readUint32(0) !== 0).toBe(defines.length === 0);
      octets.push((await fetchFrom("/")).body.toString());
      await board.stop();
    }
    expect(octets[0]).toBe(octets[1]);
  });

  test("does the same with the same seed, to the nanosecond, and other things with another", async () => {
    const runs: { console: string; frames: string[]; instructions: number }[] = [];
    for (const seed of [1, 1, 2]) {
      const { board, frames } = await boot("rp2040-w5500", "aot", [], seed);
      await expectBytes(BYTES);
      runs.push({ console: world.console, frames, instructions: board.instructions() });
      await board.stop();
    }
    const [first, again, other] = runs;
    expect(first?.frames.length).toBeGreaterThan(20);
    expect(again).toEqual(first);
    expect(other?.frames).not.toEqual(first?.frames);
  });
});

describe.skipIf(skipped("rp2040-w5500", "wasm3"))("firmware on an RP2040, on the interpreter", () => {
  test("has stack to spare with all connections at once on a bad line", async () => {
    const { board, wire, frames } = await boot("rp2040-w5500", "wasm3");
    const prng = new Prng(21);
    wire.filter = (frame, from) => {
      frames.push(`${from} ${frame.length}`);
      return prng.below(100) >= 3;
    };
    const answers = Array.from({ length: 8 }, () => ask({ path: `/bytes/${BYTES}` }));
    const areWhole = () => answers.every(({ isWhole }) => isWhole);
    expect(await board.runUntil(areWhole, 3 * PATIENCE_MS)).toBe(true);
    const expected = await sha256OfBytes(BYTES, () => true);
    for (const { body, error } of answers) {
      expect(error).toBeUndefined();
      expect(digest(body)).toBe(expected);
    }
    expect(wire.dropped).toBeGreaterThan(3);
    console.log(`stack on a bad line: ${board.stackBytes()} of ${board.ram().stack} bytes`);
    expect(board.stackBytes() * STACK_MARGIN).toBeLessThan(board.ram().stack);
  });
});
