/*
 * The machine under a program on QEMU's kc705-nommu with the processor lx106 (an ESP8266's: call0 ABI),
 * without an operating system. See test/engines/port.h. The clock counter stands for executed instructions:
 * under `-icount shift=0` QEMU takes one a nanosecond, and this machine's counter ticks at 40 MHz.
 */
#include "port.h"

/* The serial port, a 16550 with registers 4 bytes apart. */
#define UART ((volatile uint32_t *)0x9d050020u)
#define UART_DATA 0
#define UART_STATUS 5
#define UART_STATUS_RECEIVED 0x01u
#define UART_STATUS_MAY_SEND 0x20u

#define INSTRUCTIONS_PER_TICK 25u

/** Number of the call of QEMU's semihosting that ends it. */
#define SIMCALL_EXIT 1

/** Polls of the serial port until nobody is taken to be there any more: minutes. */
#define POLLS_MAX 500000000u

#define STACK_PAINT 0xdeadbeefu

/* The linker script's. */
extern uint32_t __stack_low[];
extern uint32_t __stack[];

/** Called by start.S. */
void port_exception(uint32_t cause, uint32_t address) __attribute__((noreturn));

static void wait_for(uint32_t status);

void port_start(void) {
    const uint32_t *here = __builtin_frame_address(0);
    for (volatile uint32_t *word = __stack_low; word < here - 16; word++)
        *word = STACK_PAINT;
}

const char *port_target(void) {
    return "lx106";
}

void port_read(void *data, size_t length) {
    uint8_t *to = data;
    while (length--) {
        wait_for(UART_STATUS_RECEIVED);
        *to++ = (uint8_t)UART[UART_DATA];
    }
}

void port_write(const void *data, size_t length) {
    const uint8_t *from = data;
    while (length--) {
        wait_for(UART_STATUS_MAY_SEND);
        UART[UART_DATA] = *from++;
    }
}

/* The counter has 32 bits: it is asked more often than it wraps, each 100 seconds of virtual time. */
uint64_t port_instructions(void) {
    static uint32_t last, wraps;
    uint32_t ticks;
    __asm__ volatile("rsr %0, ccount" : "=r"(ticks));
    if (ticks < last)
        wraps++;
    last = ticks;
    return ((uint64_t)wraps << 32 | ticks) * INSTRUCTIONS_PER_TICK;
}

uint32_t port_stack_bytes(void) {
    const volatile uint32_t *word = __stack_low;
    while (word < __stack && *word == STACK_PAINT)
        word++;
    return (uint32_t)((const volatile uint8_t *)__stack - (const volatile uint8_t *)word);
}

void port_exit(int status) {
    register int number __asm__("a2") = SIMCALL_EXIT;
    register int code __asm__("a3") = status;
    __asm__ volatile("simcall" : "+r"(number), "+r"(code) : : "memory");
    for (;;)
        ;
}

/** A processor exception: a bug of the program's, or of the engine's. QEMU's exit status is the cause. */
void port_exception(uint32_t cause, uint32_t address) {
    (void)address;
    port_exit((int)(0x40 | (cause & 0x3f)));
}

/** Waits for a bit of the line status. The emulator must not outlive a test that was killed. */
static void wait_for(uint32_t status) {
    for (uint32_t polls = 0; !(UART[UART_STATUS] & status); polls++)
        if (polls == POLLS_MAX)
            port_exit(2);
}
