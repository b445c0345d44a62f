// The resolver from outside: what it asks, of whom and when, and what it makes of the answers.

import { describe, expect, test } from "vitest";
import { SocketKind } from "../../host/abi.js";
import { statusName } from "../../host/core.js";
import { a, cname, pointer, QUESTION_AT, Rcode, soa } from "./codec.js";
import { type Asked, FIRST, type Reply, SECOND, World } from "./world.js";

/** A server that knows one name. */
const knows =
  (address = "192.0.2.1", ttl = 60) =>
  ({ name }: Asked): Reply => ({ answers: [a(name, address, ttl)] });

const silent = () => undefined;

describe("a question", () => {
  test("is one for A records, with EDNS0, to the first server", () => {
    const world = new World();
    world.serve(FIRST, knows());
    const handle = world.ask("www.Example.com");
    expect(world.answer(handle)).toBe("WOULD_BLOCK");
    world.until(() => world.asked.length > 0);
    expect(world.asked[0]).toMatchObject({
      ...{ server: FIRST, transport: "udp", name: "www.example.com", type: 1, class: 1 },
      ...{ flags: 0x100, udpBytes: 1232 },
    });
    expect((world.asked[0] as Asked).port).toBeGreaterThanOrEqual(49152);
    world.pass(10);
    expect(world.takeEvents(handle)).toEqual(["READABLE"]);
    expect(world.answer(handle)).toEqual(["192.0.2.1"]);
    expect(world.error(handle)).toBe("OK");
  });

  test("asks for no more than the MTU takes", () => {
    const world = new World({ mtu: 576 });
    world.serve(FIRST, knows());
    world.resolve("a.example");
    expect(world.asked[0]?.udpBytes).toBe(548);
  });

  test("has another id and port each time", () => {
    const world = new World({ cacheEntries: 0 });
    world.serve(FIRST, knows());
    for (let round = 0; round < 300; round++) world.resolve("a.example");
    const ids = world.asked.map(({ id }) => id);
    const ports = world.asked.map(({ port }) => port);
    expect(new Set(ids).size).toBeGreaterThan(290);
    expect(new Set(ports).size).toBeGreaterThan(290);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(49152);
    // All bits of both take part.
    for (const [values, bits] of [[ids, 16] as const, [ports, 14] as const])
      for (let bit = 0; bit < bits; bit++) {
        const ones = values.filter((value) => (value >> bit) & 1).length;
        expect(ones).toBeGreaterThan(100);
        expect(ones).toBeLessThan(200);
      }
  });

  test("the longest name there is", () => {
    const name = `${["a", "b", "c"].map((letter) => letter.repeat(63)).join(".")}.${"d".repeat(61)}`;
    const world = new World();
    world.serve(FIRST, knows());
    expect(world.resolve(name)).toEqual(["192.0.2.1"]);
    expect(world.asked[0]?.name).toBe(name);
  });

  test("several at once", () => {
    const world = new World({ queries: 5 });
    world.serve(FIRST, ({ name }) => ({
      answers: [a(name, `192.0.2.${name[1]}`)],
      delayMs: 40 - Number(name[1]) * 5,
    }));
    const handles = [1, 2, 3, 4, 5].map((index) => world.ask(`n${index}.example`));
    expect(statusName(world.core.engine.exports.open(SocketKind.QUERY))).toBe("NO_SOCKET");
    world.until(() => handles.every((handle) => world.answer(handle) !== "WOULD_BLOCK"));
    expect(handles.map((handle) => world.answer(handle))).toEqual(
      [1, 2, 3, 4, 5].map((index) => [`192.0.2.${index}`]),
    );
    expect(new Set(world.asked.map(({ port }) => port)).size).toBe(5);
    for (const handle of handles) world.core.close(handle);
    expect(handles).not.toContain(world.core.open(SocketKind.QUERY));
  });

  test("the same name twice at once is asked twice", () => {
    const world = new World();
    world.serve(FIRST, knows());
    const [one, two] = [world.ask("a.example"), world.ask("a.example")];
    world.until(() => [one, two].every((handle) => world.answer(handle) !== "WOULD_BLOCK"));
    expect([world.answer(one), world.answer(two)]).toEqual([["192.0.2.1"], ["192.0.2.1"]]);
    expect(world.asked.length).toBe(2);
  });
});

