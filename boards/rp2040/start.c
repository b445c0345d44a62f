/*
 * From reset to `main`, and how a program ends: the vector table, memory, faults, `_exit`.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "board.h"

/* link.ld */
extern uint32_t __stack_low[], __stack_end[], __data_start[], __data_end[], __bss_start[], __bss_end[];
extern const uint32_t __data_source[];

/* Arm's semihosting: the operation that ends a program, and "the application has ended". */
#define SYS_EXIT_EXTENDED 0x20u
#define ADP_STOPPED_APPLICATION_EXIT 0x20026u

/** Of a program that a fault has ended. */
#define FAULT_STATUS 70

#define VECTORS 48

int main(void);
void _exit(int status) __attribute__((noreturn));

static void reset(void) __attribute__((noreturn));
static void fault(void);
static void report_fault(const uint32_t *frame) __attribute__((used, noreturn));

/** Interrupts are waited for, and never taken: one that is taken is a fault. */
__attribute__((section(".vectors"), used)) static void (*const vectors[VECTORS])(void) = {
    (void (*)(void))__stack_end,
    reset,
    [2 ... VECTORS - 1] = fault,
};

static void reset(void) {
    /* The stack below what this function uses; nothing is on it yet that anyone returns to. */
    uint32_t *here = __builtin_frame_address(0);
    for (uint32_t *word = __stack_low; word < here - 16; word++)
        *(volatile uint32_t *)word = BOARD_STACK_PAINT;
    const uint32_t *from = __data_source;
    for (uint32_t *word = __data_start; word < __data_end; word++)
        *(volatile uint32_t *)word = *from++;
    for (uint32_t *word = __bss_start; word < __bss_end; word++)
        *(volatile uint32_t *)word = 0;
    exit(main());
}

/** Ends the program with a breakpoint that debuggers and emulators know. Without any of them that is a fault,
 * and within a fault the processor stops for good. */
void _exit(int status) {
    uint32_t block[2] = {ADP_STOPPED_APPLICATION_EXIT, (uint32_t)status};
    register uint32_t operation __asm__("r0") = SYS_EXIT_EXTENDED;
    register uint32_t *argument __asm__("r1") = block;
    for (;;)
        __asm__ volatile("bkpt 0xab" : : "r"(operation), "r"(argument) : "memory");
}

/** Bit 2 of EXC_RETURN would choose the other stack: nobody uses it here. */
__attribute__((naked)) static void fault(void) {
    __asm__ volatile("mov r0, sp\n"
                     "ldr r1, =report_fault\n"
                     "bx r1\n");
}

/** `frame`: what the processor has put onto the stack. */
static void report_fault(const uint32_t *frame) {
    char line[64];
    snprintf(line, sizeof line, "fault at 0x%08lx, called from 0x%08lx\n", (unsigned long)frame[6],
             (unsigned long)frame[5]);
    board_print(line);
    _exit(FAULT_STATUS);
}
