/*
 * ratio - one count set against another over a period: rejects to orders, cancels to executions.
 *
 * Time is cut into windows; the present one and the one before it count, so one to two windows are
 * judged. With fewer orders than the least sample nothing is judged: two rejects of two orders are
 * no storm. Ratios are in thousandths and compared as products, exact.
 *
 * Threads:  the order thread alone.
 * Memory:   56 bytes, the caller's; all zero: nothing happened yet.
 * Cost:     a compare and an add an event, two products to judge.
 */
#ifndef RL_TRADE_RISK_RATIO_H
#define RL_TRADE_RISK_RATIO_H

#include "base/defs.h"

struct rl_tally_counts {
    uint64_t part, whole;
    uint64_t n_orders; /* what the least sample counts */
};

struct rl_tally {
    struct rl_tally_counts now; /* of the present window ... */
    struct rl_tally_counts was; /* ... and of the one before */
    uint64_t until_tsc;         /* the last tick of the present window; 0: none yet */
};

enum rl_tally_says { RL_TALLY_FINE, RL_TALLY_ALERT, RL_TALLY_TRIP };

/* Counts an event. A clock that steps back stays in the present window. */
static inline void rl_tally_add(struct rl_tally *t, struct rl_tally_counts add, uint64_t now_tsc,
                                uint64_t window_ticks)
{
    if (RL_UNLIKELY(now_tsc > t->until_tsc)) {
        bool is_next = t->until_tsc != 0 && now_tsc - t->until_tsc <= window_ticks;
        uint64_t from = is_next ? t->until_tsc : now_tsc;

        t->was = is_next ? t->now : (struct rl_tally_counts){0, 0, 0};
        t->now = (struct rl_tally_counts){0, 0, 0};
        if (__builtin_add_overflow(from, window_ticks, &t->until_tsc))
            t->until_tsc = UINT64_MAX;
    }
    t->now.part += add.part;
    t->now.whole += add.whole;
    t->now.n_orders += add.n_orders;
}

static inline struct rl_tally_counts rl_tally_sum(const struct rl_tally *t)
{
    return (struct rl_tally_counts){t->now.part + t->was.part, t->now.whole + t->was.whole,
                                    t->now.n_orders + t->was.n_orders};
}

static inline bool rl_tally_is_above(struct rl_tally_counts c, uint64_t permille)
{
    return (unsigned __int128)c.part * 1000 > (unsigned __int128)c.whole * permille;
}

#endif
