// The test program as a child process, and its messages (test/engines/smoke.c says what they mean).

import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { TargetName } from "./build.js";

/** What the program answers to a frame, or to the passing of time. */
export interface Turn {
  /** Frames that left the device. */
  readonly frames: readonly Uint8Array[];
  /** Milliseconds until the core wants to be called; -1 for never. */
  readonly deadlineMs: number;
}

interface Message {
  readonly type: string;
  readonly body: Uint8Array;
}

/** Longest that an answer may take, in milliseconds: it comes in a few, but the machine may be busy. */
const ANSWER_LIMIT_MS = 30_000;

const QEMU = "qemu-system-riscv32";
const QEMU_OPTIONS = [
  ...["-M", "virt", "-cpu", "rv32,a=false,f=false,d=false", "-m", "16M", "-bios", "none"],
  ...["-display", "none", "-monitor", "none"],
  ...["-chardev", "stdio,id=uart,signal=off", "-serial", "chardev:uart"],
  // One instruction is one tick: counts are exact, and repeat.
  ...["-icount", "shift=0"],
];

export class Program {
  /** What the program said of itself: engine, target, memoryBytes, ... */
  readonly hello: Readonly<Record<string, string>>;
  readonly #messages: MessageReader;

  private constructor(messages: MessageReader, hello: Record<string, string>) {
    this.#messages = messages;
    this.hello = hello;
  }

  /** Starts the program that `buildProgram` built, and waits until the core has booted. */
  static async start(path: string, target: TargetName): Promise<Program> {
    const [command, args] = target === "native" ? [path, []] : [QEMU, [...QEMU_OPTIONS, "-kernel", path]];
    const messages = new MessageReader(spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] }));
    try {
      return new Program(messages, parseLines((await messages.next("h")).body));
    } catch (error) {
      messages.kill();
      throw error;
    }
  }

  /** Gives the device a frame. */
  frame(frame: Uint8Array): Promise<Turn> {
    return this.#turn("F", frame);
  }

  /** Tells the device the time, milliseconds of a clock that wraps. */
  time(now: number): Promise<Turn> {
    const body = Buffer.alloc(4);
    body.writeUInt32LE(now >>> 0);
    return this.#turn("T", body);
  }

  /** Lets the core read beyond the end of its memory, and returns the name of the trap; empty when it was let. */
  async readBeyondMemory(): Promise<string> {
    this.#messages.send("B");
    return Buffer.from((await this.#messages.next("t")).body).toString();
  }

  /** What the run has cost so far. */
  async report(): Promise<Readonly<Record<string, string>>> {
    this.#messages.send("R");
    return parseLines((await this.#messages.next("r")).body);
  }

  /** Ends the program. */
  async stop(): Promise<void> {
    this.#messages.send("Q");
    await this.#messages.ended();
  }

  /** Ends the program's process, whatever state it is in. */
  kill(): void {
    this.#messages.kill();
  }

  async #turn(type: string, body: Uint8Array): Promise<Turn> {
    this.#messages.send(type, body);
    const frames: Uint8Array[] = [];
    for (;;) {
      const message = await this.#messages.next("f", "d");
      if (message.type === "d") return { frames, deadlineMs: Buffer.from(message.body).readInt32LE() };
      frames.push(message.body);
    }
  }
}

function parseLines(body: Uint8Array): Record<string, string> {
  const lines = Buffer.from(body).toString().split("\n");
  return Object.fromEntries(lines.filter(Boolean).map((line) => line.split("=", 2)));
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** The stream of messages; every wait ends, with what the program left behind as the reason. */
class MessageReader {
  readonly #child: Child;
  readonly #waiting: Message[] = [];
  #pending = Buffer.alloc(0);
  #errors = "";
  #exit: string | undefined;
  #wake = () => {};

  constructor(child: Child) {
    this.#child = child;
    child.stdout.on("data", (data: Buffer) => this.#take(data));
    child.stderr.on("data", (data: Buffer) => {
      this.#errors += data.toString();
    });
    // Writing to a program that has ended is an error here too; its exit tells more.
    child.stdin.on("error", () => {});
    child.on("error", (error) => this.#end(error.message));
    child.on("close", (code, signal) => this.#end(`ended with ${signal ?? `status ${code}`}`));
  }

  send(type: string, body: Uint8Array = new Uint8Array(0)): void {
    const header = Buffer.alloc(3);
    header.write(type, "latin1");
    header.writeUInt16LE(body.length, 1);
    this.#child.stdin.write(Buffer.concat([header, body]));
  }

  /** The next message, which must be of one of these types. */
  async next(...types: readonly string[]): Promise<Message> {
    if (this.#waiting.length === 0) await this.#wait(() => this.#waiting.length > 0);
    const message = this.#waiting.shift();
    if (!message) throw new Error(`the test program said nothing, but ${this.#exit}\n${this.#errors}`);
    if (types.includes(message.type)) return message;
    throw new Error(`the test program said "${message.type}": ${Buffer.from(message.body)}`);
  }

  /** Waits for the program's end, which must be a good one. */
  async ended(): Promise<void> {
    await this.#wait(() => false);
    if (this.#exit !== "ended with status 0")
      throw new Error(`the test program ${this.#exit}\n${this.#errors}`);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Waits until `done`, or until the program has ended. */
  async #wait(done: () => boolean): Promise<void> {
    const limit = setTimeout(() => {
      this.#end(`did not answer in ${ANSWER_LIMIT_MS} ms`);
      this.kill();
    }, ANSWER_LIMIT_MS);
    try {
      while (!done() && this.#exit === undefined)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    } finally {
      clearTimeout(limit);
    }
  }

  #end(how: string): void {
    this.#exit ??= how;
    this.#wake();
  }

  #take(data: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, data]);
    for (;;) {
      if (this.#pending.length < 3) return;
      const end = 3 + this.#pending.readUInt16LE(1);
      if (this.#pending.length < end) return;
      this.#waiting.push({
        type: String.fromCharCode(this.#pending[0] as number),
        body: new Uint8Array(this.#pending.subarray(3, end)),
      });
      this.#pending = this.#pending.subarray(end);
      this.#wake();
    }
  }
}
