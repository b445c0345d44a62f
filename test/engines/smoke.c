/*
 * The test program: a device with two connections in 16 KiB, whose wire is a stream of messages. It makes no
 * decision: the test sends frames and says what time it is, the core answers.
 *
 * A message is a type, the length of its body in two bytes, low byte first, and the body.
 *
 * From the test, each answered by any number of FRAME and then one DEADLINE, or as said:
 *   'F' a frame that arrives
 *   'T' the time in milliseconds, 4 bytes, low byte first
 *   'B' read beyond linear memory: answered by TRAP
 *   'R' answered by REPORT
 *   'Q' ends the program
 *
 * From the program:
 *   'h' HELLO once at the start, and 'r' REPORT: lines "key=value"
 *   'f' FRAME that leaves
 *   'd' DEADLINE, 4 bytes, as the core's `deadline`
 *   't' TRAP, its name, empty when there was none
 *   '!' why the program ends before its time
 */
#include <string.h>

#include "core_calls.h"
#include "echo.h"
#include "engine.h"
#include "port.h"

#define MEMORY_BYTES 16384u
#define ECHO_PORT 7
/* The clock starts shortly before it wraps. */
#define BOOT_MS 0xffffff00u

static uint32_t now = BOOT_MS;

static void boot(void);
static void serve(void);
static void take_frame(uint32_t length);
static void take_time(uint32_t length);
static void answer_turn(void);
static void answer_beyond(void);
static void say_hello(void);
static void say_report(void);

static void send_message(char type, const void *body, uint32_t length);
static void begin_text(void);
static void add_line(const char *key, const char *value);
static void add_number(const char *key, uint64_t value);
static void send_text(char type);

int main(void) {
    port_start();
    boot();
    say_hello();
    for (;;)
        serve();
}

static void boot(void) {
    core_open(MEMORY_BYTES);
    struct ferrule_config config = {
        .mac = {0x02, 0, 0, 0, 0, 0x01},
        .address = {10, 0, 0, 1},
        .netmask = {255, 255, 255, 0},
        .seed = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
    };
    ferrule_config_defaults(&config);
    config.connections = 2;
    config.listeners = 1;
    config.send_ring_bytes = 2048;
    config.receive_ring_bytes = 2048;
    uint32_t base = core_ok(FERRULE_EXPORT_base, 0, 0, 0);
    memcpy(core_bytes(base, sizeof config), &config, sizeof config);
    core_ok(FERRULE_EXPORT_init, base, MEMORY_BYTES, now);
    echo_start(ECHO_PORT);
}

/** Takes one message and answers it. */
static void serve(void) {
    uint8_t header[3];
    port_read(header, sizeof header);
    uint32_t length = header[1] | (uint32_t)header[2] << 8;
    switch (header[0]) {
    case 'F':
        take_frame(length);
        answer_turn();
        break;
    case 'T':
        take_time(length);
        answer_turn();
        break;
    case 'B':
        answer_beyond();
        break;
    case 'R':
        say_report();
        break;
    case 'Q':
        port_exit(0);
    default:
        fail("test", "message of an unknown type");
    }
}

static void take_frame(uint32_t length) {
    struct ferrule_state_header header = core_header();
    if (length > header.slot_bytes)
        fail("test", "frame longer than the slot");
    port_read(core_bytes(header.input_slot, length), length);
    core_ok(FERRULE_EXPORT_input, length, 0, now);
}

static void take_time(uint32_t length) {
    uint8_t time[4];
    if (length != sizeof time)
        fail("test", "time is not 4 bytes");
    port_read(time, sizeof time);
    now = time[0] | (uint32_t)time[1] << 8 | (uint32_t)time[2] << 16 | (uint32_t)time[3] << 24;
    core_ok(FERRULE_EXPORT_poll, now, 0, 0);
}

/** Lets the application act, then sends all that is due. */
static void answer_turn(void) {
    echo_serve();
    uint32_t length;
    while ((length = core_ok(FERRULE_EXPORT_output, now, 0, 0)) != 0)
        send_message('f', core_bytes(core_header().output_slot, length), length);
    uint32_t deadline = (uint32_t)core_call(FERRULE_EXPORT_deadline, now, 0, 0);
    const uint8_t body[] = {
        (uint8_t)deadline,
        (uint8_t)(deadline >> 8),
        (uint8_t)(deadline >> 16),
        (uint8_t)(deadline >> 24),
    };
    send_message('d', body, sizeof body);
}

/** Has the core read a record just beyond linear memory: what is really there is smaller than a page.
 */
static void answer_beyond(void) {
    int32_t result;
    const char *trap = core_try(FERRULE_EXPORT_bytesNeeded, MEMORY_BYTES, &result);
    send_message('t', trap, trap ? (uint32_t)strlen(trap) : 0);
}

static void say_hello(void) {
    uint32_t memory_bytes, module_bytes;
    uint32_t crc32 = ferrule_engine_module_crc32(core_engine(), &module_bytes);
    ferrule_engine_memory(core_engine(), &memory_bytes);
    begin_text();
    add_line("engine", ferrule_engine_name());
    add_line("target", port_target());
    add_number("memoryBytes", memory_bytes);
    add_number("stateBytes", core_header().state_bytes);
    add_number("moduleBytes", module_bytes);
    add_number("moduleCrc32", crc32);
    add_number("bootMs", now);
    send_text('h');
}

static void say_report(void) {
    begin_text();
    add_number("usedBytes", ferrule_engine_bytes_used(core_engine()));
    add_number("stackBytes", port_stack_bytes());
    add_number("instructions", core_instructions());
    send_text('r');
}

void fail(const char *what, const char *why) {
    begin_text();
    add_line(what, why);
    send_text('!');
    port_exit(1);
}

static void send_message(char type, const void *body, uint32_t length) {
    const uint8_t header[] = {(uint8_t)type, (uint8_t)length, (uint8_t)(length >> 8)};
    port_write(header, sizeof header);
    port_write(body, length);
}

static char text[512];
static uint32_t text_length;

static void begin_text(void) {
    text_length = 0;
}

static void add(const char *word) {
    while (*word && text_length < sizeof text)
        text[text_length++] = *word++;
}

static void add_line(const char *key, const char *value) {
    add(key);
    add("=");
    add(value);
    add("\n");
}

static void add_number(const char *key, uint64_t value) {
    char digits[21] = {0};
    char *digit = digits + sizeof digits - 1;
    do
        *--digit = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    add_line(key, digit);
}

static void send_text(char type) {
    send_message(type, text, text_length);
}
