// The memory plan: what `check`, `planBytes` and `layOut` of config.ts make of a configuration.

import { describe, expect, test } from "vitest";
import {
  ABI_VERSION,
  type Config,
  ConfigFlag,
  ConfigLayout,
  Counter,
  EXCHANGE_BYTES,
  SLOT_HEADROOM,
  STATE_BASE,
  StateHeaderLayout,
  Status,
} from "../../host/abi.js";
import { Prng } from "../../host/sim/prng.js";
import { type UnitConfig, UnitCore } from "./core.js";

const core = new UnitCore(null);
const { check, planBytes } = core.functions("config", "check", "planBytes");

const BASE = {
  ...{ connections: 3, listeners: 2, sendRingBytes: 512, receiveRingBytes: 1024, timeWaitEntries: 4 },
  synEntries: 6,
  ...{ arpEntries: 5, reassemblyRanges: 3, mtu: 1500 },
  ...{ datagramSockets: 2, datagramQueueBytes: 512, queries: 2, cacheEntries: 3 },
  ...{ fragmentBuffers: 2, fragmentBytes: 1500 },
} satisfies UnitConfig;

const [DATAGRAM_BYTES, QUERY_BYTES, DHCP_BYTES, CACHE_BYTES, FRAGMENT_BYTES] = [
  ...["DATAGRAM_BYTES", "QUERY_BYTES", "DHCP_BYTES", "CACHE_BYTES", "FRAGMENT_BYTES"],
].map((name) => core.constant("config", name)) as [number, number, number, number, number];

const bytesOf = (config: UnitConfig) => planBytes(core.writeConfig({ ...BASE, ...config }));

