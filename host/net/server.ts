// A TCP listener in the shape of Node's net.Server.

import { captureRejectionSymbol, EventEmitter } from "node:events";
import { isIPv4 } from "node:net";
import { SocketKind, Status } from "../abi.js";
import { CoreError } from "../core.js";
import type { Host } from "../host.js";
import { checkFunction, codedError, nameError, refuseType, socketError, toSocketError } from "./errors.js";
import {
  acceptedOptions,
  type ListenArguments,
  type ListenOptions,
  listenArguments,
  type ServerOptions,
  type SocketOptions,
} from "./options.js";
import { checkOpen, checkOwnAddress } from "./own_address.js";
import { Socket } from "./socket.js";

/** Connections that may wait at a server unless it says otherwise. */
const DEFAULT_BACKLOG = 128;

/** Ports that a server may get when it asks for any (RFC 6335 section 6). */
const FIRST_ANY_PORT = 49152;
const LAST_ANY_PORT = 65535;

/** What "drop" tells of a connection that was turned away. */
export interface DropArgument {
  localAddress: string;
  localPort: number;
  localFamily: "IPv4";
  remoteAddress: string;
  remotePort: number;
  remoteFamily: "IPv4";
}

/**
 * Emits "listening", "connection" (a Socket), "drop" (a DropArgument), "close" (when the last connection has ended) and
 * "error".
 */
export class Server extends EventEmitter {
  /** Connections beyond this many are closed at once, with "drop"; 0 or undefined: no limit. */
  maxConnections: number | undefined;
  readonly #host: Host;
  /** Of the sockets that are accepted. */
  readonly #options: SocketOptions;
  readonly #pauseOnConnect: boolean;
  readonly #sockets = new Set<Socket>();
  #handle = 0;

  /** A server that does not listen yet. Takes (host, options, onConnection) or (host, onConnection). */
  constructor(
    host: Host,
    options: ServerOptions | ((socket: Socket) => void) = {},
    onConnection?: (socket: Socket) => void,
  ) {
    super();
    const listener = typeof options === "function" ? options : onConnection;
    if (options === null || (typeof options !== "object" && typeof options !== "function"))
      refuseType("options", "of type object", options);
    if (listener) {
      checkFunction("onConnection", listener);
      this.on("connection", listener);
    }
    this.#host = host;
    const { pauseOnConnect, ...rest } = typeof options === "function" ? ({} as ServerOptions) : options;
    this.#options = acceptedOptions(rest);
    this.#pauseOnConnect = Boolean(pauseOnConnect);
  }

  get listening(): boolean {
    return this.#handle !== 0;
  }

