/*
 * The board "qemu-riscv": QEMU's RISC-V machine "virt" with an ESP32-C3's instructions and amount of memory,
 * a virtio network device, and a virtio entropy device, through which QEMU gives the host's own randomness.
 *
 * Interrupts are never taken: a pending one ends a WFI although it is masked ("The RISC-V Instruction Set
 * Manual Volume II", 3.3.3), so that none can come between the last look and the sleep.
 */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>

#include "machine.h"
#include "uart16550.h"
#include "virtio_net.h"
#include "virtio_regs.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* The compiler is told of rv32imc alone, which finds the right libraries; the assembler learns of CSRs here.
 */
#define CSR(instruction) ".option push\n.option arch, +zicsr\n" instruction "\n.option pop"

/** Interrupts that are claimed before a sleep, at most: more than there are sources. */
#define CLAIMS_MAX 16u

/** How long the entropy device may take, in milliseconds, and how often it is asked: it may give less. */
#define RANDOM_PATIENCE_MS 2000u
#define RANDOM_TRIES 32u

/** Exit status of a fault: this and the cause, and when the board cannot run. */
#define STATUS_FAULT 64
#define STATUS_CANNOT_RUN 2

/** How often a stretch of known length must be counted right, and how long it is, in instructions. */
#define STRETCHES 4
#define STRETCH 8

/* The linker script's. */
extern uint32_t __stack_low[], __stack_end[];
extern uint8_t __data_start[], __bss_end[], __memory[], __memory_end[];

/** Called by start.S. */
void machine_fault(uint32_t cause, uint32_t pc, uint32_t address, uint32_t from) __attribute__((noreturn));
void _exit(int status) __attribute__((noreturn));

static void start_interrupts(const volatile uint32_t *device);
static uint32_t ask_for_random(uint8_t *octets, uint32_t wanted);
static void sleep_for(uint64_t ticks);
static uint64_t time_now(void);
static void set_time_compare(uint64_t ticks);
static uint64_t instructions_now(void);
static uint64_t instructions_awake(void);
static bool counts_instructions(void);
static void cannot_run(const char *why) __attribute__((noreturn));

static struct virtio_net net;
static volatile uint32_t *entropy;
static struct virtio_queue entropy_queue;

/** What the instruction counter, which goes on when nothing is executed, has counted in sleep. */
static uint64_t counted_asleep;

const struct board *board_start(void) {
    static struct board board = {.name = "qemu-riscv", .netdev = &net.netdev};
    volatile uint32_t *device =
        virtio_find(MACHINE_VIRTIO, MACHINE_VIRTIO_STRIDE, MACHINE_VIRTIO_COUNT, VIRTIO_ID_NETWORK);
    entropy = virtio_find(MACHINE_VIRTIO, MACHINE_VIRTIO_STRIDE, MACHINE_VIRTIO_COUNT, VIRTIO_ID_ENTROPY);
    uint32_t features;
    if (!device)
        cannot_run("no virtio-net-device; is virtio-mmio.force-legacy off?");
    if (!entropy || !virtio_set_up(entropy, 0, &features) ||
        !virtio_set_queue(entropy, VIRTIO_ENTROPY_QUEUE, &entropy_queue))
        cannot_run("no virtio-rng-device: nothing here is random");
    virtio_go(entropy);
    virtio_net_start(&net, device, board.mac);
    start_interrupts(device);
    board.memory = __memory;
    board.memory_bytes = (size_t)(__memory_end - __memory);
    board.static_bytes = (size_t)(__bss_end - __data_start);
    board.stack_low = __stack_low;
    board.stack_end = __stack_end;
    board.instructions = counts_instructions() ? instructions_awake : NULL;
    return &board;
}

/** The network device's interrupt, and the timer's. */
static void start_interrupts(const volatile uint32_t *device) {
    uint32_t source =
        MACHINE_VIRTIO_INTERRUPT + ((uint32_t)(uintptr_t)device - MACHINE_VIRTIO) / MACHINE_VIRTIO_STRIDE;
    REGISTER(MACHINE_PLIC_PRIORITY(source)) = 1;
    REGISTER(MACHINE_PLIC_ENABLE) = 1u << source;
    REGISTER(MACHINE_PLIC_THRESHOLD) = 0;
    set_time_compare(UINT64_MAX);
    __asm__ volatile(CSR("csrw mie, %0") : : "r"(MACHINE_MIE_TIMER | MACHINE_MIE_EXTERNAL));
}

uint32_t board_now_ms(void *context) {
    (void)context;
    return (uint32_t)(time_now() / MACHINE_TIME_TICKS_PER_MS);
}

void board_random(void *context, uint8_t octets[32]) {
    (void)context;
    uint32_t filled = 0;
    for (uint32_t turn = 0; turn < RANDOM_TRIES && filled < 32; turn++)
        filled += ask_for_random(octets + filled, 32 - filled);
    if (filled < 32)
        cannot_run("the entropy device gives nothing");
}

