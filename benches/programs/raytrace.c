// A ray tracer in single precision: spheres and a chequered plane, shadows, reflections,
// several samples a pixel. What it stresses: floats, branches on their comparisons, structs
// passed by value, recursion.
#include <stdint.h>
#include <stdio.h>

float sqrtf(float);  // exact in IEEE arithmetic, and an instruction everywhere

enum { WIDTH = 480, HEIGHT = 320, SAMPLES = 24, SPHERES = 24, DEPTH = 4 };
typedef struct {
    float x, y, z;
} V;
typedef struct {
    V centre, colour;
    float radius, mirror;
} Sphere;

static Sphere spheres[SPHERES];
static uint32_t seed = 77;
static float next(void) { return (float)((seed = seed * 1664525u + 1013904223u) >> 8) / 16777216.0f; }

static V v(float x, float y, float z) { return (V){x, y, z}; }
static V add(V a, V b) { return v(a.x + b.x, a.y + b.y, a.z + b.z); }
static V sub(V a, V b) { return v(a.x - b.x, a.y - b.y, a.z - b.z); }
static V scale(V a, float f) { return v(a.x * f, a.y * f, a.z * f); }
static float dot(V a, V b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static V unit(V a) { return scale(a, 1.0f / sqrtf(dot(a, a))); }

static float hit(const Sphere *s, V from, V way) {
    V oc = sub(from, s->centre);
    float b = dot(oc, way), c = dot(oc, oc) - s->radius * s->radius, d = b * b - c;
    if (d < 0) return -1;
    float root = sqrtf(d), near = -b - root;
    return near > 1e-3f ? near : -b + root;
}

static const Sphere *nearest(V from, V way, float *t) {
    const Sphere *best = NULL;
    for (int i = 0; i < SPHERES; i++) {
        float d = hit(&spheres[i], from, way);
        if (d > 1e-3f && d < *t) *t = d, best = &spheres[i];
    }
    return best;
}

static V trace(V from, V way, int depth) {
    float t = 1e9f, mirror = 0.15f;
    const Sphere *s = nearest(from, way, &t);
    float plane = way.y < -1e-4f ? -(from.y + 1) / way.y : -1;
    V at, normal, colour;
    if (plane > 1e-3f && plane < t) {
        at = add(from, scale(way, plane));
        normal = v(0, 1, 0);
        int square = ((int)(at.x + 1000) ^ (int)(at.z + 1000)) & 1;
        colour = square ? v(0.9f, 0.9f, 0.9f) : v(0.2f, 0.2f, 0.25f);
    } else if (s) {
        at = add(from, scale(way, t));
        normal = scale(sub(at, s->centre), 1 / s->radius);
        colour = s->colour;
        mirror = s->mirror;
    } else {
        float up = 0.5f * (way.y + 1);
        return add(scale(v(1, 1, 1), 1 - up), scale(v(0.4f, 0.6f, 1), up));
    }
    V light = unit(v(0.6f, 0.8f, -0.4f));
    float far = 1e9f, lit = dot(normal, light);
    if (lit < 0 || nearest(at, light, &far)) lit = 0;
    colour = scale(colour, 0.2f + 0.8f * lit);
    if (depth > 0 && mirror > 0) {
        V bounced = sub(way, scale(normal, 2 * dot(way, normal)));
        colour = add(scale(colour, 1 - mirror), scale(trace(at, bounced, depth - 1), mirror));
    }
    return colour;
}

int main(void) {
    for (int i = 0; i < SPHERES; i++) {
        float radius = 0.2f + 0.5f * next();
        spheres[i] = (Sphere){v(next() * 8 - 4, radius - 1 + next(), next() * 6), v(next(), next(), next()), radius, next() * 0.7f};
    }
    uint64_t check = 0;
    int64_t brightness = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            V sum = v(0, 0, 0);
            for (int i = 0; i < SAMPLES; i++) {
                V way = unit(v(((float)x + next() - WIDTH / 2) / HEIGHT, (HEIGHT / 2 - (float)y - next()) / HEIGHT, 1));
                sum = add(sum, trace(v(0, 0.4f, -4), way, DEPTH));
            }
            int r = (int)(sum.x * 255 / SAMPLES), g = (int)(sum.y * 255 / SAMPLES), b = (int)(sum.z * 255 / SAMPLES);
            brightness += r + g + b;
            check = check * 1099511628211u + (uint64_t)(r << 16 | g << 8 | b);
        }
    printf("raytrace brightness %lld, %016llx\n", (long long)brightness, (unsigned long long)check);
    return 0;
}
