// A small neural network in single precision (two hidden layers, own exponential, softmax),
// trained by gradient descent to tell the shapes of made-up pictures. What it stresses: dot
// products of floats, outer products, a polynomial.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 12, IN = SIDE * SIDE, HIDDEN = 64, HIDDEN2 = 32, OUT = 4, SAMPLES = 600, EPOCHS = 64 };

static float w1[HIDDEN][IN], w2[HIDDEN2][HIDDEN], w3[OUT][HIDDEN2];
static float b1[HIDDEN], b2[HIDDEN2], b3[OUT];
static float pictures[SAMPLES][IN];
static int shapes[SAMPLES];

static uint32_t seed = 19;
static uint32_t next(void) { return (seed = seed * 1664525u + 1013904223u) >> 8; }
static float real(void) { return (float)next() / 16777216.0f; }

// e^x: x = k ln 2 + r, with a polynomial for e^r. Enough for a softmax.
static float exponential(float x) {
    if (x < -80) return 0;
    float scaled = x * 1.44269504f;
    int k = (int)(scaled + (scaled < 0 ? -0.5f : 0.5f));
    float r = x - (float)k * 0.69314718f;
    float p = 1 + r * (1 + r * (0.5f + r * (0.16666667f + r * (0.041666667f + r * 0.0083333333f))));
    uint32_t bits = (uint32_t)(k + 127) << 23;
    float power;
    memcpy(&power, &bits, 4);
    return p * power;
}

// A square's outline, a cross, a disc or a gradient, somewhere, with noise.
static void draw(float *p, int shape) {
    int cx = 4 + (int)(next() % 4), cy = 4 + (int)(next() % 4), r = 2 + (int)(next() % 3);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int dx = x - cx, dy = y - cy, ax = dx < 0 ? -dx : dx, ay = dy < 0 ? -dy : dy, m = ax > ay ? ax : ay;
            int on = shape == 0 ? m == r : shape == 1 ? (ax == 0 || ay == 0) && m <= r + 1 : shape == 2 ? dx * dx + dy * dy <= r * r : 0;
            float value = shape == 3 ? (float)(x * r + y) / (SIDE * 4) : (float)on;
            p[y * SIDE + x] = value + (real() - 0.5f) * 0.4f;
        }
}

static void layer(const float *in, int n, const float *w, const float *bias, float *out, int m, int rectify) {
    for (int i = 0; i < m; i++) {
        float s = bias[i];
        for (int j = 0; j < n; j++) s += w[i * n + j] * in[j];
        out[i] = rectify && s < 0 ? 0.01f * s : s;
    }
}

// Moves the weights against `delta`, and gives the delta of the layer below.
static void back(const float *in, int n, float *w, float *bias, const float *delta, int m, float *below, float rate) {
    memset(below, 0, sizeof(float) * (size_t)n);
    for (int i = 0; i < m; i++) {
        bias[i] -= rate * delta[i];
        for (int j = 0; j < n; j++) {
            below[j] += w[i * n + j] * delta[i];
            w[i * n + j] -= rate * delta[i] * in[j];
        }
    }
    for (int j = 0; j < n; j++)
        if (in[j] < 0) below[j] *= 0.01f;
}

static float h1[HIDDEN], h2[HIDDEN2], out[OUT];
static int forward(const float *p) {
    layer(p, IN, &w1[0][0], b1, h1, HIDDEN, 1);
    layer(h1, HIDDEN, &w2[0][0], b2, h2, HIDDEN2, 1);
    layer(h2, HIDDEN2, &w3[0][0], b3, out, OUT, 0);
    int best = 0;
    for (int i = 1; i < OUT; i++) best = out[i] > out[best] ? i : best;
    float sum = 0, top = out[best];
    for (int i = 0; i < OUT; i++) sum += out[i] = exponential(out[i] - top);
    for (int i = 0; i < OUT; i++) out[i] /= sum;
    return best;
}

static void fill(float *w, int n, float span) {
    for (int i = 0; i < n; i++) w[i] = (real() - 0.5f) * span;
}

int main(void) {
    fill(&w1[0][0], HIDDEN * IN, 0.2f);
    fill(&w2[0][0], HIDDEN2 * HIDDEN, 0.3f);
    fill(&w3[0][0], OUT * HIDDEN2, 0.4f);
    for (int i = 0; i < SAMPLES; i++) draw(pictures[i], shapes[i] = (int)(next() % OUT));
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        int right = 0;
        for (int i = 0; i < SAMPLES; i++) {
            float d2[HIDDEN2], d1[HIDDEN], unused[IN];
            right += forward(pictures[i]) == shapes[i];
            out[shapes[i]] -= 1;
            back(h2, HIDDEN2, &w3[0][0], b3, out, OUT, d2, 0.01f);
            back(h1, HIDDEN, &w2[0][0], b2, d2, HIDDEN2, d1, 0.01f);
            back(pictures[i], IN, &w1[0][0], b1, d1, HIDDEN, unused, 0.01f);
        }
        if (epoch % 16 == 15) printf("neural epoch %d: %d of %d right\n", epoch + 1, right, SAMPLES);
    }
    uint32_t h = 0;
    for (int i = 0; i < HIDDEN * IN; i++) h = h * 31 + (uint32_t)(int32_t)(w1[i / IN][i % IN] * 1e6f);
    printf("neural %08x\n", h);
    return 0;
}
