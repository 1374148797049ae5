// A JSON document made up in memory, parsed into a tree of malloc'd nodes, walked, printed
// and parsed again. What it stresses: byte scanning with branches, small allocations,
// recursion over pointers.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t seed = 12345;
static uint32_t next(void) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

// A text that grows.
typedef struct {
    char *data;
    size_t len, cap;
} Text;

static void put(Text *t, const char *s, size_t n) {
    if (t->len + n + 1 > t->cap) {
        t->cap = (t->len + n + 1) * 2;
        t->data = realloc(t->data, t->cap);
    }
    memcpy(t->data + t->len, s, n);
    t->len += n;
    t->data[t->len] = 0;
}
static void puts_(Text *t, const char *s) { put(t, s, strlen(s)); }

static void put_number(Text *t, int64_t v) {
    char buf[24];
    int at = 24;
    uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
    do buf[--at] = (char)('0' + u % 10); while (u /= 10);
    if (v < 0) buf[--at] = '-';
    put(t, buf + at, (size_t)(24 - at));
}

static void generate(Text *t, int depth) {
    uint32_t kind = depth == 0 ? next() % 4 : next() % 7;
    static const char *words[] = {"alpha", "beta \\\"quoted\\\"", "gamma\\n", "delta/epsilon", "", "\\u00e9t\\u00e9"};
    switch (kind) {
    case 0: put_number(t, (int32_t)next()); break;
    case 1: puts_(t, next() & 1 ? "true" : "false"); break;
    case 2: puts_(t, "null"); break;
    case 3:
        puts_(t, "\"");
        puts_(t, words[next() % 6]);
        puts_(t, "\"");
        break;
    default: {
        int object = kind & 1, n = (int)(next() % 6) + 3;
        puts_(t, object ? "{ " : "[ ");
        for (int i = 0; i < n; i++) {
            if (i) puts_(t, ", ");
            if (object) {
                puts_(t, "\"");
                puts_(t, words[next() % 6]);
                put_number(t, i);
                puts_(t, "\": ");
            }
            generate(t, depth - 1);
        }
        puts_(t, object ? " }" : " ]");
    }
    }
}

typedef enum { NUL, BOOL, NUMBER, STRING, ARRAY, OBJECT } Kind;
typedef struct Node {
    Kind kind;
    int64_t number;
    char *text, *key;
    size_t len;
    struct Node *first, *next;
} Node;

static const char *at;
static void fail(const char *what) {
    printf("parse error: %s near %.20s\n", what, at);
    exit(1);
}
static void blanks(void) {
    while (*at == ' ' || *at == '\n' || *at == '\t') at++;
}

static char *string(size_t *len) {
    const char *end = ++at;
    while (*end != '"') end += *end == '\\' ? 2 : 1;
    char *out = malloc((size_t)(end - at) + 1), *to = out;
    while (at < end) {
        char c = *at++;
        if (c == '\\') {
            c = *at++;
            if (c == 'n') c = '\n';
            if (c == 'u') {
                int code = 0;
                for (int i = 0; i < 4; i++, at++)
                    code = code * 16 + (*at <= '9' ? *at - '0' : (*at | 32) - 'a' + 10);
                if (code >= 0x80) *to++ = (char)(0xc0 | code >> 6), code = 0x80 | (code & 0x3f);
                c = (char)code;
            }
        }
        *to++ = c;
    }
    at++;
    *to = 0;
    *len = (size_t)(to - out);
    return out;
}

static Node *value(void) {
    Node *node = calloc(1, sizeof *node);
    blanks();
    if (*at == '{' || *at == '[') {
        char close = *at == '{' ? '}' : ']';
        node->kind = *at++ == '{' ? OBJECT : ARRAY;
        Node **tail = &node->first;
        for (blanks(); *at != close; blanks()) {
            char *key = NULL;
            size_t key_len;
            if (node->kind == OBJECT) {
                key = string(&key_len);
                blanks();
                if (*at++ != ':') fail("colon");
            }
            *tail = value();
            (*tail)->key = key;
            tail = &(*tail)->next;
            blanks();
            if (*at == ',') at++;
        }
        at++;
    } else if (*at == '"') {
        node->kind = STRING;
        node->text = string(&node->len);
    } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
        int minus = *at == '-' ? (at++, 1) : 0;
        node->kind = NUMBER;
        while (*at >= '0' && *at <= '9') node->number = node->number * 10 + (*at++ - '0');
        if (minus) node->number = -node->number;
    } else if (!strncmp(at, "null", 4)) {
        at += 4;
    } else {
        node->kind = BOOL;
        node->number = *at == 't';
        at += node->number ? 4 : 5;
    }
    return node;
}

static uint32_t sum(const Node *node) {
    uint32_t h = (uint32_t)node->kind * 2654435761u ^ (uint32_t)node->number;
    for (size_t i = 0; i < node->len; i++) h = h * 31 + (uint8_t)node->text[i];
    for (const char *k = node->key; k && *k; k++) h = h * 33 + (uint8_t)*k;
    for (const Node *c = node->first; c; c = c->next) h = h * 16777619u + sum(c);
    return h;
}
static void drop(Node *node) {
    for (Node *c = node->first, *after; c; c = after) after = c->next, drop(c);
    free(node->text);
    free(node->key);
    free(node);
}

int main(void) {
    Text text = {0};
    puts_(&text, "[");
    for (int i = 0; i < 1000; i++) {
        if (i) puts_(&text, ",\n");
        generate(&text, 5);
    }
    puts_(&text, "]");
    uint32_t check = 0;
    for (int round = 0; round < 32; round++) {
        at = text.data;
        Node *tree = value();
        check = (check ^ sum(tree)) * 16777619u + (uint32_t)round;
        drop(tree);
    }
    printf("json %zu bytes, %08x\n", text.len, check);
    return 0;
}
