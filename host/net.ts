// TCP over a core in the shape of Node's `net`: servers, and sockets that are Duplex streams, so that whatever runs
// over Node's sockets (its HTTP server, pipe, pipeline) runs over Ferrule.
//
// Differences from `net`: hosts are IPv4 addresses, not names; `ref` and `unref` do nothing; a socket that is destroyed
// with data not yet taken by the core resets its connection, so that the peer never takes the torn stream for a whole
// one; `destroySoon` waits for the peer's end, for a bounded time. As in `net` over Linux, `destroy` with data that
// arrived and was not read resets the connection, but here not before what the core took is acknowledged.

import { EventEmitter } from "node:events";
import { Duplex } from "node:stream";
import { Event, Option, SocketKind, Status } from "./abi.js";
import type { Timer } from "./clock.js";
import { type Address, type ConnectionInfo, CoreError } from "./core.js";
import type { Host } from "./host.js";

/** Bytes that one read takes from the core at most; also what a socket buffers before it stops to read. */
const READ_BYTES = 65536;

/** Idle time before keepalives when the application names none, in milliseconds. */
const KEEPALIVE_MS = 7_200_000;

/** Connections that may wait at a server unless it says otherwise. */
const DEFAULT_BACKLOG = 128;

/** How long a socket that was destroyed soon waits for its peer to end, in milliseconds. */
const LINGER_MS = 2000;

/** Node's names for what can go wrong. */
const ERROR_CODES: Readonly<Record<number, string>> = {
  [Status.CONNECTION_REFUSED]: "ECONNREFUSED",
  [Status.CONNECTION_RESET]: "ECONNRESET",
  [Status.TIMED_OUT]: "ETIMEDOUT",
  [Status.UNREACHABLE]: "EHOSTUNREACH",
  [Status.ABORTED]: "ECONNABORTED",
  [Status.SHUT_DOWN]: "EPIPE",
  [Status.NOT_CONNECTED]: "ENOTCONN",
  [Status.ADDRESS_IN_USE]: "EADDRINUSE",
  [Status.NO_SOCKET]: "ENOBUFS",
  [Status.INVALID_ARGUMENT]: "EINVAL",
};

/** An error as Node's sockets give it. */
export interface SocketError extends Error {
  code: string;
  syscall: string;
  address?: string;
  port?: number;
}

export interface ServerOptions {
  /** Whether a socket stays writable after its peer ended; default false: it ends, too. */
  allowHalfOpen?: boolean;
}

export interface ListenOptions {
  port: number;
  /** Connections that may wait to be accepted, 1 to 16384, default 128; half-open ones do not count. */
  backlog?: number;
}

export interface ConnectOptions extends ServerOptions {
  /** The peer's IPv4 address. */
  host: string;
  port: number;
}

/** Node's `net` on one host. */
export class Net {
  constructor(readonly host: Host) {}

  createServer(options: ServerOptions = {}, onConnection?: (socket: Socket) => void): Server {
    const server = new Server(this.host, options);
    if (onConnection) server.on("connection", onConnection);
    return server;
  }

  /** Opens a connection; "connect" or "error" follows. */
  connect(options: ConnectOptions, onConnect?: () => void): Socket {
    const socket = new Socket(this.host, options);
    if (onConnect) socket.once("connect", onConnect);
    socket.connect(options);
    return socket;
  }
}

/** Emits "listening", "connection" (a Socket), "close" (when the last connection has ended) and "error". */
export class Server extends EventEmitter {
  readonly #host: Host;
  readonly #options: ServerOptions;
  readonly #sockets = new Set<Socket>();
  #handle = 0;
  #closing = false;

  constructor(host: Host, options: ServerOptions) {
    super();
    this.#host = host;
    this.#options = options;
  }

  get listening(): boolean {
    return this.#handle !== 0;
  }

