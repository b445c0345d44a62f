// Six instructions whose flags rp2040js 1.4.1 gets wrong at the edges: adding and subtracting with carry overflow where they
// do not, and shifts by a register change the carry by 0 and by more than 32. Compilers make 64-bit arithmetic of them.
// Here they are as Armv6-M has them, sections A2.2.1 and A6.7; all others stay rp2040js's.

import type { RP2040 } from "rp2040js";

type Core = RP2040["core"];

/** From LSLS to RORS by a register, ADCS and SBCS between them: 0100 0000 10 to 0100 0001 11. */
const FIRST = 0x4080;
const COUNT = 0x180;

/** Takes those instructions over. */
export function correctFlags(core: Core): void {
  const others = core.executeInstruction.bind(core);
  core.executeInstruction = () => {
    // An interrupt may come first.
    if (core.interruptsUpdated) return others();
    // Exceptions leave the address of their handler as it is in the vector table: odd.
    const pc = core.PC & ~1;
    const opcode = core.readUint16(pc);
    if ((opcode - FIRST) >>> 0 >= COUNT) return others();
    core.PC = pc + 2;
    core.cycles++;
    execute(core, opcode);
    return 1;
  };
}

function execute(core: Core, opcode: number): void {
  const { registers } = core;
  const target = opcode & 7;
  const left = registers[target] as number;
  const right = registers[(opcode >> 3) & 7] as number;
  let result: number;
  switch ((opcode >> 6) & 7) {
    case 0b101:
      result = addWithCarry(core, left, right);
      break;
    case 0b110:
      result = addWithCarry(core, left, ~right >>> 0);
      break;
    default:
      result = shift(core, (opcode >> 6) & 7, left, right & 0xff);
  }
  registers[target] = result;
  core.N = result >>> 31 === 1;
  core.Z = result === 0;
}

function addWithCarry(core: Core, left: number, right: number): number {
  const sum = left + right + (core.C ? 1 : 0);
  const result = sum >>> 0;
  core.C = sum > 0xffffffff;
  core.V = ((left ^ result) & (right ^ result)) < 0;
  return result;
}

/** `by`: 0 to 255. */
function shift(core: Core, kind: number, value: number, by: number): number {
  if (by === 0) return value;
  switch (kind) {
    case 0b010: // LSLS
      core.C = by <= 32 && ((value >>> (32 - by)) & 1) === 1;
      return by < 32 ? (value << by) >>> 0 : 0;
    case 0b011: // LSRS
      core.C = by <= 32 && ((value >>> (by - 1)) & 1) === 1;
      return by < 32 ? value >>> by : 0;
    case 0b100: // ASRS
      core.C = ((value >> Math.min(by - 1, 31)) & 1) === 1;
      return (value >> Math.min(by, 31)) >>> 0;
    default: {
      // RORS
      const result = ((value >>> (by & 31)) | (value << ((32 - by) & 31))) >>> 0;
      core.C = result >>> 31 === 1;
      return result;
    }
  }
}
