import { describe, expect, test } from "vitest";
import { concat } from "../../../host/packet/index.js";
import { Prng } from "../../../host/sim/prng.js";
import { a, encodeMessage, encodeName, encodeRecord, pointer, soa } from "../../dns/codec.js";
import { UnitCore } from "../core.js";

const FILE = "wire/dns";
const core = new UnitCore(null);
const { readName, fromText, load16, typeAndClass, timeToLive, dataBytes } = core.functions(
  FILE,
  ...(["readName", "fromText", "load16", "typeAndClass", "timeToLive", "dataBytes"] as const),
);
const MESSAGE = 4096;
const NAME = 1024;
/** A TextAddress. */
const RESULT = NAME + 512;
const DIFFERS = core.constant(FILE, "DIFFERS");
const NO_NAME = core.constant(FILE, "NO_NAME");
const HEADER = new Uint8Array(12);

/** As in the core, with places counted from the message's beginning, and 0 for what is no name. */
function read(at: number, end: number, copy: boolean): number {
  const next = readName(MESSAGE, MESSAGE + at, MESSAGE + end, NAME, copy ? 1 : 0);
  return next === NO_NAME ? 0 : next - MESSAGE;
}

/** Puts octets behind a header of zeros and returns the length of the whole. */
function put(...parts: Uint8Array[]): number {
  const message = concat(HEADER, ...parts);
  core.memory.fill(0xee, MESSAGE, MESSAGE + 70000);
  core.memory.set(message, MESSAGE);
  return message.length;
}

function copyName(at: number, end: number): { end: number; name: Uint8Array } {
  core.memory.fill(0x55, NAME, NAME + 300);
  const next = read(at, end, true) % DIFFERS;
  const name = core.memory.slice(NAME, next ? nameEnd(NAME) : NAME);
  return { end: next, name };
}

/** Where the name at `at` ends, which has no pointers. */
function nameEnd(at: number): number {
  const length = core.memory[at] as number;
  return length ? nameEnd(at + 1 + length) : at + 1;
}

/** A name of labels of these lengths. */
function labels(...lengths: number[]): Uint8Array {
  return encodeName(lengths.map((length) => "x".repeat(length)).join("."));
}