describe("text", () => {
  test.each([
    ["127.0.0.1", ["127.0.0.1"]],
    ["8.8.4.4.", ["8.8.4.4"]],
    ["localhost", ["127.0.0.1"]],
    ["LocalHost.", ["127.0.0.1"]],
  ])("%s is answered at once", (name, addresses) => {
    const world = new World({ dnsServers: [] });
    const handle = world.ask(name);
    expect(world.answer(handle)).toEqual(addresses);
    world.run();
    expect(world.takeEvents(handle)).toEqual(["READABLE"]);
    expect(world.sent).toEqual([]);
  });

  test.each(["localhost.example", "localhosts", "xlocalhost", "localhos"])("%s is asked for", (name) => {
    const world = new World();
    world.serve(FIRST, knows());
    expect(world.resolve(name)).toEqual(["192.0.2.1"]);
  });

  test.each(["", ".", "a..b", "1.2.3", "300.1.1.1", "x".repeat(64), `${"x.".repeat(127)}yy`])(
    "'%s' is refused",
    (name) => {
      const world = new World();
      const handle = world.core.open(SocketKind.QUERY);
      expect(statusName(world.commit(handle, name))).toBe("INVALID_ARGUMENT");
      expect(world.answer(handle)).toBe("WOULD_BLOCK");
      // Another may follow.
      expect(statusName(world.commit(handle, "1.2.3.4"))).toBe("OK");
      expect(world.answer(handle)).toEqual(["1.2.3.4"]);
      expect(statusName(world.commit(handle, "1.2.3.4"))).toBe("ALREADY_CONNECTED");
    },
  );

  test("a length beyond the room for it", () => {
    const world = new World();
    const handle = world.core.open(SocketKind.QUERY);
    const { exports } = world.core.engine;
    expect(exports.sendReserve(handle)).toBe(255);
    for (const length of [0, 256, 65536, -1])
      expect(statusName(exports.sendCommit(handle, length))).toBe("INVALID_ARGUMENT");
  });
});

