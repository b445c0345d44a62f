// The event loop of one core: carries frames between it and a link, calls it when its deadline comes, and tells
// sockets of their events. Work is done in turns of bounded length, so that everything else in the process gets on.

import type { Clock, Timer } from "./clock.js";
import { realClock } from "./clock.js";
import type { Core } from "./core.js";
import { FrameQueue } from "./link/frame_queue.js";
import type { Link } from "./link/link.js";

/** Frames taken in, and frames given out besides those that they cause, in one turn, at most. */
const FRAMES_PER_TURN = 256;

/** Frames that wait here for room on the link, at most. */
const HELD_FRAMES = 4096;

/** Hears the Event bits of one socket. */
export type EventListener = (events: number) => void;

export class Host {
  readonly #core: Core;
  readonly #link: Link;
  readonly #listeners = new Map<number, EventListener>();
  readonly #prompt = new Set<number>();
  readonly #held = new FrameQueue(HELD_FRAMES);
  #turnScheduled = false;
  #inTurn = false;
  #closed = false;
  #timer: Timer | undefined;
  /** When the timer fires, in milliseconds of the clock. */
  #timerAt = Number.POSITIVE_INFINITY;

  /** What the core was told last of the time, in whole milliseconds. */
  #toldMs = Number.NaN;

  /** Starts to drive `core`, which must have been booted with this clock's time. */
  constructor(
    core: Core,
    link: Link,
    readonly clock: Clock = realClock,
  ) {
    this.#core = core;
    this.#link = link;
    link.onReady = () => this.kick();
    this.kick();
  }

  /** The core, for calls on its sockets. It knows what time it is: calls start timers, and don't carry the time. */
  get core(): Core {
    const nowMs = Math.floor(this.clock.now());
    if (nowMs !== this.#toldMs) {
      this.#toldMs = nowMs;
      this.#core.poll(nowMs);
    }
    return this.#core;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Sockets that are being listened to. */
  get watched(): number {
    return this.#listeners.size;
  }

  /**
   * Tells `listener` of the events of the socket `handle`, until `unwatch`. `isPrompt`: after each frame, for what has a queue
   * that the frames of one turn might overflow; else once a turn.
   */
  watch(handle: number, listener: EventListener, isPrompt = false): void {
    this.#listeners.set(handle, listener);
    if (isPrompt) this.#prompt.add(handle);
  }

  unwatch(handle: number): void {
    this.#listeners.delete(handle);
    this.#prompt.delete(handle);
  }

  /** Must follow every call of the core that may have given it something to send: a turn comes soon. */
  kick(): void {
    if (this.#turnScheduled || this.#inTurn || this.#closed) return;
    this.#turnScheduled = true;
    this.clock.soon(() => this.#turn());
  }

  /** Stops: no frame, no timer and no event any more. Sockets that are open stay as they are. */
  close(): void {
    this.#closed = true;
    this.#link.onReady = () => {};
    this.#listeners.clear();
    this.#prompt.clear();
    this.#cancelTimer();
  }

  #turn(): void {
    this.#turnScheduled = false;
    if (this.#closed) return;
    this.#inTurn = true;
    let workLeft = true;
    try {
      const moreFrames = this.#takeFrames();
      // Timers that are due run here, and may have something to tell.
      this.#giveFrames();
      this.#tellEvents();
      workLeft = this.#giveFrames() || moreFrames;
    } finally {
      this.#inTurn = false;
      if (workLeft) this.kick();
    }
    if (workLeft || this.#closed) return;
    this.#armTimer();
    // Asking for the deadline runs timers, too.
    this.#tellEvents();
  }

  /** Takes frames from the link, each with all that it makes due; true when more may wait. */
  #takeFrames(): boolean {
    for (let taken = 0; taken < FRAMES_PER_TURN; taken++) {
      const frame = this.#link.receive();
      if (!frame) return false;
      this.#core.input(frame, this.clock.now());
      this.#giveAll();
      if (this.#prompt.size > 0) this.#tellEvents();
      // A listener may have closed the host.
      if (this.#closed) return false;
    }
    return true;
  }

  /**
   * Gives out all that is due: a reply is built from the frame that came in, so that the core must be empty before the
   * next one. What the link has no room for is held here; what would be too many is lost, as on any network.
   */
  #giveAll(): void {
    for (let frame = this.#nextOutput(); frame; frame = this.#nextOutput())
      if (this.#held.length === 0 && this.#link.hasRoom) this.#link.send(frame);
      else this.#held.push(frame.slice());
  }

  /** Gives frames to the link, as long as that has room; true when the turn's limit ended it. */
  #giveFrames(): boolean {
    for (let given = 0; given < FRAMES_PER_TURN; given++) {
      if (!this.#link.hasRoom) return false;
      const frame = this.#held.take() ?? this.#nextOutput();
      if (!frame) return false;
      this.#link.send(frame);
    }
    return true;
  }

  #nextOutput(): Uint8Array | undefined {
    return this.#core.output(this.clock.now());
  }

  #tellEvents(): void {
    let more = true;
    try {
      for (let event = this.#core.nextEvent(); event; event = this.#core.nextEvent())
        this.#listeners.get(event.handle)?.(event.events);
      more = false;
    } finally {
      // A listener threw: the next turn tells the others.
      if (more) this.kick();
    }
  }

  /** Sees to it that a turn comes when the core is due. A timer that is too early is left alone: its turn is short. */
  #armTimer(): void {
    const now = this.clock.now();
    const deadline = this.#core.deadline(now);
    // Without room a frame that is due has to wait: the link says when it can go.
    if (deadline === Number.POSITIVE_INFINITY || (deadline === 0 && !this.#link.hasRoom)) return;
    // The core counts whole milliseconds.
    const at = Math.floor(now) + deadline;
    if (this.#timer && this.#timerAt <= at) return;
    this.#cancelTimer();
    this.#timerAt = at;
    this.#timer = this.clock.after(Math.max(0, at - now), () => {
      this.#cancelTimer();
      this.kick();
    });
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }
}
