// Options of commands whose device may get its address by DHCP, and find names.

import { once } from "node:events";
import { isIPv4 } from "node:net";
import { netmaskOf } from "../address.js";
import { Advice } from "../advice.js";
import type { CoreConfig } from "../core.js";
import { DEVICE_MAC } from "../device.js";
import { DhcpClient } from "../dhcp.js";
import type { Host } from "../host.js";
import type { TapOptions } from "../link/tap_setup.js";
import { UsageError } from "./command.js";

/** How long a DHCP server may take: what RFC 2131's first three tries take, and the probe of the address. */
const LEASE_MS = 40_000;

export const SERVICE_OPTIONS = {
  dhcp: { type: "boolean", default: false },
  dns: { type: "string" },
} as const;

export const SERVICE_HELP = `  --dhcp                 takes address, router and DNS servers from a DHCP server behind the interface
  --dns A                the DNS server, for a URL with a name, when there is no DHCP server`;

/** What the device has besides TCP. */
export interface Services {
  readonly isLeased: boolean;
  readonly dnsServers: string[];
}

/** Undefined when the options ask for none. Throws UsageError. */
export function servicesOf({ dhcp, dns }: { dhcp: boolean; dns?: string | undefined }): Services | undefined {
  if (dns !== undefined && !isIPv4(dns))
    throw new UsageError(`--dns ${dns} is not possible: give an IPv4 address, as in 10.0.0.1`);
  return dhcp || dns !== undefined
    ? { isLeased: dhcp, dnsServers: dns === undefined ? [] : [dns] }
    : undefined;
}

/** The configuration of a device on an interface: with an address unless it gets one by DHCP. */
export function deviceConfig(
  { deviceAddress, hostAddress, prefixLength }: TapOptions,
  services: Services | undefined,
): Pick<CoreConfig, "mac"> & Partial<CoreConfig> {
  return {
    mac: DEVICE_MAC,
    ...(!services?.isLeased && {
      address: deviceAddress,
      netmask: netmaskOf(prefixLength),
      gateway: hostAddress,
    }),
    ...(services && { queries: 1, cacheEntries: 4, dnsServers: services.dnsServers }),
  };
}

/** Waits for a lease: `told` says what it is. Throws Advice when none comes. */
export async function leased(
  host: Host,
  signal: AbortSignal,
): Promise<{ readonly client: DhcpClient; readonly told: string }> {
  const client = new DhcpClient(host, { hostName: "ferrule" });
  try {
    const [{ address, router, dnsServers, leaseSeconds }] = await once(client, "lease", {
      signal: AbortSignal.any([signal, AbortSignal.timeout(LEASE_MS)]),
    });
    const told = `leased ${address} for ${leaseSeconds} s, router ${router ?? "none"}, DNS ${dnsServers.join(" ") || "none"}`;
    return { client, told };
  } catch {
    signal.throwIfAborted();
    throw new Advice(
      `no DHCP server answered in ${LEASE_MS / 1000} s: start one on the interface, or leave --dhcp out`,
    );
  }
}
