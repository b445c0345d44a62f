// Counts executed instructions of the benchmarks' program.

import { join } from "node:path";
import { FOLDER, mustRun, OPERATIONS } from "./build.mjs";

export const WORKS = ["RX", "TX", "RR", "CONN", "TICK4", "TICK16"];

const COUNTS = ["-display", "none", "-monitor", "none", "-serial", "stdio", "-icount", "shift=0"];

const MACHINES = {
  rv32imc: {
    command: "qemu-system-riscv32",
    args: ["-M", "virt", "-cpu", "rv32,a=false,f=false,d=false", "-m", "16M", "-bios", "none"],
  },
  xtensa: {
    command: "qemu-system-xtensa",
    args: ["-M", "kc705-nommu", "-cpu", "lx106", "-semihosting"],
  },
};

/** Runs the program on an emulated microcontroller, and returns the lines that it printed. */
export function linesFromQemu(target, program) {
  const { command, args } = MACHINES[target];
  return linesOf(command, [...args, ...COUNTS, "-kernel", program]);
}

/**
 * Instructions per operation of each work, of what the program printed: name -> number. `native`: those of native checksums.
 */
export function countsIn(lines, { native = false } = {}) {
  return Object.fromEntries(
    WORKS.map((work) => {
      const [, operations, instructions, nativeInstructions] = numbersOf(lines, work);
      return [work, (native ? nativeInstructions : instructions) / operations];
    }),
  );
}

/** Numbers of the line that begins with `word`, at the places where they stand in it. */
export function numbersOf(lines, word) {
  const line = lines.find((line) => line.startsWith(`${word} `));
  if (!line) throw new Error(`the program did not print ${word}:\n${lines.join("\n")}`);
  return line.split(" ").map(Number);
}

/**
 * Instructions per operation of each work on this machine's processor: name -> number. callgrind cannot tell what opening
 * connections takes from the work: a run of no operations is taken off. `native`: as of countsIn.
 */
export function countInCallgrind(program, { native = false } = {}) {
  const functions = native ? ["hook_native_sum"] : ["measured_*", "hook_*"];
  const only = ["--collect-atstart=no", ...functions.map((name) => `--toggle-collect=${name}`)];
  const file = `--callgrind-out-file=${join(FOLDER, "callgrind.out")}`;
  return Object.fromEntries(
    WORKS.map((work) => {
      const [all, none] = [OPERATIONS, 0].map((operations) => {
        const args = ["--tool=callgrind", file, ...only, program, work, String(operations)];
        return Number(/Collected : (\d+)/.exec(linesOf("valgrind", args).join("\n"))?.[1]);
      });
      return [work, (all - none) / OPERATIONS];
    }),
  );
}

/** What a program printed, line by line. The work's last line is "done". */
function linesOf(command, args) {
  const output = mustRun(command, args);
  if (!/^done\r?$/m.test(output))
    throw new Error(`${command}: the work was not done:\n${output.slice(-4000)}`);
  return output.split("\n").map((line) => line.trim());
}
