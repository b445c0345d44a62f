// The RP2040 of rp2040js, made to take what the silicon takes and nothing else: the boot ROM's part, memory that faults,
// resets, the ring oscillator, the timer's tick, and waiting for an interrupt as the architecture has it.

import { BasePeripheral, type Peripheral, RP2040 } from "rp2040js";
import { correctFlags } from "./rp2040_alu.js";
import { BOOT2_BYTES, boot2Problem } from "./rp2040_boot2.js";
import type { BoardClock } from "./rp2040_clock.js";

/** What the processor cannot do: on silicon a hard fault. */
export class Fault extends Error {
  override name = "Fault";

  /** `address`: what was accessed, if that was the fault. */
  constructor(
    message: string,
    readonly address?: number,
  ) {
    super(message);
  }
}

/** Where things are: RP2040 datasheet, section 2.2. */
export const FLASH_BASE = 0x10000000;
export const RAM_BASE = 0x20000000;
export const RAM_BYTES = 264 * 1024;
const FLASH_BYTES = 2 * 1024 * 1024;

/** Where the boot ROM copies the second stage to: section 2.8.1.3. */
const BOOT2_ADDRESS = 0x20041f00;

/** Exception number of a hard fault, and of the first interrupt: Armv6-M, section B1.5.2. */
const HARD_FAULT = 3;

/** Keys of rp2040js's table of peripherals. */
const SSI = 0x18000;
const RESETS = 0x4000c;
const TIMER = 0x40054;
const WATCHDOG = 0x40058;
const ROSC = 0x40060;

/** Bits of RESETS: section 2.14.3. */
const RESET_BITS: Readonly<Record<number, number>> = {
  262220: 0, // ADC
  262192: 1, // BUSCTRL
  327680: 2, // DMA
  262212: 3, // I2C0
  262216: 4, // I2C1
  262164: 5, // IO_BANK0
  262168: 6, // IO_QSPI
  262172: 8, // PADS_BANK0
  262176: 9, // PADS_QSPI
  328192: 10, // PIO0
  328448: 11, // PIO1
  262184: 12, // PLL_SYS
  262188: 13, // PLL_USB
  262224: 14, // PWM
  262236: 15, // RTC
  262204: 16, // SPI0
  262208: 17, // SPI1
  262148: 18, // SYSCFG
  262144: 19, // SYSINFO
  262252: 20, // TBMAN
  262228: 21, // TIMER
  262196: 22, // UART0
  262200: 23, // UART1
  327952: 24, // USBCTRL
};
/** Registers of the timer: section 4.6.5. */
const TIMER_ALARM0 = 0x10;
const TIMER_ALARM3 = 0x1c;
const ALL_RESETS = 0x01ffffff;
/** IO_QSPI and PADS_QSPI. */
const FLASH_RESETS = (1 << 6) | (1 << 9);

/** A microcontroller with `image` in its flash, about to execute the second stage of its boot. */
export function createMcu(image: Uint8Array, clock: BoardClock, randomBit: () => number): RP2040 {
  if (image.length > FLASH_BYTES) throw new RangeError(`the image has ${image.length} bytes, flash 2 MB`);
  const mcu = new RP2040(clock);
  mcu.logger = {
    debug() {},
    info() {},
    warn: (_, message) => fault(message),
    error: (_, message) => fault(message),
  };
  mcu.flash.set(image);
  const resets = new Resets(mcu, "RESETS");
  const watchdog = new WatchdogTick(mcu, "WATCHDOG");
  const timer = mcu.peripherals[TIMER] as Peripheral;
  mcu.peripherals[RESETS] = resets;
  mcu.peripherals[WATCHDOG] = watchdog;
  mcu.peripherals[TIMER] = tickedTimer(timer, watchdog, mcu);
  mcu.peripherals[ROSC] = new RingOscillator(mcu, "ROSC", randomBit);
  mcu.peripherals[SSI] = new Ssi(mcu, "SSI");
  mcu.findPeripheral = (address) => {
    const key = (address >>> 14) << 2;
    const bit = RESET_BITS[key];
    if (bit !== undefined && (resets.held >>> bit) & 1)
      fault(`access to ${hex(address)}, whose subsystem is held in reset`);
    return mcu.peripherals[key] as Peripheral;
  };
  mcu.addClockListener((hz) => clock.setCycleNs(1e9 / hz));
  guardMemory(mcu);
  waitForInterrupts(mcu);
  correctFlags(mcu.core);
  return mcu;
}

