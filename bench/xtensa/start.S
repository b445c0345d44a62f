/*
 * Start-up for QEMU's Xtensa machine kc705-nommu with the processor lx106, in the call0 ABI. Exceptions end the program:
 * it has none but by a fault.
 */
    .section .vectors, "ax"
    .org 0x30                   /* kernel exception */
    j       on_exception
    .org 0x50                   /* user exception */
    j       on_exception
    .org 0x70                   /* double exception */
    j       on_exception

    .section .text.vectors, "ax"
    .literal_position
    .align  4
on_exception:
    movi    sp, __stack
    rsr     a2, exccause
    rsr     a3, epc1
    movi    a4, port_exception
    jx      a4

    .section .text.start, "ax"
    .literal_position
    .align  4
    .global _start
    .type   _start, @function
_start:
    movi    a2, 0
    wsr     a2, intenable
    movi    a2, 0x20            /* user mode, no interrupt level, no exception */
    wsr     a2, ps
    rsync
    movi    sp, __stack
    movi    a2, __bss_start
    movi    a3, __bss_end
    movi    a4, 0
1:  bgeu    a2, a3, 2f
    s32i    a4, a2, 0
    addi    a2, a2, 4
    j       1b
2:  movi    a2, 0
    movi    a3, 0
    call0   main
    call0   port_exit
