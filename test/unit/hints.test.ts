// StateHeader.hints: where a host may look instead of calling. Random traces of two cores, and after each call of one of
// them the calls that the words say would be in vain are made.

import { describe, expect, test } from "vitest";
import { type Endpoint, EndpointLayout, Family, Option, SocketKind, Status } from "../../host/abi.js";
import { parseIpv4, parseMac } from "../../host/address.js";
import { writeRecord } from "../../host/records.js";
import { Prng } from "../../host/sim/prng.js";
import { type UnitConfig, UnitCore } from "./core.js";

const EXPORTS = [
  ...(["input", "output", "poll", "deadline", "linkChanged", "open", "bind", "listen", "accept"] as const),
  ...(["connect", "sendReserve", "sendCommit", "receivePeek", "receiveConsume", "send", "receive"] as const),
  ...(["shutdown", "close", "abort", "setopt", "getopt", "nextEvent"] as const),
];

type Name = (typeof EXPORTS)[number];

/** What a trace has shown. */
interface Tally {
  /** How often both words of `output` were 0, and how often they were not, after a call. */
  idle: number;
  due: number;
  /** How often the word of `nextEvent` was 0, and how often not. */
  silent: number;
  told: number;
}

/** A core whose words are looked at after each call. */
class Watched {
  readonly core: UnitCore;
  readonly handles: number[] = [];
  readonly listeners: number[] = [];
  readonly #abi: ReturnType<typeof abiOf>;
  readonly #words: number;
  #now = 0;

  constructor(
    address: string,
    readonly tally: Tally,
  ) {
    const mac = parseMac(`02:00:00:00:00:0${address.slice(-1)}`);
    this.core = new UnitCore({
      ...({ mac } as UnitConfig),
      address,
      connections: 3,
      listeners: 2,
      synEntries: 2,
      timeWaitMs: 2000,
      synRetries: 1,
    });
    this.#abi = abiOf(this.core);
    this.#words = this.core.header.hints;
  }

