// How whole datagrams are treated is in test/script/fragments.script.ts, too; here is what becomes of fragments.

import { beforeEach, describe, expect, test } from "vitest";
import { SocketKind } from "../../../host/abi.js";
import {
  ArpOperation,
  decode,
  decodeIpv4,
  IcmpType,
  type Ipv4Spec,
  type Packet,
} from "../../../host/packet/index.js";
import { Prng } from "../../../host/sim/prng.js";
import { address, DEVICE, frameOf, PEER, UnitCore } from "../core.js";
import { Model, type Piece, randomPieces } from "./fragments_model.js";

/** RFC 791 section 3.2. */
const TIMEOUT_MS = 15000;
const FRAGMENT_BYTES = 2000;

let core: UnitCore;
let net: ReturnType<typeof functionsOf>;

function functionsOf(unit: UnitCore) {
  return {
    ...unit.functions("net/fragments", "receive", "scan"),
    ipv4: unit.functions("net/ipv4", "receive", "input"),
    ...unit.functions("lib/clock", "advanceClock"),
    ...unit.functions("stack", "input", "output", "deadline"),
  };
}

function boot(config: ConstructorParameters<typeof UnitCore>[0] = {}, now = 0): void {
  core = new UnitCore({ fragmentBuffers: 2, fragmentBytes: FRAGMENT_BYTES, ...config }, now);
  net = functionsOf(core);
}

beforeEach(() => boot());

/** One fragment of a datagram from PEER, whose protocol has no header that anybody looks at. */
interface Cut extends Partial<Omit<Ipv4Spec, "payload">> {
  readonly payload: Uint8Array;
  readonly fragmentOffset: number;
}

function fragmentFrame(cut: Cut): Uint8Array {
  const { payload, ...ipv4 } = cut;
  return frameOf({
    ipv4: { source: PEER.address, destination: DEVICE.address, protocol: 99, identification: 1, ...ipv4 },
    payload,
  });
}

/** Octets `from` to `to` of a datagram's payload, with more behind it where there is more. */
function piece(whole: Uint8Array, from: number, to: number, forged: Partial<Cut> = {}): Cut {
  const end = Math.min(to, whole.length);
  return {
    payload: whole.slice(from, end),
    fragmentOffset: from,
    moreFragments: end < whole.length,
    ...forged,
  };
}

/** A payload cut at every `step` octets. */
function cutUp(whole: Uint8Array, step: number, forged: Partial<Cut> = {}): Cut[] {
  const count = Math.ceil(whole.length / step);
  return Array.from({ length: count }, (_, index) =>
    piece(whole, index * step, (index + 1) * step, { ...forged }),
  );
}

/** Gives the core a fragment. Returns the datagram that it completes, as it stands in memory, or undefined. */
function give(cut: Cut, flags = 0): Uint8Array | undefined {
  const length = core.putFrame(fragmentFrame(cut)) - 14;
  expect(net.ipv4.receive(length, flags)).toBe(core.constant("net/ipv4", "FRAGMENT"));
  const protocol = net.receive();
  if (protocol === 0) return undefined;
  const at = net.ipv4.input();
  const bytes = core.view.getUint16(at + 2);
  expect(protocol).toBe(core.memory[at + 9]);
  return core.memory.slice(at, at + bytes);
}

/** The same for several, of which only the last completes anything. */
function giveAll(cuts: readonly Cut[]): Uint8Array | undefined {
  return cuts.reduce<Uint8Array | undefined>((before, cut) => {
    expect(before).toBeUndefined();
    return give(cut);
  }, undefined);
}

/** The payload of a datagram that must be right in every header field. */
function payloadOf(datagram: Uint8Array | undefined): Uint8Array | undefined {
  if (!datagram) return undefined;
  const problems: string[] = [];
  const ip = decodeIpv4(datagram, problems);
  expect(problems).toEqual([]);
  expect(ip).toMatchObject({ moreFragments: false, fragmentOffset: 0, totalBytes: datagram.length });
  return ip?.payload;
}

/** `payloadOf` compared: the test runner takes its time with long ones. */
function isWhole(datagram: Uint8Array | undefined, payload: Uint8Array): boolean {
  const got = payloadOf(datagram);
  return got !== undefined && Buffer.compare(got, payload) === 0;
}

/** Moves the clock and returns what is sent because of it, decoded and found right. */
function wait(now: number): Packet[] {
  net.advanceClock(now);
  const packets: Packet[] = [];
  for (;;) {
    const bytes = net.scan();
    if (bytes === 0) return packets;
    const packet = decode(core.outputFrame(bytes));
    expect(packet.problems).toEqual([]);
    packets.push(packet);
    expect(packets.length).toBeLessThan(300);
  }
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, index) =>
    permutations(items.filter((_, other) => other !== index)).map((rest) => [item, ...rest]),
  );
}

const WHOLE = new Prng(7).bytes(100);

