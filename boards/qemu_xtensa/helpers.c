/*
 * Integer arithmetic that the compiler calls and Debian's libgcc for lx106 lacks: an ESP8266 has it in ROM.
 * Division goes bit by bit.
 */
#include <stdint.h>

uint32_t __udivsi3(uint32_t dividend, uint32_t divisor);
uint32_t __umodsi3(uint32_t dividend, uint32_t divisor);
int32_t __divsi3(int32_t dividend, int32_t divisor);
uint64_t __umulsidi3(uint32_t left, uint32_t right);
uint64_t __muldi3(uint64_t left, uint64_t right);
uint64_t __udivdi3(uint64_t dividend, uint64_t divisor);
uint64_t __umoddi3(uint64_t dividend, uint64_t divisor);
int64_t __divdi3(int64_t dividend, int64_t divisor);
int64_t __moddi3(int64_t dividend, int64_t divisor);

/** A 64-bit number in its halves. */
union halves {
    struct {
        uint32_t low, high;
    };
    uint64_t whole;
};

uint32_t __udivsi3(uint32_t dividend, uint32_t divisor) {
    if (divisor == 0 || dividend < divisor)
        return 0;
    int shift = __builtin_clz(divisor) - __builtin_clz(dividend);
    uint32_t quotient = 0;
    for (divisor <<= shift; shift >= 0; shift--, divisor >>= 1) {
        quotient <<= 1;
        if (dividend >= divisor) {
            dividend -= divisor;
            quotient |= 1;
        }
    }
    return quotient;
}

uint32_t __umodsi3(uint32_t dividend, uint32_t divisor) {
    return dividend - __udivsi3(dividend, divisor) * divisor;
}

int32_t __divsi3(int32_t dividend, int32_t divisor) {
    uint32_t quotient = __udivsi3(dividend < 0 ? 0u - (uint32_t)dividend : (uint32_t)dividend,
                                  divisor < 0 ? 0u - (uint32_t)divisor : (uint32_t)divisor);
    return (int32_t)((dividend ^ divisor) < 0 ? 0u - quotient : quotient);
}

/* The processor multiplies to 32 bits: a product of 64 is four of halves. */
uint64_t __umulsidi3(uint32_t left, uint32_t right) {
    const uint32_t left_low = left & 0xffff, left_high = left >> 16;
    const uint32_t right_low = right & 0xffff, right_high = right >> 16;
    const uint32_t low = left_low * right_low, cross = left_high * right_low, other = left_low * right_high;
    const uint32_t middle = (low >> 16) + (cross & 0xffff) + (other & 0xffff);
    union halves result;
    result.low = middle << 16 | (low & 0xffff);
    result.high = left_high * right_high + (cross >> 16) + (other >> 16) + (middle >> 16);
    return result.whole;
}

uint64_t __muldi3(uint64_t left, uint64_t right) {
    const union halves one = {.whole = left}, two = {.whole = right};
    union halves result = {.whole = __umulsidi3(one.low, two.low)};
    result.high += one.low * two.high + one.high * two.low;
    return result.whole;
}

static int leading_zeros(uint64_t value) {
    const union halves halves = {.whole = value};
    return halves.high != 0 ? __builtin_clz(halves.high) : 32 + __builtin_clz(halves.low);
}

uint64_t __udivdi3(uint64_t dividend, uint64_t divisor) {
    if (divisor == 0 || dividend < divisor)
        return 0;
    int shift = leading_zeros(divisor) - leading_zeros(dividend);
    uint64_t quotient = 0;
    for (divisor <<= shift; shift >= 0; shift--, divisor >>= 1) {
        quotient <<= 1;
        if (dividend >= divisor) {
            dividend -= divisor;
            quotient |= 1;
        }
    }
    return quotient;
}

uint64_t __umoddi3(uint64_t dividend, uint64_t divisor) {
    return dividend - __udivdi3(dividend, divisor) * divisor;
}

int64_t __divdi3(int64_t dividend, int64_t divisor) {
    uint64_t quotient = __udivdi3(dividend < 0 ? 0u - (uint64_t)dividend : (uint64_t)dividend,
                                  divisor < 0 ? 0u - (uint64_t)divisor : (uint64_t)divisor);
    return (int64_t)((dividend ^ divisor) < 0 ? 0u - quotient : quotient);
}

int64_t __moddi3(int64_t dividend, int64_t divisor) {
    return (int64_t)((uint64_t)dividend - (uint64_t)__divdi3(dividend, divisor) * (uint64_t)divisor);
}
