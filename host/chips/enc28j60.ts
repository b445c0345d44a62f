// A model of Microchip's ENC28J60 revision B7: datasheet DS39662E, errata DS80349C. An erratum is modelled as the worst
// that its text allows, and always so, not sometimes: who does not work around it fails. DMA, self-test, flow control,
// the magic packet filter, MII scans and collisions by themselves are not modelled.

import type { ChipOptions } from "./chip.js";
import { crc32, crcRegister } from "./crc.js";
import {
  BUFFER_ARGUMENT,
  COMMON_FROM,
  Econ1,
  Econ2,
  Eie,
  Eir,
  Estat,
  Filter,
  Macon1,
  Macon3,
  Micmd,
  Mistat,
  Operation,
  PacketControl,
  PHID1_VALUE,
  PHID2_VALUE,
  PHY_BITS,
  Phcon1,
  Phcon2,
  Phie,
  Phir,
  Phstat1,
  Phstat2,
  PhyRegister,
  REGISTERS,
  RESET_ARGUMENT,
  ReceiveStatus,
  Register,
  type RegisterBits,
  TransmitStatus,
} from "./enc28j60_registers.js";
import { type Acceptance, ChipModel, MIN_FRAME_OCTETS } from "./model.js";

const MEMORY_OCTETS = 0x2000;
const POINTER_MASK = MEMORY_OCTETS - 1;
const CRC_OCTETS = 4;
/** Next packet pointer and status vector before each received packet: figure 7-3. */
const RECEIVE_HEADER_OCTETS = 6;
const TRANSMIT_STATUS_OCTETS = 7;
const MAX_PACKETS = 255;
/** Destination, source and type: nothing shorter can be sent. */
const ETHERNET_HEADER_OCTETS = 14;
const TYPE_OFFSET = 12;
const MAX_LENGTH_FIELD = 1500;
const TYPE_VLAN = 0x8100;
const TYPE_CONTROL = 0x8808;
const PATTERN_WINDOW_OCTETS = 64;

/** EREVID of revision B7. */
const REVISION_B7 = 0x06;
const RATE = 10e6;
/** Oscillator start-up, section 2.2: 7500 cycles of 25 MHz. */
const OSCILLATOR_NS = 300_000;
/** Erratum 2: after the SPI reset, CLKRDY says nothing; the clock runs after this. */
const SOFT_RESET_NS = 1_000_000;
/** Table 16-3. */
const RESET_PIN_NS = 400;
/** An access to a PHY register: section 3.3.1. */
const MII_NS = 10_240;
/** Until the link is up. The datasheet has no figure: some link pulses, 16 ms apart, 802.3 section 14.2.1.7. */
const LINK_NS = 100_000_000;

/** Erratum 14: what becomes of a packet's header while ERXRDPT is even. */
const CORRUPTION = 0x55;

export class Enc28j60 extends ChipModel {
  /** Fault: what EREVID reads. */
  revision = REVISION_B7;
  /** Frames that a late collision aborted: `collideLate`. */
  lateCollisions = 0;
  /** The LED at LEDB is wired for full duplex: PHCON1.PDPXMD is set after reset. Section 2.6. */
  ledbFullDuplex = false;

  readonly #registers = new Uint8Array(REGISTERS.length);
  readonly #memory = new Uint8Array(MEMORY_OCTETS);
  /** ERXRDPTL as written; it counts when ERXRDPTH is written. */
  #readPointerLow = 0;
  #writePointer = 0;
  #packets = 0;
  readonly #phy = new Map<number, number>();
  #linkInterrupt = false;
  #linkChangeSeen = true;
  /** LLSTAT holds the link's loss until it is read. */
  #linkWasDown = true;
  #mii: { cancel(): void } | undefined;
  #miiRead = 0;
  /** CLKRDY is set from then on; MAC, MII and PHY can be used from the later of both. */
  #clockFromNs = 0;
  #macFromNs = 0;

  #operation: number | undefined;
  #address = 0;
  /** Octets of the transaction so far. */
  #octets = 0;

  /** Erratum 12: the transmit logic waits for its reset. */
  #transmitterStalled = false;
  #stallsToCome = 0;
  #collisionsToCome = 0;
  readonly #headerFaults: ((header: Uint8Array) => void)[] = [];

  constructor(options: ChipOptions) {
    super(options);
    this.clear();
    this.negotiate();
  }

  /** Fault: the next packet received has this next packet pointer (0 to 65535) before it. */
  bogusNextPointer(pointer: number): void {
    this.#headerFaults.push((header) => header.set([pointer & 0xff, (pointer >> 8) & 0xff]));
  }

