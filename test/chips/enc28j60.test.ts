// The model of the ENC28J60 against its datasheet, DS39662E, and the errata of revision B7, DS80349C: register by
// register, then what it does. Addresses and values stand here as in the datasheet, not by the model's names.

import { crc32 as zlibCrc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { UndefinedAccess } from "../../host/chips/chip.js";
import { Enc28j60 } from "../../host/chips/enc28j60.js";
import { NotModelled } from "../../host/chips/model.js";
import { ALL, type Bench, bench, exchange, frameTo, GROUP, OTHER, OWN } from "./support.js";

/** Registers: the bank in bits 6:5. */
const ERDPT = 0x00;
const EWRPT = 0x02;
const ETXST = 0x04;
const ETXND = 0x06;
const ERXST = 0x08;
const ERXND = 0x0a;
const ERXRDPT = 0x0c;
const ERXWRPT = 0x0e;
const EIE = 0x1b;
const EIR = 0x1c;
const ESTAT = 0x1d;
const ECON2 = 0x1e;
const ECON1 = 0x1f;
const EHT0 = 0x20;
const EPMM0 = 0x28;
const EPMCS = 0x30;
const EPMO = 0x34;
const ERXFCON = 0x38;
const EPKTCNT = 0x39;
const MACON1 = 0x40;
const MACON3 = 0x42;
const MAMXFL = 0x4a;
const MICMD = 0x52;
const MIREGADR = 0x54;
const MIWR = 0x56;
const MIRD = 0x58;
const MAADR5 = 0x60;
const MISTAT = 0x6a;
const EREVID = 0x72;

const PHCON1 = 0x00;
const PHSTAT1 = 0x01;
const PHCON2 = 0x10;
const PHSTAT2 = 0x11;
const PHIE = 0x12;
const PHIR = 0x13;
const PHLCON = 0x14;

const TXRST = 0x80;
const RXRST = 0x40;
const TXRTS = 0x08;
const RXEN = 0x04;

const RX_END = 0x17ff;
const TX_START = 0x1800;

interface Board extends Bench<Enc28j60> {
  select(register: number): void;
  read(register: number): number;
  write(register: number, value: number): void;
  set(register: number, bits: number): void;
  clear(register: number, bits: number): void;
  word(register: number): number;
  setWord(register: number, value: number): void;
  readMemory(address: number, octets: number): number[];
  writeMemory(address: number, ...octets: readonly number[]): void;
  readPhy(register: number): number;
  writePhy(register: number, value: number): void;
  reset(): void;
  /** As a driver does that knows the errata: 6 KB to receive, half duplex, filters as `filters`. */
  open(filters?: number): void;
  /** Puts a frame behind its control octet, and the pointers around it. */
  load(frame: ArrayLike<number>, control?: number): void;
  send(frame: ArrayLike<number>, control?: number): void;
  /** The status vector behind the frame that was sent. */
  status(): number[];
  /** Takes the next packet as a driver does, with its six octets and its check sequence. */
  take(): { next: number; length: number; status: number; octets: number[] } | undefined;
}

/** Not implemented or reserved, among the MAC's and MII's registers. */
const NO_MAC = [0x41, 0x45, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x53, 0x55];
const isMac = (register: number) =>
  ((register >= 0x40 && register <= 0x65) || register === MISTAT) && !NO_MAC.includes(register);

function board(timing: "wire" | "instant" = "instant"): Board {
  const b = bench((clock) => new Enc28j60({ clock, timing }));
  let next = 0;
  const self: Board = {
    ...b,
    select: (register) => {
      exchange(b.chip, [0xa0 | ECON1, 3]);
      exchange(b.chip, [0x80 | ECON1, register >> 5]);
    },
    read: (register) => {
      if ((register & 31) < 0x1b) self.select(register);
      const answer = exchange(b.chip, isMac(register) ? [register & 31, 0, 0] : [register & 31, 0]);
      return answer[answer.length - 1] as number;
    },
    write: (register, value) => {
      if ((register & 31) < 0x1b) self.select(register);
      exchange(b.chip, [0x40 | (register & 31), value]);
    },
    set: (register, bits) => {
      if ((register & 31) < 0x1b) self.select(register);
      exchange(b.chip, [0x80 | (register & 31), bits]);
    },
    clear: (register, bits) => {
      if ((register & 31) < 0x1b) self.select(register);
      exchange(b.chip, [0xa0 | (register & 31), bits]);
    },
    word: (register) => self.read(register) | (self.read(register + 1) << 8),
    setWord: (register, value) => {
      self.write(register, value & 255);
      self.write(register + 1, value >> 8);
    },
    readMemory: (address, octets) => {
      self.setWord(ERDPT, address);
      return exchange(b.chip, [0x3a, ...new Array(octets).fill(0)]).slice(1);
    },
    writeMemory: (address, ...octets) => {
      self.setWord(EWRPT, address);
      exchange(b.chip, [0x7a, ...octets]);
    },
    readPhy: (register) => {
      self.write(MIREGADR, register);
      self.write(MICMD, 1);
      if (timing === "wire") b.clock.advance(0.011);
      self.write(MICMD, 0);
      return self.word(MIRD);
    },
    writePhy: (register, value) => {
      self.write(MIREGADR, register);
      self.setWord(MIWR, value);
      if (timing === "wire") b.clock.advance(0.011);
    },
    reset: () => {
      exchange(b.chip, [0xff]);
    },
    open: (filters = 0) => {
      next = 0;
      self.setWord(ERXST, 0);
      self.setWord(ERXND, RX_END);
      self.setWord(ERXRDPT, RX_END);
      self.write(ERXFCON, filters);
      self.write(MACON1, 0x01);
      self.write(MACON3, 0x32);
      self.setWord(MAMXFL, 1518);
      // MAADR5, 6, 3, 4, 1, 2 hold the address's octets 5, 6, 3, 4, 1, 2, counted from 1.
      for (const [i, octet] of [4, 5, 2, 3, 0, 1].entries()) self.write(MAADR5 + i, OWN[octet] as number);
      self.writePhy(PHCON2, 0x0100);
      self.set(ECON1, RXEN);
    },
    load: (frame, control = 0) => {
      self.writeMemory(TX_START, control, ...Array.from(frame));
      self.setWord(ETXST, TX_START);
      self.setWord(ETXND, TX_START + frame.length);
    },
    send: (frame, control = 0) => {
      self.load(frame, control);
      self.set(ECON1, TXRTS);
    },
    status: () => self.readMemory(self.word(ETXND) + 1, 7),
    take: () => {
      if (self.read(EPKTCNT) === 0) return undefined;
      const header = self.readMemory(next, 6);
      const [n0 = 0, n1 = 0, l0 = 0, l1 = 0, s0 = 0, s1 = 0] = header;
      const packet = {
        next: n0 | (n1 << 8),
        length: l0 | (l1 << 8),
        status: s0 | (s1 << 8),
        octets: exchange(b.chip, [0x3a, ...new Array(l0 | (l1 << 8)).fill(0)]).slice(1),
      };
      next = packet.next;
      self.setWord(ERXRDPT, next === 0 ? RX_END : next - 1);
      self.set(ECON2, 0x40);
      return packet;
    },
  };
  return self;
}

/** A board in "wire" timing: the clock runs, the link is up. */
function wireBoard(): Board {
  const b = board("wire");
  b.clock.advance(1000);
  return b;
}

const undefinedAccess = (run: () => unknown) => expect(run).toThrow(UndefinedAccess);

const withFcs = (frame: Uint8Array): number[] => {
  const fcs = zlibCrc32(frame);
  return [...frame, fcs & 255, (fcs >>> 8) & 255, (fcs >>> 16) & 255, fcs >>> 24];
};

describe("SPI instructions, section 4.2", () => {
  test("ETH registers answer at once, MAC and MII registers after a dummy octet", () => {
    const b = board();
    b.select(EREVID);
    expect(exchange(b.chip, [EREVID & 31, 0])[1]).toBe(0x06);
    undefinedAccess(() => exchange(b.chip, [EREVID & 31, 0, 0]));
    b.select(MAMXFL);
    expect(exchange(b.chip, [MAMXFL & 31, 0, 0]).slice(1)).toEqual([0, 0x00]);
    b.setWord(MAMXFL, 0x05ee);
    expect(exchange(b.chip, [MAMXFL & 31, 0, 0]).slice(1)).toEqual([0, 0xee]);
    undefinedAccess(() => exchange(b.chip, [MAMXFL & 31, 0]));
    undefinedAccess(() => exchange(b.chip, [MAMXFL & 31, 0, 0, 0]));
  });

  test("a transaction that ends before its data, or goes on after it", () => {
    for (const instruction of [0x1f, 0x3a, 0x5f, 0x7a, 0x9f, 0xbf])
      undefinedAccess(() => exchange(board().chip, [instruction]));
    for (const instruction of [0x1f, 0x5f, 0x9f, 0xbf])
      undefinedAccess(() => exchange(board().chip, [instruction, 0, 0]));
    undefinedAccess(() => exchange(board().chip, [0xff, 0xff]));
    const { chip } = board();
    exchange(chip, [0x1f, 0]);
    exchange(chip, []);
  });

  test("what is no instruction", () => {
    for (const octet of [0x20, 0x39, 0x3b, 0x60, 0x7b, 0xc0, 0xdf, 0xe0, 0xfe])
      undefinedAccess(() => exchange(board().chip, [octet, 0]));
  });

  test("bit field commands set and clear bits of ETH registers, not of MAC and MII registers", () => {
    const b = board();
    b.write(EIE, 0x0b);
    b.set(EIE, 0xc0);
    expect(b.read(EIE)).toBe(0xcb);
    b.clear(EIE, 0x8a);
    expect(b.read(EIE)).toBe(0x41);
    for (const register of [MACON1, MACON3, MICMD, MAADR5, MISTAT]) {
      undefinedAccess(() => b.set(register, 1));
      undefinedAccess(() => b.clear(register, 1));
    }
  });

  test("statistics count octets and transactions; unselected it hears nothing", () => {
    const { chip } = board();
    exchange(chip, [0x1f, 0]);
    expect(chip.transfer(0x5f)).toBe(0xff);
    expect(chip.statistics).toMatchObject({ spiOctets: 2, transactions: 1 });
  });
});

type Row = readonly [name: string, register: number, reset: number, writable: number];

describe("registers, tables 3-1 and 3-2", () => {
  const pair = (name: string, register: number, reset: number, high: number): Row[] => [
    [`${name}L`, register, reset & 255, 0xff],
    [`${name}H`, register + 1, reset >> 8, high],
  ];
  const numbered = (name: string, register: number): Row[] =>
    Array.from({ length: 8 }, (_, i): Row => [`${name}${i}`, register + i, 0, 0xff]);

  const WRITABLE: readonly Row[] = [
    ...pair("ERDPT", ERDPT, 0x05fa, 0x1f),
    ...pair("EWRPT", EWRPT, 0, 0x1f),
    ...pair("ETXST", ETXST, 0, 0x1f),
    ...pair("ETXND", ETXND, 0, 0x1f),
    ...pair("ERXST", ERXST, 0x05fa, 0x1f),
    ...pair("ERXND", ERXND, 0x1fff, 0x1f),
    ...pair("EDMAST", 0x10, 0, 0x1f),
    ...pair("EDMAND", 0x12, 0, 0x1f),
    ...pair("EDMADST", 0x14, 0, 0x1f),
    ["EIE", EIE, 0, 0xfb],
    ...numbered("EHT", EHT0),
    ...numbered("EPMM", EPMM0),
    ...pair("EPMCS", EPMCS, 0, 0xff),
    ...pair("EPMO", EPMO, 0, 0x1f),
    ["ERXFCON", ERXFCON, 0xa1, 0xf7],
    ["MACON1", MACON1, 0, 0x0f],
    ["MACON3", MACON3, 0, 0xff],
    ["MACON4", 0x43, 0, 0x70],
    ["MABBIPG", 0x44, 0, 0x7f],
    ["MAIPGL", 0x46, 0, 0x7f],
    ["MAIPGH", 0x47, 0, 0x7f],
    ["MACLCON1", 0x48, 0x0f, 0x0f],
    ["MACLCON2", 0x49, 0x37, 0x3f],
    ...pair("MAMXFL", MAMXFL, 0x0600, 0xff),
    ["MIREGADR", MIREGADR, 0, 0x1f],
    ["MIWRL", MIWR, 0, 0xff],
    ...Array.from({ length: 6 }, (_, i): Row => [`MAADR at ${i}`, MAADR5 + i, 0, 0xff]),
    ["EBSTSD", 0x66, 0, 0xff],
    ["ECOCON", 0x75, 0x04, 0x07],
    ...pair("EPAUS", 0x78, 0x1000, 0xff),
  ];

  test.each(WRITABLE)("%s", (_name, register, reset, writable) => {
    const b = board();
    expect(b.read(register)).toBe(reset);
    b.write(register, writable);
    expect(b.read(register)).toBe(writable);
    b.write(register, 0);
    expect(b.read(register)).toBe(0);
    b.write(register, writable);
    b.reset();
    expect(b.read(register)).toBe(reset);
  });

  test.each([
    ["ERXWRPTL", ERXWRPT, 0],
    ["ERXWRPTH", ERXWRPT + 1, 0],
    ["EDMACSL", 0x16, 0],
    ["EDMACSH", 0x17, 0],
    ["EPKTCNT", EPKTCNT, 0],
    ["MIRDL", MIRD, 0],
    ["MIRDH", MIRD + 1, 0],
    ["EBSTCSL", 0x68, 0],
    ["MISTAT", MISTAT, 0],
    ["EREVID", EREVID, 6],
  ])("%s is read only", (_name, register, value) => {
    const b = board();
    expect(b.read(register)).toBe(value);
    undefinedAccess(() => b.write(register, 0));
  });

  test("bits that are not implemented read 0", () => {
    const b = board();
    b.write(ERDPT + 1, 0xff);
    b.write(0x48, 0xff);
    expect([b.read(ERDPT + 1), b.read(0x48)]).toEqual([0x1f, 0x0f]);
  });

  test("reserved bits must be written 0", () => {
    const reserved = [
      [EIE, 0x04],
      [EIR, 0x04],
      [ESTAT, 0x20],
      [ECON2, 0x10],
      [MACON1, 0x10],
      [0x43, 0x01],
      [0x43, 0x02],
    ] as const;
    for (const [register, bit] of reserved) undefinedAccess(() => board().write(register, bit));
  });

  test("addresses without register read 0 and ignore writes; reserved ones must not change; 1Ah is forbidden", () => {
    const b = board();
    for (const register of [0x18, 0x19, 0x32, 0x33, 0x45, 0x4f, 0x53, 0x6b, 0x71, 0x73, 0x74]) {
      b.write(register, 0xff);
      expect(b.read(register)).toBe(0);
    }
    for (const register of [0x41, 0x4c, 0x4d, 0x4e, 0x50, 0x51, 0x55, 0x76]) {
      expect(b.read(register)).toBe(0);
      b.write(register, 0);
      undefinedAccess(() => b.write(register, 1));
    }
    for (const bank of [0x00, 0x20, 0x40, 0x60]) {
      undefinedAccess(() => b.read(bank | 0x1a));
      undefinedAccess(() => b.write(bank | 0x1a, 0));
    }
  });

  test("1Bh to 1Fh are the same in all banks", () => {
    const b = board();
    b.write(EIE, 0x41);
    for (const bank of [0, 1, 2, 3]) {
      b.select(bank << 5);
      expect(b.read(EIE)).toBe(0x41);
      expect(b.read(ECON1) & 3).toBe(bank);
    }
  });

  test("flags are cleared by SPI, never set", () => {
    for (const bit of [0x08, 0x02, 0x01, 0x20]) undefinedAccess(() => board().set(EIR, bit));
    for (const bit of [0x40, 0x10, 0x02]) undefinedAccess(() => board().write(ESTAT, bit));
    board().set(EIR, 0x50);
  });

  test("what is not modelled says so", () => {
    const notModelled = [
      [ECON1, 0x20],
      [ERXFCON, 0x08],
      [0x67, 0x01],
      [0x77, 0x02],
      [MICMD, 0x02],
    ] as const;
    for (const [register, value] of notModelled)
      expect(() => board().write(register, value)).toThrow(NotModelled);
    for (const [register, value] of [
      [PHCON1, 0x4000],
      [PHCON2, 0x4000],
      [PHCON2, 0x2000],
    ] as const)
      expect(() => board().writePhy(register, value)).toThrow(NotModelled);
  });
});

describe("the buffer, section 3.2", () => {
  test("reading and writing advance the pointers, which wrap at the memory's end", () => {
    const b = board();
    b.writeMemory(0x1ffe, 1, 2, 3);
    expect(b.word(EWRPT)).toBe(0x0001);
    b.setWord(ERXND, 0x1ffd);
    expect(b.readMemory(0x1ffe, 3)).toEqual([1, 2, 3]);
    expect(b.word(ERDPT)).toBe(0x0001);
  });

  test("only the read pointer wraps at the receive buffer's end", () => {
    const b = board();
    b.setWord(ERXST, 0x0100);
    b.setWord(ERXND, 0x01ff);
    b.writeMemory(0x0100, 7);
    b.writeMemory(0x01ff, 8, 9);
    expect(b.readMemory(0x01ff, 2)).toEqual([8, 7]);
    expect(b.readMemory(0x0200, 1)).toEqual([9]);
  });

  test("without AUTOINC they stay", () => {
    const b = board();
    b.clear(ECON2, 0x80);
    b.writeMemory(0x10, 1, 2);
    expect(b.readMemory(0x10, 2)).toEqual([2, 2]);
    expect([b.word(EWRPT), b.word(ERDPT)]).toEqual([0x10, 0x10]);
  });

  test("its contents survive a reset by SPI", () => {
    const b = board();
    b.writeMemory(0x10, 0xab);
    b.reset();
    expect(b.readMemory(0x10, 1)).toEqual([0xab]);
  });
});

describe("receiving, section 7.2", () => {
  test("next pointer, status vector, frame, check sequence, even padding", () => {
    const b = board();
    b.open();
    const frame = frameTo(OWN, 61);
    b.far.give(frame, frameTo(OWN, 60));
    expect(b.word(ERXWRPT)).toBe(6 + 65 + 1 + 6 + 64);
    const packet = b.take();
    expect(packet).toEqual({ next: 72, length: 65, status: 0x00c0, octets: withFcs(frame) });
    expect(b.take()?.next).toBe(142);
    expect(b.read(EPKTCNT)).toBe(0);
    expect(b.chip.statistics.received).toBe(2);
  });

  test.each([
    ["group", frameTo(GROUP), 0x01c0],
    ["all", frameTo(ALL), 0x02c0],
    ["a right length field", frameTo(OWN, 60, 46), 0x0080],
    ["a wrong length field", frameTo(OWN, 60, 45), 0x00a0],
    ["the longest length field", frameTo(OWN, 1514, 1500), 0x0080],
    ["a wrong longest length field", frameTo(OWN, 1513, 1500), 0x00a0],
  ])("status: %s", (_name, frame, status) => {
    const b = board();
    b.open();
    b.far.give(frame);
    expect(b.take()?.status).toBe(status);
  });

  test("packets are whole across the buffer's end", () => {
    const b = board();
    b.open();
    for (let i = 0; i < 60; i++) {
      const frame = frameTo(OWN, 60 + ((i * 97) % 1455), 0x0800, i);
      b.far.give(frame);
      expect(b.take()?.octets).toEqual(withFcs(frame));
    }
  });

  test("RXEN and MARXEN are needed; RXRST clears RXEN, and must be cleared before it is set again", () => {
    const b = board();
    b.open();
    b.clear(ECON1, RXEN);
    b.far.give(frameTo(OWN));
    b.set(ECON1, RXEN);
    b.write(MACON1, 0);
    b.far.give(frameTo(OWN));
    b.write(MACON1, 1);
    b.set(ECON1, RXRST);
    expect(b.read(ECON1) & RXEN).toBe(0);
    undefinedAccess(() => b.set(ECON1, RXEN));
    expect(b.chip.statistics).toMatchObject({ received: 0, filtered: 2 });
  });

  test("frames beyond MAMXFL need HFRMEN", () => {
    const b = board();
    b.open();
    b.setWord(MAMXFL, 104);
    b.far.give(frameTo(OWN, 101), frameTo(OWN, 100));
    expect(b.take()?.length).toBe(104);
    b.clear(ECON1, RXEN);
    b.write(MACON3, 0x36);
    b.set(ECON1, RXEN);
    b.far.give(frameTo(OWN, 101));
    expect(b.take()?.length).toBe(105);
  });

  test("the write pointer stops before ERXRDPT; ERXRDPTL counts when ERXRDPTH is written", () => {
    const b = board();
    b.open();
    const big = frameTo(OWN, 1514);
    b.far.give(big, big, big, big);
    // Four packets of 1524 octets leave 47: example 7-2.
    expect(b.word(ERXWRPT)).toBe(6096);
    b.far.give(frameTo(OWN));
    expect(b.read(EPKTCNT)).toBe(4);
    b.write(ERXRDPT, 0xf3);
    expect(b.word(ERXRDPT)).toBe(RX_END);
    expect(b.read(EPKTCNT)).toBe(4);
    b.write(ERXRDPT + 1, 0x05);
    expect(b.word(ERXRDPT)).toBe(1523);
    expect(b.read(EPKTCNT)).toBe(5);
  });

  test.each([
    [1560, 4],
    [1561, 3],
  ])("the buffer is used to the last octet, and not beyond: a last frame of %i octets", (length, packets) => {
    const b = board();
    b.chip.holdsBack = false;
    b.open();
    b.setWord(MAMXFL, 2000);
    for (let i = 0; i < 3; i++) b.far.give(frameTo(OWN, 1514));
    // Three packets of 1524 octets leave 1570 of 6142: example 7-2.
    b.far.give(frameTo(OWN, length));
    expect(b.read(EPKTCNT)).toBe(packets);
    expect(b.chip.statistics.overruns).toBe(4 - packets);
  });

  test.each([
    [1560, 1514, [5, 6]],
    [1560, 1515, [5, 5]],
    [1561, 1514, [4, 5]],
  ])("and what was freed, up to ERXRDPT: frames of %i and %i octets", (first, second, packets) => {
    const b = board();
    b.chip.holdsBack = false;
    b.open();
    b.setWord(MAMXFL, 2000);
    for (let i = 0; i < 4; i++) b.far.give(frameTo(OWN, 1514));
    // The first packet's 1524 octets freed, 1570 in all; then the second's, with the write pointer at 1522 before it.
    b.setWord(ERXRDPT, 1523);
    b.far.give(frameTo(OWN, first));
    const after = b.read(EPKTCNT);
    b.setWord(ERXRDPT, 3047);
    b.far.give(frameTo(OWN, second));
    expect([after, b.read(EPKTCNT)]).toEqual(packets);
  });

  test("255 packets and no more", () => {
    const b = board();
    b.chip.holdsBack = false;
    b.open();
    for (let i = 0; i < 256; i++) {
      b.far.give(frameTo(OWN));
      const at = b.word(ERXWRPT);
      b.setWord(ERXRDPT, at === 0 ? RX_END : at - 1);
    }
    expect(b.read(EPKTCNT)).toBe(255);
    expect(b.chip.statistics.overruns).toBe(1);
    expect(b.read(EIR) & 0x01).toBe(0x01);
  });

  test("PKTDEC makes room for a packet that waits", () => {
    const b = board();
    b.open();
    for (let i = 0; i < 256; i++) {
      b.far.give(frameTo(OWN));
      const at = b.word(ERXWRPT);
      b.setWord(ERXRDPT, at === 0 ? RX_END : at - 1);
    }
    expect(b.chip.statistics.received).toBe(255);
    b.set(ECON2, 0x40);
    expect(b.chip.statistics.received).toBe(256);
    expect(b.read(EPKTCNT)).toBe(255);
  });

  test("PKTDEC counts down and clears itself; below 0 it is undefined", () => {
    const b = board();
    b.open();
    b.far.give(frameTo(OWN), frameTo(OWN));
    b.set(ECON2, 0x40);
    expect(b.read(EPKTCNT)).toBe(1);
    expect(b.read(ECON2)).toBe(0x80);
    b.write(ECON2, 0xc0);
    expect(b.read(EPKTCNT)).toBe(0);
    undefinedAccess(() => b.set(ECON2, 0x40));
  });

  test("overflow: RXERIF and BUFER, until they are cleared", () => {
    const b = board();
    b.chip.holdsBack = false;
    b.open();
    for (let i = 0; i < 5; i++) b.far.give(frameTo(OWN, 1514));
    expect(b.read(EIR) & 0x01).toBe(0x01);
    expect(b.read(ESTAT) & 0x40).toBe(0x40);
    b.clear(EIR, 0x01);
    b.clear(ESTAT, 0x40);
    expect(b.read(EIR) & 0x01).toBe(0);
    expect(b.read(ESTAT) & 0x40).toBe(0);
    expect(b.chip.statistics).toMatchObject({ received: 4, overruns: 1 });
  });

  test("ERXST and ERXND stay as they are while RXEN is set", () => {
    for (const register of [ERXST, ERXST + 1, ERXND, ERXND + 1]) {
      const b = board();
      b.open();
      undefinedAccess(() => b.write(register, 0));
    }
  });
});

describe("filters, chapter 8", () => {
  const passes = (b: Board, frame: Uint8Array): boolean => {
    const before = b.chip.statistics.received;
    b.far.give(frame);
    return b.chip.statistics.received > before;
  };

  test.each([
    ["none", 0x20, [true, true, true, true]],
    ["UCEN", 0xa0, [true, false, false, false]],
    ["BCEN", 0x21, [false, false, true, false]],
    ["MCEN", 0x22, [false, false, true, true]],
    ["UCEN or BCEN", 0xa1, [true, false, true, false]],
    ["UCEN or MCEN", 0xa2, [true, false, true, true]],
    ["MCEN and BCEN", 0x63, [false, false, true, false]],
    ["UCEN and BCEN", 0xe1, [false, false, false, false]],
  ])("%s", (_name, filters, expected) => {
    const b = board();
    b.open(filters);
    expect([OWN, OTHER, ALL, GROUP].map((to) => passes(b, frameTo(to)))).toEqual(expected);
    expect(b.chip.statistics.filtered).toBe(expected.filter((pass) => !pass).length);
  });

  test("every octet of the address counts, in the order MAADR1 to MAADR6", () => {
    const b = board();
    b.open(0x80);
    for (let i = 0; i < 6; i++)
      expect(passes(b, frameTo(OWN.map((octet, at) => (at === i ? octet ^ 0x10 : octet))))).toBe(false);
  });

  test("the hash table: bits 28:23 of the check register over the destination", () => {
    // By hand, bit by bit, as section 8.4 has it.
    const position = (address: readonly number[]) => {
      let register = 0xffffffffn;
      for (const octet of address)
        for (let bit = 0; bit < 8; bit++) {
          const top = (register >> 31n) ^ BigInt((octet >> bit) & 1);
          register = (register << 1n) & 0xffffffffn;
          if (top) register ^= 0x04c11db7n;
        }
      return Number((register >> 23n) & 63n);
    };
    for (const to of [GROUP, OTHER, [0x33, 0x33, 0, 0, 0, 1]]) {
      const b = board();
      b.open(0x04);
      expect(passes(b, frameTo(to))).toBe(false);
      const at = position(to);
      b.write(EHT0 + (at >> 3), 1 << (at & 7));
      expect(passes(b, frameTo(to))).toBe(true);
      b.write(EHT0 + (at >> 3), ~(1 << (at & 7)) & 255);
      expect(passes(b, frameTo(to))).toBe(false);
    }
  });

  test("a pattern: the checksum over the octets that the mask names, from an offset", () => {
    const b = board();
    b.open(0x10);
    // ARP to all: octets 0 to 5, 12 and 13, of which the words add up to 0806h.
    b.write(EPMM0, 0x3f);
    b.write(EPMM0 + 1, 0x30);
    b.setWord(EPMCS, 0xf7f9);
    expect(passes(b, frameTo(ALL, 60, 0x0806))).toBe(true);
    expect(passes(b, frameTo(ALL, 60, 0x0800))).toBe(false);
    expect(passes(b, frameTo(OWN, 60, 0x0806))).toBe(false);
    b.setWord(EPMO, 2);
    expect(passes(b, frameTo(ALL, 60, 0x0806))).toBe(false);
    b.write(EPMM0, 0x00);
    b.write(EPMM0 + 1, 0x0c);
    expect(passes(b, frameTo(ALL, 62, 0x0806))).toBe(true);
    expect(passes(b, frameTo(ALL, 61, 0x0806))).toBe(false);
  });

  test("control frames need PASSALL", () => {
    const b = board();
    b.open();
    const pause = frameTo([0x01, 0x80, 0xc2, 0, 0, 1], 60, 0x8808);
    expect(passes(b, pause)).toBe(false);
    b.write(MACON1, 0x03);
    expect(passes(b, pause)).toBe(true);
    expect((b.take()?.status ?? 0) & 0x0800).toBe(0x0800);
  });
});

describe("sending, section 7.1", () => {
  test("ETXST to ETXND without the control octet; then TXIF, the status vector behind it, and TXRTS is clear", () => {
    const b = board();
    b.open();
    const frame = frameTo(OTHER, 1514);
    b.send(frame);
    expect(b.far.taken).toEqual([frame]);
    expect(b.read(ECON1) & TXRTS).toBe(0);
    expect(b.read(EIR) & 0x0a).toBe(0x08);
    expect(b.status()).toEqual([0xee, 0x05, 0xc0, 0x00, 0xee, 0x05, 0x00]);
    expect(b.chip.statistics.sent).toBe(1);
  });

  test.each([
    ["to a group", GROUP, 0x01],
    ["to all", ALL, 0x02],
  ])("status: %s", (_name, to, bits) => {
    const b = board();
    b.open();
    b.send(frameTo(to));
    expect(b.status()[3]).toBe(bits);
  });

  const short = frameTo(OTHER, 42);
  test.each([
    ["MACON3 60", 0x32, 0x00, 60],
    ["MACON3 64", 0x72, 0x00, 64],
    ["MACON3 by type", 0xb2, 0x00, 60],
    ["MACON3 64 too", 0xf2, 0x00, 64],
    ["the control octet", 0x10, 0x07, 60],
  ])("padding by %s", (_name, macon3, control, length) => {
    const b = board();
    b.open();
    b.clear(ECON1, RXEN);
    b.write(MACON3, macon3);
    b.send(short, control);
    expect(b.far.taken).toEqual([Uint8Array.from([...short, ...new Array(length - 42).fill(0)])]);
    expect(b.status()[0]).toBe(length + 4);
  });

  test("VLAN frames are padded to 64 by type", () => {
    const b = board();
    b.open();
    b.clear(ECON1, RXEN);
    b.write(MACON3, 0xb2);
    b.send(frameTo(OTHER, 42, 0x8100));
    expect(b.far.taken[0]).toHaveLength(64);
  });

  test("without padding a short frame is a runt that nobody receives", () => {
    for (const [macon3, control] of [
      [0x12, 0x00],
      [0x32, 0x03],
    ] as const) {
      const b = board();
      b.open();
      b.clear(ECON1, RXEN);
      b.write(MACON3, macon3);
      b.send(short, control);
      expect(b.far.taken).toEqual([]);
      expect(b.read(EIR) & 0x08).toBe(0x08);
    }
  });

  test("without the chip's check sequence the host's own counts; a wrong one is lost", () => {
    const b = board();
    b.open();
    b.clear(ECON1, RXEN);
    b.write(MACON3, 0x00);
    const frame = frameTo(OTHER, 60);
    b.send(withFcs(frame));
    expect(b.far.taken).toEqual([frame]);
    expect((b.status()[2] as number) & 0x10).toBe(0);
    b.send(withFcs(frame).map((octet, i) => (i === 20 ? octet ^ 1 : octet)));
    expect(b.far.taken).toHaveLength(1);
    expect((b.status()[2] as number) & 0x10).toBe(0x10);
    b.write(MACON3, 0x20);
    undefinedAccess(() => b.send(short));
  });

  test("beyond MAMXFL it is aborted, unless huge frames are allowed", () => {
    const b = board();
    b.open();
    b.setWord(MAMXFL, 104);
    b.send(frameTo(OTHER, 101));
    expect(b.far.taken).toEqual([]);
    expect(b.read(EIR) & 0x0a).toBe(0x0a);
    expect(b.read(ESTAT) & 0x12).toBe(0x02);
    expect(b.status()[3]).toBe(0x40);
    b.clear(ESTAT, 0x02);
    expect(b.read(ESTAT) & 0x02).toBe(0);
    b.send(frameTo(OTHER, 100));
    b.send(frameTo(OTHER, 101), 0x0b);
    expect(b.far.taken).toHaveLength(2);
  });

  test("TXRTS for nothing, or while the transmitter is in reset", () => {
    const b = board();
    b.open();
    b.setWord(ETXST, 0x1800);
    for (const end of [0x17ff, 0x1800, 0x180d]) {
      b.setWord(ETXND, end);
      undefinedAccess(() => b.set(ECON1, TXRTS));
    }
    b.load(frameTo(OTHER));
    b.set(ECON1, TXRST);
    undefinedAccess(() => b.set(ECON1, TXRTS));
  });

  test("wire timing: 10 Mbit/s, and TXSTAT meanwhile", () => {
    const b = wireBoard();
    b.open();
    b.load(frameTo(OTHER, 1000));
    const start = b.us();
    b.set(ECON1, TXRTS);
    expect(b.read(ECON1) & TXRTS).toBe(TXRTS);
    expect(b.readPhy(PHSTAT2) & 0x2000).toBe(0x2000);
    expect(b.clock.runUntil(() => b.far.taken.length > 0, 10)).toBe(true);
    expect(b.us() - start).toBeCloseTo((8 + 1000 + 4) * 0.8, 2);
    expect(b.read(ECON1) & TXRTS).toBe(0);
    expect(b.readPhy(PHSTAT2) & 0x2000).toBe(0);
  });

  test("while a frame leaves, its octets, pointers and MAC registers are not to be touched", () => {
    const touched: readonly ((b: Board) => void)[] = [
      (b) => b.write(ETXST, 0),
      (b) => b.write(ETXND + 1, 0),
      (b) => b.write(MACON3, 0x32),
      (b) => b.setWord(MAMXFL, 1518),
      (b) => b.writeMemory(TX_START + 1, 0),
      (b) => b.readMemory(TX_START + 60, 1),
    ];
    for (const touch of touched) {
      const b = wireBoard();
      b.open();
      b.send(frameTo(OTHER));
      undefinedAccess(() => touch(b));
      b.readMemory(TX_START + 61, 1);
      b.clock.advance(1);
      touch(b);
    }
  });

  test("the host can cancel: TXABRT and TXIF, and nothing goes out", () => {
    const b = wireBoard();
    b.open();
    b.send(frameTo(OTHER));
    b.clear(ECON1, TXRTS);
    expect(b.read(ESTAT) & 0x02).toBe(0x02);
    expect(b.read(EIR) & 0x08).toBe(0x08);
    b.clock.advance(1);
    expect(b.far.taken).toEqual([]);
  });

  test("without a link it sends all the same, and nobody hears", () => {
    const b = board();
    b.open();
    b.chip.setCable(false);
    b.send(frameTo(OTHER));
    expect(b.read(EIR) & 0x08).toBe(0x08);
    expect(b.far.taken).toEqual([]);
    expect(b.chip.statistics.sent).toBe(0);
  });

  test("in half duplex its own frames come back unless HDLDIS is set", () => {
    for (const [phcon2, received] of [
      [0x0100, 0],
      [0x0000, 1],
    ] as const) {
      const b = board();
      b.open();
      b.writePhy(PHCON2, phcon2);
      b.send(frameTo(ALL));
      expect(b.chip.statistics.received).toBe(received);
    }
  });

  test("MAC and PHY must agree on the duplex mode, sections 6.5 and 9", () => {
    const b = board();
    b.open();
    b.clear(ECON1, RXEN);
    b.write(MACON3, 0x33);
    undefinedAccess(() => b.set(ECON1, RXEN));
    undefinedAccess(() => b.send(frameTo(OTHER)));
    b.clear(ECON1, TXRTS | RXEN);
    b.writePhy(PHCON1, 0x0100);
    b.writePhy(PHCON2, 0);
    b.set(ECON1, RXEN);
    b.send(frameTo(ALL));
    expect(b.chip.statistics.received).toBe(0);
    expect(b.readPhy(PHSTAT2) & 0x0200).toBe(0x0200);
  });
});

describe("interrupts, chapter 12", () => {
  test("INT is INTIE with an enabled flag; ESTAT.INT shows it", () => {
    const b = board();
    b.open();
    b.far.give(frameTo(OWN));
    b.set(EIE, 0x40);
    expect(b.chip.interrupt).toBe(false);
    b.set(EIE, 0x80);
    expect(b.chip.interrupt).toBe(true);
    expect(b.read(ESTAT) & 0x80).toBe(0x80);
    b.clear(EIE, 0x80);
    expect(b.read(ESTAT) & 0x80).toBe(0);
    b.set(EIE, 0x80);
    b.take();
    expect(b.interrupts).toEqual([true, false, true, false]);
  });

  test.each([
    ["TXIF", 0x08, (b: Board) => b.send(frameTo(OTHER))],
    ["TXERIF", 0x02, (b: Board) => b.send(frameTo(OTHER, 1515))],
    [
      "RXERIF",
      0x01,
      (b: Board) => {
        b.chip.overrun();
        b.far.give(frameTo(OWN));
      },
    ],
  ])("%s", (_name, bit, cause) => {
    const b = board();
    b.open();
    b.write(EIE, 0x80 | (~bit & 0x7b));
    cause(b);
    b.clear(EIR, ~bit & 0x2b);
    expect(b.chip.interrupt).toBe(false);
    b.set(EIE, bit);
    expect(b.chip.interrupt).toBe(true);
    b.clear(EIR, bit);
    expect(b.chip.interrupt).toBe(false);
    cause(b);
    expect(b.chip.interrupt).toBe(true);
  });

  test("LINKIF follows PHIR when PHIE allows it, and reading PHIR clears it", () => {
    const b = board();
    b.write(EIE, 0x90);
    b.chip.setCable(false);
    expect(b.read(EIR) & 0x10).toBe(0);
    b.writePhy(PHIE, 0x0012);
    b.readPhy(PHIR);
    b.chip.setCable(true);
    expect(b.read(EIR) & 0x10).toBe(0x10);
    expect(b.chip.interrupt).toBe(true);
    b.clear(EIR, 0x10);
    expect(b.chip.interrupt).toBe(true);
    expect(b.readPhy(PHIR)).toBe(0x0014);
    expect(b.read(EIR) & 0x10).toBe(0);
    expect(b.chip.interrupt).toBe(false);
    expect(b.readPhy(PHIR)).toBe(0);
    b.writePhy(PHIE, 0x0010);
    b.chip.setCable(false);
    expect(b.chip.interrupt).toBe(false);
  });
});

test("wire timing: reading PHIR takes the interrupt back when the access is over", () => {
  const b = wireBoard();
  b.write(EIE, 0x90);
  b.writePhy(PHIE, 0x0012);
  b.chip.setCable(false);
  expect(b.chip.interrupt).toBe(true);
  b.write(MIREGADR, PHIR);
  b.write(MICMD, 1);
  expect(b.chip.interrupt).toBe(true);
  b.clock.advance(0.011);
  expect(b.chip.interrupt).toBe(false);
});

describe("the PHY, section 3.3", () => {
  test("reset values", () => {
    const b = board();
    const values = [PHCON1, 0x02, 0x03, PHCON2, PHIE, PHLCON].map((register) => b.readPhy(register));
    expect(values).toEqual([0, 0x0083, 0x1400, 0, 0, 0x3422]);
  });

  test("a LED at LEDB wired for full duplex sets PDPXMD after reset", () => {
    const b = board();
    b.chip.ledbFullDuplex = true;
    b.reset();
    expect(b.readPhy(PHCON1)).toBe(0x0100);
  });

  test("PHLCON: bits 15, 14 and 0 are written 0, bits 13 and 12 are written 1", () => {
    const b = board();
    b.writePhy(PHLCON, 0x3d56);
    expect(b.readPhy(PHLCON) & 0x0fff).toBe(0x0d56);
    for (const value of [0x0476, 0x1476, 0x7476, 0xb476, 0x3477])
      undefinedAccess(() => b.writePhy(PHLCON, value));
  });

  test("reserved bits of PHCON1 and PHCON2; read-only registers; registers that are not there", () => {
    const b = board();
    for (const [register, value] of [
      [PHCON1, 0x0400],
      [PHCON1, 0x0080],
      [PHCON2, 0x0001],
      [PHCON2, 0x1000],
      [PHSTAT1, 0],
      [PHSTAT2, 0],
      [PHIR, 0],
      [0x02, 0],
      [0x04, 0],
      [0x1f, 0],
    ] as const)
      undefinedAccess(() => b.writePhy(register, value));
    for (const register of [0x04, 0x0f, 0x15]) undefinedAccess(() => board().readPhy(register));
  });

  test("the link: LSTAT is now, LLSTAT holds a loss until it was read", () => {
    const b = board();
    b.readPhy(PHSTAT1);
    expect([b.readPhy(PHSTAT1), b.readPhy(PHSTAT2)]).toEqual([0x1804, 0x0400]);
    b.chip.setCable(false);
    b.chip.setCable(true);
    expect(b.readPhy(PHSTAT2)).toBe(0x0400);
    expect(b.readPhy(PHSTAT1)).toBe(0x1800);
    expect(b.readPhy(PHSTAT1)).toBe(0x1804);
    b.chip.setCable(false);
    expect([b.readPhy(PHSTAT1), b.readPhy(PHSTAT1), b.readPhy(PHSTAT2)]).toEqual([0x1800, 0x1800, 0]);
  });

  test("a read begins when MIIRD becomes set, once", () => {
    const b = board();
    b.write(MIREGADR, 0x02);
    b.write(MICMD, 1);
    b.write(MIREGADR, 0x03);
    b.write(MICMD, 1);
    expect(b.word(MIRD)).toBe(0x0083);
    undefinedAccess(() => b.write(MIWR + 1, 0));
    b.write(MICMD, 0);
    b.write(MICMD, 1);
    expect(b.word(MIRD)).toBe(0x1400);
  });

  test("wire timing: an access takes 10.24 us, BUSY meanwhile, and no other may begin", () => {
    const b = wireBoard();
    b.write(MIREGADR, 0x02);
    const start = b.us();
    b.write(MICMD, 1);
    expect([b.read(MISTAT), b.word(MIRD)]).toEqual([1, 0]);
    undefinedAccess(() => b.write(MIWR + 1, 0));
    b.write(MICMD, 0);
    undefinedAccess(() => b.write(MICMD, 1));
    b.clock.runUntil(() => b.read(MISTAT) === 0, 1);
    expect(b.us() - start).toBeCloseTo(10.24, 2);
    expect(b.word(MIRD)).toBe(0x0083);
    b.write(MICMD, 0);
    b.write(MIREGADR, PHIE);
    b.setWord(MIWR, 0x0012);
    expect(b.read(MISTAT)).toBe(1);
    b.clock.advance(0.011);
    expect(b.readPhy(PHIE)).toBe(0x0012);
  });

  test("PRST clears itself and resets the PHY; PPWRSV takes the link down", () => {
    const b = wireBoard();
    b.writePhy(PHIE, 0x0012);
    b.writePhy(PHCON1, 0x8000);
    expect([b.readPhy(PHCON1), b.readPhy(PHIE)]).toEqual([0, 0]);
    expect(b.chip.linkUp).toBe(false);
    b.clock.advance(1000);
    expect(b.chip.linkUp).toBe(true);
    b.writePhy(PHCON1, 0x0800);
    b.clock.advance(1000);
    expect(b.chip.linkUp).toBe(false);
    b.writePhy(PHCON1, 0x0000);
    b.clock.advance(1000);
    expect(b.chip.linkUp).toBe(true);
  });
});

describe("clock, resets, power: sections 2.2, 11 and 14", () => {
  test("wire timing: CLKRDY 300 us after power; MAC and PHY not before", () => {
    const b = board("wire");
    expect(b.read(ESTAT) & 1).toBe(0);
    expect(b.read(EREVID)).toBe(6);
    undefinedAccess(() => b.write(MACON1, 1));
    undefinedAccess(() => b.read(MACON3));
    b.clock.advance(0.299);
    expect(b.read(ESTAT) & 1).toBe(0);
    b.clock.advance(0.002);
    expect(b.read(ESTAT) & 1).toBe(1);
    b.write(MACON1, 1);
  });

  test("the reset pin: 400 ns; in reset it does not answer", () => {
    const b = wireBoard();
    b.write(ERXFCON, 0);
    b.chip.reset(true);
    expect(b.read(EREVID)).toBe(0xff);
    b.clock.advance(0.0003);
    undefinedAccess(() => b.chip.reset(false));
    b.chip.reset(true);
    b.clock.advance(0.0005);
    b.chip.reset(false);
    expect(b.read(ERXFCON)).toBe(0xa1);
    expect(b.read(ESTAT) & 1).toBe(0);
  });

  test("power save: no clock and no link; 300 us after its end there is a clock again", () => {
    const b = wireBoard();
    b.open();
    undefinedAccess(() => b.set(ECON2, 0x20));
    b.clear(ECON2, 0x20);
    b.clear(ECON1, RXEN);
    b.clock.advance(1000);
    b.set(ECON2, 0x28);
    expect(b.read(ESTAT) & 1).toBe(0);
    expect(b.chip.linkUp).toBe(false);
    expect(b.read(ERXFCON)).toBe(0);
    undefinedAccess(() => b.read(MACON1));
    b.clear(ECON2, 0x28);
    b.clock.advance(0.299);
    expect(b.read(ESTAT) & 1).toBe(0);
    b.clock.advance(0.002);
    expect(b.read(ESTAT) & 1).toBe(1);
    expect(b.read(MACON1)).toBe(1);
    b.clock.advance(1000);
    expect(b.chip.linkUp).toBe(true);
  });

  test("without power it is absent: EREVID reads what the board's MISO floats to", () => {
    const b = board();
    b.chip.setPower(false);
    expect(b.read(EREVID)).toBe(0xff);
    b.chip.floatingOctet = 0x00;
    expect(b.read(EREVID)).toBe(0x00);
    b.chip.setPower(true);
    expect(b.read(EREVID)).toBe(0x06);
  });

  test("wire timing of what arrives, and RXBUSY meanwhile", () => {
    const b = wireBoard();
    b.open();
    const start = b.us();
    b.far.give(frameTo(OWN, 100));
    expect(b.read(ESTAT) & 0x04).toBe(0x04);
    b.clock.runUntil(() => b.chip.statistics.received === 1, 10);
    expect(b.us() - start).toBeCloseTo((8 + 100 + 4) * 0.8, 2);
    b.clock.advance(1);
    expect(b.read(ESTAT) & 0x04).toBe(0);
  });
});

describe("what a reset forgets", () => {
  test.each([
    ["by SPI", (b: Board) => b.reset()],
    [
      "by the pin",
      (b: Board) => {
        b.chip.reset(true);
        b.chip.reset(false);
      },
    ],
    ["by the supply", (b: Board) => b.chip.brownOut()],
  ])("%s: packets, pointers, flags, the stalled transmitter, what the PHY was asked", (_name, reset) => {
    const b = board();
    b.open();
    b.writePhy(PHIE, 0x0012);
    b.chip.setCable(false);
    b.chip.setCable(true);
    b.write(EIE, 0xd0);
    b.far.give(frameTo(OWN));
    b.chip.stallTransmitter();
    b.send(frameTo(OTHER));
    b.readPhy(0x02);
    b.write(ERXRDPT, 0x11);
    expect(b.chip.interrupt).toBe(true);
    reset(b);
    expect(b.chip.interrupt).toBe(false);
    expect([b.read(EPKTCNT), b.word(ERXWRPT), b.word(MIRD), b.read(ECON1)]).toEqual([0, 0, 0, MIRD >> 5]);
    b.write(ERXRDPT + 1, 0x05);
    expect(b.word(ERXRDPT)).toBe(0x05fa);
    expect(b.readPhy(PHIE)).toBe(0);
    expect(b.readPhy(PHSTAT1)).toBe(0x1800);
    b.reset();
    b.open();
    b.send(frameTo(OTHER));
    expect(b.far.taken).toHaveLength(1);
  });

  test("an access to the PHY that was under way", () => {
    const b = wireBoard();
    b.write(MIREGADR, 0x02);
    b.write(MICMD, 1);
    b.reset();
    b.clock.advance(2);
    expect([b.read(MISTAT), b.word(MIRD)]).toEqual([0, 0]);
  });
});

describe("errata of revision B7, DS80349C", () => {
  test("2: after a reset by SPI CLKRDY is set, and MAC and PHY do not work for 1 ms", () => {
    const b = wireBoard();
    b.reset();
    expect(b.read(ESTAT) & 1).toBe(1);
    undefinedAccess(() => b.write(MACON1, 1));
    b.clock.advance(0.999);
    undefinedAccess(() => b.read(MISTAT));
    b.clock.advance(0.002);
    b.write(MACON1, 1);
  });

  test("5: writing ERXST or ERXND sets the write pointer to 0, not to ERXST", () => {
    const b = board();
    b.open();
    b.clear(ECON1, RXEN);
    b.setWord(ERXST, 0x0800);
    expect(b.word(ERXWRPT)).toBe(0);
    b.set(ECON1, RXEN);
    b.far.give(frameTo(OWN));
    expect(b.readMemory(0x0800, 4)).toEqual([0, 0, 0, 0]);
    expect(b.readMemory(2, 2)).toEqual([64, 0]);
    b.clear(ECON1, RXEN);
    for (const register of [ERXST, ERXST + 1, ERXND, ERXND + 1]) {
      b.set(ECON1, RXEN);
      b.far.give(frameTo(OWN));
      b.clear(ECON1, RXEN);
      expect(b.word(ERXWRPT)).not.toBe(0);
      b.write(register, b.read(register));
      expect(b.word(ERXWRPT)).toBe(0);
    }
  });

  test("6: PKTIF misses the last packet; INT and EPKTCNT do not", () => {
    const b = board();
    b.open();
    b.write(EIE, 0xc0);
    b.far.give(frameTo(OWN));
    expect(b.read(EIR) & 0x40).toBe(0);
    expect(b.chip.interrupt).toBe(true);
    expect(b.read(EPKTCNT)).toBe(1);
    b.far.give(frameTo(OWN));
    expect(b.read(EIR) & 0x40).toBe(0x40);
  });

  test("12: after an abort nothing goes out, and TXRTS stays set, until TXRST is pulsed, which sets TXERIF", () => {
    const b = board();
    b.open();
    b.chip.collideLate();
    b.send(frameTo(OTHER));
    expect(b.read(EIR) & 0x0a).toBe(0x0a);
    b.clear(EIR, 0x0a);
    b.send(frameTo(OTHER));
    expect(b.read(ECON1) & TXRTS).toBe(TXRTS);
    expect(b.read(EIR) & 0x0a).toBe(0);
    b.clear(ECON1, TXRTS);
    b.set(ECON1, TXRTS);
    expect(b.far.taken).toEqual([]);
    b.set(ECON1, TXRST);
    expect(b.read(ECON1) & TXRTS).toBe(0);
    expect(b.read(EIR) & 0x02).toBe(0);
    b.clear(ECON1, TXRST);
    expect(b.read(EIR) & 0x02).toBe(0x02);
    b.clear(EIR, 0x02);
    b.send(frameTo(OTHER));
    expect(b.far.taken).toHaveLength(1);
    expect(b.read(EIR) & 0x0a).toBe(0x08);
  });

  test("13 and 15: a late collision is in the status vector, not in LATECOL", () => {
    const b = board();
    b.open();
    b.chip.collideLate();
    b.send(frameTo(OTHER));
    expect((b.status()[3] as number) & 0x20).toBe(0x20);
    expect((b.status()[2] as number) & 0x80).toBe(0);
    expect(b.read(ESTAT) & 0x12).toBe(0x02);
    expect(b.far.taken).toEqual([]);
  });

  test("14: while ERXRDPT is even, the headers of packets are damaged", () => {
    const b = board();
    b.open();
    b.setWord(ERXRDPT, RX_END - 1);
    b.far.give(frameTo(OWN));
    b.setWord(ERXRDPT, RX_END);
    b.far.give(frameTo(OWN));
    expect(b.readMemory(0, 4)).not.toEqual([70, 0, 64, 0]);
    expect(b.readMemory(6, 64)).toEqual(withFcs(frameTo(OWN)));
    expect(b.readMemory(70, 4)).toEqual([140, 0, 64, 0]);
  });
});

describe("faults", () => {
  test("a bogus next pointer, a bogus length, a corrupted status, for one packet each", () => {
    const b = board();
    b.open();
    b.chip.bogusNextPointer(0xbeef);
    b.chip.bogusLength(3);
    b.chip.corruptStatus(0x0010);
    for (let i = 0; i < 4; i++) b.far.give(frameTo(OWN));
    expect(b.readMemory(0, 6)).toEqual([0xef, 0xbe, 64, 0, 0xc0, 0]);
    expect(b.readMemory(70, 6)).toEqual([140, 0, 3, 0, 0xc0, 0]);
    expect(b.readMemory(140, 6)).toEqual([210, 0, 64, 0, 0x10, 0]);
    expect(b.readMemory(210, 6)).toEqual([24, 1, 64, 0, 0xc0, 0]);
  });

  test("a stalled transmitter: TXRTS stays, no flag comes, until TXRST is pulsed", () => {
    const b = board();
    b.open();
    b.chip.stallTransmitter();
    b.send(frameTo(OTHER));
    b.clear(ECON1, TXRTS);
    expect(b.read(EIR) & 0x0a).toBe(0);
    b.set(ECON1, TXRTS);
    expect(b.far.taken).toEqual([]);
    b.set(ECON1, TXRST);
    b.clear(ECON1, TXRST);
    b.send(frameTo(OTHER));
    expect(b.far.taken).toHaveLength(1);
  });

  test("a lost edge: INT stays inactive until nothing is pending, and something is anew", () => {
    const b = board();
    b.open();
    b.write(EIE, 0xc0);
    b.chip.loseInterrupts();
    b.far.give(frameTo(OWN));
    expect(b.chip.interrupt).toBe(false);
    b.take();
    b.far.give(frameTo(OWN));
    expect(b.interrupts).toEqual([true]);
  });

  test.each([
    ["zeros", 0x00],
    ["ones", 0xff],
  ] as const)("the bus stuck at %s", (level, octet) => {
    const b = board();
    b.chip.stuck = level;
    expect(b.read(EREVID)).toBe(octet);
    b.write(EIE, 0x41);
    b.chip.stuck = undefined;
    expect(b.read(EIE)).toBe(0x41);
  });

  test("another revision", () => {
    const b = board();
    b.chip.revision = 0x05;
    expect(b.read(EREVID)).toBe(0x05);
  });

  test("a brown-out: forgotten all, and forgiven what the driver cannot know, until it resets the chip", () => {
    const b = wireBoard();
    b.open();
    b.write(EIE, 0xc0);
    b.far.give(frameTo(OWN));
    b.clock.advance(1);
    b.chip.brownOut();
    expect(b.chip.interrupt).toBe(false);
    expect(b.read(ERXFCON)).toBe(0xa1);
    b.set(ECON2, 0x40);
    b.set(ECON1, TXRTS);
    expect(b.read(ECON1) & TXRTS).toBe(0);
    undefinedAccess(() => b.read(0x1a));
    // It believes in its bank, and may write back what it read from a stuck bus.
    for (const octets of [
      [0x0a, 0, 0],
      [0x4e, 1],
      [0x5f, 0xff],
      [0x5f, 0],
    ])
      exchange(b.chip, octets);
    b.clock.advance(1);
    for (const [register, value] of [
      [MACON1, 0xff],
      [MICMD, 0xff],
      [ERXFCON, 0xff],
      [0x41, 1],
    ] as const)
      b.write(register, value);
    b.reset();
    undefinedAccess(() => exchange(b.chip, [0x0a, 0, 0]));
    expect(() => b.write(ECON1, 0x20)).toThrow(NotModelled);
    undefinedAccess(() => b.set(ECON2, 0x40));
    b.clock.advance(1000);
    expect(b.chip.linkUp).toBe(true);
  });

  test("`onUndefined` in place of the error: the access has no effect", () => {
    const b = board();
    const heard: string[] = [];
    b.chip.onUndefined = (what) => heard.push(what);
    exchange(b.chip, [0xc0, 1, 2]);
    b.set(MACON3, 0x10);
    b.write(EPKTCNT, 3);
    b.set(EIR, 0x08);
    expect(heard).toHaveLength(4);
    expect([b.read(MACON3), b.read(EPKTCNT), b.read(EIR)]).toEqual([0, 0, 0]);
  });
});
