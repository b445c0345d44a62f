// Threads that run checks on mutants, and the bound on their time.

import { Worker } from "node:worker_threads";
import type { Order, Result, WorkerData } from "./worker.js";

/** Looks at the threads this often, in milliseconds. */
const WATCH_MS = 100;
/** A check that takes this long, and this many times what it took unchanged, does not come to an end. */
const STUCK_MS = 1500;
const STUCK_TIMES = 20;
/** A thread that is not ready by then never will be. */
const START_MS = 120_000;

interface Message {
  readonly names?: readonly string[];
  readonly results?: Result[];
}

/** One thread at a time: a new one takes the place of one that had to be ended. */
export class Runner {
  #worker: Worker | undefined;
  #progress = new Int32Array(new SharedArrayBuffer(4));
  names: readonly string[] = [];

  constructor(
    private readonly wasm: Uint8Array,
    private readonly covers: boolean,
    private readonly build?: "standard",
  ) {}

  /** Starts the thread and loads the checks. */
  async start(): Promise<void> {
    this.#progress = new Int32Array(new SharedArrayBuffer(4));
    const data: WorkerData = {
      wasm: this.wasm,
      covers: this.covers,
      ...(this.build && { build: this.build }),
      progress: this.#progress.buffer as SharedArrayBuffer,
    };
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: data });
    const { names } = await this.#answer(START_MS);
    if (!names) throw new Error("the thread did not start");
    this.names = names;
  }

  /** Runs an order; undefined when a check did not end. `slowestMs`: what one of them may take when unchanged. */
  async run(order: Order, slowestMs = 0): Promise<Result[] | undefined> {
    if (!this.#worker) await this.start();
    this.#worker?.postMessage(order);
    const { results } = await this.#answer(Math.max(STUCK_MS, slowestMs * STUCK_TIMES));
    if (!results) await this.stop();
    return results;
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  /** The next message; an empty one when the thread has shown no progress for `stuckMs`. */
  #answer(stuckMs: number): Promise<Message> {
    const worker = this.#worker as Worker;
    return new Promise((resolve, reject) => {
      let last = -1;
      let since = performance.now();
      const watch = setInterval(() => {
        const now = Atomics.load(this.#progress, 0);
        if (now !== last) since = performance.now();
        else if (performance.now() - since > stuckMs) end(() => resolve({}));
        last = now;
      }, WATCH_MS);
      const end = (settle: () => void) => {
        clearInterval(watch);
        worker.removeAllListeners("message");
        worker.removeAllListeners("error");
        settle();
      };
      worker.once("message", (message: Message) => end(() => resolve(message)));
      worker.once("error", (error) => end(() => reject(error)));
    });
  }
}
