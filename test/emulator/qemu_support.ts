// Boards in QEMU for tests: firmware built as it is needed, and a peer on a wire in memory: our own stack on V8.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { expect } from "vitest";
import { Counter } from "../../host/abi.js";
import { realClock } from "../../host/clock.js";
import { createCore } from "../../host/core.js";
import type { BoardOptions } from "../../host/emulator/emulator.js";
import { type QemuBoard, type QemuBoardName, runQemu } from "../../host/emulator/qemu.js";
import { Host } from "../../host/host.js";
import type { Link } from "../../host/link/link.js";
import { Wire } from "../../host/link/wire.js";
import { Net } from "../../host/net.js";
import { buildFirmware } from "../../scripts/firmware.mjs";

/** Where the firmware finds itself, unless it is built otherwise, and its router. */
export const BOARD = "10.0.2.15";
const PEER = { mac: "02:46:52:00:00:01", address: "10.0.2.2" };

/** How long a test waits for something to come true, in milliseconds; reaching it is a failure. */
const PATIENCE_MS = 20_000;

/** What /info tells, of what is looked at here. */
export interface Info {
  readonly engine: string;
  readonly board: string;
  readonly uptimeMs: number;
  /** As in "0x000000000001e240"; zero where nobody counts. */
  readonly instructions: string;
  readonly stackBytes: number;
  readonly receiveErrors: number;
  readonly nonsense: number;
  readonly chipRestarts: number;
}

/** The image of the firmware; fails the test with the compiler's words. */
export function firmware(
  name: QemuBoardName,
  engine: "wasm3" | "aot",
  defines: readonly string[] = [],
): string {
  const { image, problem } = buildFirmware(name, engine, { defines });
  if (problem) expect.fail(problem);
  return image;
}

/** A board with a console that is kept. */
export interface Running {
  readonly board: QemuBoard;
  /** Waits until the console has said `text`, and returns all that it has said. */
  said(text: string): Promise<string>;
}

/** Starts a board and waits for nothing. */
export async function start(name: QemuBoardName, options: BoardOptions): Promise<Running> {
  let console = "";
  const board = await runQemu(name, { ...options, onConsole: (text) => (console += text) });
  ends.push(() => board.stop());
  return {
    board,
    async said(text) {
      await until(
        () => console.includes(text),
        () => `"${text}" on the console:\n${console}`,
      );
      return console;
    },
  };
}

/** A wire with our own stack at one end; the other end is for a board. */
export function peerOnWire(): { net: Net; link: Link; counters: () => { retransmits: number } } {
  const wire = new Wire();
  const wasm = readFileSync(new URL("../../build/core.wasm", import.meta.url));
  const config = { ...PEER, connections: 16, listeners: 2, seed: new Uint8Array(32).fill(3) };
  const core = createCore(wasm, config, { now: realClock.now() });
  const host = new Host(core, wire.port(), realClock);
  ends.push(async () => host.close());
  const counters = () => ({ retransmits: core.counter(Counter.TCP_RETRANSMITS) });
  return { net: new Net(host), link: wire.port(), counters };
}

/** What is to be ended after a test. */
const ends: (() => Promise<unknown>)[] = [];

/** Ends all that a test has started: boards first. */
export async function stopAll(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
}

/** Waits until `done()`, for a bounded time. */
export async function until(done: () => boolean, what: () => string): Promise<void> {
  const limit = realClock.now() + PATIENCE_MS;
  while (!done()) {
    if (realClock.now() > limit) expect.fail(`not in ${PATIENCE_MS} ms: ${what()}`);
    await new Promise<void>((next) => realClock.after(5, next));
  }
}

/** The body of the answer to a GET, over a connection of its own. */
export async function get(net: Net, path: string): Promise<Buffer> {
  const socket = net.connect({ host: BOARD, port: 80 });
  socket.end(`GET ${path} HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n`);
  const answer = await readAll(socket);
  const head = answer.indexOf("\r\n\r\n");
  expect(answer.subarray(0, 15).toString()).toBe("HTTP/1.1 200 OK");
  return answer.subarray(head + 4);
}

/** What the board tells of itself. */
export async function info(net: Net): Promise<Info> {
  return JSON.parse((await get(net, "/info")).toString());
}

/** Instructions that the board has executed since it started. */
export function instructionsOf({ instructions }: Info): number {
  return Number.parseInt(instructions, 16);
}

/** All that a stream gives until it ends; rejects after a bounded time. */
export function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    const timer = realClock.after(PATIENCE_MS, () => stream.destroy(new Error("not done in time")));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => resolve(Buffer.concat(chunks)));
    stream.on("error", reject);
    stream.on("close", () => timer.cancel());
  });
}

/** As in hexadecimal. */
export function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