describe("check", () => {
  type Limit = [field: keyof Config, least: number, most: number, status: number];
  const { BAD_CONFIG, NOT_SUPPORTED, VERSION_MISMATCH } = Status;
  const limits: Limit[] = [
    ["version", ABI_VERSION, ABI_VERSION, VERSION_MISMATCH],
    ["bytes", 128, 128, VERSION_MISMATCH],
    // Flags are tested below.
    ["mtu", 576, 1500, BAD_CONFIG],
    ["connections", 1, 16384, BAD_CONFIG],
    ["listeners", 0, 16383, BAD_CONFIG],
    ["sendRingBytes", 256, 2 ** 30 + 252, BAD_CONFIG],
    ["receiveRingBytes", 256, 2 ** 30 + 252, BAD_CONFIG],
    ["synEntries", 1, 16384, BAD_CONFIG],
    ["timeWaitEntries", 1, 16384, BAD_CONFIG],
    ["reassemblyRanges", 0, 31, BAD_CONFIG],
    ["arpEntries", 1, 16384, BAD_CONFIG],
    ["datagramSockets", 0, 16384, BAD_CONFIG],
    ["interfaces", 1, 1, NOT_SUPPORTED],
    ["datagramQueueBytes", 256, 2 ** 30 + 252, BAD_CONFIG],
    ["rtoMinMs", 0, 2 ** 24 - 1, BAD_CONFIG],
    ["timeWaitMs", 0, 2 ** 24 - 1, BAD_CONFIG],
    ["finWait2Ms", 0, 2 ** 24 - 1, BAD_CONFIG],
    ["delayedAckMs", 0, 2 ** 24 - 1, BAD_CONFIG],
    ["synRetries", 0, 31, BAD_CONFIG],
    ["dataRetries", 0, 31, BAD_CONFIG],
    ["ttl", 1, 255, BAD_CONFIG],
    ["vlan", 0, 0, NOT_SUPPORTED],
    ["reserved", 0, 0, NOT_SUPPORTED],
    ["queries", 0, 255, BAD_CONFIG],
    ["fragmentBuffers", 0, 255, BAD_CONFIG],
    ["cacheEntries", 0, 16384, BAD_CONFIG],
    ["fragmentBytes", 576, 65535, BAD_CONFIG],
    ["reserved2", 0, 0, NOT_SUPPORTED],
  ];
  const sixteenBits = new Set<keyof Config>([
    "version",
    "bytes",
    "mtu",
    "connections",
    "listeners",
    "synEntries",
    "timeWaitEntries",
  ] as const);
  for (const field of ["reassemblyRanges", "arpEntries", "datagramSockets", "interfaces"] as const)
    sixteenBits.add(field);
  for (const field of [
    "synRetries",
    "dataRetries",
    "vlan",
    "cacheEntries",
    "fragmentBytes",
    "reserved2",
  ] as const)
    sixteenBits.add(field);
  const eightBits = new Set<keyof Config>(["ttl", "reserved", "queries", "fragmentBuffers"]);
  const rings = new Set<keyof Config>(["sendRingBytes", "receiveRingBytes", "datagramQueueBytes"]);
  const of = (config: UnitConfig) => check(core.writeConfig({ ...BASE, ...config }));

  test.each(limits)("%s from %i to %i", (field, least, most) => {
    expect(of({ [field]: least })).toBe(Status.OK);
    expect(of({ [field]: most })).toBe(Status.OK);
    expect(of({ [field]: rings.has(field) ? 1000 : Math.floor((least + most) / 2) })).toBe(Status.OK);
  });

  test.each(limits)("%s below %i or above %i", (field, least, most, status) => {
    const top = eightBits.has(field) ? 0xff : sixteenBits.has(field) ? 0xffff : 0xffffffff;
    const step = rings.has(field) ? 4 : 1;
    const bad = [least - step, 0, most + step, top - step + 1, top, (most + 1) * 2];
    for (const value of bad.filter((value) => value >= 0 && value <= top && (value < least || value > most)))
      expect(of({ [field]: value }), `${value}`).toBe(status);
  });

  test.each(["sendRingBytes", "receiveRingBytes", "datagramQueueBytes"] as const)(
    "%s is a multiple of 4",
    (field) => {
      for (const value of [257, 258, 259, 2 ** 30 - 1]) expect(of({ [field]: value })).toBe(BAD_CONFIG);
    },
  );

  test("of the flags there are NO_TIMESTAMPS and OUTPUT_CHECKSUM_OFFLOAD, and no other", () => {
    for (let bit = 0; bit < 32; bit++) {
      const flags = (1 << bit) >>> 0;
      const known = [ConfigFlag.NO_TIMESTAMPS, ConfigFlag.OUTPUT_CHECKSUM_OFFLOAD].some(
        (flag) => flag === flags,
      );
      expect(of({ flags }), `bit ${bit}`).toBe(known ? Status.OK : NOT_SUPPORTED);
    }
  });

  test("without datagram sockets nothing is said of their queues", () => {
    for (const datagramQueueBytes of [0, 1, 255, 2 ** 32 - 1])
      expect(of({ datagramSockets: 0, datagramQueueBytes })).toBe(Status.OK);
  });

  test("without fragments there is no longest packet", () => {
    expect(of({ fragmentBuffers: 0, fragmentBytes: 0 })).toBe(Status.OK);
    expect(of({ fragmentBuffers: 1, fragmentBytes: 0 })).toBe(BAD_CONFIG);
  });

  test("the router is another one than we, unless there is none", () => {
    expect(of({ address: "10.0.0.1", gateway: "10.0.0.1" })).toBe(BAD_CONFIG);
    expect(of({ address: "10.0.0.1", gateway: "10.0.0.2" })).toBe(Status.OK);
    expect(of({ address: "0.0.0.0", gateway: "0.0.0.0" })).toBe(Status.OK);
  });

  test("our MAC is no group's", () => {
    expect(of({ mac: Uint8Array.of(1, 0, 0, 0, 0, 1) } as unknown as UnitConfig)).toBe(BAD_CONFIG);
    expect(of({ mac: new Uint8Array(6).fill(255) } as unknown as UnitConfig)).toBe(BAD_CONFIG);
  });
});

