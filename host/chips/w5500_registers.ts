// Registers of the W5500: datasheet version 1.0.9, chapters 3 and 4.

/** SPI frame, section 2.2: 16 bits of address, then the control octet. */
export const Control = {
  /** Block select bits, section 2.2.2. */
  BLOCK_SHIFT: 3,
  WRITE: 0x04,
  LENGTH_MASK: 0x03,
} as const;

/** Lower two bits of the block number; the upper three are the socket. Block 0 is the common one: section 3. */
export const Block = { COMMON: 0, SOCKET: 1, TX: 2, RX: 3 } as const;

/** Data octets in a frame by its length bits; 0: as long as the chip is selected. Section 2.2.2. */
export const FIXED_LENGTHS = [0, 1, 2, 4] as const;

/** Common registers, sections 3.1 and 4.1. */
export const Common = {
  MR: 0x00,
  GAR: 0x01,
  SUBR: 0x05,
  SHAR: 0x09,
  SIPR: 0x0f,
  INTLEVEL: 0x13,
  IR: 0x15,
  IMR: 0x16,
  SIR: 0x17,
  SIMR: 0x18,
  RTR: 0x19,
  RCR: 0x1b,
  PTIMER: 0x1c,
  PMAGIC: 0x1d,
  PHAR: 0x1e,
  PSID: 0x24,
  PMRU: 0x26,
  UIPR: 0x28,
  UPORTR: 0x2c,
  PHYCFGR: 0x2e,
  VERSIONR: 0x39,
  END: 0x3a,
} as const;

export const Mode = { RST: 0x80, WOL: 0x20, PB: 0x10, PPPOE: 0x08, FARP: 0x02, RESERVED: 0x45 } as const;

/** IR and IMR: bits 3 to 0 are reserved. */
export const IR_RESERVED = 0x0f;

/** PHYCFGR, section 4.1: the mode of bits 5:3 counts when OPMD is set, and begins with a reset of the PHY. */
export const Phy = {
  RST: 0x80,
  OPMD: 0x40,
  MODE_SHIFT: 3,
  DPX: 0x04,
  SPD: 0x02,
  LNK: 0x01,
  STATUS: 0x07,
} as const;

/** Modes of the PHY; 5 is not used. */
export const PhyMode = {
  HALF_10: 0,
  FULL_10: 1,
  HALF_100: 2,
  FULL_100: 3,
  AUTO_HALF_100: 4,
  NOT_USED: 5,
  POWER_DOWN: 6,
  ALL: 7,
} as const;

/** Registers of a socket, sections 3.2 and 4.2. */
export const Socket = {
  MR: 0x00,
  CR: 0x01,
  IR: 0x02,
  SR: 0x03,
  PORT: 0x04,
  DHAR: 0x06,
  DIPR: 0x0c,
  DPORT: 0x10,
  MSSR: 0x12,
  TOS: 0x15,
  TTL: 0x16,
  RXBUF_SIZE: 0x1e,
  TXBUF_SIZE: 0x1f,
  TX_FSR: 0x20,
  TX_RD: 0x22,
  TX_WR: 0x24,
  RX_RSR: 0x26,
  RX_RD: 0x28,
  RX_WR: 0x2a,
  IMR: 0x2c,
  FRAG: 0x2d,
  KPALVTR: 0x2f,
  END: 0x30,
} as const;

/** Sn_MR. The upper bits have these meanings in MACRAW mode. */
export const SocketMode = {
  MFEN: 0x80,
  BCASTB: 0x40,
  MMB: 0x20,
  MIP6B: 0x10,
  PROTOCOL: 0x0f,
  CLOSED: 0,
  TCP: 1,
  UDP: 2,
  MACRAW: 4,
} as const;

/** Sn_CR, p. 46 and following. */
export const Command = {
  OPEN: 0x01,
  LISTEN: 0x02,
  CONNECT: 0x04,
  DISCON: 0x08,
  CLOSE: 0x10,
  SEND: 0x20,
  SEND_MAC: 0x21,
  SEND_KEEP: 0x22,
  RECV: 0x40,
} as const;

