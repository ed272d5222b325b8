/*
 * window - more than n events within a time, counted exactly: the stamps of the last ones.
 *
 * Events exactly one window apart are in the same window. A clock that steps back is read as
 * standing still.
 *
 * Threads:  the order thread alone.
 * Memory:   the stamps, the caller's; their number is a power of two.
 * Cost:     two lines of stamps an event.
 */
#ifndef RL_TRADE_RISK_WINDOW_H
#define RL_TRADE_RISK_WINDOW_H

#include "base/defs.h"

struct rl_spell {
    uint64_t *stamps;
    uint64_t n;    /* events since the last reset */
    uint64_t tsc;  /* of the latest event */
    uint32_t mask; /* number of stamps - 1: also the highest limit that can be told apart */
};

/* n_stamps a power of two; what was there counts no more. */
static inline void rl_spell_init(struct rl_spell *w, uint64_t *stamps, uint32_t n_stamps)
{
    *w = (struct rl_spell){.stamps = stamps, .mask = n_stamps - 1};
}

/* Forgets all events: what a human does who lets it run again. */
static inline void rl_spell_reset(struct rl_spell *w)
{
    w->n = 0;
}

/*
 * Counts an event: true when more than `limit` lie within window_ticks. A limit beyond the memory
 * is the memory: stricter, never laxer.
 */
static inline bool rl_spell_add(struct rl_spell *w, uint64_t now_tsc, uint64_t limit,
                                uint64_t window_ticks)
{
    uint64_t last = w->n++;

    w->tsc = now_tsc > w->tsc ? now_tsc : w->tsc;
    w->stamps[last & w->mask] = w->tsc;
    limit = limit < w->mask ? limit : w->mask;
    return last >= limit && w->tsc - w->stamps[(last - limit) & w->mask] <= window_ticks;
}

#endif
