// Random numbers: xoshiro and PCG generators drive an estimate of pi, the price of a stepped
// walk with a floor, and a shuffle test. What it stresses: 64-bit multiplication and
// rotation, conversion of integers to doubles.
#include <stdint.h>
#include <stdio.h>

#define ROL(x, k) ((x) << (k) | (x) >> (64 - (k)))

static uint64_t s[4] = {1, 2, 3, 4};
static uint64_t xoshiro(void) {
    uint64_t result = ROL(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3];
    s[2] ^= t;
    s[3] = ROL(s[3], 45);
    return result;
}
static uint64_t pcg_state = 0x853c49e6748fea9bu;
static uint32_t pcg(void) {
    uint64_t old = pcg_state;
    pcg_state = old * 6364136223846793005u + 1442695040888963407u;
    uint32_t x = (uint32_t)((old >> 18 ^ old) >> 27), r = (uint32_t)(old >> 59);
    return x >> r | x << (-r & 31);
}
static double real(void) { return (double)(xoshiro() >> 11) * 0x1p-53; }

static double pi(int n) {
    int inside = 0;
    for (int i = 0; i < n; i++) {
        double x = real(), y = real();
        inside += x * x + y * y < 1;
    }
    return 4.0 * inside / n;
}

// The mean end of walks that stop when they fall under the floor.
static double walks(int n, int steps) {
    double total = 0;
    for (int i = 0; i < n; i++) {
        double price = 100;
        for (int k = 0; k < steps; k++) {
            // The sum of four uniform numbers stands for a normal one.
            uint64_t bits = xoshiro();
            int sum = (int)(bits & 0xffff) + (int)(bits >> 16 & 0xffff) + (int)(bits >> 32 & 0xffff) + (int)(bits >> 48);
            price *= 1 + 0.0001 + (sum - 131070) * (0.02 / 37837.0);
            if (price < 70) {
                price = 0;
                break;
            }
        }
        total += price > 110 ? price - 110 : 0;
    }
    return total / n;
}

// How often a shuffled deck leaves no card in its place (about 1/e).
static int derangements(int n) {
    int found = 0;
    uint8_t deck[52];
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < 52; c++) deck[c] = (uint8_t)c;
        for (uint32_t c = 51; c > 0; c--) {
            uint32_t with = (uint32_t)((uint64_t)pcg() * (c + 1) >> 32);
            uint8_t t = deck[c];
            deck[c] = deck[with];
            deck[with] = t;
        }
        int fixed = 0;
        for (int c = 0; c < 52; c++) fixed += deck[c] == c;
        found += fixed == 0;
    }
    return found;
}

int main(void) {
    printf("montecarlo pi %.9f\n", pi(100000000));
    printf("montecarlo walks %.9f\n", walks(300000, 250));
    printf("montecarlo derangements %d\n", derangements(800000));
    return 0;
}