describe("servers", () => {
  test("take turns: 1, 1, 2, 2, 4 and 4 seconds", () => {
    const world = new World();
    world.serve(FIRST, silent);
    world.serve(SECOND, silent);
    const handle = world.ask("a.example");
    const took = world.until(() => world.answer(handle) !== "WOULD_BLOCK");
    expect(world.answer(handle)).toBe("TIMED_OUT");
    expect(world.takeEvents(handle)).toEqual(["FAILED"]);
    expect(world.error(handle)).toBe("TIMED_OUT");
    expect(took).toBe(14000);
    expect(world.asked.map(({ server }) => server)).toEqual([FIRST, SECOND, FIRST, SECOND, FIRST, SECOND]);
    expect(world.asked.map(({ timeMs }) => Math.floor(timeMs / 1000))).toEqual([0, 1, 2, 4, 6, 10]);
    expect(new Set(world.asked.map(({ id, port }) => `${id} ${port}`)).size).toBe(6);
  });

  test.each([[[FIRST]], [["0.0.0.0", FIRST]]])("one alone, as %s, gets all tries", (dnsServers) => {
    const world = new World({ dnsServers });
    world.serve(FIRST, silent);
    expect(world.resolve("a.example")).toBe("TIMED_OUT");
    expect(world.asked.map(({ server }) => server)).toEqual(Array(6).fill(FIRST));
  });

  test("none: nothing is asked", () => {
    const world = new World({ dnsServers: [] });
    const handle = world.ask("a.example");
    world.run();
    expect(world.answer(handle)).toBe("UNREACHABLE");
    expect(world.takeEvents(handle)).toEqual(["FAILED"]);
    expect(world.sent).toEqual([]);
  });

  test("the second one answers when the first is silent, or does not answer ARP", () => {
    for (const arp of [true, false]) {
      const world = new World();
      world.serve(FIRST, silent, { arp });
      world.serve(SECOND, knows());
      expect(world.resolve("a.example")).toEqual(["192.0.2.1"]);
      expect(world.timeMs).toBeLessThan(1100);
    }
  });

  test("no address of ours: the tries take their time", () => {
    const world = new World({ address: "0.0.0.0", gateway: "0.0.0.0" });
    expect(world.resolve("a.example")).toBe("TIMED_OUT");
    expect(world.timeMs).toBe(14000);
    expect(world.sent).toEqual([]);
  });

  test("one beyond the router", () => {
    const world = new World({ dnsServers: ["192.0.2.53"] });
    world.serve("192.0.2.53", knows("198.51.100.7"));
    expect(world.resolve("a.example")).toEqual(["198.51.100.7"]);
  });

  test.each([Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP, 9])(
    "RCODE %i: the other is asked at once",
    (rcode) => {
      const world = new World();
      world.serve(FIRST, () => ({ rcode }));
      world.serve(SECOND, knows());
      expect(world.resolve("a.example")).toEqual(["192.0.2.1"]);
      expect(world.timeMs).toBeLessThan(100);
    },
  );

  test("when both cannot, the tries take their time", () => {
    const world = new World();
    for (const server of [FIRST, SECOND]) world.serve(server, () => ({ rcode: Rcode.SERVFAIL }));
    expect(world.resolve("a.example")).toBe("TIMED_OUT");
    expect(world.asked.length).toBe(6);
    expect(world.timeMs).toBeGreaterThan(7000);
  });

  test("EDNS0 that is not understood: again without, and the server need not repeat the question", () => {
    for (const questions of [undefined, []]) {
      const world = new World();
      world.serve(FIRST, (query) =>
        query.udpBytes === undefined
          ? knows()(query)
          : { rcode: Rcode.FORMERR, ...(questions ? { questions } : {}) },
      );
      expect(world.resolve("a.example")).toEqual(["192.0.2.1"]);
      expect(world.asked.map(({ server, udpBytes }) => [server, udpBytes])).toEqual([
        [FIRST, 1232],
        [FIRST, undefined],
      ]);
      expect(world.timeMs).toBeLessThan(100);
    }
  });

  test("a server that understands nothing", () => {
    const world = new World({ dnsServers: [FIRST] });
    world.serve(FIRST, () => ({ rcode: Rcode.FORMERR }));
    expect(world.resolve("a.example")).toBe("TIMED_OUT");
    expect(world.asked.length).toBe(7);
  });

  test("the clock may wrap meanwhile", () => {
    const world = new World({}, 0xffffffff - 500);
    world.serve(FIRST, silent);
    world.serve(SECOND, knows());
    expect(world.resolve("a.example")).toEqual(["192.0.2.1"]);
    expect(world.timeMs).toBeLessThan(1100);
  });
});

