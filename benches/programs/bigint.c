// Integers of thousands of digits: schoolbook and Karatsuba products, division by a small
// number. Computes 3^100000 and the factorial of 3000, and prints digests of their decimal
// digits. What it stresses: widening 32x32 -> 64 multiplication, carries, 64-bit division.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint32_t *limb;  // least significant first
    int len;
} Big;

static Big big(int len) {
    Big b = {calloc((size_t)len + 1, sizeof(uint32_t)), len};
    return b;
}
static void trim(Big *b) {
    while (b->len && !b->limb[b->len - 1]) b->len--;
}

// r[0 .. an+bn] += a * b
static void school(uint32_t *r, const uint32_t *a, int an, const uint32_t *b, int bn) {
    for (int i = 0; i < an; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < bn; j++) {
            carry += (uint64_t)a[i] * b[j] + r[i + j];
            r[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        for (int k = i + bn; carry; k++) {
            carry += r[k];
            r[k] = (uint32_t)carry;
            carry >>= 32;
        }
    }
}
static void add_at(uint32_t *r, const uint32_t *a, int n) {
    uint64_t carry = 0;
    for (int i = 0; i < n || carry; i++) {
        carry += (uint64_t)r[i] + (i < n ? a[i] : 0);
        r[i] = (uint32_t)carry;
        carry >>= 32;
    }
}
static void sub_at(uint32_t *r, const uint32_t *a, int n) {
    int64_t borrow = 0;
    for (int i = 0; i < n || borrow; i++) {
        borrow += (int64_t)r[i] - (i < n ? (int64_t)a[i] : 0);
        r[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
}

// r[0 .. 2n] = a * b, both of n limbs; r has room for 2n + 2.
static void karatsuba(uint32_t *r, const uint32_t *a, const uint32_t *b, int n) {
    memset(r, 0, sizeof(uint32_t) * (size_t)(2 * n + 2));
    if (n < 40) {
        school(r, a, n, b, n);
        return;
    }
    int low = n / 2, high = n - low, m = high + 1;
    uint32_t *work = calloc((size_t)(2 * m + 2 * m + 2 + 2 * high + 4), sizeof(uint32_t));
    uint32_t *sa = work, *sb = sa + m, *mid = sb + m, *part = mid + 2 * m + 2;
    memcpy(sa, a + low, sizeof(uint32_t) * (size_t)high);
    memcpy(sb, b + low, sizeof(uint32_t) * (size_t)high);
    add_at(sa, a, low);
    add_at(sb, b, low);
    karatsuba(mid, sa, sb, m);
    karatsuba(part, a, b, low);
    add_at(r, part, 2 * low);
    sub_at(mid, part, 2 * low);
    karatsuba(part, a + low, b + low, high);
    add_at(r + 2 * low, part, 2 * high);
    sub_at(mid, part, 2 * high);
    int mid_len = 2 * m;
    while (mid_len && !mid[mid_len - 1]) mid_len--;
    add_at(r + low, mid, mid_len);
    free(work);
}

static Big square(Big a) {
    Big r = big(2 * a.len + 2);
    karatsuba(r.limb, a.limb, a.limb, a.len);
    r.len = 2 * a.len;
    trim(&r);
    return r;
}
static Big times(Big a, uint32_t by) {
    Big r = big(a.len + 1);
    school(r.limb, a.limb, a.len, &by, 1);
    trim(&r);
    return r;
}

// The decimal digits in groups of nine, folded into a digest; destroys `a`.
static uint32_t digits(Big a) {
    uint32_t h = 0;
    while (a.len) {
        uint64_t rest = 0;
        for (int i = a.len - 1; i >= 0; i--) {
            rest = rest << 32 | a.limb[i];
            a.limb[i] = (uint32_t)(rest / 1000000000);
            rest %= 1000000000;
        }
        h = h * 16777619u ^ (uint32_t)rest;
        trim(&a);
    }
    free(a.limb);
    return h;
}

int main(void) {
    uint32_t check = 0;
    for (int round = 0; round < 14; round++) {
        uint32_t exponent = 100000 + (uint32_t)round;
        Big power = big(1);
        power.limb[0] = 1;
        for (int bit = 16; bit >= 0; bit--) {
            Big squared = square(power);
            free(power.limb);
            power = squared;
            if (exponent >> bit & 1) {
                Big tripled = times(power, 3);
                free(power.limb);
                power = tripled;
            }
        }
        check = check * 7 + digits(power);
        Big factorial = big(1);
        factorial.limb[0] = 1;
        for (uint32_t i = 2; i <= 3000; i++) {
            Big more = times(factorial, i);
            free(factorial.limb);
            factorial = more;
        }
        check = check * 7 + digits(factorial);
    }
    printf("bigint %08x\n", check);
    return 0;
}