describe("a datagram", () => {
  test("is put together from fragments in any order", () => {
    const cuts = [piece(WHOLE, 0, 24), piece(WHOLE, 24, 32), piece(WHOLE, 32, 80), piece(WHOLE, 80, 100)];
    for (const order of permutations(cuts)) expect(payloadOf(giveAll(order))).toEqual(WHOLE);
    expect(core.counters()).toEqual({ FRAGMENTS_REASSEMBLED: 24 });
  });

  test("of every length, cut at every multiple of eight, forwards and backwards", () => {
    for (let length = 9; length <= 80; length++) {
      const whole = new Prng(length).bytes(length);
      for (let step = 8; step < length; step += 8) {
        const cuts = cutUp(whole, step);
        expect(payloadOf(giveAll(cuts))).toEqual(whole);
        expect(payloadOf(giveAll(cuts.reverse()))).toEqual(whole);
      }
    }
  });

  test("has the header of fragment zero, with its options, whenever that came", () => {
    const options = Uint8Array.of(7, 11, 4, 1, 2, 3, 4, 5, 6, 7, 8, 0);
    const cuts = [
      piece(WHOLE, 0, 40, { tos: 0x1c, ttl: 3, options }),
      piece(WHOLE, 40, 64, { tos: 1, ttl: 9, options: new Uint8Array(40).fill(1) }),
      piece(WHOLE, 64, 100, { tos: 2, ttl: 10 }),
    ];
    for (const order of permutations(cuts)) {
      const datagram = giveAll(order) as Uint8Array;
      expect(payloadOf(datagram)).toEqual(WHOLE);
      expect(decodeIpv4(datagram, [])).toMatchObject({
        ...{ source: PEER.address, destination: DEVICE.address, protocol: 99, identification: 1 },
        ...{ tos: 0x1c, ttl: 3, headerBytes: 32, totalBytes: 132 },
      });
      expect(decodeIpv4(datagram, [])?.options).toEqual(options);
      expect(net.ipv4.input() % 4).toBe(0);
    }
  });

  test("is known by source, destination, protocol and identification: five are put together side by side", () => {
    boot({ fragmentBuffers: 5 });
    const keys: Partial<Cut>[] = [
      {},
      { source: "10.0.0.3" },
      // A broadcast reaches UDP.
      { destination: "10.0.0.255", protocol: 17 },
      { protocol: 17 },
      { identification: 0x100 },
    ];
    const wholes = keys.map((_, index) => new Prng(index + 50).bytes(64 + index * 9));
    const [first, middle, last] = [0, 24, 48].map((from) =>
      wholes.map((whole, index) => piece(whole, from, from === 48 ? 200 : from + 24, keys[index])),
    ) as [Cut[], Cut[], Cut[]];
    for (const cut of [...last, ...first]) expect(give(cut)).toBeUndefined();
    expect(middle.map((cut) => payloadOf(give(cut)))).toEqual(wholes);
    expect(core.counters()).toEqual({ FRAGMENTS_REASSEMBLED: 5 });
  });

  test("may be as long as the configuration says, and no octet longer", () => {
    for (const fragmentBytes of [576, 577, 578, 579, 2000, 65535]) {
      boot({ fragmentBytes, fragmentBuffers: 1 });
      const whole = new Prng(fragmentBytes).bytes(fragmentBytes - 20);
      const cuts = cutUp(whole, 552);
      expect(isWhole(giveAll(cuts), whole)).toBe(true);
      expect(isWhole(giveAll(cuts.reverse()), whole)).toBe(true);
      const { fragmentTable } = core.services;
      const before = core.memory.slice(fragmentTable);
      const longer = new Prng(fragmentBytes).bytes(fragmentBytes - 19);
      expect(give(cutUp(longer, 552).at(-1) as Cut)).toBeUndefined();
      expect(core.counters()).toEqual({ FRAGMENTS_REASSEMBLED: 2, IP_FRAGMENT: 1 });
      expect(Buffer.compare(core.memory.subarray(fragmentTable), before)).toBe(0);
    }
  });

  test("whose options make it too long in the end is dropped", () => {
    const whole = new Prng(3).bytes(FRAGMENT_BYTES - 20 - 4);
    const cuts = (octets: number) => [
      piece(whole, 1000, whole.length),
      piece(whole, 0, 1000, { options: new Uint8Array(octets).fill(1) }),
    ];
    expect(payloadOf(giveAll(cuts(4)))).toEqual(whole);
    expect(giveAll(cuts(8))).toBeUndefined();
    expect(core.counters()).toEqual({ FRAGMENTS_REASSEMBLED: 1, IP_FRAGMENT: 1 });
    // Its buffer is free again.
    expect(payloadOf(giveAll(cuts(0)))).toEqual(whole);
  });

  test("stands in its buffer until the next frame comes, which stands in the input slot", () => {
    giveAll(cutUp(WHOLE, 48));
    expect(net.ipv4.input()).not.toBe(core.header.inputSlot + 14);
    const frame = frameOf({ ipv4: { source: PEER.address, destination: DEVICE.address }, icmp: { type: 8 } });
    expect(net.ipv4.receive(core.putFrame(frame) - 14, 0)).toBe(1);
    expect(net.ipv4.input()).toBe(core.header.inputSlot + 14);
  });

  test("without buffers there is none", () => {
    boot({ fragmentBuffers: 0, fragmentBytes: 0 });
    for (const cut of cutUp(WHOLE, 8)) expect(give(cut)).toBeUndefined();
    expect(core.counters()).toEqual({ IP_FRAGMENT: 13 });
    expect(wait(1e6)).toEqual([]);
  });
});

