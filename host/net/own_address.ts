// The one address that a device has, and what Node's users ask for besides it.

import { formatIpv4 } from "../address.js";
import type { Address } from "../core.js";
import type { Host } from "../host.js";
import { socketError } from "./errors.js";

/** Throws EADDRNOTAVAIL unless `at` is the device's own address, or any (0.0.0.0). */
export function checkOwnAddress(host: Host, at: Address, syscall: "bind" | "listen"): void {
  if (at.address === "0.0.0.0" || at.address === ownAddress(host)) return;
  throw socketError("EADDRNOTAVAIL", syscall, { at, hint: `this device is ${ownAddress(host)}` });
}

/** What to tell someone who connects to a host from itself; undefined for other addresses. */
export function loopbackHint(host: Host, address: string): string | undefined {
  if (!address.startsWith("127.") && address !== ownAddress(host)) return undefined;
  return "the core sends nothing to itself: connect to another host, from another Net";
}

function ownAddress({ core }: Host): string {
  return formatIpv4(core.config.address);
}
