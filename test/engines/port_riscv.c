/*
 * The test program on QEMU's RISC-V machine "virt", without an operating system: frames go through the serial
 * port. picolibc brings start-up code, linker script and allocator; build.ts says where memory is.
 */
#include "port.h"

/* The serial port, a 16550: its data register, and the line status register with its bits. */
#define UART_DATA (*(volatile uint8_t *)0x10000000u)
#define UART_STATUS (*(volatile uint8_t *)0x10000005u)
#define UART_STATUS_RECEIVED 0x01u
#define UART_STATUS_MAY_SEND 0x20u

/* The device that ends QEMU. */
#define TEST_DEVICE (*(volatile uint32_t *)0x100000u)
#define TEST_PASS 0x5555u
#define TEST_FAIL 0x3333u

/** Polls of the serial port until nobody is taken to be there any more: minutes. */
#define POLLS_MAX 500000000u

#define STACK_PAINT 0xdeadbeefu

/* The stack lies between the heap and the end of RAM; both symbols are the linker script's. */
extern uint32_t __heap_end[];
extern uint32_t __stack[];

static void wait_for(uint8_t status);
static void on_exception(void) __attribute__((interrupt, aligned(4)));

/* The compiler is told of rv32imc alone, which finds the right libraries; the assembler learns of CSRs here.
 */
#define CSR(instruction) ".option push\n.option arch, +zicsr\n" instruction "\n.option pop"

void port_start(void) {
    __asm__ volatile(CSR("csrw mtvec, %0") : : "r"(on_exception));
    const uint32_t *here = __builtin_frame_address(0);
    for (volatile uint32_t *word = __heap_end; word < here - 16; word++)
        *word = STACK_PAINT;
}

/** Asks the processor which extensions it has: one whose letters are missing could not have run more. */
const char *port_target(void) {
    static char name[] = "rv32........";
    uint32_t misa;
    __asm__ volatile(CSR("csrr %0, misa") : "=r"(misa));
    char *end = name + 4;
    for (const char *letter = "imafdc"; *letter; letter++)
        if (misa & (1u << (*letter - 'a')))
            *end++ = *letter;
    *end = 0;
    return name;
}

void port_read(void *data, size_t length) {
    uint8_t *to = data;
    while (length--) {
        wait_for(UART_STATUS_RECEIVED);
        *to++ = UART_DATA;
    }
}

void port_write(const void *data, size_t length) {
    const uint8_t *from = data;
    while (length--) {
        wait_for(UART_STATUS_MAY_SEND);
        UART_DATA = *from++;
    }
}

uint64_t port_instructions(void) {
    uint32_t high, low, high_again;
    do {
        __asm__ volatile(CSR("csrr %0, instreth") : "=r"(high));
        __asm__ volatile(CSR("csrr %0, instret") : "=r"(low));
        __asm__ volatile(CSR("csrr %0, instreth") : "=r"(high_again));
    } while (high != high_again);
    return (uint64_t)high << 32 | low;
}

uint32_t port_stack_bytes(void) {
    const volatile uint32_t *word = __heap_end;
    while (word < __stack && *word == STACK_PAINT)
        word++;
    return (uint32_t)((const volatile uint8_t *)__stack - (const volatile uint8_t *)word);
}

void port_exit(int status) {
    TEST_DEVICE = status == 0 ? TEST_PASS : (uint32_t)status << 16 | TEST_FAIL;
    for (;;)
        ;
}

/** Waits for a bit of the line status. The emulator must not outlive a test that was killed. */
static void wait_for(uint8_t status) {
    for (uint32_t polls = 0; !(UART_STATUS & status); polls++)
        if (polls == POLLS_MAX)
            port_exit(2);
}

/** A processor exception: a bug of the program's, or of the engine's. QEMU's exit status is the cause. */
static void on_exception(void) {
    uint32_t cause;
    __asm__ volatile(CSR("csrr %0, mcause") : "=r"(cause));
    port_exit((int)(0x40 | (cause & 0x3f)));
}
