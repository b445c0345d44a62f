/*
 * Registers of the Microchip ENC28J60 that the driver uses. Sections, tables and registers are of its
 * datasheet, DS39662E; errata of DS80349C, as they are for revision B7.
 */
#ifndef ENC28J60_REGS_H
#define ENC28J60_REGS_H

/*
 * Instructions (table 4-1). A transaction is one: with the address of a register in the lower five bits, then
 * an octet; of buffer memory, then as many octets as are wanted.
 */
#define ENC28J60_RCR 0x00u
#define ENC28J60_RBM 0x3au
#define ENC28J60_WCR 0x40u
#define ENC28J60_WBM 0x7au
#define ENC28J60_BFS 0x80u
#define ENC28J60_BFC 0xa0u
#define ENC28J60_SRC 0xffu
#define ENC28J60_ADDRESS 0x1fu

/*
 * Registers (table 3-1): the address in bits 4 to 0, the bank in bits 6 and 5. Those from EIE on are in all
 * banks. Of MAC and MII, bit 7 here: a read gives an octet first that means nothing (4.2.1), BFS and BFC do
 * not work (4.2.5). Of two octets, the low one is first; the other's address is the next.
 */
#define ENC28J60_BANK(n) ((n) << 5)
#define ENC28J60_BANK_OF(reg) ((reg) >> 5 & 3u)
#define ENC28J60_MAC 0x80u
#define ENC28J60_IN_ALL_BANKS 0x1bu

/** Which events make the interrupt line active (register 12-2), and the events (register 12-3). */
#define ENC28J60_EIE 0x1bu
#define ENC28J60_EIE_INTIE 0x80u
#define ENC28J60_EIE_PKTIE 0x40u
#define ENC28J60_EIR 0x1cu
#define ENC28J60_EIR_TXIF 0x08u
#define ENC28J60_EIR_TXERIF 0x02u
#define ENC28J60_EIR_RXERIF 0x01u
/** Bits that are always 0. */
#define ENC28J60_EIR_ZEROS 0x84u
/** Register 12-1. */
#define ENC28J60_ESTAT 0x1du
#define ENC28J60_ESTAT_CLKRDY 0x01u
/** Register 3-2. PKTDEC, which clears itself, makes EPKTCNT less by 1. */
#define ENC28J60_ECON2 0x1eu
#define ENC28J60_ECON2_AUTOINC 0x80u
#define ENC28J60_ECON2_PKTDEC 0x40u
/** Register 3-1. BSEL is the bank. */
#define ENC28J60_ECON1 0x1fu
#define ENC28J60_ECON1_TXRST 0x80u
#define ENC28J60_ECON1_RXRST 0x40u
#define ENC28J60_ECON1_TXRTS 0x08u
#define ENC28J60_ECON1_RXEN 0x04u
#define ENC28J60_ECON1_BSEL 0x03u

/** Pointers into buffer memory: of reading and writing by SPI; the packet to send; the ring of received
 * packets, and what of it may not be written over (section 3.2). */
#define ENC28J60_ERDPT (ENC28J60_BANK(0u) | 0x00u)
#define ENC28J60_EWRPT (ENC28J60_BANK(0u) | 0x02u)
#define ENC28J60_ETXST (ENC28J60_BANK(0u) | 0x04u)
#define ENC28J60_ETXND (ENC28J60_BANK(0u) | 0x06u)
#define ENC28J60_ERXST (ENC28J60_BANK(0u) | 0x08u)
#define ENC28J60_ERXND (ENC28J60_BANK(0u) | 0x0au)
#define ENC28J60_ERXRDPT (ENC28J60_BANK(0u) | 0x0cu)

/** Hash table, 64 bits (8.4), and the filters (register 8-1). */
#define ENC28J60_EHT0 (ENC28J60_BANK(1u) | 0x00u)
#define ENC28J60_ERXFCON (ENC28J60_BANK(1u) | 0x18u)
#define ENC28J60_ERXFCON_UCEN 0x80u
#define ENC28J60_ERXFCON_CRCEN 0x20u
#define ENC28J60_ERXFCON_HTEN 0x04u
#define ENC28J60_ERXFCON_BCEN 0x01u
/** Packets that wait. */
#define ENC28J60_EPKTCNT (ENC28J60_BANK(1u) | 0x19u)