/** Section 5.4.6 of virtio. Returns how many octets came, 0 when they took too long. */
static uint32_t ask_for_random(uint8_t *octets, uint32_t wanted) {
    const uint64_t begin = time_now();
    uint16_t descriptor;
    uint32_t bytes = 0;
    entropy_queue.descriptors[0] = (struct virtio_descriptor){
        .address = (uintptr_t)octets, .bytes = wanted, .flags = VIRTIO_DESCRIPTOR_DEVICE_WRITES};
    virtio_give(&entropy_queue, 0);
    virtio_notify(entropy, VIRTIO_ENTROPY_QUEUE);
    while (!virtio_has_used(&entropy_queue)) {
        if (time_now() - begin > (uint64_t)RANDOM_PATIENCE_MS * MACHINE_TIME_TICKS_PER_MS)
            return 0;
        sleep_for(MACHINE_TIME_TICKS_PER_MS / 10);
    }
    bool is_taken = virtio_take(&entropy_queue, &descriptor, &bytes) == VIRTIO_TAKEN;
    __sync_synchronize();
    return is_taken && bytes <= wanted ? bytes : 0;
}

void board_sleep(void *context, uint32_t ms) {
    (void)context;
    if (__stack_low[0] != BOARD_STACK_PAINT)
        cannot_run("the stack is used up");
    /* Interrupts of what the program has already seen. */
    for (uint32_t turn = 0; turn < CLAIMS_MAX; turn++) {
        uint32_t source = REGISTER(MACHINE_PLIC_CLAIM);
        if (source == 0)
            break;
        REGISTER(MACHINE_PLIC_CLAIM) = source;
    }
    if (virtio_net_waits(&net))
        return;
    sleep_for((uint64_t)ms * MACHINE_TIME_TICKS_PER_MS);
}

/** Until an interrupt is pending, or so many ticks have passed. */
static void sleep_for(uint64_t ticks) {
    set_time_compare(time_now() + ticks);
    const uint64_t before = instructions_now();
    __asm__ volatile("wfi" : : : "memory");
    counted_asleep += instructions_now() - before;
}

void board_print(const char *text) {
    uart16550_print((volatile uint8_t *)MACHINE_UART, MACHINE_UART_STRIDE, text);
}

/** Ends QEMU with this status. */
void _exit(int status) {
    REGISTER(MACHINE_TEST) = status == 0 ? MACHINE_TEST_PASS : (uint32_t)status << 16 | MACHINE_TEST_FAIL;
    for (;;)
        __asm__ volatile("wfi");
}

void machine_fault(uint32_t cause, uint32_t pc, uint32_t address, uint32_t from) {
    /* "The RISC-V Instruction Set Manual Volume II", table 3.6. */
    static const char *const NAMES[] = {
        "instruction not aligned", "instruction not accessible",
        "illegal instruction",     "breakpoint",
        "load not aligned",        "load not accessible",
        "store not aligned",       "store not accessible",
    };
    char line[128];
    snprintf(line, sizeof line, "fault: %s (cause %lu) at 0x%08lx, address 0x%08lx, called from 0x%08lx\n",
             cause < sizeof NAMES / sizeof *NAMES ? NAMES[cause] : "exception", (unsigned long)cause,
             (unsigned long)pc, (unsigned long)address, (unsigned long)from);
    board_print(line);
    _exit((int)(STATUS_FAULT | (cause & 0x3f)));
}

static void cannot_run(const char *why) {
    board_print("board: ");
    board_print(why);
    board_print("\n");
    _exit(STATUS_CANNOT_RUN);
}

static uint64_t time_now(void) {
    const volatile uint32_t *time = (const volatile uint32_t *)MACHINE_TIME;
    uint32_t high = time[1], low = time[0], high_again = time[1];
    /* Between the two reads of the upper half it went up by one at most. */
    if (high != high_again)
        low = time[0];
    return (uint64_t)high_again << 32 | low;
}

static void set_time_compare(uint64_t ticks) {
    volatile uint32_t *compare = (volatile uint32_t *)MACHINE_TIME_COMPARE;
    /* No moment in between must be one that has passed. */
    compare[1] = UINT32_MAX;
    compare[0] = (uint32_t)ticks;
    compare[1] = (uint32_t)(ticks >> 32);
}

static uint64_t instructions_now(void) {
    uint32_t high, low, high_again;
    __asm__ volatile(CSR("csrr %0, instreth\ncsrr %1, instret\ncsrr %2, instreth")
                     : "=r"(high), "=r"(low), "=r"(high_again));
    if (high != high_again)
        __asm__ volatile(CSR("csrr %0, instret") : "=r"(low));
    return (uint64_t)high_again << 32 | low;
}

static uint64_t instructions_awake(void) {
    return instructions_now() - counted_asleep;
}

/** Without -icount, QEMU's counter of instructions is some clock of the host: then a stretch of so many never
 * comes out right. */
static bool counts_instructions(void) {
    for (int turn = 0; turn < STRETCHES; turn++) {
        uint32_t before, after;
        __asm__ volatile(CSR("csrr %0, instret\nnop\nnop\nnop\nnop\nnop\nnop\nnop\ncsrr %1, instret")
                         : "=r"(before), "=r"(after));
        if (after - before != STRETCH)
            return false;
    }
    return true;
}
