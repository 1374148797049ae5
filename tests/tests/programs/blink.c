/* Firmware for an ATmega328P: records readings, smooths them, shows the sum on a port.
   Needs the compiler's own library for 32-bit products and for division. */
#include <stdint.h>
#include <string.h>

#define PORTB (*(volatile uint8_t *)0x25)

struct reading {
    uint16_t time;
    int16_t value;
};

static struct reading readings[16];
static uint8_t used;

static int16_t median(int16_t a, int16_t b, int16_t c) {
    if (a > b) {
        int16_t t = a;
        a = b;
        b = t;
    }
    return c < a ? a : c > b ? b : c;
}

static void record(uint16_t time, int16_t value) {
    readings[used].time = time;
    readings[used].value = value;
    used = (used + 1) % 16;
}

void _start(void) {
    uint32_t state = 1;
    int32_t sum = 0;
    int unused_on_purpose;
    for (uint16_t t = 0; t < 1000; t++) {
        state = state * 1103515245UL + 12345;
        record(t, (int16_t)(state >> 16));
        if (used > 2)
            sum += median(readings[used - 1].value, readings[used - 2].value, readings[used - 3].value) / 7;
        PORTB = (uint8_t)(sum >> 8);
    }
    for (;;) {
    }
}
