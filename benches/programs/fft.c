// Fast Fourier transforms of complex doubles, forwards and back, and a long convolution
// through them. What it stresses: doubles at changing strides, bit reversal, shuffles.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

double sqrt(double);

enum { BITS = 17, SIZE = 1 << BITS };
typedef struct {
    double re, im;
} Complex;

static Complex roots[SIZE / 2], data[SIZE], other[SIZE];

// cos and sin of 2*pi*k/SIZE by halving angles, so that no library's rounding is asked.
static void make_roots(void) {
    roots[0] = (Complex){1, 0};
    double c = -1, s = 0;  // of pi
    for (int step = SIZE / 2; step > 1; step /= 2) {
        // Half the angle: from pi down to the smallest; each fills the odd multiples.
        double half_c = step == SIZE / 2 ? 0 : sqrt((1 + c) / 2), half_s = step == SIZE / 2 ? 1 : s / (2 * half_c);
        c = half_c, s = half_s;
        for (int k = step / 2; k < SIZE / 2; k += step) {
            Complex before = roots[k - step / 2];
            roots[k] = (Complex){before.re * c - before.im * s, before.re * s + before.im * c};
        }
    }
}

static void transform(Complex *v, int inverse) {
    for (uint32_t i = 1, j = 0; i < SIZE; i++) {
        uint32_t bit = SIZE >> 1;
        for (; j & bit; bit >>= 1) j ^= bit;
        j |= bit;
        if (i < j) {
            Complex t = v[i];
            v[i] = v[j];
            v[j] = t;
        }
    }
    for (int len = 2; len <= SIZE; len *= 2)
        for (int i = 0; i < SIZE; i += len)
            for (int j = 0, step = SIZE / len; j < len / 2; j++) {
                Complex w = roots[j * step], *p = &v[i + j], *q = &v[i + j + len / 2];
                if (inverse) w.im = -w.im;
                Complex t = {q->re * w.re - q->im * w.im, q->re * w.im + q->im * w.re};
                *q = (Complex){p->re - t.re, p->im - t.im};
                *p = (Complex){p->re + t.re, p->im + t.im};
            }
    if (inverse)
        for (int i = 0; i < SIZE; i++) v[i].re /= SIZE, v[i].im /= SIZE;
}

int main(void) {
    make_roots();
    uint32_t seed = 5;
    uint64_t check = 0;
    for (int round = 0; round < 72; round++) {
        uint64_t sum_a = 0, sum_b = 0, sum_product = 0;
        // Two polynomials of small whole coefficients; their product is exact after rounding.
        for (int i = 0; i < SIZE; i++) {
            seed = seed * 1664525u + 1013904223u;
            int low = i < SIZE / 2;
            data[i] = (Complex){low ? (double)(seed >> 24) : 0, 0};
            other[i] = (Complex){low ? (double)(seed >> 16 & 255) : 0, 0};
            sum_a += (uint64_t)data[i].re, sum_b += (uint64_t)other[i].re;
        }
        transform(data, 0);
        transform(other, 0);
        for (int i = 0; i < SIZE; i++) {
            Complex a = data[i], b = other[i];
            data[i] = (Complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
        }
        transform(data, 1);
        for (int i = 0; i < SIZE; i++) {
            uint64_t coefficient = (uint64_t)(int64_t)(data[i].re + 0.5);
            check = check * 1099511628211u + coefficient;
            sum_product += coefficient;
        }
        if (sum_product != sum_a * sum_b) return puts("fft: the product is wrong"), 1;
    }
    printf("fft %016llx\n", (unsigned long long)check);
    return 0;
}
