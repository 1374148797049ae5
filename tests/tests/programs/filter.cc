// Firmware for an ATmega328P in C++: templates, lambdas, virtual functions and their tables.
#include <stdint.h>

template <typename T, int N> class Ring {
    T items[N];
    uint8_t next = 0, count = 0;

public:
    void push(T item) {
        items[next] = item;
        next = (next + 1) % N;
        if (count < N) count++;
    }
    template <typename F> long sum(F f) const {
        long s = 0;
        for (uint8_t i = 0; i < count; i++) s += f(items[i]);
        return s;
    }
};

struct Shape {
    virtual long area() const = 0;
};
struct Square : Shape {
    int side;
    explicit Square(int s) : side(s) {}
    long area() const override { return (long)side * side; }
};
struct Box : Shape {
    int w, h;
    Box(int a, int b) : w(a), h(b) {}
    long area() const override { return (long)w * h; }
};

static volatile uint8_t &port = *reinterpret_cast<volatile uint8_t *>(0x25);

extern "C" void _start() {
    Ring<int, 8> ring;
    Square square(port);
    Box box(port, 4);
    const Shape *shapes[] = {&square, &box};
    for (int i = 0; i < 20; i++) ring.push(i * port);
    long total = ring.sum([](int x) { return x % 3 ? long(x) : -long(x); });
    for (const Shape *s : shapes) total += s->area();
    port = uint8_t(total / 5);
    for (;;) {
    }
}

extern "C" void __cxa_pure_virtual() {
    for (;;) {
    }
}
