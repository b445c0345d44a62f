// Options of commands that use a TAP interface.

import type { TapOptions } from "../link/tap_setup.js";
import { networkAddress, UsageError } from "./command.js";

export const TAP_OPTIONS = {
  tap: { type: "string" },
  "device-address": { type: "string" },
  "host-address": { type: "string" },
} as const;

export const TAP_HELP = `  --tap NAME             the interface, default ferrule0: attached to when it is there, else made and
                         removed again (needs root, or a network of its own: unshare -rn)
  --device-address A/L   the device's IPv4 address and prefix length, default 10.0.0.2/24
  --host-address A       the kernel's address, default the first one of that network that is free`;

type Values = Partial<Record<keyof typeof TAP_OPTIONS, string>>;

/** The interface that the options name. Throws UsageError. */
export function tapOptions(values: Values): TapOptions {
  const device = networkAddress("device-address", values["device-address"] ?? "10.0.0.2/24");
  const hostAddress = values["host-address"] ?? firstFree(device.address, device.prefixLength);
  networkAddress("host-address", `${hostAddress}/${device.prefixLength}`);
  if (hostAddress === device.address) throw new UsageError(`${hostAddress} cannot be both host and device`);
  return {
    name: values.tap ?? "ferrule0",
    hostAddress,
    deviceAddress: device.address,
    prefixLength: device.prefixLength,
  };
}

/** The network's first address, or its second one when the device has that. */
function firstFree(address: string, prefixLength: number): string {
  const toNumber = (text: string) => text.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const toText = (value: number) =>
    [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join(".");
  const hosts = 2 ** (32 - prefixLength);
  const network = Math.floor(toNumber(address) / hosts) * hosts;
  return toText(network + 1) === address ? toText(network + 2) : toText(network + 1);
}
