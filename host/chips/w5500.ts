// A model of WIZnet's W5500 with socket 0 in MACRAW mode: datasheet version 1.0.9. Where the datasheet is silent and
// silicon is known, the comment says so.

import type { ChipOptions } from "./chip.js";
import { type Acceptance, ChipModel, MIN_FRAME_OCTETS } from "./model.js";
import {
  Block,
  COMMON_MAP,
  Command,
  Common,
  Control,
  FIXED_LENGTHS,
  IR_RESERVED,
  Mode,
  Phy,
  PhyMode,
  type RegisterMap,
  SOCKET_MAP,
  Socket,
  SocketInterrupt,
  SocketMode,
  Status,
} from "./w5500_registers.js";

const SOCKETS = 8;
const KILOBYTE = 1024;
/** All receive buffers together, and all transmit buffers: section 3.3. */
const MEMORY_OCTETS = 16 * KILOBYTE;
const BUFFER_SIZES: readonly number[] = [0, 1, 2, 4, 8, 16];
/** Longest frame in MACRAW mode: Sn_MSSR in section 4.2. */
const MAX_FRAME_OCTETS = 1514;
/** The length before each received frame counts itself. */
const PREFIX_OCTETS = 2;

/** Reset cycle and PLL lock: section 5.5.1. */
const RESET_NS = 500_000;
const PLL_LOCK_NS = 1_000_000;
/** Until Sn_CR reads 0. The datasheet has no figure; a driver has to look. */
const COMMAND_NS = 1_000;
/** INTLEVEL counts in fours of the PLL's 150 MHz: section 4.1. */
const INTLEVEL_UNIT_NS = (4 * 1e9) / 150e6;
/** Until the link is up. The datasheet has no figure; these are what 802.3 auto-negotiation and its absence take. */
const AUTO_NEGOTIATION_NS = 1_500_000_000;
const FIXED_LINK_NS = 350_000_000;

const RATE_100 = 100e6;
const RATE_10 = 10e6;

const ETHERTYPE_OFFSET = 12;
const ETHERTYPE_IPV6 = 0x86dd;

interface SocketState {
  readonly registers: Uint8Array;
  /** Sn_RX_RD as the RECV command found it. */
  rxRead: number;
  rxWrite: number;
  txRead: number;
  /** When Sn_CR reads 0 again. */
  commandUntilNs: number;
}

export class W5500 extends ChipModel {
  /** Fault: what VERSIONR reads; 0x04 in a sound chip. */
  version = COMMON_MAP.initial[Common.VERSIONR] as number;

