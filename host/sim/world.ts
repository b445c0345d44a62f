// One run of the simulation: hosts on a network in virtual time, all of it from one seed, and all that must hold at the
// end.

import { Counter, SocketKind, Status, TcpState } from "../abi.js";
import { CoreError, statusName } from "../core.js";
import type { Engine } from "../engines/engine.js";
import { formatMac } from "../packet/index.js";
import type { Sink } from "../pcapng/writer.js";
import { Recorder } from "../record/recorder.js";
import { forge } from "./attacker.js";
import { VirtualClock } from "./clock.js";
import { End, FAILURES } from "./end.js";
import { check, SimFailure } from "./failure.js";
import type { Layout } from "./layout.js";
import { type Mishap, Network } from "./network.js";
import { Prng } from "./prng.js";
import { type ConnectionPlan, DEAD_PORT, draw, type Scenario } from "./scenario.js";
import { SimHost } from "./sim_host.js";
import { Statistics } from "./statistics.js";
import { Trace } from "./trace.js";
import { WireMonitor } from "./wire_monitor.js";

/** Bounds on a run: more is a failure. Virtual time in milliseconds. */
const TIME_MAX_MS = 4_000_000;
const FRAMES_MAX = 60_000;
const STEPS_MAX = 3_000_000;
/** Time until nothing may be left, after all applications are done: TIME-WAIT, FIN-WAIT-2, SYN-ACKs, and dead peers. */
const LEFT_MS = 1_500_000;
/** A core without a free record is asked again after so long, so often. */
const RETRY_MS = 1_000;
const RETRIES = 30;

/** What a run needs besides its seed. */
export interface Setting {
  /** Makes an engine whose core has never run; kept from run to run, one per host. */
  readonly engines: (host: number) => Engine;
  readonly layout: Layout;
  /** The module that the engines run. */
  readonly wasm: Uint8Array;
  /** Takes a recording of each run. */
  readonly record?: Sink;
}

/** Interferences with a run, for tests of the checker. */
export interface Interference {
  /** Changes the scenario before the run. */
  readonly scenario?: (scenario: Scenario) => Scenario;
  /** Called once the hosts are up. */
  readonly onStart?: (world: World) => void;
}

export interface RunResult {
  readonly seed: number;
  /** What broke, or undefined. */
  readonly failure?: { readonly what: string; readonly step: number; readonly atMs: number };
  readonly trace: Trace;
  readonly statistics: Statistics;
  readonly frames: number;
}

/** Runs one seed. Never throws: what breaks is in the result. */
export function runSeed(
  seed: number,
  setting: Setting,
  interference: Interference = {},
  onLine?: (line: string) => void,
): RunResult {
  const drawn = draw(seed);
  const scenario = interference.scenario?.(drawn) ?? drawn;
  const world = new World(scenario, setting, onLine);
  let failure: RunResult["failure"];
  try {
    world.run(interference.onStart);
  } catch (error) {
    const what = error instanceof SimFailure ? error.message : ((error as Error).stack ?? String(error));
    failure = { what: `${what}\n  during ${world.lastCall}`, step: world.steps, atMs: world.clock.now() };
  } finally {
    world.recorder?.close();
  }
  const { trace, statistics, frames } = world;
  return { seed, ...(failure ? { failure } : {}), trace, statistics, frames };
}

export class World {
  readonly clock = new VirtualClock(0);
  readonly statistics = new Statistics();
  readonly network: Network;
  readonly monitor = new WireMonitor(this.statistics);
  readonly trace: Trace;
  readonly hosts: SimHost[] = [];
  readonly layout: Layout;
  readonly ends: End[] = [];
  readonly recorder: Recorder | undefined;
  steps = 0;
  frames = 0;
  #lastHost = 0;
  #lastName = "boot";
  #opened = 0;
  readonly #byNumbers = new Map<string, End>();
  readonly #planOf = new Map<End, ConnectionPlan>();
  /** Ends whose peers were reset after all had arrived. */
  readonly #mustBeWhole: End[] = [];

  constructor(
    readonly scenario: Scenario,
    setting: Setting,
    onLine?: (line: string) => void,
  ) {
    this.layout = setting.layout;
    this.recorder = setting.record && new Recorder(setting.record, { clock: this.clock });
    this.trace = new Trace(this.clock, this.monitor.bases, onLine);
    const prng = new Prng(scenario.seed ^ 0x5eed);
    this.network = new Network(this.clock, prng, scenario.paths, scenario.blackouts, {
      onDropped: (from, to, frame, why) => this.#onDropped(from, to, frame, why),
    });
    for (const [index, plan] of scenario.hosts.entries()) {
      const engine = setting.engines(index);
      const recorded = this.recorder?.wrap(engine, { name: `host ${index}`, wasm: setting.wasm }) ?? engine;
      const host = new SimHost(this, index, plan, recorded, new Prng(scenario.seed * 8 + index));
      this.hosts.push(host);
      this.network.attach(host.mac, (frame, from) => {
        this.trace.arrives(from, index, frame);
        host.receive(frame);
      });
    }
  }

