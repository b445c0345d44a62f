// The TCP state of the Linux kernel's end of a connection, as /proc/net/tcp has it: see proc_net_tcp in the kernel's
// documentation.

import { readFileSync } from "node:fs";
import { parseIpv4 } from "../address.js";
import type { Address } from "../core.js";

/** The second one has sockets of both families, too. */
const FILES = ["/proc/net/tcp", "/proc/net/tcp6"];

const LISTEN = "LISTEN";

/** By the kernel's numbers: include/net/tcp_states.h. */
const NAMES: Readonly<Record<string, string>> = {
  "01": "ESTABLISHED",
  "02": "SYN-SENT",
  "03": "SYN-RECEIVED",
  "04": "FIN-WAIT-1",
  "05": "FIN-WAIT-2",
  "06": "TIME-WAIT",
  "07": "CLOSED",
  "08": "CLOSE-WAIT",
  "09": "LAST-ACK",
  "0A": LISTEN,
  "0B": "CLOSING",
  // A handshake that has no socket yet.
  "0C": "SYN-RECEIVED",
};

/** A socket: addresses in the kernel's hex, ports as numbers. */
interface Entry {
  readonly localPort: number;
  readonly remote: string;
  readonly state: string;
}

export class KernelStates {
  /** Connections that were there. */
  readonly #seen = new Set<string>();

  /** The state of the connection to `port` from `remote`: LISTEN when its SYN would be taken, CLOSED when there is nothing. */
  of(port: number, remote: Address | undefined): string {
    const key = remote && `${hexOf(remote.address)}:${portHex(remote.port)}`;
    // What was a connection has ended, whether somebody listens or not.
    let state = "CLOSED";
    for (const file of FILES) {
      const entries = entriesOf(file).filter(({ localPort }) => localPort === port);
      // An address of IPv6 ends with the one of IPv4 that it holds.
      const found = key && entries.find((entry) => entry.remote.endsWith(key) && entry.state !== LISTEN);
      if (found) {
        this.#seen.add(key);
        return found.state;
      }
      const isOver = key !== undefined && this.#seen.has(key);
      if (!isOver && entries.some((entry) => entry.state === LISTEN)) state = LISTEN;
      // The kernel walks a table of its own for each file, which takes a millisecond or so.
      if (state === LISTEN && key === undefined) break;
    }
    return state;
  }
}

function entriesOf(file: string): Entry[] {
  const lines = read(file).split("\n").slice(1);
  return lines.flatMap((line) => {
    const [, local = "", remote = "", state = ""] = line.trim().split(/\s+/);
    const localPort = Number.parseInt(local.split(":")[1] ?? "", 16);
    return remote === "" ? [] : [{ localPort, remote, state: NAMES[state] ?? state }];
  });
}

/** Nothing where there is no such file: another system, or a kernel without IPv6. */
function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

/** As the kernel prints it: a word of memory, in the machine's order. */
function hexOf(address: string): string {
  const octets = parseIpv4(address).slice();
  const [word = 0] = new Uint32Array(octets.buffer);
  return word.toString(16).padStart(8, "0").toUpperCase();
}

function portHex(port: number): string {
  return port.toString(16).padStart(4, "0").toUpperCase();
}
