// A network of its own for a test: a network namespace in which the Linux kernel is one host, and the device's TAP interface
// the other. Nothing of it is seen outside, and it is gone when the process that holds it has ended.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { expect } from "vitest";
import { root } from "../report/tools.js";

/** How long a program may take unless a test says otherwise, in milliseconds; reaching it is a failure. */
const PATIENCE_MS = 40_000;

/** What a program left. */
export interface Outcome {
  code: number | null;
  stdout: Buffer;
  stderr: string;
}

/** A program that runs on. */
export interface Running {
  readonly pid: number;
  /** All that it said so far, both streams. */
  readonly output: () => string;
  /** Waits until it has said `text`; fails when it ends before, or takes too long. */
  says(text: string | RegExp): Promise<void>;
  /** Waits until it ends by itself; resolves to the exit code. */
  ended(): Promise<number | null>;
  /** Sends SIGINT and waits for the end; resolves to the exit code. */
  interrupt(): Promise<number | null>;
  readonly child: ChildProcessWithoutNullStreams;
}

export class Namespace {
  readonly #holder: ChildProcessWithoutNullStreams;
  readonly #children = new Set<ChildProcessWithoutNullStreams>();

  private constructor(holder: ChildProcessWithoutNullStreams) {
    this.#holder = holder;
  }

  static async create(): Promise<Namespace> {
    // The holder ends with its input, and so with this process, however that ends.
    const script = "ip link set lo up && echo ready && exec cat";
    const holder = spawn("unshare", ["--map-root-user", "--net", "sh", "-c", script]);
    let said = "";
    for (const stream of [holder.stdout, holder.stderr]) stream.on("data", (text) => (said += text));
    await Promise.race([once(holder.stdout, "data"), once(holder, "close")]);
    expect(said).toBe("ready\n");
    return new Namespace(holder);
  }

  /** Runs a program to its end, with `input` as its standard input. */
  async run(
    command: string,
    args: readonly string[],
    { input = new Uint8Array(0), patienceMs = PATIENCE_MS } = {},
  ): Promise<Outcome> {
    const child = this.#spawn(command, args);
    const chunks: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk));
    // A program may end before it has read everything.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
    const [code] = (await once(child, "close")) as [number | null];
    clearTimeout(timer);
    return { code, stdout: Buffer.concat(chunks), stderr };
  }

  /** The same, and the program must succeed; returns what it printed. */
  async runWell(...args: Parameters<Namespace["run"]>): Promise<Buffer> {
    const { code, stdout, stderr } = await this.run(...args);
    expect(code, `${args[0]} ${args[1].join(" ")}: ${stderr}${stdout.subarray(0, 2000)}`).toBe(0);
    return stdout;
  }

  /** Starts a program. */
  start(command: string, args: readonly string[]): Running {
    const child = this.#spawn(command, args);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
    const has = (text: string | RegExp) =>
      typeof text === "string" ? output.includes(text) : text.test(output);
    const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
    return {
      child,
      pid: child.pid as number,
      output: () => output,
      async says(text) {
        const limit = performance.now() + PATIENCE_MS;
        while (!has(text)) {
          const over = child.exitCode !== null || performance.now() > limit;
          if (over) expect.fail(`${command} did not say ${text}, but:\n${output}`);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      },
      ended: () => closed,
      async interrupt() {
        if (child.exitCode === null) child.kill("SIGINT");
        return await closed;
      },
    };
  }

  /** Ends all programs that still run, and the network with them. */
  async remove(): Promise<void> {
    for (const child of [...this.#children, this.#holder]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const closed = once(child, "close");
      child.kill("SIGKILL");
      await closed;
    }
  }

  #spawn(command: string, args: readonly string[]): ChildProcessWithoutNullStreams {
    const enter = ["--preserve-credentials", "-U", "-n", "-t", String(this.#holder.pid), "--", command];
    const child = spawn("nsenter", [...enter, ...args], { cwd: root });
    this.#children.add(child);
    child.once("close", () => this.#children.delete(child));
    return child;
  }
}
