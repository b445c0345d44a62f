// The engines of the device as libraries in Node: limits, traps, arenas that are too small, modules that are none.

import { beforeEach, describe, expect, test } from "vitest";
import { ConfigLayout, SocketKind, STATE_BASE } from "../../host/abi.js";
import { bytesNeeded, type CoreConfig, createCore } from "../../host/core.js";
import { createAotEngine } from "../../host/engines/aot.js";
import type { EngineFactory } from "../../host/engines/engine.js";
import { type LibraryName, openLibrary } from "../../host/engines/library.js";
import { createWasm3Engine } from "../../host/engines/wasm3.js";
import { mutatedModule } from "../record/support.js";
import { missingTools } from "../report/tools.js";
import { builtModule } from "../script/script.js";

const wasm = builtModule();

const CONFIG: CoreConfig = {
  mac: "02:00:00:00:00:01",
  address: "10.0.0.1",
  connections: 2,
  listeners: 1,
  seed: new Uint8Array(32),
};

/** More than any instance takes beside linear memory. */
const PLENTY = 1 << 20;

describe.each([
  ["wasm3", createWasm3Engine, ["gcc", "wasm3"]],
  ["aot", createAotEngine, ["gcc"]],
] as const)("%s", (name: LibraryName, create: EngineFactory, needed) => {
  const reason = missingTools(...needed);
  beforeEach((context) => {
    if (reason) context.skip(reason);
  });

  test("memory is as large as asked, to the byte, and what is beyond traps", () => {
    for (const bytes of [4096, 13_276, 16_384, 65_536, 65_537, 200_000]) {
      const { memory, exports } = create(wasm, bytes);
      expect(memory.length).toBe(bytes);
      // The last octets may be read, and are: a configuration of zeros is none.
      expect(exports.bytesNeeded((bytes - ConfigLayout.size) & ~3)).toBeLessThan(0);
      if (bytes < 65_536) expect(() => exports.bytesNeeded(bytes)).toThrow("out of bounds memory access");
    }
  });

  test("without a size there is one page, and fewer than 4,096 bytes are refused", () => {
    expect(create(wasm, 0).memory.length).toBe(65_536);
    expect(() => create(wasm, 4095)).toThrow("this cannot be asked of it");
  });

  test("a core fits exactly what it needs", () => {
    const needed = bytesNeeded(wasm, CONFIG, create);
    expect(createCore(wasm, CONFIG, { engine: create }).engine.memory.length).toBe(needed);
    expect(() => createCore(wasm, CONFIG, { engine: create, memoryBytes: needed - 4 })).toThrow("NO_MEMORY");
  });

  test("a trap has a name and V8's kind, and the instance can be called again", () => {
    const { exports } = create(wasm, 16_384);
    for (let count = 0; count < 100; count++)
      expect(() => exports.bytesNeeded(20_000)).toThrow(
        expect.objectContaining({ name: "RuntimeError", message: "out of bounds memory access" }),
      );
    expect(exports.base()).toBe(STATE_BASE);
  });

  test("instances know nothing of each other", () => {
    const cores = Array.from({ length: 20 }, () => createCore(wasm, CONFIG, { engine: create }));
    const [first, second] = cores as [(typeof cores)[number], (typeof cores)[number]];
    const before = second.snapshot();
    first.open(SocketKind.STREAM);
    expect(() => first.engine.exports.bytesNeeded(20_000)).toThrow("out of bounds");
    expect(Buffer.compare(second.snapshot(), before)).toBe(0);
    expect(Buffer.compare(first.snapshot(), before)).not.toBe(0);
  });

  test("arguments are 32 bits, and those that are missing are 0", () => {
    const { exports } = createCore(wasm, CONFIG, { engine: create }).engine;
    const call = exports as unknown as Record<string, (...args: number[]) => number>;
    expect(call.open?.(2 ** 32 + SocketKind.STREAM)).toBeGreaterThan(0);
    expect(call.close?.(-1)).toBe(call.close?.(2 ** 32 - 1));
    expect(call.input?.()).toBe(exports.input(0, 0, 0));
  });

  test("an arena that is too small is refused, at any size", () => {
    const refused: number[] = [];
    // Room for linear memory itself comes on top.
    for (let bytes = 64; bytes < PLENTY; bytes = Math.ceil(bytes * 1.3))
      try {
        openLibrary(name, { arenaBytes: () => bytes })(wasm, 16_384);
      } catch (error) {
        expect((error as Error).message).toMatch(/: its arena is too small/);
        refused.push(bytes);
      }
    expect(refused.length).toBeGreaterThan(name === "wasm3" ? 20 : 4);
    expect(Math.max(...refused)).toBeLessThan(PLENTY / 2);
  });
});