  /** Fault: the next packet received has this length (0 to 65535) in its status vector. */
  bogusLength(length: number): void {
    this.#headerFaults.push((header) => header.set([length & 0xff, (length >> 8) & 0xff], 2));
  }

  /** Fault: the next packet received has these 16 bits as the upper half of its status vector; 0: it was not received
   * well. */
  corruptStatus(bits: number): void {
    this.#headerFaults.push((header) => header.set([bits & 0xff, (bits >> 8) & 0xff], 4));
  }

  /** Fault, errata 12, 13 and 15: the next `count` frames are aborted by a late collision, which ESTAT.LATECOL does not
   * show, and the transmit logic stalls: TXRTS stays set from then on, until TXRST is pulsed. */
  collideLate(count = 1): void {
    this.#collisionsToCome += count;
  }

  /** Fault, erratum 12: the next `count` frames stay in the chip, with TXRTS set and no flag, until TXRST is pulsed. */
  stallTransmitter(count = 1): void {
    this.#stallsToCome += count;
  }

  /** The power-on reset, and what the oscillator needs after it. */
  protected clear(): void {
    this.#clearAll();
    this.#clockFromNs = this.clock.nowNs() + (this.wire ? OSCILLATOR_NS : 0);
    this.#macFromNs = 0;
  }

  /** SPI works at once; CLKRDY says when the rest does. */
  protected startNs(): number {
    return 0;
  }

  protected minResetNs(): number {
    return RESET_PIN_NS;
  }

  protected begin(): void {
    this.#octets = 0;
    this.#operation = undefined;
  }

  protected shift(octet: number): number {
    if (this.#octets++ === 0) {
      this.#takeInstruction(octet >> 5, octet & 0x1f);
      return this.floatingOctet;
    }
    switch (this.#operation) {
      case Operation.RCR:
        return this.#readRegisterOctet();
      case Operation.RBM:
        return this.#readMemory();
      case Operation.WBM:
        this.#writeMemory(octet);
        return this.floatingOctet;
      case Operation.WCR:
      case Operation.BFS:
      case Operation.BFC:
        if (this.#octets > 2)
          this.undefinedAccess("more than one octet for a control register (section 4.2)");
        else this.#writeRegister(this.#operation, this.#address, octet);
        return this.floatingOctet;
      case Operation.SRC:
        this.undefinedAccess("octets after the reset command (section 4.2.7)");
        return this.floatingOctet;
      default:
        return this.floatingOctet;
    }
  }

  protected end(): void {
    const operation = this.#operation;
    if (operation === undefined || operation === Operation.SRC) return;
    const needed = operation === Operation.RCR && this.#bits(this.#address).kind === "mac" ? 3 : 2;
    const what = `the transaction ends after ${this.#octets} of ${needed} octets`;
    if (this.#octets < 2) this.undefinedAccess(what);
    else if (this.#octets < needed) this.undefinedNow(what);
  }

  protected accept(frame: Uint8Array): Acceptance {
    const { RXEN, RXRST } = Econ1;
    const isOn = (this.#get(Register.ECON1) & (RXEN | RXRST)) === RXEN && this.#macRuns;
    if (!isOn || !(this.#get(Register.MACON1) & Macon1.MARXEN) || !this.#passes(frame)) return "refused";
    const octets = frame.length + CRC_OCTETS;
    if (octets > this.#word(Register.MAMXFL) && !(this.#get(Register.MACON3) & Macon3.HFRMEN))
      return "refused";
    const needed = RECEIVE_HEADER_OCTETS + octets + (octets & 1);
    if (this.#packets === MAX_PACKETS || needed > this.#freeOctets()) return "no room";
    this.#storePacket(frame, this.#advanced(this.#writePointer, needed));
    return "taken";
  }

  /** Section 12.1.2. */
  protected overflowed(): void {
    this.#flag(Register.EIR, Eir.RXERIF);
    this.#flag(Register.ESTAT, Estat.BUFER);
  }

  protected lineRate(): number {
    return RATE;
  }

  protected negotiationNs(): number | undefined {
    const isOff =
      this.#get(Register.ECON2) & Econ2.PWRSV || this.#phyValue(PhyRegister.PHCON1) & Phcon1.PPWRSV;
    return isOff ? undefined : LINK_NS;
  }

  /** Section 12.1.5. */
  protected linkChanged(): void {
    if (!this.linkUp) this.#linkWasDown = true;
    this.#linkChangeSeen = false;
    if (this.#phyValue(PhyRegister.PHIE) & Phie.PLNKIE) this.#linkInterrupt = true;
    this.#updateInterrupt();
  }

  get #clockReady(): boolean {
    return this.clock.nowNs() >= this.#clockFromNs && !(this.#get(Register.ECON2) & Econ2.PWRSV);
  }

  #bits(address: number): RegisterBits {
    return REGISTERS[address] as RegisterBits;
  }

  #get(address: number): number {
    return this.#registers[address] as number;
  }

  #word(address: number): number {
    return this.#get(address) | (this.#get(address + 1) << 8);
  }

  #setWord(address: number, value: number): void {
    this.#registers[address] = value & 0xff;
    this.#registers[address + 1] = value >> 8;
  }

  #clearAll(): void {
    for (const [address, { initial }] of REGISTERS.entries()) this.#registers[address] = initial;
    this.#readPointerLow = this.#get(Register.ERXRDPT);
    this.#writePointer = 0;
    this.#packets = 0;
    this.#transmitterStalled = false;
    this.#mii?.cancel();
    this.#mii = undefined;
    this.#miiRead = 0;
    this.#clearPhy();
    this.#updateInterrupt();
  }

  #clearPhy(): void {
    for (const [address, bits] of PHY_BITS) if (bits !== "read only") this.#phy.set(address, bits.initial);
    if (this.ledbFullDuplex) this.#phy.set(PhyRegister.PHCON1, Phcon1.PDPXMD);
    this.#linkWasDown = true;
    this.#linkInterrupt = false;
    this.#linkChangeSeen = true;
  }

  #takeInstruction(operation: number, argument: number): void {
    const isBuffer = operation === Operation.RBM || operation === Operation.WBM;
    const isReset = operation === Operation.SRC;
    const isKnown = isBuffer
      ? argument === BUFFER_ARGUMENT
      : isReset
        ? argument === RESET_ARGUMENT
        : operation < 6;
    if (!isKnown) {
      this.undefinedAccess(`no SPI instruction ${hex((operation << 5) | argument)} (table 4-1)`);
      return;
    }
    this.#operation = operation;
    const bank = argument < COMMON_FROM ? this.#get(Register.ECON1) & Econ1.BSEL : 0;
    this.#address = (bank << 5) | argument;
    if (isReset) this.#softReset();
  }

  /** Section 11.2. Erratum 2: the PHY's clock stops, and CLKRDY stays as it was. */
  #softReset(): void {
    this.abortTransmission();
    this.#clearAll();
    this.settle();
    this.#macFromNs = this.clock.nowNs() + (this.wire ? SOFT_RESET_NS : 0);
    this.negotiate();
  }

