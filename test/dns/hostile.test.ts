// What a name server, or somebody who plays one, can do: attack 17 of the list, and the bounds on all of it. Each round ends
// with a right answer, which must still be taken; nothing but a counter moves before it.

import { describe, expect, test } from "vitest";
import { concat, put16 } from "../../host/packet/index.js";
import { Prng } from "../../host/sim/prng.js";
import { a, cname, encodeMessage, encodeName, pointer, QUESTION_AT, type RecordSpec, soa } from "./codec.js";
import { type Asked, FIRST, type Reply, World } from "./world.js";

const BAD = "203.0.113.66";
const RIGHT = ["192.0.2.1"];

/** What comes of a name when `forged` arrives before the right answer; and the two counters. */
function afterForged(forged: (query: Asked) => Reply, config = {}): unknown[] {
  const world = new World({ dnsServers: [FIRST], ...config });
  world.serve(FIRST, (query) => [
    { ...forged(query), delayMs: 5 },
    { answers: [a(query.name, "192.0.2.1")], delayMs: 10 },
  ]);
  const answer = world.resolve("www.example");
  expect(world.timeMs).toBeLessThan(100);
  expect(world.asked.length).toBe(1);
  return [
    answer,
    world.counter("DNS_IGNORED"),
    world.counter("DNS_MALFORMED"),
    world.counter("UDP_NO_SOCKET"),
  ];
}

const bad = ({ name }: Asked): Reply => ({ answers: [a(name, BAD)] });

describe("answers to questions not asked (RFC 5452)", () => {
  test.each<[string, (query: Asked) => Reply]>([
    ["another id", (query) => ({ ...bad(query), id: query.id ^ 1 })],
    [
      "the id's octets exchanged",
      (query) => ({ ...bad(query), id: ((query.id << 8) | (query.id >> 8)) & 0xffff }),
    ],
    ["another name", (query) => ({ ...bad(query), questions: [{ name: "wwx.example" }] })],
    ["a longer name", (query) => ({ ...bad(query), questions: [{ name: "www.example.org" }] })],
    ["a shorter name", (query) => ({ ...bad(query), questions: [{ name: "www" }] })],
    ["another type", (query) => ({ ...bad(query), questions: [{ name: query.name, type: 28 }] })],
    ["another class", (query) => ({ ...bad(query), questions: [{ name: query.name, class: 3 }] })],
    ["no question", (query) => ({ ...bad(query), questions: [] })],
    [
      "two questions",
      (query) => ({ ...bad(query), questions: [{ name: query.name }, { name: query.name }] }),
    ],
    ["a question that is promised only", (query) => ({ questions: [], counts: [1], id: query.id })],
    ["a query", (query) => ({ ...bad(query), answer: false })],
    ["another opcode", (query) => ({ ...bad(query), opcode: 4 })],
  ])("%s is ignored", (_what, forged) => {
    expect(afterForged(forged)).toEqual([RIGHT, 1, 0, 0]);
  });

  test.each<[string, (query: Asked) => Reply]>([
    ["another server", (query) => ({ ...bad(query), from: "10.0.0.99" })],
    ["another port of the server", (query) => ({ ...bad(query), fromPort: 5353 })],
    [
      "another port of ours",
      (query) => ({ ...bad(query), toPort: query.port === 65535 ? 49152 : query.port + 1 }),
    ],
  ])("%s is nobody's", (_what, forged) => {
    expect(afterForged(forged)).toEqual([RIGHT, 0, 0, 1]);
  });

  test("a thousand guesses of the id", () => {
    const world = new World({ dnsServers: [FIRST] });
    world.serve(FIRST, (query) => [
      ...Array.from({ length: 1000 }, (_, guess) => ({ ...bad(query), id: (query.id + 1 + guess) & 0xffff })),
      { answers: [a(query.name, "192.0.2.1")], delayMs: 20 },
    ]);
    expect(world.resolve("www.example")).toEqual(RIGHT);
    expect(world.counter("DNS_IGNORED")).toBe(1000);
  });

  test("an answer to the last try comes too late", () => {
    const world = new World({ dnsServers: [FIRST] });
    world.serve(FIRST, (query) =>
      world.asked.length === 1
        ? { ...bad(query), delayMs: 1500 }
        : { answers: [a(query.name, "192.0.2.1")], delayMs: 900 },
    );
    expect(world.resolve("www.example")).toEqual(RIGHT);
    expect(world.counter("UDP_NO_SOCKET")).toBe(1);
  });

  test("records of names not asked for are not taken, or kept", () => {
    const world = new World({ dnsServers: [FIRST] });
    world.serve(FIRST, ({ name }) => ({
      answers: [a("bank.example", BAD), a(name, "192.0.2.1"), cname("bank.example", name)],
      authorities: [a(name, BAD), a("bank.example", BAD)],
      additionals: [a(name, BAD), a("bank.example", BAD)],
    }));
    expect(world.resolve("www.example")).toEqual(RIGHT);
    world.resolve("bank.example");
    expect(world.asked.length).toBe(2);
  });
});

