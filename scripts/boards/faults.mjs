// What goes wrong on a board while connections are open, one thing after the other, and whether they survive it.
//
//     node scripts/boards/faults.mjs BOARD ENGINE
//
// The peer is another instance of the core, on a wire in memory. Where the emulator is in this process, time is virtual and
// a run repeats exactly. Prints a line of JSON for each fault: { fault, ok, ms, ... }. Uses what setup has built of the host.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { argv } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { buildFirmware } from "../firmware.mjs";
import { root } from "../support.mjs";

const ADDRESS = "10.0.2.15";
const ROUTER = "10.0.2.2";
const ECHO_PORT = 7;
const HTTP_PORT = 80;

/** Bytes of the transfer that is under way when something goes wrong. */
const BYTES = 60_000;
/** It goes wrong when so many of them have come. */
const BEGUN = 10_000;

/** How long a board may take to come up, and to get over a fault, in milliseconds of its time. */
const BOOT_MS = 20_000;
const RECOVERY_MS = 60_000;

/** How long a fault lasts that does not pass by itself, in milliseconds. */
const LASTS_MS = 700;

/** While connections are open. `inject` and `end` are given the chip. `moves`: what proves
 * that it did happen, see `counter`. */
const ON_ANY_CHIP = {
  "link down in the middle": {
    moves: "console: link down",
    inject: (chip) => chip.setCable(false),
    end: (chip) => chip.setCable(true),
  },
  "chip reset by a brown-out": { moves: "chipRestarts", inject: (chip) => chip.brownOut() },
  "chip without power": {
    moves: "chipRestarts",
    inject: (chip) => chip.setPower(false),
    end: (chip) => chip.setPower(true),
  },
  "SPI stuck at zeros": {
    moves: "chipRestarts",
    inject: (chip) => {
      chip.stuck = "zeros";
    },
    end: (chip) => {
      chip.stuck = undefined;
    },
  },
  "SPI stuck at ones": {
    moves: "chipRestarts",
    inject: (chip) => {
      chip.stuck = "ones";
    },
    end: (chip) => {
      chip.stuck = undefined;
    },
  },
  "interrupts lost": { moves: "missedInterrupts", inject: (chip) => chip.loseInterrupts(3) },
  "receive buffer overrun": { moves: "chip.overruns", inject: (chip) => chip.overrun(4) },
};

const ON_W5500 = {
  "received length 0": { moves: "nonsense", inject: (chip) => chip.bogusLength(0) },
  "received length 3": { moves: "nonsense", inject: (chip) => chip.bogusLength(3) },
  "received length 65535": { moves: "nonsense", inject: (chip) => chip.bogusLength(65535) },
  "SENDOK missing": { moves: "sendLosses", inject: (chip) => chip.loseSendok(2) },
  "TIMEOUT in place of SENDOK": { moves: "sendLosses", inject: (chip) => chip.timeOut(2) },
};

const ON_ENC28J60 = {
  "received length 0": { moves: "nonsense", inject: (chip) => chip.bogusLength(0) },
  "received length 3": { moves: "nonsense", inject: (chip) => chip.bogusLength(3) },
  "received length 65535": { moves: "nonsense", inject: (chip) => chip.bogusLength(65535) },
  "next packet pointer beyond the buffer": {
    moves: "nonsense",
    inject: (chip) => chip.bogusNextPointer(0xffff),
  },
  "packet in error": { moves: "receiveErrors", inject: (chip) => chip.corruptStatus(0) },
  "transmitter stalled after a late collision": {
    moves: "chip.lateCollisions",
    inject: (chip) => chip.collideLate(),
  },
  "transmitter stalled without a flag": { moves: "sendLosses", inject: (chip) => chip.stallTransmitter() },
};

/** Before the board boots. */
const AT_BOOT = {
  "chip absent at boot": { inject: (chip) => chip.setPower(false), end: (chip) => chip.setPower(true) },
  "link down at boot": { cable: false, end: (chip) => chip.setCable(true) },
};

/**
 * Boots firmware for the board and lets everything go wrong; resolves to what became of it, `{ fault, ok, ms }` each.
 * `sanitize`: see buildFirmware.
 */
export async function runFaults(board, engine, { sanitize = false } = {}) {
  const { image, problem } = buildFirmware(board, engine, { sanitize });
  if (problem) throw new Error(problem);
  const host = await builtHost();
  const results = [];
  const inTheMiddle = await World.boot(host, board, image);
  try {
    for (const [name, fault] of Object.entries(faultsOf(board)))
      results.push(await inTheMiddle.survives(name, fault));
  } finally {
    await inTheMiddle.stop();
  }
  for (const [fault, { inject, cable, end }] of Object.entries(atBootOf(board))) {
    const world = await World.boot(host, board, image, inject, cable);
    try {
      results.push(await world.comesUp(fault, end));
    } finally {
      await world.stop();
    }
  }
  return results;
}

/** What goes wrong on this board. */
export function faultNames(board) {
  return [...Object.keys(faultsOf(board)), ...Object.keys(atBootOf(board))];
}

function faultsOf(board) {
  if (board.startsWith("qemu")) return { "link down in the middle": ON_ANY_CHIP["link down in the middle"] };
  return { ...ON_ANY_CHIP, ...(board.endsWith("w5500") ? ON_W5500 : ON_ENC28J60) };
}

function atBootOf(board) {
  return board.startsWith("qemu") ? { "link down at boot": AT_BOOT["link down at boot"] } : AT_BOOT;
}

/** A board and its peer on a wire. */
class World {
  constructor(host, board, parts) {
    Object.assign(this, { host, name: board, ...parts });
  }

