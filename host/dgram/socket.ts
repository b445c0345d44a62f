// One UDP socket in the shape of Node's dgram.Socket.

import { EventEmitter } from "node:events";
import { isIPv4 } from "node:net";
import { Event, Option, SocketKind, Status } from "../abi.js";
import { type Address, CoreError } from "../core.js";
import { hostLookup } from "../dns/lookup.js";
import type { Host } from "../host.js";
import { codedError, nameError, refuseType, socketError, toSocketError } from "../net/errors.js";
import { checkOpen, checkOwnAddress, loopbackHint } from "../net/own_address.js";
import {
  bindArguments,
  checkPeerPort,
  checkSize,
  checkTtl,
  foreignFamily,
  sendArguments,
  socketOptions,
} from "./arguments.js";
import type {
  BindArguments,
  DatagramLookup,
  DatagramSocketOptions,
  OnMessage,
  SendArguments,
  SendCallback,
} from "./types.js";

/** Where a datagram goes that is sent without an address, as in Node. */
const DEFAULT_HOST = "127.0.0.1";

/** A datagram that the core has no room for yet. */
interface Waiting {
  readonly data: Uint8Array;
  /** Undefined: the peer of the connected socket. */
  readonly at: Address | undefined;
  readonly callback: SendCallback | undefined;
}

/**
 * Emits "listening", "connect", "message" (a Buffer, and a RemoteInfo), "error" and "close". What the core's queue has no
 * room for waits here, as it does in Node: who sends much waits for callbacks.
 */
export class Socket extends EventEmitter {
  readonly type = "udp4";
  readonly #host: Host;
  readonly #lookup: DatagramLookup;
  readonly #waiting: Waiting[] = [];
  readonly #groups = new Set<string>();
  #bindState: "unbound" | "binding" | "bound" | "closed" = "unbound";
  #connectState: "none" | "connecting" | "connected" = "none";
  #handle = 0;
  /** The address that it was bound to. */
  #boundTo = "0.0.0.0";
  #mayBroadcast = false;
  /** Calls that wait until it is bound. */
  #afterBind: (() => void)[] = [];

  /** A socket on `host` that is not bound. Throws as Node for options without a meaning. */
  constructor(host: Host, type: "udp4" | DatagramSocketOptions, onMessage?: OnMessage) {
    super();
    const { lookup, signal } = socketOptions(type);
    this.#host = host;
    this.#lookup = lookup ?? hostLookup(host);
    if (typeof onMessage === "function") this.on("message", onMessage);
    if (signal) this.#closeWith(signal);
  }

  /**
   * Binds to a port; "listening" or "error" follows. Takes (port, address, onListening), (options, onListening) or
   * (onListening), all optional. Throws as Node when it is bound.
   */
  bind(...args: BindArguments): this {
    this.#checkRunning();
    if (this.#bindState !== "unbound")
      throw codedError("ERR_SOCKET_ALREADY_BOUND", "Socket is already bound");
    const { onListening, ...at } = bindArguments(args);
    this.#bindState = "binding";
    if (onListening) this.#onceListening(onListening);
    process.nextTick(() => this.#bind(at));
    return this;
  }

  /**
   * Sends one datagram; a socket that is not bound is bound first. Takes (message, port, address, callback), with (offset,
   * length) after the message for a part of it, or, connected, without port and address. A callback hears when the core
   * has taken it, or why not; without one only names that are not found are told, as "error".
   */
  send(...args: SendArguments): void {
    const sending = sendArguments(args, this.#connectState === "connected");
    this.#checkRunning();
    this.#whenBound(() => {
      const { data, port, address, callback } = sending;
      if (this.#connectState === "connected") this.#give({ data, at: undefined, callback });
      else
        this.#resolve(address, port, "send", (error, ip) => {
          if (error) this.#tell(error, callback);
          else this.#give({ data, at: { address: ip, port }, callback });
        });
    });
  }

