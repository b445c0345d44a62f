// Options of commands that use a TAP interface.

import type { TapOptions } from "../link/tap_setup.js";
import { networkAddress, UsageError } from "./command.js";

export const TAP_OPTIONS = {
  tap: { type: "string" },
  "device-address": { type: "string" },
  "host-address": { type: "string" },
} as const;

const ADDRESS_HELP = `  --device-address A/L   the device's IPv4 address and prefix length, default 10.0.0.2/24
  --host-address A       the kernel's address, default the first one of that network that is free`;

export const TAP_HELP = `  --tap NAME             the interface, default ferrule0: attached to when it is there, else made and
                         removed again (needs root, or a network of its own: unshare -rn)
${ADDRESS_HELP}`;

/** For a command that needs no interface: `--tap` asks for one. */
export const OPTIONAL_TAP_HELP = `  --tap NAME             the interface: attached to when it is there, else made and removed again (needs
                         root, or a network of its own: unshare -rn)
${ADDRESS_HELP}`;

type Values = Partial<Record<keyof typeof TAP_OPTIONS, string>>;

/** The interface that the options name. Throws UsageError. */
export function tapOptions(values: Values): TapOptions {
  const device = networkAddress("device-address", values["device-address"] ?? "10.0.0.2/24");
  const hostAddress = values["host-address"] ?? firstFree(device);
  const host = networkAddress("host-address", `${hostAddress}/${device.prefixLength}`);
  refuseUnusable("device-address", device);
  refuseUnusable("host-address", host);
  if (networkOf(host) !== networkOf(device))
    throw new UsageError(`--host-address ${hostAddress} is not in the device's network: give one beside it`);
  if (hostAddress === device.address) throw new UsageError(`${hostAddress} cannot be both host and device`);
  return {
    name: values.tap ?? "ferrule0",
    hostAddress,
    deviceAddress: device.address,
    prefixLength: device.prefixLength,
  };
}

/** The network's first address, or its second one when the device has that. */
function firstFree(device: Network): string {
  const first = networkOf(device) + 1;
  return toText(first) === device.address ? toText(first + 1) : toText(first);
}

/** Throws UsageError for an address that no host of the network can have. */
function refuseUnusable(name: string, { address, prefixLength }: Network): void {
  const inNetwork = toNumber(address) - networkOf({ address, prefixLength });
  const isEdge = inNetwork === 0 || inNetwork === hostsOf(prefixLength) - 1;
  const [first = 0] = address.split(".").map(Number);
  // This network, loopback, multicast and reserved: RFC 1122 section 3.2.1.3.
  if (isEdge || first === 0 || first === 127 || first >= 224)
    throw new UsageError(
      `--${name} ${address} cannot be a host's in a network with prefix length ${prefixLength}: ` +
        "give another, as in 10.0.0.2/24",
    );
}

type Network = ReturnType<typeof networkAddress>;

/** Addresses that a network has. */
function hostsOf(prefixLength: number): number {
  return 2 ** (32 - prefixLength);
}

/** The first address of the network, as a number. */
function networkOf({ address, prefixLength }: Network): number {
  return Math.floor(toNumber(address) / hostsOf(prefixLength)) * hostsOf(prefixLength);
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function toText(value: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join(".");
}
