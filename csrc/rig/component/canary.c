/*
 * Frozen. Do not edit, reformat or move this file: figures of years are compared through it, and
 * tests/unit/test_canary.py holds the hash of its bytes. It includes nothing of ours for the same
 * reason. What may change is in canary_run.c.
 */
#include <stddef.h>
#include <stdint.h>

#define CELL 64

/* The work of a chunk and the memory that loads walk are as much of a figure as the loops are. */
extern const uint32_t rl_canary_bytes, rl_canary_add_turns, rl_canary_load_turns;
const uint32_t rl_canary_bytes = 4U << 20;
const uint32_t rl_canary_add_turns = 1U << 17;
const uint32_t rl_canary_load_turns = 1U << 10;

uint64_t rl_canary_adds(uint64_t n_turns);
uint64_t rl_canary_loads(void **place, uint64_t n_turns);
void rl_canary_link(void *cells, uint32_t n);

static inline uint64_t ticks_begin(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static inline uint64_t ticks_end(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtscp\n\tlfence" : "=a"(low), "=d"(high) : : "rcx", "memory");
    return (uint64_t)high << 32 | low;
}

/* Sixteen additions a turn in eight chains: more than any core's adders take in two cycles. */
uint64_t rl_canary_adds(uint64_t n_turns)
{
    uint64_t from = ticks_begin();

    __asm__ volatile(".p2align 6\n"
                     "1:\n\t"
                     "add $1, %%rax\n\tadd $1, %%rcx\n\tadd $1, %%rdx\n\tadd $1, %%rsi\n\t"
                     "add $1, %%rdi\n\tadd $1, %%r8\n\tadd $1, %%r9\n\tadd $1, %%r10\n\t"
                     "add $3, %%rax\n\tadd $3, %%rcx\n\tadd $3, %%rdx\n\tadd $3, %%rsi\n\t"
                     "add $3, %%rdi\n\tadd $3, %%r8\n\tadd $3, %%r9\n\tadd $3, %%r10\n\t"
                     "sub $1, %0\n\tjnz 1b"
                     : "+r"(n_turns)
                     :
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "cc");
    return ticks_end() - from;
}

uint64_t rl_canary_loads(void **place, uint64_t n_turns)
{
    void *at = *place;
    uint64_t from = ticks_begin();

    __asm__ volatile(".p2align 6\n"
                     "1:\n\t"
                     "mov (%0), %0\n\tmov (%0), %0\n\tmov (%0), %0\n\tmov (%0), %0\n\t"
                     "mov (%0), %0\n\tmov (%0), %0\n\tmov (%0), %0\n\tmov (%0), %0\n\t"
                     "sub $1, %1\n\tjnz 1b"
                     : "+r"(at), "+r"(n_turns)
                     :
                     : "cc", "memory");
    uint64_t ticks = ticks_end() - from;

    *place = at;
    return ticks;
}

/*
 * Sattolo's shuffle, kept in the cells themselves: one ring through all of them. The draws are
 * those of a 64-bit linear congruential generator (Knuth's MMIX constants), its upper half.
 */
void rl_canary_link(void *cells, uint32_t n)
{
    uint8_t *base = cells;
    uint64_t draw = 20260101;

    for (uint32_t i = 0; i < n; i++)
        *(void **)(void *)(base + (size_t)i * CELL) = base + (size_t)i * CELL;
    for (uint32_t i = n - 1; i > 0; i--) {
        draw = draw * 6364136223846793005ULL + 1442695040888963407ULL;

        uint32_t k = (uint32_t)((draw >> 32) * i >> 32);
        void **a = (void **)(void *)(base + (size_t)i * CELL);
        void **b = (void **)(void *)(base + (size_t)k * CELL);
        void *other = *a;

        *a = *b;
        *b = other;
    }
}