  /** `before`: what is done to the chip before the board starts; `cable`: whether it is plugged in then. */
  static async boot(host, name, image, before, cable = true) {
    const wire = new host.Wire();
    const time = name.startsWith("rp2040") ? "virtual" : "real";
    const parts = { said: "" };
    const onConsole = (text) => {
      parts.said += text;
    };
    const options = { image, network: { kind: "link", link: wire.port() }, time, cable, onConsole };
    const board = await host.startBoard(name, options, before);
    const wasm = readFileSync(join(root, "build/core.wasm"));
    const gateway = { wasm, connections: 8, seed: new Uint8Array(32) };
    const peer = host.bootGateway(wire.port(), board.clock, gateway, ROUTER);
    return new World(host, name, { board, peer, net: new host.Net(peer), parts });
  }

  async stop() {
    this.peer.close();
    await this.board.stop();
  }

  /** Lets the board's time go on until `done()`, for `ms` milliseconds at most. */
  async until(done, ms) {
    if (this.board.runUntil) return await this.board.runUntil(done, ms);
    const limit = performance.now() + ms;
    while (!done() && performance.now() < limit) await sleep(2);
    return done();
  }

  /** A fault while one connection is idle and another one is in the middle of a transfer. */
  async survives(fault, { inject, end, moves }) {
    const counted = await this.counter(moves);
    const idle = this.connect(ECHO_PORT);
    const before = await this.echoes(idle, "before");
    const busy = this.connect(HTTP_PORT);
    busy.write(`GET /bytes/${BYTES} HTTP/1.0\r\n\r\n`);
    const begun = await this.until(() => busy.heard.length > BEGUN, RECOVERY_MS);
    const at = this.board.clock.now();
    await this.apply(inject);
    if (end) {
      await this.until(() => false, LASTS_MS);
      await this.apply(end);
    }
    const ended = await this.until(() => busy.ended || busy.failure, RECOVERY_MS);
    const ms = Math.round(this.board.clock.now() - at);
    const isWhole = await this.isWhole(busy.heard);
    const after = await this.echoes(idle, "after");
    for (const socket of [idle, busy]) socket.destroy();
    const failure = idle.failure ?? busy.failure;
    const moved = (await this.counter(moves)) - counted;
    const ok = Boolean(before && begun && ended && isWhole && after && moved > 0 && !failure);
    return { fault, ok, ms, moves, moved, failure };
  }

  /** A fault that is there when the board boots, and passes. */
  async comesUp(fault, end) {
    const isUp = () => /^ferrule up: .*\n/m.test(this.parts.said);
    const booted = await this.until(isUp, BOOT_MS);
    await this.until(() => false, LASTS_MS);
    const saidDown = !/^ferrule link up/m.test(this.parts.said);
    const at = this.board.clock.now();
    await this.apply(end);
    const isLinked = await this.until(() => /^ferrule link up/m.test(this.parts.said), RECOVERY_MS);
    const ms = Math.round(this.board.clock.now() - at);
    const socket = this.connect(ECHO_PORT);
    const echoed = await this.echoes(socket, "up");
    socket.destroy();
    return { fault, ok: booted && saidDown && isLinked && echoed, ms, failure: socket.failure };
  }

  /** A counter of the chip's model, or of those that the board tells of; or how often its console said something. */
  async counter(name) {
    const [, said] = /^console: (.*)$/.exec(name) ?? [];
    if (said) return this.parts.said.split(said).length;
    const [, ofChip] = /^chip\.(\w+)$/.exec(name) ?? [];
    if (ofChip) return this.board.chip.statistics[ofChip] ?? this.board.chip[ofChip];
    const socket = this.connect(HTTP_PORT);
    socket.write("GET /info HTTP/1.0\r\n\r\n");
    await this.until(() => socket.ended || socket.failure, RECOVERY_MS);
    const text = socket.heard.toString();
    return JSON.parse(text.slice(text.indexOf("\r\n\r\n")))[name];
  }

  /** Does something to the chip, or to the cable of a board that has none here. */
  async apply(what) {
    if (this.board.chip) what(this.board.chip);
    else {
      let plugged = true;
      what({
        setCable: (now) => {
          plugged = now;
        },
      });
      await this.board.setCable(plugged);
    }
  }

  connect(port) {
    const socket = this.net.connect({ host: ADDRESS, port });
    socket.heard = Buffer.alloc(0);
    socket.on("data", (data) => {
      socket.heard = Buffer.concat([socket.heard, data]);
    });
    socket.on("end", () => {
      socket.ended = true;
    });
    socket.on("error", (error) => {
      socket.failure = error.code ?? error.message;
    });
    return socket;
  }

  /** Whether what is sent comes back. */
  async echoes(socket, word) {
    const wanted = socket.heard.length + word.length;
    socket.write(word);
    await this.until(() => socket.heard.length >= wanted || socket.failure, RECOVERY_MS);
    return socket.heard.subarray(wanted - word.length).toString() === word;
  }

  /** Whether this is the whole answer, with the right bytes. */
  async isWhole(answer) {
    const body = answer.subarray(answer.indexOf("\r\n\r\n") + 4);
    const digest = createHash("sha256").update(body).digest("hex");
    return digest === (await this.host.sha256OfBytes(BYTES, () => true));
  }
}

/** The host as setup has built it. */
async function builtHost() {
  const names = ["emulator/boards", "serve", "net", "link/wire", "apps/reproducible_bytes"];
  const modules = await Promise.all(names.map((name) => import(join(root, `build/host/${name}.js`))));
  return Object.assign({}, ...modules);
}

if (resolve(argv[1] ?? "") === fileURLToPath(import.meta.url)) {
  const [board, engine] = argv.slice(2);
  for (const result of await runFaults(board, engine)) console.log(JSON.stringify(result));
  process.exit(0);
}
