// What happens in one seed: hosts and their configurations, paths, blackouts, reboots, connections and what the
// applications at their ends do. All of it is drawn here, before anything runs.

import { ConfigFlag } from "../abi.js";
import type { CoreConfig } from "../core.js";
import { type Blackout, CLEAN_PATH, type PathOptions } from "./network.js";
import { Prng } from "./prng.js";

/** What an application does with its end of a connection. Times in milliseconds. */
export interface Script {
  /** Octets to write in all. */
  readonly writeBytes: number;
  /** Octets written at once, at most. */
  readonly pieceBytes: number;
  /** Time between two pieces. */
  readonly writePauseMs: number;
  /** `reply`: nothing is written before the peer's end of stream. */
  readonly replies: boolean;
  /** A conversation: `mine` octets are written for each `theirs` that came; the one who is `first` begins. */
  readonly chat?: { readonly mine: number; readonly theirs: number; readonly first: boolean };
  /** Octets read at once, at most. */
  readonly readBytes: number;
  /** Time between two reads; 0: all there is. */
  readonly readPauseMs: number;
  /** Stops reading once so many octets were read; below 0 never. */
  readonly stopAt: number;
  /** For so long. */
  readonly stopMs: number;
  /**
   * `shutdown` when all is written, `afterEof`: once the peer has ended too; both then read to the end and close.
   * `close` and `abort` do so `rudeMs` after `connect` or `accept`, whatever was read and written.
   */
  readonly end: "shutdown" | "afterEof" | "close" | "abort";
  readonly rudeMs: number;
  /** Keeps the handle until CLOSED before it is closed. */
  readonly waitsForClosed: boolean;
  readonly noDelay: boolean;
  readonly keepaliveMs: number;
  readonly userTimeoutMs: number;
  /** Every so many pieces are urgent; 0 for none. */
  readonly urgentEvery: number;
}

export interface ConnectionPlan {
  readonly startMs: number;
  readonly from: number;
  /** Host, or -1 for an address that nobody has. */
  readonly to: number;
  readonly port: number;
  /** 0 lets the core choose. */
  readonly localPort: number;
  /** The other side opens actively too, from `port` to `localPort`. */
  readonly crossing: boolean;
  /** How often the connection is opened again from the same port once it has ended, and how soon. */
  readonly repeats: number;
  readonly repeatAfterMs: number;
  readonly client: Script;
  readonly server: Script;
}

export interface ListenerPlan {
  readonly port: number;
  readonly backlog: number;
  /** Time that the application takes until it accepts. */
  readonly acceptMs: number;
  /** When it is closed for a while, or 0. */
  readonly closesAtMs: number;
  readonly closedMs: number;
}

export interface HostPlan {
  readonly config: Omit<CoreConfig, "seed">;
  /** Added to virtual time to get the core's clock. */
  readonly clockOffset: number;
  /** Up to so long after a frame came does the host call `output`. */
  readonly lagMs: number;
  readonly rebootsMs: readonly number[];
  readonly listeners: readonly ListenerPlan[];
}

export interface Scenario {
  readonly seed: number;
  readonly hosts: readonly HostPlan[];
  readonly paths: readonly (readonly PathOptions[])[];
  readonly blackouts: readonly Blackout[];
  /** From here on the network is clean. */
  readonly healMs: number;
  readonly connections: readonly ConnectionPlan[];
  /** Forged segments, and the time in which they come. */
  readonly attacks: number;
  readonly attacksMs: number;
  /** Nothing is ever lost, and no host reboots. */
  readonly pristine: boolean;
}

/** A port on which nobody listens. */
export const DEAD_PORT = 99;
export const FIRST_PORT = 7000;
const FIXED_PORT = 20_000;
/** Longer than any run. */
const FOR_EVER_MS = 1e9;
/** Pieces of a stream with pauses between them, at most. */
const PIECES = 200;
/** Frames stay on the way for at most about so long. */
const LATE_MS = 3_000;

/** Everything of `seed`. */
export function draw(seed: number): Scenario {
  const prng = new Prng(seed);
  const pristine = prng.chance(0.12);
  const count = prng.chance(0.7) ? 2 : 3 + prng.below(2);
  const healMs = 60_000 + prng.below(60_000);
  const reboots = !pristine && prng.chance(0.2);
  const hosts = Array.from({ length: count }, (_, index) => drawHost(prng, index, reboots && index === 1));
  return {
    seed,
    pristine,
    hosts,
    paths: drawPaths(prng, count, pristine),
    blackouts: pristine || prng.chance(0.6) ? [] : drawBlackouts(prng, count),
    healMs,
    connections: drawConnections(prng, hosts, reboots),
    attacks: prng.chance(0.2) ? magnitude(prng, 5, 500) : 0,
    attacksMs: magnitude(prng, 1_000, 30_000),
  };
}

