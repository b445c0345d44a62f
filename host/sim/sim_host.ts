// A host of the simulation: one core, its applications, and the loop that carries frames, events and time. After every
// call the records are checked.

import { Counter, Event, SocketKind, Status } from "../abi.js";
import type { Timer } from "../clock.js";
import { bytesNeeded, type Core, CoreError, createCore } from "../core.js";
import type { Engine } from "../engines/engine.js";
import { Checker } from "./checker.js";
import type { VirtualClock } from "./clock.js";
import type { End } from "./end.js";
import { check } from "./failure.js";
import type { Prng } from "./prng.js";
import type { HostPlan, ListenerPlan } from "./scenario.js";
import type { World } from "./world.js";

/** Frames that `output` may give at one time; more is a loop. */
const FRAMES_AT_ONCE = 3_000;
/** Rounds of output and events at one time; more is a loop. */
const ROUNDS_AT_ONCE = 10_000;

export class SimHost {
  core: Core;
  readonly clock: VirtualClock;
  readonly mac: Uint8Array;
  /** Counters of the boots before the present one. */
  readonly earlier: number[] = new Array(Counter.COUNT).fill(0);
  readonly checker: Checker;
  readonly #ends = new Map<number, End>();
  readonly #listeners = new Map<number, ListenerPlan>();
  #timer: Timer | undefined;
  #lagging: Timer | undefined;
  #boots = 0;

  constructor(
    readonly world: World,
    readonly index: number,
    readonly plan: HostPlan,
    readonly engine: Engine,
    readonly prng: Prng,
  ) {
    this.clock = world.clock;
    this.checker = new Checker(engine, world.layout, index, world.statistics);
    this.core = this.#boot();
    this.mac = this.core.config.mac;
  }

  /** What the core takes for the time. */
  get now(): number {
    return (Math.floor(this.clock.now()) + this.plan.clockOffset) % 2 ** 32;
  }

  get address(): string {
    return this.plan.config.address as string;
  }

  /** Opens the listeners. */
  start(): void {
    for (const plan of this.plan.listeners) this.#listen(plan);
  }

  /** Closes the listeners. */
  stop(): void {
    for (const plan of this.plan.listeners) this.#unlisten(plan);
  }

