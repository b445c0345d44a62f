/*
 * The second stage of the boot, 256 octets at the beginning of flash (datasheet, section 2.8.1.3). The boot ROM
 * reads it slowly, compares its checksum, copies it to the end of SRAM, and calls it with LR = 0 before flash
 * can be addressed. It sets up the SSI (section 4.10.13) so that flash can be executed in place, and goes on
 * with the program's vector table at 0x10000100.
 *
 * It reads with command 03h on one data line, at a quarter of clk_sys: 31.25 MHz. Every flash chip takes that,
 * without a word about which one it is; a product that is in a hurry puts its chip's quad mode here.
 */
        .syntax unified
        .cpu cortex-m0plus
        .thumb

        .equ    SSI_BASE, 0x18000000
        .equ    SSI_CTRLR0, 0x00
        .equ    SSI_CTRLR1, 0x04
        .equ    SSI_SSIENR, 0x08
        .equ    SSI_BAUDR, 0x14
        .equ    SSI_SPI_CTRLR0, 0xf4

        /* Divides clk_sys: even. */
        .equ    BAUD_DIVISOR, 4
        /* Frames of 32 bits (20:16), the plain format (22:21), send a command and then read (9:8). */
        .equ    CTRLR0, 31 << 16 | 3 << 8
        /* Command 03h (31:24) of 8 bits (9:8), 24 bits of address in units of 4 (5:2), all on one line. */
        .equ    SPI_CTRLR0, 0x03 << 24 | 2 << 8 | 6 << 2

        .equ    VECTORS, 0x10000100
        .equ    VTOR, 0xe000ed08

        .section .boot2, "ax"
        .global boot2
        .thumb_func
boot2:
        push    {lr}
        ldr     r3, =SSI_BASE
        movs    r0, #0
        str     r0, [r3, #SSI_SSIENR]
        movs    r0, #BAUD_DIVISOR
        str     r0, [r3, #SSI_BAUDR]
        ldr     r0, =CTRLR0
        str     r0, [r3, #SSI_CTRLR0]
        ldr     r0, =SPI_CTRLR0
        ldr     r1, =SSI_BASE + SSI_SPI_CTRLR0
        str     r0, [r1]
        /* One frame of data for each access. */
        movs    r0, #0
        str     r0, [r3, #SSI_CTRLR1]
        movs    r0, #1
        str     r0, [r3, #SSI_SSIENR]
        pop     {r0}
        cmp     r0, #0
        beq     start
        /* Called by a program that had turned execution in place off. */
        bx      r0
start:
        ldr     r0, =VECTORS
        ldr     r1, =VTOR
        str     r0, [r1]
        ldmia   r0!, {r1, r2}
        msr     msp, r1
        bx      r2
        .ltorg

        /* CRC-32 of the 252 octets before it: polynomial 0x04c11db7, from 0xffffffff, not reflected (section
         * 2.8.1.3.1). test/emulator/rp2040.test.ts compares it, and the emulator as the boot ROM does. */
        .org    252
        .word   0x0660e7b3
