// What `dwarf-4.wasm` and `dwarf-5.wasm` were made of, with clang 22:
//   clang++ -g -gdwarf-4 -O1 -target wasm32-freestanding -nostdlib -Wl,--no-entry -Wl,--export=scale
//     -fdebug-compilation-dir=/source -ffile-prefix-map=$PWD=/source lines.cc -o dwarf-4.wasm
// Tests know its lines, and where in them things are.
namespace shape {
static inline __attribute__((always_inline)) int ratio(int width, int height) {
  return width / height;
}
struct Square {
  int side;
  int scaled(int by) const;
};
__attribute__((noinline)) int Square::scaled(int by) const {
  int once = ratio(side, by);
  return once + 1;
}
}

extern "C" int scale(int by) {
  shape::Square square = {12};
  return 2 *
         square.scaled(by);
}
