/*
 * Registers of the RP2040 that this port uses. Sections are the RP2040 datasheet's.
 */
#ifndef RP2040_REGS_H
#define RP2040_REGS_H

#include <stdint.h>

#define RP2040_REG(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* Section 2.1.2: writing to these aliases of a peripheral's register sets or clears the bits that are 1 in
 * the value. SIO and the processor's own registers have none. */
#define RP2040_SET(address) RP2040_REG((address) + 0x2000u)
#define RP2040_CLEAR(address) RP2040_REG((address) + 0x3000u)

/* Section 2.14.3: subsystem resets. A 1 in RESET holds a subsystem in reset; DONE says which may be used. */
#define RESETS_RESET 0x4000c000u
#define RESETS_DONE 0x4000c008u
#define RESETS_DMA (1u << 2)
#define RESETS_IO_BANK0 (1u << 5)
#define RESETS_PADS_BANK0 (1u << 8)
#define RESETS_PLL_SYS (1u << 12)
#define RESETS_SPI0 (1u << 16)
#define RESETS_TIMER (1u << 21)
#define RESETS_UART0 (1u << 22)

/* Section 2.15.7: clocks. */
#define CLOCKS_REF_CTRL 0x40008030u
#define CLOCKS_REF_DIV 0x40008034u
#define CLOCKS_REF_SELECTED 0x40008038u
#define CLOCKS_SYS_CTRL 0x4000803cu
#define CLOCKS_SYS_DIV 0x40008040u
#define CLOCKS_SYS_SELECTED 0x40008044u
#define CLOCKS_PERI_CTRL 0x40008048u
#define CLOCKS_REF_SOURCE_BITS 3u
#define CLOCKS_REF_SOURCE_ROSC 0u
#define CLOCKS_REF_SOURCE_XOSC 2u
#define CLOCKS_SYS_SOURCE_REF 0u
/** The auxiliary source, of which number 0 is PLL_SYS. */
#define CLOCKS_SYS_SOURCE_AUX 1u
/** Auxiliary source 0 is clk_sys. */
#define CLOCKS_PERI_ENABLE (1u << 11)
#define CLOCKS_DIV_1 (1u << 8)

/* Section 2.16.7: crystal oscillator. */
#define XOSC_CTRL 0x40024000u
#define XOSC_STATUS 0x40024004u
#define XOSC_STARTUP 0x4002400cu
#define XOSC_CTRL_1_15MHZ 0xaa0u
#define XOSC_CTRL_ENABLE (0xfabu << 12)
#define XOSC_STATUS_STABLE (1u << 31)

/* Section 2.17.8: ring oscillator, which runs from the beginning. Bit 0 of RANDOMBIT is its state. */
#define ROSC_RANDOMBIT 0x4006001cu

/* Section 2.18.4: PLL_SYS. */
#define PLL_SYS_CS 0x40028000u
#define PLL_SYS_PWR 0x40028004u
#define PLL_SYS_FBDIV 0x40028008u
#define PLL_SYS_PRIM 0x4002800cu
#define PLL_CS_LOCK (1u << 31)
#define PLL_PWR_PD (1u << 0)
#define PLL_PWR_POSTDIVPD (1u << 3)
#define PLL_PWR_VCOPD (1u << 5)
#define PLL_PRIM_POSTDIV1_SHIFT 16
#define PLL_PRIM_POSTDIV2_SHIFT 12

/* Section 2.19.6.1: GPIO functions and interrupts. Of each pin there are four interrupt bits, of eight pins
 * in a word. */
#define IO_BANK0_CTRL(pin) (0x40014004u + 8u * (pin))
#define IO_BANK0_PROC0_INTE(pin) (0x40014100u + 4u * ((pin) / 8u))
#define IO_BANK0_LEVEL_LOW(pin) (1u << (4u * ((pin) % 8u)))
/* Section 2.19.2: functions of a pin. */
#define GPIO_FUNCTION_SPI 1u
#define GPIO_FUNCTION_UART 2u
#define GPIO_FUNCTION_SIO 5u

/* Section 2.19.6.3: pads. */
#define PADS_BANK0(pin) (0x4001c004u + 4u * (pin))
#define PADS_SLEW_FAST (1u << 0)
#define PADS_SCHMITT (1u << 1)
#define PADS_PULL_DOWN (1u << 2)
#define PADS_PULL_UP (1u << 3)
#define PADS_DRIVE_4MA (1u << 4)
#define PADS_INPUT (1u << 6)

