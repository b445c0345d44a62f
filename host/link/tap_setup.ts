// Makes a TAP interface ready for use: attaches to it or makes it, gives it an address, brings it up. Where that is not
// allowed, the error says which commands do it.

import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { formatIpv4, netmaskOf, parseIpv4 } from "../address.js";
import { Advice } from "../advice.js";
import { SystemCallError } from "./libc.js";
import { addressOf, bringUp, hasInterface, isUp, setAddress } from "./netdev.js";
import { TapLink } from "./tap.js";

/** The interface, and the network between the kernel and the device. */
export interface TapOptions {
  /** Name of the interface, 1 to 15 characters. */
  name: string;
  /** The kernel's IPv4 address there. */
  hostAddress: string;
  /** The device's IPv4 address. */
  deviceAddress: string;
  /** Length of the network's prefix, 1 to 30. */
  prefixLength: number;
  /** The network belongs to others, who give out addresses: an interface that is there keeps what it has. */
  isOthers?: boolean;
}

/**
 * A link to the kernel through the interface `name`, which is up afterwards and has an address. One that was made here goes
 * away with the link; one that was there, made by `ip tuntap add`, stays. Throws Advice.
 */
export async function openTap(options: TapOptions): Promise<TapLink> {
  if (process.platform !== "linux") throw new Advice("a TAP link needs Linux: use --link gateway");
  const existed = hasInterface(options.name);
  if (!existed) refuseUsedNetwork(options);
  const link = attach(options);
  try {
    configure(options, existed);
    return link;
  } catch (error) {
    await link.close();
    throw error;
  }
}

/** Commands that make the interface, for a user who may use sudo. */
export function setupCommands({ name, hostAddress, prefixLength }: TapOptions): string {
  return `  sudo ip tuntap add dev ${name} mode tap user $USER
  sudo ip addr add ${hostAddress}/${prefixLength} dev ${name}
  sudo ip link set ${name} up`;
}

/** True when the process has root's rights only within a user namespace of its own, as `unshare -rn` gives them. */
export function inUserNamespace(): boolean {
  try {
    return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "utf8"));
  } catch {
    return false;
  }
}

function attach(options: TapOptions): TapLink {
  try {
    return new TapLink(options.name);
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    throw new Advice(whyNotAttached(options, error));
  }
}

/** What is wrong when a TAP device cannot be had, and what to do. */
export function whyNotAttached(options: TapOptions, error: SystemCallError): string {
  const { name } = options;
  switch (error.code) {
    case "ENOENT":
    case "ENODEV":
    case "ENXIO":
      return "this kernel has no /dev/net/tun: load its driver (sudo modprobe tun)";
    case "EACCES":
      // Then an interface that is there does not help, and neither does a namespace.
      return "no right to open /dev/net/tun: run this as root, or let others use it (sudo chmod 0666 /dev/net/tun)";
    case "EBUSY":
      return `another process has the interface ${name}: end it, or give another name with --tap`;
    case "EINVAL":
      return `${name} is no TAP interface: give another name with --tap`;
    default:
      return notAllowed(options, error);
  }
}

function configure(options: TapOptions, existed: boolean): void {
  const { name, hostAddress, prefixLength } = options;
  const staysAsItIs = existed && options.isOthers === true;
  try {
    if (!staysAsItIs && !addressOf(name))
      setAddress(name, parseIpv4(hostAddress), parseIpv4(netmaskOf(prefixLength)));
    if (!isUp(name)) bringUp(name);
  } catch (error) {
    if (error instanceof SystemCallError) throw new Advice(notAllowed(options, error));
    throw error;
  }
  if (staysAsItIs) return;
  const address = formatIpv4(addressOf(name) ?? new Uint8Array(4));
  if (!sameNetwork(address, options.deviceAddress, prefixLength))
    throw new Advice(
      `${name} has the address ${address}, which is not in the device's network: ` +
        `give a --device-address beside it, or take the interface away (sudo ip link del ${name})`,
    );
}

function notAllowed(options: TapOptions, { syscall, code }: SystemCallError): string {
  return `no right to set up the interface ${options.name} (${syscall}: ${code}). Either make it first:

${setupCommands(options)}

(sudo ip link del ${options.name} takes it away again), or run this as root, or in a network of its own:

  unshare -rn npm start -- --link tap`;
}

/** A second interface in the same network would take its traffic away. */
function refuseUsedNetwork({ deviceAddress, prefixLength }: TapOptions): void {
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    const clash = addresses.find(
      ({ family, address, cidr }) =>
        family === "IPv4" &&
        sameNetwork(address, deviceAddress, Math.min(prefixLength, Number(cidr?.split("/")[1] ?? 32))),
    );
    if (clash)
      throw new Advice(
        `${name} of this machine is in the network ${clash.cidr} already: ` +
          "give the device an address elsewhere, as in --device-address 192.168.77.2/24",
      );
  }
}

function sameNetwork(left: string, right: string, prefixLength: number): boolean {
  const mask = parseIpv4(netmaskOf(prefixLength));
  const [a, b] = [parseIpv4(left), parseIpv4(right)];
  return mask.every((octet, index) => ((a[index] as number) & octet) === ((b[index] as number) & octet));
}
