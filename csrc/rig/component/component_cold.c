#include "rig/component/component_cold.h"

#include <errno.h>
#include <immintrin.h>

#define WORDS_A_LINE (RL_CACHE_LINE / sizeof(uint64_t))
#define LINES_A_TOSS 4 /* tens of thousands of mispredicted branches a turn are enough */

int rl_other_work_open(struct rl_other_work *w)
{
    int err = rl_arena_open(&w->arena, RL_OTHER_BYTES, RL_ARENA_ALL);

    if (err != 0)
        return err;
    w->words = rl_arena_take(&w->arena, RL_OTHER_BYTES, RL_CACHE_LINE);
    w->draw = 1;
    w->sum = 0;
    return w->words != NULL ? 0 : -ENOMEM;
}

void rl_other_work_close(struct rl_other_work *w)
{
    rl_arena_close(&w->arena);
}

/* Either branch of a coin that cannot be learnt; kept apart, or the two become one without it. */
static uint64_t toss(uint64_t draw, uint64_t sum, uint64_t word)
{
    if (draw & 1) {
        sum += word;
        __asm__ volatile("" : "+r"(sum));
    } else {
        sum ^= draw;
        __asm__ volatile("" : "+r"(sum) : : "memory");
    }
    return sum;
}

void rl_other_work_do(struct rl_other_work *w)
{
    uint64_t draw = w->draw, sum = w->sum;

    for (size_t i = 0; i < RL_OTHER_BYTES / sizeof(uint64_t); i += LINES_A_TOSS * WORDS_A_LINE) {
        draw ^= draw << 13; /* xorshift64 */
        draw ^= draw >> 7;
        draw ^= draw << 17;
        sum = toss(draw, sum, w->words[i]);
        for (size_t k = 0; k < LINES_A_TOSS * WORDS_A_LINE; k += WORDS_A_LINE)
            w->words[i + k] = sum;
    }
    w->draw = draw;
    w->sum = sum;
}

void rl_flush_bytes(const void *bytes, size_t n_bytes)
{
    uintptr_t line = (uintptr_t)bytes & ~(uintptr_t)(RL_CACHE_LINE - 1);
    uintptr_t end = (uintptr_t)bytes + n_bytes;

    for (; line < end; line += RL_CACHE_LINE)
        _mm_clflush((const void *)line);
    _mm_mfence();
}
