// What Node's calls take, in all their forms, and what is refused before anything is done.

import { isIP, isIPv4 } from "node:net";
import type { DuplexOptions } from "node:stream";
import { checkFunction, checkPort, codedError, NO_PIPES, refuseType, refuseValue } from "./errors.js";

/** Given what `lookup` found: an address and its family, or a list of such. */
export type LookupCallback = (
  error: Error | null,
  address?: string | { address: string; family: number }[],
  family?: number,
) => void;

/** Turns a name into an IPv4 address, as `dns.lookup` does. */
export type LookupFunction = (
  hostname: string,
  options: { family: number; hints: number; all: boolean },
  callback: LookupCallback,
) => void;

/** Reads into a buffer of the user's in place of "data" events. */
export interface OnReadOptions {
  buffer: Uint8Array | (() => Uint8Array);
  /** Gets the bytes read and the buffer; false pauses. */
  callback: (bytes: number, buffer: Uint8Array) => boolean | undefined;
}

/** What `new Socket` takes. */
export interface SocketOptions {
  /** Whether the socket stays writable after its peer ended; default false: it ends, too. */
  allowHalfOpen?: boolean | undefined;
  /** Bytes that the socket holds in each direction before it holds up whoever fills it; default 65536. */
  highWaterMark?: number | undefined;
  /** Sends small segments at once (Nagle's algorithm off). */
  noDelay?: boolean | undefined;
  keepAlive?: boolean | undefined;
  /** Milliseconds of silence before a keepalive; default two hours. */
  keepAliveInitialDelay?: number | undefined;
  onread?: OnReadOptions | undefined;
  /** Destroys the socket when it is aborted. */
  signal?: AbortSignal | undefined;
}

/** What `socket.connect` takes. */
export interface TcpConnectOptions {
  /** 0 to 65535, or its digits. */
  port: number | string;
  /** The peer's IPv4 address, or a name for `lookup` or the core's resolver. */
  host?: string | undefined;
  /** The device's own address: there is no other. */
  localAddress?: string | undefined;
  /** 0 or missing: the core chooses. */
  localPort?: number | undefined;
  /** Handed to `lookup`. */
  family?: number | undefined;
  hints?: number | undefined;
  lookup?: LookupFunction | undefined;
}

/** What `net.connect` takes. */
export interface ConnectOptions extends SocketOptions, TcpConnectOptions {
  /** As `socket.setTimeout`, in milliseconds. */
  timeout?: number | undefined;
}

/** What `createServer` takes; all but `pauseOnConnect` is for the sockets that the server accepts. */
export interface ServerOptions
  extends Pick<
    SocketOptions,
    "allowHalfOpen" | "highWaterMark" | "noDelay" | "keepAlive" | "keepAliveInitialDelay"
  > {
  /** Sockets come paused. */
  pauseOnConnect?: boolean | undefined;
}

/** What `server.listen` takes. */
export interface ListenOptions {
  /** 0 or missing: any that is free. */
  port?: number | string | null | undefined;
  /** The device's own address, or 0.0.0.0, which is the same; there is one. */
  host?: string | undefined;
  /** Connections that may wait to be accepted, 1 to 16384, default 128; half-open ones do not count. */
  backlog?: number | undefined;
  /** Closes the server when it is aborted. */
  signal?: AbortSignal | undefined;
}

/** Arguments of `net.connect` and `socket.connect`. */
export type ConnectArguments =
  | [options: ConnectOptions, onConnect?: () => void]
  | [port: number | string, onConnect?: () => void]
  | [port: number | string, host?: string, onConnect?: () => void];

/** Arguments of `server.listen`. */
export type ListenArguments =
  | []
  | [onListening: () => void]
  | [options: ListenOptions, onListening?: () => void]
  | [port: number | string | null | undefined, onListening?: () => void]
  | [port: number | string | null | undefined, hostOrBacklog?: string | number, onListening?: () => void]
  | [
      port: number | string | null | undefined,
      host?: string,
      backlog?: number | null,
      onListening?: () => void,
    ];

/** Idle time before keepalives when the application names none, in milliseconds. */
const KEEPALIVE_MS = 7_200_000;

/** Longest idle time that the core takes, in milliseconds. */
const KEEPALIVE_MAX_MS = 2 ** 24 - 1;

/** The options and the callback of a call to `connect`. Throws what Node throws for arguments without a meaning. */
export function connectArguments(args: readonly unknown[]): {
  options: ConnectOptions;
  onConnect: (() => void) | undefined;
} {
  const { options, callback } = inOneForm(args);
  if (options.path) refuseValue("options.path", options.path, NO_PIPES);
  if (options.port === undefined)
    throw codedError(
      "ERR_MISSING_ARGS",
      'The "options" or "port" argument must be specified: give a host and a port',
      TypeError,
    );
  return { options: options as unknown as ConnectOptions, onConnect: callback };
}