  /** MAC and MII registers answer after a dummy octet: section 4.2.1. */
  #readRegisterOctet(): number {
    const { kind } = this.#bits(this.#address);
    const dataAt = kind === "mac" ? 3 : 2;
    if (this.#octets > dataAt)
      this.undefinedNow("more than one octet from a control register (section 4.2.1)");
    if (this.#octets !== dataAt) return 0;
    if (kind === "forbidden") this.undefinedAccess("register 1Ah is reserved (section 3.1)");
    if (kind === "mac" && !this.#macReady()) return 0;
    return this.#read(this.#address);
  }

  #read(address: number): number {
    switch (address) {
      case Register.EIR:
        return this.#readEir();
      case Register.ESTAT:
        return this.#readEstat();
      case Register.ERXWRPT:
        return this.#writePointer & 0xff;
      case Register.ERXWRPT + 1:
        return this.#writePointer >> 8;
      case Register.EPKTCNT:
        return this.#packets;
      case Register.MIRD:
        return this.#miiRead & 0xff;
      case Register.MIRD + 1:
        return this.#miiRead >> 8;
      case Register.MISTAT:
        return this.#mii ? Mistat.BUSY : 0;
      case Register.EREVID:
        return this.revision;
      default:
        return this.#get(address);
    }
  }

  /** Erratum 6: PKTIF is not to be relied on. Here it misses the last packet. */
  #readEir(): number {
    const packets = this.#packets > 1 ? Eir.PKTIF : 0;
    return (this.#flags() & ~Eir.PKTIF) | packets;
  }

  #readEstat(): number {
    return (
      this.#get(Register.ESTAT) |
      (this.#isInterrupting() ? Estat.INT : 0) |
      (this.receiving && this.#get(Register.ECON1) & Econ1.RXEN ? Estat.RXBUSY : 0) |
      (this.#clockReady ? Estat.CLKRDY : 0)
    );
  }

  /** EIR as it should be. */
  #flags(): number {
    const isLink = this.#linkInterrupt && this.#phyValue(PhyRegister.PHIE) & Phie.PGEIE;
    return this.#get(Register.EIR) | (this.#packets > 0 ? Eir.PKTIF : 0) | (isLink ? Eir.LINKIF : 0);
  }

  #isInterrupting(): boolean {
    const enabled = this.#get(Register.EIE);
    return (enabled & Eie.INTIE) !== 0 && (this.#flags() & enabled & ~Eie.INTIE) !== 0;
  }

  #updateInterrupt(): void {
    this.setPending(this.#isInterrupting());
  }

  #flag(address: number, bits: number): void {
    this.#registers[address] = this.#get(address) | bits;
    this.#updateInterrupt();
  }

  get #macRuns(): boolean {
    return this.#clockReady && this.clock.nowNs() >= this.#macFromNs;
  }