/* Section 2.3.1.7: single-cycle IO. */
#define SIO_GPIO_IN 0xd0000004u
#define SIO_GPIO_OUT_SET 0xd0000014u
#define SIO_GPIO_OUT_CLEAR 0xd0000018u
#define SIO_GPIO_OE_SET 0xd0000024u

/* Section 2.5.7: DMA; section 2.5.3.1: who asks for transfers. */
#define DMA_READ_ADDR(channel) (0x50000000u + 0x40u * (channel))
#define DMA_WRITE_ADDR(channel) (0x50000004u + 0x40u * (channel))
#define DMA_TRANS_COUNT(channel) (0x50000008u + 0x40u * (channel))
/** CTRL without starting the channel. */
#define DMA_CTRL(channel) (0x50000010u + 0x40u * (channel))
#define DMA_INTE0 0x50000404u
/** Bits written as 1 are cleared. */
#define DMA_INTS0 0x5000040cu
#define DMA_MULTI_CHAN_TRIGGER 0x50000430u
#define DMA_CHAN_ABORT 0x50000444u
#define DMA_CTRL_EN (1u << 0)
#define DMA_CTRL_INCR_READ (1u << 4)
#define DMA_CTRL_INCR_WRITE (1u << 5)
/** To itself: no chain. */
#define DMA_CTRL_CHAIN_TO(channel) ((channel) << 11)
#define DMA_CTRL_TREQ(dreq) ((dreq) << 15)
#define DMA_CTRL_BUSY (1u << 24)
#define DREQ_SPI0_TX 16u
#define DREQ_SPI0_RX 17u

/* Section 4.2.8: UART0, a PL011. */
#define UART0_DR 0x40034000u
#define UART0_FR 0x40034018u
#define UART0_IBRD 0x40034024u
#define UART0_FBRD 0x40034028u
#define UART0_LCR_H 0x4003402cu
#define UART0_CR 0x40034030u
#define UART_FR_BUSY (1u << 3)
#define UART_FR_TXFF (1u << 5)
#define UART_LCR_H_FEN (1u << 4)
#define UART_LCR_H_8_BITS (3u << 5)
#define UART_CR_ENABLE (1u << 0)
#define UART_CR_TXE (1u << 8)

/* Section 4.4.4: SPI0, a PL022. */
#define SPI0_CR0 0x4003c000u
#define SPI0_CR1 0x4003c004u
#define SPI0_DR 0x4003c008u
#define SPI0_SR 0x4003c00cu
#define SPI0_CPSR 0x4003c010u
#define SPI0_DMACR 0x4003c024u
#define SPI_CR0_8_BITS 7u
#define SPI_CR0_SCR_SHIFT 8
#define SPI_CR1_SSE (1u << 1)
#define SPI_SR_TNF (1u << 1)
#define SPI_SR_RNE (1u << 2)
#define SPI_SR_BSY (1u << 4)
#define SPI_DMACR_RX (1u << 0)
#define SPI_DMACR_TX (1u << 1)
/** Octets that each of its two FIFOs holds. */
#define SPI_FIFO_OCTETS 8u

/* Section 4.6.5: timer, in microseconds. Writing ALARM0 arms it. */
#define TIMER_ALARM0 0x40054010u
#define TIMER_ARMED 0x40054020u
#define TIMER_RAW_HIGH 0x40054024u
#define TIMER_RAW_LOW 0x40054028u
/** Bits written as 1 are cleared. */
#define TIMER_INTR 0x40054034u
#define TIMER_INTE 0x40054038u
#define TIMER_ALARM0_BIT 1u

/* Section 4.7.6: the watchdog makes the timer's microseconds. */
#define WATCHDOG_TICK 0x4005802cu
#define WATCHDOG_TICK_ENABLE (1u << 9)

/* Section 2.4.8: the processor's interrupt controller; section 2.3.2: interrupts. */
#define NVIC_ISER 0xe000e100u
#define NVIC_ICER 0xe000e180u
#define NVIC_ICPR 0xe000e280u
#define IRQ_TIMER_0 0u
#define IRQ_DMA_0 11u
#define IRQ_IO_BANK0 13u

#endif