describe("a fragment that is none is dropped and changes nothing", () => {
  const eight = new Uint8Array(8);
  const MALFORMED: [string, Cut][] = [
    ["nothing in it", { payload: new Uint8Array(0), fragmentOffset: 8, moreFragments: true }],
    ["nothing in the last one", { payload: new Uint8Array(0), fragmentOffset: 8 }],
    ["nothing in the first one", { payload: new Uint8Array(0), fragmentOffset: 0, moreFragments: true }],
    ["DF in the first", { payload: eight, fragmentOffset: 0, moreFragments: true, dontFragment: true }],
    ["DF in the last", { payload: eight, fragmentOffset: 8, dontFragment: true }],
    ...[1, 4, 7, 9, 15, 17].map((length): [string, Cut] => [
      `${length} octets and more to come`,
      { payload: new Uint8Array(length), fragmentOffset: 16, moreFragments: true },
    ]),
  ];
  const TOO_LONG: [string, Cut][] = [
    ["RFC 791's end of everything", { payload: eight, fragmentOffset: 65528 }],
    ["beyond 65535", { payload: new Uint8Array(1000), fragmentOffset: 65528 }],
    ["beyond 65535, and more", { payload: new Uint8Array(1000), fragmentOffset: 65520, moreFragments: true }],
    ["beyond a buffer", { payload: new Uint8Array(1480), fragmentOffset: 504 }],
    [
      "no room for what has to follow",
      { payload: new Uint8Array(1480), fragmentOffset: 504, moreFragments: true },
    ],
  ];

  test.each([
    ...MALFORMED.map(([what, cut]) => [what, cut, "FRAGMENT_BAD"] as const),
    ...TOO_LONG.map(([what, cut]) => [what, cut, "IP_FRAGMENT"] as const),
  ])("%s", (_what, cut, counter) => {
    // Alone, and beside one that waits.
    for (const rounds of [0, 1]) {
      boot();
      if (rounds) give(piece(WHOLE, 0, 16));
      const before = buffers();
      expect(give(cut)).toBeUndefined();
      expect(core.counters()).toEqual({ [counter]: 1 });
      expect(buffers()).toEqual(before);
      if (rounds) expect(payloadOf(give(piece(WHOLE, 16, 100)))).toEqual(WHOLE);
    }
  });

  test("the greatest that has room for eight octets more is taken", () => {
    boot({ fragmentBytes: 604 });
    const whole = new Prng(4).bytes(584);
    expect(give(piece(whole, 0, 576))).toBeUndefined();
    expect(payloadOf(give(piece(whole, 576, 584)))).toEqual(whole);
    expect(give({ ...piece(whole, 0, 584), moreFragments: true })).toBeUndefined();
    expect(core.counters()).toEqual({ FRAGMENTS_REASSEMBLED: 1, IP_FRAGMENT: 1 });
  });

  /** All of the buffers. */
  function buffers(): Uint8Array {
    const at = core.services.fragmentTable;
    return core.memory.slice(
      at,
      at + 2 * core.functions("config", "fragmentStride").fragmentStride(core.constant("config", "config")),
    );
  }
});

describe("tiny fragments (RFC 1858, RFC 3128)", () => {
  /** 40 octets that begin like a TCP header of `words` words. */
  const segment = (words: number) => {
    const octets = new Prng(words).bytes(80);
    octets[12] = words << 4;
    return octets;
  };

  test.each([
    [8, 5, false],
    [16, 5, false],
    [24, 5, true],
    [24, 6, true],
    [24, 7, false],
    [32, 8, true],
    [56, 15, false],
    [64, 15, true],
    // A header of less than 20 octets is none.
    [24, 4, false],
    [24, 0, false],
  ])("%i octets of a TCP segment whose header has %i words: %s", (length, words, taken) => {
    const whole = segment(words);
    expect(give(piece(whole, 0, length, { protocol: 6 }))).toBeUndefined();
    expect(core.counters()).toEqual(taken ? {} : { FRAGMENT_BAD: 1 });
    const datagram = give(piece(whole, length, 80, { protocol: 6, identification: 1 }));
    expect(payloadOf(datagram)).toEqual(taken ? whole : undefined);
  });

  test.each([8, 16])("a fragment at offset %i has a part of the header", (from) => {
    expect(give(piece(segment(5), from, 80, { protocol: 6 }))).toBeUndefined();
    expect(core.counters()).toEqual({ FRAGMENT_BAD: 1 });
    expect(give(piece(segment(5), 24, 80, { protocol: 6 }))).toBeUndefined();
    expect(core.counters()).toEqual({ FRAGMENT_BAD: 1 });
  });

  test("other protocols may be cut anywhere", () => {
    for (const protocol of [1, 99, 17, 255])
      expect(payloadOf(giveAll(cutUp(WHOLE, 8, { protocol })))).toEqual(WHOLE);
    expect(core.counters()).toEqual({ FRAGMENTS_REASSEMBLED: 4 });
  });
});

describe("what was there before", () => {
  test("and comes again is dropped: the same fragment, a part of it, or several at once", () => {
    const whole = new Prng(9).bytes(93);
    const [zero, one, last] = [piece(whole, 0, 32), piece(whole, 32, 64), piece(whole, 72, 93)];
    giveAll([zero, one, last]);
    const again = [
      zero,
      one,
      last,
      piece(whole, 0, 8),
      piece(whole, 40, 64),
      piece(whole, 0, 64),
      piece(whole, 16, 56),
    ];
    again.push(piece(whole, 88, 93), piece(whole, 72, 80));
    for (const cut of again) expect(give(cut)).toBeUndefined();
    expect(core.counters()).toEqual({ FRAGMENT_DUPLICATE: again.length });
    expect(payloadOf(give(piece(whole, 64, 72)))).toEqual(whole);
  });

  test("a second header does not replace the first", () => {
    giveAll([
      piece(WHOLE, 0, 32, { ttl: 5 }),
      piece(WHOLE, 0, 32, { ttl: 6, options: new Uint8Array(8).fill(1) }),
    ]);
    const datagram = give(piece(WHOLE, 32, 100)) as Uint8Array;
    expect(decodeIpv4(datagram, [])).toMatchObject({ ttl: 5, headerBytes: 20 });
    expect(payloadOf(datagram)).toEqual(WHOLE);
  });

  test("and comes differently ends the datagram, whichever octet it is", () => {
    let spoilt = 0;
    for (let length = 9; length <= 23; length++) {
      const whole = new Prng(length).bytes(length + 8);
      for (let at = 8; at < whole.length; at++) {
        const forged = { identification: ++spoilt };
        give(piece(whole, 8, whole.length, forged));
        const other = whole.slice();
        other[at] = (other[at] as number) ^ 0x40;
        expect(give(piece(other, 8, whole.length, forged))).toBeUndefined();
        expect(core.counters(), `octet ${at} of ${length}`).toEqual({ FRAGMENT_OVERLAP: spoilt });
      }
    }
    expect(spoilt).toBe(240);
  });
});

