// A stack machine with a switch loop that runs three byte-code programs: a prime sieve, a
// recursive Fibonacci and a linear congruence. What it stresses: an indirect jump that is
// hard to predict, with the machine's registers in locals.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum Op { PUSH, LOAD, STORE, GET, PUT, ADD, SUB, MUL, MOD, LESS, JUMP, UNLESS, CALL, RETURN, DUP, HALT };

static int32_t memory[1 << 16], stack[4096], frames[2048];
static int64_t steps;

// Locals live in the operand stack at `base`. CALL has three operands: where to, how many
// arguments it takes over from the stack, how many more locals it makes.
static int32_t run(const int32_t *code) {
    int32_t *sp = stack, *base = stack, *frame = frames;
    const int32_t *pc = code;
    for (int64_t count = 0;; count++) {
        switch (*pc++) {
        case PUSH: *sp++ = *pc++; break;
        case LOAD: *sp++ = base[*pc++]; break;
        case STORE: base[*pc++] = *--sp; break;
        case GET: sp[-1] = memory[sp[-1] & 0xffff]; break;
        case PUT: sp -= 2, memory[sp[0] & 0xffff] = sp[1]; break;
        case ADD: sp--, sp[-1] = (int32_t)((uint32_t)sp[-1] + (uint32_t)sp[0]); break;
        case SUB: sp--, sp[-1] = (int32_t)((uint32_t)sp[-1] - (uint32_t)sp[0]); break;
        case MUL: sp--, sp[-1] = (int32_t)((uint32_t)sp[-1] * (uint32_t)sp[0]); break;
        case MOD: sp--, sp[-1] = sp[0] ? sp[-1] % sp[0] : 0; break;
        case LESS: sp--, sp[-1] = sp[-1] < sp[0]; break;
        case JUMP: pc = code + *pc; break;
        case UNLESS: pc = *--sp ? pc + 1 : code + *pc; break;
        case CALL:
            *frame++ = (int32_t)(pc + 3 - code);
            *frame++ = (int32_t)(base - stack);
            base = sp - pc[1];
            for (int32_t i = pc[2]; i > 0; i--) *sp++ = 0;
            pc = code + pc[0];
            break;
        case RETURN: {
            int32_t value = sp[-1];
            sp = base;
            base = stack + *--frame;
            pc = code + *--frame;
            *sp++ = value;
            break;
        }
        case DUP: *sp = sp[-1], sp++; break;
        case HALT: steps += count; return sp[-1];
        }
    }
}

// The assembler: one word or two a step; a forward jump gives the place to patch.
static int32_t code[256], here;
static void op(enum Op o) { code[here++] = o; }
static void op1(enum Op o, int32_t operand) { op(o), code[here++] = operand; }
static int32_t forward(enum Op o) { return op1(o, -1), here - 1; }
static void land(int32_t hole) { code[hole] = here; }
static void call(int32_t to, int32_t arguments, int32_t locals) {
    op1(CALL, to), code[here++] = arguments, code[here++] = locals;
}
static void increment(int32_t local) { op1(LOAD, local), op1(PUSH, 1), op(ADD), op1(STORE, local); }
static int32_t unless_less(int32_t local, int32_t limit) {
    return op1(LOAD, local), op1(PUSH, limit), op(LESS), forward(UNLESS);
}

static void fibonacci(void) {
    here = 0;
    op1(PUSH, 27), call(7, 1, 0), op(HALT);
    int32_t begin = here, big = unless_less(0, 2);
    op1(LOAD, 0), op(RETURN);
    land(big);
    for (int back = 1; back <= 2; back++) op1(LOAD, 0), op1(PUSH, back), op(SUB), call(begin, 1, 0);
    op(ADD), op(RETURN);
}

// Locals 0: i, 1: j, 2: count; memory[k] becomes 1 where k is composite.
static void sieve(void) {
    here = 0;
    call(5, 0, 3), op(HALT);
    op1(PUSH, 2), op1(STORE, 0);
    int32_t outer = here, done = unless_less(0, 60000);
    op1(LOAD, 0), op(GET);
    int32_t prime = forward(UNLESS), composite = forward(JUMP);
    land(prime);
    increment(2), op1(LOAD, 0), op(DUP), op(ADD), op1(STORE, 1);
    int32_t inner = here, crossed = unless_less(1, 60000);
    op1(LOAD, 1), op1(PUSH, 1), op(PUT);
    op1(LOAD, 1), op1(LOAD, 0), op(ADD), op1(STORE, 1), op1(JUMP, inner);
    land(crossed), land(composite);
    increment(0), op1(JUMP, outer);
    land(done);
    op1(LOAD, 2), op(RETURN);
}

// Locals 0: i, 1: x, 2: sum.
static void congruence(void) {
    here = 0;
    call(5, 0, 3), op(HALT);
    int32_t loop = here, done = unless_less(0, 200000);
    op1(LOAD, 1), op1(PUSH, 1103), op(MUL), op1(PUSH, 12345), op(ADD), op1(PUSH, 65521), op(MOD), op1(STORE, 1);
    op1(LOAD, 2), op1(LOAD, 1), op(ADD), op1(STORE, 2);
    increment(0), op1(JUMP, loop);
    land(done);
    op1(LOAD, 2), op(RETURN);
}

int main(void) {
    int32_t f = 0, s = 0, c = 0;
    for (int round = 0; round < 24; round++) {
        fibonacci(), f = run(code);
        memset(memory, 0, sizeof memory);
        sieve(), s = run(code);
        congruence(), c = run(code);
    }
    printf("interpreter %d %d %d in %lld steps\n", f, s, c, (long long)steps);
    return 0;
}