  /** Closes a listener for the time that its plan says. */
  pause(plan: ListenerPlan): void {
    this.world.note(() => `host ${this.index} closes its listener on port ${plan.port}`);
    this.#unlisten(plan);
    this.clock.after(plan.closedMs, () => this.#listen(plan));
  }

  /** Tells the core that its link went up or down. */
  linkChanged(isUp: boolean): void {
    this.world.note(() => `the link of host ${this.index} is ${isUp ? "up" : "down"}`);
    this.act(() => this.call("linkChanged", (core) => core.linkChanged(isUp, this.now)));
  }

  /** Starts anew, with memory that remembers nothing. */
  reboot(): void {
    this.world.note(() => `host ${this.index} reboots`);
    this.world.monitor.onReboot(this.address);
    for (const counter of Object.values(Counter)) this.earlier[counter] = this.counter(counter);
    for (const end of [...this.#ends.values()]) end.onReboot();
    this.#listeners.clear();
    this.#lagging?.cancel();
    this.#lagging = undefined;
    this.core = this.#boot();
    this.start();
  }

  /** A counter, all boots together. */
  counter(counter: Counter): number {
    return (this.earlier[counter] ?? 0) + this.core.counter(counter);
  }

  /** Tells which end a handle belongs to; `forget` undoes it. */
  adopt(end: End): void {
    this.#ends.set(end.handle, end);
  }

  forget(end: End): void {
    if (this.#ends.get(end.handle) === end) this.#ends.delete(end.handle);
  }

  /** Makes one call and checks what it left behind. */
  call<T>(name: string, run: (core: Core) => T): T {
    this.world.step(this.index, name);
    try {
      return run(this.core);
    } finally {
      this.checker.afterCall();
    }
  }

  /** Lets applications act, then lets the core send what that leads to. */
  act(run: () => void): void {
    run();
    this.settle();
  }

  /** Takes a frame from the network. */
  receive(frame: Uint8Array): void {
    const tuple = this.checker.timeWaitOf(frame);
    this.call("input", (core) => core.input(frame, this.now));
    if (tuple !== undefined) this.checker.noteReuse(tuple);
    if (this.plan.lagMs === 0) {
      this.settle();
      return;
    }
    // While the host is late, more frames may come.
    this.#lagging ??= this.clock.after(this.prng.below(this.plan.lagMs + 1), () => {
      this.#lagging = undefined;
      this.settle();
    });
  }

  /** Sends all that is due and hands out events, until nothing is left to do at this time. */
  settle(): void {
    for (let round = 0; ; round++) {
      check(round < ROUNDS_AT_ONCE, () => `host ${this.index}: no end of frames and events`);
      this.#drain();
      const event = this.call("nextEvent", (core) => core.nextEvent());
      if (!event) break;
      this.#dispatch(event.handle, event.events);
    }
    const deadline = this.call("deadline", (core) => core.deadline(this.now));
    check(deadline > 0, () => `host ${this.index}: output gave 0, but deadline says ${deadline}`);
    this.checker.afterSettle(this.core, deadline);
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!Number.isFinite(deadline)) return;
    const wait = Math.floor(this.clock.now()) + deadline - this.clock.now();
    this.#timer = this.clock.after(wait, () => {
      this.#timer = undefined;
      this.settle();
    });
  }

  #listen(plan: ListenerPlan): void {
    if ([...this.#listeners.values()].includes(plan)) return;
    this.act(() => {
      const handle = this.call("open listener", (core) => core.open(SocketKind.LISTENER));
      this.call("bind", (core) => core.bind(handle, { address: this.address, port: plan.port }));
      this.call("listen", (core) => core.listen(handle, plan.backlog));
      this.#listeners.set(handle, plan);
    });
  }

  #unlisten(plan: ListenerPlan): void {
    for (const [handle, found] of this.#listeners) {
      if (found !== plan) continue;
      this.#listeners.delete(handle);
      this.act(() => this.call("close listener", (core) => core.close(handle)));
    }
  }

  #drain(): void {
    for (let frames = 0; ; frames++) {
      check(frames < FRAMES_AT_ONCE, () => `host ${this.index}: output has no end`);
      const frame = this.call("output", (core) => core.output(this.now));
      if (!frame) return;
      this.world.onFrame(this, frame);
    }
  }

  #dispatch(handle: number, events: number): void {
    const listener = this.#listeners.get(handle);
    if (!listener) {
      this.#ends.get(handle)?.onEvents(events);
      return;
    }
    check((events & Event.ACCEPTABLE) !== 0, () => `host ${this.index}: a listener has events ${events}`);
    if (listener.acceptMs === 0) this.#acceptAll(handle);
    else
      this.clock.after(listener.acceptMs, () => {
        if (this.#listeners.has(handle)) this.act(() => this.#acceptAll(handle));
      });
  }

  #acceptAll(listener: number): void {
    for (;;) {
      let handle: number | undefined;
      try {
        handle = this.call("accept", (core) => core.accept(listener));
      } catch (error) {
        // A reboot gives the number of the listener to another use.
        if (error instanceof CoreError && error.status === Status.BAD_HANDLE) return;
        throw error;
      }
      if (handle === undefined) return;
      this.world.onAccepted(this, handle);
    }
  }

  #boot(): Core {
    const { engine, plan } = this;
    this.checker.beforeBoot();
    const config = { ...plan.config, seed: this.prng.bytes(32) };
    const factory = () => engine;
    const memoryBytes = bytesNeeded(new Uint8Array(), config, factory);
    const core = createCore(new Uint8Array(), config, { engine: factory, now: this.now, memoryBytes });
    this.checker.afterBoot(core, memoryBytes, ++this.#boots);
    return core;
  }
}
