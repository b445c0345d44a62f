// The engines under the unit tests themselves: whatever a function takes and gives, it is the same on all of them.

import { describe, expect, test } from "vitest";
import { ENGINE, ENGINE_PROOF } from "../report/engine.js";
import { unitModule } from "./build.js";
import { UnitCore } from "./core.js";
import { unitEngine } from "./engine.js";

const { wasm } = await unitModule();

test("the project's engine executes", () => {
  expect(new UnitCore(null).engineName).toMatch(ENGINE_PROOF);
});

describe("a function", () => {
  const core = new UnitCore(null);

  test("takes and gives 64 bits, unsigned", () => {
    const { fold } = core.functions("lib/checksum", "fold");
    expect(fold(0xffffn)).toBe(0xffff);
    expect(fold(0x0001_0000_0000_0000n)).toBe(1);
    expect(fold(0xffff_0000_0000_0000n)).toBe(0xffff);
    const { keyedHash } = new UnitCore({}).functions("lib/prng", "keyedHash");
    const hashes = Array.from({ length: 64 }, (_, index) => keyedHash(index, 2, 3) as unknown as bigint);
    expect(hashes.every((hash) => hash >= 0n && hash < 1n << 64n)).toBe(true);
    expect(hashes.filter((hash) => hash >= 1n << 63n).length).toBeGreaterThan(0);
  });

  test("takes numbers by their lower 32 bits, a boolean as 0 or 1, a missing one as 0", () => {
    const { lessThan } = core.functions("tcp/seq", "lessThan");
    expect([lessThan(0xffffffff, 0), lessThan(-1, 0), lessThan(-1, 2 ** 32)]).toEqual([true, true, true]);
    expect([lessThan(false, true), lessThan(true, false), lessThan(0, 1)]).toEqual([true, false, true]);
    expect([lessThan(-1), lessThan(1), lessThan()]).toEqual([true, false, false]);
  });

  test("takes no other type than its own", () => {
    const { fold } = core.functions("lib/checksum", "fold");
    expect(() => fold(1)).toThrow(TypeError);
    expect(() => fold()).toThrow(TypeError);
    const { lessThan } = core.functions("tcp/seq", "lessThan");
    expect(() => lessThan(1n, 2n)).toThrow(TypeError);
  });

  test("that is not there is named", () => {
    expect(() => core.functions("tcp/seq", "none")).toThrow("assembly/tcp/seq.ts has no function none");
  });
});

test("a trap is thrown as V8 throws it, and the core can be called again", () => {
  const core = new UnitCore(null);
  const { load32 } = core.functions("lib/bytes", "load32");
  const end = core.memory.length;
  core.view.setUint32(end - 4, 0x89abcdef);
  for (let count = 0; count < 100; count++)
    expect(() => load32(end)).toThrow(
      expect.objectContaining({ name: "RuntimeError", message: expect.stringContaining("out of bounds") }),
    );
  expect(load32(end - 4)).toBe(0x89abcdef);
});

test("memory that grows keeps what is in it, and functions that were asked for before work on it", async () => {
  const engine = (await unitEngine(wasm, ENGINE))();
  const load32 = engine.function("lib_bytes_load32");
  if (!load32) throw new Error("the module has no lib_bytes_load32");
  engine.memory.set([1, 2, 3, 4], 60_000);
  expect(() => load32(65_536)).toThrow("out of bounds");
  engine.grow(2);
  expect(engine.memory.length).toBe(3 * 65_536);
  expect([load32(60_000), load32(65_536)]).toEqual([0x01020304, 0]);
  engine.memory.set([5, 6, 7, 8], 3 * 65_536 - 4);
  expect(load32(3 * 65_536 - 4)).toBe(0x05060708);
  expect(() => load32(3 * 65_536)).toThrow("out of bounds");
});

test("cores have memory of their own, however many there are", () => {
  const cores = Array.from({ length: 200 }, (_, index) => {
    const core = new UnitCore({});
    core.memory[60_000] = index;
    return core;
  });
  expect(cores.map((core) => core.memory[60_000])).toEqual(cores.map((_, index) => index));
  const connections = cores.map((core, index) => {
    const { allocate } = core.functions("tcp/tcb", "allocate");
    for (let count = 0; count < index % 4; count++) allocate();
    return core.header.connectionsUsed;
  });
  expect(connections).toEqual(cores.map((_, index) => index % 4));
});
