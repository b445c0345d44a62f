/* The functions of Arduino.h on this machine. */
#include "Arduino.h"

#include <stdio.h>
#include <time.h>

static unsigned long microsecondsNow() {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long)now.tv_sec * 1000000ul + (unsigned long)now.tv_nsec / 1000ul;
}

static const unsigned long begun = microsecondsNow();

extern "C" {

unsigned long millis(void) {
    return (microsecondsNow() - begun) / 1000;
}

void delay(unsigned long ms) {
    const struct timespec time = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    nanosleep(&time, nullptr);
}

void yield(void) {}

/** A sensor that warms up. */
int analogRead(uint8_t) {
    static int value = 500;
    return value++;
}

static uint8_t pins[32];

void pinMode(uint8_t, uint8_t) {}

void digitalWrite(uint8_t pin, uint8_t value) {
    pins[pin % sizeof pins] = value;
}

int digitalRead(uint8_t pin) {
    return pins[pin % sizeof pins];
}

char *ultoa(unsigned long value, char *text, int base) {
    char digits[8 * sizeof value];
    size_t count = 0, length = 0;
    do
        digits[count++] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % (unsigned long)base];
    while ((value /= (unsigned long)base) != 0);
    while (count > 0)
        text[length++] = digits[--count];
    text[length] = '\0';
    return text;
}

char *ltoa(long value, char *text, int base) {
    const bool isNegative = value < 0 && base == 10;
    if (isNegative)
        text[0] = '-';
    ultoa(isNegative ? 0ul - (unsigned long)value : (unsigned long)value, text + isNegative, base);
    return text;
}

char *utoa(unsigned value, char *text, int base) {
    return ultoa(value, text, base);
}

char *itoa(int value, char *text, int base) {
    return base == 10 ? ltoa(value, text, base) : ultoa((unsigned)value, text, base);
}

char *dtostrf(double value, signed char width, unsigned char decimals, char *text) {
    sprintf(text, "%*.*f", width, decimals, value);
    return text;
}
}

HostSerial Serial;

size_t HostSerial::write(uint8_t byte) {
    putchar(byte);
    if (byte == '\n')
        fflush(stdout);
    return 1;
}
