/*
 * The OpenCores Ethernet MAC, of what the driver uses. Sections are those of "Ethernet IP Core
 * Specification", OpenCores, revision 1.19 (27 November 2002); of its PHY those of IEEE 802.3, clause 22.
 */
#ifndef OPENETH_REGS_H
#define OPENETH_REGS_H

/* Registers of 32 bits, as indices of words. Section 3, table 3. */
#define OPENETH_MODER (0x00u / 4)
#define OPENETH_INT_SOURCE (0x04u / 4)
#define OPENETH_INT_MASK (0x08u / 4)
#define OPENETH_PACKETLEN (0x18u / 4)
#define OPENETH_TX_BD_NUM (0x20u / 4)
#define OPENETH_MIICOMMAND (0x2cu / 4)
#define OPENETH_MIIADDRESS (0x30u / 4)
#define OPENETH_MIISTATUS (0x3cu / 4)
#define OPENETH_MAC_ADDR0 (0x40u / 4)
#define OPENETH_MAC_ADDR1 (0x44u / 4)
#define OPENETH_HASH0 (0x48u / 4)
#define OPENETH_HASH1 (0x4cu / 4)
/** Buffer descriptors: 128 of two words. Section 4.2. */
#define OPENETH_DESCRIPTORS (0x400u / 4)
#define OPENETH_DESCRIPTOR_COUNT 128u

/* MODER, section 3.1. Bit 3, BRO, is left clear: set, it rejects broadcasts. */
#define OPENETH_MODER_PAD (1u << 15)
#define OPENETH_MODER_CRC_ADD (1u << 13)
#define OPENETH_MODER_RESET (1u << 11)
#define OPENETH_MODER_FULL_DUPLEX (1u << 10)
#define OPENETH_MODER_TRANSMIT (1u << 1)
#define OPENETH_MODER_RECEIVE (1u << 0)

/* INT_SOURCE, which is cleared by writing ones, section 3.2, and INT_MASK, section 3.3. */
#define OPENETH_INT_BUSY (1u << 4)
#define OPENETH_INT_RECEIVE_ERROR (1u << 3)
#define OPENETH_INT_RECEIVED (1u << 2)
#define OPENETH_INT_SEND_ERROR (1u << 1)
#define OPENETH_INT_SENT (1u << 0)
#define OPENETH_INT_ALL 0x7fu

/* PACKETLEN: shortest and longest frame with its check sequence. Section 3.7. */
#define OPENETH_PACKETLEN_VALUE(shortest, longest) ((uint32_t)(shortest) << 16 | (longest))

/* MIICOMMAND, section 3.12; MIIADDRESS, section 3.13; MIISTATUS, section 3.16. */
#define OPENETH_MIICOMMAND_READ (1u << 1)
#define OPENETH_MIIADDRESS_VALUE(phy, reg) ((uint32_t)(reg) << 8 | (phy))
#define OPENETH_MIISTATUS_BUSY (1u << 1)
#define OPENETH_MIISTATUS_LINK_FAILED (1u << 0)

/* The first word of a descriptor that sends, section 4.2.2. The length is in the upper half. */
#define OPENETH_SEND_READY (1u << 15)
#define OPENETH_SEND_INTERRUPT (1u << 14)
#define OPENETH_SEND_WRAP (1u << 13)
#define OPENETH_SEND_PAD (1u << 12)
#define OPENETH_SEND_CRC (1u << 11)
/** Underrun, retry limit, late collision, carrier lost. */
#define OPENETH_SEND_ERRORS 0x10du

/* The first word of a descriptor that receives, section 4.2.3. The length, with the check sequence, is in the
 * upper half. */
#define OPENETH_RECEIVE_EMPTY (1u << 15)
#define OPENETH_RECEIVE_INTERRUPT (1u << 14)
#define OPENETH_RECEIVE_WRAP (1u << 13)
/** Overrun, invalid symbol, dribble nibble, too long, short, wrong check sequence, late collision. */
#define OPENETH_RECEIVE_ERRORS 0x7fu

#define OPENETH_LENGTH_SHIFT 16

/** IEEE 802.3, 22.2.4.2: the status register of a PHY. */
#define OPENETH_PHY_STATUS 1u

#endif