describe("answers", () => {
  test("four addresses at most, in their order", () => {
    const world = new World();
    const addresses = [1, 2, 3, 4, 5, 6].map((index) => `192.0.2.${index}`);
    world.serve(FIRST, ({ name }) => ({ answers: addresses.map((address) => a(name, address)) }));
    expect(world.resolve("a.example")).toEqual(addresses.slice(0, 4));
  });

  test("names compressed, in another case, beside records that are of no interest", () => {
    const world = new World();
    world.serve(FIRST, () => ({
      questions: [{ name: "WWW.example.COM" }],
      answers: [
        { name: pointer(QUESTION_AT), type: 16, data: Uint8Array.of(2, 65, 66) },
        { name: pointer(QUESTION_AT), type: 1, class: 3, data: Uint8Array.of(1, 1, 1, 1) },
        { name: pointer(QUESTION_AT), type: 28, data: new Uint8Array(16) },
        a("other.example", "1.2.3.4"),
        a(pointer(QUESTION_AT), "192.0.2.9"),
      ],
      additionals: [{ name: "", type: 41, class: 1232, ttl: 0, data: new Uint8Array(0) }],
    }));
    expect(world.resolve("www.Example.com")).toEqual(["192.0.2.9"]);
  });

  test("an alias and its addresses, in one answer", () => {
    const world = new World();
    world.serve(FIRST, ({ name }) => ({
      answers: [cname(name, "B.example"), cname("b.EXAMPLE", "c.example"), a("c.example", "192.0.2.3")],
    }));
    expect(world.resolve("a.example")).toEqual(["192.0.2.3"]);
    expect(world.asked.length).toBe(1);
  });

  test("an alias whose addresses have to be asked for, or come in another order", () => {
    const world = new World();
    world.serve(FIRST, ({ name }) => {
      if (name === "a.example") return { answers: [cname(name, "b.example")] };
      if (name === "b.example") return { answers: [a("c.example", "192.0.2.3"), cname(name, "c.example")] };
      return { answers: [a("c.example", "192.0.2.3")] };
    });
    expect(world.resolve("a.example")).toEqual(["192.0.2.3"]);
    expect(world.asked.map(({ name }) => name)).toEqual(["a.example", "b.example", "c.example"]);
    expect(new Set(world.asked.map(({ port }) => port)).size).toBe(3);
    expect(world.timeMs).toBeLessThan(100);
  });

  test("eight aliases are followed, and not nine", () => {
    for (const [last, answer] of [
      [8, ["192.0.2.8"]],
      [9, "NOT_FOUND"],
    ] as const) {
      const world = new World();
      world.serve(FIRST, ({ name }) => {
        const index = Number(name.slice(1));
        return { answers: [index === last ? a(name, "192.0.2.8") : cname(name, `n${index + 1}`)] };
      });
      expect(world.resolve("n0")).toEqual(answer);
      expect(world.asked.length).toBe(9);
    }
  });

  test("an alias of itself comes to an end", () => {
    const world = new World();
    world.serve(FIRST, ({ name }) => ({ answers: [cname(name, name)] }));
    expect(world.resolve("a.example")).toBe("NOT_FOUND");
    expect(world.asked.length).toBe(9);
  });

  test("NXDOMAIN and no data, with an SOA record and without", () => {
    for (const rcode of [Rcode.NXDOMAIN, Rcode.NOERROR])
      for (const authorities of [[soa("example", 30)], []]) {
        const world = new World();
        world.serve(FIRST, () => ({ rcode, authorities }));
        const handle = world.ask("a.example");
        world.until(() => world.answer(handle) !== "WOULD_BLOCK");
        expect(world.answer(handle)).toBe("NOT_FOUND");
        expect(world.takeEvents(handle)).toEqual(["FAILED"]);
        expect(world.asked.length).toBe(1);
      }
  });

  test("NXDOMAIN of an alias's target", () => {
    const world = new World();
    world.serve(FIRST, ({ name }) => ({ rcode: Rcode.NXDOMAIN, answers: [cname(name, "b.example")] }));
    expect(world.resolve("a.example")).toBe("NOT_FOUND");
    expect(world.asked.length).toBe(1);
  });

  test("no data for an alias's target", () => {
    const world = new World();
    world.serve(FIRST, ({ name }) => ({
      answers: [cname(name, "b.example")],
      authorities: [soa("example", 30)],
    }));
    expect(world.resolve("a.example")).toBe("NOT_FOUND");
    expect(world.asked.length).toBe(1);
  });
});

describe("close", () => {
  test("cancels: what comes later is for nobody", () => {
    const world = new World();
    world.serve(FIRST, knows());
    const handle = world.ask("a.example");
    world.until(() => world.asked.length > 0);
    world.core.close(handle);
    world.pass(20000);
    expect(world.asked.length).toBe(1);
    expect(world.takeEvents(handle)).toEqual([]);
    expect(world.counter("UDP_NO_SOCKET")).toBe(1);
    expect(world.answer(handle)).toBe("BAD_HANDLE");
  });

  test("before anything was sent", () => {
    const world = new World();
    world.core.close(world.ask("a.example"));
    world.pass(20000);
    expect(world.sent).toEqual([]);
  });
});
