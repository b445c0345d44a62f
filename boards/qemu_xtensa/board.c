/*
 * The board "qemu-xtensa": QEMU's kc705-nommu with an ESP8266's processor, an ESP32's amount of memory and an
 * OpenCores Ethernet MAC. Random octets are those of the host's /dev/urandom, through QEMU's semihosting.
 */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "openeth.h"
#include "uart16550.h"

/** An address of this board alone: locally administered. The MAC has none of its own. */
#ifndef BOARD_MAC
#define BOARD_MAC 0x02, 0x46, 0x52, 0x00, 0x01, 0x06
#endif

/** Longest sleep at a time, in milliseconds: CCOUNT must be looked at before it has gone round, in 107
 * seconds. */
#define LONGEST_SLEEP_MS 50000u

/** What the host calls the argument that says that CCOUNT stands for instructions. */
#define ARGUMENT_ICOUNT "icount"
#define ARGUMENT_WORDS 16u

/** Exit status of a fault: this and the cause, and when the board cannot run. */
#define STATUS_FAULT 64
#define STATUS_CANNOT_RUN 2

#define READ_SPECIAL(name, value) __asm__ volatile("rsr %0, " name : "=r"(value))

/* The linker script's. */
extern uint32_t __stack_low[], __stack_end[];
extern uint8_t __data_start[], __bss_end[], __memory[], __memory_end[];

/** Called by start.S. */
void machine_fault(uint32_t cause, uint32_t pc, uint32_t address, uint32_t from) __attribute__((noreturn));
void _exit(int status) __attribute__((noreturn));

static uint32_t call_host(uint32_t number, uint32_t first, uint32_t second, uint32_t third);
static bool counts_instructions(void);
static uint64_t instructions_awake(void);
static uint64_t ticks_now(void);
static void cannot_run(const char *why) __attribute__((noreturn));
static void stop(void) __attribute__((noreturn));

static struct openeth ethernet;

/** Ticks that went by in sleep. */
static uint64_t ticks_asleep;

/** The program is in a call of the host, or ending: where a fault comes from. */
static volatile bool calls_host, is_ending;

const struct board *board_start(void) {
    static struct board board = {.name = "qemu-xtensa", .netdev = &ethernet.netdev, .mac = {BOARD_MAC}};
    openeth_start(&ethernet, (volatile uint32_t *)MACHINE_ETHERNET, MACHINE_ETHERNET_PHY, board.mac);
    board.memory = __memory;
    board.memory_bytes = (size_t)(__memory_end - __memory);
    board.static_bytes = (size_t)(__bss_end - __data_start);
    board.stack_low = __stack_low;
    board.stack_end = __stack_end;
    board.instructions = counts_instructions() ? instructions_awake : NULL;
    return &board;
}

uint32_t board_now_ms(void *context) {
    (void)context;
    return (uint32_t)(ticks_now() / MACHINE_TICKS_PER_MS);
}

void board_random(void *context, uint8_t octets[32]) {
    (void)context;
    uint32_t file = call_host(MACHINE_SYSTEM_OPEN, (uint32_t) "/dev/urandom", 0, 0);
    uint32_t bytes = call_host(MACHINE_SYSTEM_READ, file, (uint32_t)octets, 32);
    call_host(MACHINE_SYSTEM_CLOSE, file, 0, 0);
    if (bytes != 32)
        cannot_run("the host has no /dev/urandom: nothing here is random");
}

void board_sleep(void *context, uint32_t ms) {
    (void)context;
    if (__stack_low[0] != BOARD_STACK_PAINT)
        cannot_run("the stack is used up");
    if (openeth_waits(&ethernet) || ms == 0)
        return;
    const uint64_t before = ticks_now();
    const uint32_t ticks = (ms < LONGEST_SLEEP_MS ? ms : LONGEST_SLEEP_MS) * MACHINE_TICKS_PER_MS;
    const uint32_t until = (uint32_t)before + ticks;
    __asm__ volatile("wsr %0, ccompare0\nrsync" : : "r"(until));
    /* Had it passed before it was set, the timer would be silent for a whole round. */
    if ((int32_t)((uint32_t)ticks_now() - until) >= 0)
        return;
    /* An interrupt that is pending is taken by WAITI itself, which lets it in; the handler disables all. */
    uint32_t value = MACHINE_ETHERNET_INTERRUPT | MACHINE_TIMER_INTERRUPT;
    __asm__ volatile("wsr %0, intenable\nrsync\nwaiti 0\nrsil %0, 1" : "+r"(value) : : "memory");
    ticks_asleep += ticks_now() - before;
}