  get lastCall(): string {
    return `${this.#lastName} of host ${this.#lastHost}`;
  }

  /** Runs to the end. Throws SimFailure. */
  run(onStart?: (world: World) => void): void {
    const { clock, scenario } = this;
    for (const host of this.hosts) host.start();
    onStart?.(this);
    for (const plan of scenario.connections) {
      this.#opened += plan.crossing ? 2 : 1;
      clock.after(plan.startMs, () => this.#open(plan, 0));
    }
    this.#planMishaps();
    clock.after(scenario.healMs, () => {
      this.note(() => "the network is clean from here on");
      this.network.heal();
    });
    this.#runUntil(() => this.#opened === 0, TIME_MAX_MS, "applications are not done");
    if (clock.now() < scenario.healMs) clock.advance(scenario.healMs - clock.now());
    for (const host of this.hosts) host.stop();
    this.#runUntil(() => this.hosts.every((host) => this.#isEmpty(host)), LEFT_MS, "records are left");
    for (const host of this.hosts) host.checker.checkAllMemory();
    this.#checkEnds();
    this.#count();
  }

  /** Reboots, listeners that close for a while, and links that go down and up with notice. */
  #planMishaps(): void {
    const { clock } = this;
    for (const host of this.hosts) {
      for (const ms of host.plan.rebootsMs) clock.after(ms, () => host.reboot());
      for (const plan of host.plan.listeners)
        if (plan.closesAtMs) clock.after(plan.closesAtMs, () => host.pause(plan));
    }
    const { attacks, attacksMs, seed } = this.scenario;
    const prng = new Prng(seed ^ 0xbad);
    for (let attack = 0; attack < attacks; attack++)
      clock.after(prng.below(attacksMs), () => this.#attack(prng));
    for (const { host, fromMs, toMs, isNoticed } of this.scenario.blackouts) {
      if (!isNoticed) continue;
      clock.after(fromMs, () => this.hosts[host]?.linkChanged(false));
      clock.after(toMs, () => this.hosts[host]?.linkChanged(true));
    }
  }

  /** Sends a forged segment into a connection that is open. */
  #attack(prng: Prng): void {
    const targets = this.ends.filter((end) => end.outcome === undefined && end.connected && end.peer);
    const end = targets[prng.below(targets.length)];
    if (!end?.peer) return;
    const { host, handle, peer } = end;
    if (host.call("state", (core) => core.tcpState(handle)) < TcpState.ESTABLISHED) return;
    const frame = forge(host, handle, peer.host, prng);
    this.trace.note(() => `forged, to ${end.name}:`);
    this.trace.arrives(peer.host.index, host.index, frame);
    this.statistics.add("forged segments");
    host.receive(frame);
  }

  /** Notes which call comes now. */
  step(host: number, name: string): void {
    this.#lastHost = host;
    this.#lastName = name;
    check(++this.steps <= STEPS_MAX, () => "too many steps: no end in sight");
  }

  note(what: () => string): void {
    this.trace.note(what);
  }

  /** A host sends a frame. */
  onFrame(host: SimHost, frame: Uint8Array): void {
    const copy = frame.slice();
    this.trace.leaves(host.index, copy);
    const { mtu } = host.core.config;
    this.monitor.onFrame(copy, { mac: formatMac(host.mac), address: host.address, mtu });
    check(++this.frames <= FRAMES_MAX, () => "too many frames: no end in sight");
    this.network.send(copy, host.index);
  }

  /** A host accepted a connection. */
  onAccepted(host: SimHost, handle: number): void {
    const other = this.#peerOf(host, handle);
    check(
      other?.isActive === true && other.peer === undefined,
      () => `host ${host.index} accepted a connection that nobody opened`,
    );
    const plan = this.#planOf.get(other) as ConnectionPlan;
    const end = this.#newEnd(host, handle, plan.server, false);
    end.peer = other;
    other.peer = end;
    this.note(() => `${end.name} accepted, its peer is ${other.name}`);
    this.#opened++;
    end.onDone = () => this.#opened--;
    end.start();
    end.step();
  }

  /** An end that called `connect` is connected: with a simultaneous open, the peer is known by now. */
  onConnected(end: End): void {
    this.note(() => `${end.name} is connected`);
    if (end.peer) return;
    const other = this.#peerOf(end.host, end.handle);
    if (!other) return;
    check(other !== end && other.isActive, () => `${end.name} is connected with ${other.name}`);
    end.peer = other;
    other.peer = end;
    this.statistics.add("simultaneous opens");
  }