describe("an overlap ends the datagram (RFC 5722)", () => {
  const big = new Prng(11).bytes(1600);
  test.each<[string, [number, number][]]>([
    [
      "over the front",
      [
        [16, 32],
        [8, 24],
      ],
    ],
    [
      "over the back",
      [
        [16, 32],
        [24, 40],
      ],
    ],
    [
      "over all of it and more",
      [
        [16, 32],
        [8, 40],
      ],
    ],
    [
      "by one block before",
      [
        [16, 32],
        [8, 32],
      ],
    ],
    [
      "by one block behind",
      [
        [16, 32],
        [16, 40],
      ],
    ],
    [
      "over a hole between two",
      [
        [16, 32],
        [40, 48],
        [24, 48],
      ],
    ],
    [
      "over the first octets",
      [
        [0, 24],
        [0, 32],
      ],
    ],
    [
      "across a word of the bitmap",
      [
        [240, 264],
        [256, 272],
      ],
    ],
    [
      "from one end to the other",
      [
        [256, 264],
        [0, 1480],
      ],
    ],
  ])("%s", (_what, ranges) => {
    for (const [from, to] of ranges) expect(give(piece(big, from, to))).toBeUndefined();
    expect(core.counters()).toEqual({ FRAGMENT_OVERLAP: 1 });
    // RFC 5722 section 4: those not yet received, too.
    for (const cut of cutUp(big, 800)) expect(give(cut)).toBeUndefined();
    expect(core.counters()).toEqual({ FRAGMENT_OVERLAP: 3 });
    expect(wait(TIMEOUT_MS - 1)).toEqual([]);
    expect(give(piece(big, 800, 1600))).toBeUndefined();
    // And nobody is told.
    expect(wait(TIMEOUT_MS)).toEqual([]);
    expect(core.counters()).toEqual({ FRAGMENT_OVERLAP: 4 });
    expect(payloadOf(giveAll(cutUp(big, 800)))).toEqual(big);
  });

  test("neighbours that only touch are none", () => {
    for (const step of [8, 16, 248, 256, 264, 504, 512, 520, 1480])
      expect(payloadOf(giveAll(cutUp(big, step)))).toEqual(big);
  });
});

describe("fragments that disagree about the length end the datagram", () => {
  const at = (from: number, to: number, more: boolean): Cut => ({
    ...piece(new Prng(12).bytes(400), from, to),
    moreFragments: more,
  });
  test.each<[string, Cut[]]>([
    ["a last one behind the last one", [at(32, 64, false), at(64, 96, false)]],
    ["a last one before the last one", [at(32, 64, false), at(8, 32, false)]],
    ["the last one again, longer", [at(32, 64, false), at(32, 72, false)]],
    ["the last one again, shorter", [at(32, 64, false), at(32, 56, false)]],
    ["the last one again, shorter by an octet", [at(32, 64, false), at(32, 63, false)]],
    ["more behind the last one", [at(32, 64, false), at(64, 96, true)]],
    ["more behind a gap behind it", [at(32, 64, false), at(96, 120, true)]],
    ["more where nothing more can be", [at(32, 64, false), at(32, 64, true)]],
    ["more up to the end", [at(32, 61, false), at(0, 64, true)]],
    ["a last one before what was there", [at(64, 96, true), at(32, 64, false)]],
    ["a last one that ends where more should follow", [at(32, 64, true), at(32, 64, false)]],
    ["a last one within what was there", [at(32, 64, true), at(40, 48, false)]],
  ])("%s", (_what, cuts) => {
    expect(giveAll(cuts)).toBeUndefined();
    expect(core.counters()).toEqual({ FRAGMENT_OVERLAP: 1 });
    expect(give(at(0, 32, true))).toBeUndefined();
    expect(core.counters()).toEqual({ FRAGMENT_OVERLAP: 2 });
  });
});

describe("when all buffers are in use", () => {
  const first = (identification: number) => piece(WHOLE, 0, 48, { identification });
  const rest = (identification: number) => piece(WHOLE, 48, 100, { identification });

  test("the oldest datagram gives way", () => {
    boot({ fragmentBuffers: 3 });
    // In this order the buffers are taken; the clock says which one is the oldest.
    for (const [identification, now] of [
      [1, 100],
      [2, 200],
      [3, 300],
    ] as const) {
      net.advanceClock(now);
      give(first(identification));
    }
    net.advanceClock(400);
    give(first(4));
    expect(core.counters()).toEqual({ FRAGMENT_EVICTED: 1 });
    for (const identification of [2, 3, 4]) expect(payloadOf(give(rest(identification)))).toEqual(WHOLE);
    // Of the one that made way the rest alone is left.
    expect(give(rest(1))).toBeUndefined();
    expect(core.counters()).toEqual({ FRAGMENT_EVICTED: 1, FRAGMENTS_REASSEMBLED: 3 });
  });

  test("wherever it stands, also when the clock wraps", () => {
    const start = 2 ** 32 - 250;
    for (const order of permutations([0, 100, 200, 300])) {
      boot({ fragmentBuffers: 4 }, start);
      // Buffers in the order of `order`: a datagram each, completed and begun anew.
      for (const [index, at] of [0, 100, 200, 300].entries()) {
        const identification = order.indexOf(at) + 1;
        if (index === 0) for (let all = 1; all <= 4; all++) give(first(all));
        net.advanceClock((start + at) >>> 0);
        give(rest(identification));
        give(first(identification));
      }
      const before = core.counters().FRAGMENT_EVICTED ?? 0;
      give(first(9));
      expect((core.counters().FRAGMENT_EVICTED ?? 0) - before).toBe(1);
      const oldest = order.indexOf(0) + 1;
      for (const identification of [1, 2, 3, 4].filter((one) => one !== oldest))
        expect(payloadOf(give(rest(identification)))).toEqual(WHOLE);
    }
  });

  test("a free buffer is taken before a spoilt one, and that before one in use", () => {
    boot({ fragmentBuffers: 3 });
    give(first(1));
    give(first(2));
    give(piece(WHOLE, 8, 56, { identification: 2 }));
    give(first(3));
    expect(payloadOf(give(rest(3)))).toEqual(WHOLE);
    give(first(4));
    // Two is still known as spoilt.
    give(rest(2));
    expect(core.counters()).toEqual({ FRAGMENT_OVERLAP: 2, FRAGMENTS_REASSEMBLED: 1 });
    give(first(5));
    give(piece(WHOLE, 8, 56, { identification: 5 }));
    expect(core.counters()).toEqual({ FRAGMENT_OVERLAP: 3, FRAGMENTS_REASSEMBLED: 1 });
    for (const identification of [1, 4]) expect(payloadOf(give(rest(identification)))).toEqual(WHOLE);
  });

  test("a datagram whose time is over goes first, when nobody has looked since", () => {
    give(first(1));
    net.advanceClock(10000);
    give(first(2));
    net.advanceClock(TIMEOUT_MS + 1);
    give(first(3));
    expect(payloadOf(give(rest(2)))).toEqual(WHOLE);
    expect(core.counters()).toEqual({ FRAGMENT_EVICTED: 1, FRAGMENTS_REASSEMBLED: 1 });
  });

  test("nothing of the datagram before shines through", () => {
    boot({ fragmentBuffers: 1 });
    const old = new Prng(20).bytes(1900);
    for (const cut of cutUp(old, 8).slice(1)) give(cut);
    // As long as the old one but for the end, of which only the first and the last part come.
    const next = new Prng(21).bytes(1900);
    const forged = { identification: 2 };
    giveAll([piece(next, 0, 400, forged), piece(next, 1400, 1900, forged)]);
    expect(core.counters()).toEqual({ FRAGMENT_EVICTED: 1 });
    expect(payloadOf(give(piece(next, 400, 1400, forged)))).toEqual(next);
  });
});