function pick<T>(prng: Prng, values: readonly T[]): T {
  return values[prng.below(values.length)] as T;
}

/** A number from `least` to `most`, small ones as likely as large ones by their order of magnitude. */
function magnitude(prng: Prng, least: number, most: number): number {
  return Math.floor(least * (most / least) ** prng.fraction());
}

function drawHost(prng: Prng, index: number, reboots: boolean): HostPlan {
  const ring = () => (prng.chance(0.05) ? 131_072 : magnitude(prng, 256, 32_768) & ~3);
  const few = prng.chance(0.3);
  return {
    config: {
      mac: `02:00:00:00:00:0${index + 1}`,
      address: `10.0.0.${index + 1}`,
      flags: prng.chance(0.2) ? ConfigFlag.NO_TIMESTAMPS : 0,
      mtu: prng.chance(0.6) ? 1500 : 576 + prng.below(925),
      connections: few ? 1 + prng.below(3) : 4 + prng.below(8),
      listeners: 2,
      sendRingBytes: ring(),
      receiveRingBytes: ring(),
      synEntries: prng.chance(0.3) ? 1 + prng.below(2) : 8,
      timeWaitEntries: prng.chance(0.3) ? 1 + prng.below(2) : 8,
      reassemblyRanges: pick(prng, [0, 1, 2, 3, 4, 4, 4, 8]),
      arpEntries: prng.chance(0.3) ? 1 + prng.below(2) : 8,
      delayedAckMs: pick(prng, [0, 20, 40, 40, 200, 500]),
      rtoMinMs: pick(prng, [200, 200, 200, 1000, 20]),
      timeWaitMs: pick(prng, [60_000, 60_000, 10_000, 5_000]),
      finWait2Ms: pick(prng, [60_000, 60_000, 5_000]),
      synRetries: pick(prng, [5, 5, 5, 2]),
      dataRetries: pick(prng, [12, 12, 12, 6]),
    },
    clockOffset: prng.chance(0.5) ? 2 ** 32 - prng.below(60_000) : prng.next(),
    lagMs: prng.chance(0.2) ? 1 + prng.below(20) : 0,
    rebootsMs: reboots ? [2_000 + prng.below(20_000)] : [],
    listeners: [FIRST_PORT, FIRST_PORT + 1].map((port) => ({
      port,
      backlog: prng.chance(0.3) ? 1 : 8,
      acceptMs: prng.chance(0.2) ? prng.below(2_000) : 0,
      closesAtMs: prng.chance(0.1) ? 1 + prng.below(12_000) : 0,
      closedMs: prng.below(3_000),
    })),
  };
}

function drawPaths(prng: Prng, count: number, pristine: boolean): PathOptions[][] {
  const one = pristine ? () => ({ ...CLEAN_PATH, delayMs: prng.below(50) }) : () => drawPath(prng);
  const same = one();
  // Often both directions and all pairs are alike.
  const alike = prng.chance(0.5);
  return Array.from({ length: count }, () => Array.from({ length: count }, () => (alike ? same : one())));
}

function drawPath(prng: Prng): PathOptions {
  const some = (chance: number, most: number) => (prng.chance(chance) ? prng.fraction() * most : 0);
  const limited = prng.chance(0.3);
  return {
    delayMs: magnitude(prng, 1, 200),
    jitterMs: some(0.4, 20),
    loss: some(0.6, pick(prng, [0.03, 0.15, 0.3])),
    burst: some(0.2, 0.01),
    burstFrames: 5 + prng.below(20),
    reorder: some(0.4, 0.1),
    reorderMs: prng.below(300),
    duplicate: some(0.3, 0.1),
    duplicateMs: pick(prng, [0, 50, LATE_MS]),
    corrupt: some(0.3, 0.05),
    rate: limited ? magnitude(prng, 8, 2_000) : 0,
    queueBytes: magnitude(prng, 3_000, 30_000),
  };
}

function drawBlackouts(prng: Prng, count: number): Blackout[] {
  return Array.from({ length: 1 + prng.below(2) }, () => {
    const fromMs = prng.below(30_000);
    const toMs = fromMs + magnitude(prng, 200, 30_000);
    return { host: prng.below(count), fromMs, toMs, isNoticed: prng.chance(0.4) };
  });
}

function drawConnections(prng: Prng, hosts: readonly HostPlan[], reboots: boolean): ConnectionPlan[] {
  return Array.from({ length: 2 + prng.below(8) }, (_, index) => drawConnection(prng, hosts, index, reboots));
}

