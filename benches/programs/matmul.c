// Products of matrices of doubles: the plain three loops, and the same in tiles; then an LU
// decomposition that solves a system. What it stresses: floating multiply-add, strided loads.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { N = 384, TILE = 48 };
static double a[N][N], b[N][N], c[N][N], d[N][N], x[N];

static uint32_t seed = 99;
static double next(void) {
    seed = seed * 1103515245u + 12345u;
    return (double)(seed >> 16) / 65536.0 - 0.5;
}

static void plain(void) {
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double s = 0;
            for (int k = 0; k < N; k++) s += a[i][k] * b[k][j];
            c[i][j] = s;
        }
}

static void tiled(void) {
    memset(d, 0, sizeof d);
    for (int i0 = 0; i0 < N; i0 += TILE)
        for (int k0 = 0; k0 < N; k0 += TILE)
            for (int j0 = 0; j0 < N; j0 += TILE)
                for (int i = i0; i < i0 + TILE; i++)
                    for (int k = k0; k < k0 + TILE; k++) {
                        double f = a[i][k];
                        for (int j = j0; j < j0 + TILE; j++) d[i][j] += f * b[k][j];
                    }
}

// Solves (c + N*I) x = 1 by elimination with the largest pivot of each column.
static double solve(void) {
    for (int i = 0; i < N; i++) c[i][i] += N, x[i] = 1;
    for (int p = 0; p < N; p++) {
        int best = p;
        for (int i = p + 1; i < N; i++)
            if (c[i][p] * c[i][p] > c[best][p] * c[best][p]) best = i;
        for (int j = 0; j < N; j++) {
            double t = c[p][j];
            c[p][j] = c[best][j];
            c[best][j] = t;
        }
        double t = x[p];
        x[p] = x[best];
        x[best] = t;
        for (int i = p + 1; i < N; i++) {
            double f = c[i][p] / c[p][p];
            for (int j = p; j < N; j++) c[i][j] -= f * c[p][j];
            x[i] -= f * x[p];
        }
    }
    double total = 0;
    for (int i = N - 1; i >= 0; i--) {
        for (int j = i + 1; j < N; j++) x[i] -= c[i][j] * x[j];
        x[i] /= c[i][i];
        total += x[i];
    }
    return total;
}

int main(void) {
    double total = 0, difference = 0;
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) a[i][j] = next(), b[i][j] = next();
        plain();
        tiled();
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) difference += (c[i][j] - d[i][j]) * (c[i][j] - d[i][j]);
        total += solve();
    }
    printf("matmul %.12f %s\n", total, difference < 1e-12 ? "agree" : "DIFFER");
    return 0;
}
