// DNS over TCP: what comes when an answer does not fit a datagram.

import { describe, expect, test } from "vitest";
import { SocketKind, TcpState } from "../../host/abi.js";
import { a, cname, Rcode } from "./codec.js";
import { type Asked, FIRST, type Reply, SECOND, type Server, World } from "./world.js";

const many = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => a(name, `192.0.2.${index + 1}`));
const FOUR = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];

/** Truncated over UDP, with `some` addresses; all of them by TCP. */
function truncates(some = 0, all = 200, rest: Reply = {}): Server["script"] {
  return ({ name, transport }: Asked) =>
    transport === "udp"
      ? { truncated: true, answers: many(name, some) }
      : { answers: many(name, all), ...rest };
}

function worldWith(
  script: Server["script"],
  tcp: NonNullable<Server["tcp"]> = "answers",
  config = {},
): World {
  const world = new World({ dnsServers: [FIRST], ...config });
  world.serve(FIRST, script, { tcp });
  return world;
}

/** All records are free again, and the host has heard of none of it. */
function expectClean(world: World, handle: number): void {
  world.pass(130_000);
  expect(world.core.header().connectionsUsed).toBe(0);
  expect([...world.events.keys()].filter((other) => other !== handle)).toEqual([]);
}

test("a truncated answer is asked for by TCP, and kept", () => {
  const world = worldWith(truncates());
  const handle = world.ask("a.example");
  world.until(() => world.answer(handle) !== "WOULD_BLOCK");
  expect(world.answer(handle)).toEqual(FOUR);
  expect(world.asked.map(({ transport, name }) => [transport, name])).toEqual([
    ["udp", "a.example"],
    ["tcp", "a.example"],
  ]);
  expect(world.asked[1]?.udpBytes).toBe(1232);
  expect(world.resolve("a.example")).toEqual(FOUR);
  expect(world.asked.length).toBe(2);
  expectClean(world, handle);
});

describe("an answer in rings of all sizes", () => {
  test.each([256, 512, 2048, 4096, 8192])("a receive ring of %i bytes", (receiveRingBytes) => {
    for (const count of [1, 2, 3, 5, 20, 200]) {
      const world = worldWith(truncates(0, count), "answers", { receiveRingBytes });
      expect(world.resolve("a.b")).toEqual(
        many("a.b", Math.min(count, 4)).map((_, index) => `192.0.2.${index + 1}`),
      );
      expectClean(world, 0);
    }
  });

  test("a send ring that is too small for a long question: what there is, or the next try", () => {
    const name = `${["a", "b", "c"].map((letter) => letter.repeat(63)).join(".")}.${"d".repeat(61)}`;
    for (const [length, addresses] of [
      [254, ["192.0.2.1"]],
      [200, FOUR],
    ] as const) {
      const world = worldWith(truncates(1), "answers", { sendRingBytes: 256, receiveRingBytes: 8192 });
      expect(world.resolve(name.slice(0, length))).toEqual(addresses);
      expect(world.asked.length).toBe(length === 200 ? 2 : 1);
    }
  });

  test("the longest question in the smallest ring that takes it", () => {
    const name = `${["a", "b", "c"].map((letter) => letter.repeat(63)).join(".")}.${"d".repeat(61)}`;
    const world = worldWith(truncates(), "answers", { sendRingBytes: 284, receiveRingBytes: 8192 });
    expect(world.resolve(name)).toEqual(FOUR);
  });
});

test("an alias in the truncated answer: TCP asks for its target", () => {
  const world = worldWith(({ name, transport }) =>
    transport === "udp"
      ? { truncated: true, answers: [cname(name, "b.example")] }
      : { answers: many("b.example", 2) },
  );
  expect(world.resolve("a.example")).toEqual(["192.0.2.1", "192.0.2.2"]);
  expect(world.asked[1]?.name).toBe("b.example");
});

