/*
 * Registers of the WIZnet W5500 that the driver uses. Sections and pages are of its datasheet, version 1.0.9.
 */
#ifndef W5500_REGS_H
#define W5500_REGS_H

/*
 * A transaction begins with a 16-bit address, high octet first, and a control octet: the block in bits 7 to
 * 3, the direction in bit 2, 0 in bits 1 and 0 for data of any length, which chip select ends (2.2, pages 15
 * to 19).
 */
#define W5500_BLOCK(select) ((select) << 3)
#define W5500_COMMON W5500_BLOCK(0u)
#define W5500_SOCKET(n) W5500_BLOCK(4u * (n) + 1u)
#define W5500_TX_BUFFER W5500_BLOCK(2u)
#define W5500_RX_BUFFER W5500_BLOCK(3u)
#define W5500_WRITE (1u << 2)

/* Common registers: sections 3.1 and 4.1. */

/** Mode. RST resets the chip, and clears itself; with PB the chip answers no pings by itself. */
#define W5500_MR 0x00u
#define W5500_MR_RST 0x80u
#define W5500_MR_PB 0x10u
/** Source hardware address, 6 octets. */
#define W5500_SHAR 0x09u
/** Sockets that the interrupt pin tells of, a bit each. */
#define W5500_SIMR 0x18u
/** The PHY: LNK is 1 while the link is up. */
#define W5500_PHYCFGR 0x2eu
#define W5500_PHYCFGR_LNK 0x01u
/** Always this value. */
#define W5500_VERSIONR 0x39u
#define W5500_VERSION 0x04u

/* Registers of a socket: sections 3.2 and 4.2. */

#define W5500_SOCKETS 8u

/** Mode: MACRAW, for socket 0 alone, with its filters: own address and broadcasts only; no multicasts. */
#define W5500_SN_MR 0x00u
#define W5500_SN_MR_MACRAW 0x04u
#define W5500_SN_MR_MFEN 0x80u
#define W5500_SN_MR_MMB 0x20u
/** Command: becomes 0 when the chip has taken it (page 46). */
#define W5500_SN_CR 0x01u
#define W5500_SN_CR_OPEN 0x01u
#define W5500_SN_CR_CLOSE 0x10u
#define W5500_SN_CR_SEND 0x20u
#define W5500_SN_CR_RECV 0x40u
/** What happened: writing ones clears. */
#define W5500_SN_IR 0x02u
#define W5500_SN_IR_SENDOK 0x10u
#define W5500_SN_IR_RECV 0x04u
#define W5500_SN_IR_ALL 0x1fu
/** State (page 49). */
#define W5500_SN_SR 0x03u
#define W5500_SN_SR_CLOSED 0x00u
#define W5500_SN_SR_MACRAW 0x42u
/** Sizes of the buffers in KB: 16 of each in all. */
#define W5500_SN_RXBUF_SIZE 0x1eu
#define W5500_SN_TXBUF_SIZE 0x1fu
/**
 * Pointers, 16 bits each, high octet first, that run freely: the chip takes them modulo the buffer's size,
 * and so it takes addresses in a buffer's block (pages 54 and 55). RSR is RX_WR less RX_RD, FSR what is free
 * beside TX_WR less TX_RD. They may change between their octets.
 */
#define W5500_SN_TX_FSR 0x20u
#define W5500_SN_TX_RD 0x22u
#define W5500_SN_TX_WR 0x24u
#define W5500_SN_RX_RSR 0x26u
#define W5500_SN_RX_RD 0x28u
#define W5500_SN_RX_WR 0x2au
/** Which bits of IR the interrupt pin tells of. */
#define W5500_SN_IMR 0x2cu

/** Octets before a received frame: its length, these included, high octet first. */
#define W5500_PREFIX_BYTES 2u

/* Times. */

/** Reset pin: 500 us low at least, then 1 ms until the PLL is locked (section 5.5.1). */
#define W5500_RESET_LOW_MS 2u
#define W5500_RESET_SETTLE_MS 5u

#endif
