/*
 * QEMU's Xtensa board kc705-nommu (hw/xtensa/xtfpga.c) with the processor lx106 (an ESP8266's): where its
 * devices are. The I/O space of boards without an MMU begins at 0x90000000, devices 0x0d000000 behind.
 */
#ifndef MACHINE_H
#define MACHINE_H

/* Serial port, a 16550: registers of an octet, 4 apart. */
#define MACHINE_UART 0x9d050020u
#define MACHINE_UART_STRIDE 4u

/* OpenCores Ethernet MAC; its PHY's number; its interrupt of the processor. */
#define MACHINE_ETHERNET 0x9d030000u
#define MACHINE_ETHERNET_PHY 1u
#define MACHINE_ETHERNET_INTERRUPT (1u << 1)

/* The processor's one timer compares CCOUNT with CCOMPARE0. CCOUNT goes at 40 MHz. */
#define MACHINE_TIMER_INTERRUPT (1u << 6)
#define MACHINE_TICKS_PER_MS 40000u
/** Under `-icount shift=0`, which takes an instruction a nanosecond. */
#define MACHINE_INSTRUCTIONS_PER_TICK 25u

/* Calls of QEMU's semihosting, target/xtensa/xtensa-semi.c: number in a2, arguments from a3 on, result in a2.
 */
#define MACHINE_SYSTEM_EXIT 1u
#define MACHINE_SYSTEM_READ 3u
#define MACHINE_SYSTEM_OPEN 5u
#define MACHINE_SYSTEM_CLOSE 6u
#define MACHINE_SYSTEM_ARGUMENT_COUNT 1000u
#define MACHINE_SYSTEM_ARGUMENT_BYTES 1001u
#define MACHINE_SYSTEM_ARGUMENTS 1002u

#endif
