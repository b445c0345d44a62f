import { beforeEach, describe, expect, test } from "vitest";
import { address, PEER, ports, UnitCore } from "../core.js";

let core: UnitCore;
let compact: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) => ({
  ...unit.functions("tcp/compact", "find", "add", "remove", "dueAt"),
  ...unit.functions("lib/clock", "advanceClock"),
});
const demux = (key: number) => core.functions("tcp/demux", "find").find(address(PEER.address), key);

beforeEach(() => boot(0));

function boot(now: number): void {
  core = new UnitCore({ synEntries: 4, timeWaitEntries: 2 }, now);
  compact = functionsOf(core);
}

const placeOf = (index: number) => core.state.synTable + index * 32;
const found = () => (compact.find(core.state.synTable, core.state.timeWaitTable) - core.state.synTable) / 32;

/** Fills the entry of this number. */
function fill(index: number, kind: string, deadline: number, repeats = 0): void {
  const flags = repeats * core.constant("tcp/tcb", "SYN_REPEATED") + 7;
  Object.assign(core.compact(placeOf(index)), { kind: core.kind(kind), deadline: deadline >>> 0, flags });
}

describe("find", () => {
  test("the first that is free, and none behind the table", () => {
    expect(found()).toBe(0);
    fill(0, "SYN", 5000);
    expect(found()).toBe(1);
    for (const index of [1, 2, 3]) fill(index, "SYN", 5000);
    fill(4, "FREE", 0);
    expect(found()).toBeLessThan(4);
    core.compact(placeOf(2)).kind = 0;
    expect(found()).toBe(2);
  });

  test.each([
    ["whose time comes first", 0, [400, 300, 100, 200], [0, 0, 0, 0], 2],
    ["over the wrap of the clock", 0xffffff00, [0x200, -0x40, 0x100, 0x40], [0, 0, 0, 0], 1],
    ["whose time has come already", 1000, [1500, 1400, 900, 1100], [0, 0, 0, 0], 2],
    ["that was repeated most", 0, [400, 300, 100, 200], [1, 0, 0, 0], 0],
    // The longest wait is a minute: one repeat weighs more.
    ["however long it still waits", 0, [100, 60000, 100, 60000], [0, 1, 0, 0], 1],
    ["of several, the one whose time comes first", 0, [60000, 50000, 1, 2], [31, 31, 30, 0], 1],
  ])("in a full table the one %s", (_what, now, deadlines, repeats, wanted) => {
    boot(now);
    for (const index of [0, 1, 2, 3]) fill(index, "SYN", deadlines[index] as number, repeats[index]);
    expect(found()).toBe(wanted);
  });

  test("one that waits for a record never gives way to another", () => {
    for (const index of [0, 1, 3]) fill(index, "WAITING", 1, 31);
    fill(2, "SYN", 60000);
    expect(found()).toBe(2);
    // All of them do: the first stands for that.
    fill(2, "WAITING", 0);
    expect(core.compact(placeOf(found())).kind).toBe(core.kind("WAITING"));
  });

  test("a table of one", () => {
    expect(compact.find(placeOf(0), placeOf(1))).toBe(placeOf(0));
    fill(0, "TIME_WAIT", 2 ** 24);
    expect(compact.find(placeOf(0), placeOf(1))).toBe(placeOf(0));
  });
});

test("add and remove: the entry is found by its key, as long as it is there", () => {
  for (const index of [0, 1, 2]) {
    Object.assign(core.compact(placeOf(index)), {
      remoteAddress: address(PEER.address),
      ports: ports(40000 + index, 80),
    });
    compact.add(placeOf(index), core.kind("SYN"));
  }
  for (const index of [0, 1, 2]) expect(demux(ports(40000 + index, 80))).toBe(placeOf(index));
  compact.remove(placeOf(1));
  expect([0, 1, 2].map((index) => demux(ports(40000 + index, 80)))).toEqual([placeOf(0), 0, placeOf(2)]);
  expect([0, 1, 2].map((index) => core.compact(placeOf(index)).kind)).toEqual([
    ...[core.kind("SYN"), 0, core.kind("SYN")],
  ]);
});

describe("dueAt", () => {
  test.each([0, 0xffffff80])(
    "is the entry when its time has come, else a timer will run; clock at %i",
    (now) => {
      boot(now);
      fill(0, "SYN", now + 1000);
      expect(compact.dueAt(placeOf(0))).toBe(0);
      expect([core.state.timersArmed, core.state.nextTimer]).toEqual([1, (now + 1000) >>> 0]);
      compact.advanceClock((now + 999) >>> 0);
      expect(compact.dueAt(placeOf(0))).toBe(0);
      compact.advanceClock((now + 1000) >>> 0);
      core.state.timersArmed = 0;
      expect(compact.dueAt(placeOf(0))).toBe(placeOf(0));
      expect(core.state.timersArmed).toBe(0);
    },
  );

  test("one that is free is never due, and calls for no timer", () => {
    fill(0, "FREE", 0);
    expect([compact.dueAt(placeOf(0)), core.state.timersArmed]).toEqual([0, 0]);
    fill(0, "FREE", 1000);
    expect([compact.dueAt(placeOf(0)), core.state.timersArmed]).toEqual([0, 0]);
  });
});
