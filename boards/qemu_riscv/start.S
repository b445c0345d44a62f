/*
 * Start-up on QEMU's "virt". Interrupts stay masked for ever: they only end a WFI (board.c). So the one trap is a fault.
 */
    .option arch, +zicsr

/* Physical memory protection: "The RISC-V Instruction Set Manual Volume II", 3.7.1. A naturally aligned region, locked, which
   binds machine mode too; read and execute. */
#define PMP_FLASH (0x80000000 >> 2 | (1 << 20 >> 3) - 1)
#define PMP_LOCKED_READ_EXECUTE 0x9d

#define PAINT 0xdeadbeef        /* BOARD_STACK_PAINT */

    .section .start, "ax"        /* without a bios QEMU begins where memory begins */
    .global _start
    .type   _start, @function
_start:
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    csrw    mie, zero
    la      t0, on_fault
    csrw    mtvec, t0
    li      t0, PMP_FLASH
    csrw    pmpaddr0, t0
    li      t0, PMP_LOCKED_READ_EXECUTE
    csrw    pmpcfg0, t0
    la      t0, __data_start
    la      t1, __data_end
    la      t2, __data_in_flash
1:  bgeu    t0, t1, 2f
    lw      t3, 0(t2)
    sw      t3, 0(t0)
    addi    t0, t0, 4
    addi    t2, t2, 4
    j       1b
2:  la      t0, __bss_start
    la      t1, __bss_end
3:  bgeu    t0, t1, 4f
    sw      zero, 0(t0)
    addi    t0, t0, 4
    j       3b
4:  la      t0, __stack_low
    la      sp, __stack_end
    li      t1, PAINT
5:  bgeu    t0, sp, 6f
    sw      t1, 0(t0)
    addi    t0, t0, 4
    j       5b
6:  call    main
    tail    exit

/* A fault ends the program: what the stack holds is of no use any more, and it may be what overflowed. */
    .align  2
on_fault:
    csrr    a0, mcause
    csrr    a1, mepc
    csrr    a2, mtval
    mv      a3, ra
    la      sp, __stack_end
    tail    machine_fault