describe("readName", () => {
  test("a name without pointers, in lower case", () => {
    const end = put(encodeName("WWW.Example.COM"));
    expect(copyName(12, end)).toEqual({ end, name: encodeName("www.example.com") });
    expect(read(12, end, false)).toBe(end);
  });

  test("only letters have two cases", () => {
    const all = Array.from({ length: 256 }, (_, octet) => octet);
    for (let at = 0; at < 256; at += 32) {
      const text = all.slice(at, at + 32);
      const end = put(Uint8Array.of(32, ...text, 0));
      const lower = text.map((octet) => (octet >= 65 && octet <= 90 ? octet + 32 : octet));
      expect(copyName(12, end).name).toEqual(Uint8Array.of(32, ...lower, 0));
    }
  });

  test("pointers, one behind the other", () => {
    // 12: example.com, 25: www -> 12, 31: a -> 25
    const end = put(encodeName("example.com"), pointer(12, "www"), pointer(25, "a"), Uint8Array.of(9, 9));
    expect(copyName(31, end)).toEqual({ end: end - 2, name: encodeName("a.www.example.com") });
    expect(copyName(25, end)).toEqual({ end: 31, name: encodeName("www.example.com") });
  });

  test("a comparison writes nothing, and sees every difference", () => {
    const end = put(encodeName("ab.cd"));
    const wanted = encodeName("ab.cd");
    for (let at = 0; at < wanted.length; at++) {
      const other = Uint8Array.from(wanted, (octet, index) => (index === at ? octet ^ 4 : octet));
      core.memory.set(other, NAME);
      expect(read(12, end, false)).toBe((end | DIFFERS) >>> 0);
      expect(core.memory.slice(NAME, NAME + other.length)).toEqual(other);
    }
    core.memory.set(wanted, NAME);
    expect(read(12, end, false)).toBe(end);
    // One that goes on, or is shorter, is another.
    core.memory.set(encodeName("ab.cd.e"), NAME);
    expect(read(12, end, false)).toBe((end | DIFFERS) >>> 0);
    core.memory.set(encodeName("ab"), NAME);
    expect(read(12, end, false)).toBe((end | DIFFERS) >>> 0);
  });

  test("labels of 63 octets, and not of more", () => {
    expect(copyName(12, put(labels(63))).name).toEqual(labels(63));
    for (const length of [64, 65, 127, 128, 191])
      expect(read(12, put(Uint8Array.of(length), new Uint8Array(255)), true)).toBe(0);
  });

  test("names of 255 octets, and not of more", () => {
    const longest = labels(63, 63, 63, 61);
    expect(longest.length).toBe(255);
    expect(copyName(12, put(longest))).toEqual({ end: 12 + 255, name: longest });
    expect(read(12, put(labels(63, 63, 63, 62)), true)).toBe(0);
    expect(read(12, put(labels(63, 63, 63, 61, 1)), true)).toBe(0);
    expect(read(12, put(labels(...Array(128).fill(1))), true)).toBe(0);
    // With a pointer: 63 + 1 octets before 192, and one more.
    const tail = labels(63, 63, 62);
    expect(copyName(12 + tail.length, put(tail, pointer(12, "x".repeat(62)))).name.length).toBe(255);
    expect(read(12 + tail.length, put(tail, pointer(12, "x".repeat(63))), true)).toBe(0);
    expect(core.memory[NAME + 255]).toBe(0x55);
  });

  test("a name that the message's end cuts off, anywhere", () => {
    const name = concat(encodeName("www.example.com"), pointer(12, "a"));
    const end = put(name);
    const second = 12 + encodeName("www.example.com").length;
    for (let cut = 12; cut < second; cut++) expect(read(12, cut, true)).toBe(0);
    for (let cut = second; cut < end; cut++) expect(read(second, cut, true)).toBe(0);
    expect(copyName(second, end).end).toBe(end);
  });

  test.each([
    ["to itself", pointer(12)],
    ["forward", concat(pointer(14), encodeName("a"))],
    ["behind the message", pointer(4000)],
    ["to the labels before it", pointer(12, "a")],
    ["into the middle of the labels before it", pointer(13, "a")],
  ])("a pointer %s is refused", (_what, octets) => {
    expect(read(12, put(octets), true)).toBe(0);
  });

  test("two pointers at each other are refused", () => {
    expect(read(14, put(pointer(14), pointer(12)), true)).toBe(0);
    expect(read(12, put(pointer(14), pointer(12)), true)).toBe(0);
  });

  test("32 pointers in a name, and not 33", () => {
    const chain = (links: number) => [
      encodeName("a"),
      ...Array.from({ length: links }, (_, index) => pointer(index === 0 ? 12 : 15 + (index - 1) * 2)),
    ];
    const at = (links: number) => 15 + (links - 1) * 2;
    expect(copyName(at(32), put(...chain(32))).name).toEqual(encodeName("a"));
    expect(read(at(33), put(...chain(33)), true)).toBe(0);
  });

  test("whatever the octets are, nothing is written behind the name's place", () => {
    const prng = new Prng(17);
    for (let round = 0; round < 3000; round++) {
      const octets = Uint8Array.from({ length: 300 }, () => {
        const kind = prng.below(4);
        return kind === 0 ? 0xc0 : kind === 1 ? prng.below(64) : kind === 2 ? prng.below(4) : prng.below(256);
      });
      const end = put(octets);
      core.memory.fill(0x55, NAME, NAME + 400);
      const next = read(12 + prng.below(300), end, true) % DIFFERS;
      expect(next).toBeLessThanOrEqual(end);
      expect(core.memory.subarray(NAME + 255, NAME + 400).every((octet) => octet === 0x55)).toBe(true);
    }
  });
});

describe("fromText", () => {
  function name(text: string): Uint8Array | undefined {
    core.memory.fill(0x55, NAME, NAME + 300);
    core.memory.set(
      Uint8Array.from(text, (letter) => letter.charCodeAt(0)),
      NAME + 1,
    );
    const bytes = fromText(NAME, text.length, RESULT);
    expect(core.memory[NAME + 256]).toBe(0x55);
    if (bytes === 0) return undefined;
    return core.memory.slice(NAME, NAME + bytes);
  }

  test.each(["a", "www.example.com", "_dns.Example.ORG", "xn--bcher-kva.example", "a b", "\u00fc.x"])(
    "%s",
    (text) => {
      expect(name(text)).toEqual(encodeName(text.toLowerCase()));
      expect(name(`${text}.`)).toEqual(encodeName(text.toLowerCase()));
    },
  );

  test.each(["", ".", "..", ".a", "a..b", "a..", "..a"])("'%s' is no name", (text) => {
    expect(name(text)).toBeUndefined();
  });

  test("lengths of labels and of names", () => {
    expect(name("x".repeat(63))).toBeDefined();
    expect(name("x".repeat(64))).toBeUndefined();
    expect(name(`${"x".repeat(63)}.y`)).toBeDefined();
    expect(name(`${"x".repeat(64)}.y`)).toBeUndefined();
    const longest = ["a", "b", "c"].map((letter) => letter.repeat(63)).join(".");
    expect(name(`${longest}.${"d".repeat(61)}`)?.length).toBe(255);
    expect(name(`${longest}.${"d".repeat(61)}.`)?.length).toBe(255);
    expect(name(`${longest}.${"d".repeat(62)}`)).toBeUndefined();
    expect(name(`${longest}.${"d".repeat(63)}`)).toBeUndefined();
  });

  test("a length that nobody has room for", () => {
    for (const length of [256, 257, 65536, 0xffffffff]) expect(fromText(NAME, length, RESULT)).toBe(0);
  });

  test("nothing before the text is taken for it", () => {
    core.memory[NAME] = 46;
    expect(fromText(NAME, 0, RESULT)).toBe(0);
  });
});