  readonly #common = new Uint8Array(Common.END);
  readonly #sockets: SocketState[] = Array.from({ length: SOCKETS }, () => ({
    registers: new Uint8Array(Socket.END),
    rxRead: 0,
    rxWrite: 0,
    txRead: 0,
    commandUntilNs: 0,
  }));
  readonly #rxMemory = new Uint8Array(MEMORY_OCTETS);
  readonly #txMemory = new Uint8Array(MEMORY_OCTETS);
  /** The mode that the PHY took at its last reset. */
  #phyMode: number = PhyMode.ALL;
  /** Octets of the SPI frame so far: address, control, then data. */
  #phase = 0;
  #address = 0;
  #control = 0;
  #dataOctets = 0;
  /** INTn stays inactive until this is over: INTLEVEL. */
  #interruptHold: { cancel(): void } | undefined;
  /** A SEND waits for the link. */
  #stalled = false;
  #bogusLengths: number[] = [];
  #sendoksToLose = 0;
  #timeoutsToCome = 0;

  constructor(options: ChipOptions) {
    super(options);
    this.clear();
    this.negotiate();
  }

  /** Fault: the length before the next received frame is `length` (0 to 65535), whatever the frame's own. Several wait
   * in turn. */
  bogusLength(length: number): void {
    this.#bogusLengths.push(length & 0xffff);
  }

  /** Fault: the next `count` frames go out, and SENDOK does not come. */
  loseSendok(count = 1): void {
    this.#sendoksToLose += count;
  }

  /** Fault: the next `count` SEND commands end with TIMEOUT, and nothing goes out. */
  timeOut(count = 1): void {
    this.#timeoutsToCome += count;
  }

  protected startNs(): number {
    return PLL_LOCK_NS;
  }

  protected minResetNs(): number {
    return RESET_NS;
  }

  protected clear(): void {
    this.#clearRegisters();
    this.#phyMode = PhyMode.ALL;
  }

  protected begin(): void {
    this.#phase = 0;
  }

  protected shift(octet: number): number {
    switch (this.#phase) {
      case 0:
        this.#address = octet << 8;
        return this.#phase++ + 1;
      case 1:
        this.#address |= octet;
        return this.#phase++ + 1;
      case 2:
        this.#takeControl(octet);
        // Silicon answers 01h 02h 03h meanwhile; the datasheet says nothing.
        return this.#phase++ + 1;
      default:
        return this.#exchange(octet);
    }
  }

  protected end(): void {
    const fixed = FIXED_LENGTHS[this.#control & Control.LENGTH_MASK] as number;
    if (this.#phase === 1 || this.#phase === 2) this.undefinedAccess("SPI frame ends within its address");
    if (this.#phase === 3 && (fixed > 0 || this.#dataOctets === 0))
      this.undefinedAccess(`SPI frame of ${fixed || "1 or more"} data octets ends after ${this.#dataOctets}`);
  }

  protected accept(frame: Uint8Array): Acceptance {
    const socket = this.#socket(0);
    if (socket.registers[Socket.SR] !== Status.MACRAW || frame.length > MAX_FRAME_OCTETS) return "refused";
    if (!this.#passes(frame, socket.registers[Socket.MR] as number)) return "refused";
    const octets = PREFIX_OCTETS + frame.length;
    if (this.#receivedSize(socket) + octets > this.#sizeOf(0, Socket.RXBUF_SIZE)) return "no room";
    const length = this.#bogusLengths.shift() ?? octets;
    this.#store(socket, [length >> 8, length & 0xff]);
    this.#store(socket, frame);
    this.#raise(0, SocketInterrupt.RECV);
    return "taken";
  }

  /** In MACRAW mode the chip tells nobody. */
  protected overflowed(): void {}

  protected lineRate(): number {
    return this.#phyMode === PhyMode.HALF_10 || this.#phyMode === PhyMode.FULL_10 ? RATE_10 : RATE_100;
  }

  protected negotiationNs(): number | undefined {
    if (!((this.#common[Common.PHYCFGR] as number) & Phy.RST)) return undefined;
    if (this.#phyMode === PhyMode.POWER_DOWN) return undefined;
    return this.#phyMode >= PhyMode.AUTO_HALF_100 ? AUTO_NEGOTIATION_NS : FIXED_LINK_NS;
  }

  protected linkChanged(): void {
    if (!this.linkUp || !this.#stalled) return;
    this.#stalled = false;
    this.#transmitNow();
  }

  #socket(n: number): SocketState {
    return this.#sockets[n] as SocketState;
  }

  #clearRegisters(): void {
    this.#common.set(COMMON_MAP.initial);
    for (const socket of this.#sockets) {
      socket.registers.set(SOCKET_MAP.initial);
      Object.assign(socket, { rxRead: 0, rxWrite: 0, txRead: 0, commandUntilNs: 0 });
    }
    this.#stalled = false;
    this.#interruptHold?.cancel();
    this.#interruptHold = undefined;
    this.#updateInterrupt();
  }

  #takeControl(control: number): void {
    const block = control >> Control.BLOCK_SHIFT;
    if ((block & 3) === Block.COMMON && block !== 0)
      this.undefinedAccess(`block ${block} is reserved (section 3)`);
    this.#control = control;
    this.#dataOctets = 0;
  }

  #exchange(octet: number): number {
    const block = this.#control >> Control.BLOCK_SHIFT;
    const address = this.#address;
    this.#address = (address + 1) & 0xffff;
    this.#dataOctets++;
    const fixed = FIXED_LENGTHS[this.#control & Control.LENGTH_MASK];
    // The next frame may follow while the chip stays selected: section 2.4.
    if (this.#dataOctets === fixed) this.#phase = 0;
    if (!(this.#control & Control.WRITE)) return this.#read(block, address);
    this.#write(block, address, octet);
    return 0;
  }

  #read(block: number, address: number): number {
    const n = block >> 2;
    switch (block & 3) {
      case Block.COMMON:
        return n > 0 ? 0 : this.#readCommon(address);
      case Block.SOCKET:
        return this.#readSocket(n, address);
      case Block.TX:
        return this.#txMemory[this.#place(n, Socket.TXBUF_SIZE, address)] as number;
      default:
        return this.#rxMemory[this.#place(n, Socket.RXBUF_SIZE, address)] as number;
    }
  }

  #write(block: number, address: number, value: number): void {
    const n = block >> 2;
    switch (block & 3) {
      case Block.COMMON:
        if (n === 0) this.#writeCommon(address, value);
        break;
      case Block.SOCKET:
        this.#writeSocket(n, address, value);
        break;
      case Block.TX:
        this.#txMemory[this.#place(n, Socket.TXBUF_SIZE, address)] = value;
        break;
      default:
        this.undefinedAccess(`write to the receive buffer of socket ${n}`);
    }
  }

  #readCommon(address: number): number {
    if (!this.#check(COMMON_MAP, address, false, "common")) return 0;
    if (address === Common.SIR) return this.#socketInterrupts();
    if (address === Common.VERSIONR) return this.version;
    if (address === Common.PHYCFGR) return (this.#common[address] as number) | this.#phyStatus();
    return this.#common[address] as number;
  }

  #writeCommon(address: number, value: number): void {
    if (!this.#check(COMMON_MAP, address, true, "common")) return;
    if (address === Common.MR) this.#writeMode(value);
    else if (address === Common.PHYCFGR) this.#writePhy(value);
    else if (address === Common.IR) {
      this.#common[Common.IR] = (this.#common[Common.IR] as number) & ~value;
      this.#holdInterrupt();
    } else {
      if (address === Common.IMR && value & IR_RESERVED) this.undefinedNow("reserved bits of IMR");
      this.#common[address] = value;
      this.#updateInterrupt();
    }
  }

  #writeMode(value: number): void {
    if (value & Mode.RST) {
      const phyWasInReset = !((this.#common[Common.PHYCFGR] as number) & Phy.RST);
      this.abortTransmission();
      this.#clearRegisters();
      this.settle();
      // The registers begin anew; the PHY goes on, unless it was held in reset.
      if (phyWasInReset) this.negotiate();
      this.pump();
      return;
    }
    if (value & Mode.RESERVED) this.undefinedNow(`reserved bits of MR: ${hex(value)}`);
    else if (value & (Mode.WOL | Mode.PPPOE)) this.notModelled("wake on LAN and PPPoE");
    else this.#common[Common.MR] = value;
  }

  #writePhy(value: number): void {
    const before = this.#common[Common.PHYCFGR] as number;
    const mode = value & Phy.OPMD ? (value >> Phy.MODE_SHIFT) & 7 : PhyMode.ALL;
    if (mode === PhyMode.NOT_USED) this.undefinedNow("PHYCFGR: mode 101 is not used");
    // The lowest bits are status: what is written there has no effect.
    this.#common[Common.PHYCFGR] = value & ~Phy.STATUS;
    if (((before ^ value) & Phy.RST) === 0) return;
    if (value & Phy.RST) this.#phyMode = mode;
    this.negotiate();
  }

  #phyStatus(): number {
    if (!this.linkUp) return 0;
    const mode = this.#phyMode;
    const isFull = mode === PhyMode.ALL || mode === PhyMode.FULL_10 || mode === PhyMode.FULL_100;
    return Phy.LNK | (isFull ? Phy.DPX : 0) | (this.lineRate() === RATE_100 ? Phy.SPD : 0);
  }

  #readSocket(n: number, address: number): number {
    if (!this.#check(SOCKET_MAP, address, false, `socket ${n}`)) return 0;
    const socket = this.#socket(n);
    const low = address & 1;
    switch (address & ~1) {
      case Socket.TX_FSR:
        return half(this.#freeSize(n), low);
      case Socket.TX_RD:
        return half(socket.txRead, low);
      case Socket.RX_RSR:
        return half(this.#receivedSize(socket), low);
      case Socket.RX_WR:
        return half(socket.rxWrite, low);
      default:
        if (address === Socket.CR && this.clock.nowNs() >= socket.commandUntilNs) return 0;
        return socket.registers[address] as number;
    }
  }

  #writeSocket(n: number, address: number, value: number): void {
    if (!this.#check(SOCKET_MAP, address, true, `socket ${n}`)) return;
    const { registers } = this.#socket(n);
    switch (address) {
      case Socket.MR:
        this.#checkProtocol(n, value & SocketMode.PROTOCOL);
        registers[address] = value;
        break;
      case Socket.CR:
        this.#command(n, value);
        break;
      case Socket.IR:
        registers[address] = (registers[address] as number) & ~value;
        this.#holdInterrupt();
        break;
      case Socket.RXBUF_SIZE:
      case Socket.TXBUF_SIZE:
        if (!BUFFER_SIZES.includes(value)) this.undefinedAccess(`a buffer of ${value} KB`);
        registers[address] = value;
        break;
      default:
        registers[address] = value;
        this.#updateInterrupt();
    }
  }

  #check({ access }: RegisterMap, address: number, isWrite: boolean, block: string): boolean {
    const kind = access[address] ?? "reserved";
    const isFine = kind === "write" || (kind === "read" && !isWrite);
    const what = kind === "read" ? "read only (section 4)" : "reserved (section 3)";
    if (!isFine) this.undefinedAccess(`${block}: ${hex(address)} is ${what}`);
    return isFine;
  }

  #checkProtocol(n: number, protocol: number): void {
    const { CLOSED, TCP, UDP, MACRAW } = SocketMode;
    if (protocol === MACRAW && n > 0) this.undefinedNow(`MACRAW is for socket 0 only, not ${n} (Sn_MR)`);
    if (![CLOSED, TCP, UDP, MACRAW].some((known) => known === protocol))
      this.undefinedNow(`Sn_MR: no protocol ${protocol}`);
  }

  /** Sn_CR, p. 46. */
  #command(n: number, command: number): void {
    const socket = this.#socket(n);
    const now = this.clock.nowNs();
    if (now < socket.commandUntilNs) this.undefinedNow("Sn_CR was not 0 yet");
    socket.registers[Socket.CR] = command;
    socket.commandUntilNs = now + (this.wire ? COMMAND_NS : 0);
    if (command === Command.OPEN) this.#open(n);
    else if (command === Command.CLOSE) this.#close(n);
    else if (command === Command.SEND || command === Command.RECV) {
      if (socket.registers[Socket.SR] !== Status.MACRAW)
        this.undefinedNow(`Sn_CR: ${hex(command)}, and socket ${n} is closed`);
      else if (command === Command.SEND) this.#send();
      else this.#receive();
    } else this.undefinedAccess(`Sn_CR: ${hex(command)} in MACRAW mode`);
  }

  #open(n: number): void {
    const socket = this.#socket(n);
    const protocol = (socket.registers[Socket.MR] as number) & SocketMode.PROTOCOL;
    if (protocol === SocketMode.CLOSED) {
      this.undefinedNow("OPEN, and Sn_MR has no protocol");
      return;
    }
    if (protocol !== SocketMode.MACRAW) {
      this.notModelled("sockets in TCP and UDP mode");
      return;
    }
    for (const size of [Socket.RXBUF_SIZE, Socket.TXBUF_SIZE])
      if (this.#base(SOCKETS, size) > MEMORY_OCTETS)
        this.undefinedNow("the buffers of all sockets are more than 16 KB (Sn_RXBUF_SIZE, Sn_TXBUF_SIZE)");
    this.#close(n);
    socket.registers[Socket.SR] = Status.MACRAW;
    socket.registers.fill(0, Socket.TX_WR, Socket.TX_WR + 2);
    socket.registers.fill(0, Socket.RX_RD, Socket.RX_RD + 2);
    Object.assign(socket, { rxRead: 0, rxWrite: 0, txRead: 0 });
    this.pump();
  }

  #close(n: number): void {
    const { registers } = this.#socket(n);
    if (registers[Socket.SR] === Status.MACRAW) {
      this.abortTransmission();
      this.#stalled = false;
    }
    registers[Socket.SR] = Status.CLOSED;
  }

  #send(): void {
    const octets = this.#toSend();
    if (this.transmitting || this.#stalled) this.undefinedNow("SEND, and the last one is still in process");
    else if (octets < MIN_FRAME_OCTETS || octets > MAX_FRAME_OCTETS)
      this.undefinedNow(`SEND of ${octets} octets: a frame has 60 to 1514 (Sn_MSSR)`);
    else if (this.#timeoutsToCome > 0) {
      this.#timeoutsToCome--;
      this.#endSend(SocketInterrupt.TIMEOUT);
    } else if (this.linkUp) this.#transmitNow();
    // Silicon: without a link SENDOK does not come (esp-idf issue 6233).
    else this.#stalled = true;
  }

  #transmitNow(): void {
    const octets = this.#toSend();
    const frame = () => {
      const copy = new Uint8Array(octets);
      for (let i = 0; i < octets; i++)
        copy[i] = this.#txMemory[this.#place(0, Socket.TXBUF_SIZE, this.#socket(0).txRead + i)] as number;
      return copy;
    };
    const end = (this.#socket(0).txRead + octets) & 0xffff;
    this.transmit(octets, frame, () => {
      this.#socket(0).txRead = end;
      if (this.#sendoksToLose > 0) this.#sendoksToLose--;
      else this.#raise(0, SocketInterrupt.SENDOK);
    });
  }

  #endSend(interrupt: number): void {
    const socket = this.#socket(0);
    socket.txRead = word(socket.registers, Socket.TX_WR);
    this.#raise(0, interrupt);
  }

  /** Sn_RX_RD takes effect: section 4.2. */
  #receive(): void {
    const socket = this.#socket(0);
    const read = word(socket.registers, Socket.RX_RD);
    const octets = (read - socket.rxRead) & 0xffff;
    if (octets > this.#receivedSize(socket)) {
      this.undefinedNow(`RECV: Sn_RX_RD went ${octets} octets on, and Sn_RX_RSR is less`);
      return;
    }
    socket.rxRead = read;
    this.pump();
  }

  /** Multicast passes with MFEN alone in silicon, as esp-idf's driver counts on; the datasheet's words deny it. */
  #passes(frame: Uint8Array, mode: number): boolean {
    const type = word(frame, ETHERTYPE_OFFSET);
    if (mode & SocketMode.MIP6B && type === ETHERTYPE_IPV6) return false;
    const destination = frame.subarray(0, 6);
    if (destination.every((octet) => octet === 0xff)) return !(mode & SocketMode.BCASTB);
    if ((destination[0] as number) & 1) return !(mode & SocketMode.MMB);
    const own = this.#common.subarray(Common.SHAR, Common.SHAR + 6);
    return !(mode & SocketMode.MFEN) || destination.every((octet, i) => octet === own[i]);
  }

  #store(socket: SocketState, octets: ArrayLike<number>): void {
    for (let i = 0; i < octets.length; i++) {
      this.#rxMemory[this.#place(0, Socket.RXBUF_SIZE, socket.rxWrite)] = octets[i] as number;
      socket.rxWrite = (socket.rxWrite + 1) & 0xffff;
    }
  }

  /** Where an offset in a socket's buffer is in the memory. Offsets wrap by the buffer's size: section 3.3. */
  #place(n: number, size: number, offset: number): number {
    const octets = this.#sizeOf(n, size);
    const base = this.#base(n, size);
    if (octets === 0) this.undefinedAccess(`socket ${n} has no buffer`);
    if (base + octets > MEMORY_OCTETS) this.undefinedAccess(`the buffer of socket ${n} is not in the 16 KB`);
    return (base + (offset & (octets - 1))) % MEMORY_OCTETS;
  }

  #sizeOf(n: number, size: number): number {
    return (this.#socket(n).registers[size] as number) * KILOBYTE;
  }

  /** Octets of the buffers of all sockets before `n`. */
  #base(n: number, size: number): number {
    let octets = 0;
    for (let i = 0; i < n; i++) octets += this.#sizeOf(i, size);
    return octets;
  }

  #receivedSize(socket: SocketState): number {
    return (socket.rxWrite - socket.rxRead) & 0xffff;
  }

  #freeSize(n: number): number {
    const { registers, txRead } = this.#socket(n);
    const used = (word(registers, Socket.TX_WR) - txRead) & 0xffff;
    return Math.max(0, this.#sizeOf(n, Socket.TXBUF_SIZE) - used);
  }

  #toSend(): number {
    const { registers, txRead } = this.#socket(0);
    return (word(registers, Socket.TX_WR) - txRead) & 0xffff;
  }

  /** By the datasheet a bit of Sn_IR is set only where Sn_IMR has it; silicon sets it, and Sn_IMR gates SIR. */
  #raise(n: number, interrupt: number): void {
    const { registers } = this.#socket(n);
    registers[Socket.IR] = (registers[Socket.IR] as number) | interrupt;
    this.#updateInterrupt();
  }

  #socketInterrupts(): number {
    let bits = 0;
    for (const [n, { registers }] of this.#sockets.entries())
      if ((registers[Socket.IR] as number) & (registers[Socket.IMR] as number)) bits |= 1 << n;
    return bits;
  }

  /** After interrupts were cleared INTn returns, and is not active again before INTLEVEL's time: section 4.1. */
  #holdInterrupt(): void {
    const level = word(this.#common, Common.INTLEVEL);
    if (level > 0) {
      this.#interruptHold?.cancel();
      this.#interruptHold = this.clock.afterNs((level + 1) * INTLEVEL_UNIT_NS, () => {
        this.#interruptHold = undefined;
        this.#updateInterrupt();
      });
    }
    this.#updateInterrupt();
  }

  #updateInterrupt(): void {
    const common = (this.#common[Common.IR] as number) & (this.#common[Common.IMR] as number);
    const sockets = this.#socketInterrupts() & (this.#common[Common.SIMR] as number);
    this.setPending((common | sockets) !== 0 && !this.#interruptHold);
  }
}

function word(octets: Uint8Array, offset: number): number {
  return ((octets[offset] as number) << 8) | (octets[offset + 1] as number);
}

function half(value: number, low: number): number {
  return low ? value & 0xff : value >> 8;
}

function hex(value: number): string {
  return `${value.toString(16).padStart(2, "0")}h`;
}
