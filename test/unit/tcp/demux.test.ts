import { beforeEach, describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { address, ports, UnitCore } from "../core.js";

let core: UnitCore;
let demux: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) => unit.functions("tcp/demux", "find", "add", "remove", "mix");
const recordOf = (index: number) => core.functions("tcp/tcb", "connectionAt").connectionAt(index);

beforeEach(() => boot(8));

function boot(connections: number): void {
  core = new UnitCore({ connections });
  demux = functionsOf(core);
}

/** Puts the record of number `index` into the table; returns its address. */
function add(index: number, remote: string, key: number): number {
  const at = recordOf(index);
  const record = core.tcb(at);
  record.remoteAddress = address(remote);
  record.ports = key;
  demux.add(at);
  return at;
}

test("finds what was added by all parts of the key, and nothing else", () => {
  const at = add(0, "10.0.0.2", ports(40000, 80));
  expect(demux.find(address("10.0.0.2"), ports(40000, 80))).toBe(at);
  expect(demux.find(address("10.0.0.3"), ports(40000, 80))).toBe(0);
  expect(demux.find(address("10.0.0.2"), ports(40001, 80))).toBe(0);
  expect(demux.find(address("10.0.0.2"), ports(40000, 81))).toBe(0);
  // Port 40000 of the peer and 80 of ours are not 80 of the peer and 40000 of ours.
  expect(demux.find(address("10.0.0.2"), ports(80, 40000))).toBe(0);
});

test("an empty table", () => {
  expect(demux.find(0, 0)).toBe(0);
  expect(demux.find(address("10.0.0.2"), ports(40000, 80))).toBe(0);
});

test("the last hit is forgotten with its record", () => {
  const at = add(0, "10.0.0.2", ports(40000, 80));
  demux.find(address("10.0.0.2"), ports(40000, 80));
  expect(core.state.lastHit).toBe(at);
  demux.remove(at);
  expect(core.state.lastHit).toBe(0);
  expect(demux.find(address("10.0.0.2"), ports(40000, 80))).toBe(0);
});

test("removing another record keeps the last hit, and a miss does too", () => {
  const at = add(0, "10.0.0.2", ports(40000, 80));
  const other = add(1, "10.0.0.2", ports(40001, 80));
  demux.find(address("10.0.0.2"), ports(40000, 80));
  demux.remove(other);
  demux.find(address("10.0.0.9"), ports(1, 2));
  expect(core.state.lastHit).toBe(at);
});

describe("collisions", () => {
  test("in one chain each is found", () => {
    const keys = Array.from({ length: 8 }, (_, index) => index + 1);
    const places: number[] = [];
    let port = 1;
    for (const key of keys) {
      // Other ports, until the record before stands behind this one.
      let at = add(key - 1, "10.0.0.2", ports(port, 80));
      while (core.tcb(at).chain !== (places[places.length - 1] ?? 0)) {
        demux.remove(at);
        expect(++port).toBeLessThan(2000);
        at = add(key - 1, "10.0.0.2", ports(port, 80));
      }
      port++;
      places.push(at);
    }
    const portsOf = keys.map((key) => core.tcb(places[key - 1] as number).ports);
    const find = (key: number) => demux.find(address("10.0.0.2"), portsOf[key - 1] as number);
    for (const key of keys) expect(find(key)).toBe(places[key - 1]);
    // From the middle, the beginning and the end of the chain.
    for (const gone of [4, 8, 1]) {
      demux.remove(places[gone - 1] as number);
      expect(find(gone)).toBe(0);
    }
    for (const key of [2, 3, 5, 6, 7]) expect(find(key)).toBe(places[key - 1]);
  });
});

test.each([1, 2, 3, 8, 33])(
  "a table for %i connections: random additions, look-ups and removals",
  (count) => {
    boot(count);
    const prng = new Prng(count);
    const free = Array.from({ length: count }, (_, index) => index);
    const held = new Map<string, number>();
    const used: { name: string; at: number; index: number }[] = [];
    for (let round = 0; round < 4000; round++) {
      // Few keys, so that they come back.
      const remote = `10.0.0.${2 + prng.below(4)}`;
      const key = ports(40000 + prng.below(8), 80 + prng.below(3));
      const name = `${remote} ${key}`;
      const action = prng.below(3);
      if (action === 0 && free.length > 0 && !held.has(name)) {
        const index = free.pop() as number;
        const at = add(index, remote, key);
        held.set(name, at);
        used.push({ name, at, index });
      } else if (action === 1 && used.length > 0) {
        const [gone] = used.splice(prng.below(used.length), 1);
        if (!gone) return expect.fail();
        demux.remove(gone.at);
        held.delete(gone.name);
        free.push(gone.index);
      }
      expect(demux.find(address(remote), key)).toBe(held.get(name) ?? 0);
    }
    expect(used.length).toBeLessThanOrEqual(count);
  },
);

describe("mix", () => {
  test("is the sum of the products with the odd seeds, modulo 2^32", () => {
    const prng = new Prng(4);
    for (let round = 0; round < 1000; round++) {
      const [remote, key, a, b] = [prng.next(), prng.next(), prng.next(), prng.next()] as const;
      const wanted = BigInt(remote) * BigInt((a | 1) >>> 0) + BigInt(key) * BigInt((b | 1) >>> 0);
      expect(demux.mix(remote, key, a, b)).toBe(Number(wanted & 0xffffffffn));
    }
  });

  test("two ports of one peer never mix to the same", () => {
    const seen = new Set<number>();
    for (let port = 0; port < 65536; port++) seen.add(demux.mix(address("10.0.0.2"), port << 16, 0, 0x8000));
    expect(seen.size).toBe(65536);
  });

  test("which chain a key is in depends on the seed", () => {
    const chained = (seed: Uint8Array) => {
      core = new UnitCore({ connections: 8, seed });
      demux = functionsOf(core);
      const places = [1, 2, 3, 4, 5, 6, 7, 8].map((port, index) => add(index, "10.0.0.2", ports(port, 80)));
      return places.map((at) => core.tcb(at).chain !== 0).join();
    };
    const patterns = Array.from({ length: 10 }, (_, index) => chained(new Prng(index).bytes(32)));
    expect(new Set(patterns).size).toBeGreaterThan(1);
  });
});