describe("wasm3", () => {
  const reason = missingTools("gcc", "wasm3");
  beforeEach((context) => {
    if (reason) context.skip(reason);
  });

  /** Boots a core, opens a connection and lets it send its SYN: functions that are compiled on the way. */
  function use(engine: EngineFactory): void {
    const core = createCore(wasm, CONFIG, { engine, memoryBytes: 16_384 });
    core.connect(core.open(SocketKind.STREAM), { address: "10.0.0.9", port: 80 });
    core.output(0);
  }

  test("compiled on use, an arena may be used up by a call: that is told, and the instance is out of use", () => {
    const during: number[] = [];
    for (let bytes = 20_000; bytes < PLENTY; bytes += 2_000)
      try {
        use(openLibrary("wasm3", { arenaBytes: () => bytes, compileOnUse: true }));
        break;
      } catch (error) {
        expect((error as Error).message).toMatch(
          /^wasm3 .*: its arena is too small: memory allocation failed/,
        );
        during.push(bytes);
      }
    expect(during.length).toBeGreaterThan(10);
    const most = Math.max(...during);
    const { exports } = openLibrary("wasm3", { arenaBytes: () => most, compileOnUse: true })(wasm, 16_384);
    const all = [exports.bytesNeeded, exports.nextEvent, exports.input, exports.accept, exports.getopt];
    expect(() => {
      for (const call of all as ((...args: number[]) => number)[]) call(STATE_BASE, 0, 0, 0);
      exports.output(0);
      exports.connect(1, STATE_BASE);
    }).toThrow("its arena is too small");
    expect(() => exports.base()).toThrow("its arena is too small");
  });

  test("compiled on use takes less of an arena than all at once", () => {
    const fits = (compileOnUse: boolean) => {
      for (let bytes = 20_000; ; bytes += 4_000)
        try {
          use(openLibrary("wasm3", { arenaBytes: () => bytes, compileOnUse }));
          return bytes;
        } catch (error) {
          if (bytes > PLENTY) throw error;
        }
    };
    expect(fits(true)).toBeLessThan(fits(false));
  });

  test("what is no module, or lacks an export, is refused with wasm3's words", () => {
    const broken = (change: (module: Buffer) => void) => {
      const module = Buffer.from(wasm);
      change(module);
      return () => createWasm3Engine(module, 0).exports.base();
    };
    expect(() => createWasm3Engine(new Uint8Array(100), 0)).toThrow(/it cannot execute this module: /);
    expect(broken((module) => module.fill(0xff, 100, 140))).toThrow(/it cannot execute this module: /);
    expect(broken((module) => module.write("BASE", module.indexOf("base")))).toThrow(
      "it cannot execute this module: function lookup failed",
    );
    expect(() => createWasm3Engine(wasm.subarray(0, wasm.length / 2), 0)).toThrow(
      /it cannot execute this module: /,
    );
  });
});

test("C that was made of one module executes no other", (context) => {
  const reason = missingTools("gcc");
  if (reason) context.skip(reason);
  expect(() => createAotEngine(mutatedModule(), 0)).toThrow(
    /its library was made of another module: node scripts/,
  );
});
