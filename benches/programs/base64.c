// Base64 there and back, with CRC-32 (slicing by four), Adler-32 and a hexadecimal dump of
// the same bytes. What it stresses: table look-ups, byte stores, shifts.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 3 << 18 };
static uint8_t data[SIZE], decoded[SIZE];
static char text[SIZE / 3 * 4 + 1], dump[SIZE * 2];
static uint32_t crc_table[4][256];
static int8_t values[256];
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void tables(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
        crc_table[0][i] = c;
    }
    for (int i = 0; i < 256; i++)
        for (int t = 1; t < 4; t++) crc_table[t][i] = crc_table[0][crc_table[t - 1][i] & 255] ^ crc_table[t - 1][i] >> 8;
    memset(values, -1, sizeof values);
    for (int i = 0; i < 64; i++) values[(uint8_t)alphabet[i]] = (int8_t)i;
}

static uint32_t crc32(const uint8_t *p, size_t n) {
    uint32_t c = ~0u;
    for (; n >= 4; n -= 4, p += 4) {
        c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        c = crc_table[3][c & 255] ^ crc_table[2][c >> 8 & 255] ^ crc_table[1][c >> 16 & 255] ^ crc_table[0][c >> 24];
    }
    while (n--) c = crc_table[0][(c ^ *p++) & 255] ^ c >> 8;
    return ~c;
}

static uint32_t adler32(const uint8_t *p, size_t n) {
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < n; i++) {
        a = (a + p[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void encode(void) {
    char *to = text;
    for (size_t i = 0; i < SIZE; i += 3) {
        uint32_t v = (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 | data[i + 2];
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        *to++ = alphabet[v >> 6 & 63];
        *to++ = alphabet[v & 63];
    }
    *to = 0;
}

static int decode(void) {
    uint8_t *to = decoded;
    for (const char *p = text; *p; p += 4) {
        int a = values[(uint8_t)p[0]], b = values[(uint8_t)p[1]], c = values[(uint8_t)p[2]], d = values[(uint8_t)p[3]];
        if ((a | b | c | d) < 0) return 0;
        uint32_t v = (uint32_t)(a << 18 | b << 12 | c << 6 | d);
        *to++ = (uint8_t)(v >> 16);
        *to++ = (uint8_t)(v >> 8);
        *to++ = (uint8_t)v;
    }
    return 1;
}

int main(void) {
    tables();
    if (crc32((const uint8_t *)"123456789", 9) != 0xcbf43926u) return puts("base64: wrong CRC of the check string"), 1;
    uint32_t seed = 23, check = 0;
    for (size_t i = 0; i < SIZE; i++) data[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
    for (int round = 0; round < 160; round++) {
        encode();
        if (!decode() || memcmp(data, decoded, SIZE)) return puts("base64: the bytes came back changed"), 1;
        for (size_t i = 0; i < SIZE; i++) {
            dump[2 * i] = "0123456789abcdef"[data[i] >> 4];
            dump[2 * i + 1] = "0123456789abcdef"[data[i] & 15];
        }
        check = check * 31 + crc32(decoded, SIZE);
        check = check * 31 + adler32((const uint8_t *)dump, SIZE);
        memcpy(data + (size_t)round * 64, dump + check % SIZE, 64);
    }
    printf("base64 %.16s %08x\n", text, check);
    return 0;
}