describe("after fifteen seconds", () => {
  const zero = (forged: Partial<Cut> = {}) => piece(WHOLE, 0, 48, forged);

  test("a datagram is given up, and its sender told with what is quoted of fragment zero", () => {
    for (const octets of [0, 4, 40]) {
      boot();
      net.advanceClock(1000);
      const options = new Uint8Array(octets).fill(1);
      const sent = zero({ options, ttl: 9, tos: 4 });
      give(piece(WHOLE, 56, 100));
      net.advanceClock(9000);
      give(sent);
      expect(core.state.timersArmed).toBe(1);
      expect(core.state.nextTimer).toBe(1000 + TIMEOUT_MS);
      // From the first on that arrived, not from the last.
      expect(wait(1000 + TIMEOUT_MS - 1)).toEqual([]);
      expect(core.counters()).toEqual({});
      const [packet, ...others] = wait(1000 + TIMEOUT_MS);
      expect(others).toEqual([]);
      if (packet?.kind !== "icmp") return expect.fail(packet?.kind);
      expect(packet.icmp).toMatchObject({ type: 11, code: 1, identifier: 0, sequence: 0 });
      // RFC 792: the header and 64 bits.
      expect(packet.icmp.payload).toEqual(fragmentFrame(sent).slice(14, 14 + 20 + octets + 8));
      expect(packet.ipv4).toMatchObject({ source: DEVICE.address, destination: PEER.address });
      expect(packet.ethernet).toMatchObject({ source: DEVICE.mac, destination: PEER.mac });
      expect(core.counters()).toEqual({ FRAGMENT_EXPIRED: 1, ICMP_UNREACHABLE: 1 });
      expect(give(piece(WHOLE, 48, 56))).toBeUndefined();
      expect(wait(2000 + TIMEOUT_MS)).toEqual([]);
    }
  });

  test("the message goes to the neighbour that fragment zero came from, not to whoever sent the last frame", () => {
    const frame = fragmentFrame(zero());
    frame.set([0x06, 0x11, 0x22, 0x33, 0x44, 0x55], 6);
    net.ipv4.receive(core.putFrame(frame) - 14, 0);
    net.receive();
    give(piece(WHOLE, 56, 100));
    const [packet] = wait(TIMEOUT_MS);
    expect(packet?.kind === "icmp" && packet.ethernet.destination).toBe("06:11:22:33:44:55");
  });

  const first = new Uint8Array(16);
  const icmp = (type: number, code = 0) => ({
    protocol: 1,
    payload: Uint8Array.of(type, code, ...first.slice(2)),
  });
  test.each<[string, Partial<Cut>, boolean]>([
    ["fragment zero", {}, true],
    ["fragment zero of UDP", { protocol: 17 }, true],
    ["fragment zero of an echo request", icmp(8), true],
    ["fragment zero of an echo reply", icmp(0), false],
    ["fragment zero of an ICMP error", icmp(3, 4), false],
    ["fragment zero of an ICMP time exceeded", icmp(11, 1), false],
    ["fragment zero of a redirect", icmp(5), false],
    ["fragment zero of an unknown ICMP message", icmp(200), false],
    ["all but fragment zero", { fragmentOffset: 8 }, false],
    ["the last one only", { fragmentOffset: 8, moreFragments: false }, false],
    ["fragment zero to a broadcast address", { protocol: 17, destination: "10.0.0.255" }, false],
    ["fragment zero to everybody", { protocol: 17, destination: "255.255.255.255" }, false],
  ])("the sender of %s hears of it: %s %s", (_what, forged, told) => {
    give({ payload: first, fragmentOffset: 0, moreFragments: true, ...forged });
    expect(wait(TIMEOUT_MS).map(({ kind }) => kind)).toEqual(told ? ["icmp"] : []);
    expect(core.counters()).toEqual({ FRAGMENT_EXPIRED: 1, ...(told ? { ICMP_UNREACHABLE: 1 } : {}) });
  });

  test("a datagram that was for an address that we have no more is given up in silence", () => {
    const { setAddress } = core.functions("stack", "setAddress");
    const record = core.header.exchange;
    const change = (text: string) => {
      core.memory.fill(0, record, record + 64);
      core.view.setUint16(record, 1, true);
      core.view.setUint16(record + 2, 24, true);
      core.memory.set(text.split(".").map(Number), record + 8);
      expect(setAddress(record, 5)).toBe(0);
    };
    give(zero());
    change("10.0.0.7");
    give(zero({ destination: "10.0.0.7" }));
    const packets = wait(TIMEOUT_MS + 5);
    expect(packets.map((packet) => packet.kind === "icmp" && packet.ipv4.source)).toEqual(["10.0.0.7"]);
    // Without an address there is nobody to speak.
    change("0.0.0.0");
    give(zero({ destination: "0.0.0.0", protocol: 17 }));
    expect(wait(3 * TIMEOUT_MS)).toEqual([]);
    expect(core.counters()).toMatchObject({ FRAGMENT_EXPIRED: 3, ICMP_UNREACHABLE: 1 });
  });

  test("many at once: one message each, as far as the limit on replies lets them", () => {
    boot({ fragmentBuffers: 255, fragmentBytes: 576 });
    for (let identification = 0; identification < 255; identification++) give(zero({ identification }));
    const packets = wait(TIMEOUT_MS);
    expect(packets.length).toBeGreaterThanOrEqual(50);
    expect(packets.length).toBeLessThanOrEqual(51);
    expect(core.counters()).toEqual({
      ...{ FRAGMENT_EXPIRED: 255, ICMP_UNREACHABLE: packets.length, REPLY_LIMITED: 255 - packets.length },
    });
    expect(wait(2 * TIMEOUT_MS)).toEqual([]);
  });

  test("also when the clock wraps", () => {
    const start = 2 ** 32 - 5000;
    boot({}, start);
    give(zero());
    expect(wait((start + TIMEOUT_MS - 1) >>> 0)).toEqual([]);
    expect(wait((start + TIMEOUT_MS) >>> 0).length).toBe(1);
  });

  test("the stack asks to be called then, and sends", () => {
    net.input(core.putFrame(fragmentFrame(zero())), 0, 10);
    net.input(core.putFrame(fragmentFrame(zero({ identification: 2 }))), 0, 20);
    expect(net.output(20)).toBe(0);
    expect(net.deadline(20)).toBe(TIMEOUT_MS - 10);
    expect(net.output(TIMEOUT_MS + 9)).toBe(0);
    expect(net.output(TIMEOUT_MS + 10)).toBeGreaterThan(0);
    expect(net.output(TIMEOUT_MS + 10)).toBe(0);
    expect(net.deadline(TIMEOUT_MS + 10)).toBe(10);
    expect(net.output(TIMEOUT_MS + 25)).toBeGreaterThan(0);
    expect(net.output(TIMEOUT_MS + 25)).toBe(0);
    expect(core.counters()).toMatchObject({ FRAGMENT_EXPIRED: 2, FRAMES_OUT: 2 });
  });
});

