// The model of the W5500 against its datasheet, version 1.0.9: register by register, then what it does. Addresses and
// values stand here as in the datasheet, not by the model's names.

import { describe, expect, test } from "vitest";
import { UndefinedAccess } from "../../host/chips/chip.js";
import { NotModelled } from "../../host/chips/model.js";
import { W5500 } from "../../host/chips/w5500.js";
import { ALL, type Bench, bench, exchange, frameTo, GROUP, OTHER, OWN } from "./support.js";

const COMMON = 0;
const socketBlock = (n: number) => 4 * n + 1;
const txBlock = (n: number) => 4 * n + 2;
const rxBlock = (n: number) => 4 * n + 3;
const S0 = socketBlock(0);

const OPEN = 0x01;
const CLOSE = 0x10;
const SEND = 0x20;
const RECV = 0x40;
const MACRAW = 0x04;

interface Board extends Bench<W5500> {
  read(block: number, address: number, octets?: number): number[];
  write(block: number, address: number, ...octets: readonly number[]): void;
  /** A register of two octets. */
  word(block: number, address: number): number;
  setWord(block: number, address: number, value: number): void;
  command(command: number): void;
  /** Opens socket 0 with 16 KB each way; `mode` are the upper bits of Sn_MR. */
  open(mode?: number): void;
  /** Stores a frame where it would be sent from, and moves Sn_TX_WR. */
  load(frame: Uint8Array): void;
  send(frame: Uint8Array): void;
  /** Takes the next frame as a driver does; undefined when there is none. */
  take(): Uint8Array | undefined;
}

function board(timing: "wire" | "instant" = "instant"): Board {
  const b = bench((clock) => new W5500({ clock, timing }));
  const header = (block: number, address: number, bits: number) => [
    address >> 8,
    address & 255,
    (block << 3) | bits,
  ];
  const self: Board = {
    ...b,
    read: (block, address, octets = 1) =>
      exchange(b.chip, [...header(block, address, 0), ...new Array(octets).fill(0)]).slice(3),
    write: (block, address, ...octets) => {
      exchange(b.chip, [...header(block, address, 4), ...octets]);
    },
    word: (block, address) => {
      const [high = 0, low = 0] = self.read(block, address, 2);
      return high * 256 + low;
    },
    setWord: (block, address, value) => self.write(block, address, value >> 8, value & 255),
    command: (command) => {
      self.write(S0, 0x01, command);
      if (timing === "wire") b.clock.advance(0.002);
    },
    open: (mode = 0) => {
      for (let n = 0; n < 8; n++) self.write(socketBlock(n), 0x1e, n ? 0 : 16, n ? 0 : 16);
      self.write(COMMON, 0x09, ...OWN);
      self.write(S0, 0x00, mode | MACRAW);
      self.command(OPEN);
    },
    load: (frame) => {
      const at = self.word(S0, 0x24);
      self.write(txBlock(0), at, ...frame);
      self.setWord(S0, 0x24, (at + frame.length) & 0xffff);
    },
    send: (frame) => {
      self.load(frame);
      self.command(SEND);
    },
    take: () => {
      if (self.word(S0, 0x26) === 0) return undefined;
      const at = self.word(S0, 0x28);
      const octets = self.word(rxBlock(0), at);
      const frame = self.read(rxBlock(0), (at + 2) & 0xffff, octets - 2);
      self.setWord(S0, 0x28, (at + octets) & 0xffff);
      self.command(RECV);
      return Uint8Array.from(frame);
    },
  };
  return self;
}

/** A board in "wire" timing whose link is up. */
function wireBoard(): Board {
  const b = board("wire");
  b.clock.advance(2000);
  return b;
}

const undefinedAccess = (run: () => unknown) => expect(run).toThrow(UndefinedAccess);

describe("the SPI frame, section 2", () => {
  test("silicon answers the address and the control octet with 01 02 03", () => {
    expect(exchange(board().chip, [0x00, 0x39, 0x00, 0x00])).toEqual([1, 2, 3, 4]);
  });

  test("addresses count up within a frame, and from FFFF to 0000", () => {
    const b = board();
    b.write(COMMON, 0x01, 192, 168, 0, 1, 255, 255);
    expect(b.read(COMMON, 0x01, 4)).toEqual([192, 168, 0, 1]);
    expect(b.read(COMMON, 0x05, 2)).toEqual([255, 255]);
    b.write(txBlock(0), 0xffff, 0xaa, 0xbb);
    expect(b.read(txBlock(0), 0xffff)).toEqual([0xaa]);
    expect(b.read(txBlock(0), 0x0000)).toEqual([0xbb]);
  });

  test.each([
    [1, 1],
    [2, 2],
    [3, 4],
  ])("length bits %i: frames of %i octets follow each other while selected", (bits, octets) => {
    const { chip } = board();
    const data = [0x11, 0x22, 0x33, 0x44].slice(0, octets);
    const write = [0x00, 0x01, 0x04 | bits, ...data];
    const read = [0x00, 0x01, bits, ...data.map(() => 0)];
    expect(exchange(chip, [...write, ...read]).slice(-octets)).toEqual(data);
    undefinedAccess(() => exchange(chip, read.slice(0, -1)));
  });

  test.each([1, 2, 3])("a frame that ends after %i octets has no meaning", (octets) => {
    undefinedAccess(() => exchange(board().chip, [0, 0, 0].slice(0, octets)));
  });

  test("selecting and nothing more is no frame", () => {
    const { chip } = board();
    exchange(chip, []);
    expect(chip.statistics.transactions).toBe(1);
  });

  test("without chip select it hears nothing and drives nothing", () => {
    const b = board();
    for (const octet of [0x00, 0x01, 0x04, 0x55]) expect(b.chip.transfer(octet)).toBe(0xff);
    expect(b.read(COMMON, 0x01)).toEqual([0]);
    expect(b.chip.statistics).toMatchObject({ spiOctets: 4, transactions: 1 });
  });

  test("blocks 4, 8, ... 28 are reserved", () => {
    for (let block = 4; block < 32; block += 4) undefinedAccess(() => board().read(block, 0));
  });
});

