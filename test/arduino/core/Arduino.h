/*
 * Arduino.h of this machine: what sketches and the API classes of an Arduino core (Print, Stream, String,
 * IPAddress) want of it. Included before everything else, so that a core's own Arduino.h is left out.
 */
#ifndef Arduino_h
#define Arduino_h

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <avr/pgmspace.h>

#include "Stream.h"

#define A0 14
#define LED_BUILTIN 13
#define OUTPUT 1
#define LOW 0
#define HIGH 1

typedef uint8_t byte;

extern "C" {
unsigned long millis(void);
void delay(unsigned long ms);
void yield(void);
int analogRead(uint8_t pin);
void pinMode(uint8_t pin, uint8_t mode);
void digitalWrite(uint8_t pin, uint8_t value);
int digitalRead(uint8_t pin);

char *itoa(int value, char *text, int base);
char *utoa(unsigned value, char *text, int base);
char *ltoa(long value, char *text, int base);
char *ultoa(unsigned long value, char *text, int base);
char *dtostrf(double value, signed char width, unsigned char decimals, char *text);
}

/** The program's output. */
class HostSerial : public Stream {
  public:
    void begin(unsigned long) {}
    int available() { return 0; }
    int read() { return -1; }
    int peek() { return -1; }
    size_t write(uint8_t byte);
    using Print::write;
    operator bool() { return true; }
};

extern HostSerial Serial;

void setup();
void loop();

#endif
