// A regular-expression matcher by backtracking over a compiled tree: classes, groups,
// alternatives, greedy and lazy repetition, anchors. Searches a made-up log. What it
// stresses: deep recursion with continuations, indirect branches, byte tests.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { CHAR, ANY, CLASS, START, END, GROUP } Kind;
typedef struct Node {
    Kind kind;
    uint8_t ch;
    uint8_t set[32];
    struct Node *branch[6];  // the alternatives of a group
    int branches, least, most, lazy;
    struct Node *next;
} Node;

static const char *at;

static Node *alternatives(void);

static Node *atom(void) {
    Node *n = calloc(1, sizeof *n);
    n->least = n->most = 1;
    char c = *at++;
    if (c == '.') n->kind = ANY;
    else if (c == '^') n->kind = START;
    else if (c == '$') n->kind = END;
    else if (c == '(') {
        Node *inner = alternatives();
        *n = *inner;
        free(inner);
        at++;
    } else if (c == '[' || (c == '\\' && strchr("dws", *at))) {
        n->kind = CLASS;
        const char *ranges = c == '[' ? NULL : *at == 'd' ? "09" : *at == 'w' ? "azAZ09__" : "  \t\t";
        int not = c == '[' && *at == '^';
        if (ranges) at++;
        else at += not;
        while (ranges ? *ranges : *at != ']') {
            const char *from = ranges ? ranges : at;
            uint8_t low = (uint8_t)from[0], high = ranges ? (uint8_t)from[1] : from[1] == '-' ? (uint8_t)from[2] : low;
            for (int b = low; b <= high; b++) n->set[b >> 3] |= (uint8_t)(1 << (b & 7));
            if (ranges) ranges += 2;
            else at += from[1] == '-' ? 3 : 1;
        }
        if (!ranges) at++;
        if (not) for (int i = 0; i < 32; i++) n->set[i] = (uint8_t)~n->set[i];
    } else {
        n->kind = CHAR;
        n->ch = (uint8_t)(c == '\\' ? *at++ : c);
    }
    if (*at == '*' || *at == '+' || *at == '?') {
        n->least = *at == '+';
        n->most = *at == '?' ? 1 : 1 << 20;
        at++;
        if (*at == '?') n->lazy = 1, at++;
    }
    return n;
}

static Node *alternatives(void) {
    Node *group = calloc(1, sizeof *group);
    group->kind = GROUP;
    group->least = group->most = 1;
    for (;;) {
        Node **tail = &group->branch[group->branches++];
        while (*at && *at != '|' && *at != ')') *tail = atom(), tail = &(*tail)->next;
        if (*at != '|') return group;
        at++;
    }
}

// What is left to match once the present chain of nodes ends.
typedef struct Rest {
    const Node *node;  // the group that is being repeated
    int count;
    const char *began;
    const struct Rest *up;
} Rest;

static const char *text, *text_end;
static int64_t tried;
static const char *match(const Node *n, const char *s, const Rest *rest);

static const char *repeat(const Node *n, int count, const char *s, const Rest *up) {
    Rest here = {n, count + 1, s, up};
    const char *end;
    if (n->lazy && count >= n->least && (end = match(n->next, s, up))) return end;
    if (count < n->most)
        for (int i = 0; i < n->branches; i++)
            if ((end = match(n->branch[i], s, &here))) return end;
    return !n->lazy && count >= n->least ? match(n->next, s, up) : NULL;
}

static int one(const Node *n, const char *s) {
    if (s >= text_end) return 0;
    uint8_t c = (uint8_t)*s;
    return n->kind == CHAR ? c == n->ch : n->kind == ANY ? c != '\n' : n->set[c >> 3] >> (c & 7) & 1;
}

static const char *match(const Node *n, const char *s, const Rest *rest) {
    tried++;
    if (!n) {
        if (!rest) return s;
        // A round that matched nothing would go on for ever.
        if (s == rest->began && rest->count > rest->node->least) return NULL;
        return repeat(rest->node, rest->count, s, rest->up);
    }
    switch (n->kind) {
    case START: return s == text || s[-1] == '\n' ? match(n->next, s, rest) : NULL;
    case END: return s == text_end || *s == '\n' ? match(n->next, s, rest) : NULL;
    case GROUP: return repeat(n, 0, s, rest);
    default: {
        int count = 0;
        const char *end;
        if (n->lazy) {
            for (;; count++, s++) {
                if (count >= n->least && (end = match(n->next, s, rest))) return end;
                if (count == n->most || !one(n, s)) return NULL;
            }
        }
        while (count < n->most && one(n, s)) count++, s++;
        for (; count >= n->least; count--, s--)
            if ((end = match(n->next, s, rest))) return end;
        return NULL;
    }
    }
}

int main(void) {
    static char log[1 << 20];
    static const char *users[] = {"anna", "bob_7", "carol.smith", "x", "dieter"}, *verbs[] = {"GET", "POST", "PUT"};
    uint32_t seed = 3, len = 0;
    while (len < sizeof log - 200) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t r = seed >> 8;
        len += (uint32_t)snprintf(log + len, 200, "%u.%u.0.%u %s@host%u.example %s /a/%x/b%s \"%s\" %u\n", r % 256, r % 77, r % 250,
                                  users[r % 5], r % 9, verbs[r % 3], r, r % 4 ? ".html" : "", r % 7 ? "ok" : "not \\\"ok\\\"", r % 600);
    }
    text = log, text_end = log + len;
    static const char *patterns[] = {
        "(\\d+\\.)+\\d+ [a-z]", "^.*@(\\w+\\.)+example (GET|PUT) .*html", "[a-z_.0-9]+@host[0-8]\\.", "\"(\\\\.|[^\"])*\" 4\\d\\d$",
        "(a|b|c|d|e|f)+[0-9]*/b", "(x+x+)+y|zzz", "/([a-f]|[0-9])*?/b.*? 5", "(\\w+ ?)+@",
    };
    for (int p = 0; p < 8; p++) {
        at = patterns[p];
        const Node *pattern = alternatives();
        int found = 0;
        uint32_t bytes = 0;
        for (const char *s = text; s < text_end;) {
            const char *end = match(pattern, s, NULL);
            if (end && end > s) found++, bytes += (uint32_t)(end - s), s = end;
            else s++;
        }
        printf("regex %s: %d matches, %u bytes\n", patterns[p], found, bytes);
    }
    printf("regex tried %lld nodes\n", (long long)tried);
    return 0;
}