type Row = readonly [name: string, address: number, reset: readonly number[], access: "rw" | "r"];

describe("common registers, section 4.1", () => {
  const ROWS: readonly Row[] = [
    ["GAR", 0x01, [0, 0, 0, 0], "rw"],
    ["SUBR", 0x05, [0, 0, 0, 0], "rw"],
    ["SHAR", 0x09, [0, 0, 0, 0, 0, 0], "rw"],
    ["SIPR", 0x0f, [0, 0, 0, 0], "rw"],
    ["INTLEVEL", 0x13, [0, 0], "rw"],
    ["SIR", 0x17, [0], "r"],
    ["SIMR", 0x18, [0], "rw"],
    ["RTR", 0x19, [0x07, 0xd0], "rw"],
    ["RCR", 0x1b, [0x08], "rw"],
    ["PTIMER", 0x1c, [0x28], "rw"],
    ["PMAGIC", 0x1d, [0], "rw"],
    ["PHAR", 0x1e, [0, 0, 0, 0, 0, 0], "rw"],
    ["PSID", 0x24, [0, 0], "rw"],
    ["PMRU", 0x26, [0xff, 0xff], "rw"],
    ["UIPR", 0x28, [0, 0, 0, 0], "r"],
    ["UPORTR", 0x2c, [0, 0], "r"],
    ["VERSIONR", 0x39, [0x04], "r"],
  ];

  test.each(ROWS)("%s", (_name, address, reset, access) => {
    const b = board();
    expect(b.read(COMMON, address, reset.length)).toEqual(reset);
    const pattern = reset.map((_, i) => 0xa5 ^ i);
    if (access === "r") {
      for (let i = 0; i < reset.length; i++) undefinedAccess(() => b.write(COMMON, address + i, 0));
      return;
    }
    b.write(COMMON, address, ...pattern);
    expect(b.read(COMMON, address, reset.length)).toEqual(pattern);
  });

  test("all other addresses are reserved", () => {
    const reserved = [0x2f, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x3a, 0x100, 0xffff];
    for (const address of reserved) {
      undefinedAccess(() => board().read(COMMON, address));
      undefinedAccess(() => board().write(COMMON, address, 0));
    }
    undefinedAccess(() => board().read(COMMON, 0x2e, 2));
  });

  test("MR: RST resets all registers and clears itself", () => {
    const b = board();
    b.write(COMMON, 0x00, 0x12);
    expect(b.read(COMMON, 0x00)).toEqual([0x12]);
    b.open();
    b.far.give(frameTo(OWN));
    b.write(COMMON, 0x18, 0x01);
    expect(b.chip.interrupt).toBe(true);
    b.write(COMMON, 0x00, 0x80);
    expect(b.read(COMMON, 0x00)).toEqual([0x00]);
    expect(b.read(COMMON, 0x09, 6)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(b.read(S0, 0x00, 4)).toEqual([0, 0, 0, 0]);
    expect(b.read(S0, 0x1e, 2)).toEqual([2, 2]);
    expect(b.word(S0, 0x26)).toBe(0);
    expect(b.chip.interrupt).toBe(false);
  });

  test("MR: reserved bits, and modes that are not modelled", () => {
    for (const bit of [0x40, 0x04, 0x01]) undefinedAccess(() => board().write(COMMON, 0x00, bit));
    for (const bit of [0x20, 0x08]) expect(() => board().write(COMMON, 0x00, bit)).toThrow(NotModelled);
  });

  test("IR and IMR: the lower four bits are reserved", () => {
    const b = board();
    expect(b.read(COMMON, 0x15, 2)).toEqual([0, 0]);
    b.write(COMMON, 0x15, 0xff);
    b.write(COMMON, 0x16, 0xf0);
    expect(b.read(COMMON, 0x15, 2)).toEqual([0, 0xf0]);
    for (const bit of [8, 4, 2, 1]) undefinedAccess(() => b.write(COMMON, 0x16, bit));
  });
});

describe("PHYCFGR, section 4.1", () => {
  const pulse = (b: Board, value: number) => {
    b.write(COMMON, 0x2e, value & 0x7f);
    b.write(COMMON, 0x2e, value | 0x80);
  };

  test("after reset: all capable, by the pins; the link is 100 Mbit/s, full duplex", () => {
    expect(board().read(COMMON, 0x2e)).toEqual([0b10111_111]);
  });

  test.each([
    ["10 half", 0, 0b001],
    ["10 full", 1, 0b101],
    ["100 half", 2, 0b011],
    ["100 full", 3, 0b111],
    ["100 half, negotiated", 4, 0b011],
    ["power down", 6, 0b000],
    ["all", 7, 0b111],
  ])("%s: mode %i begins with the PHY's reset", (_name, mode, status) => {
    const b = board();
    const value = 0xc0 | (mode << 3);
    b.write(COMMON, 0x2e, value);
    expect(b.read(COMMON, 0x2e)).toEqual([value | 0b111]);
    pulse(b, value);
    expect(b.read(COMMON, 0x2e)).toEqual([value | status]);
    expect(b.chip.linkUp).toBe(mode !== 6);
  });

  test("without OPMD the pins count", () => {
    const b = board();
    pulse(b, 0x80);
    expect(b.read(COMMON, 0x2e)).toEqual([0x87]);
  });

  test("in reset there is no link; status bits cannot be written; mode 5 is not used", () => {
    const b = board();
    b.write(COMMON, 0x2e, 0x38);
    expect(b.read(COMMON, 0x2e)).toEqual([0x38]);
    b.write(COMMON, 0x2e, 0xb8 | 0b111);
    b.chip.setCable(false);
    expect(b.read(COMMON, 0x2e)).toEqual([0xb8]);
    undefinedAccess(() => b.write(COMMON, 0x2e, 0xe8));
  });

  test("a PHY in reset starts with the chip's reset by MR, and else keeps its link", () => {
    const b = wireBoard();
    b.write(COMMON, 0x00, 0x80);
    expect(b.chip.linkUp).toBe(true);
    b.write(COMMON, 0x2e, 0x38);
    b.clock.advance(2000);
    b.write(COMMON, 0x00, 0x80);
    expect(b.chip.linkUp).toBe(false);
    b.clock.advance(2000);
    expect(b.chip.linkUp).toBe(true);
  });

  test("the link follows the cable", () => {
    const b = board();
    b.chip.setCable(false);
    expect(b.read(COMMON, 0x2e)).toEqual([0b10111_000]);
    b.chip.setCable(true);
    expect(b.read(COMMON, 0x2e)).toEqual([0b10111_111]);
  });

  test("wire timing: a negotiated link takes longer than a fixed one", () => {
    const since = (mode: number) => {
      const b = wireBoard();
      pulse(b, 0xc0 | (mode << 3));
      const start = b.clock.now();
      expect(b.chip.linkUp).toBe(false);
      expect(b.clock.runUntil(() => b.chip.linkUp, 5000)).toBe(true);
      return b.clock.now() - start;
    };
    expect(since(7)).toBeGreaterThan(since(3));
    expect(since(4)).toBe(since(7));
    expect(since(3)).toBe(since(0));
  });
});

describe("socket registers, section 4.2", () => {
  const ROWS: readonly Row[] = [
    ["Sn_SR", 0x03, [0], "r"],
    ["Sn_PORT", 0x04, [0, 0], "rw"],
    ["Sn_DHAR", 0x06, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "rw"],
    ["Sn_DIPR", 0x0c, [0, 0, 0, 0], "rw"],
    ["Sn_DPORT", 0x10, [0, 0], "rw"],
    ["Sn_MSSR", 0x12, [0, 0], "rw"],
    ["Sn_TOS", 0x15, [0], "rw"],
    ["Sn_TTL", 0x16, [0x80], "rw"],
    ["Sn_TX_FSR", 0x20, [0x08, 0x00], "r"],
    ["Sn_TX_RD", 0x22, [0, 0], "r"],
    ["Sn_TX_WR", 0x24, [0, 0], "rw"],
    ["Sn_RX_RSR", 0x26, [0, 0], "r"],
    ["Sn_RX_RD", 0x28, [0, 0], "rw"],
    ["Sn_RX_WR", 0x2a, [0, 0], "r"],
    ["Sn_IMR", 0x2c, [0xff], "rw"],
    ["Sn_FRAG", 0x2d, [0x40, 0x00], "rw"],
    ["Sn_KPALVTR", 0x2f, [0], "rw"],
  ];

  test.each(ROWS)("%s of all eight", (_name, address, reset, access) => {
    const b = board();
    for (let n = 0; n < 8; n++) {
      const block = socketBlock(n);
      expect(b.read(block, address, reset.length)).toEqual(reset);
      if (access === "r") {
        for (let i = 0; i < reset.length; i++) undefinedAccess(() => b.write(block, address + i, 0));
        continue;
      }
      const pattern = reset.map((_, i) => 0x5a ^ (i + n));
      b.write(block, address, ...pattern);
      expect(b.read(block, address, reset.length)).toEqual(pattern);
    }
  });

  test("all other addresses are reserved", () => {
    for (const address of [0x14, 0x17, 0x1a, 0x1d, 0x30, 0x1000]) {
      undefinedAccess(() => board().read(S0, address));
      undefinedAccess(() => board().write(socketBlock(7), address, 0));
    }
  });

  test("Sn_MR: protocols 0, 1, 2, and 4 for socket 0 only", () => {
    const b = board();
    for (const protocol of [0, 1, 2]) b.write(socketBlock(3), 0x00, protocol);
    b.write(S0, 0x00, 0xf4);
    expect(b.read(S0, 0x00)).toEqual([0xf4]);
    undefinedAccess(() => b.write(socketBlock(1), 0x00, 4));
    for (const protocol of [3, 5, 8, 15]) undefinedAccess(() => b.write(S0, 0x00, protocol));
  });

  test("Sn_RXBUF_SIZE and Sn_TXBUF_SIZE: 0, 1, 2, 4, 8 or 16 KB", () => {
    const b = board();
    for (const address of [0x1e, 0x1f]) {
      expect(b.read(S0, address)).toEqual([2]);
      for (const size of [0, 1, 2, 4, 8, 16]) {
        b.write(S0, address, size);
        expect(b.read(S0, address)).toEqual([size]);
      }
      for (const size of [3, 5, 15, 17, 32]) undefinedAccess(() => b.write(S0, address, size));
    }
  });

  test("Sn_TX_FSR follows the buffer's size, and what waits in it", () => {
    const b = board();
    b.write(S0, 0x1f, 4);
    expect(b.word(S0, 0x20)).toBe(4096);
    b.setWord(S0, 0x24, 1000);
    expect(b.word(S0, 0x20)).toBe(3096);
    b.setWord(S0, 0x24, 5000);
    expect(b.word(S0, 0x20)).toBe(0);
  });
});

describe("buffers, section 3.3", () => {
  test("offsets wrap by the size, and sockets have their own", () => {
    const b = board();
    b.write(txBlock(0), 0, 1);
    b.write(txBlock(1), 0, 2);
    b.write(txBlock(7), 2047, 3);
    expect(b.read(txBlock(0), 2048)).toEqual([1]);
    expect(b.read(txBlock(1), 0xf800)).toEqual([2]);
    expect(b.read(txBlock(7), 0xffff)).toEqual([3]);
    expect(b.read(txBlock(0), 0)).toEqual([1]);
  });

  test("what is not there: a buffer of no size, one beyond 16 KB", () => {
    const b = board();
    b.write(S0, 0x1f, 0);
    undefinedAccess(() => b.read(txBlock(0), 0));
    undefinedAccess(() => b.write(txBlock(0), 0, 1));
    b.write(S0, 0x1e, 16);
    undefinedAccess(() => b.read(rxBlock(1), 0));
  });

  test("the receive buffer is not written by SPI", () => {
    undefinedAccess(() => board().write(rxBlock(0), 0, 1));
  });

  test.each([0x1e, 0x1f])("OPEN with more than 16 KB in all, register %i", (address) => {
    const b = board();
    b.write(S0, address, 4);
    b.write(S0, 0x00, MACRAW);
    undefinedAccess(() => b.command(OPEN));
    b.write(socketBlock(5), address, 0);
    b.command(OPEN);
    expect(b.read(S0, 0x03)).toEqual([0x42]);
  });
});

describe("commands, Sn_CR", () => {
  test("OPEN and CLOSE, as Sn_SR shows; Sn_CR clears itself", () => {
    const b = board();
    b.open();
    expect(b.read(S0, 0x01, 3)).toEqual([0, 0, 0x42]);
    b.command(CLOSE);
    expect(b.read(S0, 0x03)).toEqual([0]);
    b.command(CLOSE);
  });

  test("OPEN begins with empty buffers", () => {
    const b = board();
    b.open();
    b.far.give(frameTo(OWN));
    b.load(frameTo(OTHER));
    b.setWord(S0, 0x28, 10);
    b.command(CLOSE);
    b.command(OPEN);
    for (const address of [0x22, 0x24, 0x26, 0x28, 0x2a]) expect(b.word(S0, address)).toBe(0);
    expect(b.word(S0, 0x20)).toBe(16384);
  });

  test("wire timing: the next command waits until Sn_CR is 0", () => {
    const b = wireBoard();
    b.open();
    b.write(S0, 0x01, CLOSE);
    expect(b.read(S0, 0x01)).toEqual([CLOSE]);
    undefinedAccess(() => b.write(S0, 0x01, OPEN));
    b.clock.advance(0.01);
    expect(b.read(S0, 0x01)).toEqual([0]);
    b.write(S0, 0x01, OPEN);
  });

  test.each([0x00, 0x02, 0x03, 0x04, 0x08, 0x21, 0x22, 0x80])("%i is none in MACRAW mode", (command) => {
    const b = board();
    b.open();
    undefinedAccess(() => b.command(command));
  });

  test("OPEN without protocol is undefined; with TCP and UDP it is not modelled", () => {
    const b = board();
    undefinedAccess(() => b.command(OPEN));
    for (const protocol of [1, 2]) {
      b.write(S0, 0x00, protocol);
      expect(() => b.command(OPEN)).toThrow(NotModelled);
    }
  });

  test("SEND and RECV need an open socket", () => {
    for (const command of [SEND, RECV]) undefinedAccess(() => board().command(command));
  });
});

describe("receiving", () => {
  test("a frame follows its length, which counts itself; the pointers show it", () => {
    const b = board();
    b.open();
    const frame = frameTo(OWN, 99);
    b.far.give(frame);
    expect(b.word(S0, 0x26)).toBe(101);
    expect(b.word(S0, 0x2a)).toBe(101);
    expect(b.read(rxBlock(0), 0, 101)).toEqual([0, 101, ...frame]);
    expect(b.chip.statistics.received).toBe(1);
  });

  test("Sn_RX_RD takes effect with RECV", () => {
    const b = board();
    b.open();
    b.far.give(frameTo(OWN, 60), frameTo(OWN, 70));
    b.setWord(S0, 0x28, 62);
    expect(b.word(S0, 0x26)).toBe(62 + 72);
    b.command(RECV);
    expect(b.word(S0, 0x26)).toBe(72);
    expect(b.word(S0, 0x28)).toBe(62);
  });

  test("RECV beyond what was received is undefined", () => {
    const b = board();
    b.open();
    b.far.give(frameTo(OWN, 60));
    b.setWord(S0, 0x28, 63);
    undefinedAccess(() => b.command(RECV));
  });

  test("the size can change between the octets of a read", () => {
    const b = board();
    b.open();
    b.far.give(frameTo(OWN, 250));
    b.chip.select(true);
    for (const octet of [0x00, 0x26, S0 << 3]) b.chip.transfer(octet);
    const high = b.chip.transfer(0);
    b.far.give(frameTo(OWN, 60));
    expect([high, b.chip.transfer(0)]).toEqual([0, (252 + 62) & 0xff]);
    b.chip.select(false);
  });

  test("frames shorter than 60 octets come padded, longer than 1514 not at all", () => {
    const b = board();
    b.open();
    b.far.give(frameTo(OWN, 42), frameTo(OWN, 1515), frameTo(OWN, 1514));
    expect(b.take()).toEqual(Uint8Array.from([...frameTo(OWN, 42), ...new Array(18).fill(0)]));
    expect(b.take()).toEqual(frameTo(OWN, 1514));
    expect(b.chip.statistics).toMatchObject({ received: 2, filtered: 1 });
  });

  test("a closed socket takes nothing", () => {
    const b = board();
    b.far.give(frameTo(OWN));
    b.open();
    expect(b.take()).toBeUndefined();
    expect(b.far.waiting).toBe(0);
  });

  test("frames are whole across the buffer's end and the pointers' end", () => {
    const b = board();
    b.open();
    let octets = 0;
    for (let i = 0; octets < 3 * 0x10000; i++) {
      const frame = frameTo(OWN, 60 + ((i * 97) % 1455), 0x0800, i);
      octets += frame.length + 2;
      b.far.give(frame);
      expect(b.take()).toEqual(frame);
      expect(b.word(S0, 0x28)).toBe(octets & 0xffff);
    }
  });

  test("full to the last octet; then the cable holds back in instant timing", () => {
    const b = board();
    b.open();
    const big = frameTo(OWN, 1498);
    for (let i = 0; i < 10; i++) b.far.give(big);
    b.far.give(frameTo(OWN, 16384 - 15000 - 2));
    expect(b.word(S0, 0x26)).toBe(16384);
    b.far.give(frameTo(OWN, 60, 0x0800, 5), frameTo(OWN, 60, 0x0800, 6));
    expect(b.word(S0, 0x26)).toBe(16384);
    expect(b.take()).toEqual(big);
    expect(b.word(S0, 0x26)).toBe(16384 - 1500 + 2 * 62);
    expect(b.chip.statistics.overruns).toBe(0);
  });

  test("with `holdsBack` off they are lost, as they are on the wire", () => {
    const b = board();
    b.chip.holdsBack = false;
    b.open();
    for (let i = 0; i < 12; i++) b.far.give(frameTo(OWN, 1514));
    expect(b.word(S0, 0x26)).toBe(10 * 1516);
    expect(b.chip.statistics).toMatchObject({ received: 10, overruns: 2 });
    expect(b.take()).toBeDefined();
    expect(b.word(S0, 0x26)).toBe(9 * 1516);
  });

  const IPV6 = 0x86dd;
  test.each([
    ["nothing blocked", 0x00, [true, true, true, true, true]],
    ["MFEN", 0x80, [true, false, true, true, true]],
    ["BCASTB", 0x40, [true, true, false, true, true]],
    ["MMB", 0x20, [true, true, true, false, false]],
    ["MIP6B", 0x10, [true, true, true, true, false]],
    ["all", 0xf0, [true, false, false, false, false]],
  ])("filter %s", (_name, mode, passes) => {
    const frames = [
      frameTo(OWN),
      frameTo(OTHER),
      frameTo(ALL),
      frameTo(GROUP),
      frameTo([0x33, 0x33, 0, 0, 0, 1], 60, IPV6),
    ];
    for (const [i, frame] of frames.entries()) {
      const b = board();
      b.open(mode);
      b.far.give(frame);
      expect(b.take()).toEqual(passes[i] ? frame : undefined);
      expect(b.chip.statistics.filtered).toBe(passes[i] ? 0 : 1);
    }
  });

  test("MIP6B blocks IPv6 to this address too; every octet of SHAR counts", () => {
    const b = board();
    b.open(0x10);
    b.far.give(frameTo(OWN, 60, IPV6));
    expect(b.take()).toBeUndefined();
    b.write(S0, 0x00, 0x84);
    for (let i = 0; i < 6; i++)
      b.far.give(frameTo(OWN.map((octet, at) => (at === i ? octet ^ 0x10 : octet))));
    expect(b.take()).toBeUndefined();
  });
});

describe("sending", () => {
  test("SEND sends from Sn_TX_RD to Sn_TX_WR; then SENDOK, and the buffer is free", () => {
    const b = board();
    b.open();
    const frame = frameTo(OTHER, 1514);
    b.load(frame);
    expect(b.word(S0, 0x20)).toBe(16384 - 1514);
    expect(b.far.taken).toEqual([]);
    b.command(SEND);
    expect(b.far.taken).toEqual([frame]);
    expect(b.read(S0, 0x02)).toEqual([0x10]);
    expect(b.word(S0, 0x22)).toBe(1514);
    expect(b.word(S0, 0x20)).toBe(16384);
    expect(b.chip.statistics.sent).toBe(1);
  });

  test("frames are whole across the buffer's end and the pointers' end", () => {
    const b = board();
    b.open();
    for (let i = 0; i < 150; i++) {
      const frame = frameTo(OTHER, 60 + ((i * 89) % 1455), 0x0800, i);
      b.send(frame);
      expect(b.far.taken.pop()).toEqual(frame);
    }
    expect(b.word(S0, 0x24)).toBe(b.word(S0, 0x22));
  });

  test.each([0, 59, 1515])("a frame of %i octets is none", (length) => {
    const b = board();
    b.open();
    undefinedAccess(() => b.send(frameTo(OTHER, 1600).subarray(0, length)));
    expect(b.far.taken).toEqual([]);
  });

  test("wire timing: preamble, frame, check sequence; the gap before the next", () => {
    const b = wireBoard();
    b.open();
    const start = b.us();
    b.load(frameTo(OTHER, 1000));
    b.write(S0, 0x01, SEND);
    const ended: number[] = [];
    while (ended.length < 2) {
      b.clock.step();
      if (b.far.taken.length === ended.length) continue;
      ended.push(b.us() - start);
      expect(b.read(S0, 0x02)).toEqual([0x10]);
      b.write(S0, 0x02, 0x10);
      b.clock.advance(0);
      if (ended.length === 1) {
        b.load(frameTo(OTHER, 60));
        b.write(S0, 0x01, SEND);
      }
    }
    expect(ended[0]).toBeCloseTo((8 + 1000 + 4) * 0.08, 2);
    expect((ended[1] as number) - (ended[0] as number)).toBeCloseTo((12 + 8 + 60 + 4) * 0.08, 2);
  });

  test("wire timing at 10 Mbit/s takes ten times as long", () => {
    const b = wireBoard();
    b.write(COMMON, 0x2e, 0x48);
    b.write(COMMON, 0x2e, 0xc8);
    b.clock.advance(1000);
    b.open();
    b.load(frameTo(OTHER, 1000));
    const start = b.us();
    b.write(S0, 0x01, SEND);
    expect(b.clock.runUntil(() => b.far.taken.length > 0, 10)).toBe(true);
    expect(b.us() - start).toBeCloseTo((8 + 1000 + 4) * 0.8, 2);
  });

  test("while a frame leaves, a second SEND is undefined, its octets still count, and CLOSE ends it", () => {
    const b = wireBoard();
    b.open();
    b.send(frameTo(OTHER, 1000));
    expect(b.word(S0, 0x22)).toBe(0);
    undefinedAccess(() => b.send(frameTo(OTHER, 60)));
    b.clock.advance(0.002);
    b.write(txBlock(0), 999, 0x77);
    b.clock.advance(1);
    expect(b.far.taken[0]?.[999]).toBe(0x77);
    b.send(frameTo(OTHER, 1000));
    b.command(CLOSE);
    b.clock.advance(1);
    expect(b.far.taken).toHaveLength(1);
  });

  test("SENDOK waits until the far end has room", () => {
    const b = board();
    b.open();
    b.far.hasRoom = false;
    b.send(frameTo(OTHER));
    expect(b.read(S0, 0x02)).toEqual([0]);
    b.far.hasRoom = true;
    b.far.onReady();
    expect(b.far.taken).toHaveLength(1);
    expect(b.read(S0, 0x02)).toEqual([0x10]);
  });

  test("without a link SENDOK does not come before the link does; CLOSE forgets the frame", () => {
    const b = board();
    b.open();
    b.chip.setCable(false);
    b.send(frameTo(OTHER));
    expect(b.read(S0, 0x02)).toEqual([0]);
    undefinedAccess(() => b.send(frameTo(OTHER)));
    b.chip.setCable(true);
    expect(b.read(S0, 0x02)).toEqual([0x10]);
    b.chip.setCable(false);
    b.command(CLOSE);
    b.command(OPEN);
    b.send(frameTo(OTHER));
    b.command(CLOSE);
    b.far.taken.length = 0;
    b.chip.setCable(true);
    expect(b.far.taken).toEqual([]);
  });
});

describe("interrupts", () => {
  test("Sn_IR: set by a frame, cleared by writing ones, whatever the mask", () => {
    const b = board();
    b.open();
    b.write(S0, 0x2c, 0x00);
    b.far.give(frameTo(OWN));
    b.send(frameTo(OTHER));
    expect(b.read(S0, 0x02)).toEqual([0x14]);
    b.write(S0, 0x02, 0x04);
    expect(b.read(S0, 0x02)).toEqual([0x10]);
    b.write(S0, 0x02, 0xff);
    expect(b.read(S0, 0x02)).toEqual([0]);
  });

  test("SIR is Sn_IR under Sn_IMR, INTn is SIR under SIMR", () => {
    const b = board();
    b.open();
    b.far.give(frameTo(OWN));
    expect(b.read(COMMON, 0x17)).toEqual([1]);
    expect(b.chip.interrupt).toBe(false);
    b.write(COMMON, 0x18, 0xfe);
    expect(b.chip.interrupt).toBe(false);
    b.write(COMMON, 0x18, 0x01);
    expect(b.chip.interrupt).toBe(true);
    b.write(S0, 0x2c, 0xfb);
    expect(b.read(COMMON, 0x17)).toEqual([0]);
    expect(b.chip.interrupt).toBe(false);
    b.write(S0, 0x2c, 0x04);
    expect(b.chip.interrupt).toBe(true);
    b.write(S0, 0x02, 0x04);
    expect(b.chip.interrupt).toBe(false);
    expect(b.interrupts).toEqual([true, false, true, false]);
  });

  test("RECV comes with each frame, and not again for what was left", () => {
    const b = board();
    b.open();
    b.write(COMMON, 0x18, 0x01);
    b.far.give(frameTo(OWN), frameTo(OWN));
    b.write(S0, 0x02, 0x04);
    b.take();
    expect(b.chip.interrupt).toBe(false);
    b.far.give(frameTo(OWN));
    expect(b.chip.interrupt).toBe(true);
  });

  test("INTLEVEL: after a clear INTn returns, and comes again when its time is over", () => {
    const b = board();
    b.open();
    b.write(COMMON, 0x18, 0x01);
    b.setWord(COMMON, 0x13, 1499);
    b.send(frameTo(OTHER));
    b.far.give(frameTo(OWN));
    b.write(S0, 0x02, 0x10);
    expect(b.chip.interrupt).toBe(false);
    const start = b.us();
    expect(b.clock.runUntil(() => b.chip.interrupt, 10)).toBe(true);
    // (1499 + 1) * 4 / 150 MHz
    expect(b.us() - start).toBeCloseTo(40, 2);
  });

  test("INTLEVEL 0: what is still pending keeps INTn active", () => {
    const b = board();
    b.open();
    b.write(COMMON, 0x18, 0x01);
    b.send(frameTo(OTHER));
    b.far.give(frameTo(OWN));
    b.write(S0, 0x02, 0x10);
    expect(b.interrupts).toEqual([true]);
  });
});

describe("reset pin and power, section 5.5.1", () => {
  test("in reset it neither answers nor hears, and comes back as new", () => {
    const b = board();
    b.open();
    b.chip.reset(true);
    expect(b.read(COMMON, 0x39)).toEqual([0xff]);
    expect(b.chip.linkUp).toBe(false);
    b.write(COMMON, 0x09, 1);
    b.chip.reset(false);
    expect(b.read(COMMON, 0x09, 6)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(b.read(S0, 0x03)).toEqual([0]);
    expect(b.chip.linkUp).toBe(true);
  });

  test("wire timing: 500 us of reset, then 1 ms until the PLL is locked", () => {
    const b = wireBoard();
    b.chip.reset(true);
    b.clock.advance(0.499);
    undefinedAccess(() => b.chip.reset(false));
    b.chip.reset(true);
    b.clock.advance(0.5);
    b.chip.reset(false);
    b.clock.advance(0.999);
    b.write(COMMON, 0x18, 0x01);
    expect(b.read(COMMON, 0x39)).toEqual([0xff]);
    b.clock.advance(0.002);
    expect(b.read(COMMON, 0x39)).toEqual([0x04]);
    expect(b.read(COMMON, 0x18)).toEqual([0x00]);
  });

  test("without power it is not there; what MISO reads then is the board's", () => {
    const b = board();
    b.open();
    b.write(COMMON, 0x18, 0x01);
    b.far.give(frameTo(OWN));
    b.chip.setPower(false);
    expect(b.chip.interrupt).toBe(false);
    expect(b.read(COMMON, 0x39)).toEqual([0xff]);
    b.chip.floatingOctet = 0;
    expect(b.read(COMMON, 0x39)).toEqual([0x00]);
    exchange(b.chip, [0]);
    b.far.give(frameTo(OWN));
    b.chip.setPower(true);
    expect(b.read(COMMON, 0x39)).toEqual([0x04]);
    expect(b.read(S0, 0x03)).toEqual([0]);
    expect(b.chip.linkUp).toBe(true);
  });

  test("power that comes while the reset pin is held waits for the pin", () => {
    const b = board();
    b.chip.setPower(false);
    b.chip.reset(true);
    b.chip.setPower(true);
    expect(b.read(COMMON, 0x39)).toEqual([0xff]);
    b.chip.reset(false);
    expect(b.read(COMMON, 0x39)).toEqual([0x04]);
  });
});

describe("wire timing of what arrives", () => {
  test("a frame is there when its last octet is; the next after the gap", () => {
    const b = wireBoard();
    b.open();
    const start = b.us();
    b.far.give(frameTo(OWN, 100), frameTo(OWN, 60));
    const arrived: number[] = [];
    for (const count of [1, 2]) {
      b.clock.runUntil(() => b.chip.statistics.received === count, 10);
      arrived.push(b.us() - start);
    }
    expect(arrived[0]).toBeCloseTo((8 + 100 + 4) * 0.08, 2);
    expect((arrived[1] as number) - (arrived[0] as number)).toBeCloseTo((12 + 8 + 60 + 4) * 0.08, 2);
  });

  test("nothing waits on the wire: what has no room is lost", () => {
    const b = wireBoard();
    b.open();
    for (let i = 0; i < 12; i++) b.far.give(frameTo(OWN, 1514));
    b.clock.advance(10);
    expect(b.chip.statistics).toMatchObject({ received: 10, overruns: 2 });
    expect(b.far.waiting).toBe(0);
  });

  test("a frame whose cable is pulled meanwhile is lost", () => {
    const b = wireBoard();
    b.open();
    b.far.give(frameTo(OWN, 1514));
    b.clock.advance(0.01);
    b.chip.setCable(false);
    b.clock.advance(10);
    expect(b.chip.statistics.received).toBe(0);
  });
});

describe("faults", () => {
  test.each([0, 3, 65535])("a bogus received length of %i, for one frame", (length) => {
    const b = board();
    b.open();
    b.chip.bogusLength(length);
    b.far.give(frameTo(OWN, 60), frameTo(OWN, 61));
    expect(b.word(rxBlock(0), 0)).toBe(length);
    expect(b.word(rxBlock(0), 62)).toBe(63);
    expect(b.word(S0, 0x26)).toBe(62 + 63);
  });

  test("SENDOK is missing so many times", () => {
    const b = board();
    b.open();
    b.chip.loseSendok(2);
    for (const ir of [0, 0, 0x10]) {
      b.send(frameTo(OTHER));
      expect(b.read(S0, 0x02)).toEqual([ir]);
    }
    expect(b.far.taken).toHaveLength(3);
  });

  test("TIMEOUT instead of a frame", () => {
    const b = board();
    b.open();
    b.chip.timeOut();
    b.send(frameTo(OTHER));
    expect(b.read(S0, 0x02)).toEqual([0x08]);
    expect(b.far.taken).toEqual([]);
    expect(b.word(S0, 0x20)).toBe(16384);
    b.send(frameTo(OTHER));
    expect(b.far.taken).toHaveLength(1);
  });

  test("a lost edge: INTn stays inactive until all was cleared and something comes anew", () => {
    const b = board();
    b.open();
    b.write(COMMON, 0x18, 0x01);
    b.chip.loseInterrupts(1);
    b.far.give(frameTo(OWN));
    b.far.give(frameTo(OWN));
    expect(b.chip.interrupt).toBe(false);
    expect(b.read(COMMON, 0x17)).toEqual([1]);
    b.write(S0, 0x02, 0x04);
    b.far.give(frameTo(OWN));
    expect(b.interrupts).toEqual([true]);
  });

  test.each([
    ["zeros", 0x00],
    ["ones", 0xff],
  ] as const)("MISO stuck at %s: the chip hears, and its answers are lost", (level, octet) => {
    const b = board();
    b.chip.stuck = level;
    expect(exchange(b.chip, [0, 0x39, 0, 0])).toEqual([octet, octet, octet, octet]);
    b.write(COMMON, 0x18, 0x01);
    b.chip.stuck = undefined;
    expect(b.read(COMMON, 0x18)).toEqual([0x01]);
  });

  test("an overrun of so many frames, although there is room", () => {
    const b = board();
    b.open();
    b.chip.overrun(2);
    for (let i = 0; i < 3; i++) b.far.give(frameTo(OWN, 60, 0x0800, i));
    expect(b.take()).toEqual(frameTo(OWN, 60, 0x0800, 2));
    expect(b.chip.statistics).toMatchObject({ received: 1, overruns: 2 });
  });

  test("another version", () => {
    const b = board();
    b.chip.version = 0x51;
    expect(b.read(COMMON, 0x39)).toEqual([0x51]);
    b.write(COMMON, 0x00, 0x80);
    expect(b.read(COMMON, 0x39)).toEqual([0x51]);
  });

  test("a brown-out: everything is as after power on, and no pin was touched", () => {
    const b = wireBoard();
    b.open();
    b.write(COMMON, 0x18, 0x01);
    b.far.give(frameTo(OWN));
    b.clock.advance(1);
    b.send(frameTo(OTHER, 1514));
    b.chip.brownOut();
    expect(b.interrupts).toEqual([true, false]);
    b.clock.advance(1.1);
    expect(b.far.taken).toEqual([]);
    expect(b.read(S0, 0x03)).toEqual([0]);
    expect(b.chip.linkUp).toBe(false);
    b.clock.advance(2000);
    expect(b.chip.linkUp).toBe(true);
  });

  test("who cannot know of it is forgiven what the new state does not define, until it resets the chip", () => {
    const b = board();
    b.open();
    b.chip.brownOut();
    b.setWord(S0, 0x24, 5000);
    b.command(SEND);
    b.command(RECV);
    b.command(OPEN);
    undefinedAccess(() => b.read(COMMON, 0x3a));
    // What it writes back may have been read from a stuck bus.
    b.write(COMMON, 0x00, 0x7f);
    b.write(COMMON, 0x00, 0x3a);
    b.write(S0, 0x00, 0xff);
    b.write(S0, 0x00, 0x01);
    b.command(OPEN);
    expect(b.read(S0, 0x03)).toEqual([0]);
    b.write(COMMON, 0x00, 0x80);
    undefinedAccess(() => b.command(SEND));
    b.chip.brownOut();
    b.chip.reset(true);
    b.chip.reset(false);
    undefinedAccess(() => b.command(SEND));
  });

  test("`onUndefined` in place of the error: the access has no effect", () => {
    const b = board();
    const heard: string[] = [];
    b.chip.onUndefined = (what) => heard.push(what);
    expect(b.read(COMMON, 0x3a)).toEqual([0]);
    b.write(COMMON, 0x39, 7);
    b.command(SEND);
    expect(heard).toHaveLength(3);
    expect(b.read(COMMON, 0x39)).toEqual([4]);
  });
});