  /** Sections 2.2, 11.2 and 14: before its clock runs the MAC cannot be used. Erratum 2: after a reset by SPI neither. */
  #macReady(): boolean {
    const isReady = this.#macRuns;
    if (!isReady)
      this.undefinedNow("the clock of MAC and PHY does not run: CLKRDY (2.2), erratum 2, PWRSV (14)");
    return isReady;
  }

  #writeRegister(operation: number, address: number, value: number): void {
    const { kind, isReadOnly, writable, zeros } = this.#bits(address);
    const old = this.#get(address);
    const asked =
      operation === Operation.WCR ? value : operation === Operation.BFS ? old | value : old & ~value;
    if (kind === "none") return;
    if (kind === "mac" && operation !== Operation.WCR)
      this.undefinedNow(`bit field command for ${hex(address)}, a MAC or MII register (section 4.2.5)`);
    else if (kind === "forbidden") this.undefinedAccess("register 1Ah is reserved (section 3.1)");
    else if (kind === "reserved") {
      if (asked !== old) this.undefinedNow(`the contents of reserved ${hex(address)} change (section 3.1)`);
    } else if (isReadOnly) this.undefinedNow(`register ${hex(address)} is read only (table 3-2)`);
    else if (asked & zeros) this.undefinedNow(`reserved bits of ${hex(address)}: ${hex(asked)} (table 3-2)`);
    else if (kind === "mac" && !this.#macReady()) return;
    else this.#store(address, old, (asked & writable) | (old & ~writable));
  }

  #store(address: number, old: number, value: number): void {
    switch (address) {
      case Register.EIR:
      case Register.ESTAT:
        if (value & ~old) this.undefinedNow(`flags of ${hex(address)} can only be cleared (section 12.1)`);
        this.#registers[address] = value & old;
        break;
      case Register.ECON1:
        this.#control(old, value);
        break;
      case Register.ECON2:
        this.#control2(old, value);
        break;
      default:
        this.#storePlain(address, old, value);
    }
    this.#updateInterrupt();
  }

  #storePlain(address: number, old: number, value: number): void {
    if (this.transmitting && inTransmission(address))
      this.undefinedNow(`register ${hex(address)} changes during a transmission (section 7.1)`);
    if (this.#get(Register.ECON1) & Econ1.RXEN && address >= Register.ERXST && address < Register.ERXRDPT)
      this.undefinedNow("ERXST or ERXND changes while RXEN is set (section 3.2.1)");
    if (address === Register.ERXRDPT) {
      this.#readPointerLow = value;
      return;
    }
    this.#registers[address] = value;
    if (address === Register.ERXRDPT + 1) {
      this.#registers[Register.ERXRDPT] = this.#readPointerLow;
      this.pump();
    } else if (address >= Register.ERXST && address < Register.ERXRDPT) {
      // Erratum 5: the write pointer does not become ERXST, but 0.
      this.#writePointer = 0;
    } else if (address === Register.MICMD) this.#miiCommand(old, value);
    else if (address === Register.MIWR + 1) this.#miiWrite();
    else this.#refuseWhatIsNotModelled(address, value);
  }

  #refuseWhatIsNotModelled(address: number, value: number): void {
    const what =
      address === Register.ERXFCON && value & Filter.MPEN
        ? "the magic packet filter"
        : address === Register.EBSTCON && value
          ? "the self-test"
          : address === Register.EFLOCON && value
            ? "flow control"
            : undefined;
    if (what) this.notModelled(what);
  }

  /** ECON1, register 3-1. */
  #control(old: number, value: number): void {
    const risen = value & ~old;
    const fallen = old & ~value;
    if (risen & Econ1.DMAST) this.notModelled("DMA");
    this.#registers[Register.ECON1] = value & ~Econ1.DMAST;
    if (risen & Econ1.RXRST) this.#clearControl(Econ1.RXEN);
    if (risen & Econ1.TXRST) this.#resetTransmitter();
    // Erratum 12: the end of this reset may set TXERIF.
    if (fallen & Econ1.TXRST) this.#flag(Register.EIR, Eir.TXERIF);
    if (risen & Econ1.RXEN && value & Econ1.RXRST)
      this.undefinedNow("RXEN while RXRST is set (section 11.4)");
    if (risen & Econ1.RXEN) {
      this.#checkDuplex("RXEN");
      this.pump();
    }
    if (risen & Econ1.TXRTS) this.#requestTransmission();
    if (fallen & Econ1.TXRTS && !(risen & Econ1.TXRST)) this.#cancelTransmission();
  }

  #clearControl(bits: number): void {
    this.#registers[Register.ECON1] = this.#get(Register.ECON1) & ~bits;
  }

  /** ECON2, register 3-2. PKTDEC clears itself. */
  #control2(old: number, value: number): void {
    this.#registers[Register.ECON2] = value & ~Econ2.PKTDEC;
    if (value & Econ2.PKTDEC) {
      if (this.#packets === 0) this.undefinedNow("PKTDEC while EPKTCNT is 0 (section 7.2.4)");
      else this.#packets--;
      this.pump();
    }
    if (((old ^ value) & Econ2.PWRSV) === 0) return;
    if (value & Econ2.PWRSV) {
      if (this.#get(Register.ECON1) & (Econ1.RXEN | Econ1.TXRTS))
        this.undefinedNow("PWRSV while RXEN or TXRTS is set (section 14)");
    } else this.#clockFromNs = this.clock.nowNs() + (this.wire ? OSCILLATOR_NS : 0);
    this.negotiate();
  }

  /** Sections 6.5 and 9. */
  #checkDuplex(what: string): void {
    const isMacFull = (this.#get(Register.MACON3) & Macon3.FULDPX) !== 0;
    if (isMacFull !== this.#isPhyFull())
      this.undefinedNow(`${what} while MACON3.FULDPX is not PHCON1.PDPXMD`);
  }

  #isPhyFull(): boolean {
    return (this.#phyValue(PhyRegister.PHCON1) & Phcon1.PDPXMD) !== 0;
  }

  #readMemory(): number {
    const address = this.#word(Register.ERDPT);
    this.#checkMemory(address);
    if (this.#get(Register.ECON2) & Econ2.AUTOINC) this.#setWord(Register.ERDPT, this.#advanced(address, 1));
    return this.#memory[address] as number;
  }

  #writeMemory(octet: number): void {
    const address = this.#word(Register.EWRPT);
    this.#checkMemory(address);
    this.#memory[address] = octet;
    // Section 3.2.3: this pointer does not follow the receive buffer.
    if (this.#get(Register.ECON2) & Econ2.AUTOINC)
      this.#setWord(Register.EWRPT, (address + 1) & POINTER_MASK);
  }

  #checkMemory(address: number): void {
    const { ETXST, ETXND } = Register;
    if (this.transmitting && address >= this.#word(ETXST) && address <= this.#word(ETXND))
      this.undefinedNow("access to octets that are being sent (section 7.1)");
  }

  /** A pointer `octets` further on, which wraps at the end of the receive buffer and at that of the memory. */
  #advanced(pointer: number, octets: number): number {
    const start = this.#word(Register.ERXST);
    const end = this.#word(Register.ERXND);
    let at = pointer;
    for (let i = 0; i < octets; i++) at = at === end ? start : (at + 1) & POINTER_MASK;
    return at;
  }

  /** Example 7-2. */
  #freeOctets(): number {
    const size = this.#word(Register.ERXND) - this.#word(Register.ERXST);
    const read = this.#word(Register.ERXRDPT);
    const write = this.#writePointer;
    if (write > read) return size - (write - read);
    return write === read ? size : read - write - 1;
  }

  #storePacket(frame: Uint8Array, next: number): void {
    const packet = new Uint8Array(RECEIVE_HEADER_OCTETS + frame.length + CRC_OCTETS);
    const view = new DataView(packet.buffer);
    view.setUint16(0, next, true);
    view.setUint32(2, receiveStatus(frame), true);
    packet.set(frame, RECEIVE_HEADER_OCTETS);
    view.setUint32(RECEIVE_HEADER_OCTETS + frame.length, crc32(frame), true);
    const header = packet.subarray(0, RECEIVE_HEADER_OCTETS);
    // Erratum 14.
    if (!(this.#word(Register.ERXRDPT) & 1))
      for (let i = 0; i < header.length; i++) xor(header, i, CORRUPTION);
    this.#headerFaults.shift()?.(header);
    let at = this.#writePointer;
    for (const octet of packet) {
      this.#memory[at] = octet;
      at = this.#advanced(at, 1);
    }
    this.#writePointer = next;
    this.#packets++;
    this.#updateInterrupt();
  }

  /** Chapter 8, figures 8-1 and 8-2. */
  #passes(frame: Uint8Array): boolean {
    const type = typeOf(frame);
    if (type === TYPE_CONTROL && !(this.#get(Register.MACON1) & Macon1.PASSALL)) return false;
    const filters = this.#get(Register.ERXFCON);
    const criteria: readonly [number, () => boolean][] = [
      [Filter.UCEN, () => this.#isOwn(frame)],
      [Filter.PMEN, () => this.#matchesPattern(frame)],
      [Filter.HTEN, () => this.#isInHashTable(frame)],
      [Filter.MCEN, () => isGroup(frame)],
      [Filter.BCEN, () => isBroadcast(frame)],
    ];
    const enabled = criteria.filter(([bit]) => filters & bit);
    if (enabled.length === 0) return true;
    return filters & Filter.ANDOR ? enabled.every(([, met]) => met()) : enabled.some(([, met]) => met());
  }

  #isOwn(frame: Uint8Array): boolean {
    const { MAADR1, MAADR2, MAADR3, MAADR4, MAADR5, MAADR6 } = Register;
    const own = [MAADR1, MAADR2, MAADR3, MAADR4, MAADR5, MAADR6].map((address) => this.#get(address));
    return own.every((octet, i) => frame[i] === octet);
  }

  /** Section 8.2: the checksum over those octets of a window that the mask names. */
  #matchesPattern(frame: Uint8Array): boolean {
    const offset = this.#word(Register.EPMO);
    if (frame.length + CRC_OCTETS < offset + PATTERN_WINDOW_OCTETS) return false;
    const chosen: number[] = [];
    for (let i = 0; i < PATTERN_WINDOW_OCTETS; i++)
      if ((this.#get(Register.EPMM0 + (i >> 3)) >> (i & 7)) & 1) chosen.push(frame[offset + i] ?? 0);
    return onesComplement(chosen) === this.#word(Register.EPMCS);
  }

  /** Section 8.4: bits 28:23 of the check register over the destination. */
  #isInHashTable(frame: Uint8Array): boolean {
    const position = (crcRegister(frame.subarray(0, 6)) >>> 23) & 0x3f;
    return ((this.#get(Register.EHT0 + (position >> 3)) >> (position & 7)) & 1) === 1;
  }

  #resetTransmitter(): void {
    this.abortTransmission();
    this.#transmitterStalled = false;
    this.#clearControl(Econ1.TXRTS);
  }

  /** A stalled transmitter does not even do this. */
  #cancelTransmission(): void {
    if (!this.transmitting) return;
    this.abortTransmission();
    this.#flag(Register.ESTAT, Estat.TXABRT);
    this.#flag(Register.EIR, Eir.TXIF);
  }

  /** Section 7.1. */
  #requestTransmission(): void {
    const length = this.#word(Register.ETXND) - this.#word(Register.ETXST);
    const isInReset = (this.#get(Register.ECON1) & Econ1.TXRST) !== 0;
    if (isInReset || length < ETHERNET_HEADER_OCTETS || !this.#macRuns) {
      this.#clearControl(Econ1.TXRTS);
      if (isInReset) this.undefinedNow("TXRTS while TXRST is set (section 11.3)");
      else if (length < ETHERNET_HEADER_OCTETS) this.undefinedNow(`TXRTS for ${length} octets (section 7.1)`);
      else this.#macReady();
      return;
    }
    this.#checkDuplex("TXRTS");
    this.#transmitNow();
  }

  #transmitNow(): void {
    if (this.#stallsToCome > 0) {
      this.#stallsToCome--;
      this.#transmitterStalled = true;
    }
    if (this.#transmitterStalled) return;
    const { octets, frame, status } = this.#assemble();
    if (this.#collisionsToCome > 0) {
      this.#collisionsToCome--;
      this.lateCollisions++;
      const collided = TransmitStatus.LATE_COLLISION;
      this.transmit(octets, nothing, () => {
        this.#transmitterStalled = true;
        this.#abort(octets, collided);
      });
    } else if (status & TransmitStatus.GIANT) this.transmit(0, nothing, () => this.#abort(octets, status));
    else
      this.transmit(
        octets - CRC_OCTETS,
        () => frame,
        () => this.#endTransmission(octets, status, frame),
      );
  }

  /** What goes out: octets with the check sequence, the frame without; undefined where receivers find it damaged. */
  #assemble(): { octets: number; frame: Uint8Array | undefined; status: number } {
    const start = this.#word(Register.ETXST);
    const control = this.#memory[start] as number;
    const body = this.#memory.slice(start + 1, this.#word(Register.ETXND) + 1);
    const { hasCrc, padTo, mayBeHuge } = this.#packetOptions(control, typeOf(body));
    if (padTo > 0 && !hasCrc) this.undefinedNow("padding without a check sequence (register 6-2)");
    const padded = new Uint8Array(Math.max(body.length, padTo));
    padded.set(body);
    const octets = padded.length + (hasCrc ? CRC_OCTETS : 0);
    const frame = hasCrc ? padded : padded.subarray(0, padded.length - CRC_OCTETS);
    const isSound = hasCrc || crc32(frame) === new DataView(padded.buffer).getUint32(frame.length, true);
    const isWhole = isSound && frame.length >= MIN_FRAME_OCTETS;
    const status =
      (isSound ? 0 : TransmitStatus.CRC_ERROR) |
      (octets > this.#word(Register.MAMXFL) && !mayBeHuge ? TransmitStatus.GIANT : 0) |
      (typeOf(body) > MAX_LENGTH_FIELD ? TransmitStatus.LENGTH_OUT_OF_RANGE : 0) |
      (isBroadcast(body) ? TransmitStatus.BROADCAST : isGroup(body) ? TransmitStatus.MULTICAST : 0);
    return { octets, frame: isWhole ? frame : undefined, status };
  }

  /** By the packet's control octet, or by MACON3: figure 7-1, register 6-2. */
  #packetOptions(control: number, type: number): { hasCrc: boolean; padTo: number; mayBeHuge: boolean } {
    const macon3 = this.#get(Register.MACON3);
    if (control & PacketControl.POVERRIDE)
      return {
        hasCrc: (control & PacketControl.PCRCEN) !== 0,
        padTo: control & PacketControl.PPADEN ? 60 : 0,
        mayBeHuge: (control & PacketControl.PHUGEEN) !== 0,
      };
    const padding = macon3 >> Macon3.PADCFG_SHIFT;
    const byType = type === TYPE_VLAN ? 64 : 60;
    return {
      hasCrc: (macon3 & Macon3.TXCRCEN) !== 0,
      padTo: [0, 60, 0, 64, 0, byType, 0, 64][padding] as number,
      mayBeHuge: (macon3 & Macon3.HFRMEN) !== 0,
    };
  }

  #endTransmission(octets: number, status: number, frame: Uint8Array | undefined): void {
    this.#writeStatus(octets, status | TransmitStatus.DONE);
    this.#clearControl(Econ1.TXRTS);
    this.#flag(Register.EIR, Eir.TXIF);
    // Section 6.6: in half duplex its own frames come back unless HDLDIS is set.
    const loops = !this.#isPhyFull() && !(this.#phyValue(PhyRegister.PHCON2) & Phcon2.HDLDIS);
    if (loops && frame) this.loopBack(frame);
  }

  /** Section 12.1.3. Erratum 15: ESTAT.LATECOL does not tell of a late collision. */
  #abort(octets: number, status: number): void {
    this.#writeStatus(octets, status);
    this.#clearControl(Econ1.TXRTS);
    this.#flag(Register.ESTAT, Estat.TXABRT);
    this.#flag(Register.EIR, Eir.TXERIF | Eir.TXIF);
  }

  /** Table 7-1: behind the last octet of the frame. */
  #writeStatus(octets: number, status: number): void {
    const vector = [octets, octets >> 8, status, status >> 8, octets, octets >> 8, 0];
    const after = this.#word(Register.ETXND) + 1;
    for (let i = 0; i < TRANSMIT_STATUS_OCTETS; i++)
      this.#memory[(after + i) & POINTER_MASK] = vector[i] as number;
  }

  /** Section 3.3.1. A read begins when MIIRD becomes set. */
  #miiCommand(old: number, value: number): void {
    if (value & Micmd.MIISCAN) this.notModelled("MII scan");
    if (!(value & ~old & Micmd.MIIRD)) return;
    const address = this.#get(Register.MIREGADR);
    this.#miiAccess(address, () => {
      this.#miiRead = this.#readPhy(address);
    });
  }

  /** Section 3.3.2: the write begins with MIWRH. */
  #miiWrite(): void {
    const address = this.#get(Register.MIREGADR);
    const value = this.#word(Register.MIWR);
    if (this.#get(Register.MICMD) & Micmd.MIIRD)
      this.undefinedNow("MIWRH while MICMD.MIIRD is set (section 3.3.1)");
    this.#miiAccess(address, () => this.#writePhy(address, value));
  }

  #miiAccess(address: number, run: () => void): void {
    if (this.#mii) this.undefinedNow("MII access while MISTAT.BUSY is set (section 3.3)");
    if (!PHY_BITS.has(address)) {
      this.undefinedNow(`no PHY register ${hex(address)} (table 3-3)`);
      return;
    }
    if (!this.wire) {
      run();
      return;
    }
    this.#mii?.cancel();
    this.#mii = this.clock.afterNs(MII_NS, () => {
      this.#mii = undefined;
      run();
      this.#updateInterrupt();
    });
  }

  #phyValue(address: number): number {
    return this.#phy.get(address) ?? 0;
  }

  #readPhy(address: number): number {
    switch (address) {
      case PhyRegister.PHSTAT1: {
        const isUp = this.linkUp && !this.#linkWasDown;
        this.#linkWasDown = !this.linkUp;
        return Phstat1.PFDPX | Phstat1.PHDPX | (isUp ? Phstat1.LLSTAT : 0);
      }
      case PhyRegister.PHID1:
        return PHID1_VALUE;
      case PhyRegister.PHID2:
        return PHID2_VALUE;
      case PhyRegister.PHSTAT2:
        return (
          (this.transmitting ? Phstat2.TXSTAT : 0) |
          (this.receiving ? Phstat2.RXSTAT : 0) |
          (this.linkUp ? Phstat2.LSTAT : 0) |
          (this.#isPhyFull() ? Phstat2.DPXSTAT : 0)
        );
      case PhyRegister.PHIR: {
        const flags = (this.#linkChangeSeen ? 0 : Phir.PLNKIF) | (this.#linkInterrupt ? Phir.PGIF : 0);
        this.#linkChangeSeen = true;
        this.#linkInterrupt = false;
        return flags;
      }
      default:
        return this.#phyValue(address);
    }
  }

  #writePhy(address: number, value: number): void {
    const bits = PHY_BITS.get(address);
    if (!bits || bits === "read only") {
      this.undefinedNow(`PHY register ${hex(address)} is read only (table 3-3)`);
      return;
    }
    if (value & bits.zeros || (value & bits.ones) !== bits.ones)
      this.undefinedNow(`reserved bits of PHY register ${hex(address)}: ${hex(value)} (table 3-3)`);
    const isLoop = address === PhyRegister.PHCON1 && value & Phcon1.PLOOPBK;
    const isForced = address === PhyRegister.PHCON2 && value & (Phcon2.FRCLNK | Phcon2.TXDIS);
    if (isLoop || isForced) this.notModelled("the PHY's loop, forced link and disabled transmitter");
    const old = this.#phyValue(address);
    this.#phy.set(address, value & bits.writable);
    if (address !== PhyRegister.PHCON1) return;
    if (value & Phcon1.PRST) this.#clearPhy();
    if (value & Phcon1.PRST || (old ^ value) & Phcon1.PPWRSV) this.negotiate();
  }
}

