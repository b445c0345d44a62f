// One end of a connection and the application that drives it by its script. What it reads is compared octet by octet
// with what the other end wrote.

import { Event, Option, Status } from "../abi.js";
import type { Timer } from "../clock.js";
import { CoreError, statusName } from "../core.js";
import { check, SimFailure } from "./failure.js";
import type { Script } from "./scenario.js";
import type { SimHost } from "./sim_host.js";

/**
 * How an end ended: `complete` with both streams whole, `closed` or `aborted` by its script, `rebooted` with its host,
 * `idle` when the application gave up on a peer that is gone; else the name of a Status.
 */
export type Outcome = string;

/** No progress for so long, in milliseconds: longer than any time-out of the core and any pause of a script. */
const IDLE_MS = 400_000;

/** The octet of end `id` at `position` of its stream. */
export function patternAt(id: number, position: number): number {
  return Math.imul(position + Math.imul(id, 0x9e3779b1) + 1, 0x85ebca6b) >>> 24;
}

function patternOf(id: number, position: number, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  for (let index = 0; index < length; index++) octets[index] = patternAt(id, position + index);
  return octets;
}

export class End {
  written = 0;
  received = 0;
  connected = false;
  sawEof = false;
  isShutDown = false;
  outcome: Outcome | undefined;
  /** The other end, once both are known. */
  peer: End | undefined;
  /** Called once, when the application is done with the handle. */
  onDone: () => void = () => {};
  #stopUntil = 0;
  #mayReadAt = 0;
  #mayWriteAt = 0;
  #pieces = 0;
  #progressAt: number;
  #closedEvent = false;
  readonly #timers = new Set<Timer>();

  constructor(
    readonly id: number,
    readonly host: SimHost,
    readonly handle: number,
    readonly script: Script,
    /** Whether it called `connect`. */
    readonly isActive: boolean,
  ) {
    this.#progressAt = host.clock.now();
    this.connected = !isActive;
  }

  get name(): string {
    return `end ${this.id} (host ${this.host.index})`;
  }

  get isRude(): boolean {
    return this.script.end === "close" || this.script.end === "abort";
  }

  /** Whether this end is over otherwise than by both streams' ends. */
  get isGone(): boolean {
    return this.outcome !== undefined && this.outcome !== "complete";
  }

  /** Sets options and timers; once, right after the handle was got. */
  start(): void {
    const { script, host, handle } = this;
    if (script.noDelay)
      host.call(`${this.name} NO_DELAY`, (core) => core.setOption(handle, Option.NO_DELAY, 1));
    if (script.keepaliveMs)
      host.call(`${this.name} KEEPALIVE_MS`, (core) =>
        core.setOption(handle, Option.KEEPALIVE_MS, script.keepaliveMs),
      );
    if (script.userTimeoutMs)
      host.call(`${this.name} USER_TIMEOUT_MS`, (core) =>
        core.setOption(handle, Option.USER_TIMEOUT_MS, script.userTimeoutMs),
      );
    if (this.isRude) this.#after(script.rudeMs, () => this.#endRudely());
    this.#watchIdle();
  }

  /** Takes Event bits of the handle. */
  onEvents(events: number): void {
    if (this.outcome !== undefined) return;
    if (events & Event.CLOSED) this.#closedEvent = true;
    if (events & Event.CONNECTED) {
      check(this.isActive && !this.connected, () => `${this.name}: CONNECTED, unexpected`);
      this.connected = true;
      this.#progress();
      this.host.world.onConnected(this);
    }
    if (events & Event.FAILED) this.#fail();
    else this.step();
  }

  /** Reads, writes and ends as far as the script and the core allow now. */
  step(): void {
    if (this.outcome !== undefined || !this.connected) return;
    try {
      this.#read();
      this.#write();
      this.#finish();
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
      this.#fail(error);
    }
  }

  /** The host rebooted: the handle means nothing any more. */
  onReboot(): void {
    this.#done("rebooted");
  }

  #read(): void {
    const { script, host } = this;
    const now = host.clock.now();
    while (!this.sawEof) {
      if (now < this.#stopUntil || now < this.#mayReadAt) return;
      if (script.stopAt >= 0 && this.#stopUntil === 0 && this.received >= script.stopAt) {
        this.#stopUntil = now + script.stopMs;
        host.world.note(() => `${this.name} stops reading for ${script.stopMs} ms`);
        this.#after(script.stopMs, () => this.step());
        return;
      }
      const data = host.call(`${this.name} read`, (core) => core.read(this.handle, script.readBytes));
      if (data === undefined) return;
      if (data.length === 0) {
        this.#endOfStream();
        return;
      }
      this.#compare(data);
      if (script.readPauseMs) {
        this.#mayReadAt = now + script.readPauseMs;
        this.#after(script.readPauseMs, () => this.step());
      }
    }
  }

