// What emulated boards do and take: the checks of scripts/boards on each, and the RAM of the whole firmware.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { BOARDS, buildFirmware, toolsFor } from "../firmware.mjs";
import { root, run } from "../support.mjs";
import { ENGINES } from "./build.mjs";

/** What checking takes, as of scripts/support.mjs, beside a board's own tools. */
export const BOARD_TOOLS = ["namespaces", "ping", "curl", "ab"];

export const BOARD_HEAD = [
  ...["ping", "bytes", "echo", "200 one by one", "200, 8 at once", "lossy", "trap", "faults"],
  ...["instructions a request", "awake", "C stack", "flash"],
];

export const RAM_HEAD = ["core and engine", "static data", "C stack", "all"];

/** A row for each of these that the machine has tools for. */
export function boardsAndEngines() {
  return Object.keys(BOARDS).flatMap((board) =>
    ENGINES.map((engine) => ({ board, engine, tools: [...BOARD_TOOLS, ...toolsFor(board, engine)] })),
  );
}

/** Values of a row, in the order of BOARD_HEAD. */
export async function boardValues(board, engine) {
  const { runChecks } = await import("../boards/checks.mjs");
  const { runFaults } = await import("../boards/faults.mjs");
  const { TRAP_PATTERN, writeTrappingModule } = await import("../boards/trapping.mjs");
  const trapping = join(root, "build/boards/trapping.wasm");
  mkdirSync(join(root, "build/boards"), { recursive: true });
  await writeTrappingModule(trapping);
  const checks = await runChecks(board, engine, { trapping, trapPattern: TRAP_PATTERN });
  const faults = await runFaults(board, engine);
  const of = (...names) => (names.every((name) => found(checks, name).ok) ? "ok" : "FAILED");
  const measured = found(checks, "measured");
  const survived = faults.filter(({ ok }) => ok).length;
  return [
    ...[of("ping"), `${found(checks, "bytes").count.toLocaleString("en")} ${of("bytes")}`, of("echo")],
    ...[of("connections"), of("at-once"), of("lossy", "lossy-retransmits"), of("trap", "after-trap")],
    `${survived} of ${faults.length}`,
    measured.instructionsPerRequest ?? "not counted",
    awake(measured),
    measured.stackBytes > 0 ? measured.stackBytes : "not painted",
    flashBytes(board, engine),
  ];
}

/**
 * RAM of firmware with `sizes` as of measureRam, in the order of RAM_HEAD. The stack is what was used, at the end of the
 * board's checks.
 */
export async function ramValues(board, engine, sizes) {
  const { measureRam } = await import("../boards/ram.mjs");
  const { memoryBytes, staticBytes, stackBytes } = await measureRam(board, engine, sizes);
  return [memoryBytes, staticBytes, stackBytes, memoryBytes + staticBytes + stackBytes];
}

/** The share of time in which an idle board's processor did not sleep. */
function awake({ awake: share, idleInstructions, idleMs }) {
  if (share !== null) return percent(share);
  // On QEMU an instruction takes a nanosecond.
  return idleInstructions === null ? "not counted" : percent(idleInstructions / (idleMs * 1e6));
}

function percent(share) {
  return `${(share * 100).toFixed(3)} %`;
}

/** Bytes of code, constants and initial values in the program. */
function flashBytes(board, engine) {
  const { elf, problem } = buildFirmware(board, engine);
  if (problem) throw new Error(problem);
  if (BOARDS[board].compiler === "gcc") return "a program";
  const size = BOARDS[board].compiler.replace(/gcc$/, "size");
  const { ok, output, problem: why } = run(size, [elf]);
  const [, text, data] = /^\s*(\d+)\s+(\d+)/m.exec(output) ?? [];
  if (!ok || text === undefined) throw new Error(`${size} ${elf}: ${why || output}`);
  return Number(text) + Number(data);
}

function found(checks, name) {
  const check = checks.find((each) => each.check === name);
  if (!check) throw new Error(`there is no check ${name}`);
  return check;
}