/** Does what the boot ROM does with the second stage; returns why it would not, in words. */
export function bootRom(mcu: RP2040): string {
  const boot2 = mcu.flash.subarray(0, BOOT2_BYTES);
  const problem = boot2Problem(boot2);
  if (problem) return problem;
  mcu.sram.set(boot2, BOOT2_ADDRESS - RAM_BASE);
  mcu.core.SP = BOOT2_ADDRESS;
  mcu.core.LR = 0;
  mcu.core.PC = BOOT2_ADDRESS;
  return "";
}

/** Lets the processor take a hard fault at `pc`; false when it is in one already, and stops for good. */
export function takeHardFault(mcu: RP2040, pc: number): boolean {
  const { core } = mcu;
  if (core.IPSR === HARD_FAULT) return false;
  core.PC = pc;
  try {
    core.exceptionEntry(HARD_FAULT);
  } catch (error) {
    if (error instanceof Fault) return false;
    throw error;
  }
  core.waiting = false;
  return true;
}

/** An address as "0x10000100". */
export function hex(address: number): string {
  return `0x${(address >>> 0).toString(16).padStart(8, "0")}`;
}

function fault(message: string, address?: number): never {
  throw new Fault(message, address);
}

/**
 * rp2040js answers any access. Here only RAM, the flash that is there (for reading), peripherals and the processor's own
 * registers answer, each at addresses that its width divides: what else a program touches is its fault.
 */
function guardMemory(mcu: RP2040): void {
  const { core } = mcu;
  const ram8 = mcu.sram;
  const ram16 = new Uint16Array(ram8.buffer);
  const ram32 = new Uint32Array(ram8.buffer);
  const flash8 = mcu.flash;
  const flash16 = mcu.flash16;
  const flash32 = new Uint32Array(flash8.buffer);
  core.readUint32 = (address) => {
    const at = address >>> 0;
    if (at & 3) fault(`unaligned read of a word at ${hex(at)}`, at);
    if ((at - RAM_BASE) >>> 0 < RAM_BYTES) return ram32[(at - RAM_BASE) >>> 2] as number;
    if ((at - FLASH_BASE) >>> 0 < FLASH_BYTES) return flash32[(at - FLASH_BASE) >>> 2] as number;
    return mcu.readUint32(device(at, "read"));
  };
  core.readUint16 = (address) => {
    const at = address >>> 0;
    if (at & 1) fault(`unaligned read of a halfword at ${hex(at)}`, at);
    if ((at - FLASH_BASE) >>> 0 < FLASH_BYTES) return flash16[(at - FLASH_BASE) >>> 1] as number;
    if ((at - RAM_BASE) >>> 0 < RAM_BYTES) return ram16[(at - RAM_BASE) >>> 1] as number;
    return mcu.readUint16(device(at, "read"));
  };
  core.readUint8 = (address) => {
    const at = address >>> 0;
    if ((at - RAM_BASE) >>> 0 < RAM_BYTES) return ram8[at - RAM_BASE] as number;
    if ((at - FLASH_BASE) >>> 0 < FLASH_BYTES) return flash8[at - FLASH_BASE] as number;
    return mcu.readUint8(device(at, "read"));
  };
  core.writeUint32 = (address, value) => {
    const at = address >>> 0;
    if (at & 3) fault(`unaligned write of a word at ${hex(at)}`, at);
    if ((at - RAM_BASE) >>> 0 < RAM_BYTES) ram32[(at - RAM_BASE) >>> 2] = value;
    else mcu.writeUint32(device(at, "write"), value);
  };
  core.writeUint16 = (address, value) => {
    const at = address >>> 0;
    if (at & 1) fault(`unaligned write of a halfword at ${hex(at)}`, at);
    if ((at - RAM_BASE) >>> 0 < RAM_BYTES) ram16[(at - RAM_BASE) >>> 1] = value;
    else mcu.writeUint16(device(at, "write"), value);
  };
  core.writeUint8 = (address, value) => {
    const at = address >>> 0;
    if ((at - RAM_BASE) >>> 0 < RAM_BYTES) ram8[at - RAM_BASE] = value;
    else mcu.writeUint8(device(at, "write"), value);
  };
}

/** `at`, if something can be there: SSI, peripherals, SIO, the processor's own registers. */
function device(at: number, what: string): number {
  const top = at >>> 24;
  if (top === 0x18 || top === 0x40 || top === 0x50 || top === 0xd0 || at >>> 12 === 0xe000e) return at;
  return fault(`${what} at ${hex(at)}, where nothing is`, at);
}

/**
 * rp2040js takes an interrupt that ends WFI even while PRIMASK masks it, and sleeps through one that was pending before.
 * Armv6-M (section B1.5.17): a pending interrupt that is enabled ends WFI, and PRIMASK says whether it is taken.
 */
