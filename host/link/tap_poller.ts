// The thread that waits for a TAP device: it sleeps in poll(2), tells the main thread when a frame may be read or
// written, and sleeps again when it is told to. It touches no frame.

import { parentPort, workerData } from "node:worker_threads";
import { EINTR, errno, errnoName, POLLIN, poll, pollRecords, read } from "./libc.js";

/** What the main thread wants: it writes the number and notifies. Any other value: poll events to wait for. */
export const PAUSED = 0;
export const STOPPED = -1;

export interface PollerData {
  /** Which thread this data is for: this file is loaded by the main thread, too, and that may be a worker itself. */
  kind: "TAP poller";
  /** The device's descriptor. */
  fd: number;
  /** An eventfd: readable when the thread must look up from poll(2). */
  wakeFd: number;
  /** One Int32: what is wanted. */
  wanted: SharedArrayBuffer;
}

/** Longest sleep in poll(2), in milliseconds: a thread that nobody woke still ends. */
const LONGEST_SLEEP_MS = 1000;

if ((workerData as PollerData | null)?.kind === "TAP poller") run(workerData as PollerData);

function run({ fd, wakeFd, wanted }: PollerData): void {
  const want = new Int32Array(wanted);
  const wakeUps = new Uint8Array(8);
  for (;;) {
    Atomics.wait(want, 0, PAUSED);
    const events = Atomics.load(want, 0);
    if (events === STOPPED) return;
    const records = pollRecords([
      { fd, events },
      { fd: wakeFd, events: POLLIN },
    ]);
    if (poll(records, 2, LONGEST_SLEEP_MS) < 0 && errno() !== EINTR) throw new Error(`poll: ${errnoName()}`);
    const [, , , happened = 0, , , , woken = 0] = new Int16Array(records.buffer);
    if (woken !== 0) read(wakeFd, wakeUps, wakeUps.length);
    if (happened === 0) continue;
    // Until the main thread has looked, the device stays ready, and this loop would never sleep. Before the message: its
    // answer must not be undone.
    Atomics.compareExchange(want, 0, events, PAUSED);
    parentPort?.postMessage(happened);
  }
}
