/*
 * bench_limits - a whole limit set from the few numbers that a bench is about.
 *
 * One account, one strategy and one venue trade every instrument under the same row. What is not
 * among these numbers gets a limit so wide that only a mistake of ours meets it, or is off because
 * a bench does it all day: the same order again, orders that bring nothing. Who wants to set more
 * builds a set of his own (trade/risk/limits_build.h).
 */
#ifndef RL_RIG_BENCH_LIMITS_H
#define RL_RIG_BENCH_LIMITS_H

#include "trade/risk/limits.h"

/* All numbers must be set: what is zero is missing, and refuses every order. */
struct rl_bench_limits {
    uint64_t max_qty;      /* lots an order */
    uint64_t max_notional; /* whole units of the quote currency an order */
    uint64_t max_position; /* lots an instrument, long or short, open orders counted as filled */
    uint32_t band_bps;     /* 1e-4 of mid, to either side */
    uint32_t rate_per_s;   /* orders a second in the long run */
    uint32_t rate_burst;   /* orders at one instant after a rest */
    uint32_t max_open;     /* orders at the exchange at one time */
    bool may_meet_own;     /* R16 off: what is decided does not hang on when answers come */
};

/*
 * Version 1 of a set for n_instruments, in memory of rl_limits_bytes(1, n_instruments, 1, 1).
 * -EINVAL and a sentence in `why` (RL_LIMITS_WHY bytes), -ENOMEM.
 */
int rl_bench_limits_build(void *memory, size_t n_bytes, const struct rl_bench_limits *limits,
                          uint32_t n_instruments, char *why);

#endif
