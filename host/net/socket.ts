// One TCP connection as a Duplex stream, in the shape of Node's net.Socket.

import { isIP, isIPv4 } from "node:net";
import { addAbortSignal, Duplex } from "node:stream";
import { Event, Option, SocketKind } from "../abi.js";
import type { Timer } from "../clock.js";
import { type Address, type ConnectionInfo, CoreError } from "../core.js";
import { lookupError } from "../dns/errors.js";
import { type Lookup, Queries } from "../dns/queries.js";
import type { Host } from "../host.js";
import {
  checkDuration,
  checkFunction,
  closedBeforeConnection,
  closedError,
  codedError,
  socketError,
  toSocketError,
} from "./errors.js";
import { IdleTimer } from "./idle_timer.js";
import { DEFAULT_HOST, lookUp } from "./lookup.js";
import { OnRead } from "./on_read.js";
import {
  type ConnectArguments,
  checkConnectOptions,
  checkSocketOptions,
  connectArguments,
  keepAliveMs,
  type SocketOptions,
  streamOptions,
  type TcpConnectOptions,
} from "./options.js";
import { checkOpen, checkOwnAddress, loopbackHint } from "./own_address.js";
import type { Server } from "./server.js";

/** Bytes that one read takes from the core at most; also what a socket buffers before it stops to read. */
const READ_BYTES = 65536;

/** Longest time that a timer of Node takes, in milliseconds. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** How long a socket that was destroyed soon waits for its peer to end, in milliseconds. */
const LINGER_MS = 2000;

type Done = (error?: Error | null) => void;

/**
 * Calls `run` when all promises that the ticks up to now settle were heard, as Node does, whose connections close in a
 * later phase of the event loop: who awaits "error" can then await "close".
 */
function afterPromises(run: () => void): void {
  process.nextTick(() => queueMicrotask(() => process.nextTick(run)));
}

/** Bytes that the core has not taken yet, and whom to tell when it has. */
interface PendingWrite {
  readonly chunk: Uint8Array;
  taken: number;
  readonly done: Done;
}

/**
 * One connection. Besides a Duplex's events it emits "lookup", "connectionAttempt", "connectionAttemptFailed",
 * "connect", "ready" and "timeout"; "close" tells whether there was an error. It reads from the core only what its
 * reader asks for, so that the receive window closes when nobody does; a write is done when the core has taken all of it.
 */
export class Socket extends Duplex {
  localAddress: string | undefined;
  localPort: number | undefined;
  remoteAddress: string | undefined;
  remotePort: number | undefined;
  /** Idle time after which "timeout" is emitted, in milliseconds; undefined before `setTimeout`. */
  timeout: number | undefined;
  bytesRead = 0;
  /** The server that accepted the socket. */
  server: Server | undefined;
  readonly #host: Host;
  readonly #idleTimer: IdleTimer;
  readonly #onRead: OnRead | undefined;
  #noDelay: boolean;
  /** 0 for no keepalives. */
  #keepAliveMs = 0;
  #handle = 0;
  #connecting = false;
  /** Counts calls of `connect`, so that an answer to an earlier one is known. */
  #attempt = 0;
  #peer: Address | undefined;
  /** The core's look-up of the peer's name, as long as the connection may need another of its addresses. */
  #nameLookup: Lookup | undefined;
  /** Where the user bound the socket to. */
  #bound: Address | undefined;
  #wantsData = false;
  /** Bytes of writes that are done, and of those given up what the core took. */
  #written = 0;
  #pendingWrite: PendingWrite | undefined;
  #pendingEnd: Done | undefined;
  /** Tells a write that was given up; set until it was told. */
  #tellGivenUp: (() => void) | undefined;
  #abortive = false;
  /** Whether the peer's end was read. */
  #peerEnded = false;
  /** Set while only the peer's end is waited for. */
  #lingerTimer: Timer | undefined;
  #onGone: (() => void) | undefined;

