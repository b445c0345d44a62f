// A core with queries, and one of them, for tests of one file at a time.

import { parseIpv4 } from "../../../host/address.js";
import { encodeName } from "../../dns/codec.js";
import { DEVICE, frameOf, PEER, type UnitConfig, UnitCore } from "../core.js";

export type Query = Record<
  | ("remoteAddress" | "ports" | "kind" | "events" | "handle" | "deadline" | "ttl" | "stream" | "client")
  | ("clientPort" | "id" | "error" | "phase" | "tries" | "aliases" | "plain" | "taken" | "addresses"),
  number
>;

export interface Staged {
  readonly core: UnitCore;
  /** Address of the first query. */
  readonly at: number;
  readonly q: Query;
  readonly handle: number;
}

/** A core whose DNS server is PEER, with its MAC known, and one open query. */
export function withQuery(config: UnitConfig = {}): Staged {
  const core = new UnitCore({
    ...{ queries: 2, cacheEntries: 2, dnsServer0: parseIpv4(PEER.address) },
    ...{ sendRingBytes: 2048, receiveRingBytes: 2048 },
    ...config,
  });
  core.functions("net/arp", "receive").receive(
    core.putFrame(
      frameOf({
        arp: { operation: 2, senderMac: PEER.mac, senderIp: PEER.address, targetIp: DEVICE.address },
      }),
    ) - 14,
  );
  const handle = core.functions("services/dns", "open").open();
  const at = core.functions("services/dns_query", "queryOf").queryOf(handle);
  return { core, at, q: core.record<Query>("services/dns_query", "Query", at), handle };
}

/** Where the name of the query is. */
export function placeOfName({ core, at }: Staged): number {
  return core.functions("services/dns_query", "nameOf").nameOf(at);
}

/** Gives the query a name as on the wire, as `commit` would. */
export function putName(staged: Staged, name: string): void {
  const at = placeOfName(staged);
  staged.core.memory.fill(0, at, at + 260);
  staged.core.memory.set(encodeName(name), at);
}

/** Starts the look-up of a name. Returns the Status. */
export function look(staged: Staged, name: string): number {
  const { core, at } = staged;
  core.memory.set(
    Uint8Array.from(name, (letter) => letter.charCodeAt(0)),
    placeOfName(staged) + 1,
  );
  return core.functions("services/dns", "commit").commit(at, name.length);
}