/** The MAC (registers 6-1 to 6-3, section 6.5). PADCFG_60: frames are padded to 60 octets. */
#define ENC28J60_MACON1 (ENC28J60_MAC | ENC28J60_BANK(2u) | 0x00u)
#define ENC28J60_MACON1_MARXEN 0x01u
#define ENC28J60_MACON3 (ENC28J60_MAC | ENC28J60_BANK(2u) | 0x02u)
#define ENC28J60_MACON3_PADCFG_60 0x20u
#define ENC28J60_MACON3_TXCRCEN 0x10u
#define ENC28J60_MACON3_FRMLNEN 0x02u
#define ENC28J60_MACON4 (ENC28J60_MAC | ENC28J60_BANK(2u) | 0x03u)
#define ENC28J60_MACON4_DEFER 0x40u
#define ENC28J60_MABBIPG (ENC28J60_MAC | ENC28J60_BANK(2u) | 0x04u)
#define ENC28J60_MABBIPG_HALF_DUPLEX 0x12u
#define ENC28J60_MAIPG (ENC28J60_MAC | ENC28J60_BANK(2u) | 0x06u)
#define ENC28J60_MAIPGL_USUAL 0x12u
#define ENC28J60_MAIPGH_HALF_DUPLEX 0x0cu
#define ENC28J60_MAMXFL (ENC28J60_MAC | ENC28J60_BANK(2u) | 0x0au)

/** Access to the PHY, which takes 10.24 us (section 3.3): a write begins with the upper octet of MIWR, a read
 * with MIIRD. */
#define ENC28J60_MICMD (ENC28J60_MAC | ENC28J60_BANK(2u) | 0x12u)
#define ENC28J60_MICMD_MIIRD 0x01u
#define ENC28J60_MIREGADR (ENC28J60_MAC | ENC28J60_BANK(2u) | 0x14u)
#define ENC28J60_MIWR (ENC28J60_MAC | ENC28J60_BANK(2u) | 0x16u)
#define ENC28J60_MIRD (ENC28J60_MAC | ENC28J60_BANK(2u) | 0x18u)

/** Octets of the own address from the first: they are not in this order (table 3-1). */
#define ENC28J60_MAADR1 (ENC28J60_MAC | ENC28J60_BANK(3u) | 0x04u)
#define ENC28J60_MAADR2 (ENC28J60_MAC | ENC28J60_BANK(3u) | 0x05u)
#define ENC28J60_MAADR3 (ENC28J60_MAC | ENC28J60_BANK(3u) | 0x02u)
#define ENC28J60_MAADR4 (ENC28J60_MAC | ENC28J60_BANK(3u) | 0x03u)
#define ENC28J60_MAADR5 (ENC28J60_MAC | ENC28J60_BANK(3u) | 0x00u)
#define ENC28J60_MAADR6 (ENC28J60_MAC | ENC28J60_BANK(3u) | 0x01u)

/** The silicon's revision, 6 in B7: five bits, never 0. */
#define ENC28J60_EREVID (ENC28J60_BANK(3u) | 0x12u)
#define ENC28J60_EREVID_MOST 0x1fu

/* Registers of the PHY (table 3-3). */

/** PDPXMD: full duplex. Its value after reset depends on how an LED is wired (2.6). */
#define ENC28J60_PHCON1 0x00u
#define ENC28J60_PHCON1_HALF_DUPLEX 0x0000u
/** HDLDIS: what is sent in half duplex does not come back. */
#define ENC28J60_PHCON2 0x10u
#define ENC28J60_PHCON2_HDLDIS 0x0100u
/** LSTAT, bit 10: the link is up. */
#define ENC28J60_PHSTAT2 0x11u
#define ENC28J60_PHSTAT2_LSTAT_HIGH 0x04u

/** Before each received packet: where the next one is, then its length with check sequence, and 16 bits of
 * status (figure 7-3, table 7-3), all with the low octet first. The next one begins at an even address. */
#define ENC28J60_HEADER_BYTES 6u
#define ENC28J60_CRC_BYTES 4u
/** Received Ok, in the status's low octet. */
#define ENC28J60_STATUS_OK 0x80u

/** Before each packet to send: 0, MACON3 says all (figure 7-1). Behind it the chip writes 7 octets. */
#define ENC28J60_CONTROL_MACON3 0x00u

/* Times. */

/** Reset pin: 400 ns at least (table 16-3); then 300 us until the oscillator runs (2.2). */
#define ENC28J60_RESET_LOW_MS 1u
/** After a reset by SPI CLKRDY says nothing: 1 ms has to pass (erratum 2). */
#define ENC28J60_RESET_SETTLE_MS 2u

#endif