describe("planBytes", () => {
  test.each<[keyof typeof BASE, number]>([
    ["listeners", 48],
    ["synEntries", 32],
    ["timeWaitEntries", 32],
    ["arpEntries", 16],
    ["sendRingBytes", BASE.connections],
    ["receiveRingBytes", BASE.connections],
    ["reassemblyRanges", 8 * BASE.connections],
    ["mtu", 2],
    ["datagramSockets", DATAGRAM_BYTES + 2 * BASE.datagramQueueBytes],
    ["datagramQueueBytes", 2 * BASE.datagramSockets],
    ["queries", QUERY_BYTES],
    ["cacheEntries", CACHE_BYTES],
    ["fragmentBuffers", FRAGMENT_BYTES + BASE.fragmentBytes],
    ["fragmentBytes", BASE.fragmentBuffers],
  ])("one more of %s needs %i bytes more", (field, each) => {
    const steps = [4, 8, 16];
    for (const step of steps)
      expect(bytesOf({ [field]: BASE[field] + (field === "mtu" ? -step : step) }) - bytesOf({})).toBe(
        (field === "mtu" ? -step : step) * each,
      );
  });

  test("a connection needs its record, ranges and rings, and now and then more hash chains", () => {
    for (let connections = 1; connections < 100; connections++) {
      const more = bytesOf({ connections: connections + 1 }) - bytesOf({ connections });
      const chains = (n: number) => 4 * 2 ** Math.ceil(Math.log2(n + 1));
      expect(more).toBe(192 + 3 * 8 + 1536 + chains(connections + 1) - chains(connections));
    }
  });

  test("two connections of 2 KB + 2 KB fit in 16 KiB", () => {
    const rings = { connections: 2, listeners: 2, sendRingBytes: 2048, receiveRingBytes: 2048 };
    const none = { datagramSockets: 0, queries: 0, cacheEntries: 0, fragmentBuffers: 0 };
    const config = { ...rings, ...none };
    expect(bytesOf(config)).toBeLessThan(16384);
  });

  test("2 GiB and more are too much, without overflow", () => {
    const most = 2 ** 30;
    expect(bytesOf({ connections: 1, sendRingBytes: most, receiveRingBytes: most })).toBe(Status.NO_MEMORY);
    expect(bytesOf({ connections: 16383, sendRingBytes: most, receiveRingBytes: most })).toBe(
      Status.NO_MEMORY,
    );
    expect(bytesOf({ connections: 1, sendRingBytes: most, receiveRingBytes: 256 })).toBeGreaterThan(most);
    // 16383 * 2^18 is 2^32 - 2^18: above 2^31, below 2^32.
    expect(bytesOf({ connections: 16383, sendRingBytes: 2 ** 17, receiveRingBytes: 2 ** 17 })).toBe(
      Status.NO_MEMORY,
    );
  });
});