  /** A socket without a connection on `host`. Throws as Node for options without a meaning. */
  constructor(host: Host, options: SocketOptions = {}) {
    checkSocketOptions(options);
    super(streamOptions(options, READ_BYTES));
    this.#host = host;
    this.#idleTimer = new IdleTimer(host.clock, () => this.emit("timeout"));
    this.#onRead = options.onread && new OnRead(options.onread);
    this.#noDelay = Boolean(options.noDelay);
    if (options.keepAlive) this.#keepAliveMs = keepAliveMs(options.keepAliveInitialDelay);
    // Not left to Duplex: a signal that is aborted already destroys at once, and needs a finished socket.
    if (options.signal) addAbortSignal(options.signal, this);
  }

  get connecting(): boolean {
    return this.#connecting;
  }

  /** True until the connection is there, and when it is gone, as in Node. */
  get pending(): boolean {
    return this.#connecting || this.#handle === 0;
  }

  get readyState(): "opening" | "open" | "readOnly" | "writeOnly" | "closed" {
    if (this.#connecting) return "opening";
    if (this.readable) return this.writable ? "open" : "readOnly";
    return this.writable ? "writeOnly" : "closed";
  }

  get localFamily(): "IPv4" | undefined {
    return this.localAddress === undefined ? undefined : "IPv4";
  }

  get remoteFamily(): "IPv4" | undefined {
    return this.remoteAddress === undefined ? undefined : "IPv4";
  }

  /** Bytes that were written, those included that wait for the core. */
  get bytesWritten(): number {
    return this.#written + this.writableLength;
  }

  /** Bytes that wait for the core; undefined without a connection. */
  get bufferSize(): number | undefined {
    return this.#connecting || this.#handle !== 0 ? this.writableLength : undefined;
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

  /**
   * Opens a connection; "connect" or "error" follows. A socket that was destroyed may connect again. Takes (options,
   * onConnect) or (port, host, onConnect); throws as Node for arguments without a meaning.
   */
  connect(...args: ConnectArguments): this {
    const { options, onConnect } = connectArguments(args);
    const at = { address: options.host || DEFAULT_HOST, port: checkConnectOptions(options) };
    if (onConnect) this.once("connect", onConnect);
    if (this.#connecting) return this.destroy(socketError("EALREADY", "connect", { at }));
    if (this.#handle !== 0) return this.destroy(socketError("EISCONN", "connect", { at }));
    if (this.destroyed) this.#revive();
    this.#connecting = true;
    this.#attempt++;
    this.#idleTimer.active();
    if (isIPv4(at.address)) this.#open(at, options);
    else if (!options.lookup && !isIP(at.address) && Queries.of(this.#host).areThere)
      this.#openByCore(at, options);
    else this.#openByName(at, options);
    return this;
  }

  /** Takes over a connection that was accepted; `onGone` is called when it is given back. Servers do this. */
  adopt(handle: number, paused: boolean, onGone: () => void): void {
    this.#handle = handle;
    this.#onGone = onGone;
    this.#learnAddresses();
    this.#applyOptions();
    this.#start();
    if (paused) this.pause();
    else this.read(0);
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

  /** Resets the connection; one that is being opened is given up at once. */
  resetAndDestroy(): this {
    if (!this.#connecting && this.#handle === 0) return this.destroy(closedError());
    this.#abortive = true;
    return this.destroy();
  }

  /** True sends small segments at once (Nagle's algorithm off). Before there is a connection it is kept for then. */
  setNoDelay(noDelay = true): this {
    const wanted = Boolean(noDelay);
    if (wanted === this.#noDelay) return this;
    this.#noDelay = wanted;
    if (this.#handle !== 0) this.#setOption(Option.NO_DELAY, wanted ? 1 : 0);
    return this;
  }

  /**
   * Keepalives after `initialDelay` milliseconds without traffic, by default two hours (RFC 9293 section 3.8.4), at most
   * 2^24 - 1. Before there is a connection it is kept for then.
   */
  setKeepAlive(enable = false, initialDelay = 0): this {
    const wanted = enable ? keepAliveMs(initialDelay) : 0;
    // Node's HTTP agent asks for the same again after each request.
    if (wanted === this.#keepAliveMs) return this;
    this.#keepAliveMs = wanted;
    if (this.#handle !== 0) this.#setOption(Option.KEEPALIVE_MS, wanted);
    return this;
  }

  /** Emits "timeout" after `ms` milliseconds without a byte read or written; 0 for never. */
  setTimeout(ms: number, onTimeout?: () => void): this {
    if (this.destroyed) return this;
    const duration = Math.min(checkDuration("msecs", ms), TIMEOUT_MAX_MS);
    if (onTimeout !== undefined) checkFunction("callback", onTimeout);
    this.timeout = ms;
    this.#idleTimer.start(duration);
    if (onTimeout && duration > 0) this.once("timeout", onTimeout);
    else if (onTimeout) this.removeListener("timeout", onTimeout);
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

  override pause(): this {
    if (this.#onRead) this.#onRead.paused = true;
    return super.pause();
  }

  override resume(): this {
    super.resume();
    if (this.#onRead?.paused) {
      this.#onRead.paused = false;
      if (this.#wantsData && this.#handle !== 0 && !this.#connecting) this.#readSome();
    }
    return this;
  }

  /** As a stream's; what is written after both sides ended gets EPIPE, as in Node. */
  override write(chunk: unknown, encoding?: BufferEncoding | Done, done?: Done): boolean {
    const callback = typeof encoding === "function" ? encoding : done;
    if (this.readableEnded && this.writableEnded && !this.destroyed && !this.allowHalfOpen) {
      const error = codedError("EPIPE", "This socket has been ended by the other party");
      if (callback) process.nextTick(callback, error);
      this.destroy(error);
      return false;
    }
    return typeof encoding === "string"
      ? super.write(chunk, encoding, callback)
      : super.write(chunk, callback);
  }

  override _read(): void {
    if (this.#connecting || this.#handle === 0 || this.#lingerTimer) this.#wantsData = true;
    else this.#readSome();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (this.#connecting || this.#handle !== 0) this.#pendingWrite = { chunk, taken: 0, done };
    else done(closedError());
    if (this.#handle !== 0 && !this.#connecting) this.#writeSome();
  }

  override _final(done: Done): void {
    // Without a connection it waits for one, as in Node.
    this.#pendingEnd = done;
    if (this.#handle !== 0 && !this.#connecting) this.#end();
  }

  override _destroy(error: Error | null, done: Done): void {
    const handle = this.#handle;
    const write = this.#pendingWrite;
    const wasConnecting = this.#connecting;
    this.#handle = 0;
    this.#connecting = false;
    this.#pendingWrite = undefined;
    this.#pendingEnd = undefined;
    this.#idleTimer.stop();
    this.#lingerTimer?.cancel();
    this.#endLookup();
    if (handle !== 0) {
      this.#host.unwatch(handle);
      if (this.#abortive || wasConnecting || write) this.#host.core.abort(handle);
      else this.#host.core.close(handle);
      this.#host.kick();
    }
    if (write)
      this.#giveUp(
        write,
        error ?? (wasConnecting ? closedBeforeConnection() : socketError("ECANCELED", "write")),
      );
    done(error);
    // As in Node, a socket that never had a connection says no more than that it is closed.
    if (handle === 0 && !wasConnecting) process.nextTick(() => this.emit("close"));
    else afterPromises(() => this.emit("close", error !== null));
    this.#onGone?.();
    this.#onGone = undefined;
  }

  /** Tells a write of its end when `destroy` has returned, as Node does; and before a new connection begins. */
  #giveUp(write: PendingWrite, error: Error): void {
    this.#tellGivenUp = () => {
      this.#tellGivenUp = undefined;
      this.#written += write.taken;
      write.done(error);
    };
    process.nextTick(() => this.#tellGivenUp?.());
  }

  #openByName(at: Address, options: TcpConnectOptions): void {
    const attempt = this.#attempt;
    lookUp(at.address, options, (error, address, family) => {
      this.emit("lookup", error, address, family, at.address);
      if (!this.#connecting || attempt !== this.#attempt) return;
      this.#idleTimer.active();
      if (error) this.#failSoon(error);
      else this.#open({ address: address as string, port: at.port }, options);
    });
  }

  /**
   * Fails the connection that is being opened in the next tick, as Node does: `connect` returns a socket that lives, and
   * who listens to its errors only a tick later, as Node's HTTP client, hears of them.
   */
  #failSoon(error: Error): void {
    const attempt = this.#attempt;
    process.nextTick(() => this.#connecting && attempt === this.#attempt && this.destroy(error));
  }

  #open(at: Address, options: TcpConnectOptions): void {
    this.#begin(at, options, () => {
      this.emit("connectionAttempt", at.address, at.port, 4);
      this.#host.core.connect(this.#handle, at);
    });
  }

  /** The core looks the name up, and tries what it finds until one address answers. */
  #openByCore(at: Address, options: TcpConnectOptions): void {
    this.#begin(at, options, () => {
      const { core } = this.#host;
      const handle = this.#handle;
      this.#nameLookup = Queries.of(this.#host).ask(at.address, {
        begun: (query) => core.connectName(handle, query, at.port),
        done: (error, addresses) => this.#onLookup(at, error, addresses),
      });
    });
  }

  #onLookup(at: Address, error: Error | null, addresses: readonly string[]): void {
    const failure = error && lookupError(error, at.address);
    if (failure) this.emit("lookup", failure, undefined, undefined, at.address);
    for (const address of addresses) this.emit("lookup", null, address, 4, at.address);
    if (!this.#connecting) return;
    this.#idleTimer.active();
    if (failure) this.destroy(failure);
    else for (const address of addresses.slice(0, 1)) this.emit("connectionAttempt", address, at.port, 4);
  }

  #endLookup(): void {
    this.#nameLookup?.close();
    this.#nameLookup = undefined;
  }

  /** Opens and binds the core's socket, and lets `connect` open the connection. */
  #begin(at: Address, { localAddress, localPort }: TcpConnectOptions, connect: () => void): void {
    const { core } = this.#host;
    this.#peer = at;
    this.#bound = undefined;
    let call: "connect" | "bind" = "connect";
    try {
      checkOpen(this.#host, at, call);
      this.#handle = core.open(SocketKind.STREAM);
      if (localAddress || localPort) {
        call = "bind";
        this.#bound = { address: localAddress ?? "0.0.0.0", port: localPort ?? 0 };
        checkOwnAddress(this.#host, this.#handle, this.#bound, "bind");
        core.bind(this.#handle, this.#bound);
      }
      call = "connect";
      connect();
    } catch (error) {
      const hint = loopbackHint(this.#host, this.#handle, at.address);
      this.#failSoon(toSocketError(error, call, { at: call === "bind" ? this.#bound : at, hint }));
      return;
    }
    this.#applyOptions();
    this.#start();
  }

  /** Makes a destroyed socket as good as new. */
  #revive(): void {
    this.#tellGivenUp?.();
    // Node's own sockets use this method of streams to connect again; its types do not tell of it.
    (this as unknown as { _undestroy(): void })._undestroy();
    this.localAddress = undefined;
    this.localPort = undefined;
    this.remoteAddress = undefined;
    this.remotePort = undefined;
    this.bytesRead = 0;
    this.#written = 0;
    this.#wantsData = false;
    this.#abortive = false;
    this.#peerEnded = false;
    this.#lingerTimer = undefined;
  }

  #applyOptions(): void {
    if (this.#noDelay) this.#setOption(Option.NO_DELAY, 1);
    if (this.#keepAliveMs > 0) this.#setOption(Option.KEEPALIVE_MS, this.#keepAliveMs);
  }

  #start(): void {
    this.#idleTimer.active();
    this.#host.watch(this.#handle, (events) => this.#onEvents(events));
    this.#host.kick();
  }

  #onEvents(events: number): void {
    if (events & Event.FAILED && this.#connecting) {
      this.#failToConnect();
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

  #failToConnect(): void {
    const { core } = this.#host;
    const status = core.error(this.#handle);
    // By name: the address that was tried last.
    if (this.#nameLookup) this.#peer = core.peerAddress(this.#handle);
    const { address, port } = this.#peer as Address;
    const error = toSocketError(new CoreError("connect", status), "connect", {
      at: this.#peer,
      local: this.#bound,
      hint: loopbackHint(this.#host, this.#handle, address),
    });
    this.emit("connectionAttemptFailed", address, port, 4, error);
    this.destroy(error);
  }

  #fail(syscall: string): void {
    const error = new CoreError(syscall, this.#host.core.error(this.#handle));
    this.destroy(toSocketError(error, syscall));
  }

  #onConnected(): void {
    this.#connecting = false;
    this.#endLookup();
    this.#learnAddresses();
    this.#idleTimer.active();
    try {
      this.emit("connect");
      this.emit("ready");
    } finally {
      // Also when a listener of the user's threw: what waited for the connection goes on.
      if (!this.destroyed) this.#goOn();
    }
  }

  /** Begins with what waited for the connection. */
  #goOn(): void {
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
    let more = true;
    while (more && this.#handle !== 0) more = this.#onRead?.paused ? this.#readLater() : this.#readOnce();
  }

  #readLater(): false {
    this.#wantsData = true;
    return false;
  }

  /** One read; whether another one must follow, because no stream asks for it. */
  #readOnce(): boolean {
    let data: Uint8Array | undefined;
    try {
      data = this.#host.core.read(this.#handle, this.#onRead?.room ?? READ_BYTES);
    } catch (error) {
      this.destroy(toSocketError(error, "read"));
      return false;
    }
    if (!data) return this.#readLater();
    if (data.length === 0) {
      this.#peerEnded = true;
      this.push(null);
      this.read(0);
      return false;
    }
    this.bytesRead += data.length;
    this.#idleTimer.active();
    this.#host.kick();
    this.#deliver(data);
    return this.#onRead !== undefined;
  }

  #deliver(data: Uint8Array): void {
    let heard = false;
    try {
      if (this.#onRead) this.#onRead.deliver(this, data);
      else this.push(Buffer.from(data.buffer, data.byteOffset, data.length));
      heard = true;
    } finally {
      // A listener of the user's threw: the stream would not ask again.
      if (!heard) process.nextTick(() => (this.#onRead ? this._read() : this.read(0)));
    }
  }

  #writeSome(): void {
    const write = this.#pendingWrite as PendingWrite;
    let taken: number;
    try {
      taken = this.#host.core.write(this.#handle, write.chunk.subarray(write.taken));
    } catch (error) {
      this.#pendingWrite = undefined;
      this.#written += write.taken;
      write.done(toSocketError(error, "write"));
      return;
    }
    if (taken > 0) {
      write.taken += taken;
      this.#idleTimer.active();
      this.#host.kick();
    }
    if (write.taken < write.chunk.length) return;
    this.#pendingWrite = undefined;
    this.#written += write.taken;
    write.done();
  }

  #end(): void {
    const done = this.#pendingEnd as Done;
    this.#pendingEnd = undefined;
    try {
      this.#host.core.shutdown(this.#handle);
    } catch (error) {
      // As in Node: after the peer's end a reset is no reason to keep from the reader what has arrived.
      done(this.#peerEnded && error instanceof CoreError ? null : toSocketError(error, "shutdown"));
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
    if (this.#handle === 0) {
      this.destroy();
      return;
    }
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
    this.#host.core.setOption(this.#handle, option, value);
    this.#host.kick();
  }
}