describe("messages that lie", () => {
  const question = encodeName("www.example").length;
  /** Where the first record begins. */
  const RECORDS = 12 + question + 4;
  const record = (name: Uint8Array): RecordSpec => a(name, BAD);

  test.each<[string, (query: Asked) => Reply]>([
    ["an owner that points to itself", () => ({ answers: [record(pointer(RECORDS))] })],
    [
      "an owner that points forward",
      () => ({ answers: [record(pointer(RECORDS + 2)), record(pointer(12))] }),
    ],
    ["an owner that loops over labels", () => ({ answers: [record(pointer(RECORDS, "a"))] })],
    ["an owner that points beyond the message", () => ({ answers: [record(pointer(0x3fff))] })],
    [
      "a label of more than 63 octets",
      () => ({ answers: [record(concat(Uint8Array.of(64), new Uint8Array(65)))] }),
    ],
    ["a label type that does not exist", () => ({ answers: [record(Uint8Array.of(0x80, 0))] })],
    [
      "a name of more than 255 octets",
      () => ({
        answers: [
          record(concat(...Array(4).fill(encodeName("x".repeat(63)).slice(0, -1)), new Uint8Array(1))),
        ],
      }),
    ],
    ["an RDLENGTH beyond the message", ({ name }) => ({ answers: [{ ...a(name, BAD), dataBytes: 5 }] })],
    ["the longest RDLENGTH", ({ name }) => ({ answers: [{ ...a(name, BAD), dataBytes: 65535 }] })],
    ["an address of 3 octets", ({ name }) => ({ answers: [{ ...a(name, BAD), data: new Uint8Array(3) }] })],
    ["an address of 16 octets", ({ name }) => ({ answers: [{ ...a(name, BAD), data: new Uint8Array(16) }] })],
    [
      "an alias longer than its RDLENGTH",
      ({ name }) => ({ answers: [{ ...cname(name, "b.example"), dataBytes: 4 }] }),
    ],
    [
      "an alias shorter than its RDLENGTH",
      ({ name }) => ({ answers: [cname(name, concat(encodeName("b"), new Uint8Array(1)))] }),
    ],
    ["an alias that is empty", ({ name }) => ({ answers: [cname(name, new Uint8Array(0))] })],
    [
      "an alias that points to itself",
      ({ name }) => ({ answers: [cname(name, pointer(RECORDS + question + 10))] }),
    ],
    ["more answers than there are", ({ name }) => ({ answers: [a(name, BAD)], counts: [1, 2] })],
    ["65535 answers", ({ name }) => ({ answers: [a(name, BAD)], counts: [1, 65535] })],
    ["more authorities than there are", ({ name }) => ({ answers: [a(name, BAD)], counts: [1, 1, 1] })],
    ["65535 of both", () => ({ counts: [1, 65535, 65535] })],
  ])("%s", (_what, forged) => {
    expect(afterForged(forged)).toEqual([RIGHT, 0, 1, 0]);
  });

  test("a right answer, cut off anywhere", () => {
    const counts = { header: 0, rest: 0 };
    const whole = (query: Asked) =>
      encodeMessage({
        id: query.id,
        questions: [{ name: query.name }],
        answers: [a(query.name, BAD), a(query.name, BAD)],
      });
    const length = RECORDS + 2 * (question + 14);
    for (let cut = 0; cut < length; cut++) {
      const [answer, ignored, malformed] = afterForged((query) => ({ octets: whole(query).slice(0, cut) }));
      expect(answer).toEqual(RIGHT);
      expect([ignored, malformed]).toEqual(cut < RECORDS ? [1, 0] : [0, 1]);
      if (cut < RECORDS) counts.header++;
      else counts.rest++;
    }
    expect(counts).toEqual({ header: RECORDS, rest: 2 * (question + 14) });
  });

  test("a message that is no message, of 30000 kinds", () => {
    const prng = new Prng(7);
    const world = new World({ dnsServers: [FIRST] });
    let done = 0;
    world.serve(FIRST, (query) => {
      const base = encodeMessage({
        id: query.id,
        questions: [{ name: query.name }],
        answers: [cname(query.name, pointer(QUESTION_AT, "b")), a(pointer(QUESTION_AT), BAD)],
        authorities: [soa(pointer(QUESTION_AT), 60)],
      });
      return Array.from({ length: 100 }, () => {
        const octets = base.slice(0, 12 + prng.below(base.length - 11));
        for (let times = 1 + prng.below(4); times > 0; times--)
          octets[2 + prng.below(octets.length - 2)] = prng.below(256);
        return { octets, delayMs: 1 + prng.below(5) };
      });
    });
    while (done < 300) {
      const handle = world.ask(`n${done++}.example`);
      world.pass(30);
      world.core.close(handle);
    }
    const sane = new World({ dnsServers: [FIRST] });
    sane.serve(FIRST, ({ name }) => ({ answers: [a(name, "192.0.2.1")] }));
    world.servers.set(FIRST, sane.servers.get(FIRST) as never);
    world.pass(20_000);
    expect(world.resolve("sane.example")).toEqual(RIGHT);
    expect(world.counter("DNS_MALFORMED")).toBeGreaterThan(100);
    expect(world.counter("DNS_IGNORED")).toBeGreaterThan(100);
  });

  test("chains of pointers are no work", () => {
    // 500 pointers, each to the one before; and records whose owners begin at the last of them.
    expect(
      afterForged((query) => {
        const head = encodeMessage({ id: query.id, questions: [{ name: query.name }], counts: [1, 60] });
        const chain = concat(
          ...Array.from({ length: 500 }, (_, index) => pointer(head.length + index * 2 - 2)),
        );
        return { octets: concat(head, chain) };
      }),
    ).toEqual([RIGHT, 0, 1, 0]);
  });
});