function waitForInterrupts(mcu: RP2040): void {
  const { core } = mcu;
  const take = core.checkForInterrupts.bind(core);
  core.checkForInterrupts = () => {
    if (!core.waiting) return take();
    if (!isInterruptPending(mcu)) return false;
    core.waiting = false;
    take();
    return true;
  };
}

/** Whether something ends WFI. */
export function isInterruptPending({ core }: RP2040): boolean {
  return (
    (core.pendingInterrupts & core.enabledInterrupts) !== 0 ||
    core.pendingSystick ||
    core.pendingPendSV ||
    core.pendingNMI
  );
}

/** Section 2.14: subsystems that are held in reset answer nothing. rp2040js knows of none. */
class Resets extends BasePeripheral {
  /** The boot ROM lets go what flash needs. */
  held = ALL_RESETS & ~FLASH_RESETS;

  override readUint32(offset: number): number {
    if (offset === 0x0) return this.held;
    if (offset === 0x8) return ~this.held & ALL_RESETS;
    return super.readUint32(offset);
  }

  override writeUint32(offset: number, value: number): void {
    if (offset === 0x0) this.held = value & ALL_RESETS;
    else super.writeUint32(offset, value);
  }
}

/** Section 4.7.2: the timer's microseconds are so many turns of clk_ref. */
class WatchdogTick extends BasePeripheral {
  /** Turns of clk_ref to a tick; 0 while there are none. */
  turns = 0;

  override readUint32(offset: number): number {
    if (offset === 0x2c) return this.turns ? this.turns | (3 << 9) : 0;
    return super.readUint32(offset);
  }

  override writeUint32(offset: number, value: number): void {
    if (offset === 0x2c) this.turns = value & (1 << 9) ? value & 0x1ff : 0;
    else super.writeUint32(offset, value);
  }
}

/** rp2040js's timer counts in any case; the silicon's only with a tick of a microsecond. */
function tickedTimer(timer: Peripheral, tick: WatchdogTick, mcu: RP2040): Peripheral {
  const check = () => {
    if (tick.turns * 1e6 !== mcu.clocks.refFreq)
      fault("the timer's tick is not a microsecond: WATCHDOG_TICK");
  };
  return {
    readUint32(offset) {
      check();
      return timer.readUint32(offset);
    },
    writeUint32(offset, value) {
      timer.writeUint32(offset, value);
    },
    writeUint32Atomic(offset, value, kind) {
      check();
      // rp2040js takes the time until an alarm in whole microseconds from now, and would be early by what is left of this one.
      const isLate = offset >= TIMER_ALARM0 && offset <= TIMER_ALARM3 && mcu.clock.nanos % 1000 > 0;
      timer.writeUint32Atomic(offset, isLate ? (value + 1) >>> 0 : value, kind);
    },
  };
}

/** Section 2.17: what is read of it is its state, at random. */
class RingOscillator extends BasePeripheral {
  readonly #randomBit: () => number;

  constructor(mcu: RP2040, name: string, randomBit: () => number) {
    super(mcu, name);
    this.#randomBit = randomBit;
  }

  override readUint32(offset: number): number {
    return offset === 0x1c ? this.#randomBit() : super.readUint32(offset);
  }
}

/**
 * Section 4.10.13: the interface to flash takes its settings while it is off. Nothing comes of them here, but they must be
 * such that flash can be read: the plain way, one line, whatever flash it is.
 */
class Ssi extends BasePeripheral {
  #isOn = true;
  readonly #settings = new Map<number, number>();

  override writeUint32(offset: number, value: number): void {
    if (offset !== 0x08) {
      if (![...SSI_SETTINGS.keys(), SSI_BAUDR].includes(offset)) super.writeUint32(offset, value);
      if (this.#isOn) fault(`write to the SSI's register ${hex(offset)} while it is on`);
      this.#settings.set(offset, value);
      return;
    }
    this.#isOn = value === 1;
    const divisor = this.#settings.get(SSI_BAUDR) ?? 0;
    const isRight = [...SSI_SETTINGS].every(([register, wanted]) => this.#settings.get(register) === wanted);
    if (this.#isOn && !(isRight && divisor >= 2 && divisor % 2 === 0))
      fault("the SSI is set up for no flash");
  }
}

const SSI_BAUDR = 0x14;

/** CTRLR0: EEPROM read, 32 bits. CTRLR1: one frame. SPI_CTRLR0: command 03h of 8 bits, 24 of address, one line. */
const SSI_SETTINGS = new Map([
  [0x00, (31 << 16) | (3 << 8)],
  [0x04, 0],
  [0xf4, (0x03 << 24) | (2 << 8) | (6 << 2)],
]);
