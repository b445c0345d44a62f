// What the cache keeps, and for how long.

import { describe, expect, test } from "vitest";
import { a, cname, Rcode, soa } from "./codec.js";
import { type Asked, FIRST, type Reply, World } from "./world.js";

const DAY = 86400;

function worldWith(script: (query: Asked) => Reply, config = {}, clock = 0): World {
  const world = new World(config, clock);
  world.serve(FIRST, script);
  return world;
}

/** How often the server is asked while `name` is looked up. */
function asks(world: World, name: string): number {
  const before = world.asked.length;
  world.resolve(name);
  return world.asked.length - before;
}

/** A server whose answers count how often they were given. */
const counting = (ttl: number, rest: Reply = {}) => {
  let count = 0;
  return ({ name }: Asked): Reply => ({ answers: [a(name, `192.0.2.${++count}`, ttl)], ...rest });
};

describe("an answer", () => {
  test.each([1, 60, 3600])("is kept for its TTL of %i seconds, and no longer", (ttl) => {
    const world = worldWith(counting(ttl));
    expect(world.resolve("a.example")).toEqual(["192.0.2.1"]);
    world.pass(ttl * 1000 - 1);
    expect(world.resolve("A.Example.")).toEqual(["192.0.2.1"]);
    expect(world.asked.length).toBe(1);
    world.pass(1);
    expect(world.resolve("a.example")).toEqual(["192.0.2.2"]);
  });

  test.each([DAY, DAY + 1, 0x7fffffff])("is kept for a day at most: TTL %i", (ttl) => {
    const world = worldWith(counting(ttl));
    world.resolve("a.example");
    world.pass(DAY * 1000 - 1);
    expect(asks(world, "a.example")).toBe(0);
    world.pass(1);
    expect(asks(world, "a.example")).toBe(1);
  });

  test.each([0, 0x80000000, 0xffffffff])("is not kept: TTL %i", (ttl) => {
    const world = worldWith(counting(ttl));
    world.resolve("a.example");
    expect(asks(world, "a.example")).toBe(1);
  });

  test("is given at once", () => {
    const world = worldWith(counting(60));
    world.resolve("a.example");
    const handle = world.ask("a.example");
    expect(world.answer(handle)).toEqual(["192.0.2.1"]);
    world.run();
    expect(world.takeEvents(handle)).toEqual(["READABLE"]);
  });

  test("with all its addresses", () => {
    const addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
    const world = worldWith(({ name }) => ({ answers: addresses.map((address) => a(name, address)) }));
    world.resolve("a.example");
    expect(world.resolve("a.example")).toEqual(addresses);
    expect(world.asked.length).toBe(1);
  });

  test("lives no longer than the shortest TTL that it rests on", () => {
    for (const ttls of [
      [10, 60, 60],
      [60, 10, 60],
      [60, 60, 10],
    ] as const) {
      // The second alias has to be asked for.
      const world = worldWith(({ name }) =>
        name === "a"
          ? { answers: [cname("a", "b", ttls[0]), cname("b", "c", ttls[1])] }
          : { answers: [a("c", "192.0.2.1", ttls[2])] },
      );
      expect(asks(world, "a")).toBe(2);
      world.pass(9_900);
      expect(asks(world, "a")).toBe(0);
      world.pass(200);
      expect(asks(world, "a")).toBe(2);
    }
  });

  test("does not live on over the wrap of the clock, or come back after it", () => {
    const world = worldWith(counting(60), {}, 0xffffffff - 30_000);
    world.resolve("a.example");
    world.pass(31_000);
    expect(asks(world, "a.example")).toBe(0);
    world.pass(30_000);
    expect(asks(world, "a.example")).toBe(1);
    // 49 days and 17 hours: the host's clock shows the same again.
    for (let passed = 0; passed < 2 ** 32; passed += 2 ** 30) {
      world.timeMs += 2 ** 30;
      world.run();
    }
    expect(asks(world, "a.example")).toBe(1);
  });
});

describe("that there is none", () => {
  test.each([Rcode.NXDOMAIN, Rcode.NOERROR])("RCODE %i is kept as the SOA record says", (rcode) => {
    for (const [minimum, ttl, seconds] of [
      [30, 60, 30],
      [60, 30, 30],
      [3600, 3600, 300],
      [0x7fffffff, 3600, 300],
    ] as const) {
      const world = worldWith(() => ({ rcode, authorities: [soa("example", minimum, ttl)] }));
      expect(world.resolve("a.example")).toBe("NOT_FOUND");
      world.pass(seconds * 1000 - 1);
      const handle = world.ask("a.example");
      expect(world.answer(handle)).toBe("NOT_FOUND");
      world.run();
      expect(world.takeEvents(handle)).toEqual(["FAILED"]);
      expect(world.asked.length).toBe(1);
      world.core.close(handle);
      world.pass(1);
      expect(asks(world, "a.example")).toBe(1);
    }
  });

  test("is not kept without an SOA record, with one that is too short, of another class, or without a time", () => {
    const short = { name: "example", type: 6, data: new Uint8Array(21) };
    // What has the highest bit is 0 (RFC 2181 section 8).
    const zero = [soa("example", 2 ** 31), soa("example", 60, 2 ** 31), soa("example", 0)];
    for (const authorities of [
      [],
      [short],
      [{ ...soa("example", 60), class: 3 }],
      ...zero.map((it) => [it]),
    ]) {
      const world = worldWith(() => ({ rcode: Rcode.NXDOMAIN, authorities }));
      expect(world.resolve("a.example")).toBe("NOT_FOUND");
      expect(asks(world, "a.example")).toBe(1);
    }
  });

  test("is not kept when no server could say", () => {
    const world = worldWith(() => ({ rcode: Rcode.SERVFAIL }), { dnsServers: [FIRST] });
    expect(world.resolve("a.example")).toBe("TIMED_OUT");
    expect(asks(world, "a.example")).toBe(6);
  });
});

describe("room", () => {
  test("what ends first gives way", () => {
    const ttls: Record<string, number> = { a: 30, b: 20, c: 40 };
    const world = worldWith(({ name }) => ({ answers: [a(name, "192.0.2.1", ttls[name] as number)] }));
    for (const name of ["a", "b", "c"]) expect(asks(world, name)).toBe(1);
    expect(["a", "c", "b"].map((name) => asks(world, name))).toEqual([0, 0, 1]);
    expect(["a", "b", "c"].map((name) => asks(world, name))).toEqual([1, 1, 0]);
  });

  test("a device without a cache asks each time", () => {
    const world = worldWith(counting(60), { cacheEntries: 0 });
    expect(asks(world, "a") + asks(world, "a")).toBe(2);
  });

  test("names that differ somewhere are different", () => {
    const world = worldWith(counting(60), { cacheEntries: 32 });
    const names = [
      "a",
      "b",
      "aa",
      "ab",
      "a.a",
      "a.b",
      "aaa",
      "aaab",
      "aaac",
      "aaaaaaa",
      "aaaaaab",
      "baaaaaa",
    ];
    for (const name of names) expect(asks(world, name)).toBe(1);
    for (const name of names) expect(asks(world, name)).toBe(0);
  });

  test("what stood behind a name before is no part of it", () => {
    const world = worldWith(counting(60));
    const handle = world.core.open(4);
    world.commit(handle, `abcdefghijklmnopqrstuvwxyz..`);
    world.commit(handle, "ab");
    world.until(() => world.answer(handle) !== "WOULD_BLOCK");
    world.core.close(handle);
    expect(asks(world, "ab")).toBe(0);
  });
});