describe("what is no error", () => {
  test("a chain of 32 pointers in an owner's name", () => {
    const world = new World();
    world.serve(FIRST, (query) => {
      const head = encodeMessage({ id: query.id, questions: [{ name: query.name }], counts: [1, 2] });
      // The data of the first record holds the chain.
      const start = head.length + 1 + 10;
      const chain = concat(
        ...Array.from({ length: 31 }, (_, index) =>
          pointer(index === 0 ? QUESTION_AT : start + index * 2 - 2),
        ),
      );
      const fixed = new Uint8Array(10);
      put16(fixed, 0, 16);
      put16(fixed, 2, 1);
      put16(fixed, 8, chain.length);
      const last = new Uint8Array(14);
      put16(last, 0, 1);
      put16(last, 2, 1);
      last[7] = 60;
      last[9] = 4;
      last.set([192, 0, 2, 1], 10);
      return { octets: concat(head, new Uint8Array(1), fixed, chain, pointer(start + 60), last) };
    });
    expect(world.resolve("www.example")).toEqual(RIGHT);
  });

  test("octets behind the last record", () => {
    const world = new World();
    world.serve(FIRST, (query) => ({
      octets: concat(
        encodeMessage({
          id: query.id,
          questions: [{ name: query.name }],
          answers: [a(query.name, "192.0.2.1")],
        }),
        new Uint8Array(20),
      ),
    }));
    expect(world.resolve("www.example")).toEqual(RIGHT);
  });

  test("additionals are not looked at", () => {
    const world = new World();
    world.serve(FIRST, ({ name }) => ({ answers: [a(name, "192.0.2.1")], counts: [1, 1, 0, 9] }));
    expect(world.resolve("www.example")).toEqual(RIGHT);
  });
});