  /** Sockets of this server that have not been closed. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** The local address, or null when the server does not listen. */
  address(): { address: string; family: "IPv4"; port: number } | null {
    if (!this.listening) return null;
    return { ...this.#host.core.localAddress(this.#handle), family: "IPv4" };
  }

  /** Starts to listen; "listening" or "error" follows. */
  listen({ port, backlog = DEFAULT_BACKLOG }: ListenOptions, onListening?: () => void): this {
    if (this.listening) throw new Error("the server listens already");
    if (onListening) this.once("listening", onListening);
    const { core } = this.#host;
    let handle = 0;
    try {
      handle = core.open(SocketKind.LISTENER);
      core.bind(handle, { address: "0.0.0.0", port });
      core.listen(handle, backlog);
    } catch (error) {
      if (handle !== 0) core.close(handle);
      const failure = toSocketError(error, "listen", { address: "0.0.0.0", port });
      process.nextTick(() => this.emit("error", failure));
      return this;
    }
    this.#handle = handle;
    this.#closing = false;
    this.#host.watch(handle, () => this.#accept());
    process.nextTick(() => this.emit("listening"));
    return this;
  }

  /**
   * Stops to listen: connections that nobody accepted are reset, the others go on. "close", and `onClose`, follow when
   * the last of them has ended.
   */
  close(onClose?: () => void): this {
    if (onClose) this.once("close", onClose);
    if (this.#handle !== 0) {
      this.#host.unwatch(this.#handle);
      this.#host.core.close(this.#handle);
      this.#host.kick();
      this.#handle = 0;
    }
    this.#closing = true;
    process.nextTick(() => this.#closedPerhaps());
    return this;
  }

  /** Destroys all connections of this server. */
  closeAllConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(): void {
    const { core } = this.#host;
    while (this.#handle !== 0) {
      const handle = core.accept(this.#handle);
      if (handle === undefined) return;
      const socket = new Socket(this.#host, this.#options);
      this.#sockets.add(socket);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        this.#closedPerhaps();
      });
      socket.adopt(handle);
      this.emit("connection", socket);
    }
  }

  #closedPerhaps(): void {
    if (!this.#closing || this.#sockets.size > 0) return;
    this.#closing = false;
    this.emit("close");
  }
}

/** Bytes that the core has not taken yet, and whom to tell when it has. */
interface PendingWrite {
  rest: Uint8Array;
  done: (error?: Error | null) => void;
}

/**
 * One connection. Besides a Duplex's events it emits "connect", "ready" and "timeout". It reads from the core only
 * what its reader asks for, so that the receive window closes when nobody does; a write is done when the core has
 * taken all of it.
 */
export class Socket extends Duplex {
  localAddress: string | undefined;
  localPort: number | undefined;
  remoteAddress: string | undefined;
  remotePort: number | undefined;
  readonly remoteFamily = "IPv4";
  /** Idle time after which "timeout" is emitted, in milliseconds; 0 for none. */
  timeout = 0;
  bytesRead = 0;
  /** Bytes that the core took. */
  bytesWritten = 0;
  readonly #host: Host;
  #handle = 0;
  #connecting = false;
  #wantsData = false;
  #pendingWrite: PendingWrite | undefined;
  #pendingEnd: ((error?: Error | null) => void) | undefined;
  #abortive = false;
  /** Set while only the peer's end is waited for. */
  #lingerTimer: Timer | undefined;
  #peer: Address | undefined;
  #lastActivity = 0;
  #idleTimer: Timer | undefined;
  #idleTimerAt = 0;

  /** Made by `Net.connect` and by servers. */
  constructor(host: Host, { allowHalfOpen = false }: ServerOptions) {
    super({ allowHalfOpen, readableHighWaterMark: READ_BYTES, writableHighWaterMark: READ_BYTES });
    this.#host = host;
  }

  get connecting(): boolean {
    return this.#connecting;
  }

  /** True until the connection is there, as in Node. */
  get pending(): boolean {
    return this.#connecting || this.#handle === 0;
  }

  get readyState(): "opening" | "open" | "readOnly" | "writeOnly" | "closed" {
    if (this.#connecting) return "opening";
    if (this.readable) return this.writable ? "open" : "readOnly";
    return this.writable ? "writeOnly" : "closed";
  }

  /** The local address; empty before there is a connection. */
  address(): { address?: string; family?: "IPv4"; port?: number } {
    if (this.localAddress === undefined || this.localPort === undefined) return {};
    return { address: this.localAddress, family: "IPv4", port: this.localPort };
  }

  /** What the stack knows of the connection, or undefined when there is none (any more). */
  tcpInfo(): ConnectionInfo | undefined {
    return this.#handle === 0 ? undefined : this.#host.core.tcpInfo(this.#handle);
  }

  /** Starts to connect a socket without a connection. `Net.connect` does this. */
  connect({ host, port }: ConnectOptions): this {
    const { core } = this.#host;
    this.#peer = { address: host, port };
    try {
      this.#handle = core.open(SocketKind.STREAM);
      core.connect(this.#handle, this.#peer);
    } catch (error) {
      return this.destroy(toSocketError(error, "connect", this.#peer));
    }
    this.#connecting = true;
    this.#start();
    return this;
  }

  /** Takes over a connection that was accepted. Servers do this. */
  adopt(handle: number): void {
    this.#handle = handle;
    this.#learnAddresses();
    this.#start();
    this.read(0);
  }

  /**
   * Ends, and destroys the socket once the peer has ended, too, or two seconds have passed. What arrives until then is
   * thrown away: to leave it unread would reset the connection, and the peer might lose what was written last.
   */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.#linger();
    else this.once("finish", () => this.#linger());
  }

  /** Resets the connection. */
  resetAndDestroy(): this {
    this.#abortive = true;
    return this.destroy();
  }

  /** True sends small segments at once (Nagle's algorithm off). */
  setNoDelay(noDelay = true): this {
    this.#setOption(Option.NO_DELAY, noDelay ? 1 : 0);
    return this;
  }

  /** Keepalives after `initialDelay` milliseconds without traffic, by default two hours (RFC 9293 section 3.8.4). */
  setKeepAlive(enable = false, initialDelay = 0): this {
    this.#setOption(Option.KEEPALIVE_MS, enable ? initialDelay || KEEPALIVE_MS : 0);
    return this;
  }

  /** Emits "timeout" after `ms` milliseconds without a byte read or written; 0 for never. */
  setTimeout(ms: number, onTimeout?: () => void): this {
    this.timeout = ms;
    if (onTimeout && ms > 0) this.once("timeout", onTimeout);
    else if (onTimeout) this.removeListener("timeout", onTimeout);
    this.#lastActivity = this.#host.clock.now();
    this.#armIdleTimer();
    return this;
  }

  /** Does nothing: what keeps the process running is not up to a socket here. */
  ref(): this {
    return this;
  }

  /** Does nothing, as `ref`. */
  unref(): this {
    return this;
  }

  override _read(): void {
    if (this.#connecting || this.#handle === 0 || this.#lingerTimer) this.#wantsData = true;
    else this.#readSome();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#pendingWrite = { rest: chunk, done };
    if (!this.#connecting) this.#writeSome();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#pendingEnd = done;
    if (!this.#connecting) this.#end();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const handle = this.#handle;
    const write = this.#pendingWrite;
    this.#handle = 0;
    this.#pendingWrite = undefined;
    this.timeout = 0;
    this.#armIdleTimer();
    this.#lingerTimer?.cancel();
    if (handle !== 0) {
      this.#host.unwatch(handle);
      if (this.#abortive || this.#connecting || write) this.#host.core.abort(handle);
      else this.#host.core.close(handle);
      this.#host.kick();
    }
    this.#connecting = false;
    write?.done(error ?? socketError("ECANCELED", "write", this.#peer));
    done(error);
  }

  #start(): void {
    this.#lastActivity = this.#host.clock.now();
    this.#host.watch(this.#handle, (events) => this.#onEvents(events));
    this.#host.kick();
  }

  #onEvents(events: number): void {
    if (events & Event.FAILED && this.#connecting) {
      this.#fail("connect");
      return;
    }
    if (events & Event.CONNECTED) this.#onConnected();
    // What arrived before a failure is still read; the read or the write after it learns of the failure. After the peer's
    // end there is none.
    const { READABLE, PEER_CLOSED, WRITABLE, FAILED } = Event;
    const canRead = events & (READABLE | PEER_CLOSED | FAILED) && !this.destroyed;
    if (canRead && this.#lingerTimer) this.#throwAway();
    else if (canRead && this.#wantsData) this.#readSome();
    if (events & (WRITABLE | FAILED) && this.#pendingWrite) this.#writeSome();
    if (events & FAILED && this.readableEnded && !this.destroyed) this.#fail("read");
  }

  #fail(syscall: string): void {
    const error = new CoreError(syscall, this.#host.core.error(this.#handle));
    this.destroy(toSocketError(error, syscall, this.#peer));
  }

  #onConnected(): void {
    this.#connecting = false;
    this.#learnAddresses();
    this.#active();
    this.emit("connect");
    this.emit("ready");
    if (this.destroyed) return;
    if (this.#pendingWrite) this.#writeSome();
    if (this.#pendingEnd) this.#end();
    if (this.#wantsData) this.#readSome();
    else if (!this.isPaused()) this.read(0);
  }

  #learnAddresses(): void {
    const local = this.#host.core.localAddress(this.#handle);
    this.#peer = this.#host.core.peerAddress(this.#handle);
    this.localAddress = local.address;
    this.localPort = local.port;
    this.remoteAddress = this.#peer.address;
    this.remotePort = this.#peer.port;
  }

  /** Gives the reader what the core has; the stream asks again when it wants more. */
  #readSome(): void {
    this.#wantsData = false;
    let data: Uint8Array | undefined;
    try {
      data = this.#host.core.read(this.#handle, READ_BYTES);
    } catch (error) {
      this.destroy(toSocketError(error, "read", this.#peer));
      return;
    }
    if (!data) {
      this.#wantsData = true;
      return;
    }
    if (data.length === 0) {
      this.push(null);
      this.read(0);
      return;
    }
    this.bytesRead += data.length;
    this.#active();
    this.#host.kick();
    this.push(Buffer.from(data.buffer, data.byteOffset, data.length));
  }

  #writeSome(): void {
    const write = this.#pendingWrite as PendingWrite;
    let written: number;
    try {
      written = this.#host.core.write(this.#handle, write.rest);
    } catch (error) {
      this.#pendingWrite = undefined;
      write.done(toSocketError(error, "write", this.#peer));
      return;
    }
    if (written > 0) {
      this.bytesWritten += written;
      this.#active();
      this.#host.kick();
    }
    if (written < write.rest.length) {
      write.rest = write.rest.subarray(written);
      return;
    }
    this.#pendingWrite = undefined;
    write.done();
  }

  #end(): void {
    const done = this.#pendingEnd as (error?: Error | null) => void;
    this.#pendingEnd = undefined;
    try {
      this.#host.core.shutdown(this.#handle);
    } catch (error) {
      done(toSocketError(error, "shutdown", this.#peer));
      return;
    }
    this.#host.kick();
    done();
  }

  #linger(): void {
    if (this.destroyed || this.#lingerTimer) return;
    this.#lingerTimer = this.#host.clock.after(LINGER_MS, () => this.destroy());
    this.#throwAway();
  }

  /** Reads for nobody, up to the peer's end. */
  #throwAway(): void {
    try {
      let data = this.#host.core.read(this.#handle);
      while (data && data.length > 0) data = this.#host.core.read(this.#handle);
      this.#host.kick();
      if (data) this.destroy();
    } catch (error) {
      // A connection that has failed has no end to wait for, and nobody asks why any more.
      this.destroy(error instanceof CoreError ? undefined : (error as Error));
    }
  }

  #setOption(option: number, value: number): void {
    if (this.#handle === 0) return;
    try {
      this.#host.core.setOption(this.#handle, option, value);
    } catch (error) {
      if (!(error instanceof CoreError) || error.status !== Status.NOT_SUPPORTED) throw error;
    }
    this.#host.kick();
  }

  #active(): void {
    if (this.timeout === 0) return;
    this.#lastActivity = this.#host.clock.now();
    if (!this.#idleTimer) this.#armIdleTimer();
  }

  /** Activity does not move the timer: when it fires, it looks how long the socket has really been idle. */
  #armIdleTimer(): void {
    const at = this.#lastActivity + this.timeout;
    if (this.timeout > 0 && this.#idleTimer && this.#idleTimerAt <= at) return;
    this.#idleTimer?.cancel();
    this.#idleTimer = undefined;
    if (this.timeout === 0) return;
    const { clock } = this.#host;
    this.#idleTimerAt = at;
    this.#idleTimer = clock.after(Math.max(0, at - clock.now()), () => {
      this.#idleTimer = undefined;
      if (this.#lastActivity + this.timeout <= clock.now()) this.emit("timeout");
      else this.#armIdleTimer();
    });
  }
}

/** The core's refusal as Node would put it; anything else is a bug and stays what it is. */
function toSocketError(error: unknown, syscall: string, peer: Address | undefined): Error {
  if (!(error instanceof CoreError)) return error as Error;
  const code = ERROR_CODES[error.status];
  return code ? socketError(code, syscall, peer) : error;
}

function socketError(code: string, syscall: string, peer: Address | undefined): SocketError {
  const where = peer ? ` ${peer.address}:${peer.port}` : "";
  return Object.assign(new Error(`${syscall} ${code}${where}`), { code, syscall, ...peer });
}