function drawConnection(
  prng: Prng,
  hosts: readonly HostPlan[],
  index: number,
  reboots: boolean,
): ConnectionPlan {
  const from = prng.below(hosts.length);
  const to = (from + 1 + prng.below(hosts.length - 1)) % hosts.length;
  const rings = [from, to].map((host) => hosts[host]?.config.sendRingBytes ?? 0);
  const most = Math.max(...rings) * 6;
  const [client, server] = drawScripts(prng, Math.min(Math.max(most, 20_000), 200_000));
  const base = { startMs: prng.below(12_000), from, to, client, server, crossing: false };
  const kind = prng.fraction();
  const fixed = FIXED_PORT + index * 2;
  if (kind < 0.05) return plan({ ...base, port: DEAD_PORT });
  if (kind < 0.08) return plan({ ...base, to: -1, port: FIRST_PORT });
  if (kind < 0.16 && !reboots) return plan({ ...base, crossing: true, port: fixed + 1, localPort: fixed });
  const port = FIRST_PORT + prng.below(2);
  if (kind < 0.35)
    return plan({
      ...base,
      port,
      localPort: fixed,
      repeats: 1 + prng.below(2),
      // Longer than frames stay on the way: with an abort there is no TIME-WAIT that keeps them out.
      repeatAfterMs: isRude(client) || isRude(server) ? LATE_MS + 1_000 : prng.below(1_500),
    });
  return plan({ ...base, port });
}

function plan(
  partial: Partial<ConnectionPlan> & Omit<ConnectionPlan, "localPort" | "repeats" | "repeatAfterMs">,
) {
  return { localPort: 0, repeats: 0, repeatAfterMs: 0, ...partial };
}

function isRude({ end }: Script): boolean {
  return end === "close" || end === "abort";
}

function drawScripts(prng: Prng, most: number): [client: Script, server: Script] {
  const client = drawScript(prng, most);
  const server = drawScript(prng, most);
  const kind = prng.fraction();
  if (kind < 0.15) return drawChat(prng, client, server);
  if (kind < 0.3) return [client, { ...server, replies: true, end: "afterEof" }];
  if (kind < 0.4) return [{ ...client, end: "afterEof" }, server];
  if (kind < 0.5) return [client, { ...server, writeBytes: 0, end: "afterEof" }];
  if (kind < 0.6) return [rude(prng, client), server];
  if (kind < 0.7) return [client, rude(prng, server)];
  return [client, server];
}

function drawChat(prng: Prng, client: Script, server: Script): [Script, Script] {
  const [asks, answers] = [magnitude(prng, 1, 2_000), magnitude(prng, 1, 4_000)];
  const rounds = 1 + prng.below(12);
  return [
    { ...client, writeBytes: asks * rounds, chat: { mine: asks, theirs: answers, first: true } },
    {
      ...server,
      writeBytes: answers * rounds,
      chat: { mine: answers, theirs: asks, first: false },
      end: "afterEof",
    },
  ];
}

function rude(prng: Prng, script: Script): Script {
  const end = prng.chance(0.5) ? "close" : "abort";
  const never = prng.chance(0.3) ? { stopAt: prng.below(500), stopMs: FOR_EVER_MS } : {};
  return { ...script, ...never, end, rudeMs: magnitude(prng, 1, 20_000), waitsForClosed: false };
}

function drawScript(prng: Prng, most: number): Script {
  const paced = prng.chance(0.3);
  const slow = prng.chance(0.25);
  const stops = prng.chance(0.25);
  const pieceBytes = paced ? 1 + prng.below(1_500) : magnitude(prng, 16, 16_000);
  const writeMost = paced ? Math.min(most, pieceBytes * PIECES) : most;
  return {
    writeBytes: prng.chance(0.1) ? 0 : magnitude(prng, 1, writeMost),
    pieceBytes,
    writePauseMs: paced ? 1 + prng.below(120) : 0,
    replies: false,
    readBytes: slow ? magnitude(prng, 100, 5_000) : 1 + prng.below(20_000),
    readPauseMs: slow ? 1 + prng.below(150) : 0,
    stopAt: stops ? prng.below(most / 2) : -1,
    stopMs: magnitude(prng, 100, 40_000),
    end: "shutdown",
    rudeMs: 0,
    waitsForClosed: prng.chance(0.5),
    noDelay: prng.chance(0.3),
    keepaliveMs: prng.chance(0.15) ? magnitude(prng, 500, 20_000) : 0,
    userTimeoutMs: prng.chance(0.07) ? magnitude(prng, 3_000, 60_000) : 0,
    urgentEvery: prng.chance(0.1) ? 1 + prng.below(5) : 0,
  };
}
