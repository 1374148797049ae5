// Dynamic programming on strings: edit distance, longest common subsequence with the path
// traced back, and a knapsack. What it stresses: loads and minima in a dependency chain,
// two-dimensional indexing.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 3000, ITEMS = 400, WEIGHT = 50000 };
static char a[N + 1], b[N + 1];
static uint16_t table[N + 1][N + 1];

static uint32_t seed = 11;
static uint32_t next(void) { return (seed = seed * 1664525u + 1013904223u) >> 10; }

static int min(int x, int y) { return x < y ? x : y; }

static int distance(int n, int m) {
    static int row[N + 1];
    for (int j = 0; j <= m; j++) row[j] = j;
    for (int i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            int up = row[j];
            row[j] = a[i - 1] == b[j - 1] ? diagonal : 1 + min(diagonal, min(up, row[j - 1]));
            diagonal = up;
        }
    }
    return row[m];
}

static int common(int n, int m, uint32_t *digest) {
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++) {
            uint16_t up = table[i - 1][j], left = table[i][j - 1];
            table[i][j] = a[i - 1] == b[j - 1] ? (uint16_t)(table[i - 1][j - 1] + 1) : up > left ? up : left;
        }
    for (int i = n, j = m; i && j;) {
        if (a[i - 1] == b[j - 1]) *digest = *digest * 31 + (uint8_t)a[--i], j--;
        else if (table[i - 1][j] >= table[i][j - 1]) i--;
        else j--;
    }
    return table[n][m];
}

static int64_t knapsack(void) {
    static int64_t best[WEIGHT + 1];
    memset(best, 0, sizeof best);
    for (int i = 0; i < ITEMS; i++) {
        int weight = 20 + (int)(next() % 600);
        int64_t worth = weight * 3 + (int)(next() % 500);
        for (int w = WEIGHT; w >= weight; w--)
            if (best[w - weight] + worth > best[w]) best[w] = best[w - weight] + worth;
    }
    return best[WEIGHT];
}

int main(void) {
    int64_t total = 0;
    uint32_t digest = 0;
    for (int round = 0; round < 24; round++) {
        for (int i = 0; i < N; i++) {
            a[i] = (char)('a' + next() % 4);
            b[i] = next() % 3 ? a[i] : (char)('a' + next() % 4);
        }
        total += distance(N, N - round) * 10007;
        total += common(N, N - round, &digest) * 101;
        total += knapsack();
    }
    printf("edit %lld, %08x\n", (long long)total, digest);
    return 0;
}