  /** An end failed: there must be a reason. */
  onFailed(end: End, status: number): void {
    check(FAILURES.has(status), () => `${end.name} failed with ${statusName(status)}`);
    this.statistics.add(`failed ${statusName(status)}`);
    const excuse = this.#excuse(end, status);
    check(excuse !== undefined, () => `${end.name} failed with ${statusName(status)} without a reason`);
  }

  /** Whether it is lawful that an end makes no progress for ever: its peer is gone, and it cannot know. */
  mayStarve(end: End): boolean {
    const { peer } = end;
    if (peer)
      return peer.isGone || peer.outcome === "complete" || this.#gaveUp(peer.host) || this.#gaveUp(end.host);
    return this.#maybeUnaccepted(end);
  }

  #excuse(end: End, status: number): string | undefined {
    const { peer } = end;
    const plan = this.#planOf.get(end);
    if (peer?.isGone || (peer && peer.host.plan.rebootsMs.length > 0)) return "the peer is gone";
    if (status === Status.CONNECTION_REFUSED) {
      if (end.connected) return undefined;
      if (plan?.port === DEAD_PORT || plan?.crossing) return "nobody listens";
      const closes = this.hosts[plan?.to ?? -1]?.plan.listeners.some(({ closesAtMs }) => closesAtMs > 0);
      return closes || this.#rebooted() || this.#maybeUnaccepted(end) ? "forgotten" : undefined;
    }
    if (status === Status.UNREACHABLE)
      return plan?.to === -1 || !this.scenario.pristine ? "no answer to ARP" : undefined;
    if (status === Status.TIMED_OUT) {
      if (!this.scenario.pristine) return "the network is bad";
      return plan?.to === -1 || this.#maybeUnaccepted(end) || end.script.userTimeoutMs ? "full" : undefined;
    }
    // A reset.
    if (!peer) return this.#maybeUnaccepted(end) ? "never accepted" : undefined;
    if (this.#gaveUp(peer.host)) return "the peer gave up";
    // TIME-WAIT may end early, and then what is repeated meets nobody; but the peer has all of it, or it were not there.
    if (!end.sawEof) return undefined;
    this.#mustBeWhole.push(peer);
    return "the peer's TIME-WAIT is over";
  }

  /** Whether the other host may have dropped the connection before its application saw it. */
  #maybeUnaccepted(end: End): boolean {
    if (end.peer) return false;
    const to = this.#planOf.get(end)?.to ?? -1;
    const host = this.hosts[to];
    if (!host || this.#rebooted() || host.plan.listeners.some(({ closesAtMs }) => closesAtMs > 0))
      return true;
    const reasons = [
      Counter.TCP_BACKLOG_FULL,
      Counter.TCP_NO_RECORD,
      Counter.TCP_SYN_CACHE_FULL,
      Counter.TCP_SYN_EVICTED,
      Counter.TCP_SYN_EXPIRED,
      Counter.TCP_UNACCEPTED,
      Counter.TCP_GIVEN_UP,
      Counter.TCP_RESETS_IN,
    ];
    return reasons.some((counter) => host.counter(counter) > 0);
  }