/** The options, with a port, and the callback of a call to `listen`. Throws as `connectArguments`. */
export function listenArguments(args: readonly unknown[]): {
  options: ListenOptions & { port: number };
  onListening: (() => void) | undefined;
} {
  const { options, callback } = inOneForm(args);
  if (args.length === 0 || typeof args[0] === "function" || options.port === null) options.port = 0;
  if ("port" in options && options.port === undefined) options.port = 0;
  if (typeof options.port !== "number" && typeof options.port !== "string")
    throw codedError(
      "ERR_INVALID_ARG_VALUE",
      `The argument 'options' must have the property "port". ${NO_PIPES}`,
      TypeError,
    );
  const port = checkPort("options.port", options.port);
  if (options.signal !== undefined) checkSignal(options.signal);
  const backlog = Number(options.backlog) || positive(args[1]) || positive(args[2]) || undefined;
  return {
    options: { ...options, port, backlog } as ListenOptions & { port: number },
    onListening: callback,
  };
}

/** Throws for options that no socket can be made of. */
export function checkSocketOptions(options: SocketOptions): void {
  if (options === null || typeof options !== "object") refuseType("options", "of type object", options);
  for (const key of ["objectMode", "readableObjectMode", "writableObjectMode"])
    if ((options as Record<string, unknown>)[key]) refuseValue(`options.${key}`, true);
  for (const key of ["fd", "handle"]) {
    const value = (options as Record<string, unknown>)[key];
    if (value !== undefined && value !== null) refuseValue(`options.${key}`, value, NO_PIPES);
  }
  const { keepAliveInitialDelay: delay, signal } = options;
  if (signal !== undefined) checkSignal(signal);
  if (delay !== undefined && typeof delay !== "number")
    refuseType("options.keepAliveInitialDelay", "of type number", delay);
}

/**
 * What a server's options say of its sockets; what Node's servers do not know is passed over, as there. Throws for values
 * that no socket can be made of, so that not the first connection does.
 */
export function acceptedOptions(options: ServerOptions): SocketOptions {
  const { allowHalfOpen, highWaterMark, noDelay, keepAlive, keepAliveInitialDelay } = options;
  const kept = { allowHalfOpen, highWaterMark, noDelay, keepAlive, keepAliveInitialDelay };
  checkSocketOptions(kept);
  if (
    highWaterMark !== undefined &&
    highWaterMark !== null &&
    !(Number.isInteger(highWaterMark) && highWaterMark >= 0)
  )
    refuseValue("options.highWaterMark", highWaterMark, "Give a whole number of bytes, 0 or more");
  return kept;
}

/** Throws for options that nothing can be connected with; returns the port. */
export function checkConnectOptions(options: TcpConnectOptions): number {
  const { host, localAddress, localPort, lookup } = options;
  if (localAddress && !isIP(localAddress)) throw notAnAddress(localAddress);
  if (localPort && typeof localPort !== "number")
    refuseType("options.localPort", "of type number", localPort);
  const port = checkPort("options.port", options.port);
  if (localPort) checkPort("options.localPort", localPort);
  if (host && typeof host !== "string") refuseType("options.host", "of type string", host);
  if (lookup && !isIPv4(host ?? "")) checkFunction("options.lookup", lookup);
  return port;
}

/** Node's stream options for a socket. */
export function streamOptions(options: SocketOptions, defaultHighWaterMark: number): DuplexOptions {
  const highWaterMark = options.highWaterMark ?? defaultHighWaterMark;
  // The socket itself emits "close": listeners are told whether there was an error.
  return { allowHalfOpen: Boolean(options.allowHalfOpen), emitClose: false, highWaterMark };
}

/** What the core is told for Node's `initialDelay`, in milliseconds: 0 and less stand for the default. */
export function keepAliveMs(initialDelay = 0): number {
  const ms = Math.floor(initialDelay);
  return ms > 0 ? Math.min(ms, KEEPALIVE_MAX_MS) : KEEPALIVE_MS;
}

/** Throws ERR_INVALID_ARG_TYPE for what is no AbortSignal. */
export function checkSignal(signal: unknown): asserts signal is AbortSignal {
  if (signal === null || typeof signal !== "object" || !("aborted" in signal))
    refuseType("options.signal", "an instance of AbortSignal", signal);
}

/** The error for something that should have been an IP address. */
export function notAnAddress(text: unknown): Error {
  return codedError("ERR_INVALID_IP_ADDRESS", `Invalid IP address: ${text}`, TypeError);
}

/** Node's calls take (options, callback), (port, host, callback) or (path, callback), all but the first optional. */
function inOneForm(args: readonly unknown[]): {
  options: Record<string, unknown>;
  callback: (() => void) | undefined;
} {
  const [first, second] = args;
  const last = args.at(-1);
  const callback = typeof last === "function" ? (last as () => void) : undefined;
  if (args.length === 0 || typeof first === "function") return { options: {}, callback };
  if (typeof first === "object" && first !== null) return { options: { ...first }, callback };
  if (typeof first === "string" && !(Number(first) >= 0)) return { options: { path: first }, callback };
  return { options: { port: first, ...(typeof second === "string" && { host: second }) }, callback };
}

function positive(value: unknown): number | undefined {
  return Number(value) > 0 ? Number(value) : undefined;
}
