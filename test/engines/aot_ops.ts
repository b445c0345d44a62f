// A module with one function for every load, store and operation that may trap, for aot.test.ts. Each takes an address
// and a value of 64 bits, and returns 64 bits.

import { spawnSync } from "node:child_process";
import { root } from "../report/tools.js";

/** How long a compiler or the program may take, in milliseconds. */
const PATIENCE_MS = 120_000;

/** One function of the module. */
export interface Operation {
  readonly name: string;
  /** Its body in WebAssembly's text format; `$a` is the address, `$v` the value. */
  readonly body: string;
  /** Of a load or store. */
  readonly access?: Access;
}

/** Where a load or store goes: `width` bytes at `offset` beyond the address, which is the constant `at` if it has one. */
export interface Access {
  readonly width: number;
  readonly offset: number;
  readonly at?: number;
}

const OFFSETS = [0, 1, 2, 4, 100, 4088];

/** Constant addresses: the compiler may know that they need no check. */
const CONSTANTS = [0, 8, 4080, 4095, 4096, 5000, 65_528, 65_533, 65_536, 70_000];

const LOADS: readonly [name: string, width: number][] = [
  ["i32.load", 4],
  ["i32.load8_u", 1],
  ["i32.load8_s", 1],
  ["i32.load16_u", 2],
  ["i32.load16_s", 2],
  ["i64.load", 8],
  ["i64.load8_u", 1],
  ["i64.load8_s", 1],
  ["i64.load16_u", 2],
  ["i64.load16_s", 2],
  ["i64.load32_u", 4],
  ["i64.load32_s", 4],
];

const STORES: readonly [name: string, width: number][] = [
  ["i32.store", 4],
  ["i32.store8", 1],
  ["i32.store16", 2],
  ["i64.store", 8],
  ["i64.store8", 1],
  ["i64.store16", 2],
  ["i64.store32", 4],
];

const BINARY = ["div_s", "div_u", "rem_s", "rem_u", "rotl", "rotr", "shl", "shr_s", "shr_u"];
const UNARY = ["clz", "ctz", "popcnt"];

const WRAPPED = "(i32.wrap_i64 (local.get $v))";
const HIGH = "(i32.wrap_i64 (i64.shr_u (local.get $v) (i64.const 32)))";

/** All functions of the module. */
export const OPERATIONS: readonly Operation[] = [
  ...LOADS.flatMap(([load, width]) => [
    ...OFFSETS.map((offset) => loadFrom(load, width, offset)),
    ...CONSTANTS.map((at) => loadFrom(load, width, 4, at)),
  ]),
  ...STORES.flatMap(([store, width]) => [
    ...OFFSETS.map((offset) => storeTo(store, width, offset)),
    ...CONSTANTS.map((at) => storeTo(store, width, 4, at)),
  ]),
  ...BINARY.flatMap((name) => [
    { name: `i32.${name}`, body: widen("i32", `(i32.${name} (local.get $a) ${WRAPPED})`) },
    { name: `i32.${name} the other way`, body: widen("i32", `(i32.${name} ${WRAPPED} (local.get $a))`) },
    { name: `i64.${name}`, body: `(i64.${name} (local.get $v) (i64.extend_i32_s (local.get $a)))` },
  ]),
  ...UNARY.flatMap((name) => [
    { name: `i32.${name}`, body: widen("i32", `(i32.${name} (local.get $a))`) },
    { name: `i64.${name}`, body: `(i64.${name} (local.get $v))` },
  ]),
  { name: "memory.copy", body: `(memory.copy (local.get $a) ${WRAPPED} ${HIGH}) (i64.const 0)` },
  { name: "memory.fill", body: `(memory.fill (local.get $a) ${WRAPPED} ${HIGH}) (i64.const 0)` },
  { name: "unreachable", body: "unreachable" },
  { name: "memory.size", body: widen("i32", "(memory.size)") },
];

/** The module in text format; functions are exported as op0, op1 and so on. */
export function moduleText(operations: readonly Operation[]): string {
  const functions = operations.map(
    ({ body }, index) => `(func (export "op${index}") (param $a i32) (param $v i64) (result i64) ${body})`,
  );
  return `(module (memory (export "memory") 1)\n${functions.join("\n")})\n`;
}

function loadFrom(load: string, width: number, offset: number, at?: number): Operation {
  return {
    name: `${load} offset=${offset}${at === undefined ? "" : ` of ${at}`}`,
    body: widen(load.slice(0, 3), `(${load} offset=${offset} ${address(at)})`),
    access: access(width, offset, at),
  };
}

function storeTo(store: string, width: number, offset: number, at?: number): Operation {
  const value = store.startsWith("i32") ? WRAPPED : "(local.get $v)";
  return {
    name: `${store} offset=${offset}${at === undefined ? "" : ` of ${at}`}`,
    body: `(${store} offset=${offset} ${address(at)} ${value}) (i64.const 0)`,
    access: access(width, offset, at),
  };
}

function address(at: number | undefined): string {
  return at === undefined ? "(local.get $a)" : `(i32.const ${at})`;
}

function access(width: number, offset: number, at: number | undefined): Access {
  return { width, offset, ...(at !== undefined && { at }) };
}

function widen(type: string, body: string): string {
  return type === "i32" ? `(i64.extend_i32_u ${body})` : body;
}

/** Runs a program in the project, which must succeed, and returns what it printed. */
export function run(command: string, args: readonly string[], input = ""): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    input,
    timeout: PATIENCE_MS,
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`${command}: ${error?.message ?? stderr.slice(0, 4000)}`);
  return stdout;
}
