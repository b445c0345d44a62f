/*
 * QEMU's RISC-V machine "virt", hart 0 in machine mode: where its devices are ("memory map" in its device
 * tree, `-M virt,dumpdtb=FILE`).
 */
#ifndef MACHINE_H
#define MACHINE_H

/* Serial port, a 16550: registers of an octet, side by side. */
#define MACHINE_UART 0x10000000u
#define MACHINE_UART_STRIDE 1u

/* Ends QEMU: RISC-V's "sifive,test1". The status in the upper half goes with a failure. */
#define MACHINE_TEST 0x00100000u
#define MACHINE_TEST_PASS 0x5555u
#define MACHINE_TEST_FAIL 0x3333u

/* Timer: ACLINT, "RISC-V Advanced Core Local Interruptor", chapter 2. Two words each, lower first. */
#define MACHINE_TIME_COMPARE 0x02004000u
#define MACHINE_TIME 0x0200bff8u
#define MACHINE_TIME_TICKS_PER_MS 10000u

/* Interrupt controller: "RISC-V Platform-Level Interrupt Controller", chapters 3 to 8; context 0 is hart 0 in
 * machine mode. */
#define MACHINE_PLIC_PRIORITY(source) (0x0c000000u + 4u * (source))
#define MACHINE_PLIC_ENABLE 0x0c002000u
#define MACHINE_PLIC_THRESHOLD 0x0c200000u
#define MACHINE_PLIC_CLAIM 0x0c200004u

/* Places for virtio devices, and the interrupt of the first one. */
#define MACHINE_VIRTIO 0x10001000u
#define MACHINE_VIRTIO_STRIDE 0x1000u
#define MACHINE_VIRTIO_COUNT 8u
#define MACHINE_VIRTIO_INTERRUPT 1u

/* Bits of the CSR mie: "The RISC-V Instruction Set Manual Volume II", 3.1.9. */
#define MACHINE_MIE_TIMER (1u << 7)
#define MACHINE_MIE_EXTERNAL (1u << 11)

#endif
