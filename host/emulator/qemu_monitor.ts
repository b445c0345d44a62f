// QEMU's monitor in JSON (QMP): commands go one after the other, and each is answered.

import type { Duplex } from "node:stream";
import { realClock } from "../clock.js";

/** How long an answer may take, in milliseconds. */
const PATIENCE_MS = 10_000;

/** What QEMU says, as far as anybody looks at it. */
interface Message {
  readonly QMP?: unknown;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
  readonly data?: { readonly reason?: string };
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export class QemuMonitor {
  /** Hears why QEMU ends, when that was neither the firmware nor `quit`: "host-signal" and so on. */
  onShutdown: (reason: string) => void = () => {};
  readonly #socket: Duplex;
  readonly #waiting: Waiting[] = [];
  #text = "";
  #closed = false;

  /** `socket`: this process's end of the monitor's socket. */
  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#take(text));
    socket.on("error", () => {});
    socket.on("close", () => this.#close());
  }

  /** Waits for the greeting and begins. Rejects when QEMU ends before, or takes too long. */
  async start(): Promise<void> {
    await this.#answer("the greeting");
    await this.execute("qmp_capabilities");
  }

  /** Has a command done; resolves to its answer. Rejects with QEMU's own words, or when QEMU has ended. */
  execute(command: string, options: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const answer = this.#answer(command);
    if (!this.#closed) this.#socket.write(`${JSON.stringify({ execute: command, arguments: options })}\n`);
    return answer;
  }

  #answer(what: string): Promise<unknown> {
    if (this.#closed) return Promise.reject(new Error(`${what}: QEMU has ended`));
    return new Promise((resolve, reject) => {
      const timer = realClock.after(PATIENCE_MS, () =>
        reject(new Error(`${what}: no answer from QEMU in ${PATIENCE_MS} ms`)),
      );
      this.#waiting.push({
        resolve: (answer) => {
          timer.cancel();
          resolve(answer);
        },
        reject: (error) => {
          timer.cancel();
          reject(new Error(`${what}: ${error.message}`));
        },
      });
    });
  }

  #take(text: string): void {
    const lines = (this.#text + text).split("\n");
    this.#text = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") this.#hear(JSON.parse(line) as Message);
  }

  #hear(message: Message): void {
    if (message.event === "SHUTDOWN") this.onShutdown(message.data?.reason ?? "unknown");
    if (message.event) return;
    const first = this.#waiting.shift();
    if (message.error) first?.reject(new Error(message.error.desc));
    else first?.resolve(message.return);
  }

  #close(): void {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new Error("QEMU has ended"));
  }
}
