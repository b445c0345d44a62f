// From what a user calls a host to its IPv4 address.

import { isIP } from "node:net";
import { NO_RESOLVER } from "../dns/lookup.js";
import { codedError, nameError, socketError } from "./errors.js";
import { type LookupCallback, notAnAddress, type TcpConnectOptions } from "./options.js";

/** A peer's address, and the family that the resolver gave; or why there is none. */
export type Found = (error: Error | null, address?: string, family?: number) => void;

/** Node's default for a host that is not given. */
export const DEFAULT_HOST = "localhost";

/**
 * Looks `host`, which is not an IPv4 address, up with `options.lookup`. `found` may be called at once or later, and is
 * called once.
 */
export function lookUp(host: string, options: TcpConnectOptions, found: Found): void {
  if (isIP(host) === 6) {
    const at = { address: host, port: Number(options.port) };
    process.nextTick(found, socketError("EAFNOSUPPORT", "connect", { at, hint: "Ferrule speaks IPv4 only" }));
    return;
  }
  if (!options.lookup) {
    process.nextTick(found, nameError(host, NO_RESOLVER));
    return;
  }
  let answered = false;
  const answer: LookupCallback = (error, result, family) => {
    if (answered) return;
    answered = true;
    if (error) {
      found(error);
      return;
    }
    const list = Array.isArray(result) ? result : [{ address: result as string, family: family ?? 0 }];
    const best = list.find((entry) => isIP(entry.address) === 4) ?? list[0];
    found(unusable(best, host, options), best?.address, best?.family);
  };
  options.lookup(host, { family: options.family ?? 4, hints: options.hints ?? 0, all: false }, answer);
}

function unusable(
  found: { address: string; family: number } | undefined,
  host: string,
  { port }: TcpConnectOptions,
): Error | null {
  const kind = isIP(found?.address ?? "");
  if (!found || kind === 0) return notAnAddress(found?.address);
  if (found.family !== 4 && found.family !== 6) {
    const error = codedError(
      "ERR_INVALID_ADDRESS_FAMILY",
      `Invalid address family: ${found.family} ${host}:${port}`,
      RangeError,
    );
    return Object.assign(error, { host, port });
  }
  if (kind === 4) return null;
  const at = { address: found.address, port: Number(port) };
  return socketError("EAFNOSUPPORT", "connect", { at, hint: "Ferrule speaks IPv4 only" });
}
