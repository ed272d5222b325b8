/*
 * synth_book - the book that the generator of synthetic streams keeps of one instrument.
 *
 * It answers what a generator asks and an engine does not: which order has exactly n younger ones,
 * which level lies nearest to a price. The engine's own book (market/book.h) is not used, so that a
 * mistake in one shows in the other.
 *
 * Prices are keys: ticks for bids, negated ticks for offers, so that greater is better on both
 * sides and a bid crosses an offer when the sum of their keys is not negative.
 *
 * Threads:  one.
 * Memory:   from the caller's arena at init, then nothing more.
 * Cost:     a binary search of the levels, and a descent of the age tree (n/64 leaves).
 */
#ifndef RL_RIG_SYNTH_BOOK_H
#define RL_RIG_SYNTH_BOOK_H

#include "base/mem.h"
#include "base/money.h"

#define RL_SYNTH_NIL UINT32_MAX

struct rl_synth_order {
    uint64_t id;
    int32_t key;
    uint32_t qty;
    uint32_t prev, next; /* in its level's queue; next also links free orders */
    uint32_t age_slot;
    uint32_t side; /* enum rl_side */
};

struct rl_synth_level {
    int32_t key;
    uint32_t head, tail; /* of the queue: the head trades first */
};

struct rl_synth_book {
    struct rl_synth_order *orders;
    struct rl_synth_level *levels[2]; /* rising keys: the best is last */
    uint32_t n_levels[2];
    uint32_t n_side[2]; /* orders */
    uint32_t n_orders_max;
    uint32_t free_order;
    /* Age: a bit for every arrival that is still live, and a Fenwick tree of the words' counts. */
    uint64_t *live;
    uint32_t *tree;
    uint32_t *order_at;
    uint32_t n_slots; /* a power of two */
    uint32_t next_slot;
};

size_t rl_synth_book_bytes(uint32_t n_orders_max);
/* -ENOMEM when the arena is too small. */
int rl_synth_book_init(struct rl_synth_book *b, struct rl_arena *arena, uint32_t n_orders_max);

/* The caller keeps below n_orders_max. Returns the order's index. */
uint32_t rl_synth_book_enter(struct rl_synth_book *b, uint64_t id, enum rl_side side, int32_t key,
                             uint32_t qty);
void rl_synth_book_leave(struct rl_synth_book *b, uint32_t order);

/* The order with n_younger live orders younger than it; n_younger is below the number of orders. */
uint32_t rl_synth_book_by_age(const struct rl_synth_book *b, uint32_t n_younger);
/* The level whose price is nearest; the side is not empty. */
const struct rl_synth_level *rl_synth_book_near(const struct rl_synth_book *b, enum rl_side side,
                                                int32_t key);
/* The level at exactly this price, or NULL. */
const struct rl_synth_level *rl_synth_book_at(const struct rl_synth_book *b, enum rl_side side,
                                              int32_t key);

static inline uint32_t rl_synth_book_n(const struct rl_synth_book *b)
{
    return b->n_side[RL_BUY] + b->n_side[RL_SELL];
}

/* The side is not empty. */
static inline const struct rl_synth_level *rl_synth_book_best(const struct rl_synth_book *b,
                                                              enum rl_side side)
{
    return &b->levels[side][b->n_levels[side] - 1];
}

/* In ticks, at least 1; neither side is empty. */
static inline int32_t rl_synth_book_spread(const struct rl_synth_book *b)
{
    return -(rl_synth_book_best(b, RL_BUY)->key + rl_synth_book_best(b, RL_SELL)->key);
}

#endif
