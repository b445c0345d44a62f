// What boards/runtime/aot makes of a module's loads, stores and operations is what V8 makes of them: at every edge of
// memory, with every offset, under AddressSanitizer. The one exception is on purpose: addresses that are not aligned.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { instantiateSync } from "@assemblyscript/loader";
import { beforeAll, describe, expect, test } from "vitest";
import { FOREIGN_OPTIONS, OWN_OPTIONS } from "../../scripts/runtime_sources.mjs";
import { missingTools, root } from "../report/tools.js";
import { type Access, moduleText, OPERATIONS, type Operation, run } from "./aot_ops.js";

const MEMORY_BYTES = 65_536;
const FOLDER = join(root, "build/engines/aot_ops");

/** How long a compiler or the program may take, in milliseconds. */
const PATIENCE_MS = 60_000;

const reason = missingTools("gcc");

/** Sums with the offsets fall on both sides of the end of memory, and of 2^32. */
const ADDRESSES = [
  ...[0, 1, 2, 3, 4, 5, 8, 100, 4095, 4096, 32_768],
  ...[-4196, -4096, -4092, -104, -100, -12, -8, -7, -4, -3, -2, -1, 0, 1, 8].map((at) => MEMORY_BYTES + at),
  ...[2 ** 31 - 1, 2 ** 31, 2 ** 32 - 4096, 2 ** 32 - 100, 2 ** 32 - 8, 2 ** 32 - 4, 2 ** 32 - 1],
];

const VALUES = [0n, 1n, 31n, 0x8000_0000n, 0xffff_ffffn, 0x0123_4567_89ab_cdefn, 1n << 63n, (1n << 64n) - 1n];

/** Ranges for memory.copy and memory.fill: what is in the low half, and a length in the high one. */
const RANGES = [0, 1, 100, 65_535, 65_536, 65_537, 2 ** 32 - 1].flatMap((low) =>
  [0, 1, 100, 65_436, 65_536, 65_537, 2 ** 32 - 1].map((length) => BigInt(low) | (BigInt(length) << 32n)),
);

interface Call {
  readonly operation: number;
  readonly address: number;
  readonly value: bigint;
}

const CALLS: readonly Call[] = OPERATIONS.flatMap(({ name, access }, operation) => {
  const values = name.startsWith("memory.") ? RANGES : access ? [VALUES[5] as bigint] : VALUES;
  const addresses = access?.at === undefined ? ADDRESSES : [0];
  return addresses.flatMap((address) => values.map((value) => ({ operation, address, value })));
});

describe.skipIf(reason)("operations ahead of time", () => {
  let wanted: readonly string[];

  beforeAll(() => {
    mkdirSync(FOLDER, { recursive: true });
    writeModule("ops", OPERATIONS);
    run(process.execPath, ["scripts/aot.mjs", join(FOLDER, "ops.wasm"), FOLDER]);
    const functions = OPERATIONS.map((_, index) => `w2c_core_op${index}`).join(", ");
    const count = `const unsigned operation_count = ${OPERATIONS.length};\n`;
    const type = "uint64_t (*const operations[])(w2c_core *core, uint32_t address, uint64_t value)";
    writeFileSync(join(FOLDER, "table.c"), `#include "aot_ops.h"\n${type} = {${functions}};\n${count}`);
    wanted = onV8(readFileSync(join(FOLDER, "ops.wasm")));
  }, PATIENCE_MS);

  test.each([
    ["an instance's own memory", []],
    ["memory at a fixed base", [`-DFERRULE_AOT_MEMORY_BYTES=${MEMORY_BYTES}u`]],
  ])("%s", (_name, options) => {
    const came = onAot(options);
    expect(came.length).toBe(CALLS.length + 1);
    const differences = CALLS.flatMap((call, index) =>
      came[index] === wanted[index] ? [] : [`${describeCall(call)}: ${came[index]}, not ${wanted[index]}`],
    );
    expect(differences).toEqual([]);
    expect(came.at(-1), "the hash of memory").toBe(wanted.at(-1));
  });

  test("the least memory, where constant addresses need no check up to its end", () => {
    const accesses = CALLS.filter(({ operation }) => OPERATIONS[operation]?.access);
    const came = onAot(["-DMEMORY_BYTES=4096u"], accesses);
    const wrong = accesses.filter(({ operation, address }, index) => {
      const { access } = OPERATIONS[operation] as Operation;
      const { width, offset, at = address } = access as Access;
      return (came[index] === "out of bounds") !== at + offset + width > 4096;
    });
    expect(wrong.map(describeCall)).toEqual([]);
  });

  test("all kinds of results are among them", () => {
    const kinds = new Set(wanted.map((line) => (/^\d+$/.test(line) ? "result" : line)));
    const all = ["result", "out of bounds", "misaligned", "divide", "overflow", "unreachable"];
    expect([...kinds].sort()).toEqual(all.sort());
  });

  test("an offset beyond the least memory is refused when it is translated", () => {
    const access = { name: "", body: "(i64.load offset=4089 (local.get $a))" };
    writeModule("far", [access]);
    expect(() =>
      run(process.execPath, ["scripts/aot.mjs", join(FOLDER, "far.wasm"), `${FOLDER}/far`]),
    ).toThrow("an offset of 4089 is beyond the least memory");
  });

  test("what the prologue has not, a table or floating point, is refused when it is translated", () => {
    const body = "(i64.trunc_f64_s (f64.load (local.get $a)))";
    writeModule("float", [{ name: "", body }]);
    expect(() =>
      run(process.execPath, ["scripts/aot.mjs", join(FOLDER, "float.wasm"), `${FOLDER}/float`]),
    ).toThrow("wasm2c's output has changed");
  });
});

