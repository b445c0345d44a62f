// Reads the built module itself, without an engine: what the core promises of its binary.

import { readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import wabtModule from "wabt";
import {
  functionNames,
  MODULE_LIMIT_BYTES,
  MODULE_RULES,
  type ModuleRule,
  nameMismatches,
  runtimeFunctions,
  sizeReport,
} from "./module_rules.js";
import { parseWasm, type WasmModule } from "./wasm_module.js";

const BUILD = new URL("../build/", import.meta.url);

describe("the core", () => {
  let module: WasmModule;
  let wat: string;
  beforeAll(() => {
    module = parseWasm(readFileSync(new URL("core.wasm", BUILD)));
    wat = readFileSync(new URL("core.wat", BUILD), "utf8");
  });

  test.each(Object.entries(MODULE_RULES))("%s", (_name, rule) => {
    expect(rule(module)).toEqual([]);
  });

  test("contains nothing of asc's runtime", () => {
    expect(runtimeFunctions(functionNames(wat))).toEqual([]);
  });

  test("its size by function", () => {
    const names = functionNames(wat);
    expect(nameMismatches(module, wat, names)).toEqual([]);
    const report = sizeReport(module, names);
    writeFileSync(new URL("size.txt", BUILD), `${report}\n`);
    console.log(report);
  });
});

describe("the rules can fail", () => {
  let assemble: (wat: string) => WasmModule;
  beforeAll(async () => {
    const wabt = await wabtModule();
    assemble = (wat) => {
      const parsed = wabt.parseWat("sample.wat", wat);
      try {
        return parseWasm(parsed.toBinary({ write_debug_names: wat.includes("$named") }).buffer);
      } finally {
        parsed.destroy();
      }
    };
  });

  const samples: readonly [keyof typeof MODULE_RULES, string, string][] = [
    ["has no imports", `(import "env" "abort" (func))`, "imports env.abort"],
    ["has no mutable globals", "(global (mut i32) (i32.const 5))", "global 0 (i32) is mutable"],
    ["exports no globals and no table", `(global (export "g") i32 (i32.const 5))`, "exports the global g"],
    [
      "never grows memory",
      // 0x40 also stands in immediates here, which must not be taken for the opcode.
      "(memory 1) (func (drop (i32.const 64)) (drop (i64.const -64)) (drop (memory.grow (i32.const 1))))",
      "memory.grow in function 0 at offset",
    ],
    ["has no floating point", "(func (drop (f32.const 64)))", "floating point in function 0"],
    ["has no floating point", "(func (local f64))", "function 0 has a floating-point local"],
    ["has no function table", "(table 1 funcref) (func) (elem (i32.const 0) 0)", "1 element segments"],
    ["has no function table", "(table 1 funcref) (func (call_indirect (i32.const 0)))", "call_indirect in"],
    ["has one memory of one page that may grow", "", "0 memories"],
    ["has one memory of one page that may grow", "(memory 0)", "memory of 0 to undefined pages"],
    ["has one memory of one page that may grow", "(memory 1 1)", "memory of 1 to 1 pages"],
    ["has constant data below the state only", `(memory 1) (data (i32.const 124) "12345")`, "5 bytes at 124"],
    ["has constant data below the state only", `(memory 1) (data "1")`, "1 bytes at no fixed address"],
    ["has no start function", "(func $f) (start $f)", "has a start function"],
    ["carries no custom section", "(func $named)", `custom "name"`],
    ["exports the ABI and nothing else", `(func (export "reset"))`, "has reset () -> "],
    ["exports the ABI and nothing else", `(func (export "base") (param i32))`, "lacks base () -> i32"],
    ["fits its budget", `(memory 1) (data (i32.const 0) "${"x".repeat(MODULE_LIMIT_BYTES)}")`, "too many"],
  ];

  test.each(samples.map(([name, body, complaint]) => ({ name, body, complaint })))(
    "$name: $complaint",
    ({ name, body, complaint }) => {
      const rule: ModuleRule = MODULE_RULES[name];
      expect(rule(assemble(`(module ${body})`)).join("; ")).toContain(complaint);
    },
  );

  test("every rule has a sample", () => {
    expect(new Set(samples.map(([name]) => name))).toEqual(new Set(Object.keys(MODULE_RULES)));
  });

  test("the runtime's functions are known by name", () => {
    const names = ["assembly/abi/init", "~lib/rt/stub/__new", "~lib/memory/memory.copy", "~start"];
    expect(runtimeFunctions(names)).toEqual(["~lib/rt/stub/__new", "~start"]);
  });

  test("names of another order do not pass", () => {
    const wat = ` (export "a" (func $x))\n (export "b" (func $y))\n (func $y)\n (func $x)\n`;
    const module = assemble(`(module (func (export "a")) (func (export "b")))`);
    expect(functionNames(wat)).toEqual(["y", "x"]);
    expect(nameMismatches(module, wat, functionNames(wat))).toHaveLength(2);
    expect(nameMismatches(module, wat, ["x"])).toHaveLength(2);
  });
});

describe("the parser", () => {
  test("walks every kind of immediate to the end of the body", async () => {
    const wabt = await wabtModule();
    const parsed = wabt.parseWat(
      "walk.wat",
      `(module (memory 1) (global $g i64 (i64.const -9000000000))
        (func $f (param i32) (result i32) (local i64 i64)
          (block (block (block (br_table 0 1 2 (local.get 0)))))
          (loop (br_if 0 (i32.eqz (local.get 0))))
          (local.set 1 (i64.load offset=1000000 align=1 (i32.const -2147483648)))
          (memory.copy (i32.const 0) (i32.const 1) (i32.const 300))
          (memory.fill (i32.const 0) (i32.const 1) (i32.const 300))
          (drop (f64.const 1e300)) (drop (f32.const 1)) (drop (memory.size)) (drop (global.get $g))
          (if (result i32) (local.get 0) (then (call $f (i32.const 16384))) (else (return (i32.const 1))))))`,
    );
    const { code, globals } = parseWasm(parsed.toBinary({}).buffer);
    expect(globals).toEqual([{ type: "i64", mutable: false }]);
    expect(code[0]?.locals).toEqual(["2 i64"]);
    const opcodes = code[0]?.instructions.map(({ opcode }) => opcode);
    expect(opcodes?.slice(0, 8)).toEqual([0x02, 0x02, 0x02, 0x20, 0x0e, 0x0b, 0x0b, 0x0b]);
    expect(opcodes).toContain(0xfc0a);
    expect(opcodes).toContain(0xfc0b);
    expect(opcodes?.at(-1)).toBe(0x0b);
    parsed.destroy();
  });

  test("refuses what it does not know", () => {
    const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const parse = (...bytes: number[]) => parseWasm(Uint8Array.from([...header, ...bytes]));
    expect(() => parseWasm(Uint8Array.of(1, 2, 3, 4, 1, 0, 0, 0))).toThrow("magic");
    expect(() => parse(13, 0)).toThrow("unknown section 13");
    expect(() => parse(10, 9)).toThrow("cut short");
    expect(() => parse(1, 2, 0, 0)).toThrow("left over");
    // i32.extend8_s of the sign-extension feature, which the build switches off.
    expect(() => parse(10, 6, 1, 4, 0, 0xc0, 0x0b, 0x0b)).toThrow("opcode 0xc0 is not known here");
  });
});
