// SACK (RFC 2018) and D-SACK (RFC 2883): which blocks stand in the options, and in what order.

import { beforeEach, describe, expect, test } from "vitest";
import { decode, encode, type SackBlock } from "../../../host/packet/index.js";
import { DEVICE, PEER } from "../core.js";
import { established, type Placed, place } from "./stage.js";

const TO = 60000;

let placed: Placed;
let sack: ReturnType<typeof functionsOf>;
const functionsOf = ({ core }: Placed) => ({
  ...core.functions("tcp/sack", "noteDuplicate", "bytes", "write"),
  ...core.functions("tcp/reassembly", "keep"),
});

beforeEach(() => {
  placed = established({ reassemblyRanges: 6 });
  sack = functionsOf(placed);
  placed.t.bits |= placed.core.agreed("SACK");
});

/** The blocks that are written into `room` octets, as the codec reads them; checks the octets between. */
function written(room: number): [left: number, right: number][] {
  const { core, at } = placed;
  core.memory.fill(0xee, TO, TO + 64);
  const bytes = sack.write(at, TO, room) - TO;
  expect(bytes % 4).toBe(0);
  expect(core.memory.subarray(TO + bytes, TO + 64).every((octet) => octet === 0xee)).toBe(true);
  if (bytes === 0) return [];
  expect(bytes).toBeLessThanOrEqual(room);
  const options = core.memory.slice(TO, TO + bytes);
  const packet = decode(
    encode({
      link: { source: DEVICE.mac, destination: PEER.mac },
      ipv4: { source: DEVICE.address, destination: PEER.address },
      tcp: { sourcePort: 1, destinationPort: 2, flags: "A", options },
    }),
  );
  if (packet.kind !== "tcp") throw new Error(packet.kind);
  expect(packet.problems).toEqual([]);
  expect(packet.tcp.options.map(({ kind }) => kind)).toEqual(["nop", "nop", "sack"]);
  const [, , option] = packet.tcp.options;
  const blocks: readonly SackBlock[] = option?.kind === "sack" ? option.blocks : [];
  return blocks.map(({ left, right }) => [left, right]);
}

/** Ranges that arrived in this order. */
function keep(...starts: number[]): void {
  for (const start of starts) expect(sack.keep(placed.at, start, (start + 10) >>> 0)).toBe(true);
}

describe("write", () => {
  test("nothing without ranges, nor without agreement", () => {
    expect(written(40)).toEqual([]);
    keep(100);
    placed.t.bits = placed.core.agreed("TIMESTAMPS") | placed.core.agreed("SCALE");
    sack.noteDuplicate(placed.at, 1, 2);
    expect(written(40)).toEqual([]);
  });

  test.each([
    // RFC 2018 section 3: 8 n + 2 octets of 40; with timestamps (12) three blocks fit, without four.
    [40, 4],
    [36, 4],
    [35, 3],
    [28, 3],
    [27, 2],
    [20, 2],
    [19, 1],
    [12, 1],
    [11, 0],
    [4, 0],
    [3, 0],
    [0, 0],
  ])("room for %i octets: %i blocks, the newest first", (room, count) => {
    keep(500, 100, 300, 0xfffffffa, 700);
    const newest: [number, number][] = [
      [700, 710],
      [0xfffffffa, 4],
      [300, 310],
      [100, 110],
    ];
    expect(written(room)).toEqual(newest.slice(0, count));
  });

  test("fewer ranges than room", () => {
    keep(100);
    expect(written(40)).toEqual([[100, 110]]);
  });
});

describe("noteDuplicate (RFC 2883 section 4: the first block, once)", () => {
  test("before the ranges, in one ACK", () => {
    keep(500, 100);
    sack.noteDuplicate(placed.at, 30, 40);
    expect(written(20)).toEqual([
      [30, 40],
      [100, 110],
    ]);
    expect(written(20)).toEqual([
      [100, 110],
      [500, 510],
    ]);
  });

  test("also when there is no range", () => {
    sack.noteDuplicate(placed.at, 0xfffffff0, 0x10);
    expect(written(12)).toEqual([[0xfffffff0, 0x10]]);
    expect(written(12)).toEqual([]);
  });

  test("what found no room waits", () => {
    sack.noteDuplicate(placed.at, 30, 40);
    expect(written(11)).toEqual([]);
    expect(written(12)).toEqual([[30, 40]]);
  });

  test("nothing is no duplicate", () => {
    sack.noteDuplicate(placed.at, 40, 40);
    sack.noteDuplicate(placed.at, 40, 30);
    sack.noteDuplicate(placed.at, 0x10, 0xfffffff0);
    expect(written(40)).toEqual([]);
  });

  test("another connection's is not told", () => {
    const other = place(placed.core, placed.t.state, 0x12345678);
    sack.noteDuplicate(other.at, 30, 40);
    expect(written(40)).toEqual([]);
  });
});

test("bytes: a data segment leaves room for a block while there is a hole", () => {
  expect(sack.bytes(placed.at)).toBe(0);
  keep(100, 300);
  expect(sack.bytes(placed.at)).toBe(12);
  placed.t.bits = 0;
  expect(sack.bytes(placed.at)).toBe(0);
});
