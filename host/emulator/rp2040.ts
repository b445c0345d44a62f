// An RP2040 with an Ethernet chip on SPI0, as on a W5500-EVB-Pico, in this process: rp2040js executes the image, a model of
// host/chips is the chip.

import { existsSync, readFileSync } from "node:fs";
import { GPIOPinState, type RP2040 } from "rp2040js";
import { Advice } from "../advice.js";
import type { ChipClock, SpiChip } from "../chips/chip.js";
import type { Link } from "../link/link.js";
import type { BoardExit, BoardOptions, EmulatedBoard } from "./emulator.js";
import { BoardClock, type Processor } from "./rp2040_clock.js";
import { ElfSymbols } from "./rp2040_elf.js";
import { bootRom, createMcu, Fault, hex, isInterruptPending, RAM_BASE, takeHardFault } from "./rp2040_mcu.js";

export interface Rp2040Options<Chip extends SpiChip = SpiChip> extends BoardOptions {
  /** Makes the chip, which is to keep to the board's time. */
  readonly chip: (clock: ChipClock) => Chip;
  /** Of the board, when it was needed before; for "virtual" time. */
  readonly clock?: BoardClock;
  /** Makes the board's random numbers the same in each run: 1 or more, 32 bits. Default: this machine's. */
  readonly seed?: number;
  /** The ring oscillator's state each time that it is read, in place of random bits. */
  readonly randomBit?: () => number;
  /** The image as ELF. Default: beside the image, with the end ".elf". */
  readonly elf?: string;
}

/** The board's pins: boards/rp2040/pins.h. */
const PIN = { uartTx: 0, uartRx: 1, miso: 16, select: 17, clock: 18, mosi: 19, reset: 20, interrupt: 21 };

/** Functions of a pin: RP2040 datasheet, section 2.19.2. */
const FUNCTION_SPI = 1;
const FUNCTION_UART = 2;

const BAUD = 115200;

/** Instructions that are executed without a look at anything else. */
const SLICE = 20_000;

/** Instructions that the firmware may execute after a fault, to say so. */
const LAST_WORDS = 1_000_000;

/** The breakpoint, and the operation in r0, by which a program ends: Arm's semihosting, SYS_EXIT_EXTENDED. */
const SEMIHOSTING = 0xab;
const SYS_EXIT_EXTENDED = 0x20;

/** First octet of UDF: Armv6-M, section A6.7.72. */
const UNDEFINED_INSTRUCTION = 0xde;

/** What start-up code fills the stack with: boards/apps/board.h. */
const STACK_PAINT = 0xdeadbeef;

/** Longest wait for the wall's clock, in milliseconds. */
const LONGEST_WAIT_MS = 1000;

/** How much of the board's time is made up for in one go, in nanoseconds; then the process has its turn. */
const TURN_NS = 2e6;

const NS_PER_MS = 1e6;

/** Switches a board on. Throws Advice for what it cannot do. */
export async function runRp2040<Chip extends SpiChip>(
  options: Rp2040Options<Chip>,
): Promise<Rp2040Board<Chip>> {
  const { network, time, clock, image } = options;
  if (network.kind !== "link")
    throw new Advice(
      `the RP2040's chip is in this process: give it a link of the host (network.kind "link"), not ${network.kind}; ` +
        `for a TAP interface that is the link of host/link/tap.ts`,
    );
  if (time === "real" && clock)
    throw new Advice('a clock of one\'s own is for "virtual" time: "real" time is the wall\'s');
  if (!existsSync(image)) throw new Advice(`there is no image ${image}: build the firmware`);
  return new Rp2040Board(options, network.link);
}

