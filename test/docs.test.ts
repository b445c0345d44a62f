// Figures and output that the README and docs/ print are those of the code as it is.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Counter, STATE_BASE } from "../host/abi.js";
import { bytesNeeded, type CoreConfig } from "../host/core.js";
import { functionNames, sizeReport } from "./module_rules.js";
import { missingTools } from "./report/tools.js";
import { parseWasm } from "./wasm_module.js";

const ROOT = new URL("../", import.meta.url);
const text = (path: string) => readFileSync(new URL(path, ROOT), "utf8");
const wasm = readFileSync(new URL("build/core.wasm", ROOT));

/** Every number that `pattern` finds in a file, without thousands separators. */
function numbers(path: string, pattern: RegExp): number[] {
  return [...text(path).matchAll(pattern)].map(([, digits = ""]) => Number(digits.replaceAll(",", "")));
}

test.each([
  ["README.md", /([\d,]+) bytes of Wasm/g, 2],
  ["README.md", /"moduleBytes": (\d+)/g, 1],
  ["docs/core.md", /(\d+) {2}bytes in all/g, 1],
] as const)("%s gives the module's size: %s", (path, pattern, times) => {
  expect(numbers(path, pattern)).toEqual(Array(times).fill(wasm.length));
});

test("the size of the standard module, in the README and in docs/core.md", () => {
  const { length } = readFileSync(new URL("build/standard.wasm", ROOT));
  expect(numbers("README.md", /standard\.wasm` \(([\d,]+) octets/g)).toEqual([length]);
  expect(numbers("docs/core.md", /^ +(\d+) {2}standard$/gm)).toEqual([length]);
});

test("figures of other stacks and of memory, in the README and in docs/maker.md, are those of bench/RESULTS.md", () => {
  const results = text("bench/RESULTS.md");
  /** The row that begins so, its numbers. */
  const row = (head: string) => {
    const line = results.split("\n").find((line) => line.startsWith(`| ${head} |`));
    expect(line, head).toBeDefined();
    return [...(line as string).slice(head.length + 2).matchAll(/([\d,]+) \|/g)].map(([, n = ""]) => n);
  };
  const received = ["Ferrule, aot", "Ferrule, wasm3", "lwIP, with a port's checksum and no locks", "smoltcp"];
  const [aot, wasm3, lwip, smoltcp] = received.map((head) => row(head)[0]);
  expect(text("README.md")).toContain(
    `| ${aot} (wasm3: ${wasm3}) | ${lwip} with a port's checksum | ${smoltcp} |`,
  );
  const number = (digits = "") => Number(digits.replaceAll(",", ""));
  const ram = (board: string, more = "") =>
    row(`${board}, 4 connections of 2 x 4096 bytes${more}`).map(number);
  const services = ", DHCP and DNS";
  const all = [
    ...[ram("qemu-xtensa on aot"), ram("qemu-xtensa on wasm3")],
    ...[ram("qemu-riscv on aot", services), ram("qemu-riscv on wasm3", services)],
  ].map((numbers) => Math.round((numbers.at(-1) as number) / 1000));
  expect(numbers("docs/maker.md", /\| (\d+) KB \|$/gm)).toEqual(all);
  // Of one and the other engine: the difference is wasm3's heap.
  const heap = (more?: string) => {
    const [less = 0, most = 0] = ["aot", "wasm3"].map((engine) => ram(`qemu-riscv on ${engine}`, more)[0]);
    return Math.round((most - less) / 1000);
  };
  const [, core, standard] =
    /(\d+) KB of heap for the core, (\d+) KB for the standard/.exec(text("docs/maker.md")) ?? [];
  // What an instance of C from wasm2c takes is under a kilobyte.
  expect(Math.abs(Number(core) - heap())).toBeLessThanOrEqual(1);
  expect(Math.abs(Number(standard) - heap(services))).toBeLessThanOrEqual(1);
});

test("every command of npm's that is named exists", () => {
  const { scripts } = JSON.parse(text("package.json"));
  const pages = readdirSync(new URL("docs/", ROOT)).filter((name) => name.endsWith(".md"));
  const named = [
    "README.md",
    "CHANGELOG.md",
    "platformio.ini",
    ...pages.map((name) => `docs/${name}`),
  ].flatMap((path) => [...text(path).matchAll(/npm run ([a-z]+)/g)].map(([, name]) => `${name}`));
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !scripts[name])).toEqual([]);
});

