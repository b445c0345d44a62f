// The calls of Linux's C library that a TAP device needs, through koffi: Node's own file and network calls either block
// a thread of its pool for each frame, or refuse the descriptor.
//
// Every call returns what C returns; `check` turns -1 into an error with the name of errno, as Node's errors have it.

import koffi from "koffi";

const libc = koffi.load(null);

/** `open(2)`. */
export const open: (path: string, flags: number) => number = libc.func(
  "int open(const char *path, int flags)",
);

/** `close(2)`. */
export const close: (fd: number) => number = libc.func("int close(int fd)");

/** `read(2)`: the octets go into `to`, which must have room for `length`. */
export const read: (fd: number, to: Uint8Array, length: number) => number = libc.func(
  "intptr_t read(int fd, void *to, size_t length)",
);

/** `write(2)`. */
export const write: (fd: number, from: Uint8Array, length: number) => number = libc.func(
  "intptr_t write(int fd, const void *from, size_t length)",
);

/** `socket(2)`. */
export const socket: (domain: number, type: number, protocol: number) => number = libc.func(
  "int socket(int domain, int type, int protocol)",
);

/** `eventfd(2)`. */
export const eventfd: (initial: number, flags: number) => number = libc.func(
  "int eventfd(unsigned int initial, int flags)",
);

/** `poll(2)` on `count` records of 8 octets: see `pollRecord`. */
export const poll: (records: Uint8Array, count: number, ms: number) => number = libc.func(
  "int poll(void *records, unsigned long count, int ms)",
);

const variadicIoctl = libc.func("int ioctl(int fd, unsigned long request, ...)");

/** `ioctl(2)` with a record that the kernel reads and writes. */
export function ioctl(fd: number, request: number, record: Uint8Array): number {
  return variadicIoctl(fd, request, "void *", record);
}

/** Flags of Linux on the architectures that Node runs on. */
export const O_RDWR = 0o2;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const AF_INET = 2;
export const SOCK_DGRAM = 2;
export const POLLIN = 1;
export const POLLOUT = 4;

/** Name of the last call's errno, "EAGAIN". */
export function errnoName(): string {
  const errno = koffi.errno();
  return Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}

/** Errnos that are compared often. */
export const EAGAIN = koffi.os.errno.EAGAIN as number;
export const EINTR = koffi.os.errno.EINTR as number;

/** The last call's errno. */
export function errno(): number {
  return koffi.errno();
}

/** A call that failed: `code` is the name of errno. */
export class SystemCallError extends Error {
  override readonly name = "SystemCallError";
  constructor(
    readonly syscall: string,
    readonly code: string,
  ) {
    super(`${syscall}: ${code}`);
  }
}

/** `result`, or a SystemCallError when it is negative. */
export function check(syscall: string, result: number): number {
  if (result < 0) throw new SystemCallError(syscall, errnoName());
  return result;
}

/** Bytes of a `struct pollfd`: int fd, short events, short revents. */
export const POLL_RECORD_BYTES = 8;

/** Fills `records` for `poll`: a descriptor and its events each. */
export function pollRecords(entries: readonly { fd: number; events: number }[]): Uint8Array {
  const octets = new Uint8Array(entries.length * POLL_RECORD_BYTES);
  // The kernel's byte order; Node's, too.
  entries.forEach(({ fd, events }, index) => {
    new Int32Array(octets.buffer, index * POLL_RECORD_BYTES, 1)[0] = fd;
    new Int16Array(octets.buffer, index * POLL_RECORD_BYTES + 4, 1)[0] = events;
  });
  return octets;
}
