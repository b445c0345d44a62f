// Interfaces of the Linux kernel, through its ioctls: whether one is there, its address, up or down.

import { Advice } from "../advice.js";
import { AF_INET, check, close, ioctl, O_CLOEXEC, SOCK_DGRAM, SystemCallError, socket } from "./libc.js";

/** linux/sockios.h */
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCGIFADDR = 0x8915;
const SIOCSIFADDR = 0x8916;
const SIOCSIFNETMASK = 0x891c;
const SIOCGIFINDEX = 0x8933;

/** linux/if.h */
const IFF_UP = 1;
const IFREQ_BYTES = 40;
const IFREQ_NAME_BYTES = 16;

/** Offsets in a `struct ifreq`: the flags, or a `struct sockaddr_in` with its address. */
const IFREQ_FLAGS = 16;
const IFREQ_SOCKADDR = 16;
const IFREQ_ADDRESS = 20;

/** A `struct ifreq` for the interface `name`. Throws Advice when that cannot be a name. */
export function interfaceRequest(name: string): Uint8Array<ArrayBuffer> {
  const octets = Buffer.from(name);
  if (octets.length === 0 || octets.length >= IFREQ_NAME_BYTES || /[\s/:%]/.test(name))
    throw new Advice(
      `"${name}" cannot name an interface: 1 to 15 characters, no blank, slash, colon or percent sign`,
    );
  const request = new Uint8Array(IFREQ_BYTES);
  request.set(octets);
  return request;
}

/** Whether this network namespace has an interface `name`. */
export function hasInterface(name: string): boolean {
  return tried(SIOCGIFINDEX, interfaceRequest(name)) !== undefined;
}

/** Whether the interface is up. Throws SystemCallError (ENODEV). */
export function isUp(name: string): boolean {
  return (flagsOf(name) & IFF_UP) !== 0;
}

/** The interface's first IPv4 address, four octets; undefined for none. */
export function addressOf(name: string): Uint8Array | undefined {
  return tried(SIOCGIFADDR, interfaceRequest(name))?.slice(IFREQ_ADDRESS, IFREQ_ADDRESS + 4);
}

/** Gives the interface an IPv4 address and netmask, four octets each. Throws SystemCallError (EPERM). */
export function setAddress(name: string, address: Uint8Array, netmask: Uint8Array): void {
  for (const [request, octets] of [
    [SIOCSIFADDR, address],
    [SIOCSIFNETMASK, netmask],
  ] as const) {
    const record = interfaceRequest(name);
    new DataView(record.buffer).setUint16(IFREQ_SOCKADDR, AF_INET, true);
    record.set(octets, IFREQ_ADDRESS);
    control("set the address", request, record);
  }
}

/** Brings the interface up. Throws SystemCallError (EPERM). */
export function bringUp(name: string): void {
  const record = interfaceRequest(name);
  new DataView(record.buffer).setUint16(IFREQ_FLAGS, flagsOf(name) | IFF_UP, true);
  control("bring up", SIOCSIFFLAGS, record);
}

function flagsOf(name: string): number {
  const record = control("SIOCGIFFLAGS", SIOCGIFFLAGS, interfaceRequest(name));
  return new DataView(record.buffer).getUint16(IFREQ_FLAGS, true);
}

function tried(request: number, record: Uint8Array<ArrayBuffer>): Uint8Array | undefined {
  try {
    return control("ask", request, record);
  } catch (error) {
    if (error instanceof SystemCallError) return undefined;
    throw error;
  }
}

function control(what: string, request: number, record: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  // Any socket will do: it says which namespace is meant.
  const fd = check("socket", socket(AF_INET, SOCK_DGRAM | O_CLOEXEC, 0));
  try {
    check(what, ioctl(fd, request, record));
    return record;
  } finally {
    close(fd);
  }
}
