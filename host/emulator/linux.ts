// A board that is a program for this machine: the firmware with the real driver of a chip on SPI, whose model is here. The
// program's SPI is a socket: boards/linux/spi_socket.h.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { Duplex } from "node:stream";
import { Advice } from "../advice.js";
import type { SpiChip } from "../chips/chip.js";
import { realClock } from "../clock.js";
import type { BoardExit, BoardOptions, EmulatedBoard } from "./emulator.js";

export interface LinuxBoardOptions extends BoardOptions {
  readonly chip: SpiChip;
}

enum Request {
  READ = 1,
  WRITE = 2,
  RESET = 3,
}

enum Message {
  ANSWER = 0,
  INTERRUPT_LINE = 1,
}

const HEAD_BYTES = 4;

/** How long the program may take to end when it is told to, in milliseconds. */
const STOP_MS = 2000;

/** Descriptor of the program that is its SPI. */
const SPI_FD = 3;

/** Starts the program. Time is real; the network is a link of this process. Throws Advice for what it cannot do. */
export function runLinuxBoard(options: LinuxBoardOptions): LinuxBoard {
  if (options.network.kind !== "link")
    throw new Advice(
      `a board on Linux has its chip in this process: it takes a link, not ${options.network.kind}`,
    );
  if (options.time !== "real") throw new Advice("a board on Linux runs in real time only");
  options.chip.attach(options.network.link);
  return new LinuxBoard(options);
}

export class LinuxBoard implements EmulatedBoard {
  readonly clock = realClock;
  readonly ended: Promise<BoardExit>;
  readonly chip: SpiChip;
  readonly #child: ChildProcess;
  readonly #bus: SpiSocket;
  #isStopping = false;

  constructor({ chip, image, onConsole }: LinuxBoardOptions) {
    this.chip = chip;
    // A path: a bare name would be looked for in PATH. Away from the terminal's signals: what becomes of it is decided here.
    this.#child = spawn(resolve(image), [], { stdio: ["ignore", "pipe", "inherit", "pipe"], detached: true });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => onConsole?.(text));
    this.#bus = new SpiSocket(this.#child.stdio[SPI_FD] as Duplex, chip);
    this.ended = this.#end(image);
  }

  instructions(): undefined {
    return undefined;
  }

  awakeNs(): undefined {
    return undefined;
  }

  async setCable(plugged: boolean): Promise<void> {
    this.chip.setCable(plugged);
  }

  /** Ends the program, by force when it does not listen. */
  async stop(): Promise<BoardExit> {
    this.#isStopping = true;
    if (this.#child.exitCode === null) this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    const exit = await this.ended;
    clearTimeout(timer);
    return exit;
  }

  async #end(image: string): Promise<BoardExit> {
    try {
      const [code, signal] = (await once(this.#child, "close")) as [number | null, string | null];
      this.#bus.close();
      if (this.#isStopping) return { status: null, reason: "stopped" };
      const reason = code === null ? `the firmware was ended by ${signal}` : "the firmware ended";
      return { status: code, reason };
    } catch (error) {
      this.#bus.close();
      return { status: null, reason: `${image} does not start: ${(error as Error).message}` };
    }
  }
}

/** The program's SPI, seen from the chip. */
class SpiSocket {
  #received: Buffer = Buffer.alloc(0);
  readonly #socket: Duplex;
  readonly #chip: SpiChip;
  #busy = false;

  constructor(socket: Duplex, chip: SpiChip) {
    this.#socket = socket;
    this.#chip = chip;
    socket.on("data", (data: Buffer) => this.#take(data));
    // The program has ended: its exit status tells.
    socket.on("error", () => {});
    chip.onInterrupt = () => {
      // While a request is served, its answer tells.
      if (!this.#busy) this.#send(Message.INTERRUPT_LINE, EMPTY);
    };
  }

  close(): void {
    this.#chip.onInterrupt = () => {};
    this.#socket.destroy();
  }

  #take(data: Buffer): void {
    this.#received = this.#received.length === 0 ? data : Buffer.concat([this.#received, data]);
    for (;;) {
      const received = this.#received;
      if (received.length < HEAD_BYTES) return;
      const [kind = 0, count = 0] = received;
      const dataBytes = received.readUInt16LE(2);
      const isTransaction = kind !== Request.RESET;
      const bytes = HEAD_BYTES + (isTransaction ? count : 0) + (kind === Request.WRITE ? dataBytes : 0);
      if (received.length < bytes) return;
      this.#received = received.subarray(bytes);
      this.#busy = true;
      const answer = isTransaction
        ? this.#transact(received.subarray(HEAD_BYTES, bytes), kind === Request.READ ? dataBytes : 0)
        : this.#reset(count !== 0);
      this.#busy = false;
      this.#send(Message.ANSWER, answer);
    }
  }

  /** Sends `out`, then receives `bytes`. */
  #transact(out: Buffer, bytes: number): Buffer {
    const answer = Buffer.alloc(bytes);
    this.#chip.select(true);
    for (const octet of out) this.#chip.transfer(octet);
    for (let index = 0; index < bytes; index++) answer[index] = this.#chip.transfer(0);
    this.#chip.select(false);
    return answer;
  }

  #reset(active: boolean): Buffer {
    this.#chip.reset(active);
    return EMPTY;
  }

  #send(message: Message, data: Buffer): void {
    if (this.#socket.writable)
      this.#socket.write(Buffer.concat([Buffer.of(message, this.#chip.interrupt ? 1 : 0), data]));
  }
}

const EMPTY = Buffer.alloc(0);