/** Registers that must stay as they are during a transmission: table 7-2. */
function inTransmission(address: number): boolean {
  const { ETXST, ERXST, MACON1, MAMXFL } = Register;
  return (address >= ETXST && address < ERXST) || (address >= MACON1 && address <= MAMXFL + 1);
}

/** Table 7-3. */
function receiveStatus(frame: Uint8Array): number {
  const type = typeOf(frame);
  const data = frame.length - ETHERNET_HEADER_OCTETS;
  const isLengthWrong = type <= MAX_LENGTH_FIELD && type !== data;
  return (
    (frame.length + CRC_OCTETS) |
    ReceiveStatus.OK |
    (isLengthWrong ? ReceiveStatus.LENGTH_CHECK_ERROR : 0) |
    (type > MAX_LENGTH_FIELD ? ReceiveStatus.LENGTH_OUT_OF_RANGE : 0) |
    (type === TYPE_CONTROL ? ReceiveStatus.CONTROL : 0) |
    (isBroadcast(frame) ? ReceiveStatus.BROADCAST : isGroup(frame) ? ReceiveStatus.MULTICAST : 0)
  );
}

function typeOf(frame: Uint8Array): number {
  return ((frame[TYPE_OFFSET] ?? 0) << 8) | (frame[TYPE_OFFSET + 1] ?? 0);
}

function isGroup(frame: Uint8Array): boolean {
  return ((frame[0] as number) & 1) === 1;
}

function isBroadcast(frame: Uint8Array): boolean {
  return frame.subarray(0, 6).every((octet) => octet === 0xff);
}

/** The checksum of section 13.2 over octets, the first the upper half of a word; a last one alone is followed by 0. */
function onesComplement(octets: readonly number[]): number {
  let sum = 0;
  for (const [i, octet] of octets.entries()) sum += i & 1 ? octet : octet << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function xor(octets: Uint8Array, index: number, value: number): void {
  octets[index] = (octets[index] as number) ^ value;
}

function nothing(): undefined {}

function hex(value: number): string {
  return `${value.toString(16).padStart(2, "0")}h`;
}
