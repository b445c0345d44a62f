// Registers of the ENC28J60: datasheet DS39662E, chapters 3 and 4.

/** SPI instructions, table 4-1: the operation in the upper three bits, an argument in the lower five. */
export const Operation = { RCR: 0, RBM: 1, WCR: 2, WBM: 3, BFS: 4, BFC: 5, SRC: 7 } as const;

/** The argument of RBM and WBM, and that of SRC. */
export const BUFFER_ARGUMENT = 0x1a;
export const RESET_ARGUMENT = 0x1f;

/** Registers from this on are the same in all banks: section 3.1. */
export const COMMON_FROM = 0x1b;
/** Reserved in all banks, neither to be read nor to be written: section 3.1. */
export const FORBIDDEN = 0x1a;

const BANK_1 = 0x20;
const BANK_2 = 0x40;
const BANK_3 = 0x60;

/** Addresses: the bank in bits 6:5, table 3-1. */
export const Register = {
  ERDPT: 0x00,
  EWRPT: 0x02,
  ETXST: 0x04,
  ETXND: 0x06,
  ERXST: 0x08,
  ERXND: 0x0a,
  ERXRDPT: 0x0c,
  ERXWRPT: 0x0e,
  EDMAST: 0x10,
  EDMAND: 0x12,
  EDMADST: 0x14,
  EDMACS: 0x16,
  EIE: 0x1b,
  EIR: 0x1c,
  ESTAT: 0x1d,
  ECON2: 0x1e,
  ECON1: 0x1f,
  EHT0: BANK_1 | 0x00,
  EPMM0: BANK_1 | 0x08,
  EPMCS: BANK_1 | 0x10,
  EPMO: BANK_1 | 0x14,
  ERXFCON: BANK_1 | 0x18,
  EPKTCNT: BANK_1 | 0x19,
  MACON1: BANK_2 | 0x00,
  MACON3: BANK_2 | 0x02,
  MACON4: BANK_2 | 0x03,
  MABBIPG: BANK_2 | 0x04,
  MAIPG: BANK_2 | 0x06,
  MACLCON1: BANK_2 | 0x08,
  MACLCON2: BANK_2 | 0x09,
  MAMXFL: BANK_2 | 0x0a,
  MICMD: BANK_2 | 0x12,
  MIREGADR: BANK_2 | 0x14,
  MIWR: BANK_2 | 0x16,
  MIRD: BANK_2 | 0x18,
  MAADR5: BANK_3 | 0x00,
  MAADR6: BANK_3 | 0x01,
  MAADR3: BANK_3 | 0x02,
  MAADR4: BANK_3 | 0x03,
  MAADR1: BANK_3 | 0x04,
  MAADR2: BANK_3 | 0x05,
  EBSTSD: BANK_3 | 0x06,
  EBSTCON: BANK_3 | 0x07,
  EBSTCS: BANK_3 | 0x08,
  MISTAT: BANK_3 | 0x0a,
  EREVID: BANK_3 | 0x12,
  ECOCON: BANK_3 | 0x15,
  EFLOCON: BANK_3 | 0x17,
  EPAUS: BANK_3 | 0x18,
} as const;

/** EIE, register 12-2. */
export const Eie = {
  INTIE: 0x80,
  PKTIE: 0x40,
  DMAIE: 0x20,
  LINKIE: 0x10,
  TXIE: 0x08,
  TXERIE: 0x02,
  RXERIE: 0x01,
} as const;

/** EIR, register 12-3. PKTIF and LINKIF are read only, the others can only be cleared. */
export const Eir = {
  PKTIF: 0x40,
  DMAIF: 0x20,
  LINKIF: 0x10,
  TXIF: 0x08,
  TXERIF: 0x02,
  RXERIF: 0x01,
} as const;

/** ESTAT, register 12-1. BUFER, LATECOL and TXABRT can only be cleared, the others are read only. */
export const Estat = {
  INT: 0x80,
  BUFER: 0x40,
  LATECOL: 0x10,
  RXBUSY: 0x04,
  TXABRT: 0x02,
  CLKRDY: 0x01,
} as const;

/** ECON2, register 3-2. */
export const Econ2 = { AUTOINC: 0x80, PKTDEC: 0x40, PWRSV: 0x20, VRPS: 0x08 } as const;

/** ECON1, register 3-1. */
export const Econ1 = {
  TXRST: 0x80,
  RXRST: 0x40,
  DMAST: 0x20,
  CSUMEN: 0x10,
  TXRTS: 0x08,
  RXEN: 0x04,
  BSEL: 0x03,
} as const;

/** ERXFCON, register 8-1. */
export const Filter = {
  UCEN: 0x80,
  ANDOR: 0x40,
  CRCEN: 0x20,
  PMEN: 0x10,
  MPEN: 0x08,
  HTEN: 0x04,
  MCEN: 0x02,
  BCEN: 0x01,
} as const;

