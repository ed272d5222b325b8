/*
 * spin - waiting and dawdling for the two-thread tests; polite, since they may share one core.
 */
#ifndef RL_TESTS_SPIN_H
#define RL_TESTS_SPIN_H

#include <sched.h>
#include <time.h>

#include "base/defs.h"
#include "check.h"

/* One turn of a waiting loop: pauses, and now and then lets the other thread have the core. */
static inline void spin_wait(uint32_t *n_turns)
{
    if (++*n_turns % 128 == 0)
        sched_yield();
    else
        rl_pause();
}

/* Waits until it holds: on a busy machine another thread, or the kernel, comes late. */
#define SPIN_UNTIL(condition)                                 \
    do {                                                      \
        time_t spin_until = time(NULL) + 5;                   \
        uint32_t spin_turns = 0;                              \
                                                              \
        while (!(condition)) {                                \
            spin_wait(&spin_turns);                           \
            if (time(NULL) >= spin_until)                     \
                CHECK(!"seen within 5 seconds: " #condition); \
        }                                                     \
    } while (0)

/* How a thread of a test takes its time. */
enum spin_pace { PACE_EVEN, PACE_SLOW, PACE_BURSTS, N_PACES };

static inline void spin_dawdle(enum spin_pace pace, uint64_t *random)
{
    uint64_t draw, n = 0;

    if (pace == PACE_EVEN)
        return;
    draw = check_random(random) >> 32;
    if (pace == PACE_SLOW)
        n = draw % 16;
    else if (draw % 64 == 0) /* runs of records, then a rest */
        n = 500;
    for (uint64_t i = 0; i < n; i++)
        rl_pause();
}

#endif