describe("fromText of an address", () => {
  const view = core.record<Record<string, number>>(FILE, "TextAddress", RESULT);
  const octetsOf = (text: string): number => {
    core.memory.set(new TextEncoder().encode(text), NAME + 1);
    return fromText(NAME, text.length, RESULT);
  };

  test.each(["1.2.3.4", "0.0.0.0", "255.255.255.255", "10.0.0.199", "100.20.3.0"])("%s", (text) => {
    for (const dot of ["", "."]) {
      view.address = 0;
      expect([octetsOf(text + dot), view.addresses]).toEqual([text.length + 2, 1]);
      expect([...core.memory.subarray(RESULT + 4, RESULT + 8)].join(".")).toBe(text);
    }
  });

  test.each(["a", "1.2.3.a", "1.2.3.4a", "x.1.2.3.4", "1.2.3.-4", "1.2.3.4.example", "1.2.3./", "1.2.3.:"])(
    "%s is a name",
    (text) => {
      expect([octetsOf(text), view.addresses]).toEqual([text.length + 2, 0]);
    },
  );

  test.each([
    ...["1", "1.2", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.1.1.256", "1.1.1.999", "1.1.1.1000", "01.2.3.4"],
    ...["1.2.3.00", "1.2.3.04", "4294967297.1.1.1", "1.1.1.4294967296", `1.1.1.${"1".repeat(60)}`],
  ])("%s is neither", (text) => {
    expect(octetsOf(text)).toBe(0);
  });
});

test("fields stand where RFC 1035 has them", () => {
  const spec = { id: 0x0102, rcode: 3, truncated: true, counts: [0x0304, 0x0506, 0x0708, 0x090a] };
  core.memory.set(encodeMessage(spec), MESSAGE);
  const view = core.record<Record<string, number>>(FILE, "DnsHeader", MESSAGE);
  expect([view.id, view.questions, view.answers, view.authorities, view.additionals]).toEqual([
    0x0201, 0x0403, 0x0605, 0x0807, 0x0a09,
  ]);
  const flags0 = view.flags0 as number;
  expect(flags0 & core.constant(FILE, "KIND_MASK")).toBe(core.constant(FILE, "KIND_ANSWER"));
  expect(flags0 & core.constant(FILE, "TRUNCATED")).not.toBe(0);
  expect((view.flags1 as number) & core.constant(FILE, "RCODE_MASK")).toBe(core.constant(FILE, "NAME_ERROR"));
  core.memory.set(encodeMessage({ id: 1, answer: false }), MESSAGE);
  expect([view.flags0, view.flags1]).toEqual([core.constant(FILE, "RECURSION_DESIRED"), 0]);
  expect(core.sizeOf(FILE, "DnsHeader")).toBe(core.constant(FILE, "DNS_HEADER_BYTES"));
});

test("a record behind its name", () => {
  core.memory.set(encodeRecord(a("", "1.2.3.4", 0x01020304)), MESSAGE);
  expect(typeAndClass(MESSAGE + 1)).toBe(core.constant(FILE, "A_IN"));
  expect(timeToLive(MESSAGE + 1)).toBe(0x01020304);
  expect(dataBytes(MESSAGE + 1)).toBe(4);
  expect(load16(MESSAGE + 5)).toBe(0x0102);
  core.memory.set(encodeRecord(soa("", 60, 0x80000000)), MESSAGE);
  expect(typeAndClass(MESSAGE + 1)).toBe(core.constant(FILE, "SOA_IN"));
  expect(timeToLive(MESSAGE + 1)).toBe(-(2 ** 31));
  core.memory.set(encodeRecord({ name: "", type: 5, data: new Uint8Array(0), dataBytes: 0xfedc }), MESSAGE);
  expect(typeAndClass(MESSAGE + 1)).toBe(core.constant(FILE, "CNAME_IN"));
  expect(dataBytes(MESSAGE + 1)).toBe(0xfedc);
});
