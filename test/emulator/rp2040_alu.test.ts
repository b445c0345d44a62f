// The instructions that the emulator corrects, on values at the edges, against the architecture's own words in big integers.

import { RP2040 } from "rp2040js";
import { describe, expect, test } from "vitest";
import { correctFlags } from "../../host/emulator/rp2040_alu.js";

const RAM = 0x20000000;

const VALUES = [
  0, 1, 2, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 0x12345678, 0xcafebabe,
];
const SHIFTS = [0, 1, 2, 30, 31, 32, 33, 63, 64, 65, 255, 256, 257, 0xffffff20];

interface Outcome {
  result: number;
  flags: string;
}

type Instruction = (
  left: bigint,
  right: bigint,
  carry: boolean,
) => { result: bigint; carry: boolean; overflow?: boolean };

const WORD = 1n << 32n;
const bit = (value: bigint, index: bigint) => ((value >> index) & 1n) === 1n;
const signed = (value: bigint) => BigInt.asIntN(32, value);

/** AddWithCarry, section A2.2.1. */
const add: Instruction = (left, right, carry) => {
  const carryIn = carry ? 1n : 0n;
  const result = (left + right + carryIn) % WORD;
  return {
    result,
    carry: left + right + carryIn >= WORD,
    overflow: signed(left) + signed(right) + carryIn !== signed(result),
  };
};

/** Shift_C, section A6.4.2, of an amount above 0. */
const shifted =
  (move: (value: bigint, by: bigint) => { result: bigint; carry: boolean }): Instruction =>
  (left, right, carry) => {
    const by = right & 0xffn;
    return by === 0n ? { result: left, carry } : move(left, by);
  };

const INSTRUCTIONS: Record<string, { opcode: number; rights: readonly number[]; does: Instruction }> = {
  LSLS: {
    opcode: 0x4080,
    rights: SHIFTS,
    does: shifted((value, by) => ({ result: (value << by) % WORD, carry: bit(value << by, 32n) })),
  },
  LSRS: {
    opcode: 0x40c0,
    rights: SHIFTS,
    does: shifted((value, by) => ({ result: value >> by, carry: bit(value, by - 1n) })),
  },
  ASRS: {
    opcode: 0x4100,
    rights: SHIFTS,
    does: shifted((value, by) => ({
      result: BigInt.asUintN(32, signed(value) >> by),
      carry: bit(signed(value), by - 1n),
    })),
  },
  ADCS: { opcode: 0x4140, rights: VALUES, does: add },
  SBCS: { opcode: 0x4180, rights: VALUES, does: (left, right, carry) => add(left, WORD - 1n - right, carry) },
  RORS: {
    opcode: 0x41c0,
    rights: SHIFTS,
    does: shifted((value, by) => {
      const result = ((value >> (by % 32n)) | (value << (32n - (by % 32n)))) % WORD;
      return { result, carry: bit(result, 31n) };
    }),
  },
};

const flagsOf = (negative: boolean, zero: boolean, carry: boolean, overflow: boolean) =>
  [negative && "N", zero && "Z", carry && "C", overflow && "V"].filter(Boolean).join("");

/** Executes `opcode` with r0 = `left`, r1 = `right`. */
function execute(
  { core, sramView }: RP2040,
  opcode: number,
  left: number,
  right: number,
  flags: string,
): Outcome {
  sramView.setUint16(0, opcode | (1 << 3), true);
  core.PC = RAM;
  core.registers[0] = left;
  core.registers[1] = right;
  core.C = flags.includes("C");
  core.V = flags.includes("V");
  expect(core.executeInstruction()).toBe(1);
  expect(core.PC).toBe(RAM + 2);
  return { result: core.registers[0] ?? Number.NaN, flags: flagsOf(core.N, core.Z, core.C, core.V) };
}

function wanted(does: Instruction, left: number, right: number, flags: string): Outcome {
  const { result, carry, overflow } = does(BigInt(left), BigInt(right), flags.includes("C"));
  const isOverflow = overflow ?? flags.includes("V");
  return { result: Number(result), flags: flagsOf(bit(result, 31n), result === 0n, carry, isOverflow) };
}

/** Cases in which `mcu` does other than it should. */
function differences(mcu: RP2040, { opcode, rights, does }: (typeof INSTRUCTIONS)[string]): string[] {
  const cases = VALUES.flatMap((left) =>
    rights.flatMap((right) => ["", "C", "V", "CV"].map((flags) => ({ left, right, flags }))),
  );
  return cases.flatMap(({ left, right, flags }) => {
    const found = execute(mcu, opcode, left, right, flags);
    const should = wanted(does, left, right, flags);
    const isSame = found.result === should.result && found.flags === should.flags;
    return isSame
      ? []
      : [`${left} ${right} ${flags}: ${JSON.stringify(found)}, not ${JSON.stringify(should)}`];
  });
}

describe.each(Object.entries(INSTRUCTIONS))("%s", (_name, instruction) => {
  test("does what the architecture says", () => {
    const mcu = new RP2040();
    correctFlags(mcu.core);
    expect(differences(mcu, instruction)).toEqual([]);
  });

  test("does not in rp2040js: else the correction can go", () => {
    expect(differences(new RP2040(), instruction).length).toBeGreaterThan(0);
  });
});
