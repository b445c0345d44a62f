// The bounds checks that scripts/aot_bounds.mjs leaves out are needless: functions made at random, whose accesses go
// through a few pointers near the end of memory and on ways that part and meet again, trap ahead of time exactly when they
// do on V8, and AddressSanitizer sees no access that was let through. They store zeros only: what was stored before a trap
// may differ, and must not show.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { instantiateSync } from "@assemblyscript/loader";
import { describe, expect, test } from "vitest";
import { Prng } from "../../host/sim/prng.js";
import { FOREIGN_OPTIONS, OWN_OPTIONS } from "../../scripts/runtime_sources.mjs";
import { missingTools, root } from "../report/tools.js";
import { moduleText, run } from "./aot_ops.js";

const MEMORY_BYTES = 65_536;
const FOLDER = join(root, "build/engines/aot_bounds");
const FUNCTIONS = 200;
const CALLS_EACH = 60;
/** How long a compiler or the program may take, in milliseconds. */
const PATIENCE_MS = 120_000;

const POINTERS = ["$a", "$p", "$q", "$r"];

describe.skipIf(missingTools("gcc"))("bounds checks that are left out", () => {
  test(
    "functions made at random trap when they do on V8, and only then",
    () => {
      mkdirSync(FOLDER, { recursive: true });
      const prng = new Prng(20261121);
      const bodies = Array.from({ length: FUNCTIONS }, () => ({ name: "", body: randomBody(prng) }));
      writeFileSync(join(FOLDER, "random.wat"), moduleText(bodies));
      const wasm = join(FOLDER, "random.wasm");
      run(process.execPath, ["node_modules/wabt/bin/wat2wasm", join(FOLDER, "random.wat"), "-o", wasm]);
      const calls = bodies.flatMap((_, operation) =>
        Array.from({ length: CALLS_EACH }, () => ({
          operation,
          address: MEMORY_BYTES - prng.below(160),
          value: BigInt(prng.next()),
        })),
      );
      const wanted = onV8(readFileSync(wasm), calls);
      const came = onAot(wasm, calls);
      expect(came.length).toBe(calls.length + 1);
      const different = calls.flatMap(({ operation, address, value }, index) =>
        came[index] === wanted[index]
          ? []
          : [`op${operation}(${address}, ${value}): ${came[index]}, not ${wanted[index]}`],
      );
      expect(different).toEqual([]);
      const traps = wanted.filter((line) => line === "out of bounds").length;
      expect(traps).toBeGreaterThan(calls.length / 5);
      expect(traps).toBeLessThan((calls.length * 4) / 5);
      // Many checks were left out indeed.
      const text = readFileSync(join(FOLDER, "core.c"), "utf8");
      expect(text.match(/AOT_WITHIN\(/g)?.length).toBeGreaterThan(FUNCTIONS * 3);
      expect(text.match(/AOT_REACH\(/g)?.length).toBeGreaterThan(FUNCTIONS);
    },
    PATIENCE_MS,
  );
});

test("C that is not understood is refused: a table of branches with a value", () => {
  mkdirSync(FOLDER, { recursive: true });
  const body =
    "(drop (i32.load8_u (local.get $a))) (i64.load8_u (block $out (result i32) (local.get $a) (i32.const 8) (i32.wrap_i64 (local.get $v)) (br_table $out $out $out)))";
  writeFileSync(join(FOLDER, "table.wat"), moduleText([{ name: "", body }]));
  const wasm = join(FOLDER, "table.wasm");
  run(process.execPath, ["node_modules/wabt/bin/wat2wasm", join(FOLDER, "table.wat"), "-o", wasm]);
  expect(() => run(process.execPath, ["scripts/aot.mjs", wasm, join(FOLDER, "table")])).toThrow(
    /wasm2c's output has changed: case 0: /,
  );
});

interface Call {
  readonly operation: number;
  readonly address: number;
  readonly value: bigint;
}

/** A function's locals and statements. Each loop has a counter of its own, by its depth. */
function randomBody(prng: Prng): string {
  const locals =
    "(local $p i32) (local $q i32) (local $r i32) (local $n0 i32) (local $n1 i32) (local $s i64)";
  const start = POINTERS.slice(1).map((name) => `(local.set ${name} (local.get $a))`);
  const statements = Array.from({ length: 6 + prng.below(8) }, () => randomStatement(prng, 0));
  return `${locals} ${start.join(" ")} ${statements.join("\n")} (local.get $s)`;
}

function randomStatement(prng: Prng, depth: number): string {
  const pointer = () => POINTERS[prng.below(POINTERS.length)] as string;
  const offset = () => prng.below(64);
  const some = () =>
    Array.from({ length: 1 + prng.below(3) }, () => randomStatement(prng, depth + 1)).join(" ");
  const condition = () => `(i32.and (i32.wrap_i64 (local.get $v)) (i32.const ${1 << prng.below(16)}))`;
  const kind = prng.below(depth < 2 ? 18 : 10);
  if (kind < 5)
    return `(local.set $s (i64.add (i64.mul (local.get $s) (i64.const 31)) (i64.add (i64.const ${prng.below(9)}) (i64.load8_u offset=${offset()} (local.get ${pointer()})))))`;
  if (kind < 7) return `(i32.store8 offset=${offset()} (local.get ${pointer()}) (i32.const 0))`;
  if (kind < 8) return `(local.set ${pointer()} (local.get ${pointer()}))`;
  if (kind < 9)
    return `(local.set ${pointer()} (i32.add (local.get ${pointer()}) (i32.const ${prng.below(40) - 20})))`;
  if (kind < 10)
    return `(local.set ${pointer()} (i32.add (local.get ${pointer()}) (i32.load8_u offset=${offset()} (local.get ${pointer()}))))`;
  if (kind < 12) return `(if ${condition()} (then ${some()}) (else ${some()}))`;
  if (kind < 13) return `(if ${condition()} (then ${some()}))`;
  if (kind < 14)
    return `(block $b${depth} ${some()} (br_if $b${depth} ${condition()}) ${some()} (br_if $b${depth} ${condition()}) ${some()})`;
  if (kind > 16)
    return `(block $o${depth} (block $m${depth} (block $i${depth} ${some()} (br_table $i${depth} $m${depth} $o${depth} (i32.and (i32.wrap_i64 (local.get $v)) (i32.const 3)))) ${some()}) ${some()})`;
  if (kind > 15)
    return `(local.set ${pointer()} (select (local.get ${pointer()}) (local.get ${pointer()}) ${condition()}))`;
  if (kind < 15) return `(if ${condition()} (then ${some()} (return (local.get $s))))`;
  const counter = `$n${depth}`;
  return `(local.set ${counter} (i32.const ${1 + prng.below(4)})) (loop $l${depth} ${some()} (br_if $l${depth} (local.tee ${counter} (i32.sub (local.get ${counter}) (i32.const 1)))))`;
}

function onV8(wasm: Uint8Array, calls: readonly Call[]): string[] {
  const { exports } = instantiateSync<Record<string, unknown>>(wasm, {});
  return calls.map(({ operation, address, value }) => {
    try {
      const call = exports[`op${operation}`] as (address: number, value: bigint) => bigint;
      return String(BigInt.asUintN(64, call(address | 0, value)));
    } catch (error) {
      return /out of bounds/.test((error as Error).message) ? "out of bounds" : (error as Error).message;
    }
  });
}

function onAot(wasm: string, calls: readonly Call[]): string[] {
  run(process.execPath, ["scripts/aot.mjs", wasm, FOLDER]);
  const functions = Array.from({ length: FUNCTIONS }, (_, index) => `w2c_core_op${index}`).join(", ");
  const type = "uint64_t (*const operations[])(w2c_core *core, uint32_t address, uint64_t value)";
  const count = `const unsigned operation_count = ${FUNCTIONS};`;
  writeFileSync(join(FOLDER, "table.c"), `#include "aot_ops.h"\n${type} = {${functions}};\n${count}\n`);
  const here = join(root, "test/engines");
  const includes = [`-I${join(root, "boards/runtime/aot")}`, `-I${here}`, "-isystem", FOLDER];
  const checks = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DFERRULE_AOT_VERIFY"];
  const program = join(FOLDER, "program");
  const core = join(FOLDER, "core.c");
  run("gcc", [...FOREIGN_OPTIONS, ...checks, ...includes, "-c", core, "-o", `${program}.o`]);
  const ours = [join(here, "aot_ops.c"), join(FOLDER, "table.c"), `${program}.o`];
  run("gcc", [...OWN_OPTIONS, ...checks, ...includes, ...ours, "-o", program]);
  const lines = calls.map(({ operation, address, value }) => `${operation} ${address} ${value}`);
  return run(program, [], `${lines.join("\n")}\n`)
    .trimEnd()
    .split("\n");
}
