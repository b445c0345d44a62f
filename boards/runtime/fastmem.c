/*
 * memcpy, memmove and memset in words, for C libraries whose own go octet by octet (picolibc's, and newlib's
 * where it is built for size): every octet of data goes through memcpy twice on its way. Link this file where
 * that is so.
 *
 * Words are used when both places are aligned alike; rings and frame slots are laid out so that whole
 * segments are.
 */
#include <stddef.h>
#include <stdint.h>

#define WORD sizeof(uint32_t)

/* The compiler must not turn these loops into calls of themselves. */
#if defined(__clang__)
#define PLAIN __attribute__((no_builtin("memcpy", "memmove", "memset")))
#else
#define PLAIN __attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif

/* A word that may alias anything. */
typedef uint32_t __attribute__((may_alias)) word_t;

static int aligned_alike(const void *left, const void *right) {
    return (((uintptr_t)left ^ (uintptr_t)right) & (WORD - 1)) == 0;
}

/** From the beginning: the target may lie before the source, too, and then they may overlap. */
PLAIN static void copy_forward(uint8_t *target, const uint8_t *source, size_t bytes) {
    if (bytes >= 2 * WORD && aligned_alike(target, source)) {
        for (; (uintptr_t)target & (WORD - 1); bytes--)
            *target++ = *source++;
        word_t *words = (word_t *)(void *)target;
        const word_t *words_from = (const word_t *)(const void *)source;
        for (; bytes >= 8 * WORD; bytes -= 8 * WORD, words += 8, words_from += 8) {
            word_t a = words_from[0], b = words_from[1], c = words_from[2], d = words_from[3];
            words[0] = a, words[1] = b, words[2] = c, words[3] = d;
            a = words_from[4], b = words_from[5], c = words_from[6], d = words_from[7];
            words[4] = a, words[5] = b, words[6] = c, words[7] = d;
        }
        for (; bytes >= WORD; bytes -= WORD)
            *words++ = *words_from++;
        target = (uint8_t *)words;
        source = (const uint8_t *)words_from;
    }
    while (bytes--)
        *target++ = *source++;
}

PLAIN void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    copy_forward(to, from, bytes);
    return to;
}

PLAIN void *memmove(void *to, const void *from, size_t bytes) {
    uint8_t *target = to;
    const uint8_t *source = from;
    if ((uintptr_t)target - (uintptr_t)source >= bytes) {
        copy_forward(target, source, bytes);
        return to;
    }
    /* The target lies in the source: from the end. */
    target += bytes;
    source += bytes;
    if (bytes >= 2 * WORD && aligned_alike(target, source)) {
        for (; (uintptr_t)target & (WORD - 1); bytes--)
            *--target = *--source;
        for (; bytes >= WORD; bytes -= WORD) {
            target -= WORD;
            source -= WORD;
            *(word_t *)(void *)target = *(const word_t *)(const void *)source;
        }
    }
    while (bytes--)
        *--target = *--source;
    return to;
}

PLAIN void *memset(void *to, int octet, size_t bytes) {
    uint8_t *target = to;
    if (bytes >= 2 * WORD) {
        for (; (uintptr_t)target & (WORD - 1); bytes--)
            *target++ = (uint8_t)octet;
        const uint32_t word = 0x01010101u * (uint8_t)octet;
        for (; bytes >= WORD; bytes -= WORD, target += WORD)
            *(word_t *)(void *)target = word;
    }
    while (bytes--)
        *target++ = (uint8_t)octet;
    return to;
}
