/*
 * window_px - the lowest and the highest reference price of a period, for the collar over time.
 *
 * A price that walks away step by step stays inside a collar around the present one; it does not
 * stay inside a collar around all references of the last period. Time is cut into windows; the
 * present one and the one before it count, so the period is between one and two windows long. A
 * window without news begins with the last reference known.
 *
 * Prices are doubled (bid plus offer): no half nano is lost.
 *
 * Threads:  the order thread alone.
 * Memory:   24 bytes that a check reads, 40 that it does not, the caller's; all zero: none known.
 * Cost:     a check reads three words; seeing a reference is a few compares.
 */
#ifndef RL_TRADE_RISK_WINDOW_PX_H
#define RL_TRADE_RISK_WINDOW_PX_H

#include "base/defs.h"

/* What a check reads: both windows together, good until the present one ends. */
struct rl_px_reach {
    uint64_t low2, high2; /* 0: no reference yet */
    uint64_t until_tsc;   /* the last tick of the present window */
};

struct rl_px_window {
    uint64_t low2, high2;         /* of the present window */
    uint64_t was_low2, was_high2; /* of the one before */
    uint64_t last2;
};

/* A reference price was seen; mid2 above 0. */
static inline void rl_px_window_see(struct rl_px_window *w, struct rl_px_reach *reach,
                                    uint64_t mid2, uint64_t now_tsc, uint64_t window_ticks)
{
    if (RL_UNLIKELY(now_tsc > reach->until_tsc || w->last2 == 0)) {
        bool is_next = w->last2 != 0 && now_tsc - reach->until_tsc <= window_ticks;
        uint64_t last2 = w->last2 != 0 ? w->last2 : mid2;
        uint64_t from = is_next ? reach->until_tsc : now_tsc;

        w->was_low2 = is_next ? w->low2 : last2;
        w->was_high2 = is_next ? w->high2 : last2;
        w->low2 = w->high2 = last2;
        if (__builtin_add_overflow(from, window_ticks, &reach->until_tsc))
            reach->until_tsc = UINT64_MAX;
    }
    w->low2 = mid2 < w->low2 ? mid2 : w->low2;
    w->high2 = mid2 > w->high2 ? mid2 : w->high2;
    w->last2 = mid2;
    reach->low2 = w->low2 < w->was_low2 ? w->low2 : w->was_low2;
    reach->high2 = w->high2 > w->was_high2 ? w->high2 : w->was_high2;
}

/* The reach at `now_tsc` when nothing was seen since before the present window ended; cold. */
static inline struct rl_px_reach rl_px_window_later(const struct rl_px_window *w,
                                                    const struct rl_px_reach *reach,
                                                    uint64_t now_tsc, uint64_t window_ticks)
{
    bool is_next = now_tsc - reach->until_tsc <= window_ticks;

    return (struct rl_px_reach){.low2 = is_next ? w->low2 : w->last2,
                                .high2 = is_next ? w->high2 : w->last2,
                                .until_tsc = now_tsc};
}

#endif
