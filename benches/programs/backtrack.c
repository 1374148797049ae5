// Search with backtracking: Sudoku by the cell with the fewest candidates, N queens by bit
// masks, and knight's tours counted on a small board. What it stresses: recursion, bit
// tricks (popcount, trailing zeros), branches that no predictor learns.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint8_t cell[81];
static uint16_t row_used[9], column_used[9], box_used[9];
static int64_t placed;

static void set(int at, int digit, int on) {
    uint16_t bit = (uint16_t)(1 << digit);
    int r = at / 9, c = at % 9, b = r / 3 * 3 + c / 3;
    cell[at] = (uint8_t)(on ? digit : 0);
    if (on) row_used[r] |= bit, column_used[c] |= bit, box_used[b] |= bit;
    else row_used[r] &= (uint16_t)~bit, column_used[c] &= (uint16_t)~bit, box_used[b] &= (uint16_t)~bit;
}

// Counts solutions, up to `limit`.
static int sudoku(int limit) {
    int best = -1, fewest = 10;
    uint32_t choices = 0;
    for (int at = 0; at < 81; at++) {
        if (cell[at]) continue;
        int r = at / 9, c = at % 9;
        uint32_t free = 0x3feu & ~(uint32_t)(row_used[r] | column_used[c] | box_used[r / 3 * 3 + c / 3]);
        int n = __builtin_popcount(free);
        if (n < fewest) fewest = n, best = at, choices = free;
    }
    if (best < 0) return 1;
    int found = 0;
    for (; choices && found < limit; choices &= choices - 1) {
        int digit = __builtin_ctz(choices);
        placed++;
        set(best, digit, 1);
        found += sudoku(limit - found);
        set(best, digit, 0);
    }
    return found;
}

static int solve(const char *givens, int limit) {
    memset(cell, 0, sizeof cell);
    memset(row_used, 0, sizeof row_used);
    memset(column_used, 0, sizeof column_used);
    memset(box_used, 0, sizeof box_used);
    for (int at = 0; at < 81; at++)
        if (givens[at] != '.') set(at, givens[at] - '0', 1);
    return sudoku(limit);
}

static int64_t queens(uint32_t all, uint32_t columns, uint32_t left, uint32_t right) {
    if (columns == all) return 1;
    int64_t count = 0;
    for (uint32_t free = all & ~(columns | left | right); free;) {
        uint32_t bit = free & -free;
        free ^= bit;
        count += queens(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return count;
}

enum { BOARD_W = 5, BOARD_H = 5 };
static int8_t visited[BOARD_H][BOARD_W];
static int64_t tours(int x, int y, int left) {
    static const int8_t dx[] = {1, 2, 2, 1, -1, -2, -2, -1}, dy[] = {-2, -1, 1, 2, 2, 1, -1, -2};
    if (left == 0) return 1;
    int64_t count = 0;
    visited[y][x] = 1;
    for (int i = 0; i < 8; i++) {
        int nx = x + dx[i], ny = y + dy[i];
        if ((unsigned)nx < BOARD_W && (unsigned)ny < BOARD_H && !visited[ny][nx]) count += tours(nx, ny, left - 1);
    }
    visited[y][x] = 0;
    return count;
}

int main(void) {
    // A grid made here, emptied cell by cell in a fixed order, so that there are many ways back.
    char givens[82];
    uint32_t seed = 8;
    for (int at = 0; at < 81; at++) givens[at] = (char)('1' + (at / 9 * 3 + at / 27 + at % 9) % 9);
    givens[81] = 0;
    int total = 0;
    for (int draw = 0; draw < 130; draw++) {
        seed = seed * 1664525u + 1013904223u;
        givens[(seed >> 8) % 81] = '.';
        total += solve(givens, 20000);
    }
    printf("backtrack sudoku %d ways, %lld digits placed\n", total, (long long)placed);
    printf("backtrack queens %lld\n", (long long)queens((1u << 13) - 1, 0, 0, 0));
    int64_t all = 0;
    for (int y = 0; y < BOARD_H; y += 2)
        for (int x = 0; x < BOARD_W; x += 2) all += tours(x, y, BOARD_W * BOARD_H - 1);
    printf("backtrack tours %lld\n", (long long)all);
    return 0;
}
