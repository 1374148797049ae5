// A file system in memory: directories of named entries, paths that are split and resolved,
// creation, renaming, removal, a walk with a glob, and a listing sorted by name. What it
// stresses: short strings, linked structures, function pointers.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Entry {
    char name[28];
    struct Entry *parent, *first, *next;
    uint32_t size;
    int directory;
} Entry;

static Entry root = {.name = "", .directory = 1};
static uint32_t entries;

static Entry *lookup(Entry *in, const char *name, size_t len) {
    for (Entry *e = in->first; e; e = e->next)
        if (!strncmp(e->name, name, len) && !e->name[len]) return e;
    return NULL;
}

// The entry of an absolute path with `.` and `..`; with `create`, what lacks is made.
static Entry *resolve(const char *path, int create) {
    Entry *at = &root;
    while (*path) {
        while (*path == '/') path++;
        const char *end = strchr(path, '/');
        size_t len = end ? (size_t)(end - path) : strlen(path);
        if (len == 0) break;
        if (len == 2 && !memcmp(path, "..", 2)) {
            if (at->parent) at = at->parent;
        } else if (!(len == 1 && *path == '.')) {
            if (!at->directory) return NULL;
            Entry *found = lookup(at, path, len);
            if (!found) {
                if (!create) return NULL;
                found = calloc(1, sizeof *found);
                memcpy(found->name, path, len);
                found->parent = at;
                found->next = at->first;
                found->directory = end != NULL;
                at->first = found;
                entries++;
            }
            at = found;
        }
        path += len;
    }
    return at;
}

static void unlink_entry(Entry *e) {
    Entry **link = &e->parent->first;
    while (*link != e) link = &(*link)->next;
    *link = e->next;
}
static void drop(Entry *e) {
    for (Entry *c = e->first, *after; c; c = after) after = c->next, drop(c);
    free(e);
    entries--;
}

static int glob(const char *pattern, const char *s) {
    for (; *pattern; pattern++, s++) {
        if (*pattern == '*') {
            while (pattern[1] == '*') pattern++;
            for (;; s++) {
                if (glob(pattern + 1, s)) return 1;
                if (!*s) return 0;
            }
        }
        if (!*s || (*pattern != '?' && *pattern != *s)) return 0;
    }
    return !*s;
}

typedef void (*Visit)(Entry *, char *path, size_t len, void *to);
static void walk(Entry *e, char *path, size_t len, Visit visit, void *to) {
    size_t n = strlen(e->name);
    memcpy(path + len, e->name, n);
    len += n;
    path[len] = 0;
    visit(e, path, len, to);
    if (!e->directory) return;
    path[len++] = '/';
    for (Entry *c = e->first; c; c = c->next) walk(c, path, len, visit, to);
}

typedef struct {
    const char *pattern;
    uint64_t size, digest;
    uint32_t found;
} Search;
static void match(Entry *e, char *path, size_t len, void *to) {
    Search *s = to;
    if (!glob(s->pattern, path)) return;
    s->found++;
    s->size += e->size;
    for (size_t i = 0; i < len; i++) s->digest = (s->digest ^ (uint8_t)path[i]) * 1099511628211u;
}

static int by_name(const void *a, const void *b) { return strcmp((*(Entry *const *)a)->name, (*(Entry *const *)b)->name); }
static uint32_t listing(const Entry *directory) {
    Entry *all[4096];
    uint32_t n = 0, digest = 0;
    for (Entry *c = directory->first; c && n < 4096; c = c->next) all[n++] = c;
    qsort(all, n, sizeof *all, by_name);
    for (uint32_t i = 0; i < n; i++) digest = digest * 31 + all[i]->size + (uint8_t)all[i]->name[0];
    return digest;
}

int main(void) {
    static const char *tops[] = {"usr", "home", "var/log", "srv/www", "opt"}, *ends[] = {"txt", "c", "html", "log.gz", "h"};
    static const char *patterns[] = {"*/src*.c", "/var/log/*/*.gz", "*a?b*", "/home/*/../*", "*7*.h*"};
    uint32_t seed = 6, listed = 0, missing = 0;
    uint64_t digest = 0;
    char path[512];
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 6000; i++) {
            uint32_t r = (seed = seed * 1664525u + 1013904223u) >> 8;
            snprintf(path, sizeof path, "/%s/%x/./src%u/../f%x.%s", tops[r % 5], r % 23, r % 7, r % 31, ends[r / 7 % 5]);
            Entry *e = resolve(path, r % 4 != 0);
            if (!e) missing++;
            else if (r % 9 == 1 && e->parent && !e->directory) unlink_entry(e), drop(e);
            else e->size += r % 1000;
            if (r % 50 == 0) listed = listed * 31 + listing(resolve("/home", 1));
        }
        for (int p = 0; p < 5; p++) {
            Search s = {patterns[p], 0, 14695981039346656037u, 0};
            walk(&root, path, 0, match, &s);
            digest = digest * 31 + s.digest + s.size + s.found;
        }
    }
    printf("files %u entries, %u missing, %08x, %016llx\n", entries, missing, listed, (unsigned long long)digest);
    return 0;
}
