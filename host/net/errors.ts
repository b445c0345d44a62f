// Errors with the names, codes and fields that Node's sockets give them.

import { constants } from "node:os";
import { getSystemErrorMap, inspect } from "node:util";
import { STATUS_TEXT, Status } from "../abi.js";
import { type Address, CoreError } from "../core.js";

/** An error of the network, as Node's sockets give it. */
export interface SocketError extends Error {
  /** "ECONNRESET" and so on. */
  code: string;
  /** The system's number of `code`, negative. */
  errno?: number;
  /** What failed: "connect", "bind", "listen", "read", "write" or "shutdown"; of a datagram socket, a call or "recvmsg". */
  syscall: string;
  /** With "connect", "bind" and "listen". */
  address?: string;
  port?: number;
  /** With "connect", when the socket was told which port to use. */
  localAddress?: string;
  localPort?: number;
}

/** Node's names for what can go wrong in the core. */
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
  [Status.TOO_LONG]: "EMSGSIZE",
};

/** What to do in place of naming a pipe or a descriptor. */
export const NO_PIPES = "There are no pipes and no descriptors here: give a host and a port";

/** What an error says besides its code. */
export interface ErrorDetails {
  /** The address that "connect", "bind" or "listen" was about. */
  at?: Address | undefined;
  /** The address that the socket was bound to by its user. */
  local?: Address | undefined;
  /** What to do about it. */
  hint?: string | undefined;
}

/** The core's refusal as Node would put it; anything else is a bug and stays what it is. */
export function toSocketError(error: unknown, syscall: string, details: ErrorDetails = {}): Error {
  if (!(error instanceof CoreError)) return error as Error;
  const code = ERROR_CODES[error.status];
  if (!code) return error;
  const hint = error.status === Status.NO_SOCKET ? STATUS_TEXT[error.status] : details.hint;
  return socketError(code, syscall, { ...details, hint });
}

/** An error of `code` in the words of Node: "connect ECONNREFUSED 10.0.0.2:80". */
export function socketError(
  code: string,
  syscall: string,
  { at, local, hint }: ErrorDetails = {},
): SocketError {
  const errno = constants.errno[code as keyof typeof constants.errno];
  const text = syscall === "listen" && errno ? `: ${getSystemErrorMap().get(-errno)?.[1]}` : "";
  const where = at ? ` ${at.address}:${at.port}` : "";
  const from = local ? ` - Local (${local.address}:${local.port})` : "";
  return Object.assign(
    new Error(`${syscall} ${code}${text}${where}${from}${hint ? ` - ${hint}` : ""}`),
    errno ? { errno: -errno } : {},
    { code, syscall },
    at,
    local && { localAddress: local.address, localPort: local.port },
  );
}

/** A name that could not be turned into an address, as Node's resolver puts it. */
export function nameError(hostname: string, hint: string): Error {
  const [code, syscall] = ["ENOTFOUND", "getaddrinfo"];
  return Object.assign(new Error(`${syscall} ${code} ${hostname} - ${hint}`), {
    errno: -3008,
    code,
    syscall,
    hostname,
  });
}

/** An error of misuse with one of Node's codes, "ERR_SOCKET_CLOSED". */
export function codedError(
  code: string,
  message: string,
  Kind: new (message: string) => Error = Error,
): Error & { code: string } {
  return Object.assign(new Kind(message), { code });
}

/** The error of a call on a socket that has no connection. */
export function closedError(): Error {
  return codedError("ERR_SOCKET_CLOSED", "Socket is closed");
}

/** The error of a write whose socket was destroyed while it connected. */
export function closedBeforeConnection(): Error {
  return codedError(
    "ERR_SOCKET_CLOSED_BEFORE_CONNECTION",
    "Socket closed before the connection was established",
  );
}

/** Throws ERR_INVALID_ARG_TYPE: `name` was not `wanted`. */
export function refuseType(name: string, wanted: string, value: unknown): never {
  const what = name.includes(".") ? "property" : "argument";
  throw codedError(
    "ERR_INVALID_ARG_TYPE",
    `The "${name}" ${what} must be ${wanted}. Received ${describe(value)}`,
    TypeError,
  );
}

/** Throws ERR_INVALID_ARG_VALUE for the option `name`; `why` says what to do instead. */
export function refuseValue(name: string, value: unknown, why = ""): never {
  throw codedError(
    "ERR_INVALID_ARG_VALUE",
    `The property '${name}' is not supported. Received ${inspect(value)}${why && `. ${why}`}`,
    TypeError,
  );
}

/** Throws ERR_INVALID_ARG_TYPE unless `value` is a function. */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== "function") refuseType(name, "of type function", value);
}

/** A port, 0 to 65535, from a number or its digits. Throws ERR_INVALID_ARG_TYPE or ERR_SOCKET_BAD_PORT. */
export function checkPort(name: string, value: unknown): number {
  if (typeof value !== "number" && typeof value !== "string")
    refuseType(name, "one of type number or string", value);
  const port = typeof value === "string" && value.trim() === "" ? Number.NaN : Number(value);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw codedError(
      "ERR_SOCKET_BAD_PORT",
      `${name} should be >= 0 and < 65536. Received ${describe(value)}.`,
      RangeError,
    );
  return port;
}

/** A duration in milliseconds. Throws ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE. */
export function checkDuration(name: string, value: unknown): number {
  if (typeof value !== "number") refuseType(name, "of type number", value);
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw codedError(
      "ERR_OUT_OF_RANGE",
      `The value of "${name}" is out of range. It must be a non-negative finite number. Received ${value}`,
      RangeError,
    );
  return value;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  if (typeof value === "function") return `function ${value.name}`;
  if (typeof value === "object") return `an instance of ${value.constructor?.name ?? "Object"}`;
  return `type ${typeof value} (${typeof value === "string" ? `'${value}'` : String(value)})`;
}