test("the size report in docs/core.md is the head of today's", () => {
  const printed = /```\n( +\d+ {2}bytes in all[^`]*)```/.exec(text("docs/core.md"))?.[1]?.trimEnd();
  const report = sizeReport(parseWasm(wasm), functionNames(text("build/core.wat")));
  expect(report.slice(0, printed?.length)).toBe(printed);
});

test("the memory that configurations need, in docs/architecture.md and docs/firmware.md", () => {
  const device: CoreConfig = { mac: "02:00:00:00:00:01", seed: new Uint8Array(32), connections: 2 };
  const lines = [...text("docs/architecture.md").matchAll(/^(\d+) (\{"connections".*\})$/gm)];
  expect(lines.length).toBe(3);
  for (const [, bytes, more = "{}"] of lines)
    expect(bytesNeeded(wasm, { ...device, ...JSON.parse(more) }), more).toBe(Number(bytes));
  const smoke = bytesNeeded(wasm, { ...device, listeners: 1 });
  expect(numbers("docs/architecture.md", /^ +(\d+) {3}end$/gm)).toEqual([smoke]);
  expect(numbers("docs/firmware.md", /([\d,]+) bytes for the configuration above/g)).toEqual([smoke]);
  expect(numbers("docs/firmware.md", / 16384 +(\d+) /g)).toEqual(Array(4).fill(smoke - STATE_BASE));
  expect(numbers("docs/architecture.md", /^ +(\d+) {3}StateHeader /gm)).toEqual([STATE_BASE]);
  expect(numbers("docs/architecture.md", /\*\*Counters\.\*\* (\d+) of them/g)).toEqual([Counter.COUNT]);
});

test.skipIf(missingTools("gcc"))("the programs in docs/firmware.md compile without a warning", () => {
  const blocks = [...text("docs/firmware.md").matchAll(/```c\n([^`]*)```/g)].map(([, block = ""]) => block);
  const programs = blocks.filter((block) => block.includes("#include"));
  const options = ["-std=gnu99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only", "-x", "c"];
  for (const input of programs)
    execFileSync("gcc", [...options, "-I", "boards/include", "-I", "boards/drivers", "-"], {
      cwd: ROOT,
      input,
    });
  expect(programs.map((program) => /ferrule_(net_)?start\(/.exec(program)?.[0])).toEqual([
    "ferrule_start(",
    "ferrule_net_start(",
  ]);
});

test.each([
  ["docs/tools.md", ["--help"]],
  ["docs/tools.md", ["help", "serve"]],
  ["docs/tools.md", ["help", "get"]],
  ["docs/tools.md", ["help", "demo"]],
  ["docs/tools.md", ["demo", "close"]],
  ["docs/demos.md", ["demo", "handshake"]],
  ["docs/demos.md", ["demo", "abort"]],
  ["docs/demos.md", ["demo", "simultaneous"]],
  ["docs/demos.md", ["demo", "half-close"]],
  ["docs/demos.md", ["demo", "syn-flood"]],
  ["docs/demos.md", ["demo", "loss"]],
] as const)("what %s shows is what the command prints: %j", (path, args) => {
  const output = execFileSync(process.execPath, ["build/host/cli.js", ...args], {
    cwd: ROOT,
    encoding: "utf8",
  });
  expect(text(path)).toContain(`\`\`\`\n${output}\`\`\``);
});