describe("two thousand datagrams, cut, shuffled, doubled, lost, forged and mixed", () => {
  const ROUNDS = 50;
  const DATAGRAMS = 40;

  test.each(Array.from({ length: ROUNDS }, (_, seed) => seed + 1))("as the model has it, seed %i", (seed) => {
    const prng = new Prng(seed);
    const fragmentBuffers = 1 + prng.below(4);
    const fragmentBytes = 576 + prng.below(prng.chance(0.1) ? 6000 : 700);
    let now = seed % 3 === 0 ? 2 ** 32 - 20000 : 1000;
    boot({ fragmentBuffers, fragmentBytes }, now);
    const model = new Model(fragmentBuffers, fragmentBytes);
    const started = now;
    for (const piece of schedule(prng, fragmentBytes)) {
      now += prng.chance(0.02) ? prng.below(20000) : prng.below(30);
      net.advanceClock(now % 2 ** 32);
      if (prng.chance(0.5)) {
        // Not the limit's test.
        core.state.replyDebt = now % 2 ** 32;
        expect(
          wait(now % 2 ** 32)
            .map(keyOfError)
            .sort(),
        ).toEqual(model.expire(now).sort());
      }
      const wanted = model.take(piece, now);
      const got = give(cutOf(piece));
      expect(got !== undefined).toBe(wanted !== undefined);
      if (wanted) expect(isWhole(got, wanted.payload)).toBe(true);
      if (got && wanted) expect((got[0] as number) & 15).toBe(wanted.zero.headerBytes / 4);
      if (prng.chance(0.1)) expect(core.counters()).toEqual(model.counters);
    }
    expect(core.counters()).toEqual(model.counters);
    expect(model.counters.FRAGMENTS_REASSEMBLED).toBeGreaterThan(0);
    expect(now - started).toBeGreaterThan(0);
  });

  test("and the model puts together what is not forged", () => {
    const prng = new Prng(99);
    let whole = 0;
    for (let round = 0; round < 50; round++) {
      const model = new Model(1, 2000);
      const octets = prng.bytes(100 + prng.below(1500));
      const pieces = cutUp(octets, 8 * (1 + prng.below(20))).map(
        ({ payload, fragmentOffset, moreFragments }) => ({
          ...{ key: "a", protocol: 99, headerBytes: 20, offset: fragmentOffset, octets: payload },
          ...{ more: moreFragments === true, dontFragment: false },
        }),
      );
      const results = shuffled(prng, pieces).map((piece) => model.take(piece, 0));
      expect(results.pop()?.payload).toEqual(octets);
      expect(results.every((result) => result === undefined)).toBe(true);
      whole++;
    }
    expect(whole).toBe(50);
  });

  /** All pieces in the order of their arrival: those of neighbours are mixed. */
  function schedule(prng: Prng, fragmentBytes: number): Piece[] {
    const mix = 1 + prng.below(4);
    const arrivals: [at: number, piece: Piece][] = [];
    for (let index = 0; index < DATAGRAMS; index++) {
      const protocol = [17, 99, 1, 6][prng.below(4)] as number;
      // Sometimes one has the identification of another that is under way.
      const identification = prng.chance(0.05) ? Math.max(0, index - 1) : index;
      const key = `${PEER.address} ${DEVICE.address} ${protocol} ${identification}`;
      const spread = prng.chance(0.5) ? 0 : 1 + prng.below(mix);
      const pieces = randomPieces(prng, key, protocol, fragmentBytes);
      const order = prng.chance(0.3) ? pieces : shuffled(prng, pieces);
      for (const [place, piece] of order.entries())
        arrivals.push([index + (spread * (place + 1)) / (order.length + 1), piece]);
    }
    return arrivals.sort(([a], [b]) => a - b).map(([, piece]) => piece);
  }

  function cutOf({ key, protocol, headerBytes, offset, octets, more, dontFragment }: Piece): Cut {
    return {
      ...{ protocol, payload: octets, fragmentOffset: offset, moreFragments: more, dontFragment },
      identification: Number(key.split(" ")[3]),
      options: new Uint8Array(headerBytes - 20).fill(1),
    };
  }

  /** The key of the datagram that an error quotes. */
  function keyOfError(packet: Packet): string {
    if (packet.kind !== "icmp") return packet.kind;
    const quoted = decodeIpv4(packet.icmp.payload, []);
    return `${quoted?.source} ${quoted?.destination} ${quoted?.protocol} ${quoted?.identification}`;
  }
});

