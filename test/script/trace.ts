// What happened in a script so far, and the failure that shows it.

/** A script that did not go as written. The message ends with the trace. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
  constructor(what: string, trace: Trace) {
    super(`${what}\n\n${trace.text()}\n`);
    // The first line of the stack is then the script's own, which is what a reader wants to see.
    const lines = this.stack?.split("\n") ?? [];
    this.stack = lines.filter((line) => !/test\/script\/(stage|peer|socket|trace)\.ts/.test(line)).join("\n");
  }
}

/** Lines of what happened, with the virtual time in seconds. */
export class Trace {
  readonly #lines: string[] = [];

  add(timeMs: number, who: string, what: string): void {
    this.#lines.push(`${(timeMs / 1000).toFixed(3).padStart(10)}  ${who.padEnd(6)}  ${what}`);
  }

  text(): string {
    return this.#lines.length === 0 ? "nothing happened" : this.#lines.join("\n");
  }
}