describe("layOut", () => {
  interface Region {
    readonly name: string;
    readonly start: number;
    readonly end: number;
  }

  /** Every region of the plan, from the record that it filled in. */
  function regions(unit: UnitCore, config: typeof BASE): Region[] {
    const { header, state, services } = unit;
    const { fragmentStride } = unit.functions("config", "fragmentStride");
    const at = unit.constant("config", "config");
    const frame = config.mtu + 14;
    const rings = config.sendRingBytes + config.receiveRingBytes;
    const region = (name: string, start: number, bytes: number) => ({ name, start, end: start + bytes });
    const stateAt = unit.constant("config", "state");
    return [
      region("header", STATE_BASE, StateHeaderLayout.size),
      region("config", unit.constant("config", "config"), ConfigLayout.size),
      region("state", stateAt, unit.sizeOf("config", "State")),
      region("services", unit.constant("config", "services"), unit.sizeOf("config", "Services")),
      region("counters", header.counters, Counter.COUNT * 4),
      region("exchange", header.exchange, EXCHANGE_BYTES),
      region("input slot", header.inputSlot - SLOT_HEADROOM, SLOT_HEADROOM + Math.ceil(frame / 4) * 4),
      region("output slot", header.outputSlot - SLOT_HEADROOM, SLOT_HEADROOM + Math.ceil(frame / 4) * 4),
      region("ARP", state.arpTable, 16 * config.arpEntries),
      region("listeners", state.listenerTable, 48 * config.listeners),
      region("connections", state.connectionTable, state.connectionStride * config.connections),
      region("SYN cache", state.synTable, 32 * config.synEntries),
      region("TIME-WAIT", state.timeWaitTable, 32 * config.timeWaitEntries),
      region("hash table", state.hashTable, 4 * (state.hashMask + 1)),
      region("datagram sockets", services.datagramTable, DATAGRAM_BYTES * config.datagramSockets),
      region("queries", services.queryTable, QUERY_BYTES * config.queries),
      region("DHCP client", services.dhcpClient, DHCP_BYTES),
      region("cache", services.cacheTable, CACHE_BYTES * config.cacheEntries),
      region("fragments", services.fragmentTable, fragmentStride(at) * config.fragmentBuffers),
      region("rings", (state.sendRings + (config.listeners + 1) * rings) >>> 0, rings * config.connections),
      region("queues", services.datagramQueues, 2 * config.datagramQueueBytes * config.datagramSockets),
    ];
  }

  function verify(config: typeof BASE): void {
    const unit = new UnitCore(config);
    const end = STATE_BASE + unit.header.stateBytes;
    expect(end).toBe(bytesOf(config));
    expect(end).toBeLessThanOrEqual(unit.memory.length);
    const all = regions(unit, config);
    for (const [index, { name, start, end: last }] of all.entries()) {
      expect(start % 4, name).toBe(0);
      expect(start, name).toBeGreaterThanOrEqual(all[index - 1]?.end ?? STATE_BASE);
      expect(last, name).toBeLessThanOrEqual(end);
    }
    // The last one ends where the state ends.
    expect(all[all.length - 1]?.end).toBe(end);
    expect([unit.header.inputSlot % 4, unit.header.outputSlot % 4]).toEqual([2, 2]);
    expect(unit.header.slotBytes).toBe(config.mtu + 14);
    const chains = unit.state.hashMask + 1;
    expect(chains & (chains - 1)).toBe(0);
    expect(chains).toBeGreaterThanOrEqual(config.connections);
  }

  test.each([
    // RFC 7323 section 2.3: the shift with which 16 bits reach the whole ring; at most 14.
    [256, 0],
    [65532, 0],
    [65536, 1],
    [131068, 1],
    [131072, 2],
    [2 ** 20, 5],
  ])("a receive ring of %i octets needs a window shift of %i", (receiveRingBytes, shift) => {
    const unit = new UnitCore({ ...BASE, connections: 1, receiveRingBytes });
    expect(unit.state.receiveScale).toBe(shift);
    expect(receiveRingBytes >> shift).toBeLessThanOrEqual(0xffff);
  });

  test("a small one", () => verify(BASE));

  test("with as little as can be", () => {
    const little = {
      connections: 1,
      listeners: 0,
      synEntries: 1,
      timeWaitEntries: 1,
      arpEntries: 1,
      reassemblyRanges: 0,
      ...{ datagramSockets: 0, datagramQueueBytes: 0, queries: 0, cacheEntries: 0 },
      ...{ fragmentBuffers: 0, fragmentBytes: 0 },
    };
    verify({ ...BASE, ...little, sendRingBytes: 256, receiveRingBytes: 256, mtu: 576 });
  });

  test("random ones", () => {
    const prng = new Prng(1);
    for (let round = 0; round < 100; round++)
      verify({
        connections: 1 + prng.below(40),
        listeners: prng.below(10),
        sendRingBytes: 256 + 4 * prng.below(1000),
        receiveRingBytes: 256 + 4 * prng.below(1000),
        synEntries: 1 + prng.below(40),
        timeWaitEntries: 1 + prng.below(40),
        arpEntries: 1 + prng.below(40),
        reassemblyRanges: prng.below(32),
        mtu: 576 + prng.below(925),
        datagramSockets: prng.below(10),
        datagramQueueBytes: 256 + 4 * prng.below(1000),
        queries: prng.below(5),
        cacheEntries: prng.below(40),
        fragmentBuffers: prng.below(4),
        fragmentBytes: 576 + prng.below(5000),
      });
  });

  test("the records that stand at fixed addresses do not overlap: segment, constants, state", () => {
    const segment = core.constant("config", "SEGMENT");
    expect(segment).toBeGreaterThan(0);
    const end = segment + core.constant("config", "SEGMENT_BYTES");
    expect(core.sizeOf("tcp/segment", "Segment")).toBeLessThanOrEqual(
      core.constant("config", "SEGMENT_BYTES"),
    );
    // asconfig.json: memoryBase.
    expect(end).toBeLessThanOrEqual(104);
    // Constant data ends before the state begins: a new instance has zeros from there on.
    expect(new UnitCore(null).memory.subarray(STATE_BASE).every((octet) => octet === 0)).toBe(true);
  });
});