export class Rp2040Board<Chip extends SpiChip = SpiChip> implements EmulatedBoard {
  /** Milliseconds since the board was switched on. With "virtual" time they pass by its methods only. */
  readonly clock: BoardClock;
  readonly ended: Promise<BoardExit>;
  readonly chip: Chip;
  readonly mcu: RP2040;
  readonly #cpu: Cpu;
  readonly #elf: ElfSymbols | undefined;
  readonly #console: Console;
  readonly #pacer: Pacer | undefined;
  #exit: BoardExit | undefined;
  #resolveEnded: (exit: BoardExit) => void = () => {};

  /** See `runRp2040`. */
  constructor(options: Rp2040Options<Chip>, link: Link) {
    this.clock = options.clock ?? new BoardClock();
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    const elf = options.elf ?? options.image.replace(/\.bin$/, ".elf");
    this.#elf = options.elf || existsSync(elf) ? new ElfSymbols(elf) : undefined;
    this.mcu = createMcu(
      readFileSync(options.image),
      this.clock,
      options.randomBit ?? randomBits(options.seed),
    );
    this.#console = new Console(this.mcu, options.onConsole);
    this.chip = options.chip(this.clock);
    connectChip(this.mcu, this.chip, this.clock);
    this.#cpu = new Cpu(this.mcu, this.clock, (exit) => this.#end(exit), this.#elf);
    this.clock.drive(this.#cpu);
    this.#pacer = options.time === "real" ? new Pacer(this.clock, link) : undefined;
    this.chip.attach(this.#pacer?.link ?? link);
    const problem = bootRom(this.mcu);
    if (problem) this.#cpu.end({ status: null, reason: problem });
    else this.#pacer?.start();
  }

  /** How it ended, if it has. */
  get exit(): BoardExit | undefined {
    return this.#exit;
  }

  instructions(): number {
    return this.#cpu.instructions;
  }

  awakeNs(): number {
    return this.clock.nanos - this.clock.idleNs;
  }

  async setCable(plugged: boolean): Promise<void> {
    this.chip.setCable(plugged);
  }

  /**
   * With "virtual" time: goes on until `done()`, for at most `ms` milliseconds of the board's; returns whether it was done.
   * Throws when the board ends meanwhile.
   */
  async runUntil(done: () => boolean, ms: number): Promise<boolean> {
    const isDone = await this.clock.settleUntil(() => done() || this.#exit !== undefined, ms);
    if (!done() && this.#exit) throw new Error(`the board has ended: ${this.#exit.reason}`);
    return isDone;
  }

  /** Deepest that the stack has been, in bytes. Needs the image as ELF. */
  stackBytes(): number {
    const end = this.symbol("__stack_end");
    const { sramView } = this.mcu;
    for (let at = this.symbol("__stack_low"); at < end; at += 4)
      if (sramView.getUint32(at - RAM_BASE, true) !== STACK_PAINT) return end - at;
    return 0;
  }

  /** What RAM is given to, in bytes: the stack, static data, and the rest, which is the program's. Needs the ELF. */
  ram(): { stack: number; data: number; program: number } {
    return {
      stack: this.symbol("__stack_end") - this.symbol("__stack_low"),
      data: this.symbol("__bss_end") - this.symbol("__data_start"),
      program: this.symbol("__ram_end") - this.symbol("__bss_end"),
    };
  }

  /** The address of a symbol of the firmware. Needs the image as ELF. */
  symbol(name: string): number {
    if (!this.#elf) throw new Advice("the firmware's symbols are in its ELF file: give its path as `elf`");
    return this.#elf.address(name);
  }

  async stop(): Promise<BoardExit> {
    this.#cpu.end({ status: null, reason: "stopped" });
    return this.ended;
  }

  #end(exit: BoardExit): void {
    this.#exit = exit;
    this.#pacer?.stop();
    this.#console.flush();
    this.#resolveEnded(exit);
  }
}

/** Executes the image, until it ends. */
class Cpu implements Processor {
  instructions = 0;
  #hasEnded = false;
  /** Of a fault that the firmware may say a last word about. */
  #faultReason = "";
  #faultedAt = 0;
  readonly #mcu: RP2040;
  readonly #clock: BoardClock;
  readonly #onEnd: (exit: BoardExit) => void;
  readonly #elf: ElfSymbols | undefined;

  constructor(mcu: RP2040, clock: BoardClock, onEnd: (exit: BoardExit) => void, elf: ElfSymbols | undefined) {
    this.#mcu = mcu;
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#elf = elf;
    mcu.onBreak = (code) => this.#break(code);
  }

  get isIdle(): boolean {
    return this.#hasEnded || this.#mcu.core.waiting;
  }

  get cycles(): number {
    return this.#mcu.core.cycles;
  }

  run(): void {
    const { core } = this.#mcu;
    const clock = this.#clock;
    let count = 0;
    try {
      do {
        core.executeInstruction();
        count++;
      } while (core.cycles < clock.limitCycles && !core.waiting && count < SLICE);
    } catch (error) {
      this.fail(error);
    }
    this.instructions += count;
    if (core.waiting && isInterruptPending(this.#mcu)) {
      core.waiting = false;
      core.interruptsUpdated = true;
    }
    if (this.#faultReason && this.instructions > this.#faultedAt + LAST_WORDS)
      this.end({ status: null, reason: this.#faultReason });
  }

  /** What a fault is on silicon is one here; anything else ends the board at once: the firmware's or the model's bug. */
  fail(error: unknown): void {
    const { core } = this.#mcu;
    const { name, message } = error as Error;
    const isFetch = error instanceof Fault && error.address === core.PC;
    const pc = isFetch ? core.PC : core.PC - 2;
    const where = this.#elf?.describe(pc);
    const what = error instanceof Fault ? "fault" : name;
    const reason = this.#faultReason || `${what} at ${hex(pc)}${where ? ` (${where})` : ""}: ${message}`;
    if (!(error instanceof Fault) || !takeHardFault(this.#mcu, pc)) {
      this.end({ status: null, reason });
      return;
    }
    this.#faultReason = reason;
    this.#faultedAt = this.instructions;
  }

  end(exit: BoardExit): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#clock.limitCycles = 0;
    this.#onEnd(exit);
  }

  #break(code: number): void {
    const { core, sramView } = this.#mcu;
    const [operation = 0, argument = 0] = core.registers;
    // rp2040js calls the undefined instruction a breakpoint, too.
    if (core.readUint16(core.PC - 2) >>> 8 === UNDEFINED_INSTRUCTION)
      throw new Fault("undefined instruction");
    const isExit = code === SEMIHOSTING && operation === SYS_EXIT_EXTENDED;
    if (this.#faultReason) this.end({ status: null, reason: this.#faultReason });
    else if (!isExit) this.end({ status: null, reason: `breakpoint ${code} at ${hex(core.PC - 2)}` });
    else this.end({ status: sramView.getInt32(argument + 4 - RAM_BASE, true), reason: "the firmware ended" });
  }
}

/** Wires the chip to its pins. */
function connectChip(mcu: RP2040, chip: SpiChip, clock: BoardClock): void {
  const [spi] = mcu.spi;
  const pin = (number: number) => mcu.gpio[number] as (typeof mcu.gpio)[number];
  if (!spi) throw new Error("rp2040js has no SPI0");
  let answer = 0;
  let octetNs = 0;
  const transferred = clock.createAlarm(() => spi.completeTransmit(answer));
  spi.onTransmit = (octet) => {
    answer = chip.transfer(octet);
    transferred.schedule(octetNs);
  };
  pin(PIN.select).addListener((state) => {
    const isActive = state === GPIOPinState.Low;
    if (isActive) octetNs = checkedOctetNs(mcu);
    chip.select(isActive);
  });
  pin(PIN.reset).addListener((state) => chip.reset(state === GPIOPinState.Low));
  chip.onInterrupt = () => pin(PIN.interrupt).setInputValue(!chip.interrupt);
  pin(PIN.interrupt).setInputValue(!chip.interrupt);
}

/** Nanoseconds of an octet on SPI0, which must be set up as the chip needs it. */
function checkedOctetNs({ spi, gpio }: RP2040): number {
  const [bus] = spi;
  if (!bus?.enabled || bus.dataBits !== 8 || bus.spiMode !== 0 || bus.clockFrequency === 0)
    throw new Fault("the chip is selected, and SPI0 is not set up: 8 bits, mode 0, a clock");
  for (const number of [PIN.miso, PIN.clock, PIN.mosi])
    if (gpio[number]?.functionSelect !== FUNCTION_SPI)
      throw new Fault(`the chip is selected, and pin ${number} is not SPI0's`);
  return (8 * 1e9) / bus.clockFrequency;
}

/** What the firmware writes to UART0, by lines. */
class Console {
  #line = "";
  readonly #hear: (text: string) => void;

  constructor({ uart, gpio }: RP2040, hear: (text: string) => void = () => {}) {
    this.#hear = hear;
    const [port] = uart;
    if (!port) throw new Error("rp2040js has no UART0");
    port.onByte = (octet) => {
      const isRight =
        port.enabled &&
        Math.abs(port.baudRate / BAUD - 1) < 0.02 &&
        gpio[PIN.uartTx]?.functionSelect === FUNCTION_UART;
      if (!isRight) throw new Fault(`UART0 is not set up: ${BAUD} baud on pin ${PIN.uartTx}`);
      this.#line += String.fromCharCode(octet);
      if (octet === 0x0a) this.flush();
    };
  }

  flush(): void {
    if (this.#line !== "") this.#hear(this.#line);
    this.#line = "";
  }
}

/** Keeps the board's clock to the wall's: behind it while this machine is too slow, never ahead. */
class Pacer {
  /** The link as the chip gets it: what arrives is given to it at the wall's time. */
  readonly link: Link;
  readonly #clock: BoardClock;
  #startMs = 0;
  #hasArrived = false;
  #isStopped = false;
  #wake: () => void = () => {};

  constructor(clock: BoardClock, link: Link) {
    this.#clock = clock;
    this.link = {
      get hasRoom() {
        return link.hasRoom;
      },
      send: (frame) => link.send(frame),
      receive: () => link.receive(),
      onReady: () => {},
    };
    link.onReady = () => {
      this.#hasArrived = true;
      this.#wake();
    };
    clock.onSooner = () => this.#wake();
  }

  start(): void {
    this.#startMs = performance.now() - this.#clock.now();
    void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const wallNs = (performance.now() - this.#startMs) * NS_PER_MS;
      const turnNs = Math.min(wallNs, this.#clock.nanos + TURN_NS);
      while (!this.#isStopped && this.#clock.nanos < (this.#clock.isIdle ? wallNs : turnNs))
        this.#clock.step(this.#clock.isIdle ? wallNs : turnNs);
      if (this.#hasArrived) {
        this.#hasArrived = false;
        this.link.onReady();
      }
      await this.#rest(wallNs);
    }
  }

  /** Until something is due, if it is not yet. */
  #rest(wallNs: number): Promise<void> {
    const ms = this.#clock.isIdle && !this.#hasArrived ? (this.#clock.nextNs - wallNs) / NS_PER_MS : 0;
    return new Promise((resolve) => {
      if (ms <= 0) {
        setImmediate(resolve);
        return;
      }
      const timer = setTimeout(resolve, Math.min(ms, LONGEST_WAIT_MS));
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = () => {};
        resolve();
      };
    });
  }
}

/** Bits at random: xorshift32 from `seed`, or this machine's. */
function randomBits(seed: number | undefined): () => number {
  const random = new Uint32Array(1);
  let state = seed ?? crypto.getRandomValues(random)[0] ?? 1;
  if (state === 0) state = 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 1;
  };
}