/** MACON1, register 6-1. */
export const Macon1 = { TXPAUS: 0x08, RXPAUS: 0x04, PASSALL: 0x02, MARXEN: 0x01 } as const;

/** MACON3, register 6-2. */
export const Macon3 = {
  PADCFG_SHIFT: 5,
  TXCRCEN: 0x10,
  PHDREN: 0x08,
  HFRMEN: 0x04,
  FRMLNEN: 0x02,
  FULDPX: 0x01,
} as const;

/** The control octet before a frame to send, figure 7-1. */
export const PacketControl = { POVERRIDE: 0x01, PCRCEN: 0x02, PPADEN: 0x04, PHUGEEN: 0x08 } as const;

/** MICMD and MISTAT, registers 3-3 and 3-4. */
export const Micmd = { MIISCAN: 0x02, MIIRD: 0x01 } as const;
export const Mistat = { NVALID: 0x04, SCAN: 0x02, BUSY: 0x01 } as const;

/** PHY registers, table 3-3. */
export const PhyRegister = {
  PHCON1: 0x00,
  PHSTAT1: 0x01,
  PHID1: 0x02,
  PHID2: 0x03,
  PHCON2: 0x10,
  PHSTAT2: 0x11,
  PHIE: 0x12,
  PHIR: 0x13,
  PHLCON: 0x14,
} as const;

export const Phcon1 = { PRST: 0x8000, PLOOPBK: 0x4000, PPWRSV: 0x0800, PDPXMD: 0x0100 } as const;
export const Phcon2 = { FRCLNK: 0x4000, TXDIS: 0x2000, JABBER: 0x0400, HDLDIS: 0x0100 } as const;
/** PHSTAT1: PFDPX and PHDPX always read 1; LLSTAT holds a 0 until it is read. */
export const Phstat1 = { PFDPX: 0x1000, PHDPX: 0x0800, LLSTAT: 0x0004 } as const;
export const Phstat2 = { TXSTAT: 0x2000, RXSTAT: 0x1000, LSTAT: 0x0400, DPXSTAT: 0x0200 } as const;
export const Phie = { PLNKIE: 0x0010, PGEIE: 0x0002 } as const;
export const Phir = { PLNKIF: 0x0010, PGIF: 0x0004 } as const;

/** What a PHY register's bits are: what can be written, and what has to be written 0 or 1. Tables 3-3 and 2-2. */
export interface PhyBits {
  readonly initial: number;
  readonly writable: number;
  readonly zeros: number;
  readonly ones: number;
}

export const PHY_BITS: ReadonlyMap<number, PhyBits | "read only"> = new Map<number, PhyBits | "read only">([
  [PhyRegister.PHCON1, { initial: 0, writable: 0xc900, zeros: 0x0480, ones: 0 }],
  [PhyRegister.PHSTAT1, "read only"],
  [PhyRegister.PHID1, "read only"],
  [PhyRegister.PHID2, "read only"],
  [PhyRegister.PHCON2, { initial: 0, writable: 0x6500, zeros: 0x1aff, ones: 0 }],
  [PhyRegister.PHSTAT2, "read only"],
  [PhyRegister.PHIE, { initial: 0, writable: 0x0012, zeros: 0, ones: 0 }],
  [PhyRegister.PHIR, "read only"],
  [PhyRegister.PHLCON, { initial: 0x3422, writable: 0x0ffe, zeros: 0xc001, ones: 0x3000 }],
]);

export const PHID1_VALUE = 0x0083;
export const PHID2_VALUE = 0x1400;

/** Bits of the receive status vector, table 7-3; its lower half is the length. */
export const ReceiveStatus = {
  LENGTH_CHECK_ERROR: 1 << 21,
  LENGTH_OUT_OF_RANGE: 1 << 22,
  OK: 1 << 23,
  MULTICAST: 1 << 24,
  BROADCAST: 1 << 25,
  CONTROL: 1 << 27,
} as const;

/** Bits of the transmit status vector, table 7-1, from bit 16 on. */
export const TransmitStatus = {
  CRC_ERROR: 1 << 4,
  LENGTH_OUT_OF_RANGE: 1 << 6,
  DONE: 1 << 7,
  MULTICAST: 1 << 8,
  BROADCAST: 1 << 9,
  LATE_COLLISION: 1 << 13,
  GIANT: 1 << 14,
} as const;

/**
 * What an address is. "eth": BFS and BFC work, no dummy octet; "mac": the MAC's and MII's, the opposite. "reserved": may
 * be read, its contents must not change. "none": reads 0, writes are ignored. Section 3.1.
 */
export type Kind = "eth" | "mac" | "reserved" | "forbidden" | "none";

