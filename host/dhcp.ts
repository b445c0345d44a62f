// A DHCP client over a core: RFC 2131, and link-local addresses (RFC 3927) when no server answers. It needs the standard
// build of the core. The core takes what a lease says into use by itself: address, netmask, router, DNS servers, MTU.

import { EventEmitter } from "node:events";
import { DhcpState, Event, type Lease } from "./abi.js";
import { formatIpv4 } from "./address.js";
import type { DhcpOptions } from "./core.js";
import type { Host } from "./host.js";
import { toSocketError } from "./net/errors.js";

export type { DhcpOptions } from "./core.js";

/** What a server has leased, or that there is a link-local address in its place. */
export interface DhcpLease {
  /** The device's address. */
  address: string;
  /** Whether it is a link-local one, that no server gave: all that follows is missing then. */
  isLinkLocal: boolean;
  netmask: string | undefined;
  /** Default router. */
  router: string | undefined;
  /** At most two. */
  dnsServers: string[];
  ntpServer: string | undefined;
  /** The server that granted it. */
  server: string | undefined;
  domain: string | undefined;
  /** MTU of the network, when the server says so. */
  mtu: number | undefined;
  /** How long it lasts, and when it is renewed and rebound, in seconds from its begin; Infinity for ever. */
  leaseSeconds: number;
  renewSeconds: number;
  rebindSeconds: number;
}

export interface DhcpEvents {
  /** There is a lease, or a link-local address; or it was renewed, or is another one. */
  lease: [DhcpLease];
  /** The address is not ours any more. The client looks for another. */
  lost: [];
  /** It was released. */
  close: [];
}

/** The states in which there is a lease. */
const LEASED: ReadonlySet<number> = new Set<number>([
  DhcpState.BOUND,
  DhcpState.RENEWING,
  DhcpState.REBINDING,
  DhcpState.REBOOTING,
]);

const FOR_EVER = 2 ** 32 - 1;

export class DhcpClient extends EventEmitter<DhcpEvents> {
  readonly #host: Host;
  #handle: number;

  /** Begins to look for a server. A host has one client: throws ENOBUFS for a second one. */
  constructor(host: Host, options: DhcpOptions = {}) {
    super();
    this.#host = host;
    try {
      this.#handle = host.core.openDhcp(options);
    } catch (error) {
      throw toSocketError(error, "dhcp");
    }
    host.watch(this.#handle, (events) => this.#onEvents(events));
    host.kick();
  }

  /** What is in use; undefined when there is nothing. */
  lease(): DhcpLease | undefined {
    return this.#handle === 0 ? undefined : describe(this.#host.core.lease(this.#handle));
  }

  /** What the client does, "SELECTING" or "BOUND" (RFC 2131 figure 5); "CLOSED" after `release`. */
  get state(): keyof typeof DhcpState {
    const state = this.#handle === 0 ? DhcpState.CLOSED : this.#host.core.lease(this.#handle).state;
    return STATE_NAMES.get(state) ?? "CLOSED";
  }

  /** Gives the address back to its server, and ends: the device has none any more. "close" follows. */
  release(): void {
    if (this.#handle === 0) return;
    this.#host.unwatch(this.#handle);
    this.#host.core.close(this.#handle);
    this.#host.kick();
    this.#handle = 0;
    process.nextTick(() => this.emit("close"));
  }

  #onEvents(events: number): void {
    if (events & Event.FAILED) this.emit("lost");
    const lease = events & Event.READABLE ? this.lease() : undefined;
    if (lease) this.emit("lease", lease);
  }
}

const STATE_NAMES = new Map<number, keyof typeof DhcpState>(
  Object.entries(DhcpState).map(([name, value]) => [value as number, name as keyof typeof DhcpState]),
);

function describe(lease: Lease): DhcpLease | undefined {
  const isLeased = LEASED.has(lease.state);
  const linkLocal = given(lease.linkLocal);
  if (!isLeased && !linkLocal) return undefined;
  const text = (octets: Uint8Array) => (isLeased ? given(octets) : undefined);
  const seconds = (count: number) => (isLeased && count !== FOR_EVER ? count : Number.POSITIVE_INFINITY);
  return {
    address: isLeased ? formatIpv4(lease.address) : (linkLocal as string),
    isLinkLocal: !isLeased,
    netmask: text(lease.netmask),
    router: text(lease.router),
    dnsServers: [text(lease.dnsServer0), text(lease.dnsServer1)].filter((server) => server !== undefined),
    ntpServer: text(lease.ntpServer),
    server: text(lease.server),
    domain: isLeased
      ? Buffer.from(lease.domain).toString("latin1", 0, lease.domainBytes) || undefined
      : undefined,
    mtu: (isLeased && lease.mtu) || undefined,
    leaseSeconds: seconds(lease.leaseSeconds),
    renewSeconds: seconds(lease.renewSeconds),
    rebindSeconds: seconds(lease.rebindSeconds),
  };
}

/** The address as text; undefined for zero. */
function given(octets: Uint8Array): string | undefined {
  return octets.some((octet) => octet !== 0) ? formatIpv4(octets) : undefined;
}