  #gaveUp(host: SimHost): boolean {
    const reasons = [Counter.TCP_GIVEN_UP, Counter.TCP_USER_TIMEOUTS, Counter.TCP_FIN_WAIT_2_EXPIRED];
    return reasons.some((counter) => host.counter(counter) > 0);
  }

  #rebooted(): boolean {
    return this.hosts.some(({ plan }) => plan.rebootsMs.length > 0);
  }

  #open(plan: ConnectionPlan, attempt: number): void {
    const pairs: readonly [number, number, number, number][] = plan.crossing
      ? [
          [plan.from, plan.to, plan.localPort, plan.port],
          [plan.to, plan.from, plan.port, plan.localPort],
        ]
      : [[plan.from, plan.to, plan.localPort, plan.port]];
    for (const [index, [from, to, localPort, port]] of pairs.entries()) {
      const host = this.hosts[from] as SimHost;
      host.act(() => this.#connect(plan, attempt, host, to, { localPort, port, isFirst: index === 0 }));
    }
  }

  #connect(
    plan: ConnectionPlan,
    attempt: number,
    host: SimHost,
    to: number,
    { localPort, port, isFirst }: { localPort: number; port: number; isFirst: boolean },
  ): void {
    const address = this.hosts[to]?.address ?? "10.0.0.99";
    let handle = 0;
    try {
      handle = host.call("open", (core) => core.open(SocketKind.STREAM));
      if (localPort)
        host.call("bind", (core) => core.bind(handle, { address: host.address, port: localPort }));
      host.call("connect", (core) => core.connect(handle, { address, port }));
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
      this.#onRefusedCall(plan, attempt, host, handle, error);
      return;
    }
    const script = isFirst ? plan.client : plan.server;
    const end = this.#newEnd(host, handle, script, true);
    this.#planOf.set(end, plan);
    const { sndUna } = host.call("info", (core) => core.tcpInfo(handle));
    const local = host.call("local", (core) => core.localAddress(handle));
    this.#byNumbers.set(`${local.address}:${local.port}>${address}:${port}/${sndUna}`, end);
    this.note(() => `${end.name} connects from port ${local.port} to ${address}:${port}`);
    end.onDone = () => this.#afterEnd(plan, attempt, isFirst);
    end.start();
  }

  /** The core has no room for one more connection now: later, or never. */
  #onRefusedCall(
    plan: ConnectionPlan,
    attempt: number,
    host: SimHost,
    handle: number,
    error: CoreError,
  ): void {
    const lawful: readonly number[] = [Status.NO_SOCKET, Status.ADDRESS_IN_USE];
    check(lawful.includes(error.status), () => `host ${host.index}: ${error.message}`);
    this.statistics.add(`refused ${statusName(error.status)}`);
    if (handle) host.call("close", (core) => core.close(handle));
    if (plan.crossing || attempt >= RETRIES) {
      this.#opened--;
      return;
    }
    this.clock.after(RETRY_MS, () => this.#open(plan, attempt + 1));
  }

  #afterEnd(plan: ConnectionPlan, _attempt: number, isFirst: boolean): void {
    if (!isFirst || plan.repeats === 0) {
      this.#opened--;
      return;
    }
    const again = { ...plan, repeats: plan.repeats - 1 };
    this.clock.after(plan.repeatAfterMs, () => this.#open(again, 0));
  }

  #newEnd(host: SimHost, handle: number, script: ConnectionPlan["client"], isActive: boolean): End {
    const end = new End(this.ends.length + 1, host, handle, script, isActive);
    this.ends.push(end);
    host.adopt(end);
    return end;
  }

  /** The active end that a connection of `host` is with, by addresses, ports and initial sequence number. */
  #peerOf(host: SimHost, handle: number): End | undefined {
    const [local, remote, info] = host.call(
      "info",
      (core) => [core.localAddress(handle), core.peerAddress(handle), core.tcpInfo(handle)] as const,
    );
    const fin: readonly number[] = [TcpState.CLOSE_WAIT, TcpState.LAST_ACK, TcpState.CLOSING];
    const irs = (info.rcvNxt - 1 - info.bytesReceived - (fin.includes(info.state) ? 1 : 0)) >>> 0;
    return this.#byNumbers.get(`${remote.address}:${remote.port}>${local.address}:${local.port}/${irs}`);
  }

  #isEmpty(host: SimHost): boolean {
    const { connectionsUsed, synUsed, timeWaitUsed, listenersUsed } = host.core.header();
    return connectionsUsed + synUsed + timeWaitUsed + listenersUsed === 0;
  }

  #runUntil(done: () => boolean, ms: number, problem: string): void {
    check(this.clock.runUntil(done, ms), () => {
      const open = this.ends.filter(({ outcome }) => outcome === undefined).map(({ name }) => name);
      const used = this.hosts.map(({ core }) => {
        const { connectionsUsed, synUsed, timeWaitUsed } = core.header();
        return `${connectionsUsed}/${synUsed}/${timeWaitUsed}`;
      });
      const records = this.hosts.flatMap((host) => host.checker.describe());
      return `${problem} after ${ms} ms (open: ${open.join(", ")}; connections/SYN/TIME-WAIT ${used.join(", ")})\n${records.join("\n")}`;
    });
  }

  /** Streams are whole, or their ends say why not. */
  #checkEnds(): void {
    for (const end of this.#mustBeWhole)
      check(
        end.isRude || end.outcome === "complete",
        () => `${end.name} is ${end.outcome}: its peer was reset, and not because all had arrived`,
      );
    for (const end of this.ends) {
      check(end.outcome !== undefined, () => `${end.name} has no end`);
      this.statistics.add(`end ${end.outcome}`);
      if (end.outcome !== "complete") continue;
      const { peer } = end;
      check(
        peer !== undefined && end.received === peer.written,
        () => `${end.name} is complete, but read ${end.received} of ${peer?.written} octets`,
      );
      this.statistics.add("octets of complete streams", end.received);
    }
  }

  #onDropped(from: number, to: number, frame: Uint8Array, why: Mishap): void {
    this.trace.dropped(from, to, frame, why);
  }

  #count(): void {
    for (const host of this.hosts) this.statistics.addCounters((counter) => host.counter(counter));
    this.statistics.addNetwork(this.network.statistics);
    if (this.#rebooted()) this.statistics.add("reboots");
    this.statistics.add("runs");
  }
}
