/* The test program as a process of this machine: frames go through standard input and output. */
#include <stdio.h>
#include <stdlib.h>

#include "port.h"

void port_start(void) {}

const char *port_target(void) {
#if defined(__x86_64__)
    return "x86_64";
#elif defined(__aarch64__)
    return "aarch64";
#else
    return "native";
#endif
}

void port_read(void *data, size_t length) {
    fflush(stdout);
    if (fread(data, 1, length, stdin) != length)
        port_exit(1);
}

void port_write(const void *data, size_t length) {
    if (fwrite(data, 1, length, stdout) != length)
        port_exit(1);
}

uint64_t port_instructions(void) {
    return 0;
}

uint32_t port_stack_bytes(void) {
    return 0;
}

void port_exit(int status) {
    fflush(stdout);
    exit(status);
}