function shuffled<T>(prng: Prng, items: readonly T[]): T[] {
  const result = [...items];
  for (let left = result.length; left > 1; left--) {
    const other = prng.below(left);
    [result[left - 1], result[other]] = [result[other] as T, result[left - 1] as T];
  }
  return result;
}

describe("a datagram that was cut goes through the whole stack as others do", () => {
  const ADDRESSES = { source: PEER.address, destination: DEVICE.address };

  const ARP_REPLY = {
    ...{ operation: ArpOperation.REPLY, senderMac: PEER.mac, senderIp: PEER.address },
    ...{ targetMac: DEVICE.mac, targetIp: DEVICE.address },
  };

  /** An Endpoint in the exchange area. */
  function endpoint(text: string, port: number): number {
    const at = core.header.exchange;
    core.memory.fill(0, at, at + 24);
    core.view.setUint16(at, 1, true);
    core.view.setUint16(at + 2, port, true);
    core.view.setUint32(at + 8, address(text), true);
    return at;
  }

  /** Gives the stack what `frame` carries in fragments, the last one first. Returns what it sends then. */
  function input(frame: Uint8Array, step: number, flags = 0): Packet | undefined {
    const ip = decodeIpv4(frame.subarray(14), []);
    if (!ip) throw new Error("no IPv4");
    const cuts = cutUp(ip.payload, step, { protocol: ip.protocol });
    for (const cut of cuts.reverse()) net.input(core.putFrame(fragmentFrame(cut)), flags, 0);
    return output();
  }

  function output(): Packet | undefined {
    const bytes = net.output(0);
    if (bytes === 0) return undefined;
    const packet = decode(core.outputFrame(bytes));
    expect(packet.problems).toEqual([]);
    return packet;
  }

  function ping(length: number): Packet | undefined {
    const payload = new Prng(length).bytes(length);
    const icmp = { type: IcmpType.ECHO_REQUEST, identifier: 0xbeef, sequence: 0x102, payload };
    const packet = input(frameOf({ ipv4: ADDRESSES, icmp }), 552);
    if (packet?.kind !== "icmp") return packet;
    expect(packet.icmp).toMatchObject({ type: 0, code: 0, identifier: 0xbeef, sequence: 0x102 });
    expect(packet.icmp.payload).toEqual(payload.slice(0, packet.icmp.payload.length));
    return packet;
  }

  test("an echo request is answered whole, or as far as a packet goes (RFC 1122 section 3.2.2.6)", () => {
    for (const mtu of [576, 1500]) {
      boot({ fragmentBytes: 5000, mtu });
      for (const length of [553, mtu - 29, mtu - 28, mtu - 27, mtu, 2000, 4972]) {
        const packet = ping(length);
        expect(packet?.kind === "icmp" && packet.icmp.payload.length).toBe(Math.min(length, mtu - 28));
        expect(packet?.kind === "icmp" && packet.ipv4.totalBytes).toBe(Math.min(length + 28, mtu));
      }
      expect(ping(4973)).toBeUndefined();
      expect(core.counters()).toMatchObject({ ICMP_ECHO: 7, FRAGMENTS_REASSEMBLED: 7 });
    }
  });

  test("its echo is lost when the next frame comes before it was taken, also when that takes the buffer", () => {
    boot({ fragmentBuffers: 1 });
    const request = (identification: number) => {
      const frame = frameOf({
        ipv4: ADDRESSES,
        icmp: { type: IcmpType.ECHO_REQUEST, sequence: identification, payload: new Uint8Array(60).fill(1) },
      });
      return cutUp(frame.slice(34, 34 + 68), 32, { protocol: 1, identification });
    };
    const give = (cut: Cut) => net.input(core.putFrame(fragmentFrame(cut)), 0, 0);
    for (const cut of [...request(1), ...request(2).slice(1)]) give(cut);
    expect(output()).toBeUndefined();
    give(request(2)[0] as Cut);
    const packet = output();
    expect(packet?.kind === "icmp" && packet.icmp.sequence).toBe(2);
    expect(core.counters()).toMatchObject({ REPLY_DROPPED: 1, ICMP_ECHO: 1 });
  });

  test.each([
    [
      "a wrong ICMP checksum",
      { icmp: { type: 8, payload: new Uint8Array(64), checksum: 1 } },
      "ICMP_CHECKSUM",
    ],
    ["a wrong TCP checksum", { tcp: { flags: 2, checksum: 1, payload: new Uint8Array(64) } }, "TCP_CHECKSUM"],
  ] as const)("%s is found, whatever the driver says of the fragments", (_what, below, counter) => {
    const tcp = { sourcePort: 40000, destinationPort: 80, ...("tcp" in below ? below.tcp : {}) };
    const frame = frameOf({ ipv4: ADDRESSES, ...("tcp" in below ? { tcp } : below) } as Parameters<
      typeof frameOf
    >[0]);
    // Verified; and, for a packet whose pseudo-header adds up to nothing, a sum that would be right.
    for (let sum = 0; sum < 65536; sum += 4369) {
      expect(input(frame, 32, 1)).toBeUndefined();
      expect(input(frame, 32, (2 | (sum << 16)) >>> 0)).toBeUndefined();
    }
    expect(core.counters()).toMatchObject({ [counter]: 32, FRAGMENTS_REASSEMBLED: 32 });
  });

  test("a wrong header checksum of a fragment is found", () => {
    const cut = { ...piece(WHOLE, 0, 48), checksum: 0xbad };
    net.input(core.putFrame(fragmentFrame(cut)), 0, 0);
    expect(core.counters()).toEqual({ FRAMES_IN: 1, IP_CHECKSUM: 1 });
  });

  test("an unknown protocol is answered with what stands in the buffer, its header made right", () => {
    for (const octets of [0, 12]) {
      const cuts = cutUp(WHOLE, 32, { tos: 8 }).map((cut, index) =>
        index === 0 ? { ...cut, options: new Uint8Array(octets).fill(1) } : cut,
      );
      for (const cut of cuts.reverse()) net.input(core.putFrame(fragmentFrame(cut)), 0, 0);
      const packet = output();
      if (packet?.kind !== "icmp") return expect.fail(packet?.kind);
      expect(packet.icmp).toMatchObject({ type: 3, code: 2 });
      const quoted = packet.icmp.payload;
      expect(decodeIpv4(quoted, [])).toMatchObject({
        ...{ headerBytes: 20 + octets, totalBytes: 120 + octets, tos: 8, protocol: 99, identification: 1 },
        ...{ fragmentOffset: 0, moreFragments: false, checksumValid: true },
      });
      expect(quoted.slice(20 + octets)).toEqual(WHOLE.slice(0, 8));
    }
    expect(core.counters()).toMatchObject({ IP_UNKNOWN_PROTOCOL: 2, ICMP_UNREACHABLE: 2 });
  });

  test("an ICMP error is understood", () => {
    const { open, connect, nextEvent } = core.functions("abi", "open", "connect", "nextEvent");
    const handle = open(SocketKind.STREAM);
    expect(connect(handle, endpoint(PEER.address, 80))).toBe(0);
    expect(output()?.kind).toBe("arp");
    net.input(core.putFrame(frameOf({ arp: ARP_REPLY })), 0, 0);
    const syn = output();
    if (syn?.kind !== "tcp") return expect.fail(syn?.kind);
    const icmp = { type: 3, code: 3, payload: syn.frame.slice(14, 14 + 28) };
    expect(input(frameOf({ ipv4: ADDRESSES, icmp }), 16)).toBeUndefined();
    expect(core.counters()).toMatchObject({ ICMP_ERRORS: 1, FRAGMENTS_REASSEMBLED: 1 });
    expect(nextEvent()).toBe(handle);
    expect(core.header.eventMask & 64).toBe(64);
  });

  test("a SYN with data is taken, and what follows is read from where it stands", () => {
    const { open, bind, listen, accept, receivePeek } = core.functions(
      ...(["abi", "open", "bind", "listen", "accept", "receivePeek"] as const),
    );
    const listener = open(SocketKind.LISTENER);
    expect(bind(listener, endpoint("0.0.0.0", 80))).toBe(0);
    expect(listen(listener, 1)).toBe(0);
    const segment = (spec: object) =>
      frameOf({ ipv4: ADDRESSES, tcp: { sourcePort: 40000, destinationPort: 80, window: 9999, ...spec } });
    const synAck = input(segment({ flags: 2, seq: 100, options: new Uint8Array(12).fill(1) }), 32);
    if (synAck?.kind !== "tcp") return expect.fail(synAck?.kind);
    expect(synAck.tcp).toMatchObject({ flags: 0x12, ack: 101 });
    const ack = (synAck.tcp.seq + 1) >>> 0;
    expect(input(segment({ flags: 0x10, seq: 101, ack }), 800)?.kind).toBe("arp");
    net.input(core.putFrame(frameOf({ arp: ARP_REPLY })), 0, 0);
    const handle = accept(listener);
    expect(handle).toBeGreaterThan(0);
    const data = new Prng(30).bytes(1700);
    expect(input(segment({ flags: 0x18, seq: 101, ack, payload: data }), 400)).toBeUndefined();
    const length = receivePeek(handle);
    const at = core.header.runPointer;
    expect(core.memory.slice(at, at + length)).toEqual(data);
    // Once more, as header prediction takes it, and then out of order.
    expect(input(segment({ flags: 0x18, seq: 1801, ack, payload: data.slice(0, 100) }), 64)).toMatchObject({
      tcp: { ack: 1901 },
    });
    expect(input(segment({ flags: 0x18, seq: 1902, ack, payload: data.slice(0, 60) }), 40)).toMatchObject({
      tcp: { ack: 1901 },
    });
    expect(core.counters()).toMatchObject({ TCP_SEGMENTS_IN: 5, TCP_OUT_OF_ORDER: 1 });
  });
});
