// An ordered map as a left-leaning red-black tree, with a malloc for each insertion and a
// free for each deletion. What it stresses: pointer chasing, the allocator, recursion.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Node {
    struct Node *left, *right;
    uint32_t key, value;
    int red;
} Node;

static int is_red(const Node *n) { return n && n->red; }

static Node *rotate_left(Node *n) {
    Node *r = n->right;
    n->right = r->left, r->left = n;
    r->red = n->red, n->red = 1;
    return r;
}
static Node *rotate_right(Node *n) {
    Node *l = n->left;
    n->left = l->right, l->right = n;
    l->red = n->red, n->red = 1;
    return l;
}
static void flip(Node *n) { n->red ^= 1, n->left->red ^= 1, n->right->red ^= 1; }

static Node *balance(Node *n) {
    if (is_red(n->right) && !is_red(n->left)) n = rotate_left(n);
    if (is_red(n->left) && is_red(n->left->left)) n = rotate_right(n);
    if (is_red(n->left) && is_red(n->right)) flip(n);
    return n;
}

static Node *insert(Node *n, uint32_t key, uint32_t value) {
    if (!n) {
        n = malloc(sizeof *n);
        *n = (Node){NULL, NULL, key, value, 1};
        return n;
    }
    if (key < n->key) n->left = insert(n->left, key, value);
    else if (key > n->key) n->right = insert(n->right, key, value);
    else n->value += value;
    return balance(n);
}

static Node *red_to_left(Node *n) {
    flip(n);
    if (is_red(n->right->left)) {
        n->right = rotate_right(n->right);
        n = rotate_left(n);
        flip(n);
    }
    return n;
}
static Node *red_to_right(Node *n) {
    flip(n);
    if (is_red(n->left->left)) {
        n = rotate_right(n);
        flip(n);
    }
    return n;
}
static Node *delete_least(Node *n) {
    if (!n->left) {
        free(n);
        return NULL;
    }
    if (!is_red(n->left) && !is_red(n->left->left)) n = red_to_left(n);
    n->left = delete_least(n->left);
    return balance(n);
}

// The key must be in the tree.
static Node *delete(Node *n, uint32_t key) {
    if (key < n->key) {
        if (!is_red(n->left) && !is_red(n->left->left)) n = red_to_left(n);
        n->left = delete(n->left, key);
        return balance(n);
    }
    if (is_red(n->left)) n = rotate_right(n);
    if (key == n->key && !n->right) {
        free(n);
        return NULL;
    }
    if (!is_red(n->right) && !is_red(n->right->left)) n = red_to_right(n);
    if (key == n->key) {
        const Node *least = n->right;
        while (least->left) least = least->left;
        n->key = least->key, n->value = least->value;
        n->right = delete_least(n->right);
    } else {
        n->right = delete(n->right, key);
    }
    return balance(n);
}

static const Node *get(const Node *n, uint32_t key) {
    while (n && n->key != key) n = key < n->key ? n->left : n->right;
    return n;
}

static uint64_t check;
static int visit(const Node *n) {
    if (!n) return 0;
    int left = visit(n->left);
    check = check * 31 + n->key + n->value;
    int right = visit(n->right);
    if (left != right) puts("tree: black heights differ");
    return left + !n->red;
}

int main(void) {
    Node *root = NULL;
    uint32_t seed = 1, size = 0, found = 0;
    for (int i = 0; i < 1500000; i++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t key = seed >> 15, present = get(root, key) != NULL;
        found += present;
        if (present && i % 3) root = delete(root, key), size--;
        else root = insert(root, key, (uint32_t)i), size += !present;
        if (root) root->red = 0;
    }
    int height = visit(root);
    printf("tree %u nodes, %u found, black height %d, %016llx\n", size, found, height, (unsigned long long)check);
    return 0;
}