  /** Talks to one peer alone from now on; "connect" follows, or "error", of which the callback hears in its place. */
  connect(
    port: number,
    address?: string | ((error?: Error) => void),
    onConnect?: (error?: Error) => void,
  ): void {
    const callback = typeof address === "function" ? address : onConnect;
    const host = typeof address === "function" || address === undefined ? "" : address;
    const peerPort = checkPeerPort(port);
    if (typeof host !== "string") refuseType("address", "of type string", host);
    this.#checkRunning();
    if (this.#connectState !== "none") throw codedError("ERR_SOCKET_DGRAM_IS_CONNECTED", "Already connected");
    this.#connectState = "connecting";
    this.#whenBound(() => {
      if (callback) this.once("connect", callback);
      this.#resolve(host, peerPort, "connect", (error, ip) => {
        const problem = error ?? this.#connectTo({ address: ip, port: peerPort });
        this.#connectState = problem ? "none" : "connected";
        if (problem && callback) this.off("connect", callback);
        process.nextTick(() => (problem ? this.#tellNow(problem, callback) : this.emit("connect")));
      });
    });
  }

  /** Undoes `connect`. Throws as Node when it is not connected. */
  disconnect(): void {
    this.#checkConnected();
    this.#host.core.disconnect(this.#handle);
    this.#connectState = "none";
  }

  /** Closes the socket: what the core has taken is still sent. "close" follows. Throws as Node when it is closed. */
  close(onClose?: () => void): this {
    if (typeof onClose === "function") this.on("close", onClose);
    if (this.#bindState === "binding" && this.#afterBind.length > 0) {
      this.#afterBind.push(() => this.close());
      return this;
    }
    this.#checkRunning();
    this.#bindState = "closed";
    if (this.#handle !== 0) {
      this.#host.unwatch(this.#handle);
      this.#host.core.close(this.#handle);
      this.#host.kick();
      this.#handle = 0;
    }
    for (const { callback } of this.#waiting.splice(0))
      if (callback) process.nextTick(callback, socketError("ECANCELED", "send"));
    process.nextTick(() => this.emit("close"));
    return this;
  }

  /** The local address: the one that it was bound to, or when it is connected the device's. Throws EBADF before `bind`. */
  address(): { address: string; family: "IPv4"; port: number } {
    const { address, port } = this.#host.core.localAddress(this.#bound("getsockname"));
    return { address: this.#connectState === "connected" ? address : this.#boundTo, family: "IPv4", port };
  }

  /** The peer of a connected socket. */
  remoteAddress(): { address: string; family: "IPv4"; port: number } {
    this.#checkConnected();
    const { address, port } = this.#host.core.peerAddress(this.#handle);
    return { address, family: "IPv4", port };
  }

  /** Whether it may send to broadcast addresses; else that is EACCES. */
  setBroadcast(mayBroadcast: boolean): void {
    this.#host.core.setOption(this.#bound("setBroadcast"), Option.BROADCAST, mayBroadcast ? 1 : 0);
    this.#mayBroadcast = Boolean(mayBroadcast);
  }

  /** Time to live, 1 to 255, of all that is sent from now on. */
  setTTL(ttl: number): number {
    return this.#setTtl(ttl, "setTTL");
  }

  /** The same: there is one for all that a socket sends. Without either, what goes to groups has 1. */
  setMulticastTTL(ttl: number): number {
    return this.#setTtl(ttl, "setMulticastTTL");
  }

  /** Changes nothing: a core never hears itself. */
  setMulticastLoopback(loopback: boolean): boolean {
    this.#bound("setMulticastLoopback");
    return loopback;
  }

  /** Takes the device's own address, or 0.0.0.0: there is one interface. */
  setMulticastInterface(interfaceAddress: string): void {
    this.#checkInterface(interfaceAddress, "setMulticastInterface", "EADDRNOTAVAIL");
  }

  /** Joins a group: what is sent there arrives here. A device is in four groups at most. */
  addMembership(group: string, interfaceAddress?: string): void {
    this.#checkInterface(interfaceAddress, "addMembership", "ENODEV");
    checkGroup(group, "addMembership");
    if (this.#groups.has(group)) throw socketError("EADDRINUSE", "addMembership");
    this.#setMembership(group, true);
    this.#groups.add(group);
  }

  /** Leaves a group. */
  dropMembership(group: string, interfaceAddress?: string): void {
    this.#checkInterface(interfaceAddress, "dropMembership", "ENODEV");
    checkGroup(group, "dropMembership");
    if (!this.#groups.delete(group)) throw socketError("EADDRNOTAVAIL", "dropMembership");
    this.#setMembership(group, false);
  }

  /** Bytes of the queue of what arrived, 8 of each datagram included. */
  getRecvBufferSize(): number {
    this.#bound("uv_recv_buffer_size");
    return this.#host.core.config.datagramQueueBytes;
  }

  /** Bytes of the queue of what is to be sent, 8 of each datagram included. */
  getSendBufferSize(): number {
    this.#bound("uv_send_buffer_size");
    return this.#host.core.config.datagramQueueBytes;
  }

  /** Changes nothing: the configuration says how long queues are. */
  setRecvBufferSize(size: number): void {
    checkSize("size", size);
    this.#bound("uv_recv_buffer_size");
  }

  /** Changes nothing, as `setRecvBufferSize`. */
  setSendBufferSize(size: number): void {
    checkSize("size", size);
    this.#bound("uv_send_buffer_size");
  }

  /** Bytes that wait for room in the core's queue. */
  getSendQueueSize(): number {
    return this.#waiting.reduce((bytes, { data }) => bytes + data.length, 0);
  }

  /** Datagrams that wait for room in the core's queue. */
  getSendQueueCount(): number {
    return this.#waiting.length;
  }

  /** Does nothing: what keeps the process running is not up to a socket here. */
  ref(): this {
    return this;
  }

  /** Does nothing, as `ref`. */
  unref(): this {
    return this;
  }

  #closeWith(signal: AbortSignal): void {
    const onAbort = () => this.#bindState !== "closed" && this.close();
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    this.once("close", () => signal.removeEventListener("abort", onAbort));
  }

  /** Calls `onListening` at the next "listening", unless an "error" comes first. */
  #onceListening(onListening: () => void): void {
    const forget = () => {
      this.off("error", forget);
      this.off("listening", heard);
    };
    const heard = () => {
      forget();
      onListening.call(this);
    };
    this.on("error", forget);
    this.on("listening", heard);
  }

  #bind(at: Address): void {
    if (this.#bindState !== "binding") return;
    try {
      this.#handle = openSocket(this.#host, at);
    } catch (error) {
      this.#bindState = "unbound";
      this.#afterBind = [];
      if (this.#connectState === "connecting") this.#connectState = "none";
      this.emit("error", error);
      return;
    }
    this.#bindState = "bound";
    this.#boundTo = at.address;
    this.#host.watch(this.#handle, (events) => this.#onEvents(events), true);
    try {
      this.emit("listening");
    } finally {
      for (const call of this.#afterBind.splice(0)) call();
    }
  }

  #whenBound(call: () => void): void {
    if (this.#bindState === "unbound") this.bind();
    if (this.#bindState === "bound") call();
    else this.#afterBind.push(call);
  }

  /** Calls back, once and later, with the IPv4 address of `host`; never when the socket was closed meanwhile. */
  #resolve(
    host: string | undefined,
    port: number,
    call: "send" | "connect",
    found: (error: Error | null, address: string) => void,
  ): void {
    this.#lookup(host || DEFAULT_HOST, 4, (error, result) => {
      if (this.#bindState === "closed") return;
      const address = Array.isArray(result) ? (result[0]?.address ?? "") : (result ?? "");
      if (error || isIPv4(address)) found(error, address);
      else found(foreignFamily(address, call, port) ?? nameError(address, "that is no IPv4 address"), "");
    });
  }

  #connectTo(peer: Address): Error | undefined {
    try {
      this.#host.core.connect(this.#handle, peer);
      return undefined;
    } catch (error) {
      return this.#problem(error, "connect", peer);
    }
  }

  /** To the core, behind those that wait. */
  #give(waiting: Waiting): void {
    if (this.#waiting.length > 0 || !this.#offer(waiting)) this.#waiting.push(waiting);
  }

  /** Whether the core took it, or refused it for good. */
  #offer({ data, at, callback }: Waiting): boolean {
    try {
      if (!this.#host.core.sendTo(this.#handle, data, at)) return false;
      this.#host.kick();
      if (callback) process.nextTick(callback, null, data.length);
    } catch (error) {
      // As in Node: without a callback nobody hears of it.
      if (callback) process.nextTick(callback, this.#problem(error, "send", at));
    }
    return true;
  }

  #problem(error: unknown, call: "send" | "connect", at: Address | undefined): Error {
    const isInvalid = error instanceof CoreError && error.status === Status.INVALID_ARGUMENT;
    if (at && isInvalid && !this.#mayBroadcast && this.#isBroadcast(at.address))
      return socketError("EACCES", call, { at, hint: "setBroadcast(true) permits it" });
    return toSocketError(error, call, {
      at,
      hint: at && loopbackHint(this.#host, this.#handle, at.address),
    });
  }

  #isBroadcast(address: string): boolean {
    const { netmask } = this.#host.core;
    const own = this.#host.core.localAddress(this.#handle).address.split(".").map(Number);
    const directed = own.map((octet, index) => octet | (~(netmask[index] as number) & 0xff));
    return address === "255.255.255.255" || address === directed.join(".");
  }

  #tell(error: Error, callback: SendCallback | undefined): void {
    process.nextTick(() => this.#tellNow(error, callback));
  }

  #tellNow(error: Error, callback: ((error: Error) => void) | undefined): void {
    if (callback) callback(error);
    else this.emit("error", error);
  }

  #onEvents(events: number): void {
    if (events & Event.WRITABLE)
      while (this.#waiting[0] && this.#offer(this.#waiting[0])) this.#waiting.shift();
    try {
      if (events & Event.READABLE) this.#readAll();
    } finally {
      if (events & Event.FAILED && this.#handle !== 0) this.#hearError();
    }
  }

  #readAll(): void {
    let more = true;
    try {
      while (more) more = this.#readOne();
    } finally {
      // A listener of the user's threw: those that wait behind would raise no event again.
      if (more) this.#host.clock.soon(() => this.#readAll());
    }
  }

  /** Whether there may be another one. */
  #readOne(): boolean {
    const datagram = this.#handle === 0 ? undefined : this.#host.core.receiveFrom(this.#handle);
    if (!datagram) return false;
    const { data, address, port } = datagram;
    const message = Buffer.from(data.buffer, data.byteOffset, data.length);
    this.emit("message", message, { address, family: "IPv4", port, size: data.length });
    return true;
  }

  /** What an ICMP error, or ARP, said: as in Node, a socket without a peer is not told. */
  #hearError(): void {
    const status = this.#host.core.error(this.#handle);
    if (status === Status.OK || this.#connectState !== "connected") return;
    this.emit("error", toSocketError(new CoreError("receiveFrom", status), "recvmsg"));
  }

  #setTtl(ttl: unknown, call: string): number {
    const handle = this.#bound(call);
    const value = checkTtl(ttl, call);
    this.#host.core.setOption(handle, Option.TTL, value);
    return ttl as number;
  }

  #setMembership(group: string, joins: boolean): void {
    try {
      this.#host.core.setMembership(this.#handle, group, joins);
    } catch (error) {
      throw toSocketError(error, joins ? "addMembership" : "dropMembership");
    }
  }

  #checkInterface(address: string | undefined, call: string, code: string): void {
    const handle = this.#bound(call);
    const own = this.#host.core.localAddress(handle).address;
    if (address !== undefined && address !== "0.0.0.0" && address !== own)
      throw socketError(code, call, { hint: `the one interface is ${own}` });
  }

  #checkConnected(): void {
    this.#checkRunning();
    if (this.#connectState !== "connected")
      throw codedError("ERR_SOCKET_DGRAM_NOT_CONNECTED", "Not connected");
  }

  #checkRunning(): void {
    if (this.#bindState === "closed") throw codedError("ERR_SOCKET_DGRAM_NOT_RUNNING", "Not running");
  }

  /** The core's handle. Throws EBADF before the socket is bound. */
  #bound(call: string): number {
    this.#checkRunning();
    if (this.#handle === 0) throw socketError("EBADF", call, { hint: "the socket is not bound" });
    return this.#handle;
  }
}

/** The handle of a socket that is bound. Throws what the socket emits as "error". */
function openSocket(host: Host, at: Address): number {
  if (!isIPv4(at.address))
    throw (
      foreignFamily(at.address, "bind", at.port) ??
      nameError(at.address, "leave the address out: a device has one")
    );
  checkOpen(host, at, "bind");
  const { core } = host;
  let handle = 0;
  try {
    handle = core.open(SocketKind.DATAGRAM);
    checkOwnAddress(host, handle, at, "bind");
    core.bind(handle, at);
  } catch (error) {
    if (handle !== 0) core.close(handle);
    throw toSocketError(error, "bind", { at });
  }
  return handle;
}

function checkGroup(group: unknown, call: string): void {
  if (!group)
    throw codedError("ERR_MISSING_ARGS", 'The "multicastAddress" argument must be specified', TypeError);
  const first = isIPv4(String(group)) ? Number.parseInt(String(group), 10) : 0;
  if (first < 224 || first > 239) throw socketError("EINVAL", call);
}