function writeModule(name: string, operations: readonly Operation[]): void {
  const text = join(FOLDER, `${name}.wat`);
  writeFileSync(text, moduleText(operations));
  run(process.execPath, ["node_modules/wabt/bin/wat2wasm", text, "-o", join(FOLDER, `${name}.wasm`)]);
}

/** What V8 says to all calls, and of those that are misaligned what we say. */
function onV8(wasm: Uint8Array): string[] {
  const { exports } = instantiateSync<Record<string, unknown>>(wasm, {});
  const memory = new Uint8Array((exports.memory as { buffer: ArrayBuffer }).buffer);
  const lines = CALLS.map(({ operation, address, value }) => {
    if (isMisaligned(OPERATIONS[operation] as Operation, address)) return "misaligned";
    try {
      const call = exports[`op${operation}`] as (address: number, value: bigint) => bigint;
      return String(BigInt.asUintN(64, call(address | 0, BigInt.asIntN(64, value))));
    } catch (error) {
      return trapName((error as Error).message);
    }
  });
  const hash = memory.reduce((sum, octet) => Math.imul(sum ^ octet, 0x01000193) >>> 0, 0x811c9dc5);
  return [...lines, String(hash)];
}

function trapName(message: string): string {
  if (/divide by zero|remainder by zero/.test(message)) return "divide";
  if (/unrepresentable/.test(message)) return "overflow";
  return /out of bounds/.test(message) ? "out of bounds" : message;
}

/** Within memory, but at no multiple of its width; of 4 for 64 bits. */
function isMisaligned({ access }: Operation, address: number): boolean {
  if (!access) return false;
  const at = (access.at ?? address) + access.offset;
  return at + access.width <= MEMORY_BYTES && at % Math.min(access.width, 4) !== 0;
}

function onAot(options: readonly string[], calls = CALLS): string[] {
  const runtime = join(root, "boards/runtime/aot");
  const here = join(root, "test/engines");
  const includes = [`-I${runtime}`, `-I${here}`, "-isystem", FOLDER];
  const checks = ["-O2", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  const program = join(FOLDER, `program${options.join("")}`);
  const foreign = [...FOREIGN_OPTIONS, ...checks, ...includes, ...options];
  run("gcc", [...foreign, "-c", join(FOLDER, "core.c"), "-o", `${program}.o`]);
  const ours = [...OWN_OPTIONS, ...checks, ...includes, ...options];
  run("gcc", [...ours, join(here, "aot_ops.c"), join(FOLDER, "table.c"), `${program}.o`, "-o", program]);
  const lines = calls.map(({ operation, address, value }) => `${operation} ${address} ${value}`);
  return run(program, [], `${lines.join("\n")}\n`)
    .trimEnd()
    .split("\n");
}

function describeCall({ operation, address, value }: Call): string {
  return `${OPERATIONS[operation]?.name} (${address}, ${value})`;
}