export interface RegisterBits {
  readonly kind: Kind;
  readonly initial: number;
  /** Bits that a write changes; those that are read only stay as they are. */
  readonly writable: number;
  /** Bits that must be written 0. */
  readonly zeros: number;
  readonly isReadOnly: boolean;
}

type Row = readonly [address: number, initial: number, writable: number, zeros?: number];

/** Table 3-2. */
const ROWS: readonly Row[] = [
  ...pair(Register.ERDPT, 0x05fa, 0x1fff),
  ...pair(Register.EWRPT, 0, 0x1fff),
  ...pair(Register.ETXST, 0, 0x1fff),
  ...pair(Register.ETXND, 0, 0x1fff),
  ...pair(Register.ERXST, 0x05fa, 0x1fff),
  ...pair(Register.ERXND, 0x1fff, 0x1fff),
  ...pair(Register.ERXRDPT, 0x05fa, 0x1fff),
  ...pair(Register.ERXWRPT, 0, 0),
  ...pair(Register.EDMAST, 0, 0x1fff),
  ...pair(Register.EDMAND, 0, 0x1fff),
  ...pair(Register.EDMADST, 0, 0x1fff),
  ...pair(Register.EDMACS, 0, 0),
  [Register.EIE, 0, 0xfb, 0x04],
  [Register.EIR, 0, 0x2b, 0x04],
  [Register.ESTAT, 0, 0x52, 0x20],
  [Register.ECON2, Econ2.AUTOINC, 0xe8, 0x10],
  [Register.ECON1, 0, 0xff],
  ...Array.from({ length: 8 }, (_, i): Row => [Register.EHT0 + i, 0, 0xff]),
  ...Array.from({ length: 8 }, (_, i): Row => [Register.EPMM0 + i, 0, 0xff]),
  ...pair(Register.EPMCS, 0, 0xffff),
  ...pair(Register.EPMO, 0, 0x1fff),
  [Register.ERXFCON, Filter.UCEN | Filter.CRCEN | Filter.BCEN, 0xff],
  [Register.EPKTCNT, 0, 0],
  [Register.MACON1, 0, 0x0f, 0x10],
  [Register.MACON3, 0, 0xff],
  [Register.MACON4, 0, 0x70, 0x03],
  [Register.MABBIPG, 0, 0x7f],
  ...pair(Register.MAIPG, 0, 0x7f7f),
  [Register.MACLCON1, 0x0f, 0x0f],
  [Register.MACLCON2, 0x37, 0x3f],
  ...pair(Register.MAMXFL, 0x0600, 0xffff),
  [Register.MICMD, 0, 0x03],
  [Register.MIREGADR, 0, 0x1f],
  ...pair(Register.MIWR, 0, 0xffff),
  ...pair(Register.MIRD, 0, 0),
  ...Array.from({ length: 6 }, (_, i): Row => [Register.MAADR5 + i, 0, 0xff]),
  [Register.EBSTSD, 0, 0xff],
  [Register.EBSTCON, 0, 0xff],
  ...pair(Register.EBSTCS, 0, 0),
  [Register.MISTAT, 0, 0],
  [Register.EREVID, 0, 0],
  [Register.ECOCON, 0x04, 0x07],
  [Register.EFLOCON, 0, 0x03],
  ...pair(Register.EPAUS, 0x1000, 0xffff),
];

/** Reserved addresses, table 3-1; the others that have no row are not implemented. */
const RESERVED: readonly number[] = [
  ...[0x01, 0x0c, 0x0d, 0x0e, 0x10, 0x11, 0x15].map((address) => BANK_2 | address),
  BANK_3 | 0x16,
];

const BANKS = 4;
const BANK_REGISTERS = 32;
const MII_STATUS_AND_ADDRESS_END = Register.MAADR2;

/** By address. */
export const REGISTERS: readonly RegisterBits[] = Array.from(
  { length: BANKS * BANK_REGISTERS },
  (_, address): RegisterBits => {
    const row = ROWS.find(([at]) => at === address);
    const [, initial, writable, zeros] = row ?? [address, 0, 0];
    return {
      kind: kindOf(address, row !== undefined),
      initial,
      writable,
      zeros: zeros ?? 0,
      isReadOnly: writable === 0,
    };
  },
);

function kindOf(address: number, isThere: boolean): Kind {
  if ((address & 0x1f) === FORBIDDEN) return "forbidden";
  if (RESERVED.includes(address)) return "reserved";
  if (!isThere) return "none";
  const isMac = address >= BANK_2 && (address <= MII_STATUS_AND_ADDRESS_END || address === Register.MISTAT);
  return isMac ? "mac" : "eth";
}

/** A register of two octets, the low one first. */
function pair(address: number, initial: number, writable: number): Row[] {
  return [
    [address, initial & 0xff, writable & 0xff],
    [address + 1, initial >> 8, writable >> 8],
  ];
}
