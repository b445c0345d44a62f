// The one address that a device has, and what Node's users ask for besides it.

import { formatIpv4 } from "../address.js";
import type { Address } from "../core.js";
import type { Host } from "../host.js";
import { socketError } from "./errors.js";

/** Throws EADDRNOTAVAIL unless `at` is the device's own address, or any (0.0.0.0). `handle`: of a socket of the host. */
export function checkOwnAddress(host: Host, handle: number, at: Address, syscall: "bind" | "listen"): void {
  const own = ownAddress(host, handle);
  if (at.address === "0.0.0.0" || at.address === own) return;
  throw socketError("EADDRNOTAVAIL", syscall, { at, hint: `this device is ${own}` });
}

/** Throws ENETDOWN when the host was closed: nothing would ever happen on a socket of it. */
export function checkOpen(host: Host, at: Address, syscall: "bind" | "connect" | "listen"): void {
  if (host.closed) throw socketError("ENETDOWN", syscall, { at, hint: "its host was closed: make another" });
}

/** What to tell someone who connects to a host from itself, with the socket `handle` or 0; undefined for other addresses. */
export function loopbackHint(host: Host, handle: number, address: string): string | undefined {
  if (!address.startsWith("127.") && address !== ownAddress(host, handle)) return undefined;
  return "the core sends nothing to itself: connect to another host, from another Net";
}

/** Sockets know the address of now, which may not be that of the configuration: DHCP gives another. */
function ownAddress({ core }: Host, handle: number): string {
  return handle === 0 ? formatIpv4(core.config.address) : core.localAddress(handle).address;
}