  #compare(data: Uint8Array): void {
    const { peer } = this;
    check(peer !== undefined, () => `${this.name} read ${data.length} octets, and nobody writes to it`);
    check(
      this.received + data.length <= peer.written,
      () =>
        `${this.name} read ${this.received} + ${data.length} octets, but ${peer.name} wrote only ${peer.written}`,
    );
    for (let index = 0; index < data.length; index++) {
      if (data[index] === patternAt(peer.id, this.received + index)) continue;
      const at = this.received + index;
      throw new SimFailure(
        `${this.name}: octet ${at} is ${data[index]}, ${peer.name} wrote ${patternAt(peer.id, at)}`,
      );
    }
    this.received += data.length;
    this.#progress();
  }

  #endOfStream(): void {
    const { peer } = this;
    check(peer !== undefined, () => `${this.name}: end of stream from nobody`);
    check(
      peer.isShutDown || peer.outcome === "closed" || peer.outcome === "complete",
      () => `${this.name}: end of stream, but ${peer.name} did not end it`,
    );
    check(
      this.received === peer.written,
      () => `${this.name}: end of stream after ${this.received} of ${peer.written} octets of ${peer.name}`,
    );
    this.sawEof = true;
    this.#progress();
    this.host.world.note(() => `${this.name} reads the end of the stream`);
  }

  /** How many octets may have been written by now. */
  #allowance(): number {
    const { script } = this;
    if (script.replies && !this.sawEof) return 0;
    if (!script.chat) return script.writeBytes;
    const { mine, theirs, first } = script.chat;
    const rounds = Math.floor(this.received / theirs) + (first ? 1 : 0);
    return Math.min(script.writeBytes, rounds * mine);
  }

  #write(): void {
    const { script, host } = this;
    while (!this.isShutDown && host.clock.now() >= this.#mayWriteAt) {
      const length = Math.min(this.#allowance() - this.written, script.pieceBytes);
      if (length <= 0) return;
      const piece = patternOf(this.id, this.written, length);
      const written = host.call(`${this.name} write`, (core) => core.write(this.handle, piece));
      this.written += written;
      if (written > 0) this.#progress();
      if (script.urgentEvery && written > 0 && ++this.#pieces % script.urgentEvery === 0)
        host.call(`${this.name} URGENT`, (core) => core.setOption(this.handle, Option.URGENT, 1));
      if (script.writePauseMs) {
        this.#mayWriteAt = host.clock.now() + script.writePauseMs;
        this.#after(script.writePauseMs, () => this.step());
      }
      if (written < length) return;
    }
  }

  #finish(): void {
    const { script, host, handle } = this;
    if (this.isRude) return;
    if (
      this.written === script.writeBytes &&
      !this.isShutDown &&
      (script.end === "shutdown" || this.sawEof)
    ) {
      host.world.note(() => `${this.name} shuts down after ${this.written} octets`);
      host.call(`${this.name} shutdown`, (core) => core.shutdown(handle));
      this.isShutDown = true;
    }
    if (!this.isShutDown || !this.sawEof || (script.waitsForClosed && !this.#closedEvent)) return;
    host.world.note(() => `${this.name} closes`);
    host.call(`${this.name} close`, (core) => core.close(handle));
    this.#done("complete");
  }

  #endRudely(): void {
    const { host, handle } = this;
    const { end } = this.script;
    if (end !== "abort" && this.connected) this.step();
    if (this.outcome !== undefined) return;
    host.world.note(() => `${this.name} ${end}s`);
    host.call(`${this.name} ${end}`, (core) => (end === "abort" ? core.abort(handle) : core.close(handle)));
    this.#done(end === "abort" ? "aborted" : "closed");
  }

  /** The connection ended before its time. */
  #fail(error?: CoreError): void {
    const { host, handle } = this;
    const status = host.call(`${this.name} error`, (core) => core.error(handle));
    check(
      status < 0,
      () =>
        `${this.name}: ${error ? `${error.call} says ${statusName(error.status)}` : "FAILED"} without an error`,
    );
    host.world.note(() => `${this.name} failed: ${statusName(status)}`);
    const info = host.call(`${this.name} info`, (core) => core.tcpState(handle));
    check(info === 0, () => `${this.name} failed with ${statusName(status)} but is in state ${info}`);
    host.call(`${this.name} close`, (core) => core.close(handle));
    // Both streams were whole before: what came after them changes nothing for the applications.
    const complete = this.sawEof && this.isShutDown && this.peer?.sawEof === true;
    this.#done(complete ? "complete" : statusName(status));
    if (!complete) host.world.onFailed(this, status);
  }

  #watchIdle(): void {
    this.#after(IDLE_MS / 4, () => {
      const now = this.host.clock.now();
      const last = Math.max(this.#progressAt, this.peer?.lastProgress ?? 0);
      if (now - last < IDLE_MS) {
        this.#watchIdle();
        return;
      }
      check(
        this.host.world.mayStarve(this),
        () =>
          `${this.name} hangs: nothing read or written for ${IDLE_MS} ms ` +
          `(received ${this.received}, wrote ${this.written} of ${this.script.writeBytes}, peer ` +
          `${this.peer ? `${this.peer.name} ${this.peer.outcome ?? "open"} wrote ${this.peer.written}` : "unknown"})`,
      );
      this.host.world.note(() => `${this.name} gives up on its peer`);
      this.host.call(`${this.name} abort`, (core) => core.abort(this.handle));
      this.#done("idle");
    });
  }

  get lastProgress(): number {
    return this.#progressAt;
  }

  #progress(): void {
    this.#progressAt = this.host.clock.now();
  }

  #after(ms: number, run: () => void): void {
    const timer = this.host.clock.after(ms, () => {
      this.#timers.delete(timer);
      if (this.outcome !== undefined) return;
      this.host.act(run);
    });
    this.#timers.add(timer);
  }

  #done(outcome: Outcome): void {
    this.outcome = outcome;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.host.forget(this);
    this.onDone();
  }
}

/** The Status that failing ends may name. */
export const FAILURES: ReadonlySet<number> = new Set([
  Status.CONNECTION_REFUSED,
  Status.CONNECTION_RESET,
  Status.TIMED_OUT,
  Status.UNREACHABLE,
]);
