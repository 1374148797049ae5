// Conway's Life on a torus of bytes, then a box blur and a Sobel edge filter of a grey
// picture. What it stresses: byte loads at neighbouring addresses, saturation, loops that
// a compiler may turn into vectors.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { W = 640, H = 480 };
static uint8_t world[2][H][W], picture[H][W], blurred[H][W], edges[H][W];

static void live(uint8_t from[H][W], uint8_t to[H][W]) {
    for (int y = 0; y < H; y++) {
        const uint8_t *above = from[(y + H - 1) % H], *row = from[y], *below = from[(y + 1) % H];
        for (int x = 0; x < W; x++) {
            int l = x ? x - 1 : W - 1, r = x + 1 < W ? x + 1 : 0;
            int n = above[l] + above[x] + above[r] + row[l] + row[r] + below[l] + below[x] + below[r];
            to[y][x] = (uint8_t)(n == 3 || (n == 2 && row[x]));
        }
    }
}

static void blur(int radius) {
    static uint16_t columns[W];
    memset(columns, 0, sizeof columns);
    for (int y = -radius; y < H; y++) {
        if (y + radius < H)
            for (int x = 0; x < W; x++) columns[x] += picture[y + radius][x];
        if (y - radius - 1 >= 0)
            for (int x = 0; x < W; x++) columns[x] -= picture[y - radius - 1][x];
        if (y < 0) continue;
        int sum = 0, rows = (y < radius ? y : radius) + 1 + (H - 1 - y < radius ? H - 1 - y : radius);
        for (int x = 0; x < radius; x++) sum += columns[x];
        for (int x = 0; x < W; x++) {
            if (x + radius < W) sum += columns[x + radius];
            if (x - radius - 1 >= 0) sum -= columns[x - radius - 1];
            int wide = (x < radius ? x : radius) + 1 + (W - 1 - x < radius ? W - 1 - x : radius);
            blurred[y][x] = (uint8_t)(sum / (wide * rows));
        }
    }
}

static void sobel(void) {
    for (int y = 1; y < H - 1; y++)
        for (int x = 1; x < W - 1; x++) {
            const uint8_t *a = &blurred[y - 1][x], *b = &blurred[y][x], *c = &blurred[y + 1][x];
            int gx = a[1] + 2 * b[1] + c[1] - a[-1] - 2 * b[-1] - c[-1];
            int gy = c[-1] + 2 * c[0] + c[1] - a[-1] - 2 * a[0] - a[1];
            int g = abs(gx) + abs(gy);
            edges[y][x] = (uint8_t)(g > 255 ? 255 : g);
        }
}

static uint32_t digest(const uint8_t *p, size_t n) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 16777619u;
    return h;
}

int main(void) {
    uint32_t seed = 42;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            seed = seed * 1664525u + 1013904223u;
            world[0][y][x] = seed >> 30 == 0;
            picture[y][x] = (uint8_t)((x * y >> 6) ^ (seed >> 27));
        }
    for (int i = 0; i < 600; i += 2) {
        live(world[0], world[1]);
        live(world[1], world[0]);
    }
    int alive = 0;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) alive += world[0][y][x];
    printf("life %d alive, %08x\n", alive, digest(&world[0][0][0], sizeof world[0]));
    uint32_t check = 0;
    for (int round = 0; round < 60; round++) {
        blur(1 + round % 9);
        sobel();
        check = check * 31 + digest(&edges[0][0], sizeof edges);
        for (int y = 0; y < H; y += 2) memcpy(picture[y], edges[(y + round) % H], W);
    }
    printf("blur %08x\n", check);
    return 0;
}
