/*
 * boards/runtime/fastmem.c under other names, against loops that go octet by octet: every alignment, every
 * length up to 80, every overlap; what stands around the target stays. Prints a line for each function.
 */
#include <stdio.h>
#include <stdlib.h>

#define memcpy fast_memcpy
#define memmove fast_memmove
#define memset fast_memset
void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int octet, size_t bytes);
#include "../../boards/runtime/fastmem.c"

#define LENGTHS 81
#define ALIGNMENTS 8
#define ROOM 256

static _Alignas(8) uint8_t found[ROOM], wanted[ROOM], source[ROOM];

static void fill(void) {
    for (uint32_t index = 0; index < ROOM; index++) {
        found[index] = wanted[index] = (uint8_t)(index * 7 + 1);
        source[index] = (uint8_t)(index * 13 + 101);
    }
}

static void expect_same(const char *name, size_t to, size_t from, size_t bytes) {
    for (uint32_t index = 0; index < ROOM; index++)
        if (found[index] != wanted[index]) {
            printf("FAILED %s: to %zu, from %zu, %zu bytes, at %u\n", name, to, from, bytes, (unsigned)index);
            exit(1);
        }
}

static void check_memcpy(void) {
    for (size_t to = 0; to < ALIGNMENTS; to++)
        for (size_t from = 0; from < ALIGNMENTS; from++)
            for (size_t bytes = 0; bytes < LENGTHS; bytes++) {
                fill();
                for (size_t index = 0; index < bytes; index++)
                    wanted[16 + to + index] = source[from + index];
                if (memcpy(found + 16 + to, source + from, bytes) != found + 16 + to)
                    exit(1);
                expect_same("memcpy", to, from, bytes);
            }
    puts("memcpy");
}

/** Both places in one array: from far below the source to far above it. */
static void check_memmove(void) {
    static uint8_t before[ROOM];
    for (size_t from = 80; from < 80 + ALIGNMENTS; from++)
        for (size_t to = from - 80; to <= from + 80; to++)
            for (size_t bytes = 0; bytes < LENGTHS; bytes++) {
                fill();
                for (uint32_t index = 0; index < ROOM; index++)
                    before[index] = found[index];
                for (size_t index = 0; index < bytes; index++)
                    wanted[to + index] = before[from + index];
                if (memmove(found + to, found + from, bytes) != found + to)
                    exit(1);
                expect_same("memmove", to, from, bytes);
            }
    puts("memmove");
}

static void check_memset(void) {
    static const int octets[] = {0, 1, 0x7f, 0x80, 0xff, 0x1a5, -1, -2};
    for (size_t which = 0; which < sizeof octets / sizeof octets[0]; which++)
        for (size_t to = 0; to < ALIGNMENTS; to++)
            for (size_t bytes = 0; bytes < LENGTHS; bytes++) {
                fill();
                for (size_t index = 0; index < bytes; index++)
                    wanted[16 + to + index] = (uint8_t)octets[which];
                if (memset(found + 16 + to, octets[which], bytes) != found + 16 + to)
                    exit(1);
                expect_same("memset", to, 0, bytes);
            }
    puts("memset");
}

int main(void) {
    check_memcpy();
    check_memmove();
    check_memset();
    return 0;
}