void board_print(const char *text) {
    uart16550_print((volatile uint8_t *)MACHINE_UART, MACHINE_UART_STRIDE, text);
}

/** Ends QEMU with this status, if it lets itself be ended. */
void _exit(int status) {
    is_ending = true;
    call_host(MACHINE_SYSTEM_EXIT, (uint32_t)status, 0, 0);
    stop();
}

static void stop(void) {
    for (;;)
        __asm__ volatile("waiti 15");
}

void machine_fault(uint32_t cause, uint32_t pc, uint32_t address, uint32_t from) {
    /* "Xtensa Instruction Set Architecture Reference Manual", table 4-64. */
    static const struct {
        uint32_t cause;
        const char *name;
    } NAMES[] = {
        {0, "illegal instruction"},           {2, "instruction not accessible"},
        {3, "load or store not accessible"},  {9, "load or store not aligned"},
        {13, "load or store not accessible"}, {14, "instruction not accessible"},
        {15, "load or store not accessible"}, {20, "instruction not accessible"},
        {28, "load not accessible"},          {29, "store not accessible"},
    };
    const char *name = "exception";
    char line[128];
    if (is_ending)
        stop();
    if (calls_host)
        cannot_run("QEMU was started without -semihosting");
    for (uint32_t index = 0; index < sizeof NAMES / sizeof *NAMES; index++)
        if (NAMES[index].cause == cause)
            name = NAMES[index].name;
    snprintf(line, sizeof line, "fault: %s (cause %lu) at 0x%08lx, address 0x%08lx, called from 0x%08lx\n",
             name, (unsigned long)cause, (unsigned long)pc, (unsigned long)address, (unsigned long)from);
    board_print(line);
    _exit((int)(STATUS_FAULT | (cause & 0x3f)));
}

static void cannot_run(const char *why) {
    board_print("board: ");
    board_print(why);
    board_print("\n");
    _exit(STATUS_CANNOT_RUN);
}

/** QEMU's semihosting. Without it, this is an illegal instruction. */
static uint32_t call_host(uint32_t number, uint32_t first, uint32_t second, uint32_t third) {
    register uint32_t a2 __asm__("a2") = number;
    register uint32_t a3 __asm__("a3") = first;
    register uint32_t a4 __asm__("a4") = second;
    register uint32_t a5 __asm__("a5") = third;
    calls_host = true;
    __asm__ volatile("simcall" : "+r"(a2), "+r"(a3) : "r"(a4), "r"(a5) : "memory");
    calls_host = false;
    return a2;
}

/** Whether QEMU was given `-icount shift=0`: whoever started it says so in an argument. */
static bool counts_instructions(void) {
    /* Pointers to the arguments, a null pointer, and the arguments themselves. */
    static uint32_t arguments[ARGUMENT_WORDS];
    if (call_host(MACHINE_SYSTEM_ARGUMENT_COUNT, 0, 0, 0) != 1 ||
        call_host(MACHINE_SYSTEM_ARGUMENT_BYTES, 0, 0, 0) > sizeof arguments - 1)
        return false;
    call_host(MACHINE_SYSTEM_ARGUMENTS, (uint32_t)arguments, 0, 0);
    return strcmp((const char *)&arguments[2], ARGUMENT_ICOUNT) == 0;
}

static uint64_t instructions_awake(void) {
    return (ticks_now() - ticks_asleep) * MACHINE_INSTRUCTIONS_PER_TICK;
}

/** CCOUNT has 32 bits: it is looked at more often than it goes round. */
static uint64_t ticks_now(void) {
    static uint32_t last, rounds;
    uint32_t ticks;
    READ_SPECIAL("ccount", ticks);
    if (ticks < last)
        rounds++;
    last = ticks;
    return (uint64_t)rounds << 32 | ticks;
}