  /** Calls an export at the time of the last call, and then those that must be in vain. */
  call(name: Name, ...args: number[]): number {
    const result = this.#abi[name](...args);
    const [connections, others, events] = [0, 4, 8].map((at) =>
      this.core.view.getUint32(this.#words + at, true),
    );
    if (connections || others) this.tally.due++;
    else {
      this.tally.idle++;
      const before = this.core.memory.slice();
      expect(this.#abi.output(this.#now), `after ${name}(${args})`).toBe(0);
      if (name !== "output") this.#sameButChecksum(before, name);
    }
    // After the last frame there is nothing to look for: a host that waits for 0 does not turn in a circle.
    if (name === "output" && result === 0) expect([connections, others]).toEqual([0, 0]);
    if (events) this.tally.told++;
    else {
      this.tally.silent++;
      expect(this.#abi.nextEvent(), `after ${name}(${args})`).toBe(0);
    }
    return result;
  }

  /** A call that is told the time. */
  at(now: number, name: "input" | "output" | "poll" | "deadline" | "linkChanged", ...args: number[]): number {
    this.#now = now;
    return this.call(name, ...args, now);
  }

  endpoint(address: string, port: number): number {
    const { exchange } = this.core.header;
    const octets = new Uint8Array(16);
    octets.set(parseIpv4(address));
    writeRecord<Endpoint>(this.core.memory, exchange, EndpointLayout, {
      ...{ family: Family.IPV4, port, address: octets },
    });
    return exchange;
  }

  /** `output` in vain leaves all as it was: else it would not have been in vain. */
  #sameButChecksum(before: Uint8Array, name: string): void {
    expect(Buffer.compare(before, this.core.memory), `output after ${name} changed something`).toBe(0);
  }
}

const abiOf = (unit: UnitCore) => unit.functions("abi", ...EXPORTS);

/** One random call of an application. */
function act(one: Watched, peer: string, prng: Prng): void {
  const handle = one.handles.length > 0 ? (one.handles[prng.below(one.handles.length)] as number) : 0;
  const listener = one.listeners[0] ?? 0;
  const keep = (status: number) => {
    if (status > 0) one.handles.push(status);
    return status;
  };
  const forget = () => {
    if (handle) one.handles.splice(one.handles.indexOf(handle), 1);
  };
  switch (prng.below(14)) {
    case 0:
      if (keep(one.call("open", SocketKind.STREAM)) > 0)
        one.call("connect", one.handles[one.handles.length - 1] as number, one.endpoint(peer, 80));
      return;
    case 1:
      if (listener) return;
      one.listeners.push(one.call("open", SocketKind.LISTENER));
      one.call("bind", one.listeners[0] as number, one.endpoint("0.0.0.0", 80));
      one.call("listen", one.listeners[0] as number, 2);
      return;
    case 2:
    case 3:
      keep(one.call("accept", listener));
      return;
    case 4:
    case 5:
      one.call("send", handle, prng.below(3000));
      return;
    case 6: {
      const run = one.call("sendReserve", handle);
      one.call("sendCommit", handle, prng.below(Math.max(run, 0) + 2));
      return;
    }
    case 7:
    case 8:
      one.call("receive", handle, prng.below(3000));
      return;
    case 9: {
      const run = one.call("receivePeek", handle);
      one.call("receiveConsume", handle, prng.below(Math.max(run, 0) + 2));
      return;
    }
    case 10:
      one.core.view.setUint32(one.core.header.exchange, prng.below(500), true);
      one.call("setopt", handle, Option.KEEPALIVE_MS, one.core.header.exchange, 4);
      return;
    case 11:
      if (prng.chance(0.3)) one.call("shutdown", handle);
      return;
    case 12:
      if (!prng.chance(0.3)) return;
      one.call("close", handle);
      forget();
      return;
    default:
      if (!prng.chance(0.2)) return;
      one.call("abort", handle);
      forget();
  }
}

/** So many rounds of two applications, on a wire that loses and keeps frames. */
function trace(seed: number, rounds: number, tally: Tally): number {
  const prng = new Prng(seed);
  const names = ["10.0.0.1", "10.0.0.2"] as const;
  const ends = names.map((name) => new Watched(name, tally)) as [Watched, Watched];
  let now = 0xfffff000;
  let frames = 0;
  for (let round = 0; round < rounds; round++) {
    const side = prng.below(2);
    const [one, other] = [ends[side] as Watched, ends[1 - side] as Watched];
    act(one, names[1 - side] as string, prng);
    if (prng.chance(0.05)) one.at(now, "linkChanged", 0, prng.below(2));
    if (prng.chance(0.2)) one.at(now, "poll");
    if (prng.chance(0.1)) one.at(now, "deadline");
    for (let turns = prng.below(4); turns > 0; turns--) {
      const length = one.at(now, "output");
      if (length <= 0) break;
      frames++;
      if (prng.chance(0.1)) continue;
      const frame = one.core.outputFrame(length);
      if (prng.chance(0.03)) frame[prng.below(frame.length)] = prng.below(256);
      expect(other.at(now, "input", other.core.putFrame(frame), 0)).toBe(Status.OK);
    }
    if (prng.chance(0.3)) one.call("nextEvent");
    if (prng.chance(0.4)) now = (now + prng.below(prng.chance(0.1) ? 3000 : 40)) >>> 0;
  }
  return frames;
}

describe("hints", () => {
  test("what they call in vain is in vain, after every call of random traces", () => {
    const tally: Tally = { idle: 0, due: 0, silent: 0, told: 0 };
    let frames = 0;
    for (let seed = 1; seed <= 12; seed++) frames += trace(seed, 500, tally);
    // All of it happened often.
    expect(frames).toBeGreaterThan(1000);
    for (const [what, times] of Object.entries(tally)) expect(times, what).toBeGreaterThan(1000);
  });

  test("at boot there is nothing to do", () => {
    const core = new UnitCore();
    const at = core.header.hints;
    expect(at % 4).toBe(0);
    expect([0, 4, 8].map((offset) => core.view.getUint32(at + offset, true))).toEqual([0, 0, 0]);
  });
});
