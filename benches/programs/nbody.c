// Bodies that attract one another, moved by a leapfrog integrator, in a structure of
// arrays. What it stresses: scalar doubles, square roots, divisions in a dependency chain.
#include <stdio.h>

double sqrt(double);  // exact in IEEE arithmetic, and an instruction everywhere

enum { BODIES = 12, STEPS = 1600000 };
typedef struct {
    double x, y, z, vx, vy, vz, mass;
} Body;
static Body bodies[BODIES];

static void start(void) {
    unsigned seed = 2024;
    for (int i = 0; i < BODIES; i++) {
        double v[7];
        for (int k = 0; k < 7; k++) {
            seed = seed * 1664525u + 1013904223u;
            v[k] = (double)(seed >> 8) / 16777216.0 - 0.5;
        }
        bodies[i] = (Body){v[0] * 20, v[1] * 20, v[2] * 4, v[3], v[4], v[5] / 4, 0.6 + v[6]};
    }
    bodies[0] = (Body){0, 0, 0, 0, 0, 0, 40};
}

static void kick(double dt) {
    for (int i = 0; i < BODIES; i++) {
        Body *a = &bodies[i];
        for (int j = i + 1; j < BODIES; j++) {
            Body *b = &bodies[j];
            double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
            double d2 = dx * dx + dy * dy + dz * dz + 0.01;
            double f = dt / (d2 * sqrt(d2));
            a->vx -= dx * b->mass * f, a->vy -= dy * b->mass * f, a->vz -= dz * b->mass * f;
            b->vx += dx * a->mass * f, b->vy += dy * a->mass * f, b->vz += dz * a->mass * f;
        }
    }
}
static void drift(double dt) {
    for (int i = 0; i < BODIES; i++) {
        Body *b = &bodies[i];
        b->x += dt * b->vx, b->y += dt * b->vy, b->z += dt * b->vz;
    }
}
static double energy(void) {
    double e = 0;
    for (int i = 0; i < BODIES; i++) {
        Body *a = &bodies[i];
        e += 0.5 * a->mass * (a->vx * a->vx + a->vy * a->vy + a->vz * a->vz);
        for (int j = i + 1; j < BODIES; j++) {
            Body *b = &bodies[j];
            double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
            e -= a->mass * b->mass / sqrt(dx * dx + dy * dy + dz * dz + 0.01);
        }
    }
    return e;
}

int main(void) {
    start();
    double before = energy(), dt = 0.0005;
    for (int step = 0; step < STEPS; step++) {
        drift(dt / 2);
        kick(dt);
        drift(dt / 2);
    }
    double at = 0;
    for (int i = 0; i < BODIES; i++) at += bodies[i].x + 2 * bodies[i].y + 3 * bodies[i].z;
    printf("nbody energy %.9f -> %.9f, at %.9f\n", before, energy(), at);
    return 0;
}
