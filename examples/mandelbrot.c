/* The Mandelbrot set in characters: a WASI command, as a C compiler makes it.
 *
 * mandelbrot.wasm beside this file is it, made with PyPI's ziglang:
 *     python3 -m ziglang cc -O2 -s -target wasm32-wasi examples/mandelbrot.c -o examples/mandelbrot.wasm
 */
#include <stdio.h>
#include <stdlib.h>

static int iterations(double cx, double cy, int limit) {
    double x = 0, y = 0;
    int n = 0;
    while (n < limit && x * x + y * y <= 4) {
        double next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
        n++;
    }
    return n;
}

int main(int argc, char **argv) {
    int width = argc > 1 ? atoi(argv[1]) : 78;
    if (width < 2 || width > 1000) {
        fprintf(stderr, "usage: mandelbrot [WIDTH], from 2 to 1000 characters\n");
        return 1;
    }
    const char *shades = " .:-=+*#%@";
    int height = width * 2 / 5, limit = 20000;
    long total = 0;
    for (int row = 0; row < height; row++) {
        for (int column = 0; column < width; column++) {
            double cx = -2.2 + 3.0 * column / (width - 1);
            double cy = -1.2 + 2.4 * row / (height - 1);
            int n = iterations(cx, cy, limit);
            total += n;
            putchar(n == limit ? '@' : shades[n % 9]);
        }
        putchar('\n');
    }
    printf("%ld iterations\n", total);
    return 0;
}
