// Why a name has no address, as Node's two resolvers put it.

import { Status } from "../abi.js";
import { CoreError } from "../core.js";

/** What `resolve4` says, in the words of c-ares. */
const RESOLVE_CODES: Readonly<Record<number, string>> = {
  [Status.NOT_FOUND]: "ENOTFOUND",
  [Status.TIMED_OUT]: "ETIMEOUT",
  [Status.UNREACHABLE]: "ECONNREFUSED",
  [Status.INVALID_ARGUMENT]: "EBADNAME",
  [Status.NO_SOCKET]: "ENOMEM",
  [Status.ABORTED]: "ECANCELLED",
};

/** What `lookup` says, in those of getaddrinfo: its code and number. */
const AGAIN = ["EAI_AGAIN", -3001] as const;
const NOT_FOUND = ["ENOTFOUND", -3008] as const;

/** The core's refusal as `dns.resolve4` puts it: "queryA ENOTFOUND nowhere.example". */
export function resolveError(error: Error, hostname: string): Error {
  const code = error instanceof CoreError ? RESOLVE_CODES[error.status] : undefined;
  if (!code) return error;
  return Object.assign(new Error(`queryA ${code} ${hostname}${hint(error)}`), {
    code,
    syscall: "queryA",
    hostname,
  });
}

/** The core's refusal as `dns.lookup` puts it: "getaddrinfo ENOTFOUND nowhere.example". */
export function lookupError(error: Error, hostname: string): Error {
  if (!(error instanceof CoreError) || !RESOLVE_CODES[error.status]) return error;
  const isAnswer = error.status === Status.NOT_FOUND || error.status === Status.INVALID_ARGUMENT;
  const [code, errno] = isAnswer ? NOT_FOUND : AGAIN;
  return Object.assign(new Error(`getaddrinfo ${code} ${hostname}${hint(error)}`), {
    errno,
    code,
    syscall: "getaddrinfo",
    hostname,
  });
}

function hint(error: Error): string {
  if (!(error instanceof CoreError) || error.status !== Status.UNREACHABLE) return "";
  return " - the device knows no DNS server: give dnsServers, or run a DhcpClient";
}
