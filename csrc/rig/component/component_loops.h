/*
 * component_loops - the loops around an operation: RL_LOOPS compiles them with its step inside.
 *
 * Between two reads of the counter lies the operation and nothing of ours but the loop; what calls
 * the loops (rig/component/component_bench.h) is compiled once and knows them by struct rl_loops.
 * Each loop is a function of its own: inlined into every caller, a book or a parser multiplies by
 * all of them and takes minutes to compile.
 */
#ifndef RL_RIG_COMPONENT_LOOPS_H
#define RL_RIG_COMPONENT_LOOPS_H

#include "rig/component/component_job.h"

/* 0, but not before `answer` is known: neither compiler nor core sees through the AND. */
RL_STEP uint64_t rl_loop_zero_after(uint64_t answer)
{
    __asm__ volatile("andq $0, %0" : "+r"(answer) : : "cc");
    return answer;
}

/* The answer must be computed before what follows, and its computation cannot be left out. */
RL_STEP void rl_loop_use(uint64_t answer)
{
    __asm__ volatile("" : : "r"(answer) : "memory");
}

typedef uint64_t rl_step_fn(void *state, uint64_t i);

RL_STEP uint64_t rl_loop_chained(rl_step_fn *step, void *state, uint64_t from, uint64_t n)
{
    uint64_t answer = 0, sum = 0;

    for (uint64_t i = from; i < from + n; i++) {
        answer = step(state, i + rl_loop_zero_after(answer));
        sum += answer;
    }
    rl_loop_use(sum);
    return sum;
}

RL_STEP uint64_t rl_loop_overlapping(rl_step_fn *step, void *state, uint64_t from, uint64_t n)
{
    uint64_t sum = 0;

    for (uint64_t i = from; i < from + n; i++) {
        sum += step(state, i);
        rl_loop_use(sum); /* or the loop would be vectorised, or folded */
    }
    return sum;
}

RL_STEP uint64_t rl_loop_singly(rl_step_fn *step, void *state, uint64_t from, uint32_t n_max,
                                uint64_t max_ticks, uint32_t *ticks, uint32_t *n_done)
{
    uint64_t start = rl_tsc(), begin, end, answer, sum = 0;
    uint32_t n = 0;

    do {
        begin = rl_tsc_begin();
        answer = step(state, from + n);
        rl_loop_use(answer);
        end = rl_tsc_end();
        ticks[n++] = end - begin < UINT32_MAX ? (uint32_t)(end - begin) : UINT32_MAX;
        sum += answer;
    } while (n < n_max && end - start < max_ticks);
    *n_done = n;
    return sum;
}

/* A static const struct rl_loops `name` of that step. */
#define RL_LOOPS(name, step)                                                                      \
    static                                                                                        \
        __attribute__((noinline)) uint64_t name##_chained(void *state, uint64_t from, uint64_t n) \
    {                                                                                             \
        return rl_loop_chained(step, state, from, n);                                             \
    }                                                                                             \
    static __attribute__((noinline)) uint64_t name##_overlapping(void *state, uint64_t from,      \
                                                                 uint64_t n)                      \
    {                                                                                             \
        return rl_loop_overlapping(step, state, from, n);                                         \
    }                                                                                             \
    static __attribute__((noinline)) uint64_t name##_singly(void *state, uint64_t from,           \
                                                            uint32_t n_max, uint64_t max_ticks,   \
                                                            uint32_t *ticks, uint32_t *n_done)    \
    {                                                                                             \
        return rl_loop_singly(step, state, from, n_max, max_ticks, ticks, n_done);                \
    }                                                                                             \
    static const struct rl_loops name = {                                                         \
        .chained = name##_chained, .overlapping = name##_overlapping, .singly = name##_singly}

#endif
