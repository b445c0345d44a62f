/*
 * Start-up for QEMU's Xtensa machine kc705-nommu with the processor lx106, in the call0 ABI. "Xtensa Instruction Set
 * Architecture Reference Manual" (Cadence, 2010): sections 4.4.1 (exceptions), 4.4.4 (interrupts).
 *
 * The program runs at interrupt level 1, where no interrupt is taken. Only the WAITI of board_sleep takes one.
 */

#define PS_USER_LEVEL_1 0x21    /* the user vector, no exception, interrupt level 1 */
#define CAUSE_INTERRUPT 4       /* Level1InterruptCause */
#define PAINT 0xdeadbeef        /* BOARD_STACK_PAINT */

    .section .vectors, "ax"
    .org 0x10                   /* debug exception */
    j       on_fault
    .org 0x20                   /* non-maskable interrupt */
    j       on_fault
    .org 0x30                   /* kernel exception */
    j       on_fault
    .org 0x50                   /* user exception, and interrupts of level 1 */
    j       on_exception
    .org 0x70                   /* double exception */
    j       on_fault

    .section .text.vectors, "ax"
    .literal_position
    .align  4
/* An interrupt has ended the sleep, which is all that it is for: none comes until the next sleep enables them. */
on_exception:
    wsr     a2, excsave1
    rsr     a2, exccause
    bnei    a2, CAUSE_INTERRUPT, on_fault
    movi    a2, 0
    wsr     a2, intenable
    rsr     a2, excsave1
    rfe

/* A fault ends the program: what the stack holds is of no use any more. */
    .align  4
on_fault:
    mov     a5, a0
    movi    sp, __stack_end
    rsr     a2, exccause
    rsr     a3, epc1
    rsr     a4, excvaddr
    movi    a6, machine_fault
    jx      a6

    .section .text.machine_start, "ax"
    .literal_position
    .align  4
    .global _start
    .type   _start, @function
_start:
    movi    a2, 0
    wsr     a2, intenable
    movi    a2, PS_USER_LEVEL_1
    wsr     a2, ps
    rsync
    movi    a2, __data_start
    movi    a3, __data_end
    movi    a4, __data_in_flash
1:  bgeu    a2, a3, 2f
    l32i    a5, a4, 0
    s32i    a5, a2, 0
    addi    a2, a2, 4
    addi    a4, a4, 4
    j       1b
2:  movi    a2, __bss_start
    movi    a3, __bss_end
    movi    a4, 0
3:  bgeu    a2, a3, 4f
    s32i    a4, a2, 0
    addi    a2, a2, 4
    j       3b
4:  movi    a2, __stack_low
    movi    sp, __stack_end
    movi    a4, PAINT
5:  bgeu    a2, sp, 6f
    s32i    a4, a2, 0
    addi    a2, a2, 4
    j       5b
6:  call0   main
    call0   exit