/** Sn_IR and Sn_IMR. */
export const SocketInterrupt = { SENDOK: 0x10, TIMEOUT: 0x08, RECV: 0x04, DISCON: 0x02, CON: 0x01 } as const;

/** Sn_SR, p. 49 and 50. */
export const Status = { CLOSED: 0x00, MACRAW: 0x42 } as const;

export type Access = "read" | "write" | "reserved";

type Row = readonly [address: number, octets: number, access: Exclude<Access, "reserved">, value?: number];

/** Address, octets, whether it may be written, value after reset where that is not 0. */
const COMMON_ROWS: readonly Row[] = [
  [Common.MR, 1, "write"],
  [Common.GAR, 4, "write"],
  [Common.SUBR, 4, "write"],
  [Common.SHAR, 6, "write"],
  [Common.SIPR, 4, "write"],
  [Common.INTLEVEL, 2, "write"],
  [Common.IR, 1, "write"],
  [Common.IMR, 1, "write"],
  // Named "R/W" in the datasheet, but its bits are cleared through Sn_IR only.
  [Common.SIR, 1, "read"],
  [Common.SIMR, 1, "write"],
  [Common.RTR, 2, "write", 0x07d0],
  [Common.RCR, 1, "write", 0x08],
  [Common.PTIMER, 1, "write", 0x28],
  [Common.PMAGIC, 1, "write"],
  [Common.PHAR, 6, "write"],
  [Common.PSID, 2, "write"],
  [Common.PMRU, 2, "write", 0xffff],
  [Common.UIPR, 4, "read"],
  [Common.UPORTR, 2, "read"],
  [Common.PHYCFGR, 1, "write", 0xb8],
  [Common.VERSIONR, 1, "read", 0x04],
];

const SOCKET_ROWS: readonly Row[] = [
  [Socket.MR, 1, "write"],
  [Socket.CR, 1, "write"],
  [Socket.IR, 1, "write"],
  [Socket.SR, 1, "read"],
  [Socket.PORT, 2, "write"],
  [Socket.DHAR, 6, "write", 0xffffffffffff],
  [Socket.DIPR, 4, "write"],
  [Socket.DPORT, 2, "write"],
  [Socket.MSSR, 2, "write"],
  [Socket.TOS, 1, "write"],
  [Socket.TTL, 1, "write", 0x80],
  [Socket.RXBUF_SIZE, 1, "write", 2],
  [Socket.TXBUF_SIZE, 1, "write", 2],
  [Socket.TX_FSR, 2, "read", 0x0800],
  [Socket.TX_RD, 2, "read"],
  [Socket.TX_WR, 2, "write"],
  [Socket.RX_RSR, 2, "read"],
  [Socket.RX_RD, 2, "write"],
  [Socket.RX_WR, 2, "read"],
  [Socket.IMR, 1, "write", 0xff],
  [Socket.FRAG, 2, "write", 0x4000],
  [Socket.KPALVTR, 1, "write"],
];

/** What may be done at each address of a block, and what is there after reset. */
export interface RegisterMap {
  readonly access: readonly Access[];
  readonly initial: Uint8Array;
}

export const COMMON_MAP = mapOf(COMMON_ROWS, Common.END);
export const SOCKET_MAP = mapOf(SOCKET_ROWS, Socket.END);

function mapOf(rows: readonly Row[], end: number): RegisterMap {
  const access: Access[] = new Array(end).fill("reserved");
  const initial = new Uint8Array(end);
  for (const [address, octets, kind, value = 0] of rows)
    for (let i = 0; i < octets; i++) {
      access[address + i] = kind;
      initial[address + i] = Math.floor(value / 256 ** (octets - 1 - i)) % 256;
    }
  return { access, initial };
}
