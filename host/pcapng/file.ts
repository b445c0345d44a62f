// pcapng in files: written in batches, so that a process that is killed leaves what it wrote up to a second before; and
// read from anywhere in the file.

import { closeSync, fchmodSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { getSystemErrorMap } from "node:util";
import type { Source } from "./reader.js";
import type { Sink } from "./writer.js";

/** How often what waits is written, in milliseconds of real time. */
const FLUSH_MS = 1_000;

/** Only the owner may read: a recording holds secrets, and a capture all payload. */
const FILE_MODE = 0o600;

/** Bytes that one call of the system writes, at most. */
const WRITE_MAX = 1024 * 1024;

export interface SinkFile {
  readonly sink: Sink;
  /** Calls `flush` once a second, and when the process ends, until `close`. */
  keepFlushed(flush: () => void): void;
  /** Ends the flushing and closes the file. A second call does nothing. */
  close(): void;
}

/** Opens a file to write, over what was there. Throws an Error that says what to do. */
export function openSinkFile(path: string): SinkFile {
  const fd = attempt(`cannot write to ${path}`, () => openSync(path, "w", FILE_MODE));
  // A file that was there keeps its mode, which may let others read.
  if (fstatSync(fd).isFile())
    attempt(`cannot keep others from reading ${path}`, () => fchmodSync(fd, FILE_MODE));
  let timer: NodeJS.Timeout | undefined;
  let isOpen = true;
  let onExit = () => {};
  return {
    sink(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const length = Math.min(bytes.length - at, WRITE_MAX);
        at += attempt(`cannot write to ${path}`, () => writeSync(fd, bytes, at, length));
      }
    },
    keepFlushed(flush) {
      onExit = flush;
      process.once("exit", onExit);
      timer = setInterval(flush, FLUSH_MS).unref();
    },
    close() {
      clearInterval(timer);
      process.removeListener("exit", onExit);
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
}

export interface SourceFile extends Source {
  close(): void;
}

/** Opens a file to read. Throws an Error that says what to do. */
export function openSourceFile(path: string): SourceFile {
  const fd = attempt(`cannot read ${path}`, () => openSync(path, "r"));
  const status = fstatSync(fd);
  if (!status.isFile()) {
    closeSync(fd);
    throw new Error(`cannot read ${path}: it is not a regular file; copy what it gives into one`);
  }
  return {
    size: status.size,
    read: (into, position) =>
      attempt(`cannot read ${path}`, () => readSync(fd, into, 0, into.length, position)),
    close: () => closeSync(fd),
  };
}

/** The same error in words: "cannot write to x.pcapng: no space left on device (ENOSPC)". */
function attempt<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException;
    const [, words] = getSystemErrorMap().get(errno ?? 0) ?? [];
    throw Object.assign(new Error(`${what}: ${words ? `${words} (${code})` : (error as Error).message}`), {
      code,
    });
  }
}