  /** Sockets of this server that have not been destroyed. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Calls back with the number of `connections`. */
  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this.connections);
    return this;
  }

  /** The local address, or null when the server does not listen. */
  address(): { address: string; family: "IPv4"; port: number } | null {
    if (!this.listening) return null;
    const { address, port } = this.#host.core.localAddress(this.#handle);
    return { address, family: "IPv4", port };
  }

  /**
   * Starts to listen; "listening" or "error" follows. Takes (options, onListening), (port, host, backlog, onListening) or
   * nothing; throws as Node for arguments without a meaning.
   */
  listen(...args: ListenArguments): this {
    const { options, onListening } = listenArguments(args);
    if (this.listening)
      throw codedError(
        "ERR_SERVER_ALREADY_LISTEN",
        "Listen method has been called more than once without closing.",
      );
    if (onListening) this.once("listening", onListening);
    try {
      this.#handle = openListener(this.#host, options);
    } catch (error) {
      process.nextTick(() => this.emit("error", error));
      return this;
    }
    const handle = this.#handle;
    this.#host.watch(handle, () => this.#accept());
    if (options.signal) this.#closeWith(options.signal);
    // One that was closed at once never listened.
    process.nextTick(() => this.#handle === handle && this.emit("listening"));
    return this;
  }

  /**
   * Stops to listen: connections that nobody accepted are reset, the others go on. "close", and `onClose`, follow when
   * the last of them has ended; `onClose` gets ERR_SERVER_NOT_RUNNING when the server did not listen.
   */
  close(onClose?: (error?: Error) => void): this {
    if (typeof onClose === "function") {
      if (this.listening) this.once("close", onClose);
      else this.once("close", () => onClose(codedError("ERR_SERVER_NOT_RUNNING", "Server is not running.")));
    }
    if (this.#handle !== 0) {
      this.#host.unwatch(this.#handle);
      this.#host.core.close(this.#handle);
      this.#host.kick();
      this.#handle = 0;
    }
    this.#closeIfDrained();
    return this;
  }

  /** Closes the server, if it listens, and resolves when it is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.listening) return;
    await new Promise<void>((resolve) => this.close(() => resolve()));
  }

  /** Destroys all connections of this server. */
  closeAllConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Does nothing: what keeps the process running is not up to a server here. */
  ref(): this {
    return this;
  }

  /** Does nothing, as `ref`. */
  unref(): this {
    return this;
  }

  /** With `captureRejections`: an async listener of "connection" that rejects loses its connection. */
  override [captureRejectionSymbol](error: Error, event: string | symbol, socket?: unknown): void {
    if (event === "connection") (socket as Socket).destroy(error);
    else this.emit("error", error);
  }

  #closeWith(signal: AbortSignal): void {
    const onAbort = () => this.close();
    if (signal.aborted) {
      process.nextTick(onAbort);
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    this.once("close", () => signal.removeEventListener("abort", onAbort));
  }

  #accept(): void {
    let more = true;
    try {
      while (more) more = this.#acceptOne();
    } finally {
      // A listener of the user's threw: those that wait behind would raise no event again.
      if (more) this.#host.clock.soon(() => this.#accept());
    }
  }

  /** Whether there may be another one. */
  #acceptOne(): boolean {
    const handle = this.#handle === 0 ? undefined : this.#host.core.accept(this.#handle);
    if (handle === undefined) return false;
    if (this.maxConnections && this.#sockets.size >= this.maxConnections) {
      this.#drop(handle);
      return true;
    }
    const socket = new Socket(this.#host, this.#options);
    socket.server = this;
    this.#sockets.add(socket);
    socket.adopt(handle, this.#pauseOnConnect, () => {
      this.#sockets.delete(socket);
      this.#closeIfDrained();
    });
    this.emit("connection", socket);
    return true;
  }

  #drop(handle: number): void {
    const { core } = this.#host;
    const local = core.localAddress(handle);
    const remote = core.peerAddress(handle);
    core.close(handle);
    this.#host.kick();
    this.emit("drop", {
      localAddress: local.address,
      localPort: local.port,
      localFamily: "IPv4",
      remoteAddress: remote.address,
      remotePort: remote.port,
      remoteFamily: "IPv4",
    } satisfies DropArgument);
  }

  #closeIfDrained(): void {
    if (this.#handle === 0 && this.#sockets.size === 0) process.nextTick(() => this.emit("close"));
  }
}

/** The handle of a listener. Throws what the server emits as "error". */
function openListener(host: Host, options: ListenOptions & { port: number }): number {
  const at = { address: options.host || "0.0.0.0", port: options.port };
  if (!isIPv4(at.address))
    throw at.address.includes(":")
      ? socketError("EAFNOSUPPORT", "listen", { at, hint: "Ferrule speaks IPv4 only" })
      : nameError(at.address, "leave the host out: a device listens on its one address");
  checkOpen(host, at, "listen");
  const { core } = host;
  let handle = 0;
  try {
    handle = core.open(SocketKind.LISTENER);
    checkOwnAddress(host, handle, at, "listen");
    if (at.port === 0) bindToAnyPort(host, handle);
    else core.bind(handle, at);
    core.listen(handle, options.backlog ?? DEFAULT_BACKLOG);
  } catch (error) {
    if (handle !== 0) core.close(handle);
    throw toSocketError(error, "listen", { at });
  }
  return handle;
}

/** The core gives ephemeral ports to connections only: a listener must be told its port. */
function bindToAnyPort({ core }: Host, handle: number): void {
  for (let port = FIRST_ANY_PORT; port <= LAST_ANY_PORT; port++) {
    try {
      core.bind(handle, { address: "0.0.0.0", port });
      return;
    } catch (error) {
      const isTaken = error instanceof CoreError && error.status === Status.ADDRESS_IN_USE;
      if (!isTaken || port === LAST_ANY_PORT) throw error;
    }
  }
}