describe("without TCP", () => {
  test("no free record: the truncated answer's addresses, which are not kept", () => {
    const world = worldWith(truncates(2), "answers", { connections: 1 });
    const other = world.core.open(SocketKind.STREAM);
    expect(world.resolve("a.example")).toEqual(["192.0.2.1", "192.0.2.2"]);
    world.resolve("a.example");
    expect(world.asked.length).toBe(2);
    expect(world.core.tcpState(other)).toBe(TcpState.CLOSED);
  });

  test("no free record, and no addresses", () => {
    const world = worldWith(truncates(0), "answers", { connections: 1 });
    world.core.open(SocketKind.STREAM);
    expect(world.resolve("a.example")).toBe("NO_SOCKET");
  });

  test.each(["refuses", "silent"] as const)("a server that %s: what there is, or the next try", (tcp) => {
    for (const some of [0, 2]) {
      const world = worldWith(truncates(some), tcp);
      const handle = world.ask("a.example");
      world.until(() => world.answer(handle) !== "WOULD_BLOCK", 200_000);
      expect(world.answer(handle)).toEqual(some ? ["192.0.2.1", "192.0.2.2"] : "TIMED_OUT");
      expect(world.asked.length).toBe(some ? 1 : 6);
      expectClean(world, handle);
    }
  });

  test("the other server may know TCP", () => {
    const world = worldWith(truncates(), "refuses", { dnsServers: [FIRST, SECOND] });
    world.serve(SECOND, truncates(), { tcp: "answers" });
    expect(world.resolve("a.example")).toEqual(FOUR);
  });
});

describe("servers that misbehave", () => {
  test.each<[string, Reply, string[]]>([
    ["ends before the answer", { octets: new Uint8Array(0), promised: 500, closes: true }, ["192.0.2.1"]],
    ["promises nothing", { octets: new Uint8Array(5), promised: 0 }, ["192.0.2.1"]],
    ["never sends all", { octets: new Uint8Array(30), promised: 500 }, ["192.0.2.1"]],
    ["answers another question", { questions: [{ name: "b.example" }] }, ["192.0.2.1"]],
    ["has another id", { id: 0x10000 }, ["192.0.2.1"]],
    ["sends more than it promises", { promised: 12 }, ["192.0.2.1"]],
    ["promises more than the records say", { counts: [1, 20] }, FOUR],
    ["counts more records than it sends", { counts: [1, 20], closes: true }, FOUR],
  ])("%s", (_what, reply, answer) => {
    const world = worldWith(({ name, transport, id }) =>
      transport === "udp"
        ? { truncated: true, answers: many(name, 1) }
        : { answers: many(name, 9), ...reply, ...(reply.id ? { id: id ^ 1 } : {}) },
    );
    const handle = world.ask("a.example");
    world.until(() => world.answer(handle) !== "WOULD_BLOCK");
    expect(world.answer(handle)).toEqual(answer);
    expectClean(world, handle);
  });

  test("a message that lies: counted, and the next try follows", () => {
    let round = 0;
    const world = worldWith(({ name, transport }) => {
      if (transport === "udp") return { truncated: true };
      return round++ === 0
        ? { answers: [{ ...a(name, "192.0.2.1"), data: new Uint8Array(3) }] }
        : { answers: many(name, 2) };
    });
    expect(world.resolve("a.example")).toEqual(["192.0.2.1", "192.0.2.2"]);
    expect(world.counter("DNS_MALFORMED")).toBe(1);
  });

  test("SERVFAIL and FORMERR by TCP", () => {
    for (const rcode of [Rcode.SERVFAIL, Rcode.FORMERR]) {
      const world = worldWith(({ name, transport, udpBytes }) => {
        if (transport === "udp") return { truncated: true };
        return udpBytes !== undefined && rcode === Rcode.FORMERR ? { rcode } : { answers: many(name, 2) };
      });
      if (rcode === Rcode.FORMERR) expect(world.resolve("a.example")).toEqual(["192.0.2.1", "192.0.2.2"]);
      else expect(world.resolve("a.example")).toEqual(["192.0.2.1", "192.0.2.2"]);
      expectClean(world, 0);
    }
  });

  test("truncated by TCP as well: used as it is", () => {
    const world = worldWith(truncates(0, 3, { truncated: true }));
    expect(world.resolve("a.example")).toEqual(FOUR.slice(0, 3));
    expect(world.asked.length).toBe(2);
  });
});

test("close while it goes by TCP", () => {
  for (const tcp of ["answers", "silent"] as const) {
    const world = worldWith(truncates(), tcp);
    const handle = world.ask("a.example");
    world.until(() => world.core.header().connectionsUsed > 0);
    world.pass(1);
    world.core.close(handle);
    expectClean(world, handle);
  }
});

test("our address goes while it goes by TCP", () => {
  const world = worldWith(truncates(1), "silent");
  const handle = world.ask("a.example");
  world.until(() => world.core.header().connectionsUsed > 0);
  world.core.setAddress("10.0.0.7", 24, "0.0.0.0", world.now);
  world.until(() => world.answer(handle) !== "WOULD_BLOCK");
  expect(world.answer(handle)).toEqual(["192.0.2.1"]);
  expectClean(world, handle);
});
