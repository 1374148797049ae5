// An LZ77 compressor with hash chains and lazy matching, and its decompressor, over text
// with repetitions. What it stresses: byte loads, unpredictable branches, small copies.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 1 << 21, HASH_BITS = 15, WINDOW = 1 << 15, MIN = 4, MAX = 255 + MIN, CHAIN = 32 };

static uint8_t input[SIZE], packed[SIZE * 2], output[SIZE];
static int32_t head[1 << HASH_BITS], previous[WINDOW];

static uint32_t seed = 7;
static uint32_t next(void) { return (seed = seed * 1664525u + 1013904223u) >> 8; }

static void generate(void) {
    size_t at = 0;
    while (at < SIZE) {
        size_t n = 3 + next() % 12;
        if (at > 4096 && next() % 3) {
            size_t from = at - 1 - next() % 4000;
            for (size_t i = 0; i < n * 2 && at < SIZE; i++) input[at++] = input[from++];
        } else {
            for (size_t i = 0; i < n && at < SIZE; i++) input[at++] = (uint8_t)("etaoinshrdlu \n.,"[next() % 16]);
        }
    }
}

static uint32_t hash(const uint8_t *p) {
    uint32_t v = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    return v * 2654435761u >> (32 - HASH_BITS);
}

static void insert(int32_t at) {
    uint32_t h = hash(input + at);
    previous[at & (WINDOW - 1)] = head[h];
    head[h] = at;
}

// The longest earlier match for the bytes at `at`; its length, and its distance in `*distance`.
static int longest(int32_t at, int32_t *distance) {
    int best = 0, limit = SIZE - at < MAX ? SIZE - at : MAX;
    int32_t candidate = head[hash(input + at)];
    for (int tries = CHAIN; tries-- && candidate >= 0 && at - candidate < WINDOW;) {
        if (best == 0 || input[candidate + best] == input[at + best]) {
            int n = 0;
            while (n < limit && input[candidate + n] == input[at + n]) n++;
            if (n > best) {
                best = n;
                *distance = at - candidate;
                if (n == limit) break;
            }
        }
        int32_t older = previous[candidate & (WINDOW - 1)];
        if (older >= candidate) break;
        candidate = older;
    }
    return best;
}

static size_t compress(void) {
    memset(head, -1, sizeof head);
    size_t out = 0, flags_at = 0;
    int bit = 8;
    for (int32_t at = 0; at < SIZE;) {
        if (bit == 8) packed[flags_at = out++] = 0, bit = 0;
        int32_t distance = 0, later = 0;
        int n = at + MIN < SIZE - 1 ? longest(at, &distance) : 0;
        if (at + MIN < SIZE) insert(at);
        // Lazy matching: a literal now, if that lets a longer match begin at the next byte.
        if (n >= MIN && at + MIN + 1 < SIZE - 1 && longest(at + 1, &later) > n) n = 0;
        if (n >= MIN) {
            packed[flags_at] |= (uint8_t)(1 << bit);
            packed[out++] = (uint8_t)distance;
            packed[out++] = (uint8_t)(distance >> 8);
            packed[out++] = (uint8_t)(n - MIN);
            for (int i = 1; i < n; i++)
                if (at + i + MIN < SIZE) insert(at + i);
            at += n;
        } else {
            packed[out++] = input[at++];
        }
        bit++;
    }
    return out;
}

static void decompress(void) {
    size_t in = 0, out = 0;
    while (out < SIZE) {
        int flags = packed[in++];
        for (int bit = 0; bit < 8 && out < SIZE; bit++) {
            if (flags >> bit & 1) {
                size_t distance = packed[in] | (size_t)packed[in + 1] << 8, n = packed[in + 2] + (size_t)MIN;
                in += 3;
                for (size_t i = 0; i < n; i++, out++) output[out] = output[out - distance];
            } else {
                output[out++] = packed[in++];
            }
        }
    }
}

int main(void) {
    generate();
    size_t size = 0;
    uint32_t check = 0;
    for (int round = 0; round < 14; round++) {
        size = compress();
        for (int again = 0; again < 8; again++) decompress();
        if (memcmp(input, output, SIZE)) return puts("lz: the text came back changed"), 1;
        for (size_t i = 0; i < size; i++) check = check * 31 + packed[i];
        input[next() % SIZE] ^= 1;
    }
    printf("lz %d -> %zu, %08x\n", SIZE, size, check);
    return 0;
}
