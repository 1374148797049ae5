// SHA-256 over a long message, and a BLAKE2s-like mixing of the same bytes. What it
// stresses: 32-bit rotations and additions with every register alive.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ROR(x, n) ((x) >> (n) | (x) << (32 - (n)))

static uint32_t constants[64];

// The round constants are the first 32 bits of the fractional parts of the cube roots of
// the first 64 primes; an integer cube root finds them without a table.
static void make_constants(void) {
    int found = 0;
    for (uint32_t p = 2; found < 64; p++) {
        int prime = 1;
        for (uint32_t d = 2; d * d <= p; d++) prime &= p % d != 0;
        if (!prime) continue;
        // The greatest r with r^3 <= p * 2^96: its low 32 bits are the fraction.
        uint64_t r = 0;
        for (int bit = 36; bit >= 0; bit--) {
            uint64_t t = r | (uint64_t)1 << bit;
            unsigned __int128 square = (unsigned __int128)t * t;
            if (square <= ((unsigned __int128)p << 96) / t) r = t;
        }
        constants[found++] = (uint32_t)r;
    }
}

static void sha_block(uint32_t h[8], const uint8_t *p) {
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (ROR(a, 7) ^ ROR(a, 18) ^ a >> 3) + w[i - 7] + (ROR(b, 17) ^ ROR(b, 19) ^ b >> 10);
    }
    memcpy(s, h, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t e = s[4], a = s[0];
        uint32_t t1 = s[7] + (ROR(e, 6) ^ ROR(e, 11) ^ ROR(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + constants[i] + w[i];
        uint32_t t2 = (ROR(a, 2) ^ ROR(a, 13) ^ ROR(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        s[7] = s[6], s[6] = s[5], s[5] = e, s[4] = s[3] + t1;
        s[3] = s[2], s[2] = s[1], s[1] = a, s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) h[i] += s[i];
}

static void sha256(const uint8_t *data, size_t len, uint32_t h[8]) {
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint8_t tail[128] = {0};
    size_t rest = len % 64, tail_len = rest < 56 ? 64 : 128;
    memcpy(h, start, sizeof start);
    for (size_t i = 0; i + 64 <= len; i += 64) sha_block(h, data + i);
    memcpy(tail, data + len - rest, rest);
    tail[rest] = 0x80;
    for (int i = 0; i < 8; i++) tail[tail_len - 1 - (size_t)i] = (uint8_t)((uint64_t)len * 8 >> (8 * i));
    for (size_t i = 0; i < tail_len; i += 64) sha_block(h, tail + i);
}

#define MIX(a, b, c, d, x, y)                                                        \
    (a += b + (x), d = ROR(d ^ a, 16), c += d, b = ROR(b ^ c, 12), a += b + (y), \
     d = ROR(d ^ a, 8), c += d, b = ROR(b ^ c, 7))

static uint32_t mix(const uint8_t *data, size_t len) {
    uint32_t v[16];
    for (uint32_t i = 0; i < 16; i++) v[i] = i * 0x9e3779b9u;
    for (size_t at = 0; at + 64 <= len; at += 64) {
        uint32_t m[16];
        memcpy(m, data + at, 64);
        for (int round = 0; round < 10; round++) {
            for (int i = 0; i < 4; i++)
                MIX(v[i], v[4 + i], v[8 + i], v[12 + i], m[(2 * i + round) & 15], m[(2 * i + 7 * round + 1) & 15]);
            for (int i = 0; i < 4; i++)
                MIX(v[i], v[4 + (i + 1) % 4], v[8 + (i + 2) % 4], v[12 + (i + 3) % 4], m[(2 * i + 8 + round) & 15],
                    m[(2 * i + 9 + 3 * round) & 15]);
        }
    }
    uint32_t all = 0;
    for (int i = 0; i < 16; i++) all = all * 31 + v[i];
    return all;
}

static uint8_t message[1 << 20];

int main(void) {
    make_constants();
    uint32_t h[8];
    sha256((const uint8_t *)"abc", 3, h);
    if (h[0] != 0xba7816bf || h[7] != 0xf20015ad) return puts("sha256: wrong digest of 'abc'"), 1;
    for (size_t i = 0; i < sizeof message; i++) message[i] = (uint8_t)(i * 131 + (i >> 8));
    uint32_t check = 0;
    for (int round = 0; round < 96; round++) {
        sha256(message, sizeof message - (size_t)round, h);
        check = check * 3 + mix(message, sizeof message);
        memcpy(message, h, sizeof h);
    }
    printf("sha256 %08x%08x%08x%08x%08x%08x%08x%08x mix %08x\n", h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], check);
    return 0;
}
