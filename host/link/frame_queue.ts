// Frames that wait, first in, first out, up to a fixed number.

export class FrameQueue {
  readonly #frames: (Uint8Array | undefined)[];
  #first = 0;
  #count = 0;

  /** `capacity`: 1 or more. */
  constructor(readonly capacity: number) {
    this.#frames = new Array(capacity);
  }

  get length(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.capacity;
  }

  /** Adds a frame, which the queue now owns; false, and the frame is lost, when the queue is full. */
  push(frame: Uint8Array): boolean {
    if (this.isFull) return false;
    this.#frames[(this.#first + this.#count) % this.capacity] = frame;
    this.#count++;
    return true;
  }

  take(): Uint8Array | undefined {
    const frame = this.#frames[this.#first];
    if (!frame) return undefined;
    this.#frames[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.capacity;
    this.#count--;
    return frame;
  }
}
