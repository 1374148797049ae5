// A hash map from strings to counters: open addressing, growth, deletion by shifting back.
// Counts the words of a made-up text. What it stresses: hashing bytes, memcmp, cache misses.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *key;
    uint32_t len, hash;
    int64_t value;
} Slot;
typedef struct {
    Slot *slots;
    uint32_t capacity, used;
} Map;

static uint32_t hash(const char *s, uint32_t len) {
    uint32_t h = 2166136261u;
    for (uint32_t i = 0; i < len; i++) h = (h ^ (uint8_t)s[i]) * 16777619u;
    return h ^ h >> 15;
}

static Slot *find(const Map *map, const char *key, uint32_t len, uint32_t h) {
    for (uint32_t i = h & (map->capacity - 1);; i = (i + 1) & (map->capacity - 1)) {
        Slot *s = &map->slots[i];
        if (!s->key || (s->hash == h && s->len == len && !memcmp(s->key, key, len))) return s;
    }
}

static void grow(Map *map) {
    Map bigger = {calloc(map->capacity * 2, sizeof(Slot)), map->capacity * 2, map->used};
    for (uint32_t i = 0; i < map->capacity; i++) {
        Slot *s = &map->slots[i];
        if (s->key) *find(&bigger, s->key, s->len, s->hash) = *s;
    }
    free(map->slots);
    *map = bigger;
}

static int64_t *entry(Map *map, const char *key, uint32_t len) {
    if (map->used * 4 >= map->capacity * 3) grow(map);
    uint32_t h = hash(key, len);
    Slot *s = find(map, key, len, h);
    if (!s->key) {
        s->key = malloc(len + 1);
        memcpy(s->key, key, len);
        s->key[len] = 0;
        s->len = len, s->hash = h, s->value = 0;
        map->used++;
    }
    return &s->value;
}

static int delete(Map *map, const char *key, uint32_t len) {
    Slot *s = find(map, key, len, hash(key, len));
    if (!s->key) return 0;
    free(s->key);
    map->used--;
    uint32_t mask = map->capacity - 1, hole = (uint32_t)(s - map->slots);
    for (uint32_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
        // A key moves back only if its home does not lie between the hole and its place.
        if (((i - map->slots[i].hash) & mask) >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole].key = NULL;
    return 1;
}

static uint32_t seed = 4711;
static uint32_t next(void) { return (seed = seed * 1664525u + 1013904223u) >> 9; }

static uint32_t word(char *to) {
    static const char *parts[] = {"ka", "lo", "mi", "ter", "son", "u", "vel", "pra", "ine", "go", "sta", "re"};
    uint32_t len = 0, n = 1 + next() % 3 + next() % 3;
    while (n--) {
        const char *p = parts[next() % 12];
        while (*p) to[len++] = *p++;
    }
    return len;
}

int main(void) {
    Map map = {calloc(64, sizeof(Slot)), 64, 0};
    char key[64];
    uint32_t deleted = 0;
    for (int i = 0; i < 8000000; i++) {
        uint32_t len = word(key);
        if (i % 11 == 10) deleted += (uint32_t)delete(&map, key, len);
        else *entry(&map, key, len) += i;
    }
    uint64_t check = 0;
    uint32_t longest = 0;
    for (uint32_t i = 0; i < map.capacity; i++) {
        Slot *s = &map.slots[i];
        if (!s->key) continue;
        check += (uint64_t)s->value * (s->hash | 1);
        if (s->len > longest) longest = s->len;
    }
    printf("hashmap %u keys, %u deleted, longest %u, %016llx\n", map.used, deleted, longest, (unsigned long long)check);
    return 0;
}
