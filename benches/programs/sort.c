// Records sorted by quicksort, heapsort and merge sort through comparator pointers, each
// result checked. What it stresses: indirect calls in the innermost loop, struct copies.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 120000 };
typedef struct {
    uint32_t id;
    int32_t age;
    double score;
    char name[12];
} Record;
typedef int (*Compare)(const Record *, const Record *);

static Record original[COUNT], work[COUNT], spare[COUNT];

static int by_id(const Record *a, const Record *b) { return (a->id > b->id) - (a->id < b->id); }
static int by_age(const Record *a, const Record *b) { return a->age != b->age ? (a->age < b->age ? -1 : 1) : by_id(a, b); }
static int by_score(const Record *a, const Record *b) {
    return a->score != b->score ? (a->score < b->score ? -1 : 1) : by_id(a, b);
}
static int by_name(const Record *a, const Record *b) {
    int order = strcmp(a->name, b->name);
    return order ? order : by_id(a, b);
}

static void swap(Record *a, Record *b) {
    Record t = *a;
    *a = *b;
    *b = t;
}

static void quick(Record *v, int n, Compare less) {
    while (n > 12) {
        Record pivot = v[n / 2];
        int i = 0, j = n - 1;
        while (i <= j) {
            while (less(&v[i], &pivot) < 0) i++;
            while (less(&pivot, &v[j]) < 0) j--;
            if (i <= j) swap(&v[i++], &v[j--]);
        }
        if (j + 1 < n - i) {
            quick(v, j + 1, less);
            v += i, n -= i;
        } else {
            quick(v + i, n - i, less);
            n = j + 1;
        }
    }
    for (int i = 1; i < n; i++) {
        Record r = v[i];
        int j = i;
        for (; j > 0 && less(&r, &v[j - 1]) < 0; j--) v[j] = v[j - 1];
        v[j] = r;
    }
}

static void sift(Record *v, int root, int n, Compare less) {
    for (int child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && less(&v[child], &v[child + 1]) < 0) child++;
        if (less(&v[root], &v[child]) >= 0) return;
        swap(&v[root], &v[child]);
    }
}
static void heap(Record *v, int n, Compare less) {
    for (int i = n / 2; i-- > 0;) sift(v, i, n, less);
    for (int i = n; i-- > 1;) {
        swap(&v[0], &v[i]);
        sift(v, 0, i, less);
    }
}

static void merge(Record *v, int n, Compare less) {
    if (n < 2) return;
    int half = n / 2, i = 0, j = half, k = 0;
    merge(v, half, less);
    merge(v + half, n - half, less);
    memcpy(spare, v, sizeof(Record) * (size_t)n);
    while (i < half && j < n) v[k++] = less(&spare[j], &spare[i]) < 0 ? spare[j++] : spare[i++];
    while (i < half) v[k++] = spare[i++];
    while (j < n) v[k++] = spare[j++];
}

int main(void) {
    static void (*const sorts[])(Record *, int, Compare) = {quick, heap, merge};
    static const Compare orders[] = {by_id, by_age, by_score, by_name};
    uint32_t seed = 31337, check = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        Record *r = &original[i];
        seed = seed * 1664525u + 1013904223u;
        r->id = seed;
        r->age = (int32_t)(seed >> 8) % 100;
        r->score = (double)(seed >> 12 & 0xffff) / 64.0;
        for (int k = 0; k < 7; k++) r->name[k] = (char)('a' + (seed >> (3 * k)) % 7);
    }
    for (int round = 0; round < 3; round++)
        for (int o = 0; o < 4; o++)
            for (int s = 0; s < 3; s++) {
                memcpy(work, original, sizeof work);
                sorts[s](work, COUNT, orders[o]);
                for (int i = 1; i < COUNT; i++)
                    if (orders[o](&work[i - 1], &work[i]) > 0) return puts("sort: out of order"), 1;
                for (int i = 0; i < COUNT; i += 97) check = check * 31 + work[i].id;
            }
    printf("sort %08x\n", check);
    return 0;
}
