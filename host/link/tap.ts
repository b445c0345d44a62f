// A TAP device of Linux: the core's Ethernet segment is an interface of the kernel, which is then the TCP peer.
//
// The device is read and written on the main thread, without ever blocking; a thread of its own waits in poll(2) while
// there is nothing to read (tap_poller.ts). The kernel segments and checksums what it sends: no offloads are asked for.

import { Worker } from "node:worker_threads";
import {
  check,
  close,
  EAGAIN,
  errno,
  errnoName,
  eventfd,
  ioctl,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
  open,
  POLLIN,
  POLLOUT,
  read,
  write,
} from "./libc.js";
import type { Link } from "./link.js";
import { interfaceRequest } from "./netdev.js";
import { PAUSED, type PollerData, STOPPED } from "./tap_poller.js";

/** linux/if_tun.h; the request's number is that of x86, Arm and RISC-V. */
const TUNSETIFF = 0x400454ca;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;

/** Offset of the flags in a `struct ifreq`. */
const IFREQ_FLAGS = 16;

/** Longest frame that the kernel may hand over, in bytes: an MTU of 1500 and a VLAN tag fit; longer ones are cut. */
const FRAME_BYTES = 2048;

export class TapLink implements Link {
  onReady: () => void = () => {};
  /** Called once when the interface has gone away under the link, with the name of the errno. */
  onLost: (code: string) => void = () => {};
  /** Frames that the kernel did not take: the interface was down. */
  notSent = 0;
  readonly #fd: number;
  readonly #wakeFd: number;
  readonly #buffer = new Uint8Array(FRAME_BYTES);
  readonly #wanted = new Int32Array(new SharedArrayBuffer(4));
  readonly #poller: Worker;
  /** A frame that the kernel had no room for. */
  #waiting: Uint8Array | undefined;
  #closed = false;
  readonly #wake = () => this.#tellPoller(STOPPED);

  /**
   * Attaches to the interface `name`, or makes it: then it goes away with the link. Throws SystemCallError: EPERM
   * (may not make it), EBUSY (another process has it), EINVAL (it is no TAP interface), ENOENT (no /dev/net/tun).
   */
  constructor(readonly name: string) {
    this.#fd = attach(name);
    this.#wakeFd = check("eventfd", eventfd(0, O_NONBLOCK | O_CLOEXEC));
    const workerData: PollerData = {
      kind: "TAP poller",
      fd: this.#fd,
      wakeFd: this.#wakeFd,
      wanted: this.#wanted.buffer as SharedArrayBuffer,
    };
    this.#poller = new Worker(new URL("./tap_poller.js", import.meta.url), { workerData });
    this.#poller.on("message", (events: number) => this.#onPolled(events));
    // A process that exits waits for its threads, and this one sleeps where Node cannot wake it.
    process.once("exit", this.#wake);
    this.#tellPoller(POLLIN);
  }

  get hasRoom(): boolean {
    return this.#waiting === undefined;
  }

  send(frame: Uint8Array): void {
    if (this.#closed || this.#waiting) return;
    if (this.#write(frame)) return;
    this.#waiting = frame.slice();
    this.#tellPoller(POLLIN | POLLOUT);
  }

  receive(): Uint8Array | undefined {
    if (this.#closed) return undefined;
    const length = read(this.#fd, this.#buffer, FRAME_BYTES);
    if (length > 0) return this.#buffer.subarray(0, length);
    if (length < 0 && errno() !== EAGAIN) this.#lose(errnoName());
    else this.#tellPoller(this.#waiting ? POLLIN | POLLOUT : POLLIN);
    return undefined;
  }

  /** Lets go of the interface; one that the link made is gone then. Resolves when the thread has ended. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    process.removeListener("exit", this.#wake);
    const ended = new Promise((resolve) => this.#poller.once("exit", resolve));
    this.#tellPoller(STOPPED);
    await ended;
    close(this.#fd);
    close(this.#wakeFd);
  }

  /** False when the kernel has no room now. A frame that it never takes is lost, as on a cable that is not plugged. */
  #write(frame: Uint8Array): boolean {
    if (write(this.#fd, frame, frame.length) >= 0) return true;
    if (errno() === EAGAIN) return false;
    this.notSent++;
    return true;
  }

  #onPolled(events: number): void {
    if (this.#closed) return;
    if (this.#waiting && events & POLLOUT && this.#write(this.#waiting)) this.#waiting = undefined;
    // Whoever is told reads until there is nothing left, and that lets the thread wait again.
    this.onReady();
  }

  #lose(code: string): void {
    void this.close();
    this.onLost(code);
  }

  #tellPoller(wanted: number): void {
    const before = Atomics.exchange(this.#wanted, 0, wanted);
    if (before === PAUSED) Atomics.notify(this.#wanted, 0);
    // It sleeps in poll(2), with other wishes.
    else if (before !== wanted) write(this.#wakeFd, ONE, ONE.length);
  }
}

/** What an eventfd is written with: a 64-bit 1. */
const ONE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

function attach(name: string): number {
  const fd = check("open /dev/net/tun", open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  const request = interfaceRequest(name);
  new DataView(request.buffer).setUint16(IFREQ_FLAGS, IFF_TAP | IFF_NO_PI, true);
  try {
    check("TUNSETIFF", ioctl(fd, TUNSETIFF, request));
  } catch (error) {
    close(fd);
    throw error;
  }
  return fd;
}
