// The calls of datagram sockets in one form, whichever of Node's forms they came in; and what is refused before anything is
// done.

import { isIPv6 } from "node:net";
import {
  checkFunction,
  checkPort,
  codedError,
  NO_PIPES,
  refuseType,
  refuseValue,
  socketError,
} from "../net/errors.js";
import { checkSignal } from "../net/options.js";
import type { DatagramSocketOptions, SendCallback } from "./types.js";

const OCTETS = "of type string or an instance of Buffer, TypedArray, or DataView";

/** A call of `send`: what, and where to. */
export interface Sending {
  readonly data: Uint8Array;
  /** Without a meaning on a connected socket. */
  readonly port: number;
  readonly address: string | undefined;
  readonly callback: SendCallback | undefined;
}

/** The options of a socket. Throws what Node throws for what is none. */
export function socketOptions(type: unknown): DatagramSocketOptions {
  const options = typeof type === "object" && type !== null ? { ...type } : { type };
  const { type: wanted, lookup, signal, recvBufferSize, sendBufferSize } = options as DatagramSocketOptions;
  if (wanted !== "udp4")
    throw codedError(
      "ERR_SOCKET_BAD_TYPE",
      "Bad socket type specified. Valid types are: udp4 (Ferrule speaks IPv4 only)",
      TypeError,
    );
  if (lookup !== undefined) checkFunction("options.lookup", lookup);
  if (signal !== undefined) checkSignal(signal);
  if (recvBufferSize) checkSize("options.recvBufferSize", recvBufferSize);
  if (sendBufferSize) checkSize("options.sendBufferSize", sendBufferSize);
  return options as DatagramSocketOptions;
}

/** Where to bind to, and the callback. Throws what Node throws for a port that is none. */
export function bindArguments(args: readonly unknown[]): {
  port: number;
  address: string;
  onListening: (() => void) | undefined;
} {
  const [first, second] = args;
  const last = args.at(-1);
  const onListening = typeof last === "function" ? (last as () => void) : undefined;
  const isObject = typeof first === "object" && first !== null;
  const options: Record<string, unknown> = isObject ? { ...first } : { port: first, address: second };
  if (isObject && options.fd !== undefined) refuseValue("options.fd", options.fd, NO_PIPES);
  const port = typeof options.port === "function" ? undefined : options.port;
  const address = typeof options.address === "string" ? options.address : "";
  return { port: port ? checkPort("Port", port) : 0, address: address || "0.0.0.0", onListening };
}

/** A call of `send`. Throws what Node throws for arguments without a meaning. */
export function sendArguments(args: readonly unknown[], isConnected: boolean): Sending {
  const [message, second, third] = args;
  const last = args.at(-1);
  const callback = typeof last === "function" ? (last as SendCallback) : undefined;
  // Numbers and strings before the callback: [offset, length, ] and, without a peer, port[, address].
  const rest = args.slice(1).filter((argument) => typeof argument !== "function" && argument !== undefined);
  const isPart = isConnected ? rest.length >= 2 : args.length > 3 && typeof third === "number";
  if (isConnected && rest.length > (isPart ? 2 : 0))
    throw codedError("ERR_SOCKET_DGRAM_IS_CONNECTED", "Already connected");
  const data = isPart ? partOf(message, second, third) : octetsOf(message);
  if (isConnected) return { data, port: 0, address: undefined, callback };
  const [port, address] = isPart ? [args[3], args[4]] : [second, third];
  const isNamed = address !== undefined && address !== null && typeof address !== "function";
  const sending = { data, port: checkPeerPort(port), callback };
  if (isNamed && typeof address !== "string") refuseType("address", "of type string", address);
  return { ...sending, address: isNamed ? (address as string) : undefined };
}

/** A port of a peer: 0 is none. Throws ERR_SOCKET_BAD_PORT. */
export function checkPeerPort(value: unknown): number {
  const isPort = typeof value === "number" || (typeof value === "string" && value.trim() !== "");
  const port = isPort ? Number(value) : 0;
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  const what = typeof value === "number" || typeof value === "string" ? ` (${value})` : "";
  throw codedError(
    "ERR_SOCKET_BAD_PORT",
    `Port should be > 0 and < 65536. Received type ${typeof value}${what}.`,
    RangeError,
  );
}

/** A time to live: throws what Node throws for `call`. */
export function checkTtl(ttl: unknown, call: string): number {
  if (typeof ttl !== "number") refuseType("ttl", "of type number", ttl);
  if (!(ttl >= 1 && ttl <= 255)) throw socketError("EINVAL", call);
  return Math.floor(ttl);
}

/** Throws unless `size` is one of a buffer. */
export function checkSize(name: string, size: unknown): void {
  if (typeof size !== "number") refuseType(name, "of type number", size);
  if (!Number.isInteger(size) || size < 0 || size > 0xffffffff)
    throw codedError("ERR_SOCKET_BAD_BUFFER_SIZE", "Buffer size must be a positive integer", TypeError);
}

/** The error for an IPv6 address, or undefined. */
export function foreignFamily(address: string, syscall: string, port: number): Error | undefined {
  if (!isIPv6(address)) return undefined;
  return socketError("EAFNOSUPPORT", syscall, { at: { address, port }, hint: "Ferrule speaks IPv4 only" });
}

function octetsOf(message: unknown): Uint8Array {
  if (!Array.isArray(message)) return oneOf("buffer", message, message);
  const parts = message.map((part) => oneOf("buffer list arguments", part, message));
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

function oneOf(name: string, part: unknown, whole: unknown): Uint8Array {
  if (typeof part === "string") return Buffer.from(part);
  if (ArrayBuffer.isView(part)) return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
  return refuseType(name, OCTETS, whole);
}

function partOf(message: unknown, offset: unknown, length: unknown): Uint8Array {
  if (Array.isArray(message)) return refuseType("buffer", OCTETS, message);
  const octets = oneOf("buffer", message, message);
  if (typeof offset !== "number") refuseType("offset", "of type number", offset);
  if (typeof length !== "number") refuseType("length", "of type number", length);
  const outside = offset > octets.length ? "offset" : offset + length > octets.length ? "length" : "";
  if (outside)
    throw codedError("ERR_BUFFER_OUT_OF_BOUNDS", `"${outside}" is outside of buffer bounds`, RangeError);
  return octets.subarray(offset, offset + length);
}
